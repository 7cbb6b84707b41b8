"""Disclosures in the database: opening an approved one, what it shows, and who must be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.audit import Actor, audit
from core.crypto import Vault
from core.db import Connection
from core.ids import uuid7
from registry.approvals import ApprovalError, Kind
from registry.approvals_store import take
from registry.break_glass import LASTS, Request, from_payload, is_open, shown
from registry.consent_store import protect
from registry.needs_store import read_needs

#: Most people one page shows; a town with more is worked through street by street, not by one list.
MOST = 2_000


class Scopes(NamedTuple):
    """What can be disclosed about now: towns (code -> people told there) and people with an open live case."""

    towns: dict[str, int]
    #: (person, name or "" where they have not agreed to be named, municipality code, reason of the case).
    people: list[tuple[UUID, str, str, str]]


SQL_TOWNS = """
SELECT pa.code, count(DISTINCT ir.resident_id) AS people
FROM incident_resident ir
JOIN incident i ON i.id = ir.incident_id AND i.closed_at IS NULL AND i.purpose = 'live'
JOIN resident_place rp ON rp.resident_id = ir.resident_id AND rp.kind = 'home'
JOIN place_area pa ON pa.place_id = rp.place_id AND pa.scheme = 'jis'
GROUP BY pa.code ORDER BY count(DISTINCT ir.resident_id) DESC, pa.code
"""
SQL_CASE_PEOPLE = """
SELECT c.resident_id, CASE WHEN c3.given AND r.state = 'enrolled' THEN r.name ELSE '' END AS name, c.reason,
       CASE WHEN r.protected THEN '' ELSE coalesce((
           SELECT pa.code FROM resident_place rp JOIN place_area pa ON pa.place_id = rp.place_id AND pa.scheme = 'jis'
           WHERE rp.resident_id = r.id AND rp.kind = 'home' ORDER BY pa.code LIMIT 1), '') END AS town
FROM case_file c
JOIN incident i ON i.id = c.incident_id AND i.closed_at IS NULL
JOIN resident r ON r.id = c.resident_id
LEFT JOIN LATERAL (SELECT given FROM consent WHERE resident_id = r.id AND scope = 'C3'
                   ORDER BY id DESC LIMIT 1) c3 ON true
WHERE c.closed_at IS NULL AND c.purpose = 'live' ORDER BY c.reason_since LIMIT 500
"""


async def scopes_now(conn: Connection) -> Scopes:
    """The towns and people of open live incidents; nothing while none is open. The caller writes the audit row."""
    towns = {row["code"]: row["people"] for row in await conn.fetch(SQL_TOWNS)}
    people = [
        (row["resident_id"], row["name"], row["town"], row["reason"]) for row in await conn.fetch(SQL_CASE_PEOPLE)
    ]
    return Scopes(towns, people)


class Glass(NamedTuple):
    """One disclosure, open or over."""

    id: UUID
    request: Request
    org_id: UUID
    opened_at: datetime
    ended_at: datetime | None

    def is_open(self, now: datetime) -> bool:
        return is_open(self.opened_at, self.ended_at, now)

    @property
    def ends_at(self) -> datetime:
        return self.opened_at + LASTS


SQL_DECIDED_BY = "SELECT decided_by, made_by FROM approval WHERE id = $1"
SQL_OURS = """
SELECT EXISTS (SELECT FROM approval a JOIN staff p ON p.id = a.made_by
               WHERE a.id = $1 AND a.kind = 'break_glass' AND p.org_id = $2)
