"""Posters of community groups, who walks in by them, and whose invitations are still to be handed out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, expect_rows
from core.ids import uuid7
from core.tokens import LinkTokens, link_token, token_hash
from registry.records import NewMembership, NewResident
from registry.store import insert_residents

#: An evening at which a whole hall registers over one Wi-Fi must work; a script must not.
WALK_INS_PER_ADDRESS = 40
WALK_IN_WINDOW = timedelta(minutes=10)
WALK_IN_KEPT = timedelta(days=1)


class Poster(NamedTuple):
    """One poster of a community group; `label`: where it hangs. `ended_at`: out of use since."""

    id: UUID
    org_id: UUID
    org_name: str
    org_kind: str
    label: str
    created_at: datetime
    ended_at: datetime | None


SQL_INSERT_POSTER = """
INSERT INTO poster (id, org_id, token_sha256, label, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6)
"""


def poster_token(vault: Vault, poster_id: UUID) -> str:
    """The token of a poster's link, made again from its id."""
    return link_token(vault.link_key, poster_id)


async def make_poster(
    conn: Connection, vault: Vault, *, org_id: UUID, label: str, staff_id: UUID, now: datetime
) -> UUID:
    """A new poster; its id."""
    poster_id = uuid7()
    sha = token_hash(poster_token(vault, poster_id))
    await conn.execute(SQL_INSERT_POSTER, poster_id, org_id, sha, label, staff_id, now)
    return poster_id


SQL_POSTERS = """
SELECT p.id, p.org_id, o.name AS org_name, o.kind AS org_kind, p.label, p.created_at, p.ended_at
FROM poster p JOIN organisation o ON o.id = p.org_id
WHERE p.org_id = $1 AND ($2::uuid IS NULL OR p.id = $2) ORDER BY p.ended_at IS NOT NULL, p.created_at DESC
"""


async def posters_of(conn: Connection, org_id: UUID, poster_id: UUID | None = None) -> list[Poster]:
    """An organisation's posters, or the one with this id; those in use first."""
    return [Poster(**dict(row.items())) for row in await conn.fetch(SQL_POSTERS, org_id, poster_id)]


SQL_END_POSTER = "UPDATE poster SET ended_at = $3 WHERE id = $1 AND org_id = $2 AND ended_at IS NULL"


async def end_poster(conn: Connection, poster_id: UUID, org_id: UUID, now: datetime) -> bool:
    """Take a poster out of use; False if it was not in use or is somebody else's."""
    return bool(await conn.execute(SQL_END_POSTER, poster_id, org_id, now) == "UPDATE 1")


SQL_OPEN_POSTER = """
SELECT p.id, p.org_id, o.name AS org_name, o.kind AS org_kind, p.label, p.created_at, p.ended_at
FROM poster p JOIN organisation o ON o.id = p.org_id AND o.closed_at IS NULL WHERE p.token_sha256 = $1
"""


async def open_poster(conn: Connection, token: str) -> Poster | None:
    """The poster of a link, in use or not; None for an unknown one."""
    row = await conn.fetchrow(SQL_OPEN_POSTER, token_hash(token))
    return Poster(**dict(row.items())) if row else None


SQL_RECENT = "SELECT count(*) FROM walk_in WHERE address_bidx = $1 AND at > $2"
SQL_FORGET = "DELETE FROM walk_in WHERE at < $1"
SQL_WALKED = """
SELECT l.id FROM walk_in w JOIN link l ON l.resident_id = w.resident_id AND l.kind = 'personal' AND NOT l.joined
WHERE w.poster_id = $1 AND w.nonce = $2 ORDER BY l.revoked_at IS NOT NULL, l.created_at DESC LIMIT 1
"""
SQL_WALK_IN = """
INSERT INTO walk_in (poster_id, nonce, resident_id, address_bidx, at) VALUES ($1, $2, $3, $4, $5)
"""
SQL_STAY = "UPDATE resident SET stay_until = $2 WHERE id = $1"
SQL_LINK_OF = "SELECT id FROM link WHERE resident_id = $1 AND kind = 'personal' AND revoked_at IS NULL"


class TooMany(RuntimeError):
    """Too many people have walked in from one address lately."""


async def walk_in(
    conn: Connection,
    vault: Vault,
    poster: Poster,
    *,
    name: str,
    language: str,
    stay_until: date | None,
    nonce: str,
    address: str,
    now: datetime,
) -> str:
    """A new resident of the poster's group, still to finish enrolling; the token of their link.

    The same form sent twice (`nonce`) is the same person. Nothing is agreed to yet: no line of consent is written.
    Raises TooMany.
    """
    link_id = await conn.fetchval(SQL_WALKED, poster.id, nonce)
    if link_id is not None:
        return link_token(vault.link_key, link_id)
    index = vault.blind_index("address", address)
    await conn.execute(SQL_FORGET, now - WALK_IN_KEPT)
    if await conn.fetchval(SQL_RECENT, index, now - WALK_IN_WINDOW) >= WALK_INS_PER_ADDRESS:
        raise TooMany("too many people registered from this network in ten minutes")
    person = NewResident(name=name, language=language, memberships=(NewMembership(poster.org_id),), consents=())
    await insert_residents(conn, vault, [person], now)
    if stay_until is not None:
        expect_rows(await conn.execute(SQL_STAY, person.id, stay_until), 1, "the length of a stay")
    await conn.execute(SQL_WALK_IN, poster.id, nonce, person.id, index, now)
    return link_token(vault.link_key, await conn.fetchval(SQL_LINK_OF, person.id))


class Slip(NamedTuple):
    """One person's invitation on paper. `token` of the link that ends when they enrol."""

    resident_id: UUID
    name: str
    language: str
    dorm_id: UUID | None
    dorm: str
    room: str
    org_name: str
    token: str


SQL_SLIPS = """
SELECT r.id AS resident_id, r.name, r.language, m.dorm_id, coalesce(d.name, '') AS dorm, m.room, o.name AS org_name,
       l.id AS link_id
FROM membership m JOIN resident r ON r.id = m.resident_id JOIN organisation o ON o.id = m.org_id
JOIN link l ON l.resident_id = r.id AND l.kind = 'personal' AND l.revoked_at IS NULL AND NOT l.joined
LEFT JOIN site d ON d.id = m.dorm_id
WHERE m.org_id = ANY($1::uuid[]) AND m.ended_at IS NULL AND r.state = 'invited'
  AND ($2::uuid IS NULL OR $2 IN (m.dorm_id, m.workplace_id))
ORDER BY d.name NULLS LAST, o.name, m.room, r.name, r.id
LIMIT 2000
"""


async def slips_of(conn: Connection, vault: Vault, orgs: Collection[UUID], site_id: UUID | None = None) -> list[Slip]:
    """The invitations that are still to be used, by dorm and room; of one site if `site_id` is given."""
    tokens = LinkTokens(vault.link_key)
    return [
        Slip(
            row["resident_id"],
            row["name"],
            row["language"],
            row["dorm_id"],
            row["dorm"],
            row["room"],
            row["org_name"],
            tokens.of(row["link_id"]),
        )
        for row in await conn.fetch(SQL_SLIPS, list(orgs), site_id)
    ]
