"""A resident of Kumamoto says "in Fukuoka today": a quake in Fukuoka asks them, and no longer on the next day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from core.db import Pool, transaction
from core.model import OrgKind
from demo.scenario import QuakeArea, load_scenario
from demo.telegrams import build_report
from registry.store import personal_token
from tests.pages import forms_of
from tests.people import VAULT, Person, make_org
from tests.story.stage import Stage, link_in, stage
from tests.story.test_foreshock import HIGASHI_KU


def quake_in_fukuoka(number: int) -> bytes:
    """The facts of the foreshock, felt in another place: the Fukuoka plain."""
    scenario = load_scenario("kumamoto-2016-foreshock")
    felt = QuakeArea(
        pref=("40", "福岡県"),
        area=("710", "福岡県福岡"),
        max="6-",
        cities={"6-": (("4013300", "福岡中央区"),), "5+": (("4013200", "福岡博多区"),)},
    )
    made = replace(scenario, event_id=f"2016041421263{number}", quake_areas=(felt,))
    return build_report(made, "VXSE53", made.occurred_at)


async def say_where(s: Stage, person: Person, **fields: str) -> str:
    """Open the own page, go to "somewhere else today", fill in the form; the page that follows."""
    async with transaction(s.pool) as conn:
        token = await personal_token(conn, VAULT, person.id)
    page = f"{s.deps.settings.site_url}/p/{token}"
    async with s.browser.get(page) as own:
        assert f"/p/{token}/elsewhere" in await own.text()
    async with s.browser.get(f"{page}/elsewhere") as asked:
        form = next(f for f in forms_of(await asked.text()) if f.values.get("do") == "here")
    async with s.browser.post(f"{page}/elsewhere", data={**form.values, **fields}) as reply:
        assert reply.status == 200
        return await reply.text()


async def test_in_fukuoka_today(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        farm = await make_org(db, OrgKind.EMPLOYER, name="Hoshizora Farm")
        traveller = await s.resident(farm, HIGASHI_KU, "vi", name="Traveller")
        stays = await s.resident(farm, HIGASHI_KU, "vi", name="Stays at home")
        clerk = await s.signed_in(farm)

        assert "Fukuoka" in await say_where(s, traveller, postal_code="810-0001")

        # --- a quake in Fukuoka asks the one who is there; the company learns nothing of it
        await s.hears(quake_in_fukuoka(1))
        (sms,) = s.sms_to(traveller)
        assert "Fukuoka" in sms and not s.sms_to(stays)
        await s.tap(link_in(sms), "ok")
        _, html = await clerk.get("/dashboard")
        assert traveller.name not in html and "Fukuoka" not in html
        assert await db.fetchval("SELECT status FROM incident_resident") == "ok"

        # --- the next day it has ended by itself: another quake there is none of theirs
        await s.later(days=1)
        await s.hears(quake_in_fukuoka(2))
        assert len(s.sms_to(traveller)) == 1
        assert await db.fetchval("SELECT count(*) FROM incident_resident") == 1

        # --- at home they are warned as ever
        await s.later(days=4)
        await db.execute("DELETE FROM incident_resident")
        scenario = load_scenario("kumamoto-2016-foreshock")
        await s.hears(build_report(scenario, "VXSE53", scenario.occurred_at + timedelta(0)))
        assert len(s.sms_to(traveller)) >= 2 and s.sms_to(stays)
