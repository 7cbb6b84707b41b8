"""What an upload is compared with: the organisations, sites and people that it may touch."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final, NamedTuple
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, Record
from core.ids import uuid7
from core.model import Located
from geo.store import NewPlace
from registry.import_plan import ExistingPerson, ExistingSite, Scope, SiteKey
from registry.names import name_key
from registry.rows import AddressInput


class Owner(NamedTuple):
    """The organisation that uploads."""

    id: UUID
    name: str
    slug: str
    kind: str


SQL_OWNER = "SELECT id, name, slug, kind FROM organisation WHERE slug = $1 AND closed_at IS NULL"
SQL_OWNER_BY_ID = "SELECT id, name, slug, kind FROM organisation WHERE id = $1 AND closed_at IS NULL"


async def find_owner(conn: Connection, *, slug: str = "", org_id: UUID | None = None) -> Owner | None:
    """The organisation by slug or id; None if there is no such open one."""
    row = await (conn.fetchrow(SQL_OWNER_BY_ID, org_id) if org_id else conn.fetchrow(SQL_OWNER, slug))
    return Owner(row["id"], row["name"], row["slug"], row["kind"]) if row else None


SQL_LOCK_OWNER = "SELECT id FROM organisation WHERE id = $1 FOR UPDATE"


async def lock_owner(conn: Connection, owner: Owner) -> None:
    """One upload of an organisation at a time; held to the end of the transaction."""
    await conn.execute(SQL_LOCK_OWNER, owner.id)


SQL_SUPERVISED = """
SELECT o.id, o.name, o.slug FROM org_relation r JOIN organisation o ON o.id = r.other_id
WHERE r.org_id = $1 AND r.kind = 'supervises' AND o.closed_at IS NULL
ORDER BY o.created_at, o.id
"""


async def read_scope(
    conn: Connection,
    owner: Owner,
    *,
    may_create_employers: bool,
    proposes: bool = False,
    unknown: str = "foreign_employer",
) -> Scope:
    """Whom this upload may fill: the organisation itself and the employers it supervises."""
    employers = {name_key(owner.name): owner.id}
    employers.setdefault(name_key(owner.slug), owner.id)
    names = {name_key(owner.name): owner.name}
    for row in await conn.fetch(SQL_SUPERVISED, owner.id):
        employers.setdefault(name_key(row["name"]), row["id"])
        employers.setdefault(name_key(row["slug"]), row["id"])
        names.setdefault(name_key(row["name"]), row["name"])
    return Scope(name_key(owner.name), employers, may_create_employers, proposes, unknown, names)


SQL_SITES = """
SELECT s.id, s.org_id, s.kind, s.name, s.place_id, p.address_enc, p.point_enc
FROM site s LEFT JOIN place p ON p.id = s.place_id WHERE s.org_id = ANY($1::uuid[]) ORDER BY s.id
"""


async def read_sites(conn: Connection, vault: Vault, scope: Scope) -> list[ExistingSite]:
    """The sites of every organisation in scope."""
    keys = _keys(scope)
    return [
        ExistingSite(
            row["id"],
            SiteKey(keys[row["org_id"]], row["kind"], row["name"]),
            row["place_id"],
            open_address(vault, row["place_id"], row["address_enc"], row["point_enc"]),
        )
        for row in await conn.fetch(SQL_SITES, list(keys))
    ]


SQL_MEMBERS = """
SELECT m.org_id, m.employee_id, m.room, m.shift, m.start_date, m.end_date, m.ended_at,
       m.household, r.id, r.name, r.language, r.second_language, r.state,
       coalesce(w.name, '') AS site, coalesce(d.name, '') AS dorm,
       h.id AS home_id, h.address_enc AS home_address, h.point_enc AS home_point,
       k.id AS work_id, k.address_enc AS work_address, k.point_enc AS work_point,
       EXISTS (SELECT FROM resident_place x WHERE x.resident_id = r.id AND x.kind <> 'today') AS has_place
