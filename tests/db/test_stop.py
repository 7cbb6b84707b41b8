"""The stop button: nothing that was not handed over leaves, in workers that run; and a cancellation by two people."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from alerts.cancel_store import cancellation, propose_cancel
from alerts.carry_out import carry_outs
from alerts.channel import SendError, Trouble
from alerts.deps import Deps
from alerts.fanout import decide_once
from alerts.outbox import Sender
from alerts.stop_store import StopError, resume, sending, stop_alert, stop_everything, stopped
from core.audit import Actor
from core.db import Pool, Scope, ScopedPool, transaction
from core.model import OrgKind
from ops.alarms import Kind, Level, find
from ops.alarms_store import gather
from ops.tend_store import expire_messages
from registry.approvals_store import approve
from tests import people
from tests.alerts_kit import MASHIKI, NOON, city, hear, quake, region, send_all, wires
from tests.fakes import FakeChannel, fake_channels
from tests.outbox_kit import fill_outbox, states
from tests.people import Org, make_org

OPERATOR = Scope("daijobu_operator")
EVENT = quake(region("6-"), city(MASHIKI, "6-"))


async def stop_all(pool: Pool, org: Org, why: str = "a wrong telegram") -> None:
    async with transaction(ScopedPool(pool, OPERATOR)) as conn:
        await stop_everything(conn, why, org.staff_id, Actor("Op", org.staff_id), NOON)


async def go_on(pool: Pool, org: Org) -> None:
    async with transaction(ScopedPool(pool, OPERATOR)) as conn:
        await resume(conn, org.staff_id, Actor("Op", org.staff_id), NOON)


async def test_a_running_worker_stops_within_a_second_finishes_what_is_in_flight_and_resumes(
    db: Pool, db_dsn: str
) -> None:
    operator = await make_org(db, OrgKind.OPERATOR)
    phone = FakeChannel("sms")
    async with wires(db, db_dsn, channels=fake_channels(phone), send_in_flight=8) as deps:
        await fill_outbox(db, 60, NOON)
        phone.gate.clear()
        stop = asyncio.Event()
        worker = asyncio.create_task(Sender(deps).run(stop))
        while phone.waiting < 8:
            await asyncio.sleep(0.01)
        await stop_all(db, operator)
        phone.gate.set()
        while (await states(db)).get("leased"):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        assert await states(db) == {"sent": 8, "pending": 52}
        with pytest.raises(StopError):
            await stop_all(db, operator)
        await go_on(db, operator)
        while (await states(db)) != {"sent": 60}:
            await asyncio.sleep(0.01)
        stop.set()
        await worker
        with pytest.raises(StopError):
            await go_on(db, operator)
    actions = [row["action"] for row in await db.fetch("SELECT action, detail FROM audit ORDER BY id")]
    assert actions == ["sending.stop", "sending.resume"]


async def test_what_ends_while_everything_is_stopped_is_closed_as_expired(db: Pool, db_dsn: str) -> None:
    operator = await make_org(db, OrgKind.OPERATOR)
    await fill_outbox(db, 3, NOON, life=timedelta(minutes=10))
    await stop_all(db, operator)
    await expire_messages(db, NOON + timedelta(minutes=11))
    assert await states(db) == {"expired": 3}


async def test_a_live_alert_that_begins_meanwhile_is_a_critical_alarm(db: Pool, db_dsn: str) -> None:
    operator = await make_org(db, OrgKind.OPERATOR)
    await people.make_resident(db, home_place_id=await people.make_place(db))
    async with wires(db, db_dsn) as deps:
        await stop_all(db, operator, "test of the stop")
        now = deps.clock.now()
        (alarm,) = (a for a in find(await gather(db, (), now, now)) if a.kind is Kind.STOPPED)
        assert alarm.level is Level.WARNING and "test of the stop" in str(alarm.detail["what"])
        await hear(deps, EVENT)
        (alarm,) = (a for a in find(await gather(db, (), now, now)) if a.kind is Kind.STOPPED)
        assert alarm.level is Level.CRITICAL and alarm.detail["number"] == 1
        assert await db.fetchval("SELECT count(*) FROM message WHERE state = 'pending'") == 1
        found = await stopped(db)
        assert found is not None and found.why == "test of the stop"
        later = now + timedelta(minutes=5)
        kinds = {a.kind for a in find(await gather(db, (), later, now))}
        assert Kind.OUTBOX not in kinds, "they wait because somebody said so"
        await go_on(db, operator)
        assert not any(a.kind is Kind.STOPPED for a in find(await gather(db, (), now, now)))


async def told_three(db: Pool, deps: Deps, phone: FakeChannel) -> tuple[Org, list[people.Person], UUID]:
    """Three people: one got the SMS, of one nobody knows, one waits. (operator, people, alert)"""
    operator = await make_org(db, OrgKind.OPERATOR)
    home = await people.make_place(db)
    three = [await people.make_resident(db, language="en", home_place_id=home) for _ in range(3)]
    phone.errors = {
        three[1].phone: [SendError(Trouble.AMBIGUOUS, "timeout")],
        three[2].phone: [SendError(Trouble.NOT_SENT, "no_connection")],
    }
    await hear(deps, EVENT)
    sender = Sender(deps, random=lambda: 0.5)
    stop = asyncio.Event()
    task = asyncio.create_task(sender.run(stop))
    while sender.counters.sent + sender.counters.retried < 3:
        await asyncio.sleep(0.01)
    stop.set()
    await task
    # The lease of the doubtful one runs out: it waits to be sent again.
    await db.execute(
        "UPDATE message SET state = 'pending', lease_until = NULL, lease_token = NULL, due_at = $1 "
        "WHERE state = 'leased'",
        deps.clock.now(),
    )
    alert: UUID = await db.fetchval("SELECT id FROM alert")
    return operator, three, alert


async def test_a_stopped_alert_never_leaves_and_its_cancellation_reaches_exactly_those_who_may_have_got_it(
    db: Pool, db_dsn: str
) -> None:
    phone = FakeChannel("sms")
    async with wires(db, db_dsn, channels=fake_channels(phone)) as deps:
        operator, three, alert = await told_three(db, deps, phone)
        coordinator = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
        actor = Actor("Op", operator.staff_id)
        async with transaction(ScopedPool(db, OPERATOR)) as conn:
            assert await stop_alert(conn, alert, "wrong", operator.staff_id, actor, NOON) == 2
        async with transaction(ScopedPool(db, OPERATOR)) as conn:
            with pytest.raises(StopError):
                await stop_alert(conn, alert, "wrong", operator.staff_id, actor, NOON)
        async with transaction(ScopedPool(db, OPERATOR)) as conn:
            (row,) = await sending(conn)
        assert (row.handed_over, row.waiting, row.cancelled, row.why) == (1, 0, 2, "wrong")
        codes = {row["code"]: row["n"] for row in await db.fetch(
            "SELECT error_code AS code, count(*)::int AS n FROM message WHERE state = 'cancelled' GROUP BY error_code"
        )}  # fmt: skip
        assert codes == {"timeout": 1, "stopped": 1}
        asked = {row["resident_id"]: row["asked_at"] for row in await db.fetch("SELECT * FROM incident_resident")}
        assert asked[three[2].id] is None and asked[three[0].id] is not None
        await send_all(deps)
        assert {message.address for message in phone.taken} == {three[0].phone}

        async with transaction(db) as conn:
            found = await cancellation(deps, conn, alert, deps.clock.now())
        assert found is not None and found.people == 2
        english = next(sample.body for sample in found.samples if sample.language == "en")
        says = {"what": "a quake", "people": "2", "why": "a test telegram", "text": english}
        async with transaction(ScopedPool(db, OPERATOR)) as conn:
            approval = await propose_cancel(conn, found, says, operator.staff_id, NOON)
        follow = Scope("daijobu_follow", (coordinator.id,))
        async with transaction(ScopedPool(db, follow)) as conn:
            decided = await approve(conn, approval, coordinator.staff_id, NOON)
            await carry_outs(deps)[decided.kind](conn, approval, Actor("Co", coordinator.staff_id), deps.clock.now())
        while await decide_once(deps):
            pass
        phone.taken.clear()
        await send_all(deps)
        assert {message.address for message in phone.taken} == {three[0].phone, three[1].phone}
        # What two people read is what went out, but for the place and the link.
        (text,) = {message.body.rpartition("\n")[0] for message in phone.taken}
        assert text.replace("Home: Mashiki", "*") == english.replace("Mashiki", "*")
        assert "Our staff" in english and "JMA" not in english
        assert await db.fetchval("SELECT count(*) FROM incident_resident WHERE asked_at IS NOT NULL") == 0


async def test_only_an_operator_stops_an_alert(db: Pool, db_dsn: str) -> None:
    phone = FakeChannel("sms")
    async with wires(db, db_dsn, channels=fake_channels(phone)) as deps:
        _, _, alert = await told_three(db, deps, phone)
        coordinator = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
        with pytest.raises(Exception, match="only an operator"):
            async with transaction(ScopedPool(db, OPERATOR)) as conn:
                await stop_alert(conn, alert, "x", coordinator.staff_id, Actor("Co"), NOON)
        with pytest.raises(Exception, match="permission denied"):
            async with transaction(ScopedPool(db, Scope("daijobu_follow", (coordinator.id,)))) as conn:
                await stop_alert(conn, alert, "x", coordinator.staff_id, Actor("Co"), NOON)


async def test_one_that_may_have_left_keeps_saying_so_when_its_turn_comes_again(db: Pool, db_dsn: str) -> None:
    """In flight at the stop, in doubt, and back in the outbox: it ends unsent, and a cancellation still goes there."""
    phone = FakeChannel("sms")
    async with wires(db, db_dsn, channels=fake_channels(phone)) as deps:
        operator, three, alert = await told_three(db, deps, phone)
        async with transaction(ScopedPool(db, OPERATOR)) as conn:
            await stop_alert(conn, alert, "wrong", operator.staff_id, Actor("Op", operator.staff_id), NOON)
        await db.execute("UPDATE message SET state = 'pending', done_at = NULL WHERE error_code = 'timeout'")
        await send_all(deps)
        row = await db.fetchrow("SELECT state, error_code FROM message WHERE resident_id = $1", three[1].id)
        assert tuple(row) == ("cancelled", "timeout") and len(phone.taken) == 1
