"""Providers that are slow, full or down: tokens shared by all workers, back-off, the breaker, the next way instead."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from alerts import lane_store
from alerts.channel import SendError, Trouble
from alerts.lanes import FAILURES
from core.clock import FixedClock
from core.db import Pool
from registry.records import NewContact
from tests import people
from tests.alerts_kit import MASHIKI, NOON, city, hear, messages, quake, region, send_all, wires
from tests.fakes import FakeChannel, fake_channels
from tests.outbox_kit import fill_outbox, states

LATER = timedelta(seconds=60)


async def test_tokens_are_shared_and_grow_with_time(db: Pool) -> None:
    await lane_store.limit(db, {"sms": ("sms", 4.0, 8.0)}, [])
    assert await lane_store.take_tokens(db, "sms", 5) == (5, 4.0)
    assert (await lane_store.take_tokens(db, "sms", 5))[0] == 3, "another worker gets what is left of the burst"
    assert (await lane_store.take_tokens(db, "sms", 5))[0] == 0
    await db.execute("UPDATE send_lane SET refilled_at = now() - interval '1 second'")
    assert (await lane_store.take_tokens(db, "sms", 50))[0] == 4
    await db.execute("UPDATE send_lane SET refilled_at = now() - interval '1 hour'")
    assert (await lane_store.take_tokens(db, "sms", 50))[0] == 8, "never more than the burst"


async def test_a_lane_nobody_limits_costs_nothing(db: Pool) -> None:
    assert await lane_store.take_tokens(db, "push:push.example", 9) == (9, None)
    assert await lane_store.lanes(db) == []


async def test_slow_down_halves_once_for_one_sign_and_grows_back(db: Pool) -> None:
    await lane_store.limit(db, {"sms": ("sms", 40.0, 40.0)}, [])
    for _ in range(30):
        await lane_store.slow_down(db, "sms", "sms", 100.0, 7.0)
    [lane] = await lane_store.lanes(db)
    assert lane.rate == 20.0 and 6 < lane.paused_s <= 7 and lane.throttles == 30
    back = "UPDATE send_lane SET throttled_at = now() - '2 s'::interval, refilled_at = now() - '2 s'::interval"
    await db.execute(back)
    assert (await lane_store.take_tokens(db, "sms", 1))[1] == pytest.approx(22.0, abs=0.2)
    await db.execute(back)
    await lane_store.slow_down(db, "sms", "sms", 100.0, 0.0)
    assert (await lane_store.lanes(db))[0].rate == pytest.approx(11.0, abs=0.2)
    await db.execute("UPDATE send_lane SET refilled_at = now() - interval '60 seconds'")
    assert (await lane_store.take_tokens(db, "sms", 1))[1] == 40.0, "never above what the settings allow"


async def test_a_lane_without_a_limit_is_free_again_after_a_while(db: Pool) -> None:
    await lane_store.slow_down(db, "push:a.example", "push", 80.0, 1.0)
    [lane] = await lane_store.lanes(db)
    assert lane.rate == 40.0
    await db.execute("UPDATE send_lane SET throttled_at = now() - interval '1 hour'")
    assert await lane_store.take_tokens(db, "push:a.example", 3) == (3, None)


async def test_only_one_worker_tries_a_lane_that_is_down(db: Pool) -> None:
    await lane_store.open_lane(db, "sms", "sms", "no_connection", NOON)
    assert not await lane_store.take_probe(db, "sms"), "not before five seconds"
    await db.execute("UPDATE send_lane SET probe_at = now()")
    assert [await lane_store.take_probe(db, "sms") for _ in range(3)] == [True, False, False]
    assert await lane_store.close_lane(db, "sms", NOON)
    assert not await lane_store.close_lane(db, "sms", NOON)


async def test_what_nobody_wants_is_not_down_for_ever(db: Pool) -> None:
    await lane_store.open_lane(db, "sms", "sms", "no_connection", NOON)
    await lane_store.forget_quiet(db)
    assert (await lane_store.lanes(db))[0].is_open
    await db.execute("UPDATE send_lane SET probe_at = now() - interval '5 minutes'")
    await lane_store.forget_quiet(db)
    assert not (await lane_store.lanes(db))[0].is_open


async def test_no_more_than_its_tokens_leave_and_nothing_is_claimed_for_nothing(db: Pool, db_dsn: str) -> None:
    """Who waits for a token waits in the worker's hands: each message is claimed once."""
    sms, push = FakeChannel("sms"), FakeChannel("push")
    await fill_outbox(db, 40, NOON)
    async with wires(db, db_dsn, channels=fake_channels(sms, push), send_rates="sms=20/7") as deps:
        started = time.monotonic()
        await send_all(deps)
        assert 40 <= 7 + 20 * (time.monotonic() - started) + 5  # tokens are taken a quarter of a second ahead
    assert await states(db) == {"sent": 40} and len(sms.taken) == 40
    assert await db.fetchval("SELECT count(*) FROM message WHERE attempts <> 1 OR error_code IS NOT NULL") == 0


