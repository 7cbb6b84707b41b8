"""14 April 2016, 21:26, Kumamoto: the product as a test, from JMA's telegram to the coordinator's board."""

from __future__ import annotations

import json
from pathlib import Path

from alerts.sms_text import segments
from core.db import Pool
from core.i18n import Catalogs
from core.model import OrgKind, Purpose
from demo.scenario import load_scenario
from demo.telegrams import build_report
from registry.store import personal_token, relate, set_leader
from tests.pages import forms_of
from tests.people import VAULT, make_org, make_resident
from tests.story.stage import link_in, stage

LANGUAGES = Catalogs.load().languages
MASHIKI, KASHIMA, HIGASHI_KU, YATSUSHIRO, ASO, HITOYOSHI, OSAKA = (
    "43443",
    "43442",
    "43102",
    "43202",
    "43214",
    "43203",
    "27128",
)
RECORDED = (
    Path(__file__).resolve().parents[2].parent
    / "shared/feed-samples/jma-live-earthquakes/kumamoto-foreshock-20160414_VXSE53_serial1.xml"
)


def foreshock() -> bytes:
    """JMA's own telegram where it is at hand, else the same facts from scenarios/."""
    if RECORDED.exists():
        return RECORDED.read_bytes()
    scenario = load_scenario("kumamoto-2016-foreshock")
    return build_report(scenario, "VXSE53", scenario.occurred_at)


async def test_the_foreshock_reaches_the_right_people_and_nobody_is_forgotten(
    db: Pool, db_dsn: str, tmp_path: Path
) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        # --- who is registered
        farm = await make_org(db, OrgKind.EMPLOYER, name="Hoshizora Farm")
        plant = await make_org(db, OrgKind.EMPLOYER, name="Osaka Plant")
        union = await make_org(db, OrgKind.SUPERVISING, name="Hoshizora Union")
        network = await make_org(db, OrgKind.VOLUNTEER_NETWORK, name="Network")
        for org in (farm, plant):
            async with db.acquire() as conn:
                await relate(conn, union.id, org.id)
        people = {language: await s.resident(farm, MASHIKI, language) for language in LANGUAGES}
        kashima = await s.resident(farm, KASHIMA, "vi", name="Kashima Person")
        commuter = await s.resident(farm, HITOYOSHI, "en", work=HIGASHI_KU, name="Commuter")
        no_phone = await s.resident(farm, HIGASHI_KU, "id", phone="", name="No Phone")
        with_push = await s.resident(farm, HIGASHI_KU, "my", name="With Push")
        strong = await s.resident(farm, ASO, "ne", name="Aso Person")
        invited = await s.resident(farm, MASHIKI, "fil", enrolled=False, name="Not Enrolled")
        outside = [
            await s.resident(farm, HITOYOSHI, "vi", name="Hitoyoshi Person"),
            await s.resident(plant, OSAKA, "zh-Hans", name="Osaka Person"),
        ]
        browser = s.push.subscribe()
        async with db.acquire() as conn:
            token = await personal_token(conn, VAULT, with_push.id)
        subscription = {"token": token, "subscription": json.loads(browser.to_json())}
        async with s.browser.post(f"{s.deps.settings.site_url}/push/subscribe", json=subscription) as kept:
            assert kept.status == 201, await kept.text()

        # --- the earth shakes; JMA reports
        await s.hears(foreshock())

        # --- the right people, each in their language, and nobody else
        asked = [*people.values(), kashima, commuter, with_push, invited]
        assert {form["To"] for form in s.twilio.taken} == {p.phone for p in [*asked, strong]}
        assert all(len(s.sms_to(person)) == 1 for person in asked)
        assert not any(s.sms_to(person) for person in outside)
        texts = {language: s.sms_to(person)[0] for language, person in people.items()}
        assert len(set(texts.values())) == len(LANGUAGES)
        for language, text in texts.items():
            assert "7" in text and "Daijobu" in text, text
            assert link_in(text).startswith(f"{s.deps.settings.site_url}/c/")
            assert segments(text).parts <= 3, (language, text)
        assert "震度7" in texts["ja"] and "益城町" in texts["ja"]
        assert "shindo 7" in texts["vi"] and "Mashiki" in texts["vi"]
        # Kashima did not report: asked like the rest of its quake area, and told so.
        (text,) = s.sms_to(kashima)
        assert "shindo 7" in text and "chưa có số liệu" in text and "/c/" in text
        # The commuter's home felt 4, the workplace 6-lower: the worse one decides and is named.
        assert "Higashi-ku" in s.sms_to(commuter)[0]
        # Aso felt 5-lower: told, not asked.
        told = await db.fetchrow("SELECT severity, asked_at FROM incident_resident WHERE resident_id = $1", strong.id)
        assert told is not None and tuple(told) == ("moderate", None) and len(s.sms_to(strong)) == 1

        # --- the push arrives encrypted, is readable only by the browser, and can answer by itself
        (shown,) = s.push.shown
        assert shown.payload["web_push"] == 8030
        notification = shown.payload["notification"]
        assert notification["lang"] == "my" and "/c/" in notification["navigate"]

        # --- taps: opening changes nothing, answering does
        ok, hurt = people["vi"], people["ne"]
        async with s.browser.get(link_in(texts["vi"])) as page:
            assert page.status == 200 and len(await page.read()) < 10_000
        assert await db.fetchval("SELECT count(*) FROM check_in") == 0
        thanks = await s.tap(link_in(texts["vi"]), "ok")
        assert "無事" in thanks
        await s.tap(link_in(texts["ne"]), "help")
        await s.tap(notification["navigate"], "ok")

        # --- the employer sees its own people, who needs help first
        clerk = await s.signed_in(farm)
        status, html = await clerk.get("/dashboard")
        assert status == 200
        assert html.index(hurt.name) < html.index(ok.name)
        assert all(person.name in html for person in [*asked, no_phone, strong])
        assert not any(person.name in html for person in outside)
        status, html = await (await s.signed_in(plant)).get("/dashboard")
        assert status == 200 and ok.name not in html
        status, html = await (await s.signed_in(union)).get("/supervising")
        assert status == 200 and "Hoshizora Farm" in html

        # --- who cannot be reached or needs help is on the board at once; silence becomes a case in time
        await s.later(seconds=5)
        coordinator = await s.signed_in(network)
        _, board = await coordinator.get("/board")
        assert hurt.name in board and no_phone.name in board and kashima.name not in board
        assert board.index(hurt.name) < board.index(no_phone.name)
        await s.later(minutes=31)
        _, board = await coordinator.get("/board")
        assert kashima.name in board and commuter.name in board and ok.name not in board
        assert invited.name not in board, "who has not agreed is shown to coordinators without a name"
        # --- a late answer takes a person off the board
        await s.tap(link_in(s.sms_to(kashima)[0]), "ok")
        _, board = await coordinator.get("/board")
        assert kashima.name not in board


