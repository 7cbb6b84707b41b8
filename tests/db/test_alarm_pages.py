"""What operators, staff, anybody and a Prometheus see of alarms and feeds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from alerts.staff_contacts_web import ROUTES as CONTACTS
from checkin.board_web import ROUTES as BOARD
from checkin.dashboard_web import ROUTES as DASHBOARD
from checkin.status_web import ROUTES as STATUS
from core.db import Pool
from core.model import OrgKind
from core.settings import Settings
from ops.alarm_loop import Watch, look_once
from ops.alarms_store import note_channel
from ops.alarms_web import ROUTES as ALARMS
from ops.metrics_web import ROUTES as METRICS
from registry.store import personal_token
from tests.alarm_kit import Feeds, all_alive, feed_row, make_operator
from tests.alerts_kit import wires
from tests.people import NOW, VAULT, make_org, make_resident
from tests.staff_site import Site, staff_site

SINCE = NOW - timedelta(minutes=4)


def deaf(**more: Any) -> dict[str, object]:
    return feed_row(state="stale", why="failing", since=SINCE, detail="HTTP 403", **more)


@asynccontextmanager
async def website(db: Pool, *rows: dict[str, object], **settings: Any) -> AsyncIterator[Site]:
    feeds = Feeds(list(rows) or [feed_row()])
    made = Settings(public_url="http://127.0.0.1", **settings)
    routes = [*ALARMS, *METRICS, *STATUS, *DASHBOARD, *BOARD, *CONTACTS]
    async with staff_site(db, settings=made, extras={"feed_states": feeds}, more_routes=routes) as site:
        yield site


async def raise_alarms(db: Pool, dsn: str, *rows: dict[str, object]) -> None:
    """The loop looks once, at the time of the site's clock."""
    await all_alive(db)
    async with wires(db, dsn) as deps, ClientSession() as session:
        deps.clock.advance(NOW - deps.clock.now())  # type: ignore[attr-defined]
        await look_once(deps, Feeds(list(rows)), Watch(session, NOW - timedelta(hours=1), tries=(0.0,)))


async def test_an_operator_sees_what_is_wrong_and_takes_care_of_it(db: Pool, db_dsn: str) -> None:
    operator = await make_operator(db, NOW)
    await raise_alarms(db, db_dsn, deaf())
    async with website(db) as site:
        browser = await site.signed_in(operator)
        status, page = await browser.get("/alarms")
        assert status == 200
        assert "JMA earthquakes, tsunami, volcanoes (jma.eqvol): cannot be read since" in page and "HTTP 403" in page
        # Nobody would hear of it at night: the page says so.
        assert "DAIJOBU_ALARM_URL" in page and "I take care of it" in page
        key = "feed:jma.eqvol"
        alarm = await db.fetchval("SELECT id FROM alarm WHERE key = $1", key)
        answer = await browser.submit("/alarms", f"/alarms/{alarm}", allow_redirects=False)
        assert answer.status == 303
        _, page = await browser.get("/alarms")
        assert "takes care of it since" in page
        assert await db.fetchval("SELECT detail ->> 'alarm' FROM audit WHERE action = 'alarm.take'") == key
        # A second tap, or a colleague a moment later, takes nothing away.
        form = await db.fetchrow("SELECT acknowledged_by, acknowledged_at FROM alarm WHERE key = $1", key)
        html = (await browser.get("/alarms"))[1]
        token = html.split('name="form_token" value="')[1].split('"')[0]
        status, text = await browser.post(f"/alarms/{alarm}", {"form_token": token})
        assert status == 409 and "somebody else" in text
        assert await db.fetchrow("SELECT acknowledged_by, acknowledged_at FROM alarm WHERE key = $1", key) == form


async def test_the_page_says_over_which_ways_operators_are_told(db: Pool) -> None:
    operator = await make_operator(db, NOW, phone="+819012340001")
    url = SecretStr("https://chat.example/hook/s3cret")
    await note_channel(db, "url", "HTTP 500", NOW)
    async with website(db, alarm_url=url) as site:
        _, page = await (await site.signed_in(operator)).get("/alarms")
        assert "fails since" in page and "HTTP 500" in page and "s3cret" not in page
        assert page.count("set up</span>") == 4  # SMS is; push, Apprise and the dead-man are not
        assert "Nothing is wrong now" in page and "At night nobody" not in page


async def test_an_operator_may_register_a_telephone_and_sees_only_their_own(db: Pool) -> None:
    operator = await make_operator(db, NOW, phone="+819012340001")
    other = await make_operator(db, NOW, phone="+819012349999")
    async with website(db) as site:
        browser = await site.signed_in(operator)
        status, page = await browser.get("/account/contacts")
        assert status == 200 and "090-1234-0001" in page and "9999" not in page
        assert "/account/contacts" in (await browser.get("/account"))[1]
        contact = await db.fetchval("SELECT id FROM contact WHERE staff_id = $1", other.staff_id)
        token = page.split('name="form_token" value="')[1].split('"')[0]
        status, _ = await browser.post(f"/account/contacts/{contact}/remove", {"form_token": token})
        assert status == 404 and await db.fetchval("SELECT count(*) FROM contact") == 2


