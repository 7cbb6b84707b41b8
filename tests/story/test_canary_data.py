"""Canary personal data through every flow of the installed service; then a search for it wherever it must not be.

The service and the commands run as real processes with everything logged (level debug), the service as JSON, the
commands as text. Searched: all their output, PostgreSQL's own log (also for statements that fail), the status pages,
and a dump made without the key.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from core.crypto import load_vault
from core.db import Pool, connect, transaction
from core.model import OrgKind, Role
from core.postgres import embedded
from demo.scenario import load_scenario
from demo.telegrams import build_report
from registry import store
from registry.passwords import OWASP
from tests import canary_kit as canary
from tests.canary_kit import Walker, dump, hits, secrets_of
from tests.feed_server import FeedServer, feed_server
from tests.pages import forms_of
from tests.people import whole_session
from tests.push_server import FakePush, fake_push
from tests.story.test_from_the_feed import Service, free_port, run
from tests.twilio_server import FakeTwilio, fake_twilio

SQL_LEADER = """
INSERT INTO site_leader (site_id, rank, resident_id)
SELECT m.dorm_id, 1, m.resident_id FROM membership m WHERE m.dorm_id IS NOT NULL ORDER BY m.employee_id LIMIT 1
"""
#: Statements that fail, with data in parameters and rows: what a server with its usual settings writes into its log.
FAILING = (
    ("INSERT INTO staff (id, org_id, role, name, email, created_at) "
     "SELECT gen_random_uuid(), org_id, role, $1, upper(email), now() FROM staff WHERE email = $2",
     (canary.NAME, canary.STAFF_EMAIL)),
    ("UPDATE resident SET state = $1 WHERE name = $2", (canary.NOTES[0], canary.NAME)),
    ("SELECT 1 / (length($1::text) - length($1::text))", (canary.PHONES[0],)),
    ("SELECT $1::text, count(*) FROM resident HAVING count(*) / 0 > 1", (canary.ADDRESS,)),
)  # fmt: skip


#: What must have happened for the search to prove anything.
DONE = (
    "SELECT count(*) FROM check_in WHERE answer = 'help' AND note_enc IS NOT NULL",
    "SELECT count(*) FROM case_note WHERE note_enc IS NOT NULL",
    "SELECT count(*) FROM audit WHERE action = 'board.reveal'",
    "SELECT count(*) FROM audit WHERE action = 'board.location'",
    "SELECT count(*) FROM audit WHERE action = 'board.outcome'",
    "SELECT count(*) FROM message WHERE state = 'failed' AND error_code = '21211'",
    "SELECT count(*) FROM contact WHERE channel = 'push'",
)


#: The choices of outcome of each case of a unit's page.
_CASES = re.compile(r'<select [^>]*name="(case-[^"]+)">(.*?)</select>', re.DOTALL)


class Stage:
    """The running service, its providers, its database, and everything whose appearance would be a leak."""

    def __init__(self, service: Service, pool: Pool, twilio: FakeTwilio, push: FakePush, jma: FeedServer) -> None:
        self.service, self.pool, self.twilio, self.push, self.jma = service, pool, twilio, push, jma
        self.secrets: list[str] = []
        self.failed: list[str] = []
        self.pages: list[dict[str, str]] = []  # of each person, as they were before the alert

    @contextlib.asynccontextmanager
    async def walker(self, staff_id: Any = None) -> Any:
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=aiohttp.ClientTimeout(total=60)
        ) as browser:
            if staff_id is not None:
                session = await whole_session(self.pool, staff_id, datetime.now(UTC))
                self.secrets.append(session)
                browser.cookie_jar.update_cookies({"daijobu": session}, response_url=_address(self.service.url))
            walker = Walker(browser, self.service.url)
            yield walker
            self.failed += walker.failed


def _address(url: str) -> Any:
    return aiohttp.client.URL(url)


async def staff_and_sign_in(stage: Stage) -> tuple[Any, Any]:
    """A clerk of the imported organisation who signs in, wrongly and rightly, and a coordinator; their ids."""
    pool, now = stage.pool, datetime.now(UTC)
    org = await pool.fetchval("SELECT id FROM organisation WHERE slug = 'canary'")
    clerk = await store.create_staff(
        pool, org_id=org, role=Role.EMPLOYER, name=canary.NAME, email=canary.STAFF_EMAIL, now=now,
        language="en", password_hash=await OWASP.hash(canary.PASSWORD),
    )  # fmt: skip
    network = await store.create_organisation(
        pool, slug="zq-network", name="Net", kind=OrgKind.VOLUNTEER_NETWORK, now=now
    )
    coordinator = await store.create_staff(
        pool, org_id=network, role=Role.COORDINATOR, name=canary.SECOND_NAME, email="zq@net.example", now=now
    )
    async with stage.walker() as visitor:
        for password in (canary.WRONG_PASSWORD, canary.PASSWORD):
            values = {"email": canary.STAFF_EMAIL, "password": password}
            await visitor.submit("/sign-in", lambda form: "password" in form.offers, values)
        await visitor.get(f"/sign-in?email={canary.STAFF_EMAIL}&next=/p/{canary.HANDLE}")
    return clerk, coordinator


async def enrol(stage: Stage) -> None:
    """Every person's own page, what they type there, and a phone that takes pushes."""
    vault = load_vault(Path(stage.service.env["DAIJOBU_DATA_DIR"]) / "keys" / "data.key")
    stage.secrets += secrets_of(Path(stage.service.env["DAIJOBU_DATA_DIR"]) / "keys" / "data.key")
    for number, person in enumerate(await stage.pool.fetch("SELECT id FROM resident ORDER BY id")):
        async with transaction(stage.pool) as conn:
            token = await store.personal_token(conn, vault, person["id"])
        if token is None:
            continue
        stage.secrets.append(token)
        async with stage.walker() as visitor:
            phone = stage.push.subscribe()
            subscription = json.loads(phone.to_json())
            subscription["endpoint"] += f"?{canary.ENDPOINT}"
            body = json.dumps({"token": token, "subscription": subscription})
            if number == 0:
                await visitor.post("/push/subscribe", body, headers={"Content-Type": "application/json"})
            broken = json.dumps({"token": token, "subscription": {"endpoint": f"https://{canary.ENDPOINT}.example/x"}})
            await visitor.post("/push/subscribe", broken, headers={"Content-Type": "application/json"})
            own = f"/p/{token}"
            forms = forms_of(await visitor.get(own))
            form = next(form for form in forms if form.action in ("", own))
            ticked = {name: offer[0] for name, offer in form.offers.items() if offer and not name.startswith("drop")}
            typed = {"home_address": canary.OTHER_ADDRESS, "postal_code": "861-2242", "handle": canary.HANDLE}
            await visitor.post(own, ticked | form.values | typed)
            await visitor.crawl(own, f"/e/{token}", limit=12)
            stage.pages.append(visitor.bodies)