async def test_a_drill_with_the_same_telegram_says_so_first_and_last(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        farm = await make_org(db, OrgKind.EMPLOYER)
        people = {language: await s.resident(farm, MASHIKI, language) for language in LANGUAGES}
        await s.hears(foreshock(), purpose=Purpose.DRILL)
        for language, person in people.items():
            (text,) = s.sms_to(person)
            first, last = (s.deps.catalogs.say(language, f"tag.drill.{end}") for end in ("first", "last.sms"))
            assert first.strip("【】 ") in text[:40], text
            # Where the sentence has no room, the label stands there once more.
            label = s.deps.catalogs.say(language, "frame.sentence", text=first)
            assert text.rpartition("\n")[0].endswith((last.strip(), label.strip())), text
        assert await db.fetchval("SELECT count(*) FROM incident WHERE purpose = 'live'") == 0


async def test_the_leader_answers_for_a_dorm_whose_phones_are_silent(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        farm = await make_org(db, OrgKind.EMPLOYER)
        dorm = await s.site(farm, MASHIKI)
        leader = await make_resident(db, farm.id, language="vi", dorm=dorm, name="Leader")
        others = [await make_resident(db, farm.id, language="vi", dorm=dorm, phone="") for _ in range(3)]
        async with db.acquire() as conn:
            await set_leader(conn, dorm[0], 1, resident_id=leader.id)
        await s.hears(foreshock())
        leader_links = [link_in(t) for t in s.sms_to(leader) if "/l/" in t]
        assert len(leader_links) == 1, s.sms_to(leader)
        url = leader_links[0]
        async with s.browser.get(url) as page:
            html = await page.text()
        assert page.status == 200 and all(person.name in html for person in others)
        # One is missing and says so by a tick; then "everyone else is OK" speaks for the two others only.
        missing, *found = others
        form = forms_of(html)[0]
        assert str(missing.id) in form.offers and "others" in form.offers
        async with s.browser.post(url, data={**form.values, str(missing.id): "", "others": "1"}) as reply:
            assert reply.status == 200, await reply.text()
        rows = await db.fetch("SELECT resident_id, status, status_by FROM incident_resident")
        status = {row["resident_id"]: (row["status"], row["status_by"]) for row in rows}
        assert all(status[person.id] == ("ok", "leader") for person in found)
        assert status[missing.id] == (None, None)
