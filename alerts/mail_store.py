"""E-mail addresses in the database: whose they are, that they work, that their owner wants no more mails."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, expect_rows

#: An address that could not be confirmed within this time is told like any other, and asked about no more.
CONFIRM_WITHIN: Final = timedelta(days=7)
#: How often one mail about the address is tried.
MAX_TRIES: Final = 6


class MailAddress(NamedTuple):
    """An e-mail address of somebody, without the address."""

    id: UUID
    resident_id: UUID
    language: str
    state: str


SQL_ADDRESS = """
SELECT c.id, c.resident_id, r.language, c.state FROM contact c JOIN resident r ON r.id = c.resident_id
WHERE c.id = $1 AND c.channel = 'email' AND c.kind = 'address'
"""


async def mail_address(conn: Connection, contact_id: UUID) -> MailAddress | None:
    """The address of a link in a mail; None where it has been removed since."""
    row = await conn.fetchrow(SQL_ADDRESS, contact_id)
    return None if row is None else MailAddress(**dict(row.items()))


SQL_STOP = "UPDATE contact SET state = 'opted_out', state_reason = 'stopped by a link in a mail' WHERE id = $1"
SQL_CONFIRM = "UPDATE contact SET state = 'proven', proven_at = $2, state_reason = '' WHERE id = $1"


async def stop_mails(conn: Connection, address: MailAddress) -> None:
    """No more mails to this address; other ways to the person stay."""
    expect_rows(await conn.execute(SQL_STOP, address.id), 1, "the e-mail address")


async def confirm_address(conn: Connection, address: MailAddress, now: datetime) -> None:
    """Mails arrive there: its owner has pressed the button."""
    expect_rows(await conn.execute(SQL_CONFIRM, address.id, now), 1, "the e-mail address")


class ToConfirm(NamedTuple):
    """An address about to get its first mail."""

    id: UUID
    address: str
    language: str


# Claimed before the mail leaves: who is killed in between has sent none, and the person can ask for another.
SQL_CLAIM = """
UPDATE contact c SET proof_sent_at = $1, proof_tries = c.proof_tries + 1
FROM resident r
WHERE r.id = c.resident_id AND c.id IN (
    SELECT k.id FROM contact k JOIN resident o ON o.id = k.resident_id
    WHERE k.channel = 'email' AND k.kind = 'address' AND k.state = 'unproven' AND k.proof_sent_at IS NULL
      AND k.created_at > $2 AND k.proof_tries < $3 AND o.state = 'enrolled' AND NOT o.simulated
    ORDER BY k.created_at LIMIT $4 FOR UPDATE OF k SKIP LOCKED)
RETURNING c.id, c.address_enc, r.language
"""


async def claim_to_confirm(conn: Connection, vault: Vault, now: datetime, limit: int) -> list[ToConfirm]:
    """Addresses of enrolled people to which nothing has been sent yet."""
    rows = await conn.fetch(SQL_CLAIM, now, now - CONFIRM_WITHIN, MAX_TRIES, limit)
    return [
        ToConfirm(row["id"], vault.decrypt(row["address_enc"], row["id"], "contact.address_enc"), row["language"])
        for row in rows
    ]


SQL_AGAIN = "UPDATE contact SET proof_sent_at = NULL WHERE id = ANY($1::uuid[]) AND state = 'unproven'"
SQL_DEAD = "UPDATE contact SET state = 'dead', state_reason = $2 WHERE id = $1 AND state = 'unproven'"


async def try_again(conn: Connection, ids: Sequence[UUID]) -> None:
    """These mails did not leave: they are due again."""
    await conn.execute(SQL_AGAIN, list(ids))


async def note_dead(conn: Connection, contact_id: UUID, code: str) -> None:
    """The mail server knows no such address."""
    await conn.execute(SQL_DEAD, contact_id, code)
