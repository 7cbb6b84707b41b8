"""A private call for help never appears in the employer's reach: everything the employer, its supervising organisation
and the dorm's leader can get is equal, byte for byte, whether the person said "I'm OK" or "I need help".

The same world is copied twice; in one copy the person is well, in the other they call for help, tell more, and
coordinators take the case up. Afterwards every page, fragment, file and event of the two is compared.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from checkin.cases import Outcome
from checkin.cases_store import INCIDENT_CHANGED, claim, close_case, open_due_cases
from checkin.store import record_check_in
from checkin.webhook_watch_store import watch
from core.clock import FixedClock
from core.db import Pool, connect, notify, transaction
from core.model import Answer, AnsweredBy, OrgKind, Role
from core.wakeups import Wakeups
from core.web import SITE
from ops.site_web import build_app
from registry.consent import Choice
from registry.consent_store import record, set_shields
from registry.location import Position
from registry.location_store import share_location
from tests.api_kit import Program, give_token
from tests.conftest import Server
from tests.hooks_kit import subscribe
from tests.incidents import TestIncident, make_incident, make_link, make_message, tell
from tests.pages import make_app
from tests.people import NOW, VAULT, make_org, make_resident, make_site, whole_session

MIN = timedelta(minutes=1)
LATER = NOW + 60 * MIN


@dataclass(frozen=True)
class World:
    """Ids of the one world of which both copies are made."""

    incident: TestIncident
    earlier: TestIncident
    employer: UUID
    private: UUID
    coordinator: UUID
    sessions: dict[str, str]
    leader_token: str
    #: Tokens of the employer's and of its supervising organisation's programs.
    programs: dict[str, str]


async def build(db: Pool, by_consent: bool) -> World:
    """An employer with a dorm of four, its supervising organisation, a coordinator; one of the four is private."""
    org = await make_org(db, name="Aozora Foods")
    union = await make_org(db, OrgKind.SUPERVISING)
    await db.execute("INSERT INTO org_relation VALUES ($1, $2, 'supervises')", union.id, org.id)
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    dorm = await make_site(db, org.id, name="Hikari Dorm")
    people = [await make_resident(db, org.id, dorm=dorm, room=f"{n}01") for n in range(1, 5)]
    private = people[2]
    async with transaction(db) as conn:
        if by_consent:
            made = [Choice("C2", False, org.id)]
            await record(
                conn, make_app(db, [], FixedClock(NOW))[SITE].catalogs, private.id, made, language="vi", now=NOW
            )
        else:
            await set_shields(conn, private.id, hide_answer=True, protected=False)
    incident, earlier = await make_incident(db), await make_incident(db, now=NOW - 120 * MIN)
    for person in people:
        await tell(db, incident, person.id, now=NOW)
        await make_message(db, incident, person.id, state="delivered")
    await tell(db, earlier, private.id, now=NOW - 120 * MIN)
    await db.execute("INSERT INTO site_leader (site_id, rank, resident_id) VALUES ($1, 1, $2)", dorm[0], people[0].id)
    _, token = await make_link(db, incident, kind="leader", site_id=dorm[0], resident_id=people[0].id)
    async with transaction(db) as conn:
        sessions = {
            "employer": await whole_session(conn, org.staff_id, LATER),
            "supervising": await whole_session(conn, union.staff_id, LATER),
        }
    await subscribe(db, org.id, "https://hr.example/plain")
    await subscribe(db, org.id, "https://hr.example/named", names=True)
    programs = {
        "employer": (await give_token(db, org.id))[1],
        "supervising": (await give_token(db, org.id, role=Role.SUPERVISING, owner_id=union.id))[1],
    }
    await watch(db, LATER - 60 * MIN)
    return World(incident, earlier, org.id, private.id, network.staff_id, sessions, token, programs)


Act = Callable[[Pool, World], Awaitable[None]]


async def _say(db: Pool, world: World, incident: TestIncident, answer: Answer, minute: int, **more: object) -> None:
    async with transaction(db) as conn:
        await record_check_in(
            conn,
            VAULT,
            incident_id=incident.id,
            resident_id=world.private,
            answer=answer,
            answered_by=AnsweredBy.SELF,
            via="page",
            tapped_at=NOW + minute * MIN,
            now=NOW + minute * MIN,
            **more,  # type: ignore[arg-type]
        )


async def _coordinators_work(db: Pool, world: World, outcome: Outcome | None) -> None:
    async with transaction(db) as conn:
        case = await conn.fetchval(
            "SELECT id FROM case_file WHERE resident_id = $1 AND closed_at IS NULL", world.private
        )
        assert case is not None, "the call for help reached the coordinators"
        await claim(conn, [case], world.coordinator, NOW + 8 * MIN)
        if outcome is not None:
            await close_case(conn, case, outcome, world.coordinator, NOW + 9 * MIN)


async def well(db: Pool, world: World) -> None:
    await _say(db, world, world.incident, Answer.OK, 5)


async def calls(db: Pool, world: World) -> None:
    await _say(db, world, world.incident, Answer.HELP, 5)


async def calls_and_tells_more(db: Pool, world: World) -> None:
    await calls(db, world)
    await _say(db, world, world.incident, Answer.HELP, 7, note="my leg", detail={"hurt": True, "tell_employer": True})
    async with transaction(db) as conn:
        here, now = Position(32.79456, 130.82456, 12), NOW + 7 * MIN
        catalogs = make_app(db, [], FixedClock(NOW))[SITE].catalogs
        await share_location(conn, VAULT, catalogs, world.private, world.incident.id, here, language="vi", now=now)
        await notify(conn, INCIDENT_CHANGED, str(world.incident.id))
    await _coordinators_work(db, world, None)


async def calls_and_is_helped(db: Pool, world: World) -> None:
    await calls(db, world)
    await _coordinators_work(db, world, Outcome.HELP_GIVEN)


async def was_well_before(db: Pool, world: World) -> None:
    await _say(db, world, world.earlier, Answer.OK, -30)
    await open_due_cases(db, NOW + 30 * MIN, lambda hazard, severity, night: 0)


async def called_before(db: Pool, world: World) -> None:
    await _say(db, world, world.earlier, Answer.HELP, -30)
    await open_due_cases(db, NOW + 30 * MIN, lambda hazard, severity, night: 0)
    await _coordinators_work(db, world, None)


SQL_CLOSE = "UPDATE incident SET closed_at = $1, key_enc = NULL WHERE closed_at IS NULL"


async def _close(db: Pool, world: World) -> None:
    """Close everything, as the tend loop does, and let the streams tell it."""
    async with transaction(db) as conn:
        await conn.execute(SQL_CLOSE, NOW + 2 * MIN)
        for incident in (world.incident, world.earlier):
            await notify(conn, INCIDENT_CHANGED, str(incident.id))
    await asyncio.sleep(1.5)


async def well_after_the_end(db: Pool, world: World) -> None:
    await _close(db, world)
    await _say(db, world, world.incident, Answer.OK, 5)


async def calls_after_the_end(db: Pool, world: World) -> None:
    """Opens an incident of its own: the employer must not even see that there is one."""
    await _close(db, world)
    await _say(db, world, world.incident, Answer.HELP, 5)
    assert await db.fetchval("SELECT count(*) FROM incident WHERE hazard = 'help'") == 1


def _plain(text: str) -> str:
    """Without what differs between any two answers: the nonce of a page's own script and style."""
    return re.sub(r'nonce="[^"]*"', 'nonce=""', text)


