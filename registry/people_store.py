"""An organisation's own list of people: reading it, one person of it, and small changes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from core.db import Connection, Record
from core.model import Precision, Role
from registry.access import editable_orgs, site_shown
from registry.reach import STALE_AFTER
from registry.sessions import Staff
from registry.units import Occupant

SQL_SUPERVISED_ORGS = """
SELECT o.id, o.name FROM org_relation r JOIN organisation o ON o.id = r.other_id
WHERE r.org_id = $1 AND r.kind = 'supervises' AND o.closed_at IS NULL ORDER BY o.name
"""


async def own_orgs(conn: Connection, me: Staff) -> dict[UUID, str]:
    """The organisations whose people this member of staff may list and change, with their names; own first."""
    names = {me.org_id: me.org_name}
    if me.role is Role.SUPERVISING:
        names |= {row["id"]: row["name"] for row in await conn.fetch(SQL_SUPERVISED_ORGS, me.org_id)}
    allowed = editable_orgs(me.role, me.org_id, names)
    return {org: name for org, name in names.items() if org in allowed}


class EmployerEnrolment(NamedTuple):
    """How far one supervised employer is: staff who have signed in, people told of us and enrolled, the last upload."""

    org_id: UUID
    name: str
    opened_at: datetime | None
    people: int
    enrolled: int
    uploaded_at: datetime | None


# "Opened": when anybody of the employer last signed in.
SQL_ENROLMENT = """
SELECT o.id AS org_id, o.name,
       (SELECT max(s.last_seen_at) FROM staff s WHERE s.org_id = o.id AND s.disabled_at IS NULL) AS opened_at,
       count(r.id) AS people, count(r.id) FILTER (WHERE r.state <> 'invited') AS enrolled,
       (SELECT max(i.at) FROM import_run i WHERE i.org_id = o.id AND NOT i.dry_run) AS uploaded_at
FROM org_relation s JOIN organisation o ON o.id = s.other_id AND o.closed_at IS NULL
LEFT JOIN membership m ON m.org_id = o.id AND m.ended_at IS NULL
LEFT JOIN resident r ON r.id = m.resident_id AND r.state <> 'left'
WHERE s.org_id = $1 AND s.kind = 'supervises'
GROUP BY o.id
"""


async def enrolment_of_employers(conn: Connection, org_id: UUID) -> list[EmployerEnrolment]:
    """A supervising organisation's employers: who has never signed in first, then who has most people to enrol."""
    lines = [EmployerEnrolment(**dict(row.items())) for row in await conn.fetch(SQL_ENROLMENT, org_id)]
    return sorted(lines, key=lambda e: (e.opened_at is not None, e.enrolled - e.people, e.name, e.org_id.int))


class PersonLine(NamedTuple):
    """One person in the list. `reach`: push, phone, handle, dead or none: the best way that is not known to be dead.

    `site` is access.HOUSEHOLD for who works in somebody's home.
    """

    id: UUID
    org_id: UUID
    name: str
    language: str
    second_language: str | None
    state: str
    reach: str
    has_place: bool
    employee_id: str
    site: str
    dorm: str
    dorm_id: UUID | None
    room: str
    shift: str
    start_date: date | None
    end_date: date | None
    household: bool


#: A person as their organisation's lists show them; what follows chooses and orders them.
SELECT_LINE = """
SELECT r.id, m.org_id, r.name, r.language, r.second_language, r.state, m.employee_id, m.dorm_id, m.room, m.shift,
       m.start_date, m.end_date, m.household, coalesce(w.name, '') AS site, coalesce(d.name, '') AS dorm,
       EXISTS (SELECT FROM resident_place p WHERE p.resident_id = r.id AND p.kind <> 'today') AS has_place,
       CASE WHEN c.push THEN 'push' WHEN c.phone THEN 'phone' WHEN c.handle THEN 'handle' WHEN c.dead THEN 'dead'
            ELSE 'none' END AS reach
FROM membership m JOIN resident r ON r.id = m.resident_id
LEFT JOIN site w ON w.id = m.workplace_id
LEFT JOIN site d ON d.id = m.dorm_id
LEFT JOIN LATERAL (
    SELECT bool_or(k.channel = 'push' AND k.state IN ('unproven', 'proven')) AS push,
           bool_or(k.channel = 'phone' AND k.state IN ('unproven', 'proven')) AS phone,
           bool_or(k.kind = 'handle') AS handle,
           bool_or(k.state IN ('dead', 'opted_out')) AS dead
    FROM contact k WHERE k.resident_id = r.id
) c ON true
"""
SQL_PEOPLE = (
    SELECT_LINE
    + """
WHERE m.org_id = ANY($1::uuid[]) AND m.ended_at IS NULL AND r.state <> 'left'
  AND ($2 = '' OR r.name ILIKE '%' || $2 || '%' OR m.employee_id = $2 OR d.name ILIKE '%' || $2 || '%')
  AND ($3::uuid IS NULL OR r.id = $3)
ORDER BY d.name NULLS LAST, m.room, r.name, r.id
LIMIT $4 OFFSET $5
"""
)
SQL_COUNT_PEOPLE = """
SELECT count(*) AS people, count(*) FILTER (WHERE r.state = 'invited') AS invited,
       count(*) FILTER (WHERE NOT EXISTS (SELECT FROM resident_place p WHERE p.resident_id = r.id
                                          AND p.kind <> 'today')) AS placeless,
       count(*) FILTER (WHERE NOT EXISTS (SELECT FROM contact k WHERE k.resident_id = r.id AND k.kind = 'address'
                                          AND k.state IN ('unproven', 'proven')
                                          AND coalesce(k.proven_at, k.created_at) > $2)
                        AND r.state <> 'paused' AND r.reach_by = '') AS unreachable
FROM membership m JOIN resident r ON r.id = m.resident_id
WHERE m.org_id = ANY($1::uuid[]) AND m.ended_at IS NULL AND r.state <> 'left'
"""


