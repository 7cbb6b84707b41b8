"""Enrolment in the database: whose invitation a link is, the draft, and the one transaction that makes it count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, expect_rows
from core.i18n import Catalogs
from core.model import OrgKind
from core.tokens import token_hash
from geo.store import insert_places
from registry import consent_store
from registry.consent import ASKED, Choice
from registry.enrolment import Draft, from_json, to_json
from registry.import_read_store import seal_place
from registry.import_run import locate_offline
from registry.own_data_store import viewers_of
from registry.personal_store import Owner, replace_phone, rotate_link, save_person
from registry.records import EMAIL, NewContact
from registry.store import insert_contacts, set_places

_COLUMN = "enrolment_draft.data_enc"
#: A draft that nobody continued is forgotten.
DRAFT_LASTS = timedelta(days=30)


class Invitation(NamedTuple):
    """What is known of an invited person when they open their link. `dorm`, `site`: names, "" for none."""

    owner: Owner
    orgs: tuple[str, ...]
    kinds: tuple[OrgKind, ...]
    dorm: str
    room: str
    site: str
    #: JIS codes of the places that are stored already.
    home_jis: tuple[str, ...]
    work_jis: tuple[str, ...]
    has_leader: bool
    has_phone: bool
    pushes: int


SQL_OWNER_OF_INVITATION = """
SELECT l.id AS link_id, r.id AS resident_id, r.name, r.language, r.second_language, r.state,
       l.revoked_at IS NOT NULL AS used
FROM link l JOIN resident r ON r.id = l.resident_id
WHERE l.token_sha256 = $1 AND l.kind = 'personal'
"""


async def owner_of_invitation(conn: Connection, token: str) -> tuple[Owner | None, bool]:
    """The person of a link, and whether the link has been used up; (None, False) for an unknown one."""
    row = await conn.fetchrow(SQL_OWNER_OF_INVITATION, token_hash(token))
    if row is None:
        return None, False
    fields = dict(row.items())
    used = fields.pop("used")
    return (None if used else Owner(**fields)), used


SQL_MEMBERSHIPS = """
SELECT o.name AS org, o.kind, coalesce(d.name, '') AS dorm, m.room, coalesce(w.name, '') AS site,
       EXISTS (SELECT FROM site_leader l WHERE l.site_id IN (m.dorm_id, m.workplace_id)) AS has_leader
