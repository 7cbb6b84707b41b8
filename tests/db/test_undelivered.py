"""Messages that did not arrive: counted by reason, sent again by reason, never past their life."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts import undelivered_store as store
from alerts.channel import SendError, Trouble
from alerts.undelivered import reason_of
from alerts.undelivered_web import ROUTES
from core.clock import FixedClock
from core.db import Pool, transaction
from registry.records import NewContact
from tests import people
from tests.alarm_kit import make_operator
from tests.alerts_kit import MASHIKI, NOON, city, hear, quake, region, send_all, wires
from tests.fakes import FakeChannel, fake_channels
from tests.outbox_kit import fill_outbox, states
from tests.staff_site import staff_site


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("http_410", "dead"),
        ("21614", "dead"),
        ("30006", "dead"),
        ("contact_opted_out", "opted_out"),
        ("21610", "opted_out"),
        ("20003", "account"),
        ("21408", "account"),
        ("30003", "off"),
        ("http_502", "no_answer"),
        ("http_400", "refused"),
        ("99999", "refused"),
        ("expired", "late"),
        ("", "refused"),
    ],
)
def test_reasons(code: str, reason: str) -> None:
    assert reason_of(code) == reason


async def test_counted_by_reason_and_sent_again_while_true(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    place = await people.make_place(db)
    refused = [await people.make_resident(db, home_place_id=place) for _ in range(3)]
    gone = await people.make_resident(db, home_place_id=place)
    for person in refused:
        assert person.phone is not None
        sms.errors[person.phone] = [SendError(Trouble.REFUSED, "20003")]
    assert gone.phone is not None
    sms.errors[gone.phone] = [SendError(Trouble.DEAD_ADDRESS, "21614")]
    await people.make_resident(db, home_place_id=place)
    clock = FixedClock(NOON + timedelta(seconds=30))
    async with wires(db, db_dsn, channels=fake_channels(sms), clock=clock) as deps:
        await hear(deps, quake(region("4"), city(MASHIKI, "5+")))
        await send_all(deps)
        async with transaction(db) as conn:
            found = {one.code: one for one in await store.groups(conn, clock.now())}
            assert await store.counted(conn) == {("sms", "20003"): 3, ("sms", "21614"): 1}
        assert {code: (one.messages, one.without, one.again) for code, one in found.items()} == {
            "20003": (3, 3, 3),
            "21614": (1, 1, 0),
        }
        incident = found["20003"].incident_id
        # One of them has answered meanwhile, on somebody else's telephone.
        await db.execute(
            "UPDATE incident_resident SET status = 'ok', status_by = 'self', status_at = $1 WHERE resident_id = $2",
            clock.now(),
            refused[0].id,
        )
        async with transaction(db) as conn:
            assert await store.count_of(conn, incident) == 4
            assert await store.requeue(conn, incident, "sms", "21614", clock.now()) == 0, "the number does not exist"
            assert await store.requeue(conn, incident, "sms", "20003", clock.now()) == 2
            assert await store.requeue(conn, incident, "sms", "20003", clock.now()) == 0
        await send_all(deps)
        assert sorted(m.address for m in sms.taken[1:]) == sorted(p.phone or "" for p in refused[1:])
        # The others' life is over: nothing goes out late.
        clock.advance(timedelta(hours=4))
        async with transaction(db) as conn:
            assert [one.again for one in await store.groups(conn, clock.now())] == [0, 0]
            assert await store.requeue(conn, incident, "sms", "20003", clock.now()) == 0


async def test_a_message_that_another_way_has_replaced_leaves_nobody_without(db: Pool, db_dsn: str) -> None:
    push, sms = FakeChannel("push"), FakeChannel("sms")
    push.errors["*"] = [SendError(Trouble.DEAD_ADDRESS, "http_410")]
    await people.make_resident(
        db, home_place_id=await people.make_place(db), contacts=(NewContact("push", "{}", state="proven"),)
    )
    async with wires(db, db_dsn, channels=fake_channels(push, sms)) as deps:
        await hear(deps, quake(region("4"), city(MASHIKI, "5+")))
        await send_all(deps)
        async with transaction(db) as conn:
            [one] = await store.groups(conn, deps.clock.now())
    assert (one.channel, one.code, one.messages, one.without) == ("push", "http_410", 1, 0)


async def test_the_page_asks_once_more_and_writes_down_who_did_it(db: Pool) -> None:
    incident, _, _ = await fill_outbox(db, 4, people.NOW)
    await db.execute("UPDATE message SET state = 'failed', error_code = '20003', done_at = $1", people.NOW)
    operator = await make_operator(db, people.NOW)
    async with staff_site(db, more_routes=ROUTES) as site:
        browser = await site.signed_in(operator)
        status, page = await browser.get("/undelivered")
        assert status == 200 and "20003" in page and "Send 4 again" in page
        query = f"/undelivered?incident={incident}&channel=sms&code=20003"
        assert "Send 4 messages again?" in (await browser.get(query))[1]
        answer = await browser.submit(query, "/undelivered")
        assert answer.status == 200 and "4 messages are on their way again." in await answer.text()
    assert await states(db) == {"pending": 4}
    row = await db.fetchrow("SELECT detail, incident_id FROM audit WHERE action = 'message.requeue'")
    assert row is not None and row["incident_id"] == incident
    assert row["detail"] == {"channel": "sms", "code": "20003", "messages": 4}
