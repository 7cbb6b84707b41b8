"""What employers and residents are told about the flood and landslide areas around their places."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.db import Pool, transaction
from core.i18n import Catalogs
from core.ids import uuid7
from core.model import OrgKind, Precision
from geo.areas import Areas
from geo.zones import Lies, PlaceHazard, Point, RiverDepth, ZoneKind
from geo.zones_store import Edition
from registry import store
from registry.site_hazards import SitePlace, site_hazard
from tests import people
from tests.people import NOW, VAULT, Org
from tests.staff_site import form_to, staff_site
from tests.zone_files import (
    HILL,
    KUMA,
    RIVERSIDE,
    compare_all,
    flood,
    import_zones,
    landslide,
    place_at,
    square,
    write,
)

EDITION = {kind: Edition(uuid7(), "43", kind, "2024", "A31a", "0" * 64, "MLIT", 1, 0, True, NOW) for kind in ZoneKind}
BOTH = tuple(EDITION.values())
KUMA_RIVER = (RiverDepth(KUMA, "球磨川", 3, "largest"),)


def place(
    precision: Precision = Precision.EXACT, prefectures: tuple[str, ...] = ("43",), *, known: bool = True
) -> SitePlace:
    point = Point(*RIVERSIDE, precision)
    return SitePlace(uuid7(), uuid7(), "dorm", "Dorm", 6, uuid7() if known else None, point, prefectures)


@pytest.mark.parametrize(
    ("site", "found", "editions", "keys"),
    [
        (place(), PlaceHazard(Lies.IN, Lies.OUT, KUMA_RIVER), BOTH, ("flood_in", "landslide_out")),
        (place(), PlaceHazard(Lies.OUT, Lies.IN, (), 2), BOTH, ("flood_out", "landslide_in.2")),
        (place(), PlaceHazard(Lies.OUT, Lies.UNKNOWN), BOTH[:1], ("flood_out", "unknown.no_data")),
        (place(), None, (), ("unknown.no_data", "unknown.no_data")),
        (place(), None, BOTH, ("unknown.soon", "unknown.soon")),
        (place(prefectures=("43", "46")), PlaceHazard(), BOTH, ("unknown.no_data", "unknown.no_data")),
        (place(Precision.MUNICIPALITY), None, BOTH, ("unknown.address", "unknown.address")),
        (place(Precision.POSTAL), None, (), ("unknown.address", "unknown.address")),
        (
            place(Precision.TOWN),
            PlaceHazard(Lies.UNKNOWN, Lies.OUT, KUMA_RIVER),
            BOTH,
            ("unknown.town", "landslide_out"),
        ),
        (place(), PlaceHazard(), [e._replace(complete=False) for e in BOTH], ("unknown.part", "unknown.part")),
        (place(known=False), None, BOTH, ("unknown.place", "unknown.place")),
    ],
)
def test_what_is_said_about_a_site(
    site: SitePlace, found: PlaceHazard | None, editions: list[Edition], keys: tuple[str, str]
) -> None:
    said = site_hazard(site, found, editions, "en", Areas.load())
    assert tuple(said.lines[kind][0].key for kind in ZoneKind) == tuple(f"staff.hazard.{key}" for key in keys)
    assert said.endangered is any("_in" in key for key in keys)
    assert said.unknown is any("unknown" in key for key in keys)
    known = Catalogs.load().keys("en")
    for lines in said.lines.values():
        for line in lines:
            assert line.key in known and (not line.depth or {line.depth, line.scale} <= known)


async def company(db: Pool, tmp_path: Path) -> Org:
    """An employer with a dorm at the river, an office on the hill, and a store of which only the town is known."""
    org = await people.make_org(db, name="Hoshizora Farm")
    for name, kind, point, precision in (
        ("River Dorm", "dorm", RIVERSIDE, "exact"),
        ("Hill Office", "workplace", HILL, "exact"),
        ("Store", "workplace", HILL, "municipality"),
    ):
        place_id = await place_at(db, point, precision)
        await store.create_site(db, VAULT, org_id=org.id, kind=kind, name=name, now=NOW, place_id=place_id)
    slope = landslide(square(RIVERSIDE[0], RIVERSIDE[1] + 0.05), zone=2)
    await import_zones(db, write(tmp_path, "a.geojson", flood()), write(tmp_path, "b.geojson", slope))
    await compare_all(db)
    return org


async def test_the_employer_reads_which_dorm_lies_in_a_flood_area(db: Pool, tmp_path: Path) -> None:
    org = await company(db, tmp_path)
    other = await people.make_org(db)
    union = await people.make_org(db, OrgKind.SUPERVISING)
    async with transaction(db) as conn:
        await store.relate(conn, union.id, org.id)
    async with staff_site(db) as site:
        clerk = await site.signed_in(org)
        status, html = await clerk.get("/hazards")
        assert status == 200
        first = html.split("<section")[1]
        assert (
            "River Dorm" in first
            and "Kumagawa (球磨川)" in first
            and "3–5 m" in first
            and "ground floor would be under water" in first
        )
        assert "Agree now where the people go" in first and "heaviest rain" in first
        assert "Not known: only the municipality" in html and "every alert of level 3" in html
        assert "No published flood area within 300 m" in html
        assert "国土交通省" in html and "2024" in html
        assert "1 of 3 places" in html
        _, html = await clerk.get("/sites")
        assert "flood 3–5 m" in html and 'href="/hazards"' in html
        site_id = await db.fetchval("SELECT id FROM site WHERE name = 'River Dorm'")
        _, html = await clerk.get(f"/sites/{site_id}")
        assert "球磨川" in html and "3–5 m" in html
        _, html = await (await site.signed_in(union)).get("/hazards")
        assert "River Dorm" in html and "Hoshizora Farm" in html
        status, html = await (await site.signed_in(other)).get("/hazards")
        assert status == 200 and "River Dorm" not in html


async def test_the_own_page_says_it_in_one_line_and_keeps_the_choice(db: Pool, tmp_path: Path) -> None:
    org = await company(db, tmp_path)
    dorm = await db.fetchval("SELECT place_id FROM site WHERE name = 'River Dorm'")
    office = await db.fetchval("SELECT place_id FROM site WHERE name = 'Hill Office'")
    inside = await people.make_resident(db, org.id, home_place_id=dorm, language="vi")
    outside = await people.make_resident(db, org.id, home_place_id=office, language="en")
    async with transaction(db) as conn:
        pages = [f"/p/{await store.personal_token(conn, VAULT, person.id)}" for person in (inside, outside)]
    async with staff_site(db) as site:
        visitor = site.visitor()
        assert "nước sông có thể sâu 3–5 m" in (await visitor.get(pages[0]))[1]
        _, html = await visitor.get(pages[1])
        assert "Official flood map" not in html and "level 3" in html
        assert form_to(html, pages[1]).values.get("level3") is None
        await visitor.submit(pages[1], pages[1], {"level3": "1"})
        assert await db.fetchval("SELECT level3_always FROM resident WHERE id = $1", outside.id) is True
        assert not await db.fetchval("SELECT level3_always FROM resident WHERE id = $1", inside.id)
        _, html = await visitor.get(pages[1])
        assert form_to(html, pages[1]).values.get("level3") == "1"
        status, _ = await visitor.post(pages[1], {"language": "en"})  # a form from before the choice was there
        assert status == 200 and await db.fetchval("SELECT level3_always FROM resident WHERE id = $1", outside.id)
        values = {k: v for k, v in form_to(html, pages[1]).values.items() if k != "level3"}
        await visitor.post(pages[1], values)
        assert not await db.fetchval("SELECT level3_always FROM resident WHERE id = $1", outside.id)
