"""The stream of server-sent events: who hears what, how soon, and that streams come and go."""

from __future__ import annotations

import asyncio

from aiohttp import ClientResponse

from checkin.cases_store import INCIDENT_CHANGED
from core.db import Connection, Pool, notify
from core.model import OrgKind
from tests.board_site import BoardSite, Visitor, board_site
from tests.incidents import make_incident, tell
from tests.people import make_org, make_resident


async def next_event(stream: ClientResponse) -> tuple[str, str]:
    """(event, data) of the next event that is no heartbeat."""
    while True:
        event = data = ""
        async for raw in stream.content:
            line = raw.decode().rstrip("\n")
            if not line:
                break
            name, _, value = line.partition(": ")
            if name == "event":
                event = value
            elif name == "data":
                data = value
        else:
            raise EOFError("the stream ended")
        if event == "changed":
            return event, data


async def listening(visitor: Visitor, query: str = "") -> ClientResponse:
    """A stream that has said hello: from here on nothing is missed."""
    stream = await visitor.get(f"/events/stream{query}")
    assert stream.status == 200 and stream.headers["Content-Type"].startswith("text/event-stream")
    while (await stream.content.readline()).strip():
        pass
    return stream


async def change(conn: Connection | Pool, incident: str) -> None:
    """Something that everybody may see who may see the incident."""
    await conn.execute("UPDATE incident SET title = title || '!' WHERE id::text = $1", incident)
    await notify(conn, INCIDENT_CHANGED, incident)


async def test_a_change_is_told_to_those_who_may_see_it_and_to_nobody_else(db: Pool, db_dsn: str) -> None:
    one, two = await make_org(db), await make_org(db)
    network, operator = await make_org(db, OrgKind.VOLUNTEER_NETWORK), await make_org(db, OrgKind.OPERATOR)
    union = await make_org(db, OrgKind.SUPERVISING)
    await db.execute("INSERT INTO org_relation VALUES ($1, $2, 'supervises')", union.id, two.id)
    incidents = []
    for org in (one, two):
        incident = await make_incident(db)
        await tell(db, incident, (await make_resident(db, org.id)).id)
        incidents.append(str(incident.id))
    expected = {
        one: [incidents[0]],
        two: [incidents[1]],
        union: [incidents[1]],
        network: sorted(incidents),
        operator: sorted(incidents),
    }
    async with board_site(db, dsn=db_dsn) as site:
        streams = {org: await listening(await site.visitor(org.staff_id)) for org in expected}
        async with db.acquire() as conn, conn.transaction():
            for incident_id in incidents:
                await change(conn, incident_id)
        for org, told in expected.items():
            assert [(await next_event(streams[org]))[1] for _ in told] == told
        # Nothing else is under way: the next thing everybody hears is a second change of the first incident.
        await change(db, incidents[1])
        await notify(db, INCIDENT_CHANGED, "not an id")
        await change(db, incidents[0])
        assert (await next_event(streams[one]))[1] == incidents[0]
        for stream in streams.values():
            stream.close()


async def test_an_employer_hears_nothing_where_nothing_they_may_see_has_changed(db: Pool, db_dsn: str) -> None:
    org, network = await make_org(db), await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    incident = await make_incident(db)
    await tell(db, incident, (await make_resident(db, org.id)).id)
    async with board_site(db, dsn=db_dsn) as site:
        clerk = await listening(await site.visitor(org.staff_id))
        coordinator = await listening(await site.visitor(network.staff_id))
        await notify(db, INCIDENT_CHANGED, str(incident.id))  # as when somebody claims a call that is not shared
        assert (await next_event(coordinator))[1] == str(incident.id)
        await asyncio.sleep(1.2)  # the pause in which a burst becomes one event
        await change(db, str(incident.id))
        await next_event(coordinator)
        assert (await next_event(clerk))[1] == str(incident.id)
        told = asyncio.ensure_future(next_event(clerk))
        await notify(db, INCIDENT_CHANGED, str(incident.id))
        await asyncio.sleep(1.5)
        assert not told.done()
        told.cancel()
        for stream in (clerk, coordinator):
            stream.close()


async def test_a_stream_can_be_narrowed_to_one_incident(db: Pool, db_dsn: str) -> None:
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    wanted, other = str((await make_incident(db)).id), str((await make_incident(db)).id)
    async with board_site(db, dsn=db_dsn) as site:
        stream = await listening(await site.visitor(network.staff_id), f"?incident={wanted}")
        await notify(db, INCIDENT_CHANGED, other)
        await notify(db, INCIDENT_CHANGED, wanted)
        assert await next_event(stream) == ("changed", wanted)
        stream.close()


async def test_after_the_database_came_back_pages_are_told_to_look(db: Pool, db_dsn: str) -> None:
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    async with board_site(db, dsn=db_dsn) as site:
        stream = await listening(await site.visitor(network.staff_id))
        await db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'daijobu wakeups' AND datname = current_database()"
        )
        assert await next_event(stream) == ("changed", "*")
        stream.close()


async def test_a_closed_page_leaves_no_bell_behind(db: Pool, db_dsn: str) -> None:
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    incident = str((await make_incident(db)).id)
    async with board_site(db, dsn=db_dsn) as site:
        stream = await listening(await site.visitor(network.staff_id))
        stream.close()
        await _until_bells(site, 0, incident)


async def _until_bells(site: BoardSite, count: int, incident: str) -> None:
    """Wait until only `count` bells are left; a change makes the server notice a page that has gone."""
    while len(site.bells(INCIDENT_CHANGED)) > count:
        await notify(site.pool, INCIDENT_CHANGED, incident)
        await asyncio.sleep(0.05)


async def test_without_signing_in_there_is_no_stream(db: Pool) -> None:
    async with board_site(db) as site:
        answer = await site.client.get("/events/stream", headers={"Accept": "text/event-stream"}, allow_redirects=False)
        assert answer.status == 401
