"""Linking a person to their LINE account by a code that goes from their page into our chat."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, expect_rows
from core.ids import uuid7
from core.tokens import token_hash

#: contact.channel of an account we send to; the same name stands for handles that a helper opens (contact.kind).
LINE: Final = "line"
CODE_LIFE: Final = timedelta(minutes=30)
#: Letters and digits that nobody takes for another; 8 of them are 40 bits.
ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH: Final = 8


def link_code(vault: Vault, resident_id: UUID, made_at: datetime) -> str:
    """The code of a person made at this time: it can be shown again, and need not be stored."""
    number = int(vault.form_token(f"line code {resident_id} {made_at.astimezone(UTC).isoformat()}"), 16)
    letters = []
    for _ in range(CODE_LENGTH):
        number, place = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[place])
    return "".join(letters)


def read_code(text: str) -> str | None:
    """The code in a chat message, however it was typed ("７k3m-99xz"); None where there can be none."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", text).upper() if c.isalnum())
    return plain if len(plain) == CODE_LENGTH and set(plain) <= set(ALPHABET) else None


SQL_NEW_CODE = """
INSERT INTO line_code (resident_id, code_sha256, made_at) VALUES ($1, $2, $3)
ON CONFLICT (resident_id) DO UPDATE SET code_sha256 = excluded.code_sha256, made_at = excluded.made_at
"""


async def make_code(conn: Connection, vault: Vault, resident_id: UUID, now: datetime) -> None:
    """A new code in the place of an older one."""
    hashed = token_hash(link_code(vault, resident_id, now))
    expect_rows(await conn.execute(SQL_NEW_CODE, resident_id, hashed, now), 1, "the code for LINE")


SQL_CODE = "SELECT code_sha256, made_at FROM line_code WHERE resident_id = $1 AND made_at > $2"


async def shown_code(conn: Connection, vault: Vault, resident_id: UUID, now: datetime) -> tuple[str, datetime] | None:
    """The person's code and until when it works; None if there is none (any more)."""
    row = await conn.fetchrow(SQL_CODE, resident_id, now - CODE_LIFE)
    if row is None:
        return None
    code = link_code(vault, resident_id, row["made_at"])
    return (code, row["made_at"] + CODE_LIFE) if token_hash(code) == row["code_sha256"] else None


class Linked(NamedTuple):
    """Somebody who has this LINE account."""

    contact_id: UUID
    resident_id: UUID
    language: str
    state: str


SQL_USE_CODE = "DELETE FROM line_code WHERE code_sha256 = $1 AND made_at > $2 RETURNING resident_id"
SQL_LINK = """
INSERT INTO contact (id, resident_id, kind, channel, address_enc, address_bidx, state, proven_at, created_at)
VALUES ($1, $2, 'address', 'line', $3, $4, 'proven', $5, $5)
ON CONFLICT (resident_id, channel, address_bidx) WHERE resident_id IS NOT NULL
DO UPDATE SET state = 'proven', proven_at = excluded.proven_at, state_reason = ''
RETURNING id
"""
SQL_OTHER_LINES = "DELETE FROM contact WHERE resident_id = $1 AND channel = 'line' AND kind = 'address' AND id <> $2"


async def link_account(conn: Connection, vault: Vault, code: str, user: str, now: datetime) -> UUID | None:
    """Tie a LINE account to whoever took this code from their page, in the place of another account of theirs. The
    person; None for a code that is wrong, used or too old."""
    person: UUID | None = await conn.fetchval(SQL_USE_CODE, token_hash(code), now - CODE_LIFE)
    if person is None:
        return None
    new, index = uuid7(), vault.blind_index(LINE, user)
    sealed = vault.encrypt(user, new, "contact.address_enc")
    contact = await conn.fetchval(SQL_LINK, new, person, sealed, index, now)
    await conn.execute(SQL_OTHER_LINES, person, contact)
    return person


SQL_WHO = """
SELECT c.id AS contact_id, c.resident_id, r.language, c.state FROM contact c JOIN resident r ON r.id = c.resident_id
WHERE c.channel = 'line' AND c.kind = 'address' AND c.address_bidx = ANY($1::bytea[]) ORDER BY c.proven_at DESC, c.id
"""


async def linked_people(conn: Connection, vault: Vault, user: str) -> Sequence[Linked]:
    """Who has this LINE account, the newest first: a couple may share a telephone."""
    return [Linked(**dict(r.items())) for r in await conn.fetch(SQL_WHO, vault.blind_indexes(LINE, user))]


SQL_FOLLOW = """
UPDATE contact SET state = $2, state_reason = $3 WHERE id = ANY($1::uuid[]) AND state <> $2 AND state = ANY($4::text[])
"""
BLOCKED: Final = "blocked on LINE"


async def note_unfollow(conn: Connection, contacts: Sequence[UUID]) -> None:
    """The person has blocked us: LINE takes messages to them and shows none."""
    await conn.execute(SQL_FOLLOW, list(contacts), "opted_out", BLOCKED, ["unproven", "proven", "dead"])


async def note_follow(conn: Connection, contacts: Sequence[UUID]) -> None:
    """The person has us as a friend again."""
    await conn.execute(SQL_FOLLOW, list(contacts), "proven", "", ["opted_out"])


SQL_SEEN = "INSERT INTO line_event (event_id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING event_id"


async def is_new_event(conn: Connection, event_id: str, now: datetime) -> bool:
    """Whether an event of the webhook comes for the first time; it is written down. Call it in the transaction that
    does what the event asks for."""
    return not event_id or await conn.fetchval(SQL_SEEN, event_id, now) is not None
