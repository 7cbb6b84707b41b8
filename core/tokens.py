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


def base58(number: int, length: int) -> str:
    """The lowest `length` base58 digits of a number, most significant first."""
    # Cut down first, then two digits at a time: this runs twice for each of 100,000 people.
    number %= 58**length
    digits = []
    for _ in range(length // 2):
        number, rest = divmod(number, 58 * 58)
        digits.append(_PAIRS[rest])
    if length % 2:
        digits.append(ALPHABET[number])
    return "".join(reversed(digits))


def link_token(key: bytes, link_id: UUID) -> str:
    """The token of a link: 12 base58 characters (58^12, 70 bits). `key` is 32 bytes, per incident or per deployment."""
    mac = hmac.digest(key, link_id.bytes, "sha256")
    return base58(int.from_bytes(mac, "big"), TOKEN_LENGTH)


def looks_like_token(text: str) -> bool:
    """Whether a path segment can be one of our tokens at all; saves the database a look-up for scanners' nonsense."""
    return len(text) == TOKEN_LENGTH and all(c in ALPHABET for c in text)


def random_token() -> str:
    """A random 256-bit secret for sessions, invitations and one-time sign-in (43 URL-safe characters)."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """SHA-256 of a token: what the database keeps."""
    return hashlib.sha256(token.encode()).digest()
