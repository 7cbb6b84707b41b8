"""Message encryption for Web Push (RFC 8291 over RFC 8188, aes128gcm), one record a message.

All that does not depend on the text (a key pair of ours, the agreement with the browser's key, content key and nonce)
is an `Envelope`. It can be made while nobody waits; what is left when people must be told is one AES-GCM.
"""

from __future__ import annotations

import base64
import hmac
import os
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

#: The record size that we declare, and the most that a push service must carry (RFC 8030 §7.2).
RECORD_SIZE: Final = 4096
#: Salt, record size, length of the key, our public key (RFC 8188 §2.1, RFC 8291 §4).
HEADER_SIZE: Final = 16 + 4 + 1 + 65
#: What is left for text: one octet ends it, sixteen prove it.
MAX_PLAINTEXT: Final = RECORD_SIZE - HEADER_SIZE - 1 - 16
#: Texts are filled up to a multiple of this (never past the limit), because their length alone would tell the push
#: service in which language somebody reads, and whether they were asked something.
PAD_TO: Final = 256

_CURVE: Final = ec.SECP256R1()
_ECDH: Final = ec.ECDH()
_INFO: Final = b"WebPush: info\x00"
_KEY_INFO: Final = b"Content-Encoding: aes128gcm\x00\x01"
_NONCE_INFO: Final = b"Content-Encoding: nonce\x00\x01"
_KEY_LENGTH: Final = b"\x41"
_X962: Final = serialization.Encoding.X962
_POINT: Final = serialization.PublicFormat.UncompressedPoint
_ENDS_AT: Final = HEADER_SIZE + 16


class EnvelopeUsed(RuntimeError):
    """An envelope was sealed before: key and nonce must never meet a second text."""


class Envelope:
    """Header, content key and nonce for one message to one browser. `seal` works once and forgets the key."""

    __slots__ = ("_parts",)

    def __init__(
        self,
        p256dh: bytes,
        auth: bytes,
        *,
        private_key: ec.EllipticCurvePrivateKey | None = None,
        salt: bytes | None = None,
    ) -> None:
        """`p256dh`: the browser's public key (65 bytes); `auth`: its secret (16 bytes).

        `private_key` and `salt` are fresh unless given (test vectors). Raises ValueError if `p256dh` is no point of
        P-256.
        """
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, p256dh)
        ours = private_key or ec.generate_private_key(_CURVE)
        salt = salt or os.urandom(16)
        point = ours.public_key().public_bytes(_X962, _POINT)
        # HKDF (RFC 5869) with outputs of one block: each step is one HMAC.
        agreed = hmac.digest(auth, ours.exchange(_ECDH, theirs), "sha256")
        keying = hmac.digest(agreed, _INFO + p256dh + point + b"\x01", "sha256")
        pseudo = hmac.digest(salt, keying, "sha256")
        key = hmac.digest(pseudo, _KEY_INFO, "sha256")[:16]
        nonce = hmac.digest(pseudo, _NONCE_INFO, "sha256")[:12]
        self._parts = salt + RECORD_SIZE.to_bytes(4, "big") + _KEY_LENGTH + point + key + nonce

    def seal(self, plain: bytes, pad_to: int = PAD_TO) -> bytes:
        """The body of the push message. Raises EnvelopeUsed the second time, ValueError above MAX_PLAINTEXT."""
        if len(plain) > MAX_PLAINTEXT:
            raise ValueError(f"{len(plain)} bytes: push services carry {MAX_PLAINTEXT}")
        parts, self._parts = self._parts, b""
        if not parts:
            raise EnvelopeUsed("this envelope was sealed before")
        filled = min(-(-len(plain) // pad_to) * pad_to, MAX_PLAINTEXT)
        record = plain + b"\x02" + bytes(filled - len(plain))
        sealed = AESGCM(parts[HEADER_SIZE:_ENDS_AT]).encrypt(parts[_ENDS_AT:], record, None)
        return parts[:HEADER_SIZE] + sealed


def encrypt(plain: bytes, p256dh: bytes, auth: bytes) -> bytes:
    """Encrypt one message for one browser. Raises ValueError for a bad key or a text that is too long."""
    return Envelope(p256dh, auth).seal(plain)


# RFC 8291, section 5 and appendix A.
_VECTOR: Final = {
    "text": "V2hlbiBJIGdyb3cgdXAsIEkgd2FudCB0byBiZSBhIHdhdGVybWVsb24",  # When I grow up, I want to be a watermelon
    "private_key": "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    "salt": "DGv6ra1nlYgDCS1FRnbzlw",
    "body": "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w"
    "EqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
}


def works(vector: Mapping[str, str] = _VECTOR) -> bool:
    """Whether this machine's cryptography makes the example of RFC 8291 §5, byte for byte."""
    try:
        given = {name: decode(value) for name, value in vector.items()}
        envelope = Envelope(
            given["p256dh"],
            given["auth"],
            private_key=ec.derive_private_key(int.from_bytes(given["private_key"], "big"), _CURVE),
            salt=given["salt"],
        )
        return envelope.seal(given["text"], pad_to=1) == given["body"]
    except Exception:  # whatever it is: this encoder is not to be used here
        return False


def decode(text: str) -> bytes:
    """base64url with or without padding. Raises ValueError (binascii.Error) for anything else."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