def line_of(row: Record) -> PersonLine:
    """A line from a row of SELECT_LINE; who works in somebody's home has no name of a workplace."""
    line = PersonLine(**{name: row[name] for name in PersonLine._fields})
    return line._replace(site=site_shown(line.site, household=line.household))


async def list_people(
    conn: Connection, orgs: Collection[UUID], *, search: str = "", limit: int = 200, offset: int = 0
) -> list[PersonLine]:
    """The live members of `orgs`, by dorm, room and name. `search`: part of a name or dorm, or an employee number."""
    return [line_of(row) for row in await conn.fetch(SQL_PEOPLE, list(orgs), _literal(search), None, limit, offset)]


def _literal(search: str) -> str:
    return search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def count_people(conn: Connection, orgs: Collection[UUID], now: datetime) -> dict[str, int]:
    """How many people, and of these how many not enrolled, without place, out of reach (registry/reach.py)."""
    row = await conn.fetchrow(SQL_COUNT_PEOPLE, list(orgs), now - STALE_AFTER)
    return dict(row.items()) if row else {}


async def find_person(conn: Connection, resident_id: UUID, orgs: Collection[UUID]) -> PersonLine | None:
    """One person, if they are a live member of one of `orgs`; None otherwise, whoever they are."""
    row = await conn.fetchrow(SQL_PEOPLE, list(orgs), "", resident_id, 1, 0)
    return line_of(row) if row else None


SQL_CHANNELS = """
SELECT channel, kind, state, state_reason FROM contact WHERE resident_id = $1 ORDER BY kind, channel, id
"""


async def channels_of(conn: Connection, resident_id: UUID) -> list[dict[str, Any]]:
    """A person's ways to be reached without the addresses: channel, kind, state and why."""
    return [dict(row) for row in await conn.fetch(SQL_CHANNELS, resident_id)]


SQL_LEADS = """
SELECT s.name, l.rank FROM site_leader l JOIN site s ON s.id = l.site_id
WHERE l.resident_id = $1 AND s.org_id = ANY($2::uuid[]) ORDER BY l.rank, s.name
"""


async def leads(conn: Connection, resident_id: UUID, orgs: Collection[UUID]) -> list[tuple[str, int]]:
    """The sites of `orgs` this person answers for: (name, rank)."""
    return [(row["name"], row["rank"]) for row in await conn.fetch(SQL_LEADS, resident_id, list(orgs))]


# ---------------------------------------------------------------- sites


class SiteLine(NamedTuple):
    """A dorm or workplace with who answers for it. Leaders are "r:<id>" (resident) or "s:<id>" (staff), "" for none."""

    id: UUID
    org_id: UUID
    kind: str
    name: str
    place_id: UUID | None
    people: int
    landline_enc: bytes | None
    leader: str
    deputy: str
    night_contact: str = ""


SQL_SITES_OF = """
SELECT s.id, s.org_id, s.kind, s.name, s.place_id, s.landline_enc,
       (SELECT count(*) FROM membership m WHERE m.ended_at IS NULL AND s.id IN (m.dorm_id, m.workplace_id)) AS people,
       coalesce(max(CASE WHEN l.rank = 1 THEN coalesce('r:' || l.resident_id, 's:' || l.staff_id) END), '') AS leader,
       coalesce(max(CASE WHEN l.rank = 2 THEN coalesce('r:' || l.resident_id, 's:' || l.staff_id) END), '') AS deputy,
       coalesce(max(CASE WHEN l.rank = 3 THEN coalesce('r:' || l.resident_id, 's:' || l.staff_id) END), '')
           AS night_contact
FROM site s LEFT JOIN site_leader l ON l.site_id = s.id
WHERE s.org_id = ANY($1::uuid[]) AND ($2::uuid IS NULL OR s.id = $2)
GROUP BY s.id ORDER BY s.kind, s.name
"""


