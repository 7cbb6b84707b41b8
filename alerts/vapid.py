"""The VAPID key (RFC 8292) by which push services know us: one for the service's life, made at first start.

A changed key makes every subscription useless, so it belongs into the backup. py_vapid is used in its channel only; the
key file itself needs nothing but `cryptography`.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core.settings import Settings

#: A token is signed for half a day and used for half of that.
TOKEN_LIFE_S: Final = 12 * 3600
TOKEN_REUSE_S: Final = 6 * 3600


class VapidError(RuntimeError):
    """The VAPID key cannot be read. The message names where it comes from and what to do."""


def load_or_make_vapid(settings: Settings) -> ec.EllipticCurvePrivateKey:
    """The private key: from DAIJOBU_VAPID_PRIVATE_KEY, else from keys/vapid.pem, which is made if it is missing."""
    if settings.vapid_private_key is not None:
        return _read(settings.vapid_private_key.get_secret_value(), "DAIJOBU_VAPID_PRIVATE_KEY")
    path = settings.keys_dir / "vapid.pem"
    try:
        return _read(path.read_text(encoding="ascii"), str(path))
    except FileNotFoundError:
        return _make(path)
    except (OSError, UnicodeDecodeError) as error:
        raise VapidError(f"{path}: cannot read the VAPID key: {error}") from error


class Tokens:
    """The Authorization header of each push service: signed once for half a day, renewed after half of that.

    `sign` makes the header for claims: (aud, exp, sub) -> header. Services refuse a token that is older than it says,
    or that is good for more than a day (RFC 8292 §2).
    """

    def __init__(self, sign: Callable[[dict[str, object]], str], subject: str, now: Callable[[], float]) -> None:
        self._sign, self._subject, self._now = sign, subject, now
        self._signed: dict[str, tuple[float, str]] = {}

    def header(self, origin: str) -> str:
        """For one push service (scheme and host)."""
        now = self._now()
        signed_at, header = self._signed.get(origin, (0.0, ""))
        # A clock that was set back would otherwise keep a token that the push service has seen expire.
        if not header or not 0 <= now - signed_at < TOKEN_REUSE_S:
            # Fresh claims each time: py_vapid writes into the mapping it is given.
            header = self._sign({"aud": origin, "exp": int(now) + TOKEN_LIFE_S, "sub": self._subject})
            self._signed[origin] = (now, header)
        return header


def subject(contact: str) -> str:
    """The `sub` of our claims: a mailto: or https: address (RFC 8292 §2.1)."""
    return contact if contact.startswith(("mailto:", "https:")) else f"mailto:{contact}"


def public_key(key: ec.EllipticCurvePrivateKey) -> str:
    """The public key as browsers want it (applicationServerKey): uncompressed point, base64url without padding."""
    point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


def _make(path: Path) -> ec.EllipticCurvePrivateKey:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # Written whole under another name, then linked: two processes starting at once end with the same key.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(pem)
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return _read(path.read_text(encoding="ascii"), str(path))
    finally:
        temporary.unlink(missing_ok=True)
    return key


def _read(text: str, origin: str) -> ec.EllipticCurvePrivateKey:
    try:
        if "-----BEGIN" in text:
            key = serialization.load_pem_private_key(text.encode(), password=None)
        else:
            raw = base64.urlsafe_b64decode(text.strip() + "=" * (-len(text.strip()) % 4))
            key = ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1())
    except (ValueError, TypeError) as error:
        raise VapidError(f"{origin}: not a P-256 private key (PEM, or 32 bytes as base64url): {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise VapidError(f"{origin}: the VAPID key must be a P-256 key")
    return key