async def test_anybody_reads_whether_the_official_source_is_heard(db: Pool) -> None:
    async with website(db, deaf(), feed_row("jma.extra")) as site:
        _, page = await site.visitor().get("/status?lang=en")
        assert "We have not heard from JMA since" in page and "HTTP 403" not in page
        assert "Outbox" not in page and "/alarms" not in page
        _, page = await site.visitor().get("/status?lang=vi")
        assert "chưa nhận được tin của JMA" in page and "Chúng tôi có nhận được cảnh báo chính thức không?" in page
        # All of it in the reader's language, nothing of the words for staff.
        for lang, words in (("my", "တရားဝင်သတိပေးချက်များ"), ("ur", "سرکاری انتباہ"), ("ja-simple", "とどいて")):
            _, page = await site.visitor().get(f"/status?lang={lang}")
            assert words in page and "How the service is doing" not in page and "システムの状態" not in page
        _, page = await site.visitor().get("/status", headers={"Accept-Language": "id"})
        assert "peringatan resmi" in page
        status, _ = await site.visitor().get("/status", headers={"X-Fragment": "1"})
        assert status == 401
    async with website(db, feed_row(last_heard_at=NOW)) as site:
        _, page = await site.visitor().get("/status?lang=en")
        assert "We have not heard" not in page and "Yes. Last checked" in page


async def test_staff_see_more_and_the_banner_stands_on_what_depends_on_feeds(db: Pool, db_dsn: str) -> None:
    await raise_alarms(db, db_dsn, deaf())
    operator, employer = await make_operator(db, NOW), await make_org(db)
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    numbers = {"polls": 10, "unchanged": 9, "failures": 1, "gaps": 2, "longest_gap_s": 400.0}
    row = deaf(bytes=3_000_000, today=numbers, week=numbers)
    # A source that only adds to the others puts no banner on anybody's page.
    async with website(db, row, feed_row("usgs.day", "stale", "never")) as site:
        for org, path in ((operator, "/status"), (employer, "/dashboard"), (network, "/board"), (employer, "/status")):
            status, page = await (await site.signed_in(org)).get(path)
            assert status == 200, path
            assert "We do not hear the Japan Meteorological Agency well" in page, path
            assert page.count("HTTP 403") == (1 if path == "/status" else 0), path
            if path != "/status":
                assert "usgs" not in page
        _, page = await (await site.signed_in(operator)).get("/status")
        assert "Open alarms: 2" in page or "Open alarms: 1" in page
        assert "3.0 MB today of 2000 MB" in page and "unchanged 90 %" in page and "longest 6 min" in page


def number(text: str, line: str) -> float:
    (value,) = [float(each.rsplit(" ", 1)[1]) for each in text.splitlines() if each.startswith(f"{line} ")]
    return value


async def test_metrics_for_this_machine(db: Pool, db_dsn: str) -> None:
    await raise_alarms(db, db_dsn, deaf())
    await db.execute(
        "INSERT INTO report (source, sha256, received_at, body, state, reason, type) "
        "VALUES ('jma', sha256('x'), $1, 'x', 'unreadable', 'cut', 'VXSE53')",
        NOW,
    )
    async with website(db, deaf(bytes=5, last_heard_at=SINCE, clock_off_s=1.5)) as site:
        status, text = await site.visitor().get("/metrics")
        assert status == 200
        assert number(text, 'daijobu_feed_state{feed="jma.eqvol"}') == 2
        assert number(text, 'daijobu_feed_last_heard_timestamp_seconds{feed="jma.eqvol"}') == SINCE.timestamp()
        assert number(text, 'daijobu_feed_bytes_today{feed="jma.eqvol"}') == 5
        assert number(text, 'daijobu_loop_silent_seconds{loop="send"}') >= 0
        assert number(text, 'daijobu_outbox_messages{state="pending"}') == 0
        assert number(text, 'daijobu_alarms_open{level="critical"}') == 1
        assert number(text, 'daijobu_reports_unreadable_24h{type="jma VXSE53"}') == 1
        assert number(text, "daijobu_undecided_seconds") == 0
        # Whoever comes through a proxy is not this machine.
        for header in ("X-Forwarded-For", "Forwarded", "Via"):
            status, text = await site.visitor().get("/metrics", headers={header: "192.0.2.7"})
            assert status == 403 and "daijobu_" not in text


@pytest.mark.parametrize(("sent", "status"), [(None, 403), ("Bearer wrong", 403), ("Bearer s3cret", 200)])
async def test_metrics_with_a_token(db: Pool, sent: str | None, status: int) -> None:
    async with website(db, metrics_token=SecretStr("s3cret")) as site:
        headers = {"X-Forwarded-For": "192.0.2.7"} | ({} if sent is None else {"Authorization": sent})
        assert (await site.visitor().get("/metrics", headers=headers))[0] == status


async def test_a_persons_own_page_says_that_silence_is_no_all_clear(db: Pool) -> None:
    person = await make_resident(db, (await make_org(db)).id, language="vi")
    async with db.acquire() as conn:
        token = await personal_token(conn, VAULT, person.id)
    for rows, shown in (([deaf()], True), ([feed_row()], False), ([feed_row("usgs.summary", "stale", "never")], False)):
        async with website(db, *rows) as site:
            status, page = await site.visitor().get(f"/p/{token}")
            assert status == 200 and ("chưa nhận được tin của JMA" in page) == shown
