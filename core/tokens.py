"""Capabilities: the short codes in links, and the random ids of sessions.

A check-in token is 12 base58 characters (70 bits) of HMAC-SHA256(incident key, link id), so that a retry or a reminder
makes the same link again without the token being stored anywhere; of the token only its SHA-256 is kept.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from uuid import UUID

#: Base58 as Bitcoin uses it: no 0, O, I, l, because people type these from paper.
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
TOKEN_LENGTH = 12
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_PAIR: int = 58**2
_HALF: int = 58**6
_TOKENS: int = 58**TOKEN_LENGTH
_BLOCK = 64  # bytes: SHA-256's block, to which HMAC pads its key


def _base58(number: int) -> str:
    """The lowest TOKEN_LENGTH base58 digits of a number, most significant first."""
    # Two halves, then two digits at a time: small numbers divide fast, and this runs twice for each of 100,000 people.
    high, low = divmod(number % _TOKENS, _HALF)
    high, c = divmod(high, _PAIR)
    a, b = divmod(high, _PAIR)
    low, f = divmod(low, _PAIR)
    d, e = divmod(low, _PAIR)
    return _PAIRS[a] + _PAIRS[b] + _PAIRS[c] + _PAIRS[d] + _PAIRS[e] + _PAIRS[f]


class LinkTokens:
    """The tokens of many links under one key: what HMAC makes of the key alone is worked out once (RFC 2104)."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        """`key`: 32 bytes, per incident or per deployment."""
        block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def of(self, link_id: UUID) -> str:
        """The token of a link: 12 base58 characters (58^12, 70 bits)."""
        return self.of_bytes(link_id.bytes)

    def of_bytes(self, link_id: bytes) -> str:
        """The same from the 16 bytes of the link's id."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(link_id)
        outer.update(inner.digest())
        return _base58(int.from_bytes(outer.digest(), "big"))


def link_token(key: bytes, link_id: UUID) -> str:
    """The token of one link; for many, see LinkTokens. `key` is 32 bytes, per incident or per deployment."""
    return _base58(int.from_bytes(hmac.digest(key, link_id.bytes, "sha256"), "big"))


def looks_like_token(text: str) -> bool:
    """Whether a path segment can be one of our tokens at all; saves the database a look-up for scanners' nonsense."""
    return len(text) == TOKEN_LENGTH and all(c in ALPHABET for c in text)


def random_token() -> str:
    """A random 256-bit secret for sessions, invitations and one-time sign-in (43 URL-safe characters)."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """SHA-256 of a token: what the database keeps."""
    return hashlib.sha256(token.encode()).digest()
