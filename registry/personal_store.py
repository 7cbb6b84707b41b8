"""A person's own page: what is stored about them, and their own changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, Pool, expect_rows
from core.ids import uuid7
from core.tokens import link_token, token_hash
from registry.records import EMAIL, PHONE, NewContact
from registry.store import insert_contacts


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose page a personal link opens."""

    link_id: UUID
    resident_id: UUID
    name: str
    language: str
    second_language: str | None
    state: str
    #: No organisation sees an answer; no address or location to anybody.
    hide_answer: bool = False
    protected: bool = False
    #: Alerts are off through this day.
    paused_until: date | None = None
    #: Since when the person is to be asked whether they stay: an organisation's membership ended.
    ask_stay_at: datetime | None = None
    #: They asked to be deleted while an incident was open.
    erase_requested_at: datetime | None = None


SQL_OWNER_OF_LINK = """
SELECT l.id AS link_id, r.id AS resident_id, r.name, r.language, r.second_language, r.state, r.hide_answer, r.protected,
       r.paused_until, r.ask_stay_at, r.erase_requested_at
FROM link l JOIN resident r ON r.id = l.resident_id
WHERE l.token_sha256 = $1 AND l.kind = 'personal' AND l.revoked_at IS NULL
"""


async def owner_of_link(conn: Connection | Pool, token: str) -> Owner | None:
    """The person of a personal link; None for an unknown or replaced one."""
    row = await conn.fetchrow(SQL_OWNER_OF_LINK, token_hash(token))
    return Owner(**dict(row.items())) if row else None


class Contact(NamedTuple):
    """One of a person's contacts, decrypted for the person themselves (push subscriptions stay closed)."""

    id: UUID
    channel: str
    kind: str
    state: str
    address: str


SQL_OWN_CONTACTS = """
SELECT id, channel, kind, state, address_enc FROM contact WHERE resident_id = $1 ORDER BY kind, channel, id
"""


async def own_contacts(conn: Connection, vault: Vault, resident_id: UUID) -> list[Contact]:
    """A person's contacts, for their own page."""
    return [
        Contact(
            row["id"],
            row["channel"],
            row["kind"],
            row["state"],
            "" if row["channel"] == "push" else vault.decrypt(row["address_enc"], row["id"], "contact.address_enc"),
        )
        for row in await conn.fetch(SQL_OWN_CONTACTS, resident_id)
    ]


SQL_PLACES_OF = """
SELECT p.kind, a.code FROM resident_place p JOIN place_area a ON a.place_id = p.place_id AND a.scheme = 'jis'
WHERE p.resident_id = $1 ORDER BY p.kind, a.code
"""


async def municipalities_of(conn: Connection, resident_id: UUID) -> dict[str, list[str]]:
    """The JIS codes of a person's home and work, by kind."""
    found: dict[str, list[str]] = {}
    for row in await conn.fetch(SQL_PLACES_OF, resident_id):
        found.setdefault(row["kind"], []).append(row["code"])
    return found


SQL_SAVE_PERSON = """
UPDATE resident SET language = $2, second_language = $3, state = $4, left_at = NULL,
       paused_until = CASE WHEN $4 = 'paused' THEN paused_until END,
       enrolled_at = CASE WHEN $4 = 'enrolled' THEN coalesce(enrolled_at, $5) ELSE enrolled_at END
WHERE id = $1
"""


async def save_person(
    conn: Connection, resident_id: UUID, *, language: str, second_language: str | None, state: str, now: datetime
) -> None:
    """The person's own choice of languages, and whether they get alerts ("enrolled") or not ("paused")."""
    tag = await conn.execute(SQL_SAVE_PERSON, resident_id, language, second_language, state, now)
    expect_rows(tag, 1, "the person")


SQL_DROP_CONTACTS = "DELETE FROM contact WHERE resident_id = $1 AND (channel = $2 OR id = ANY($3::uuid[]))"


async def replace_phone(conn: Connection, vault: Vault, resident_id: UUID, e164: str, now: datetime) -> None:
    """The person's one phone number from now on."""
    await conn.execute(SQL_DROP_CONTACTS, resident_id, PHONE, [])
    await insert_contacts(conn, vault, [(resident_id, NewContact(PHONE, e164))], now)


SQL_OTHER_MAILS = """
DELETE FROM contact WHERE resident_id = $1 AND channel = 'email' AND kind = 'address'
  AND NOT (address_bidx = ANY($2::bytea[]) AND state IN ('unproven', 'proven'))
"""


async def replace_email(conn: Connection, vault: Vault, resident_id: UUID, address: str, now: datetime) -> None:
    """The person's one e-mail address from now on. One that they had stopped, or that was dead, is new again."""
    await conn.execute(SQL_OTHER_MAILS, resident_id, vault.blind_indexes(EMAIL, address))
    await insert_contacts(conn, vault, [(resident_id, NewContact(EMAIL, address))], now)


async def drop_contacts(conn: Connection, resident_id: UUID, ids: Sequence[UUID]) -> None:
    """Forget some of the person's own contacts; ids of others are ignored."""
    await conn.execute(SQL_DROP_CONTACTS, resident_id, "", list(ids))


SQL_REVOKE_LINK = "UPDATE link SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL"
SQL_NEW_LINK = """
INSERT INTO link (id, kind, token_sha256, resident_id, created_at) VALUES ($1, 'personal', $2, $3, $4)
"""


async def rotate_link(conn: Connection, vault: Vault, owner: Owner, now: datetime) -> str:
    """Replace the personal link: the copy that an organisation printed ends when the person enrols. The new token."""
    expect_rows(await conn.execute(SQL_REVOKE_LINK, owner.link_id, now), 1, "the personal link")
    link_id = uuid7()
    token = link_token(vault.link_key, link_id)
    await conn.execute(SQL_NEW_LINK, link_id, token_hash(token), owner.resident_id, now)
    return token


SQL_STOP = "UPDATE resident SET state = 'left', left_at = $2, orgs = '{}' WHERE id = $1"
SQL_END_ALL = "UPDATE membership SET ended_at = $2 WHERE resident_id = $1 AND ended_at IS NULL"
SQL_LEAD_NO_MORE = "DELETE FROM site_leader WHERE resident_id = $1"


async def stop(conn: Connection, resident_id: UUID, now: datetime) -> None:
    """No more messages, and nobody sees the person; the purge deletes them after 30 days unless they come back."""
    expect_rows(await conn.execute(SQL_STOP, resident_id, now), 1, "the person")
    await conn.execute(SQL_END_ALL, resident_id, now)
    await conn.execute(SQL_LEAD_NO_MORE, resident_id)


SQL_OPEN_CHECKIN = """
SELECT l.id AS link_id, i.id AS incident_id, i.key_enc
FROM link l JOIN incident i ON i.id = l.incident_id
WHERE l.kind = 'checkin' AND l.resident_id = $1 AND l.revoked_at IS NULL AND i.closed_at IS NULL
  AND i.key_enc IS NOT NULL
ORDER BY i.purpose = 'live' DESC, i.opened_at DESC LIMIT 1
"""


async def open_checkin(conn: Connection, vault: Vault, resident_id: UUID) -> str | None:
    """The token of the person's check-in page in the newest open incident; None if there is none."""
    row = await conn.fetchrow(SQL_OPEN_CHECKIN, resident_id)
    if row is None:
        return None
    key = vault.decrypt_bytes(row["key_enc"], row["incident_id"], "incident.key_enc")
    return link_token(key, row["link_id"])