async def sites_of(conn: Connection, orgs: Collection[UUID], site_id: UUID | None = None) -> list[SiteLine]:
    """The sites of `orgs`, or the one with this id if it is theirs."""
    rows = await conn.fetch(SQL_SITES_OF, list(orgs), site_id)
    return [SiteLine(**{name: row[name] for name in SiteLine._fields}) for row in rows]


class PlaceKnown(NamedTuple):
    """How exactly a stored place is known (core.model.Precision), and the JIS codes it lies in."""

    precision: Precision
    jis: tuple[str, ...]


SQL_PLACE_KNOWN = """
SELECT p.precision, array_agg(a.code ORDER BY a.code) FILTER (WHERE a.code IS NOT NULL) AS jis
FROM place p LEFT JOIN place_area a ON a.place_id = p.id AND a.scheme = 'jis' WHERE p.id = $1 GROUP BY p.id
"""


async def place_known(conn: Connection, place_id: UUID) -> PlaceKnown | None:
    """What is known of the place of a site; None if there is none that the caller may see."""
    row = await conn.fetchrow(SQL_PLACE_KNOWN, place_id)
    return PlaceKnown(Precision(row["precision"]), tuple(row["jis"] or ())) if row else None


SQL_OCCUPANTS = """
SELECT r.id, r.name, r.state, m.room, m.shift FROM membership m JOIN resident r ON r.id = m.resident_id
WHERE m.ended_at IS NULL AND $1 IN (m.dorm_id, m.workplace_id) AND r.state <> 'left' ORDER BY m.room, r.name, r.id
"""


async def occupants(conn: Connection, site_id: UUID) -> list[Occupant]:
    """Who lives or works at a site that is the caller's to see. The caller writes the audit row."""
    return [Occupant(**dict(row.items())) for row in await conn.fetch(SQL_OCCUPANTS, site_id)]


SQL_LEADER_CHOICES = """
SELECT 'r:' || r.id AS value, r.name FROM membership m JOIN resident r ON r.id = m.resident_id
WHERE m.ended_at IS NULL AND $1 IN (m.dorm_id, m.workplace_id) AND r.state <> 'left'
UNION ALL
SELECT 's:' || p.id, p.name FROM staff p WHERE p.org_id = $2 AND p.disabled_at IS NULL AND p.name <> ''
ORDER BY 2
"""


async def leader_choices(conn: Connection, site: SiteLine) -> list[tuple[str, str]]:
    """Who can answer for a site: its residents and the organisation's staff, as (value, name)."""
    return [(row["value"], row["name"]) for row in await conn.fetch(SQL_LEADER_CHOICES, site.id, site.org_id)]


SQL_SET_SITE = "UPDATE site SET shift = $2, landline_enc = $3 WHERE id = $1"
SQL_SET_SITE_PLACE = "UPDATE site SET place_id = $2 WHERE id = $1"
SQL_SHIFT_OF = "SELECT shift FROM site WHERE id = $1"


async def set_site(conn: Connection, site_id: UUID, *, shift: str, landline_enc: bytes | None) -> str:
    """Change a site's shift and landline; the command tag for `expect_rows`."""
    return str(await conn.execute(SQL_SET_SITE, site_id, shift, landline_enc))


async def shift_of(conn: Connection, site_id: UUID) -> str:
    """When people work at a site, as written."""
    return str(await conn.fetchval(SQL_SHIFT_OF, site_id) or "")


async def give_place(conn: Connection, site_id: UUID, place_id: UUID) -> str:
    """Give a site its first place; the command tag for `expect_rows`."""
    return str(await conn.execute(SQL_SET_SITE_PLACE, site_id, place_id))


SQL_ORG_EXISTS = "SELECT EXISTS (SELECT FROM organisation WHERE slug = $1)"


async def slug_taken(conn: Connection, slug: str) -> bool:
    """Whether an organisation already has this short name."""
    return bool(await conn.fetchval(SQL_ORG_EXISTS, slug))


SQL_LAST_RUN = """
SELECT at, file_name, counts FROM import_run WHERE org_id = $1 AND NOT dry_run ORDER BY at DESC LIMIT 1
"""


async def last_upload(conn: Connection, org_id: UUID) -> tuple[datetime, str, dict[str, int]] | None:
    """When and what the organisation last uploaded; None if never."""
    row = await conn.fetchrow(SQL_LAST_RUN, org_id)
    return (row["at"], row["file_name"], row["counts"]) if row else None