"""
SQL_OPEN = """
INSERT INTO break_glass (id, purpose, recipient, fields, municipality, resident_id, org_id, opened_by, approved_by,
                         opened_at, ends_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""


async def open_glass(conn: Connection, approval_id: UUID, actor: Actor, now: datetime) -> UUID:
    """Carry an approved proposal out, once: its 72 hours begin. Raises ApprovalError (not approved, expired, taken).

    Only the organisation that proposed it may: another's proposal does not exist for it.
    """
    if not await conn.fetchval(SQL_OURS, approval_id, actor.org_id):
        raise ApprovalError("not_found", f"there is no proposal {approval_id} of this organisation")
    request = from_payload(await take(conn, approval_id, Kind.BREAK_GLASS, now))
    decided = await conn.fetchrow(SQL_DECIDED_BY, approval_id)
    assert decided is not None and actor.org_id is not None
    glass_id = uuid7()
    await conn.execute(
        SQL_OPEN,
        glass_id,
        request.purpose,
        request.recipient,
        list(request.fields),
        request.municipality,
        request.person,
        actor.org_id,
        decided["made_by"],
        decided["decided_by"],
        now,
        now + LASTS,
    )
    await audit(
        conn,
        actor,
        "break_glass.open",
        at=now,
        subjects=[request.person] if request.person else [],
        fields=request.fields,
        detail={"break_glass": str(glass_id), "approval": str(approval_id), "town": request.municipality or ""},
    )
    return glass_id


SQL_GLASSES = """
SELECT id, purpose, recipient, fields, municipality, resident_id, org_id, opened_at, ended_at FROM break_glass
WHERE org_id = $1 AND ($2::uuid IS NULL OR id = $2) ORDER BY opened_at DESC LIMIT 50
"""


async def glasses(conn: Connection, org_id: UUID, glass_id: UUID | None = None) -> list[Glass]:
    """The disclosures of a network, newest first; or the one with this id if it is theirs."""
    return [
        Glass(
            row["id"],
            Request(row["purpose"], row["recipient"], tuple(row["fields"]), row["municipality"], row["resident_id"]),
            row["org_id"],
            row["opened_at"],
            row["ended_at"],
        )
        for row in await conn.fetch(SQL_GLASSES, org_id, glass_id)
    ]


SQL_END = "UPDATE break_glass SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL"


async def end_glass(conn: Connection, glass_id: UUID, actor: Actor, now: datetime) -> None:
    """End a disclosure before its time; nothing happens to one that is over."""
    if await conn.execute(SQL_END, glass_id, now) == "UPDATE 1":
        await audit(conn, actor, "break_glass.end", at=now, detail={"break_glass": str(glass_id)})


@dataclass(frozen=True, slots=True)
class Disclosed:
    """One person as a disclosure shows them: only the named fields stand in `values`, "" where nothing is known."""

    resident_id: UUID
    protected: bool
    values: dict[str, list[str]] = field(default_factory=dict)


SQL_PEOPLE = """
SELECT r.id, r.name, r.language, r.second_language, r.protected, p.id AS place_id, p.label, p.address_enc,
       coalesce(d.name, '') AS dorm, coalesce(m.room, '') AS room, s.status
FROM resident r
LEFT JOIN resident_place rp ON rp.resident_id = r.id AND rp.kind = 'home'
LEFT JOIN place p ON p.id = rp.place_id
LEFT JOIN LATERAL (SELECT m.dorm_id, m.room FROM membership m
                   WHERE m.resident_id = r.id AND m.ended_at IS NULL AND m.dorm_id IS NOT NULL
                   ORDER BY m.created_at LIMIT 1) m ON true
LEFT JOIN site d ON d.id = m.dorm_id
LEFT JOIN LATERAL (SELECT ir.status FROM incident_resident ir JOIN incident i ON i.id = ir.incident_id
                   WHERE ir.resident_id = r.id AND i.closed_at IS NULL AND i.purpose = 'live'
                   ORDER BY i.opened_at DESC LIMIT 1) s ON true
WHERE r.state <> 'left'
  AND (r.id = $1 OR EXISTS (SELECT FROM place_area pa WHERE pa.place_id = rp.place_id AND pa.scheme = 'jis'
                            AND pa.code = $2))
  AND EXISTS (SELECT FROM incident_resident ir JOIN incident i ON i.id = ir.incident_id
              WHERE ir.resident_id = r.id AND i.closed_at IS NULL AND i.purpose = 'live')
ORDER BY d.name NULLS LAST, m.room, r.id LIMIT $3
"""
SQL_PHONES = """
SELECT resident_id, id, address_enc FROM contact
WHERE resident_id = ANY($1) AND channel = 'phone' AND state <> 'opted_out' ORDER BY created_at
"""
SQL_TELL_LATER = """
INSERT INTO break_glass_person (break_glass_id, resident_id, first_shown_at)
SELECT $1, person, $3 FROM unnest($2::uuid[]) AS person ON CONFLICT DO NOTHING
"""


async def disclose(conn: Connection, vault: Vault, glass: Glass, actor: Actor, now: datetime) -> list[Disclosed]:
    """What an open disclosure shows, with its audit row and the note for each person; [] once it is over.

    Of a town: people of open live incidents who live there; a protected person stands in it without any place, so only
    where the town is not what gives them away: they are left out of a town's list and can be asked for one by one.
    """
    if not glass.is_open(now):
        return []
    request = glass.request
    rows = await conn.fetch(SQL_PEOPLE, request.person, request.municipality, MOST)
    rows = [row for row in rows if not (row["protected"] and request.person is None)]
    ids = [row["id"] for row in rows]
    phones: dict[UUID, list[str]] = {}
    if "phone" in request.fields:
        for contact in await conn.fetch(SQL_PHONES, ids):
            number = vault.decrypt(contact["address_enc"], contact["id"], "contact.address_enc")
            phones.setdefault(contact["resident_id"], []).append(number)
    needs = await read_needs(conn, vault, ids) if "needs" in request.fields else {}
    found = []
    for row in rows:
        address = row["label"] or ""
        if row["address_enc"]:
            address = vault.decrypt(row["address_enc"], row["place_id"], "place.address_enc")
        everything = {
            "name": [row["name"]],
            "languages": [tag for tag in (row["language"], row["second_language"]) if tag],
            "phone": phones.get(row["id"], []),
            "address": [address] if address else [],
            "dorm": [text for text in (row["dorm"], row["room"]) if text],
            "status": [row["status"]] if row["status"] else [],
            "needs": [need.note or need.kind for need in needs.get(row["id"], [])],
        }
        named = shown(request.fields, protected=row["protected"])
        found.append(Disclosed(row["id"], row["protected"], {name: everything[name] for name in named}))
    await conn.execute(SQL_TELL_LATER, glass.id, ids, now)
    await audit(
        conn,
        actor,
        "break_glass.read",
        at=now,
        subjects=ids,
        fields=request.fields,
        detail={"break_glass": str(glass.id)},
    )
    return found


SQL_COUNT = "SELECT count(*) FROM break_glass_person WHERE break_glass_id = $1"


async def people_shown(conn: Connection, glass_id: UUID) -> int:
    """How many people a disclosure has shown so far."""
    return int(await conn.fetchval(SQL_COUNT, glass_id))


SQL_MINE = """
SELECT id FROM approval WHERE kind = 'break_glass' AND made_by = $1 AND state = 'approved' AND expires_at > $2
ORDER BY made_at
"""


async def ready(conn: Connection, staff_id: UUID, now: datetime) -> list[UUID]:
    """The approved proposals of one coordinator that can be opened now."""
    return [row["id"] for row in await conn.fetch(SQL_MINE, staff_id, now)]


SQL_PERSON_OF_CASE = """
SELECT c.resident_id FROM case_file c JOIN incident i ON i.id = c.incident_id AND i.closed_at IS NULL
WHERE c.id = $1 AND c.closed_at IS NULL
"""


async def protect_by_case(conn: Connection, case_id: UUID, actor: Actor, now: datetime) -> bool:
    """A coordinator learns of stalking or violence: protect the person of an open case; False if there is none."""
    person = await conn.fetchval(SQL_PERSON_OF_CASE, case_id)
    if person is None:
        return False
    await protect(conn, person)
    await audit(conn, actor, "person.protect", at=now, subjects=[person], fields=["protected"])
    return True
