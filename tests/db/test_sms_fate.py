"""SMS whose sending got no answer, whose call-backs were lost, that nobody needs any more, or whose text is old."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts import sms_fate
from alerts.channel import Channels
from alerts.channels.sms_twilio import TwilioSms
from alerts.channels_setup import channel_kinds
from alerts.deps import Deps
from alerts.outbox import Sender
from alerts.outbox_store import claim, reap
from alerts.sms_fate import LOST_CALL_BACKS, ask_fates, blank_old, take_back
from checkin.store import record_check_in
from core.clock import FixedClock
from core.db import Pool, transaction
from core.ids import uuid7
from core.model import Answer, AnsweredBy
from core.settings import load_settings
from tests.alerts_kit import NOON, send_all, wires
from tests.outbox_kit import fill_outbox, states
from tests.people import VAULT
from tests.twilio_server import FakeTwilio, fake_twilio


@dataclass(slots=True)
class World:
    """The send loop against a Twilio on loopback."""

    deps: Deps
    twilio: FakeTwilio
    clock: FixedClock

    async def expire_leases(self) -> None:
        """Time passes: whoever held a message has died, or its provider never spoke."""
        await self.deps.pool.execute("UPDATE message SET lease_until = now() - interval '1 s' WHERE state = 'leased'")
        await reap(self.deps.pool, max_attempts=4, now=self.clock.now())

    async def column(self, name: str) -> list[Any]:
        return [row[name] for row in await self.deps.pool.fetch("SELECT * FROM message ORDER BY id")]


@pytest.fixture
async def world(db: Pool, db_dsn: str, tmp_path: Path) -> AsyncIterator[World]:
    clock = FixedClock(NOON)
    async with fake_twilio() as twilio:
        settings = load_settings(
            {
                "DAIJOBU_TWILIO_ACCOUNT_SID": twilio.account,
                "DAIJOBU_TWILIO_AUTH_TOKEN": twilio.token,
                "DAIJOBU_TWILIO_BASE_URL": twilio.url,
                "DAIJOBU_DATA_DIR": str(tmp_path),
                "DAIJOBU_SEND_TIMEOUT_S": "0.4",
            }
        )
        sms = TwilioSms(settings)
        channels = Channels({"sms": sms}, channel_kinds())
        async with wires(db, db_dsn, channels=channels, clock=clock, send_timeout_s=2.0) as deps:
            yield World(deps, twilio, clock)
        await sms.close()


async def send_once(world: World) -> None:
    """One round of the sender: whatever is due, until it is acknowledged or in doubt."""

    await send_until(world, "no_answer", "http_503")


async def send_until(world: World, *codes: str) -> None:
    """Until every message stands in doubt with one of these codes."""
    sender, stop = Sender(world.deps, random=lambda: 0.5), asyncio.Event()
    task = asyncio.create_task(sender.run(stop))
    while not {*await world.column("error_code")} <= {*codes}:
        await asyncio.sleep(0.01)
    stop.set()
    await task


@pytest.mark.parametrize(("mode", "times"), [("lost", 1), ("taken_500", 1), ("late", 1), ("500", 2), ("hang", 2)])
async def test_a_try_without_an_answer_is_looked_for_before_the_next(world: World, mode: str, times: int) -> None:
    """However the first try broke: afterwards Twilio has the message exactly once."""
    await fill_outbox(world.deps.pool, 1, NOON)
    world.twilio.mode = mode
    await send_once(world)
    assert await states(world.deps.pool) == {"leased": 1}
    world.twilio.mode = "ok"
    await world.expire_leases()
    await send_all(world.deps)
    assert len(world.twilio.taken) == 1 and await states(world.deps.pool) == {"sent": 1}
    assert await world.column("provider_id") == [world.twilio.sid(0)]
    creates = [line for line in world.twilio.asked if line.startswith("POST")]
    assert len(creates) == times
    (look_up,) = [line for line in world.twilio.asked if line.startswith("GET")]
    assert "To=%2B81" in look_up


async def test_a_worker_that_was_killed(world: World) -> None:
    """Killed between Twilio's answer and our acknowledgement: the next worker finds the message."""
    await fill_outbox(world.deps.pool, 2, NOON)
    pool = world.deps.pool
    (first,) = await claim(pool, limit=1, token=uuid7(), lease=timedelta(minutes=1), now=NOON)
    channel, outgoing = Sender(world.deps)._prepare(first, "")
    await channel.send(outgoing)
    await world.expire_leases()
    await send_all(world.deps)
    assert await states(pool) == {"sent": 2}
    # Both have the same text and the same receiver: what the other one is known by is not taken for one's own.
    assert sorted(await world.column("provider_id")) == sorted({*await world.column("provider_id")})
    assert len(world.twilio.taken) == 2


async def test_where_twilio_cannot_say_people_in_danger_are_sent_it_again(world: World) -> None:
    await fill_outbox(world.deps.pool, 1, NOON)
    world.twilio.mode = "lost"
    await send_once(world)
    world.twilio.mode, world.twilio.read_mode = "ok", "500"
    await world.expire_leases()
    await send_all(world.deps)
    assert len(world.twilio.taken) == 2