async def test_of_one_push_service_that_is_full_the_others_stand_back(db: Pool, db_dsn: str) -> None:
    push = FakeChannel("push")
    place = await people.make_place(db)
    for number in range(30):
        subscription = NewContact("push", f'{{"endpoint":"https://push.example/{number}"}}', state="proven")
        await people.make_resident(db, phone="", home_place_id=place, contacts=(subscription,))
    async with wires(db, db_dsn, channels=fake_channels(push), send_rates="push:push.example=1/7") as deps:
        await hear(deps, quake(region("4"), city(MASHIKI, "5+")))
        await send_all(deps)
        assert 7 <= len(push.taken) <= 17
        left = await db.fetch("SELECT attempts, error_code, due_at FROM message WHERE state = 'pending'")
        assert len(left) == 30 - len(push.taken)
        assert {(row["attempts"], row["error_code"]) for row in left} == {(0, "held")}, "standing back is not a try"
        assert all(row["due_at"] > deps.clock.now() for row in left)


async def test_a_provider_that_is_down_is_left_alone_and_nothing_is_lost(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    sms.errors["*"] = [SendError(Trouble.NOT_SENT, "no_connection") for _ in range(500)]
    place = await people.make_place(db)
    for _ in range(40):
        await people.make_resident(db, home_place_id=place)
    clock = FixedClock(NOON + timedelta(seconds=30))
    async with wires(db, db_dsn, channels=fake_channels(sms), clock=clock, send_in_flight=5) as deps:
        await hear(deps, quake(region("4"), city(MASHIKI, "5+")))
        await send_all(deps)
        assert FAILURES <= 500 - len(sms.errors["*"]) <= FAILURES + 10, "it is not asked forty times"
        [lane] = await lane_store.lanes(db)
        assert lane.is_open and lane.reason == "no_connection"
        assert await states(db) == {"pending": 40}
        clock.advance(LATER)
        await send_all(deps)  # another worker, which has read that the lane is down
        assert sms.taken == [] and await states(db) == {"pending": 40}
        # It comes back: one message tries, then all of them go, each once.
        sms.errors.clear()
        await db.execute("UPDATE send_lane SET probe_at = now()")
        clock.advance(LATER)
        await send_all(deps)
        clock.advance(LATER)
        await send_all(deps)
    assert await states(db) == {"sent": 40}
    assert sorted(m.message_id for m in sms.taken) == sorted({m.message_id for m in sms.taken})
    assert not (await lane_store.lanes(db))[0].is_open


async def test_while_push_is_down_the_sms_goes_at_once_and_nobody_gets_both(db: Pool, db_dsn: str) -> None:
    push, sms = FakeChannel("push"), FakeChannel("sms")
    subscription = NewContact("push", '{"endpoint":"https://push.example/1"}', state="proven")
    person = await people.make_resident(db, home_place_id=await people.make_place(db), contacts=(subscription,))
    clock = FixedClock(NOON + timedelta(seconds=30))
    async with wires(db, db_dsn, channels=fake_channels(push, sms), clock=clock) as deps:
        await lane_store.open_lane(db, "push:push.example", "push", "no_connection", NOON)
        await hear(deps, quake(region("4"), city(MASHIKI, "5+")))
        assert [m["unless"] for m in await messages(db)] == ["never", "received"]
        await send_all(deps)
        assert push.taken == [] and [m.address for m in sms.taken] == [person.phone]
        assert [(m["channel"], m["state"], m["unless"]) for m in await messages(db)] == [
            ("push", "pending", "covered"),
            ("sms", "sent", "received"),
        ]
        # The push service works again: what it would say now has been said.
        assert await lane_store.close_lane(db, "push:push.example", clock.now())
        await send_all(deps)
    assert push.taken == []
    assert [(m["channel"], m["state"]) for m in await messages(db)] == [("push", "cancelled"), ("sms", "sent")]


async def test_where_the_other_way_fails_too_the_first_one_still_goes(db: Pool, db_dsn: str) -> None:
    push, sms = FakeChannel("push"), FakeChannel("sms")
    sms.errors["*"] = [SendError(Trouble.REFUSED, "30004")]
    subscription = NewContact("push", '{"endpoint":"https://push.example/1"}', state="proven")
    await people.make_resident(db, home_place_id=await people.make_place(db), contacts=(subscription,))
    clock = FixedClock(NOON + timedelta(seconds=30))
    async with wires(db, db_dsn, channels=fake_channels(push, sms), clock=clock) as deps:
        await lane_store.open_lane(db, "push:push.example", "push", "no_connection", NOON)
        await hear(deps, quake(region("4"), city(MASHIKI, "5+")))
        await send_all(deps)
        assert await lane_store.close_lane(db, "push:push.example", clock.now())
        await send_all(deps)
    assert (len(push.taken), len(sms.taken)) == (1, 0)


async def test_a_push_service_that_wants_a_long_pause_makes_room_for_the_sms(db: Pool, db_dsn: str) -> None:
    push, sms = FakeChannel("push"), FakeChannel("sms")
    push.errors["*"] = [SendError(Trouble.THROTTLED, "http_429", retry_after_s=60.0)]
    subscription = NewContact("push", '{"endpoint":"https://push.example/1"}', state="proven")
    await people.make_resident(db, home_place_id=await people.make_place(db), contacts=(subscription,))
    async with wires(db, db_dsn, channels=fake_channels(push, sms)) as deps:
        await hear(deps, quake(region("4"), city(MASHIKI, "5+")))
        await send_all(deps)
    assert (len(push.taken), len(sms.taken)) == (0, 1)
    [lane] = await lane_store.lanes(db)
    assert lane.lane == "push:push.example" and not lane.is_open and lane.paused_s > 50
