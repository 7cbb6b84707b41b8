"""Whose places a change of tables touches: organisations and their sites, never a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from core.db import Connection


class Touched(NamedTuple):
    """One changed place of an organisation: `site` is its name, "" for the home or workplace of a person."""

    org: str
    site: str
    place_id: UUID


# People of several organisations count in each.
WHOSE_PLACES = """
SELECT o.name AS org, s.name AS site, s.place_id
FROM site s JOIN organisation o ON o.id = s.org_id
WHERE s.place_id = ANY($1::uuid[])
UNION
SELECT coalesce(o.name, '') AS org, '' AS site, p.place_id
FROM resident_place p
LEFT JOIN membership m ON m.resident_id = p.resident_id AND m.ended_at IS NULL
LEFT JOIN organisation o ON o.id = m.org_id
WHERE p.place_id = ANY($1::uuid[]) AND NOT EXISTS (SELECT FROM site s WHERE s.place_id = p.place_id)
ORDER BY org, site, place_id
"""


async def whose_places(conn: Connection, places: Sequence[UUID]) -> list[Touched]:
    """The organisations of these places; org "" where a person belongs to none."""
    return [Touched(*row) for row in await conn.fetch(WHOSE_PLACES, list(places))]
