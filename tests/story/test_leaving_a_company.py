"""Somebody leaves their company: its view ends that day, one SMS asks, one tap stays, alerts follow to the new home."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from core.db import Pool, transaction
from core.model import OrgKind
from ops.tend import tend_once
from registry.store import set_end_date
from tests.alerts_kit import send_all
from tests.pages import forms_of
from tests.people import make_org
from tests.story.stage import link_in, origin, stage
from tests.story.test_foreshock import MASHIKI, OSAKA, foreshock


async def test_who_leaves_is_asked_stays_and_is_warned_at_the_new_home(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        farm = await make_org(db, OrgKind.EMPLOYER, name="Hoshizora Farm")
        person = await s.resident(farm, OSAKA, "vi", name="Nguyen Van Thu", work=OSAKA)
        silent = await s.resident(farm, OSAKA, "en", name="Silent Colleague")
        clerk = await s.signed_in(farm)
        _, html = await clerk.get("/people")
        assert person.name in html

        # --- the last day comes: the employer sees them no more; at night nobody is written to
        async with transaction(db) as conn:
            for one in (person, silent):
                await set_end_date(conn, one.id, farm.id, date(2026, 11, 21))
        await s.later(hours=14)  # 02:00 on that day
        _, html = await clerk.get("/people")
        assert person.name not in html and silent.name not in html
        assert not s.sms_to(person)

        # --- in the morning: one SMS with the permanent link
        await s.later(hours=6, minutes=1)
        (sms,) = s.sms_to(person)
        link = link_in(sms)
        assert "/p/" in link
        await s.later(minutes=10)
        assert len(s.sms_to(person)) == 1

        # --- the page asks where they live now; one form answers
        async with s.browser.get(link) as page:
            form = next(f for f in forms_of(await page.text()) if f.action.endswith("/stay"))
        assert "postal_code" in form.values
        async with s.browser.post(origin(link) + form.action, data={**form.values, "postal_code": "861-2242"}) as reply:
            assert reply.status == 200 and "/stay" not in await reply.text()

        # --- a week later only the silent one is reminded, and stays registered
        await s.later(days=7, minutes=5)
        assert len(s.sms_to(person)) == 1 and len(s.sms_to(silent)) == 2
        assert await db.fetchval("SELECT array_agg(DISTINCT state) FROM resident") == ["enrolled"]

        # --- the foreshock at Mashiki: who moved there is asked, and the former employer sees nothing of it
        await s.hears(foreshock())
        await tend_once(s.deps, "story")
        await send_all(s.deps)
        assert "/c/" in link_in(s.sms_to(person)[-1]) and len(s.sms_to(silent)) == 2
        _, html = await clerk.get("/dashboard")
        assert person.name not in html
        assert await db.fetchval("SELECT count(*) FROM place_area WHERE scheme = 'jis' AND code = $1", MASHIKI) == 1
