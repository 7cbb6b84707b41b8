"""The proof in a receipt: whoever says that message 7 was shown must have received message 7.

A forged receipt would stop the SMS that follows a push which nobody saw.
"""

from __future__ import annotations

import hmac
from uuid import UUID

from core.crypto import Vault


def receipt_token(vault: Vault, message_id: int) -> str:
    """16 hexadecimal characters that only the receiver of a message knows."""
    return vault.form_token(f"push receipt {message_id}")[:16]


def is_receipt_token(vault: Vault, message_id: int, token: str) -> bool:
    """Whether the proof fits the message."""
    return hmac.compare_digest(receipt_token(vault, message_id), token)


def test_token(vault: Vault, contact_id: UUID) -> str:
    """The same for a test notification, behind which no message stands: it proves the browser itself."""
    return vault.form_token(f"push test {contact_id}")[:16]


def is_test_token(vault: Vault, contact_id: UUID, token: str) -> bool:
    """Whether the proof fits the browser."""
    return hmac.compare_digest(test_token(vault, contact_id), token)
