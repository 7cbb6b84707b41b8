"""/preview and /sending as people use them: numbers without names, nothing written but the audit log, the banner."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from aiohttp import FormData

from core.db import Pool, transaction
from core.model import OrgKind
from tests import people
from tests.alerts_kit import MASHIKI, NOON, city, hear, quake, region, store_event
from tests.crowd_kit import neighbour, settle
from tests.people import make_org
from tests.staff_site import Visitor, form_to
from tests.story.stage import Stage, stage
from tests.table_digest import Digest

EVENT = quake(region("6-"), city(MASHIKI, "6-"))


async def token(visitor: Visitor, path: str) -> str:
    status, page = await visitor.get(path)
    assert status == 200, page
    return page.split('name="form_token" value="')[-1].split('"')[0]


async def crowd(s: Stage) -> None:
    home = await people.make_place(s.pool)
    await settle(s.pool, [neighbour(n, ("vi", "my")[n % 2]) for n in range(12)], home, NOON - timedelta(days=3))


async def test_an_operator_and_a_coordinator_see_the_numbers_before_anything_is_sent(
    db: Pool, db_dsn: str, tmp_path: Path
) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        await crowd(s)
        async with transaction(db) as conn:
            event = await store_event(conn, EVENT)
        for kind in (OrgKind.OPERATOR, OrgKind.VOLUNTEER_NETWORK):
            visitor = await s.signed_in(await make_org(db, kind))
            form_token = await token(visitor, "/preview")
            before = await Digest.of(db)
            fields = {"form_token": form_token, "event": str(event), "fresh": "1"}
            status, page = await visitor.post("/preview", fields)
            assert status == 200, page
            assert "12 people (100 %" in page and "Tiếng Việt" in page and "not approved" in page
            assert "Neighbour" not in page and "+8170" not in page
            assert not await before.changed(), "a preview writes nothing"
        actions = [row["action"] for row in await db.fetch("SELECT action FROM audit")]
        assert actions.count("preview.count") == 2
        status, page = await visitor.post("/preview", {"form_token": form_token})
        assert status == 400 and "Choose a report" in page
        data = FormData({"form_token": form_token})
        data.add_field("file", b"<no telegram", filename="x.xml", content_type="text/xml")
        async with visitor.client.post("/preview", data=data) as response:
            assert response.status == 400
        employer = await s.signed_in(await make_org(db))
        assert (await employer.get("/preview"))[0] == 403 and (await employer.get("/sending"))[0] == 403


async def test_everything_is_stopped_and_every_page_of_staff_says_so(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        await crowd(s)
        operator = await s.signed_in(await make_org(db, OrgKind.OPERATOR))
        farm = await s.signed_in(await make_org(db))
        network = await s.signed_in(await make_org(db, OrgKind.VOLUNTEER_NETWORK))
        form_token = await token(operator, "/sending")
        status, page = await operator.post("/sending/stop", {"form_token": form_token, "why": "  "})
        assert status == 400 and "Please say why" in page
        status, page = await operator.post("/sending/stop", {"form_token": form_token, "why": "wrong telegram"})
        assert status == 200 and "Stopped. Nothing more leaves." in page
        for visitor, path in (
            (operator, "/status"), (operator, "/alarms"), (operator, "/dashboard"), (farm, "/dashboard"),
            (farm, "/status"), (network, "/board"), (farm, "/people"),
        ):  # fmt: skip
            status, page = await visitor.get(path)
            assert status == 200 and page.count("All sending is stopped") == 1 and "wrong telegram" in page, path
        async with farm.client.get("/dashboard", headers={"X-Fragment": "1"}) as response:
            assert "All sending is stopped" in await response.text(), "an open page learns of it"
        await hear(s.deps, EVENT)
        status, page = await operator.get("/sending")
        assert "12 live" in page and '<b class="num">12</b>waiting' in page
        status, page = await operator.post("/sending/stop", {"form_token": form_token, "why": "again"})
        assert status == 409
        status, page = await operator.post("/sending/resume", {"form_token": form_token})
        assert status == 200 and "Sending goes on." in page
        assert "All sending is stopped" not in (await farm.get("/status"))[1]


async def test_one_alert_is_stopped_and_its_cancellation_proposed(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        await crowd(s)
        await hear(s.deps, EVENT)
        await db.execute("UPDATE message SET state = 'sent' WHERE id IN (SELECT id FROM message ORDER BY id LIMIT 5)")
        alert = await db.fetchval("SELECT id FROM alert")
        operator = await s.signed_in(await make_org(db, OrgKind.OPERATOR))
        network = await s.signed_in(await make_org(db, OrgKind.VOLUNTEER_NETWORK))
        path = f"/sending/{alert}"
        status, page = await operator.get(path)
        assert status == 200 and form_to(page, f"{path}/stop") and form_to(page, f"{path}/cancel")
        form_token = await token(operator, path)
        status, page = await operator.post(f"{path}/stop", {"form_token": form_token, "why": "a test telegram"})
        assert status == 200 and "Nothing more of it leaves" in page and "a test telegram" in page
        states = {row["state"]: row["n"] for row in await db.fetch(
            "SELECT state, count(*)::int AS n FROM message GROUP BY state"
        )}  # fmt: skip
        assert states == {"sent": 5, "cancelled": 7}
        status, page = await operator.post(f"{path}/stop", {"form_token": form_token, "why": "again"})
        assert status == 409
        status, page = await operator.post(f"{path}/cancel", {"form_token": form_token, "why": "a test telegram"})
        assert status == 200 and "a test telegram" in page
        status, page = await network.get("/approvals")
        assert "Take an alert back" in page and "People who got it: 5" in page
        approval = await db.fetchval("SELECT id FROM approval")
        fields = {"form_token": await token(network, "/approvals"), "answer": "approve"}
        status, page = await network.post(f"/approvals/{approval}", fields)
        assert status == 200 and "Whoever got the alert is told now" in page
        assert await db.fetchval("SELECT count(*) FROM alert WHERE moment = 'cancel' AND state = 'fanning'") == 1
