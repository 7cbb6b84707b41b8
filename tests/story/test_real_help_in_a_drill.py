"""A drill in which somebody really needs help: from the drill's SMS to the coordinators' live board and to the end."""

from __future__ import annotations

from pathlib import Path

from core.db import Pool
from core.model import OrgKind, Purpose
from demo.scenario import load_scenario
from demo.telegrams import build_report
from tests.people import make_org
from tests.story.stage import link_in, stage


async def test_help_in_a_drill_can_be_real(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        farm = await make_org(db, OrgKind.EMPLOYER, name="Hoshizora Farm")
        network = await make_org(db, OrgKind.VOLUNTEER_NETWORK, name="Network")
        person = await s.resident(farm, "43443", "ne")
        scenario = load_scenario("kumamoto-2016-foreshock")
        await s.hears(build_report(scenario, "VXSE53", scenario.occurred_at), purpose=Purpose.DRILL)
        link = link_in(s.sms_to(person)[0])

        page = await s.tap(link, "help")
        assert 'name="real"' in page
        async with s.browser.post(f"{link}/real", data={"real": "yes"}) as reply:
            assert reply.status == 200 and str(reply.url) != link
            live = str(reply.url)
            assert 'href="tel:119"' in await reply.text()

        coordinator, employer = await s.signed_in(network), await s.signed_in(farm)
        status, board = await coordinator.get("/board")
        assert status == 200 and person.name in board
        status, dashboard = await employer.get("/dashboard")
        assert status == 200 and person.name in dashboard and "訓練中の実際の助け" in dashboard

        # It stays open for as long as the person needs somebody, and ends by itself a day after that.
        await s.later(hours=60)
        assert await db.fetchval("SELECT closed_at FROM incident WHERE hazard = 'help'") is None
        await s.tap(live, "ok")
        await s.later(minutes=1)
        assert await db.fetchval("SELECT closed_at FROM incident WHERE hazard = 'help'") is not None
        assert len(s.sms_to(person)) <= 3  # the drill's own reminders; nothing is sent about the call