FROM membership m JOIN resident r ON r.id = m.resident_id
LEFT JOIN site w ON w.id = m.workplace_id
LEFT JOIN site d ON d.id = m.dorm_id
LEFT JOIN resident_place rh ON rh.resident_id = r.id AND rh.kind = 'home'
LEFT JOIN place h ON h.id = rh.place_id AND NOT EXISTS (SELECT FROM site s WHERE s.place_id = h.id)
LEFT JOIN resident_place rk ON rk.resident_id = r.id AND rk.kind = 'work'
LEFT JOIN place k ON k.id = rk.place_id AND NOT EXISTS (SELECT FROM site s WHERE s.place_id = k.id)
WHERE m.org_id = ANY($1::uuid[])
ORDER BY r.id
"""
SQL_MEMBER_CONTACTS = """
SELECT c.resident_id, array_agg(c.channel ORDER BY c.id) AS channels, array_agg(c.address_bidx ORDER BY c.id) AS indexes
FROM contact c
WHERE c.resident_id IN (SELECT m.resident_id FROM membership m WHERE m.org_id = ANY($1::uuid[]))
GROUP BY c.resident_id
"""


#: People fetched at once.
_PORTION: Final = 500


async def read_people(conn: Connection, vault: Vault, scope: Scope) -> list[ExistingPerson]:
    """Everybody who is or was a member of an organisation in scope."""
    keys = _keys(scope)
    # Fifty thousand people come in portions, and are decrypted in a thread: not in the way of the pages.
    contacts: dict[UUID, frozenset[tuple[str, bytes]]] = {}
    async for row in conn.cursor(SQL_MEMBER_CONTACTS, list(keys), prefetch=_PORTION):
        contacts[row["resident_id"]] = frozenset(zip(row["channels"], row["indexes"], strict=True))
    rows = [row async for row in conn.cursor(SQL_MEMBERS, list(keys), prefetch=_PORTION)]
    return await asyncio.to_thread(lambda: [_person(vault, row, keys, contacts) for row in rows])


def _person(
    vault: Vault, row: Record, keys: dict[UUID, str], contacts: dict[UUID, frozenset[tuple[str, bytes]]]
) -> ExistingPerson:
    return ExistingPerson(
        id=row["id"],
        employer=keys[row["org_id"]],
        name=row["name"],
        language=row["language"],
        second_language=row["second_language"] or "",
        enrolled=row["state"] != "invited",
        employee_id=row["employee_id"],
        contacts=contacts.get(row["id"], frozenset()),
        site=row["site"],
        dorm=row["dorm"],
        room=row["room"],
        shift=row["shift"],
        start_date=row["start_date"],
        end_date=row["end_date"],
        ended=row["ended_at"] is not None,
        home=open_address(vault, row["home_id"], row["home_address"], row["home_point"]),
        work=open_address(vault, row["work_id"], row["work_address"], row["work_point"]),
        has_place=row["has_place"],
        household=row["household"],
    )


def _keys(scope: Scope) -> dict[UUID, str]:
    keys: dict[UUID, str] = {scope.employers[scope.own]: scope.own}
    for key, org in scope.employers.items():
        keys.setdefault(org, key)
    return keys


def open_address(
    vault: Vault, place_id: UUID | None, address_enc: bytes | None, point_enc: bytes | None
) -> AddressInput | None:
    """What was given for a place, decrypted; None for a place that was made without (or no place)."""
    if place_id is None or point_enc is None:
        return None
    point: dict[str, Any] = json.loads(vault.decrypt(point_enc, place_id, "place.point_enc"))
    address = vault.decrypt(address_enc, place_id, "place.address_enc") if address_enc else ""
    return AddressInput(point.get("postal_code", ""), address, point["lat"], point["lon"])


def sealed_fields(vault: Vault, given: AddressInput, place_id: UUID) -> tuple[bytes, bytes | None]:
    """What was given for a place, encrypted for that row: (place.point_enc, place.address_enc)."""
    point = {"lat": given.lat, "lon": given.lon, "postal_code": given.postal_code}
    return (
        vault.encrypt(json.dumps(point), place_id, "place.point_enc"),
        vault.encrypt(given.address, place_id, "place.address_enc") if given.address else None,
    )


def seal_place(vault: Vault, given: AddressInput, located: Located, label: str = "") -> NewPlace:
    """A place ready to store: what was given is encrypted, only areas and mesh stay readable."""
    place_id = uuid7()
    point, address = sealed_fields(vault, given, place_id)
    return NewPlace(id=place_id, located=located, label=label, point_enc=point, address_enc=address)
