"""The send loop against a real database: leases, retries, ladders, receipts, an orderly stop."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from uuid import uuid4

import pytest

from alerts import outbox_store
from alerts.channel import ReceiptRead, SendError, Trouble
from alerts.outbox import Sender, send_forever
from alerts.outbox_store import Outcome
from core.clock import FixedClock
from core.db import Pool
from core.model import MessageState, Purpose
from registry.records import NewContact
from tests import people
from tests.alerts_kit import MASHIKI, NOON, city, hear, messages, quake, region, send_all, wires
from tests.fakes import FakeChannel, fake_channels
from tests.outbox_kit import fill_outbox, states


async def test_everything_due_is_sent_once_with_its_link(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    place = await people.make_place(db)
    numbers = {(await people.make_resident(db, home_place_id=place)).phone for _ in range(30)}
    async with wires(db, db_dsn, channels=fake_channels(sms)) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7")))
        sender = await send_all(deps)
    assert sorted(m.address for m in sms.taken) == sorted(numbers)
    assert all(m.body.endswith(m.url) and "/c/" in m.url for m in sms.taken)
    assert len({m.url for m in sms.taken}) == 30
    assert await states(db) == {"sent": 30}
    assert await db.fetchval("SELECT count(*) FROM receipt WHERE state = 'sent'") == 30
    assert sender.counters.sent == 30


async def test_worst_severity_first(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    await fill_outbox(db, 40, NOON)
    await db.execute("UPDATE message SET priority = CASE WHEN step > 30 THEN 0 ELSE 3 END")
    async with wires(db, db_dsn, channels=fake_channels(sms), send_in_flight=5) as deps:
        await send_all(deps)
    urgent = {r["id"] for r in await db.fetch("SELECT id FROM message WHERE priority = 0")}
    assert {m.message_id for m in sms.taken[:10]} == urgent


async def test_a_step_due_later_does_not_stand_in_the_way(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    await fill_outbox(db, 4, NOON)
    await db.execute("UPDATE message SET priority = 0, due_at = $1 WHERE step <= 3", NOON + timedelta(minutes=5))
    async with wires(db, db_dsn, channels=fake_channels(sms)) as deps:
        await send_all(deps)
    assert len(sms.taken) == 1 and await states(db) == {"pending": 3, "sent": 1}


async def test_transient_error_is_tried_again_with_back_off(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    sms.errors["*"] = [SendError(Trouble.NOT_SENT, "no_connection")]
    await fill_outbox(db, 1, NOON)
    clock = FixedClock(NOON)
    async with wires(db, db_dsn, channels=fake_channels(sms), clock=clock) as deps:
        await send_all(deps)
        row = await db.fetchrow("SELECT state, attempts, due_at, error_code FROM message")
        assert row is not None
        assert (row["state"], row["attempts"], row["error_code"]) == ("pending", 1, "no_connection")
        assert row["due_at"] == NOON + timedelta(seconds=1)
        clock.advance(timedelta(seconds=1))
        await send_all(deps)
    assert await states(db) == {"sent": 1} and len(sms.taken) == 1


async def test_dead_address_is_dropped_and_the_next_step_goes_now(db: Pool, db_dsn: str) -> None:
    push, sms = FakeChannel("push"), FakeChannel("sms")
    subscription = '{"endpoint":"https://push.example/1"}'
    person = await people.make_resident(
        db,
        home_place_id=await people.make_place(db),
        contacts=(NewContact("push", subscription, state="proven"),),
    )
    push.errors[subscription] = [SendError(Trouble.DEAD_ADDRESS, "http_410")]
    async with wires(db, db_dsn, channels=fake_channels(push, sms)) as deps:
        await hear(deps, quake(region("4"), city(MASHIKI, "5+")))
        steps = [(m["channel"], m["due_at"] - NOON, m["unless"]) for m in await messages(db)]
        late = timedelta(seconds=30)
        assert steps == [("push", late, "never"), ("sms", late + timedelta(seconds=120), "received")]
        await send_all(deps)
    assert [m.address for m in sms.taken] == [person.phone]
    assert await db.fetchval("SELECT state FROM contact WHERE channel = 'push'") == "dead"
    assert await states(db) == {"failed": 1, "sent": 1}


async def test_fallback_is_skipped_after_a_receipt(db: Pool, db_dsn: str) -> None:
    push, sms = FakeChannel("push"), FakeChannel("sms")
    await people.make_resident(
        db, home_place_id=await people.make_place(db), contacts=(NewContact("push", "{}", state="proven"),)
    )
    clock = FixedClock(NOON)
    async with wires(db, db_dsn, channels=fake_channels(push, sms), clock=clock) as deps:
        await hear(deps, quake(region("4"), city(MASHIKI, "5+")))
        await send_all(deps)
        async with db.acquire() as conn, conn.transaction():
            receipt = ReceiptRead(push.taken[0].message_id, MessageState.DELIVERED)
            assert await outbox_store.take_receipt(conn, receipt, clock.now())
        clock.advance(timedelta(seconds=120))
        await send_all(deps)
    assert sms.taken == [] and await states(db) == {"delivered": 1, "cancelled": 1}


async def test_fallback_goes_out_without_a_receipt(db: Pool, db_dsn: str) -> None:
    push, sms = FakeChannel("push"), FakeChannel("sms")
    await people.make_resident(
        db, home_place_id=await people.make_place(db), contacts=(NewContact("push", "{}", state="proven"),)
    )
    clock = FixedClock(NOON)
    async with wires(db, db_dsn, channels=fake_channels(push, sms), clock=clock) as deps:
        await hear(deps, quake(region("4"), city(MASHIKI, "5+")))
        await send_all(deps)
        assert (len(push.taken), len(sms.taken)) == (1, 0)
        clock.advance(timedelta(seconds=120))
        await send_all(deps)
    assert (len(push.taken), len(sms.taken)) == (1, 1)
    assert push.taken[0].actions and push.taken[0].url == sms.taken[0].url


async def test_expired_is_never_sent_late(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    await fill_outbox(db, 3, NOON, life=timedelta(seconds=10))
    async with wires(db, db_dsn, channels=fake_channels(sms)) as deps:
        await send_all(deps)
    assert sms.taken == [] and await states(db) == {"expired": 3}


async def test_ambiguous_keeps_its_lease_and_a_receipt_settles_it(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    sms.errors["*"] = [SendError(Trouble.AMBIGUOUS, "no_answer")]
    await fill_outbox(db, 1, NOON)
    async with wires(db, db_dsn, channels=fake_channels(sms)) as deps:
        stop = asyncio.Event()
        task = asyncio.create_task(Sender(deps).run(stop))
        while await db.fetchval("SELECT error_code FROM message") is None:
            await asyncio.sleep(0.01)
        row = await db.fetchrow("SELECT id, state, lease_until > now() + interval '20 s' AS held FROM message")
        assert row is not None and (row["state"], row["held"]) == ("leased", True)
        async with db.acquire() as conn, conn.transaction():
            await outbox_store.take_receipt(conn, ReceiptRead(row["id"], MessageState.DELIVERED, "SM1"), NOON)
        stop.set()
        await task
    assert await states(db) == {"delivered": 1} and sms.taken == []


async def test_ambiguous_is_sent_again_when_nobody_knows(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    sms.errors["*"] = [SendError(Trouble.AMBIGUOUS, "no_answer")]
    await fill_outbox(db, 1, NOON)
    async with wires(db, db_dsn, channels=fake_channels(sms)) as deps:
        stop = asyncio.Event()
        task = asyncio.create_task(Sender(deps).run(stop))
        while await db.fetchval("SELECT error_code FROM message") is None:
            await asyncio.sleep(0.01)
        await db.execute("UPDATE message SET lease_until = now() - interval '1 s'")
        while await states(db) != {"sent": 1}:
            await asyncio.sleep(0.02)
        stop.set()
        await task
    assert len(sms.taken) == 1


async def test_a_provider_that_hangs_costs_its_time_limit_only(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms", delay_s=30)
    await fill_outbox(db, 1, NOON)
    async with wires(db, db_dsn, channels=fake_channels(sms), send_timeout_s=0.1) as deps:
        stop = asyncio.Event()
        task = asyncio.create_task(Sender(deps).run(stop))
        while await db.fetchval("SELECT error_code FROM message") is None:
            await asyncio.sleep(0.01)
        stop.set()
        await task
    assert await db.fetchval("SELECT error_code FROM message") == "timeout"


async def test_late_acknowledgement_is_fenced(db: Pool) -> None:
    """A worker that slept through its lease may not touch the row that another worker holds now."""
    await fill_outbox(db, 1, NOON)
    slept, works = uuid4(), uuid4()
    lease = timedelta(seconds=30)
    (first,) = await outbox_store.claim(db, limit=5, token=slept, lease=lease, now=NOON)
    await db.execute("UPDATE message SET lease_until = now() - interval '1 s'")
    assert await outbox_store.reap(db, max_attempts=4, now=NOON) == 1
    (second,) = await outbox_store.claim(db, limit=5, token=works, lease=lease, now=NOON)
    assert first.id == second.id
    late = Outcome(first.id, slept, MessageState.FAILED, code="late")
    assert await outbox_store.acknowledge(db, [late], NOON) == set()
    assert await states(db) == {"leased": 1}
    good = Outcome(second.id, works, MessageState.SENT, provider_id="p")
    assert await outbox_store.acknowledge(db, [good], NOON) == {second.id}
    assert await states(db) == {"sent": 1}


async def test_two_workers_never_claim_the_same_message(db: Pool) -> None:
    await fill_outbox(db, 200, NOON)
    lease = timedelta(seconds=30)
    claims = await asyncio.gather(
        *[outbox_store.claim(db, limit=40, token=uuid4(), lease=lease, now=NOON) for _ in range(5)]
    )
    ids = [message.id for claim in claims for message in claim]
    assert len(ids) == len(set(ids))


async def test_tries_end(db: Pool) -> None:
    await fill_outbox(db, 1, NOON)
    await db.execute("UPDATE message SET state = 'leased', attempts = 5, lease_until = now() - interval '1 s'")
    await outbox_store.reap(db, max_attempts=4, now=NOON)
    assert await states(db) == {"failed": 1}


@pytest.mark.parametrize("order", list(itertools.permutations(["sent", "delivered", "failed"])))
async def test_receipts_in_any_order_and_doubled(db: Pool, order: tuple[str, ...]) -> None:
    await fill_outbox(db, 1, NOON)
    message_id = await db.fetchval("UPDATE message SET state = 'leased' RETURNING id")
    for state in (*order, *order):
        async with db.acquire() as conn, conn.transaction():
            await outbox_store.take_receipt(conn, ReceiptRead(message_id, MessageState(state)), NOON)
    assert await states(db) == {"delivered": 1}
    assert await db.fetchval("SELECT count(*) FROM receipt") == 3
    assert await db.fetchval("SELECT state FROM contact") == "proven"


async def test_receipt_for_nobody(db: Pool) -> None:
    async with db.acquire() as conn, conn.transaction():
        assert not await outbox_store.take_receipt(conn, ReceiptRead(99, MessageState.SENT), NOON)


async def test_orderly_stop_finishes_what_is_in_flight(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms", delay_s=0.2)
    await fill_outbox(db, 50, NOON)
    async with wires(db, db_dsn, channels=fake_channels(sms), send_in_flight=10) as deps:
        stop = asyncio.Event()
        task = asyncio.create_task(send_forever(deps, stop))
        while sms.waiting < 10:
            await asyncio.sleep(0.01)
        stop.set()
        await task
    found = await states(db)
    assert found.get("leased", 0) == 0 and found["sent"] == len(sms.taken) >= 10
    assert found["pending"] == 50 - len(sms.taken) > 0


async def test_no_more_than_the_slots_are_in_flight(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    sms.gate.clear()
    await fill_outbox(db, 60, NOON)
    async with wires(db, db_dsn, channels=fake_channels(sms), send_in_flight=16, send_timeout_s=30) as deps:
        stop = asyncio.Event()
        task = asyncio.create_task(Sender(deps).run(stop))
        while sms.waiting < 16:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert sms.waiting == 16 and (await states(db))["leased"] == 16
        sms.gate.set()
        while await states(db) != {"sent": 60}:
            await asyncio.sleep(0.02)
        stop.set()
        await task


async def test_a_provider_that_hangs_does_not_stop_another(db: Pool, db_dsn: str) -> None:
    push, sms = FakeChannel("push"), FakeChannel("sms")
    push.gate.clear()
    await fill_outbox(db, 60, NOON)
    await db.execute("UPDATE message SET channel = 'push', priority = 0 WHERE step <= 40")
    async with wires(db, db_dsn, channels=fake_channels(push, sms), send_in_flight=16, send_timeout_s=30) as deps:
        stop = asyncio.Event()
        task = asyncio.create_task(Sender(deps).run(stop))
        while len(sms.taken) < 20:
            await asyncio.sleep(0.01)
        assert push.taken == [] and push.waiting == 12
        push.gate.set()
        while await states(db) != {"sent": 60}:
            await asyncio.sleep(0.02)
        stop.set()
        await task


async def test_a_message_our_code_cannot_send_stops_nobody_else(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    await fill_outbox(db, 3, NOON)
    other = await people.make_resident(db)
    # An address that does not decrypt as this contact's: what a copied row would look like.
    await db.execute("UPDATE contact SET address_enc = '\\x01'::bytea WHERE resident_id = $1", other.id)
    broken = await db.fetchval("SELECT id FROM contact WHERE resident_id = $1", other.id)
    await db.execute("UPDATE message SET contact_id = $1 WHERE step = 2", broken)
    async with wires(db, db_dsn, channels=fake_channels(sms)) as deps:
        await send_all(deps)
    assert await states(db) == {"sent": 2, "failed": 1}
    assert await db.fetchval("SELECT error_code FROM message WHERE step = 2") == "internal"


async def test_drills_and_live_messages_say_what_they_are(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    await people.make_resident(db, home_place_id=await people.make_place(db), language="en")
    async with wires(db, db_dsn, channels=fake_channels(sms)) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7")), purpose=Purpose.DRILL)
        await send_all(deps)
    (taken,) = sms.taken
    assert taken.purpose is Purpose.DRILL and "DRILL" in taken.body.upper()
