"""The coordinator board through HTTP: order, claims, outcomes, numbers, and who may see what."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from uuid import UUID

from checkin.board_web import UNITS_A_PAGE
from checkin.cases_store import open_due_cases
from checkin.store import record_check_in
from core.db import Pool, transaction
from core.ids import uuid7
from core.model import Answer, AnsweredBy, OrgKind, Role
from tests.board_site import Visitor, board_site
from tests.incidents import TestIncident, make_incident, tell
from tests.people import HIGASHI_KU, MASHIKI, NOW, VAULT, Person, make_org, make_resident, make_site, make_staff

MIN = timedelta(minutes=1)
SQL_CONSENT = """
INSERT INTO consent (resident_id, scope, given, basis, version, language, at)
VALUES ($1, 'C3', $2, 'own', 't', 'vi', $3)
"""
SQL_HANDLE = """
INSERT INTO contact (id, resident_id, staff_id, kind, channel, address_enc, address_bidx, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


async def add_contact(
    db: Pool, channel: str, address: str, *, resident: UUID | None = None, staff: UUID | None = None
) -> None:
    contact_id = uuid7()
    enc = VAULT.encrypt(address, contact_id, "contact.address_enc")
    kind = "handle" if address.startswith("https") else "address"
    index = VAULT.blind_index(channel, address)
    await db.execute(SQL_HANDLE, contact_id, resident, staff, kind, channel, enc, index, NOW)


async def help_from(db: Pool, incident: TestIncident, person: Person, note: str = "") -> None:
    async with transaction(db) as conn:
        await record_check_in(
            conn,
            VAULT,
            incident_id=incident.id,
            resident_id=person.id,
            answer=Answer.HELP,
            answered_by=AnsweredBy.SELF,
            via="page",
            tapped_at=NOW + MIN,
            now=NOW + MIN,
            note=note,
            detail={"trapped": True, "people": 2},
        )


async def due(db: Pool) -> int:
    return await open_due_cases(db, NOW, lambda hazard, severity, night: 0)


class Night:
    """A dorm of three silent people (one named, one enrolled only, one invited), led by a clerk."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.dorm: UUID
        self.incident: TestIncident
        self.clerk: UUID
        self.volunteers: list[UUID] = []

    @property
    def unit(self) -> str:
        return f"/board/{self.incident.purpose}/dorm/{self.dorm}"


async def night(db: Pool, purpose: str = "live") -> Night:
    made = Night()
    org = await make_org(db, name="Kita Foods")
    dorm = await make_site(db, org.id, name="Aoba Dorm", landline="+81961234567")
    made.dorm, made.clerk = dorm[0], org.staff_id
    made.incident = await make_incident(db, purpose=purpose)
    for name, enrolled in (("named", True), ("unnamed", True), ("invited", False)):
        person = await make_resident(db, org.id, name=f"{name.title()} Person", dorm=dorm, enrolled=enrolled)
        made.people[name] = person
        await tell(db, made.incident, person.id)
    await db.execute("DELETE FROM consent WHERE scope = 'C3'")
    await db.execute(SQL_CONSENT, made.people["named"].id, True, NOW)
    await db.execute("INSERT INTO site_leader (site_id, rank, staff_id) VALUES ($1, 1, $2)", dorm[0], org.staff_id)
    await add_contact(db, "sms", "+819011112222", staff=org.staff_id)
    await add_contact(db, "zalo", "https://zalo.me/fictional", resident=made.people["named"].id)
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    made.volunteers = [network.staff_id] + [
        await make_staff(db, network.id, Role.VOLUNTEER, name=f"Volunteer {n}") for n in (1, 2)
    ]
    await due(db)
    return made


async def test_the_board_orders_units_by_municipality_and_says_why(db: Pool) -> None:
    made = await night(db)
    other = await make_org(db)
    east = await make_site(db, other.id, name="East Dorm", codes=HIGASHI_KU)
    person = await make_resident(db, other.id, dorm=east)
    await tell(db, made.incident, person.id)
    await help_from(db, made.incident, person)
    async with board_site(db) as site:
        page = await (await site.visitor(made.volunteers[1])).html("/board")
    assert page.index("43102") < page.index("43443"), "the municipality of the call for help comes first"
    assert "1 asked for help" in page and "Nobody of 3 in this dorm has answered" in page
    assert "Tiếng Việt" in page and "Nobody is on it" in page


async def test_filters_count_people_and_leave_the_rest_out(db: Pool) -> None:
    made = await night(db)
    alone = await make_resident(db)
    await tell(db, made.incident, alone.id)
    await help_from(db, made.incident, alone)
    async with board_site(db) as site:
        volunteer = await site.visitor(made.volunteers[1])
        page = await volunteer.html("/board?reason=needs_help")
        assert "Aoba Dorm" not in page and "asked for help" in page
        assert [int(n) for n in re.findall(r'class="num">(\d+)</span></a>', page)] == [4, 1, 0, 3, 0, 4]
        assert "Nobody in this list right now." in await volunteer.html("/board?whose=mine")
        await volunteer.post(f"{made.unit}/claim")
        assert "Aoba Dorm" in await volunteer.html("/board?whose=mine")
        assert "Aoba Dorm" not in await volunteer.html("/board?whose=free")


async def test_names_only_of_people_who_agreed_and_numbers_of_nobody(db: Pool) -> None:
    made = await night(db)
    async with board_site(db) as site:
        page = await (await site.visitor(made.volunteers[1])).html(made.unit)
    assert "Named Person" in page
    assert "Unnamed Person" not in page and "Invited Person" not in page
    assert "has not agreed that coordinators" in page and "Not enrolled yet" in page and "Kita Foods" in page
    for person in made.people.values():
        assert person.phone not in page
    assert 'href="tel:+81961234567"' in page, "the dorm's own telephone is no secret"
    assert "+819011112222" not in page
    assert page.index("Call first") < page.index("Named Person")
    row = await db.fetchrow("SELECT * FROM audit WHERE action = 'board.unit'")
    assert set(row["subjects"]) == {p.id for p in made.people.values()}


async def test_a_number_is_shown_for_a_reason_and_leaves_a_row(db: Pool) -> None:
    made = await night(db)
    named = made.people["named"]
    async with board_site(db) as site:
        volunteer = await site.visitor(made.volunteers[1])
        answer = await volunteer.post(f"{made.unit}/reveal", who=f"resident:{named.id}", why="call")
        page = await answer.text()
        assert answer.status == 200
        assert f'href="tel:{named.phone}"' in page and 'href="https://zalo.me/fictional"' in page
        assert 'id="live"' not in page, "nothing may swap the number away"
        leader = await (await volunteer.post(f"{made.unit}/reveal", who=f"staff:{made.clerk}", why="call")).text()
        assert 'href="tel:+819011112222"' in leader
    rows = await db.fetch("SELECT * FROM audit WHERE action = 'board.reveal' ORDER BY id")
    assert [row["subjects"] for row in rows] == [[named.id], [made.clerk]]
    assert {row["staff_id"] for row in rows} == {made.volunteers[1]}
    assert rows[0]["detail"]["why"] == "call" and "phone" in rows[0]["fields"]


async def test_no_number_without_reason_right_or_case(db: Pool) -> None:
    made = await night(db)
    bystander = await make_resident(db)
    foreign_clerk = await make_org(db)
    async with board_site(db) as site:
        volunteer = await site.visitor(made.volunteers[1])
        path = f"{made.unit}/reveal"
        assert (await volunteer.post(path, who=f"resident:{made.people['named'].id}", why="")).status == 400
        for who in (
            f"resident:{made.people['unnamed'].id}",
            f"resident:{made.people['invited'].id}",
            f"resident:{bystander.id}",
            f"staff:{foreign_clerk.staff_id}",
            "resident:nonsense",
            "",
        ):
            assert (await volunteer.post(path, who=who, why="call")).status == 404, who
        forged = await volunteer.post(path, token=False, who=f"resident:{made.people['named'].id}", why="call")
        assert forged.status == 403
    assert await db.fetchval("SELECT count(*) FROM audit WHERE action = 'board.reveal'") == 0


async def test_two_volunteers_claim_at_once_one_wins_the_other_sees_who(db: Pool) -> None:
    made = await night(db)
    async with board_site(db) as site:
        both = [await site.visitor(staff_id) for staff_id in made.volunteers[1:]]
        answers = await asyncio.gather(*(v.post(f"{made.unit}/claim") for v in both))
        assert sorted(a.status for a in answers) == [303, 409]
        loser = 0 if answers[0].status == 409 else 1
        assert f"Volunteer {2 - loser} is already on it" in await answers[loser].text()
        page = await both[loser].html(made.unit)
        assert f"Volunteer {2 - loser} is on it" in page and "/outcome" not in page
        await both[1 - loser].post(f"{made.unit}/release")
        assert (await both[loser].post(f"{made.unit}/claim")).status == 303


async def test_one_outcome_for_the_dorm_without_javascript(db: Pool) -> None:
    made = await night(db)
    rows = await db.fetch("SELECT id, resident_id FROM case_file")
    case_of = {row["resident_id"]: row["id"] for row in rows}
    fields = {f"case-{case_id}": "ok" for case_id in case_of.values()}
    missing = made.people["named"]
    fields[f"case-{case_of[missing.id]}"] = "missing"
    async with board_site(db) as site:
        volunteer = await site.visitor(made.volunteers[1])
        done = await volunteer.submit(made.unit, "/outcome", note="2 of 3 OK", **fields)
        assert done.status == 303
        board = await volunteer.html("/board")
        assert "Looked for" in board and missing.name in board and "Nobody of 3" not in board
        gone = await volunteer.get(made.unit)
        assert gone.status == 404 and "Nothing is open here any more" in await gone.text()
        case_id = await db.fetchval("SELECT id FROM case_file WHERE closed_at IS NULL")
        page = await volunteer.html(f"/board/live/person/{case_id}")
        assert "2 of 3 OK" in page and "Looked for at" in page
    assert await db.fetchval("SELECT note_enc FROM case_note WHERE note_enc IS NOT NULL LIMIT 1") not in (
        b"2 of 3 OK",
        None,
    )


async def test_one_missing_and_the_others_ok_in_two_choices(db: Pool) -> None:
    made = await night(db)
    await help_from(db, made.incident, made.people["invited"])
    case_of = {row["resident_id"]: row["id"] for row in await db.fetch("SELECT id, resident_id FROM case_file")}
    missing, hurt = made.people["named"], made.people["invited"]
    async with board_site(db) as site:
        volunteer = await site.visitor(made.volunteers[1])
        sent = dict.fromkeys((f"case-{case_id}" for case_id in case_of.values()), "not_yet")
        sent[f"case-{case_of[missing.id]}"] = "missing"
        done = await volunteer.post(f"{made.unit}/outcome", True, rest="ok", **sent)
        assert (done.status, done.headers["Location"]) == (303, made.unit), "the call for help is still open here"
        sent = {f"case-{case_of[hurt.id]}": "help_given"}
        done = await volunteer.post(f"{made.unit}/outcome", True, **sent)
        assert "Saved: 1 finished, 0 looked for and not found." in await volunteer.html(done.headers["Location"])
    outcomes = await db.fetch("SELECT resident_id, outcome FROM case_file WHERE closed_at IS NOT NULL")
    assert {row["resident_id"]: row["outcome"] for row in outcomes} == {
        made.people["unnamed"].id: "ok",
        missing.id: "missing",
        hurt.id: "help_given",
    }


async def test_help_of_every_town_comes_before_the_silence_of_the_first(db: Pool) -> None:
    made = await night(db)
    other = await make_org(db)
    for codes, name in ((HIGASHI_KU, "East Dorm"), (MASHIKI, "West Dorm")):
        dorm = await make_site(db, other.id, name=name, codes=codes)
        person = await make_resident(db, other.id, dorm=dorm)
        await tell(db, made.incident, person.id)
        await help_from(db, made.incident, person)
    async with board_site(db) as site:
        volunteer = await site.visitor(made.volunteers[1])
        page = await volunteer.html("/board")
        assert page.index("Needs help now") < page.index("East Dorm") < page.index("Aoba Dorm")
        assert page.index("West Dorm") < page.index("Aoba Dorm"), "the silent dorm of the same town comes later"
        there = await volunteer.html("/board?place=43102")
        assert "East Dorm" in there and "West Dorm" not in there and "Aoba Dorm" not in there
        assert re.findall(r'class="num">(\d+)</span></a>', there) == ["1", "1", "0", "0", "0", "1"]
        assert "place=43443" in there, "the way to the other town"


async def test_a_long_board_comes_in_pages_and_reads_only_what_it_shows(db: Pool) -> None:
    made = await night(db)
    alone = [await make_resident(db) for _ in range(UNITS_A_PAGE + 5)]
    for person in alone:
        await tell(db, made.incident, person.id)
    await due(db)
    async with board_site(db) as site:
        volunteer = await site.visitor(made.volunteers[1])
        first = await volunteer.html("/board?reason=silent")
        assert first.count('<li class="unit') == UNITS_A_PAGE and f"1–{UNITS_A_PAGE} of {UNITS_A_PAGE + 6}" in first
        last = await volunteer.html("/board?reason=silent&page=2")
        assert last.count('<li class="unit') == 6 and "Next" not in last and "Previous" in last
        links = set(re.findall(r'href="(/board/live/[^"]+)"', first + last))
        assert len(links) == UNITS_A_PAGE + 6
        assert (await volunteer.html("/board?page=999&place=unknown")).count('<li class="unit') == 5
    subjects = await db.fetchval("SELECT array_length(subjects, 1) FROM audit ORDER BY id DESC LIMIT 1")
    assert subjects == 5


async def test_an_outcome_on_an_old_page_is_refused_whole(db: Pool) -> None:
    made = await night(db)
    fields = {f"case-{row['id']}": "ok" for row in await db.fetch("SELECT id FROM case_file")}
    async with board_site(db) as site:
        volunteer = await site.visitor(made.volunteers[1])
        await db.execute(
            "UPDATE case_file SET outcome = 'answered', closed_at = now() WHERE resident_id = $1",
            made.people["named"].id,
        )
        assert (await volunteer.post(f"{made.unit}/outcome", True, **fields)).status == 409
        assert (await volunteer.post(f"{made.unit}/outcome", True, **dict.fromkeys(fields, "fine"))).status == 400
    assert await db.fetchval("SELECT count(*) FROM check_in") == 0


async def test_needs_are_shown_and_a_note_is_kept(db: Pool) -> None:
    made = await night(db)
    await help_from(db, made.incident, made.people["invited"], note="chân tôi bị kẹt")
    async with board_site(db) as site:
        volunteer = await site.visitor(made.volunteers[1])
        page = await volunteer.html(made.unit)
        assert "chân tôi bị kẹt" in page and "trapped" in page and "with 2 more people" in page
        assert "Invited Person" not in page
        await volunteer.submit(made.unit, "/note", note="going to the dorm, 02:30")
        assert (await volunteer.html(made.unit)).count("going to the dorm, 02:30") == 2, (
            "the form's example and the note"
        )


async def test_without_an_open_incident_volunteers_see_nobody(db: Pool) -> None:
    made = await night(db)
    await db.execute("UPDATE incident SET closed_at = $1", NOW)
    async with board_site(db) as site:
        volunteer = await site.visitor(made.volunteers[1])
        page = await volunteer.html("/board")
        assert "No incident is open." in page and "Aoba Dorm" not in page
        assert (await volunteer.get(made.unit)).status == 404
        for action in ("claim", "release", "outcome", "note", "reveal"):
            answer = await volunteer.post(
                f"{made.unit}/{action}", who=f"resident:{made.people['named'].id}", why="call"
            )
            assert answer.status == 404, action


async def test_a_drill_is_apart_and_says_so(db: Pool) -> None:
    live = await night(db)
    drill = await night(db, "drill")
    async with board_site(db) as site:
        volunteer = await site.visitor(live.volunteers[1])
        assert str(drill.dorm) not in await volunteer.html("/board")
        page = await volunteer.html("/board?purpose=drill")
        assert str(drill.dorm) in page and str(live.dorm) not in page and 'class="tag drill"' in page
        assert "This is not a real disaster" in await volunteer.html(drill.unit)


async def test_employers_and_supervisors_have_no_board(db: Pool) -> None:
    made = await night(db)
    union = await make_org(db, OrgKind.SUPERVISING)
    async with board_site(db) as site:
        for staff_id in (made.clerk, union.staff_id):
            visitor: Visitor = await site.visitor(staff_id)
            for path in ("/board", made.unit):
                assert (await visitor.get(path)).status == 403
            assert (await visitor.post(f"{made.unit}/claim")).status == 403
        assert (await (await site.visitor(made.volunteers[1])).get("/board/canary/dorm/x")).status == 404
