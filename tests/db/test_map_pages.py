"""The map of an incident: whose numbers each viewer sees, what was issued, and that nothing else is shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

from lxml import html as lxml_html

from checkin.cases_store import open_due_cases
from checkin.map_store import cases_by_town, standing_events, standings_by_town, told_by_town
from checkin.map_web import ROUTES
from checkin.store import record_check_in
from core.db import Pool, Scope, ScopedPool, transaction
from core.model import Answer, AnsweredBy, Area, Event, OrgKind, Polygon, Purpose
from tests.alerts_kit import city, quake, rain, region, store_event, tsunami
from tests.board_site import BoardSite, board_site
from tests.incidents import QUAKE_CONTEXT, make_incident, tell
from tests.incidents import TestIncident as Incident
from tests.people import MASHIKI, NOW, VAULT, Org, make_org, make_resident, make_site

KIKUYO = (("jis", "43404"), ("jma.city", "4340400"), ("jma.quake_area", "741"))
SQL_SUPERVISES = "INSERT INTO org_relation (org_id, other_id, kind) VALUES ($1, $2, 'supervises')"
SQL_HAPPENED = "INSERT INTO incident_event (incident_id, event_id) VALUES ($1, $2)"
SQL_DECIDED = "UPDATE event SET decided_at = $2 WHERE id = $1"
SQL_READS = "SELECT action, staff_id, subjects, fields, incident_id FROM audit WHERE action = 'map.read' ORDER BY id"
SHOOK = quake(
    region("7"), city("4344300", "7"), city("4340400", "5+"), city("4344200", "5-", not_received=True),
    city("4310200", "6-"), city("4310100", "5+"), at=NOW - timedelta(minutes=3),
)  # fmt: skip


async def happen(db: Pool, incident: Incident, *events: Event) -> None:
    for event in events:
        event_id = await store_event(db, event, purpose=Purpose(incident.purpose))
        await db.execute(SQL_DECIDED, event_id, NOW)
        await db.execute(SQL_HAPPENED, incident.id, event_id)


async def company(db: Pool, incident: Incident, *, mashiki: int = 2, kikuyo: int = 3) -> Org:
    """An employer with people in two towns, one who asks for help in Mashiki, and one at home in Hitoyoshi alone."""
    org = await make_org(db)
    dorm = await make_site(db, org.id, name="Aoba Dorm", codes=MASHIKI)
    plant = await make_site(db, org.id, kind="workplace", name="Plant 1", codes=KIKUYO)
    people = [await make_resident(db, org.id, dorm=dorm, workplace=plant) for _ in range(mashiki)]
    people += [await make_resident(db, org.id, workplace=plant) for _ in range(kikuyo)]
    people.append(await make_resident(db, org.id))
    for person in people:
        await tell(db, incident, person.id)
    if mashiki:
        async with transaction(db) as conn:
            await record_check_in(
                conn, VAULT, incident_id=incident.id, resident_id=people[0].id, answer=Answer.HELP,
                answered_by=AnsweredBy.SELF, via="test", tapped_at=NOW, now=NOW,
            )  # fmt: skip
    return org


class Page:
    """A map page: its table by municipality, and the labels on the picture."""

    def __init__(self, text: str) -> None:
        self.text = text
        tree = lxml_html.fromstring(text)
        self.rows = {
            " ".join(row.xpath("string(./th)").split()): [
                " ".join(td.text_content().split()) for td in row.xpath("./td")
            ]
            for row in tree.xpath("//table[contains(@class, 'maptable')]/tbody/tr")
        }
        self.labels = [t.strip() for t in tree.xpath("//svg//text/text()")]
        self.links = set(tree.xpath("//table[contains(@class, 'maptable')]//a/@href"))
        self.chips = dict(zip(tree.xpath("//nav[@class='chips']/a/text()"), tree.xpath("//nav[@class='chips']/a/@href"),
                              strict=False))  # fmt: skip


@asynccontextmanager
async def maps(db: Pool) -> AsyncIterator[BoardSite]:
    async with board_site(db, more=ROUTES) as site:
        yield site


async def look(site: BoardSite, staff_id: UUID, path: str) -> Page:
    return Page(await (await site.visitor(staff_id)).html(path))


async def test_an_employer_sees_what_was_issued_and_its_own_people_by_town(db: Pool) -> None:
    incident = await make_incident(db)
    await happen(db, incident, SHOOK)
    org, _other = await company(db, incident), await company(db, incident)
    async with maps(db) as site:
        page = await look(site, org.staff_id, f"/map/{incident.id}")
    assert list(page.rows)[0] == "Mashiki 益城町"  # the worst first
    assert page.rows["Mashiki 益城町"] == ["7", "1", "1", "2"]
    assert page.rows["Kikuyo 菊陽町"] == ["5+", "0", "3", "3"]
    assert "shindo 5 Lower or more: not received yet" in page.text
    # A home of somebody's own is nowhere.
    assert page.rows["No dorm or workplace on the list"] == ["", "0", "1", "1"]
    assert {"!2/2", "3/3", "7"} <= set(page.labels)
    assert "Higashi-ku 6-" in page.rows["Kumamoto-shi 熊本市"][0]
    assert "?area=43443&scale=intensity" in page.links
    assert "style=" not in page.text and "<script" not in page.text and len(page.text.encode()) < 90_000
    assert "Aoba" not in page.text and "Plant 1" not in page.text
    (read,) = await db.fetch(SQL_READS)
    assert (read["staff_id"], read["incident_id"], read["fields"]) == (org.staff_id, incident.id, ["totals"])
    assert not read["subjects"]


async def test_zooming_in_and_out_by_plain_links(db: Pool) -> None:
    incident = await make_incident(db)
    await happen(db, incident, SHOOK)
    org = await company(db, incident)
    async with maps(db) as site:
        town = await look(site, org.staff_id, f"/map/{incident.id}?area=43443")
        assert "Mashiki 益城町" in town.rows and town.rows["Outside this map"] == ["", "0", "3", "3"]
        assert {href.split("area=")[1].split("&")[0] for href in town.chips.values() if "area=" in href} >= {"jp", "43"}
        japan = await look(site, org.staff_id, f"/map/{incident.id}?area=jp")
        assert list(japan.rows)[0].startswith("Kumamoto") and japan.rows[list(japan.rows)[0]][1:] == ["1", "4", "5"]
        area = await look(site, org.staff_id, f"/map/{incident.id}?area=741")
        assert "Mashiki 益城町" in area.rows
        visitor = await site.visitor(org.staff_id)
        for wrong in ("99", "00000", "43443;drop", "4", "x" * 300, "43443,", "jp,43"):
            assert (await visitor.get(f"/map/{incident.id}?area={wrong}")).status == 404, wrong
        assert (await visitor.get(f"/map/{uuid4()}")).status == 404


async def test_supervising_adds_its_employers_up_and_nobody_elses(db: Pool) -> None:
    incident = await make_incident(db)
    await happen(db, incident, SHOOK)
    one, two, _foreign = [await company(db, incident) for _ in range(3)]
    union = await make_org(db, OrgKind.SUPERVISING)
    for employer in (one, two):
        await db.execute(SQL_SUPERVISES, union.id, employer.id)
    async with maps(db) as site:
        page = await look(site, union.staff_id, f"/map/{incident.id}")
    assert page.rows["Mashiki 益城町"] == ["7", "2", "2", "4"]


async def test_coordinators_see_the_boards_numbers(db: Pool) -> None:
    incident = await make_incident(db)
    await happen(db, incident, SHOOK)
    await company(db, incident)
    await open_due_cases(db, NOW, lambda hazard, severity, night: 0)
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    async with maps(db) as site:
        page = await look(site, network.staff_id, f"/map/{incident.id}")
        assert page.rows["Mashiki 益城町"] == ["7", "1", "1", "0"]
        assert page.rows["Kikuyo 菊陽町"] == ["5+", "0", "3", "0"]
        assert {"!2", "3"} <= set(page.labels)
        first = await (await site.visitor(network.staff_id)).get("/map")
        assert (first.status, first.headers["Location"]) == (303, f"/map/{incident.id}")
        await db.execute("UPDATE incident SET closed_at = $1, key_enc = NULL", NOW)
        assert (await (await site.visitor(network.staff_id)).get(f"/map/{incident.id}")).status == 404
        assert "No incident is open" in (await look(site, network.staff_id, "/map")).text


async def test_the_operator_sees_no_small_number_on_any_map(db: Pool) -> None:
    incident = await make_incident(db)
    await happen(db, incident, SHOOK)
    await company(db, incident, mashiki=2, kikuyo=4)
    await company(db, incident, mashiki=0, kikuyo=5)
    operator = await make_org(db, OrgKind.OPERATOR)
    async with maps(db) as site:
        seen = [
            await look(site, operator.staff_id, f"/map/{incident.id}{query}")
            for query in ("", "?area=jp", "?area=43443")
        ]
    by_town, japan, zoomed = seen
    assert by_town.rows["Mashiki 益城町"][1] == "–" and zoomed.rows["Mashiki 益城町"][1] == "–"
    # Mashiki and Kikuyo lie in one warning area: its sum is hidden as well.
    assert japan.rows[list(japan.rows)[0]][1] == "–"
    assert by_town.rows["Kikuyo 菊陽町"][1] in ("9", "–")
    for page in seen:
        assert not [cells for cells in page.rows.values() if cells[1] in ("1", "2")], page.rows
        assert "under 3" in page.text


async def test_each_hazard_has_its_own_map_and_only_the_newest_word_counts(db: Pool) -> None:
    incident = await make_incident(db)
    wave = tsunami("advisory", at=NOW - timedelta(minutes=2))
    await happen(db, incident, SHOOK, wave, tsunami("warning", at=NOW - timedelta(minutes=1)))
    flash = quake(region("6-"), type="VXSE51", at=NOW - timedelta(minutes=5))
    await happen(db, incident, flash)
    org = await company(db, incident)
    async with maps(db) as site:
        quake_page = await look(site, org.staff_id, f"/map/{incident.id}")
        wave_page = await look(site, org.staff_id, f"/map/{incident.id}?scale=tsunami&area=43")
    assert "Tsunami" in quake_page.text and "Seismic intensity" in wave_page.text  # each links to the other
    assert "Tsunami Warning" in wave_page.rows["Reihoku 苓北町"][0] and "Advisory" not in "".join(
        c[0] for c in wave_page.rows.values()
    )
    assert "Mashiki 益城町" in wave_page.rows and wave_page.rows["Mashiki 益城町"][0] == "no level"


async def test_an_incident_without_reports_says_so(db: Pool) -> None:
    incident = await make_incident(db)
    org = await company(db, incident)
    async with maps(db) as site:
        page = await look(site, org.staff_id, f"/map/{incident.id}")
    assert "Nothing has been issued" in page.text and page.rows["Mashiki 益城町"][1:] == ["1", "1", "2"]


async def test_shelters_are_an_extra_layer_of_a_few_municipalities(db: Pool) -> None:
    incident = await make_incident(db)
    org = await company(db, incident)
    async with maps(db) as site:
        wide = await look(site, org.staff_id, f"/map/{incident.id}?area=43&shelters=1")
        near = await look(site, org.staff_id, f"/map/{incident.id}?area=43443&shelters=1")
    assert "does not mean open" not in wide.text and "does not mean open" in near.text


SQL_SHELTER = """
INSERT INTO shelter (id, designation, owner_jis, jis, name, address, lat, lon, kinds)
VALUES ($1, $2, '43443', '43443', $3, 'Mashiki', $4, $5, $6)
"""


async def test_shelters_for_the_hazard_are_drawn_and_listed(db: Pool) -> None:
    incident = await make_incident(db)
    org = await company(db, incident)
    async with maps(db) as site:
        none = await look(site, org.staff_id, f"/map/{incident.id}?area=43443&shelters=1")
        for number, name, kinds in ((1, "Hall <1>", ["earthquake"]), (2, "River Hall", ["flood"])):
            await db.execute(
                SQL_SHELTER, f"E43443{number:05d}201", "emergency_site", name, 32.79, 130.8 + number / 100, kinds
            )
        some = await look(site, org.staff_id, f"/map/{incident.id}?area=43443&shelters=1")
        plain = await look(site, org.staff_id, f"/map/{incident.id}?area=43443")
    assert "No shelters are stored" in none.text and "No shelters are stored" not in some.text
    assert some.text.count("Hall &lt;1&gt;") == 2 and "<1>" not in some.text  # on the map and in the list
    assert "River Hall" not in some.text and "Emergency evacuation site" in some.labels
    assert "Hall &lt;1&gt;" not in plain.text and "Show shelters" in plain.text


async def test_hostile_names_stay_text(db: Pool) -> None:
    incident = await make_incident(db)
    evil = Area("jma.city", "4344300", name='"><script>alert(1)</script>', level="7")
    await happen(db, incident, quake(evil, office="<script>", headline="<script>", at=NOW))
    org = await make_org(db, name="</svg><script>alert(2)</script>")
    person = await make_resident(db, org.id, dorm=await make_site(db, org.id, name="<b>"))
    await tell(db, incident, person.id)
    async with maps(db) as site:
        page = await look(site, org.staff_id, f"/map/{incident.id}")
    assert "<script" not in page.text and not re.search(r"<b>(?!\w)", page.text.split("maptable")[1])


async def test_row_level_security_holds_under_the_stores(db: Pool) -> None:
    incident = await make_incident(db)
    await happen(db, incident, SHOOK)
    mine, other = await company(db, incident), await company(db, incident)
    scoped = ScopedPool(db, Scope("daijobu_web", orgs=(mine.id,)))
    async with transaction(scoped) as conn:
        both = await standings_by_town(conn, incident.id, [mine.id, other.id], NOW.date())
        events, unreadable = await standing_events(conn, incident.id)
    assert sum(one.people for one in both) == 6 and len(events) == 1 and unreadable == 0
    await open_due_cases(db, NOW, lambda hazard, severity, night: 0)
    async with transaction(ScopedPool(db, Scope("daijobu_follow"))) as conn:
        cases = await cases_by_town(conn, Purpose.LIVE)
    assert sum(map(Counter.total, cases.values())) == 12
    async with transaction(ScopedPool(db, Scope("daijobu_operator"))) as conn:
        assert await told_by_town(conn, incident.id) == {"43443": 4, "43404": 6, "": 2}


async def test_a_report_that_cannot_be_read_is_counted_not_hidden(db: Pool) -> None:
    incident = await make_incident(db)
    await happen(db, incident, SHOOK)
    await db.execute("UPDATE event SET payload = payload - 'areas'")
    org = await company(db, incident)
    async with maps(db) as site:
        page = await look(site, org.staff_id, f"/map/{incident.id}")
    assert "1 reports of this incident cannot be read" in page.text


async def test_a_report_that_draws_its_own_area(db: Pool) -> None:
    """A CAP alert without codes: an outline on the map, and in the table what was issued for a part of each town."""
    ring = [[130.78, 32.75], [130.90, 32.75], [130.90, 32.87], [130.78, 32.87], [130.78, 32.75]]
    shape = Polygon({"type": "Polygon", "coordinates": [ring]}, 4)
    event = rain(hazard="river_flood", type="CAP", polygons=(shape, Polygon({"type": "Point"}, 4)))
    incident = await make_incident(db, context={**QUAKE_CONTEXT, "hazard": "river_flood"})
    await happen(db, incident, replace(event, source="cap.kumamoto", issued_at=NOW - timedelta(minutes=3)))
    org = await company(db, incident)
    async with maps(db) as site:
        page = await look(site, org.staff_id, f"/map/{incident.id}")
    assert page.text.count("<title>4 · outline: the area as the report draws it</title>") == 1
    assert "outline: the area as the report draws it" in page.labels and "4" in page.labels
    assert page.rows["Mashiki 益城町"][0] == "4 Level 4, inside the outline River flooding"
    # Hitoyoshi lies far off, and a shape that is none is said.
    assert "1 reports of this incident cannot be read" in page.text