FROM membership m JOIN organisation o ON o.id = m.org_id
LEFT JOIN site d ON d.id = m.dorm_id LEFT JOIN site w ON w.id = m.workplace_id
WHERE m.resident_id = $1 AND m.ended_at IS NULL ORDER BY m.created_at, o.name
"""
SQL_PLACES = """
SELECT p.kind, coalesce(array_agg(a.code ORDER BY a.code) FILTER (WHERE a.scheme = 'jis'), '{}') AS jis
FROM resident_place p JOIN place_area a ON a.place_id = p.place_id WHERE p.resident_id = $1 GROUP BY p.kind
"""
SQL_WAYS = """
SELECT count(*) FILTER (WHERE channel = 'push') AS pushes, count(*) FILTER (WHERE channel = 'phone') AS phones
FROM contact WHERE resident_id = $1 AND kind = 'address' AND state IN ('unproven', 'proven')
"""


async def read_invitation(conn: Connection, owner: Owner) -> Invitation:
    """What the pages of an enrolment show of what others have entered: names of places, never an address."""
    members = await conn.fetch(SQL_MEMBERSHIPS, owner.resident_id)
    places = {row["kind"]: tuple(row["jis"]) for row in await conn.fetch(SQL_PLACES, owner.resident_id)}
    ways = await conn.fetchrow(SQL_WAYS, owner.resident_id)
    housed = next((m for m in members if m["dorm"]), None)
    return Invitation(
        owner=owner,
        orgs=tuple(m["org"] for m in members),
        kinds=tuple(OrgKind(m["kind"]) for m in members),
        dorm=housed["dorm"] if housed else "",
        room=housed["room"] if housed else "",
        site=next((m["site"] for m in members if m["site"]), ""),
        home_jis=places.get("home", ()),
        work_jis=places.get("work", ()),
        has_leader=any(m["has_leader"] for m in members),
        has_phone=bool(ways and ways["phones"]),
        pushes=ways["pushes"] if ways else 0,
    )


SQL_DRAFT = "SELECT data_enc FROM enrolment_draft WHERE resident_id = $1"


async def read_draft(conn: Connection, vault: Vault, resident_id: UUID) -> Draft:
    """What the person has filled in so far; an empty draft if nothing."""
    stored = await conn.fetchval(SQL_DRAFT, resident_id)
    return Draft() if stored is None else from_json(vault.decrypt(stored, resident_id, _COLUMN))


SQL_KEEP_DRAFT = """
INSERT INTO enrolment_draft (resident_id, data_enc, updated_at) VALUES ($1, $2, $3)
ON CONFLICT (resident_id) DO UPDATE SET data_enc = excluded.data_enc, updated_at = excluded.updated_at
"""


async def keep_draft(conn: Connection, vault: Vault, resident_id: UUID, draft: Draft, now: datetime) -> None:
    """Keep what has been filled in, encrypted."""
    sealed = vault.encrypt(to_json(draft), resident_id, _COLUMN)
    expect_rows(await conn.execute(SQL_KEEP_DRAFT, resident_id, sealed, now), 1, "the draft of an enrolment")


SQL_DROP_DRAFT = "DELETE FROM enrolment_draft WHERE resident_id = $1"
SQL_SET_REACH = "UPDATE resident SET reach_by = $2 WHERE id = $1"


async def enrol(
    conn: Connection,
    vault: Vault,
    catalogs: Catalogs,
    owner: Owner,
    draft: Draft,
    scopes: frozenset[str],
    now: datetime,
) -> str:
    """Make a draft count: languages, places, ways to reach, consents; the printed link ends. The person's new token.

    Without C1 nothing can be sent: the registration is kept and paused. Call it inside a transaction.
    """
    person = owner.resident_id
    places = [(kind, where) for kind, where in (("home", draft.home), ("work", draft.work)) if where is not None]
    sealed = [(kind, seal_place(vault, where.given, locate_offline(where.given))) for kind, where in places]
    await insert_places(conn, [place for _, place in sealed])
    await set_places(conn, [(person, kind, place.id) for kind, place in sealed])
    if draft.phone:
        await replace_phone(conn, vault, person, draft.phone, now)
    contacts = [NewContact(service, handle, "handle") for service, handle in draft.handles]
    if draft.email:
        contacts.append(NewContact(EMAIL, draft.email))
    await insert_contacts(conn, vault, [(person, contact) for contact in contacts], now)
    expect_rows(await conn.execute(SQL_SET_REACH, person, draft.reach_by), 1, "how a person is reached")
    choices = [Choice(scope, scope in scopes) for scope in ASKED]
    viewers = {one.org_id: one.kind for one in await viewers_of(conn, person)}
    await consent_store.record(conn, catalogs, person, choices, language=draft.language, now=now, viewers=viewers)
    await save_person(
        conn,
        person,
        language=draft.language,
        second_language=draft.second_language or None,
        state="enrolled" if "C1" in scopes else "paused",
        now=now,
    )
    await conn.execute(SQL_DROP_DRAFT, person)
    return await rotate_link(conn, vault, owner, now)


SQL_DROP_OLD_DRAFTS = "DELETE FROM enrolment_draft WHERE updated_at < $1"


async def drop_old_drafts(conn: Connection, now: datetime) -> int:
    """Forget drafts that nobody continued; how many."""
    tag = await conn.execute(SQL_DROP_OLD_DRAFTS, now - DRAFT_LASTS)
    return int(tag.rpartition(" ")[2])


SQL_ENROLLED = """
SELECT s.id, count(r.id) FILTER (WHERE r.state = 'enrolled') AS enrolled, count(r.id) AS people
FROM unnest($1::uuid[]) AS s (id)
JOIN membership m ON m.ended_at IS NULL AND s.id IN (m.dorm_id, m.workplace_id)
JOIN resident r ON r.id = m.resident_id AND r.state <> 'left'
GROUP BY s.id
"""


async def enrolled_of(conn: Connection, sites: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
    """Per site: how many people have enrolled, of how many ("4 of 6")."""
    return {row["id"]: (row["enrolled"], row["people"]) for row in await conn.fetch(SQL_ENROLLED, list(sites))}