async def answer(stage: Stage) -> None:
    """The links of all texts: opened, answered with help and a note, and answered wrongly."""
    links = sorted({line for form in stage.twilio.taken for line in form["Body"].split() if line.startswith("http")})
    assert links, "nobody was told: the test proves nothing"
    for link in links:
        token = link.rpartition("/")[2]
        if len(token) == 12:
            stage.secrets.append(token)
        async with stage.walker() as visitor:
            html = await visitor.get(link)
            if "/c/" in link and 'value="help"' in html:
                await visitor.submit(link, lambda form: "help" in form.offers.get("answer", []), {"answer": "help"})
                values = {"hurt": "1", "people": "2", "note": canary.NOTES[0]}
                await visitor.submit(link, lambda form: "note" in form.offers, values)
                lat, lon = canary.POSITION
                await visitor.post(f"{link}/where", {"lat": lat, "lon": lon, "accuracy": "12"})
                await visitor.post(f"{link}/where", {"lat": lon, "lon": lat, "accuracy": canary.NOTES[0]})
            await visitor.post(link, {"answer": canary.NOTES[0]})
            await visitor.get(link + "Z")
            await visitor.crawl(link.removeprefix(stage.service.url), limit=8)
    async with stage.walker() as visitor:
        for where in ("/c/3f5yEkQd9WzR", "/p/3f5yEkQd9WzR", "/l/3f5yEkQd9WzR", f"/people?q={canary.NAME}"):
            await visitor.get(where)
            await visitor.post(where, {"answer": "ok", "note": canary.NOTES[0]})
    for number in range(len(stage.twilio.taken)):
        await stage.twilio.call_back(number, "undelivered" if number % 2 else "delivered", code=30005)
    await stage.twilio.call_back(0, "delivered", token="forged")


