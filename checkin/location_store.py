"""Positions that people sent, as whoever goes there needs them: landmark, direction, accuracy, age."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from checkin.triage import Unit
from core.crypto import Vault
from core.db import Connection
from core.model import Role
from geo.shapes import OutsideJapan, Shapes
from geo.shelters import WALKABLE_M
from geo.shelters_store import shelters_around
from registry.access import may_see_location
from registry.location import Near, Position, geo_link, nearest_landmark
from registry.location_store import locations_for_helpers

#: Rows of the shelters' list read for the nearest: a site may stand in it twice.
_ROWS: Final = 4


class Whereabouts(NamedTuple):
    """A position on a unit's page. `near`: from the nearest known landmark; `municipality`: JIS code, "" abroad."""

    position: Position
    sent_at: datetime
    near: Near | None
    municipality: str

    @property
    def link(self) -> str:
        """Opens in the phone's own map."""
        return geo_link(self.position)

    @property
    def coordinates(self) -> str:
        """To read out or to copy."""
        return f"{self.position.lat:.5f}, {self.position.lon:.5f}"


async def whereabouts(
    conn: Connection, vault: Vault, role: Role, unit: Unit, staff_id: UUID, now: datetime
) -> dict[UUID, Whereabouts]:
    """Where the people of a unit said they were, for who holds the unit or may take it; else nothing.

    The caller writes the audit row in the same transaction. People whom nobody may find are left out by the query.
    """
    claim = unit.claim(now)
    free = claim is None or claim.staff_id == staff_id
    if not may_see_location(role, protected=False, mine_or_free=free):
        return {}
    people = [case.resident_id for case in unit.cases]
    found = {}
    for person, shared in (await locations_for_helpers(conn, vault, people, unit.purpose.value)).items():
        at = shared.position
        around = await shelters_around(conn, at.lat, at.lon, WALKABLE_M, limit=_ROWS)
        found[person] = Whereabouts(at, shared.sent_at, nearest_landmark(at, around), _municipality(at))
    return found


def _municipality(at: Position) -> str:
    try:
        return Shapes.load().at(at.lat, at.lon).inside[0][:5]
    except OutsideJapan:
        return ""
