"""What the list says about people and places right now: taken before and after an import, and compared at its undo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, Record
from core.model import AreaCode, Located, Precision
from geo.store import NewPlace
from registry.import_read_store import open_address, sealed_fields
from registry.rows import AddressInput

#: People per statement: the event loop is never busy for long with one of them.
BATCH = 400

SQL_PEOPLE_NOW = """
SELECT r.id, m.org_id, r.name, r.language, coalesce(r.second_language, '') AS second_language, r.state,
       m.org_id = ANY(r.orgs) AS seen, m.employee_id, m.workplace_id, m.dorm_id, m.room, m.shift,
       m.start_date, m.end_date, m.ended_at, m.household,
       (SELECT p.place_id FROM resident_place p WHERE p.resident_id = r.id AND p.kind = 'home') AS home,
       (SELECT p.place_id FROM resident_place p WHERE p.resident_id = r.id AND p.kind = 'work') AS work,
       ARRAY(SELECT c.id FROM contact c WHERE c.resident_id = r.id ORDER BY c.id) AS contacts,
       ARRAY(SELECT l.site_id::text || ' ' || l.rank FROM site_leader l JOIN site s ON s.id = l.site_id
             WHERE l.resident_id = r.id AND s.org_id = m.org_id ORDER BY 1) AS leads
FROM unnest($1::uuid[], $2::uuid[]) AS u (id, org_id)
JOIN resident r ON r.id = u.id JOIN membership m ON m.resident_id = u.id AND m.org_id = u.org_id
"""


async def people_now(conn: Connection, pairs: Sequence[tuple[UUID, UUID]]) -> dict[UUID, dict[str, Any]]:
    """Per resident of (resident, organisation): what an import could change, as plain values fit for JSON."""
    rows = await conn.fetch(SQL_PEOPLE_NOW, [r for r, _ in pairs], [o for _, o in pairs])
    return {row["id"]: {k: _plain(v) for k, v in row.items() if k != "id"} for row in rows}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)


SQL_PLACES_NOW = """
SELECT p.id, p.label, p.postal_code, p.lat, p.lon, p.precision, p.point_enc, p.address_enc,
       ARRAY(SELECT a.scheme FROM place_area a WHERE a.place_id = p.id ORDER BY a.scheme, a.code) AS schemes,
       ARRAY(SELECT a.code FROM place_area a WHERE a.place_id = p.id ORDER BY a.scheme, a.code) AS codes
FROM place p WHERE p.id = ANY($1::uuid[]) AND ($2 OR NOT EXISTS (SELECT FROM site s WHERE s.place_id = p.id))
"""


async def places_now(
    conn: Connection, vault: Vault, ids: Sequence[UUID], *, of_sites: bool = False
) -> dict[UUID, dict[str, Any]]:
    """Whole places as plain values, their address decrypted: keep them encrypted. `of_sites`: also those of sites."""
    return {row["id"]: _place(vault, row) for row in await conn.fetch(SQL_PLACES_NOW, list(ids), of_sites)}


def _place(vault: Vault, row: Record) -> dict[str, Any]:
    given = open_address(vault, row["id"], row["address_enc"], row["point_enc"])
    return {
        "id": str(row["id"]),
        "label": row["label"],
        "postal_code": row["postal_code"],
        "lat": row["lat"],
        "lon": row["lon"],
        "precision": row["precision"],
        "codes": [list(pair) for pair in zip(row["schemes"], row["codes"], strict=True)],
        "given": asdict(given) if given else None,
    }


def place_again(vault: Vault, kept: dict[str, Any]) -> NewPlace:
    """A place as it was, under its old id, encrypted anew."""
    place_id = UUID(kept["id"])
    codes = tuple(AreaCode(scheme, code) for scheme, code in kept["codes"])
    located = Located(kept["lat"], kept["lon"], Precision(kept["precision"]), codes, kept["postal_code"])
    if kept["given"] is None:
        return NewPlace(place_id, located, kept["label"])
    point, address = sealed_fields(vault, AddressInput(**kept["given"]), place_id)
    return NewPlace(place_id, located, kept["label"], point, address)