async def follow_up(stage: Stage, coordinator: Any) -> None:
    """The board: claim, reveal, note, outcome, for every unit."""
    async with stage.walker(coordinator) as visitor:
        board = await visitor.get("/board")
        units = sorted(set(re.findall(r'href="(/board/[^"?#]+)', board)))
        assert units, "no case: the test proves nothing"
        for unit in units:
            with contextlib.suppress(AssertionError):  # a unit may have been closed with the one before
                await visitor.submit(unit, lambda form: form.action.endswith("/claim"))
                await visitor.submit(unit, lambda form: form.action.endswith("/reveal"), {"why": "call"})
                await visitor.submit(unit, lambda form: form.action.endswith("/note"), {"note": canary.NOTES[1]})
                html = await visitor.get(unit)
                found = {name: re.findall(r'value="([^"]+)"', options)[-1] for name, options in _CASES.findall(html)}
                outcome = found | {"note": canary.NOTES[2]}
                await visitor.submit(unit, lambda form: form.action.endswith("/outcome"), outcome)
        await visitor.crawl("/board", "/status", limit=25)


async def trials(stage: Stage, operator: Any) -> None:
    """Test messages of the operator while the provider refuses, fails, hangs up and works."""
    async with stage.walker(operator) as visitor:
        for mode in ("500", "lost", "429", "ok"):
            stage.twilio.mode = mode
            page = await visitor.get("/operator")
            token = re.findall(r'name="form_token" value="([^"]+)"', page)
            stage.secrets += token
            values = {"form_token": token[0], "channel": "sms", "address": canary.PHONES[0]}
            await visitor.post("/operator/test", values)
        stage.twilio.mode = "ok"
        await visitor.crawl("/operator", "/status", limit=25)
        status = visitor.bodies["/status"] + await visitor.get("/healthz")
    assert not hits(status, (*canary.ENCRYPTED, *canary.READABLE, *canary.NEVER)), "on the status page"


async def fail(stage: Stage) -> None:
    """Statements that PostgreSQL refuses."""
    for statement, values in FAILING:
        with pytest.raises(asyncpg.PostgresError):
            await stage.pool.execute(statement, *values)


