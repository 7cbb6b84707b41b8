"""The key that signs the audit log's heads and the auditor's reports: Ed25519 (RFC 8032), made at first start.

Whoever can write to the database can compute a whole new chain of hashes; nobody can sign it without this key, which is
never in the database. A second copy of the *public* key in other hands is what makes the signatures worth something.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core.settings import Settings

_KEY_BYTES = 32


class SigningError(RuntimeError):
    """The signing key is missing, unreadable or another one than before. The message says which and what to do."""


class Signer(NamedTuple):
    """One private key. `public_key`: its 32 public bytes; `key_id`: the first 16 hex digits of their SHA-256."""

    private: Ed25519PrivateKey
    public_key: bytes
    key_id: str

    @classmethod
    def of(cls, secret: bytes) -> Signer:
        """From 32 secret bytes. Raises ValueError for any other length."""
        private = Ed25519PrivateKey.from_private_bytes(secret)
        raw = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return cls(private, raw, key_id_of(raw))

    def sign(self, message: bytes) -> bytes:
        """The signature: 64 bytes, always the same for the same message."""
        return self.private.sign(message)


def key_id_of(public_key: bytes) -> str:
    """The short name of a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def is_signed(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is that of `message` under `public_key` (32 raw bytes)."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def load_signer(settings: Settings, *, make: bool = False) -> Signer:
    """The key of DAIJOBU_AUDIT_PRIVATE_KEY, else of keys/audit.key in the data folder; `make`: made if it is missing.

    Raises SigningError naming the setting or file and the next step.
    """
    if settings.audit_private_key is not None:
        return _read(settings.audit_private_key.get_secret_value(), "DAIJOBU_AUDIT_PRIVATE_KEY")
    path = settings.keys_dir / "audit.key"
    try:
        return _read(path.read_text(encoding="ascii"), str(path))
    except FileNotFoundError:
        if make:
            return _make(path)
        raise SigningError(
            f"{path} is missing: put the key that signs the audit log back from its backup, "
            "or begin with a new one: python main.py audit new-key"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SigningError(f"{path}: cannot read the key that signs the audit log: {error}") from error


def _make(path: Path) -> Signer:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Written whole under another name, then linked: of two processes starting at once both end with the same key.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(os.urandom(_KEY_BYTES).hex() + "\n")
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass  # the other process was first
    finally:
        temporary.unlink(missing_ok=True)
    return _read(path.read_text(encoding="ascii"), str(path))


def _read(text: str, origin: str) -> Signer:
    try:
        return Signer.of(bytes.fromhex(text.strip()))
    except ValueError as error:
        raise SigningError(f"{origin}: the key that signs the audit log must be 64 hexadecimal characters") from error