async def test_others_wait_until_twilio_can_say(world: World) -> None:
    await fill_outbox(world.deps.pool, 1, NOON)
    await world.deps.pool.execute("UPDATE alert SET severity = 'moderate'")
    world.twilio.mode = "lost"
    await send_once(world)
    world.twilio.mode, world.twilio.read_mode = "ok", "429"
    await world.expire_leases()
    await world.deps.pool.execute("UPDATE message SET error_code = 'no_answer'")
    await send_until(world, "unknown_fate")
    assert len(world.twilio.taken) == 1 and await world.column("error_code") == ["unknown_fate"]
    world.twilio.read_mode = "ok"
    await world.expire_leases()
    await send_all(world.deps)
    assert len(world.twilio.taken) == 1 and await states(world.deps.pool) == {"sent": 1}


async def test_lost_call_backs_are_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """All messages went to one number here: what is heard last of it counts, so one is asked at a time."""
    monkeypatch.setattr(sms_fate, "AT_ONCE", 1)
    pool = world.deps.pool
    await fill_outbox(pool, LOST_CALL_BACKS + 2, NOON)
    await send_all(world.deps)
    world.twilio.states[:] = ["delivered"] * LOST_CALL_BACKS + ["undelivered", "sending"]
    world.twilio.errors[LOST_CALL_BACKS] = 30005
    assert await ask_fates(world.deps) == 0, "ten minutes are left for call-backs"
    world.clock.advance(timedelta(minutes=11))
    assert await ask_fates(world.deps) == LOST_CALL_BACKS + 1
    assert await states(pool) == {"delivered": LOST_CALL_BACKS, "failed": 1, "sent": 1}
    assert await pool.fetchval("SELECT state FROM contact") == "dead"
    asked = len(world.twilio.asked)
    assert await ask_fates(world.deps) == 0 and len(world.twilio.asked) == asked, "asked again after a while only"
    assert await pool.fetchval("SELECT code FROM provider_trouble") == "callbacks"
    for hours in (1, 3, 6, 6):
        world.clock.advance(timedelta(hours=hours))
        await ask_fates(world.deps)
    assert len(world.twilio.asked) == asked + 4, "five times in all"


async def test_twilio_away_while_asking(world: World) -> None:
    await fill_outbox(world.deps.pool, 9, NOON)
    await send_all(world.deps)
    world.clock.advance(timedelta(minutes=11))
    world.twilio.mode = "500"
    before = len(world.twilio.asked)
    assert await ask_fates(world.deps) == 0
    assert len(world.twilio.asked) - before <= 4, "the rest of the turn is left out"


async def answer(world: World, answered: Answer) -> None:
    row = await world.deps.pool.fetchrow("SELECT incident_id, resident_id FROM message LIMIT 1")
    assert row is not None
    async with transaction(world.deps.pool) as conn:
        await record_check_in(
            conn,
            VAULT,
            incident_id=row["incident_id"],
            resident_id=row["resident_id"],
            answer=answered,
            answered_by=AnsweredBy.SELF,
            via="page",
            tapped_at=None,
            now=world.clock.now(),
        )


async def test_what_twilio_still_holds_is_taken_back(world: World) -> None:
    pool = world.deps.pool
    await fill_outbox(pool, 2, NOON)
    await send_all(world.deps)
    assert await take_back(world.deps) == 0, "nobody has answered"
    world.twilio.states[1] = "sent"
    world.clock.advance(timedelta(minutes=1))
    await answer(world, Answer.OK)
    assert await take_back(world.deps) == 1
    assert world.twilio.states == ["canceled", "sent"]
    assert await states(pool) == {"cancelled": 1, "sent": 1}
    asked = len(world.twilio.asked)
    assert await take_back(world.deps) == 0 and len(world.twilio.asked) == asked, "what has left is let be"


async def test_a_correction_is_never_taken_back(world: World) -> None:
    await fill_outbox(world.deps.pool, 1, NOON)
    await world.deps.pool.execute("UPDATE alert SET moment = 'cancel'")
    await send_all(world.deps)
    world.clock.advance(timedelta(minutes=1))
    await answer(world, Answer.OK)
    assert await take_back(world.deps) == 0 and world.twilio.states == ["queued"]


async def test_old_texts_are_blanked(world: World) -> None:
    pool = world.deps.pool
    await fill_outbox(pool, 3, NOON)
    await send_all(world.deps)
    world.twilio.states[:] = ["delivered", "delivered", "sent"]
    world.clock.advance(timedelta(days=6))
    assert await blank_old(world.deps) == 0
    world.clock.advance(timedelta(days=2))
    assert await blank_old(world.deps) == 2
    assert [form["Body"] == "" for form in world.twilio.taken] == [True, True, False]
    assert await blank_old(world.deps) == 0, "what could not be blanked waits a day"
    world.twilio.states[2] = "delivered"
    world.clock.advance(timedelta(days=1))
    assert await blank_old(world.deps) == 1
    assert all(await world.column("blanked_at"))


async def test_faults_of_the_deployment_are_written_down(world: World) -> None:
    await fill_outbox(world.deps.pool, 3, NOON)
    world.twilio.codes = {(await phone(world))[-4:]: 21408}
    await send_all(world.deps)
    row = await world.deps.pool.fetchrow("SELECT channel, code, level, what, number FROM provider_trouble")
    assert row is not None and tuple(row)[:3] == ("sms", "21408", "critical") and row["number"] == 3
    assert "Geo permissions" in row["what"] and "+81" not in row["what"]


async def phone(world: World) -> str:
    row = await world.deps.pool.fetchrow("SELECT id, address_enc FROM contact")
    assert row is not None
    return VAULT.decrypt(row["address_enc"], row["id"], "contact.address_enc")
