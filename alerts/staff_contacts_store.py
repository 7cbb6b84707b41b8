"""Where messages to a member of staff go: their telephone and browsers, and the proof that these are theirs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, expect_rows
from core.ids import uuid7

PHONE: Final = "phone"
PUSH: Final = "push"
#: How long a code works, and how often it may be mistyped.
CODE_LASTS: Final = timedelta(minutes=15)
MOST_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class StaffContact:
    """One way to reach a member of staff, decrypted for its owner."""

    id: UUID
    channel: str
    address: str
    state: str
    confirmed_at: datetime | None
    proof_sent_at: datetime | None
    tries: int

    def code_open(self, now: datetime) -> bool:
        """Whether a code that was sent there can still be typed in."""
        return self.proof_sent_at is not None and now - self.proof_sent_at < CODE_LASTS and self.tries < MOST_TRIES


SQL_MINE = """
SELECT id, channel, address_enc, state, confirmed_at, proof_sent_at, proof_tries FROM contact
WHERE staff_id = $1 AND kind = 'address' AND channel IN ('phone', 'push') ORDER BY channel, created_at, id
"""


async def contacts_of(conn: Connection, vault: Vault, staff_id: UUID) -> list[StaffContact]:
    """A member of staff's own telephone and browsers."""
    return [
        StaffContact(
            row["id"],
            row["channel"],
            vault.decrypt(row["address_enc"], row["id"], "contact.address_enc"),
            row["state"],
            row["confirmed_at"],
            row["proof_sent_at"],
            row["proof_tries"],
        )
        for row in await conn.fetch(SQL_MINE, staff_id)
    ]


SQL_KNOWN = """
SELECT id FROM contact WHERE staff_id = $1 AND channel = $2 AND address_bidx = ANY($3::bytea[]) LIMIT 1
"""
SQL_AGAIN = """
UPDATE contact SET state = CASE WHEN confirmed_at IS NULL THEN 'unproven' ELSE 'proven' END, state_reason = ''
WHERE id = $1 AND staff_id = $2 AND state = 'dead'
"""
SQL_ADD = """
INSERT INTO contact (id, staff_id, kind, channel, address_enc, address_bidx, state, created_at)
VALUES ($1, $2, 'address', $3, $4, $5, 'unproven', $6)
"""
SQL_OTHER_PHONES = "DELETE FROM contact WHERE staff_id = $1 AND channel = 'phone' AND kind = 'address' AND id <> $2"


async def add_contact(
    conn: Connection, vault: Vault, staff_id: UUID, channel: str, address: str, now: datetime
) -> UUID:
    """Keep a way to reach a member of staff; the same one again is the same row. A new number replaces the old one."""
    indexes = vault.blind_indexes(channel, address)
    found: UUID | None = await conn.fetchval(SQL_KNOWN, staff_id, channel, indexes)
    if found is None:
        found = uuid7()
        sealed = vault.encrypt(address, found, "contact.address_enc")
        await conn.execute(SQL_ADD, found, staff_id, channel, sealed, indexes[0], now)
    else:
        await conn.execute(SQL_AGAIN, found, staff_id)
    if channel == PHONE:
        await conn.execute(SQL_OTHER_PHONES, staff_id, found)
    return found


SQL_CODE_SENT = "UPDATE contact SET proof_sent_at = $3, proof_tries = 0 WHERE id = $1 AND staff_id = $2"
SQL_TRIED = "UPDATE contact SET proof_tries = proof_tries + 1 WHERE id = $1 AND staff_id = $2"
SQL_CONFIRM = """
UPDATE contact SET confirmed_at = $3, proven_at = $3, state = 'proven', state_reason = '', proof_sent_at = NULL,
    proof_tries = 0
WHERE id = $1 AND staff_id = $2
"""
SQL_REMOVE = "DELETE FROM contact WHERE id = $1 AND staff_id = $2"


async def code_sent(conn: Connection, contact_id: UUID, staff_id: UUID, now: datetime) -> None:
    """A code is on its way; the one before it works no more."""
    expect_rows(await conn.execute(SQL_CODE_SENT, contact_id, staff_id, now), 1, "the code of a contact")


async def code_tried(conn: Connection, contact_id: UUID, staff_id: UUID) -> None:
    """A wrong code was typed in."""
    expect_rows(await conn.execute(SQL_TRIED, contact_id, staff_id), 1, "the tries of a contact")


async def confirm(conn: Connection, contact_id: UUID, staff_id: UUID, now: datetime) -> None:
    """The code came back: this contact is theirs, and gets the messages from now on."""
    expect_rows(await conn.execute(SQL_CONFIRM, contact_id, staff_id, now), 1, "confirming a contact")


async def remove(conn: Connection, contact_id: UUID, staff_id: UUID) -> None:
    """Forget one of one's own contacts. Raises WriteMismatch if there is none such."""
    expect_rows(await conn.execute(SQL_REMOVE, contact_id, staff_id), 1, "removing a contact")


def code_of(vault: Vault, contact_id: UUID, sent_at: datetime) -> str:
    """The six digits that were sent to a contact at a moment; kept nowhere."""
    return f"{int(vault.form_token(f'contact {contact_id} {sent_at.isoformat()}'), 16) % 1_000_000:06d}"
