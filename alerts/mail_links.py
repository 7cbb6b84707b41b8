"""Links in mails about the address itself: it works, or no more mails to it. Whoever has the link has the mail."""

from __future__ import annotations

import hmac
from typing import Final
from uuid import UUID

from core.crypto import Vault

#: What a link is for, as its path says it.
WAY_OUT: Final = "stop"
CONFIRM: Final = "confirm"


def way_out(vault: Vault, contact_id: UUID) -> str:
    """Path of the page that stops messages to this address."""
    return f"/m/{WAY_OUT}/{contact_id}/{_proof(vault, WAY_OUT, contact_id)}"


def confirm(vault: Vault, contact_id: UUID) -> str:
    """Path of the page that confirms this address."""
    return f"/m/{CONFIRM}/{contact_id}/{_proof(vault, CONFIRM, contact_id)}"


def read_link(vault: Vault, purpose: str, contact: str, proof: str) -> UUID | None:
    """The contact of a link; None if it was not made by us for this purpose."""
    try:
        contact_id = UUID(contact)
    except ValueError:
        return None
    fits = proof.isascii() and hmac.compare_digest(_proof(vault, purpose, contact_id), proof)
    return contact_id if fits else None


def _proof(vault: Vault, purpose: str, contact_id: UUID) -> str:
    return vault.form_token(f"mail {purpose} {contact_id}")[:24]