# In the order in which they are sent; when each was made is the watching loop's turn, the same for both.
SQL_TOLD = "SELECT event, incident_id, resident_id, payload - 'id' AS payload FROM webhook_delivery ORDER BY id"


async def _programs(db: Pool, client: TestClient[web.Request, web.Application], world: World) -> dict[str, str]:
    """What programs are told and given: webhooks' bodies, and every call of the API that reads."""
    await watch(db, LATER)
    told = [dict(row.items()) for row in await db.fetch(SQL_TOLD)]
    got = {"webhooks": "\n".join(str(one) for one in told)}
    paths = ["/people", "/sites", "/incidents", "/webhooks", f"/incidents/{world.incident.id}"]
    paths += [f"/incidents/{i.id}/statuses" for i in (world.incident, world.earlier)]
    for who, token in world.programs.items():
        for path in paths:
            reply = await Program(client, token).call("GET", path)
            got[f"api {who} {path}"] = f"{reply.status}\n{reply.text}"
    return got


async def _collect(stream: ClientResponse, into: list[str]) -> None:
    with suppress(asyncio.CancelledError):
        async for line in stream.content:
            if line.startswith((b"event: changed", b"data: ")) and line != b"data: \n":
                into.append(line.decode())


async def reach(dsn: str, world: World, act: Act) -> dict[str, str]:
    """Everything the employer's side gets, after `act`, in a copy of the world."""
    db = await connect(dsn, size=6)
    app = build_app(make_app(db, [], FixedClock(LATER))[SITE])
    got: dict[str, str] = {}
    try:
        async with TestClient(TestServer(app)) as client, Wakeups(dsn) as wakeups:
            app[SITE].wakeups = wakeups
            streams = {who: await _stream(client, session) for who, session in world.sessions.items()}
            events: dict[str, list[str]] = {who: [] for who in streams}
            listening = [asyncio.ensure_future(_collect(s, events[who])) for who, s in streams.items()]
            await act(db, world)
            await asyncio.sleep(3.5)  # longer than the pause in which a burst becomes one event
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening)
            for who, stream in streams.items():
                stream.close()
                got[f"stream of {who}"] = "".join(events[who])
            i, org, person = world.incident.id, world.employer, world.private
            dashboard = f"/dashboard/{i}"
            pages = {
                "employer": ["/dashboard", dashboard, f"{dashboard}?show=not_shared", f"{dashboard}?show=help",
                             f"{dashboard}?show=silent", f"{dashboard}/people.csv", f"/dashboard/{world.earlier.id}",
                             "/people", f"/people/{person}", "/sites", "/people/unreached", "/people/unreached.csv",
                             "/status", "/slips"],
                "supervising": ["/supervising", f"/supervising?incident={i}", f"/supervising/{org}?incident={i}",
                                "/people", f"/people/{person}", "/people/unreached.csv", "/supervising/enrolment",
                                "/status"],
            }  # fmt: skip
            for who, paths in pages.items():
                for path in paths:
                    for header in ({}, {"X-Fragment": "1"}):
                        sent = {"Cookie": f"daijobu={world.sessions[who]}", "Accept-Language": "en"} | header
                        async with client.get(path, headers=sent, allow_redirects=False) as answer:
                            text = f"{answer.status} {answer.headers.get('Location', '')}\n{await answer.text()}"
                            got[f"{who} {path} {json.dumps(header)}"] = _plain(text)
            async with client.get(f"/l/{world.leader_token}?lang=en") as answer:
                got["leader page"] = _plain(f"{answer.status}\n{await answer.text()}")
            got |= await _programs(db, client, world)
    finally:
        db.terminate()
    return got