# Seven processes and some hundred pages: more than a hung test would be given on a busy machine.
@pytest.mark.timeout(900)
async def test_no_personal_data_where_none_may_be(data_dir: Path, tmp_path: Path) -> None:
    data = data_dir / "data"
    lists = [tmp_path / "people.csv", tmp_path / "more.csv"]
    lists[0].write_text(canary.PEOPLE, encoding="utf-8-sig")
    lists[1].write_text(canary.PEOPLE.replace("7771", "7772").replace("-EMP-", "-EMQ-"), encoding="utf-8-sig")
    async with (
        feed_server() as jma,
        fake_twilio() as twilio,
        fake_push() as push,
        aiohttp.ClientSession() as browser,
        contextlib.AsyncExitStack() as stack,
    ):
        twilio.codes = {"2302": 21211}
        push.modes = {0: 500}
        env = {k: v for k, v in os.environ.items() if not k.startswith("DAIJOBU_") and k != "DATABASE_URL"} | {
            "DAIJOBU_DATA_DIR": str(data),
            "DAIJOBU_PORT": str(free_port()),
            "DAIJOBU_JMA_FEED_URL": jma.feed_url,
            "DAIJOBU_EQVOL_EVERY_S": "0.2",
            "DAIJOBU_EXTRA_EVERY_S": "0.2",
            "DAIJOBU_TWILIO_ACCOUNT_SID": twilio.account,
            "DAIJOBU_TWILIO_AUTH_TOKEN": twilio.token,
            "DAIJOBU_TWILIO_FROM": "+12025550100",
            "DAIJOBU_TWILIO_BASE_URL": twilio.url,
            "DAIJOBU_PUSH_HOSTS": "127.0.0.1",
            "DAIJOBU_PUSH_ALLOW_HTTP": "true",
            "DAIJOBU_CASE_AFTER_S": "1",
            "DAIJOBU_LOG_LEVEL": "debug",
        }
        code, said = await run("import", str(lists[0]), "--org", "canary", "--create-org", env=env)
        assert code == 1 and "--allow-refused" in said, said  # one of the rows is wrong in every way
        log = tmp_path / "service.log"
        service = Service(env | {"DAIJOBU_LOG_JSON": "true"}, log)
        await service.start(browser)
        stack.push_async_callback(service.stop)
        dsn = await stack.enter_async_context(embedded(data))
        pool = await connect(dsn, size=3)
        stack.push_async_callback(pool.close)
        stage = Stage(service, pool, twilio, push, jma)

        clerk, coordinator = await staff_and_sign_in(stage)
        operator = await pool.fetchval("SELECT id FROM staff WHERE role = 'operator'")
        async with stage.walker(clerk) as visitor:
            page = await visitor.submit("/import", lambda form: "file" in form.offers, file=lists[1].read_bytes())
            plan = next((form for form in forms_of(page) if form.action.startswith("/import/")), None)
            assert plan is not None, page
            await visitor.post(plan.action, plan.values)
        await pool.execute(SQL_LEADER)
        await enrol(stage)

        now = datetime.now(UTC).replace(microsecond=0)
        quake = build_report(load_scenario("kumamoto-2016-foreshock"), "VXSE53", now - timedelta(seconds=385))
        jma.put(f"{now:%Y%m%d%H%M%S}_0_VXSE53_010000.xml", quake, now)
        await service.until(lambda: len(twilio.taken) >= 2)
        await answer(stage)
        await trials(stage, operator)
        # Silence becomes a case when the tend loop looks again.
        await service.until(lambda: _has_case(pool))
        await follow_up(stage, coordinator)
        async with stage.walker(clerk) as visitor:
            await visitor.crawl("/dashboard", "/people", "/sites", "/team", "/import", limit=40)
            incident = await pool.fetchval("SELECT id FROM incident WHERE purpose = 'live' ORDER BY opened_at LIMIT 1")
            await visitor.get(f"/dashboard/{incident}/people.csv")
            await visitor.press_everything()
        for bodies in stage.pages:
            async with stage.walker() as visitor:
                visitor.bodies = bodies
                await visitor.press_everything()
        await fail(stage)

        telegram = tmp_path / "quake.xml"
        telegram.write_bytes(quake)
        for words in (("preview", "--report", str(telegram)), ("doctor",), ("keys", "rotate")):
            code, said = await run(*words, env=env)
            assert words == ("doctor",) or code == 0, said
            assert not hits(said, (*canary.ENCRYPTED, *canary.READABLE, *canary.NEVER)), f"main.py {words[0]} told"

        for done in DONE:
            assert await pool.fetchval(done), f"the story did not get so far: {done}"
        stage.secrets += secrets_of(data / "keys" / "data.key")
        whole = await dump(dsn)
        # The first operator's link is printed on purpose, on a line of its own.
        output = "\n".join(
            line for line in log.read_text().splitlines() if not line.startswith(f"{service.url}/enter/")
        )
        server_log = "".join(path.read_text() for path in _server_logs(data))
        print(
            f"{stage.failed=}", f"{len(output)} characters of log, {len(server_log)} of the server's, {len(whole)} dump"
        )
        everything = (*canary.ENCRYPTED, *canary.READABLE, *canary.NEVER, *stage.secrets)
        assert '"logger": "alerts.fanout"' in output, "nothing was logged: the search proves nothing"
        assert hits(output, everything) == [], "in the service's output"
        assert hits(server_log, everything) == [], "in PostgreSQL's log"
        assert server_log.count("ERROR") >= len(FAILING), "nothing failed: the search proves nothing"
        assert hits(whole, (*canary.ENCRYPTED, *canary.NEVER, *stage.secrets)) == [], "in a dump without the key"
        assert hits(whole, ["Zqxvname"]), "the dump holds nothing: the search proves nothing"


async def _has_case(pool: Pool) -> bool:
    return bool(await pool.fetchval("SELECT count(*) FROM case_file WHERE closed_at IS NULL"))


def _server_logs(data: Path) -> list[Path]:
    pointer = data / "postgres.location"
    home = Path(pointer.read_text().strip()) if pointer.exists() else data / "postgres"
    found = sorted(home.glob("*.log*"))
    assert found and shutil.disk_usage(home).used, f"no server log in {home}"
    return found
