"""Sites with their places, for the report about flood and landslide areas."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from core.db import Connection
from core.model import Precision
from geo.areas import Areas
from geo.zones import Point
from geo.zones_store import editions, place_hazards
from registry.site_hazards import SiteHazard, SitePlace, site_hazard

SQL_SITE_PLACES = """
SELECT s.id, s.org_id, s.kind, s.name, s.place_id, p.lat, p.lon, coalesce(p.precision, 'unknown') AS precision,
       (SELECT count(*) FROM membership m WHERE m.ended_at IS NULL AND s.id IN (m.dorm_id, m.workplace_id)) AS people,
       ARRAY(SELECT DISTINCT left(a.code, 2) FROM place_area a
             WHERE a.place_id = s.place_id AND a.scheme = 'jis' ORDER BY 1) AS prefectures
FROM site s LEFT JOIN place p ON p.id = s.place_id
WHERE s.org_id = ANY($1::uuid[]) AND ($2::uuid IS NULL OR s.id = $2)
ORDER BY s.kind, s.name, s.id
"""


async def site_hazards(
    conn: Connection, orgs: Collection[UUID], lang: str, site_id: UUID | None = None
) -> list[SiteHazard]:
    """What is known of the sites of `orgs`, or of one of them: dorms first. `lang`: the reader's."""
    sites = [
        SitePlace(
            row["id"],
            row["org_id"],
            row["kind"],
            row["name"],
            row["people"],
            row["place_id"],
            Point(row["lat"], row["lon"], Precision(row["precision"])),
            tuple(row["prefectures"]),
        )
        for row in await conn.fetch(SQL_SITE_PLACES, list(orgs), site_id)
    ]
    known = await editions(conn)
    found = await place_hazards(conn, [site.place_id for site in sites if site.place_id is not None])
    areas = Areas.load()
    return [
        site_hazard(site, found.get(site.place_id) if site.place_id else None, known, lang, areas) for site in sites
    ]