async def _stream(client: TestClient[web.Request, web.Application], session: str) -> ClientResponse:
    stream = await client.get("/events/stream", headers={"Cookie": f"daijobu={session}"})
    assert stream.status == 200
    while (await stream.content.readline()).strip():
        pass
    return stream


async def _name_of(dsn: str, world: World) -> str:
    pool = await connect(dsn, size=1)
    try:
        return str(await pool.fetchval("SELECT name FROM resident WHERE id = $1", world.private))
    finally:
        pool.terminate()


@pytest.mark.parametrize("by_consent", [False, True], ids=["hidden", "C2 taken back"])
@pytest.mark.parametrize(
    ("ok", "help_"),
    [
        (well, calls),
        (well, calls_and_tells_more),
        (well, calls_and_is_helped),
        (was_well_before, called_before),
        (well_after_the_end, calls_after_the_end),
    ],
    ids=["help", "more told and claimed", "helped", "in an earlier incident", "after the end"],
)
async def test_the_employers_reach_is_the_same(
    server: Server, db_dsn: str, ok: Act, help_: Act, by_consent: bool
) -> None:
    pool = await connect(db_dsn, size=3)
    world = await build(pool, by_consent)
    await pool.close()
    source = db_dsn.rpartition("/")[2].partition("?")[0]
    found = []
    for act in (ok, help_):
        async with server.copy_of(source) as dsn:
            found.append(await reach(dsn, world, act))
    well_off, calling = found
    assert well_off.keys() == calling.keys()
    different = [where for where in well_off if well_off[where] != calling[where]]
    assert not different, "\n\n".join(f"{w}:\n{well_off[w]}\n---\n{calling[w]}" for w in different)[:20_000]
    # The pages were really seen, with the person on them.
    seen = [where for where, text in well_off.items() if text.startswith("200")]
    assert len(seen) >= len(well_off) - 5, sorted(set(well_off) - set(seen))
    name = await _name_of(db_dsn, world)
    for where in (
        f"employer /dashboard/{world.incident.id} {{}}",
        f"employer /people/{world.private} {{}}",
        "leader page",
    ):
        assert name in well_off[where]
