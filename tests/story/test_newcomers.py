"""After the alert: somebody walks in, a list of people comes in, a traveller names a town where the river is high."""

from __future__ import annotations

from pathlib import Path

from alerts.newcomer_tell import tell_newcomers
from core.db import Pool
from core.model import OrgKind, Purpose
from demo.scenario import load_scenario
from demo.telegrams import build_report
from registry.import_command import import_file
from tests.db.test_enrol_pages import send
from tests.db.test_walk_in import hang_poster
from tests.people import VAULT, make_org
from tests.story.stage import Stage, link_in, stage
from tests.story.test_foreshock import HIGASHI_KU, MASHIKI, OSAKA
from tests.story.test_river_at_the_dorm import bulletin
from tests.story.test_somewhere_else_today import say_where

LIST_HEAD = "氏名,言語,電話番号,社員番号,雇用企業,寮,部屋,自宅郵便番号\n"


def foreshock() -> bytes:
    scenario = load_scenario("kumamoto-2016-foreshock")
    return build_report(scenario, "VXSE53", scenario.occurred_at)


async def walk_in(s: Stage, path: str, name: str, phone: str) -> None:
    """Scan the poster and go through the four steps, on an old phone."""
    visitor = s.visitor()
    answer = await visitor.submit(path + "?lang=vi", path, {"name": name})
    step = await send(visitor, answer.url.path, language="vi")
    step = await send(visitor, step, postal_code="861-2242")
    step = await send(visitor, step, phone=phone)
    await send(visitor, step, all="1")


async def test_a_walk_in_at_the_shelter_twenty_minutes_after(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        circle = await make_org(db, OrgKind.COMMUNITY, name="Kumamoto Circle")
        network = await make_org(db, OrgKind.VOLUNTEER_NETWORK, name="Network")
        clerk, coordinator = await s.signed_in(circle), await s.signed_in(network)
        _, _, path = await hang_poster(s, circle)  # type: ignore[arg-type]
        await s.resident(circle, MASHIKI, "vi", name="Was There Before")
        await s.hears(foreshock())
        await s.hears(foreshock(), purpose=Purpose.DRILL)

        # --- at 21:46 she registers, and within a second or two her phone rings
        await s.later(minutes=20)
        await walk_in(s, path, "Tran Thi Walk", "080-5555-0101")
        await s.later(seconds=2)
        texts = [form["Body"] for form in s.twilio.taken if form["To"] == "+818055550101"]
        real = [text for text in texts if "diễn tập" not in text.lower()]
        assert len(real) == 1 and "Mashiki" in real[0]
        _, html = await clerk.get("/dashboard")
        assert "Tran Thi Walk" in html

        # --- she is asked as everybody is, and her answer counts; nobody is told a second time
        await s.tap(link_in(real[0]), "ok")
        await s.later(minutes=5)
        again = [form["Body"] for form in s.twilio.taken if form["To"] == "+818055550101"]
        assert len(again) == len(texts)
        assert (
            await db.fetchval(
                "SELECT ir.status FROM incident_resident ir JOIN resident r ON r.id = ir.resident_id"
                " WHERE r.name = 'Tran Thi Walk' AND ir.purpose = 'live'"
            )
            == "ok"
        )

        # --- somebody else walks in and stays silent: on the board, when the time has come
        await walk_in(s, path, "Silent Walk", "080-5555-0102")
        await s.later(seconds=2)
        await s.later(hours=1)
        _, html = await coordinator.get("/board")
        assert "Silent Walk" in html

        # --- four hours after the shaking it is history: who comes now is not woken by it
        await s.later(hours=3)
        await walk_in(s, path, "Late Walk", "080-5555-0103")
        await s.later(seconds=2)
        assert not [form for form in s.twilio.taken if form["To"] == "+818055550103"]


async def test_a_list_of_three_hundred_comes_in(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        await s.hears(foreshock())
        rows = [
            f"Aozora Person {n},ベトナム語,080-6000-{n:04d},{n},青空食品,あおぞら寮,{n},861-2242" for n in range(300)
        ]
        path = tmp_path / "list.csv"
        path.write_text(LIST_HEAD + "\n".join(rows) + "\n", encoding="utf-8")
        await s.later(minutes=10)
        await import_file(db, VAULT, path, "kumiai", True, False, s.clock.now())
        notes = await db.fetchval("SELECT count(*) FROM newcomer")
        assert 0 < notes < 20, "a note for each of 300 people would slow an upload"
        await s.later(seconds=2)
        reached = {form["To"] for form in s.twilio.taken}
        assert len(reached) == 300
        assert await db.fetchval("SELECT count(*) FROM incident_resident WHERE asked_at IS NOT NULL") == 300
        assert not await tell_newcomers(s.deps)


async def test_in_a_town_where_the_river_stands_high(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        farm = await make_org(db, OrgKind.EMPLOYER, name="Hoshizora Farm")
        traveller = await s.resident(farm, HIGASHI_KU, "vi", name="Traveller")
        elsewhere = await s.resident(farm, OSAKA, "vi", name="Elsewhere")
        await s.hears(bulletin(4, 1))
        await s.later(hours=3)
        assert not s.sms_to(traveller)

        # --- the warning holds until it is lifted, however long ago it was issued
        await say_where(s, traveller, postal_code="868-0001")
        await say_where(s, elsewhere, postal_code="810-0001")
        await s.later(seconds=2)
        (sms,) = s.sms_to(traveller)
        assert "Hitoyoshi" in sms and not s.sms_to(elsewhere)
        clerk = await s.signed_in(farm)
        _, html = await clerk.get("/dashboard")
        assert traveller.name not in html, "where they are is nobody's business at the company"
