"""Quiet times: live addresses are prepared, proven ones first; and connections are opened when an event comes in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from alerts.channel import Prepares
from alerts.channels.web_push import WebPush
from alerts.push_store import forget_old_proofs
from alerts.ready import BATCH, prepare_all, prepare_forever, warm_forever
from core.db import Pool, notify, transaction
from core.settings import Settings
from core.wakeups import EVENTS_CHANNEL
from registry.reach import STALE_AFTER
from registry.records import PUSH, NewContact
from tests.alerts_kit import wires
from tests.fakes import FakeChannel, fake_channels
from tests.people import NOW, VAULT, make_resident
from tests.push_server import fake_push


class Ready(FakeChannel):
    """Remembers what it was asked to prepare."""

    def __init__(self) -> None:
        super().__init__("push")
        self.rounds: list[str] = []
        self.addresses: list[str] = []
        self.warmed = asyncio.Event()
        self.wants = False
        self.broken = False

    def wants_preparing(self) -> bool:
        return self.wants

    def begin_preparing(self) -> None:
        self.rounds.append("begin")

    async def prepare(self, addresses: Sequence[str]) -> int:
        if self.broken:
            raise ZeroDivisionError
        self.addresses += addresses
        return len(addresses)

    def end_preparing(self) -> None:
        self.rounds.append("end")

    async def warm(self) -> None:
        self.warmed.set()


async def no_pause(seconds: float) -> None:
    assert seconds >= 0


async def test_everybody_alive_once_proven_first(db: Pool, db_dsn: str) -> None:
    states = {"unproven": BATCH + 3, "proven": 2, "dead": 1, "opted_out": 1}
    for state, count in states.items():
        contacts = [NewContact(PUSH, f"{state} {n}", state=state) for n in range(count)]
        await make_resident(db, enrolled=False, contacts=contacts)
    ready = Ready()
    assert isinstance(ready, Prepares)
    async with wires(db, db_dsn, channels=fake_channels(ready)) as deps:
        assert await prepare_all(deps, "push", ready, lambda: True, no_pause)
        assert {one.split()[0] for one in ready.addresses[:2]} == {"proven"}
        assert len(ready.addresses) == len(set(ready.addresses)) == BATCH + 5
        assert ready.rounds == ["begin", "end"]


async def test_a_message_on_its_way_ends_the_round(db: Pool, db_dsn: str) -> None:
    contacts = [NewContact(PUSH, f"p {n}") for n in range(BATCH * 2)]
    await make_resident(db, enrolled=False, contacts=contacts)
    ready = Ready()
    async with wires(db, db_dsn, channels=fake_channels(ready)) as deps:
        assert not await prepare_all(deps, "push", ready, lambda: False, no_pause)
    # What is kept for the rest must not go: they were not asked for.
    assert len(ready.addresses) == BATCH and ready.rounds == ["begin"]


async def test_only_in_quiet_times_and_again_when_something_was_used(db: Pool, db_dsn: str) -> None:
    await make_resident(db, enrolled=False, contacts=[NewContact(PUSH, "mine")])
    ready, quiet, asked = Ready(), False, 0

    def idle() -> bool:
        nonlocal asked
        asked += 1
        return quiet

    async with wires(db, db_dsn, channels=fake_channels(ready, FakeChannel("sms"))) as deps:
        preparing = asyncio.create_task(prepare_forever(deps, idle, look_every_s=0.005, quiet_s=0.02))
        while asked < 10:
            await asyncio.sleep(0.005)
        assert ready.rounds == []
        quiet = True
        while ready.rounds != ["begin", "end"]:
            await asyncio.sleep(0.005)
        before = asked
        while asked < before + 5:
            await asyncio.sleep(0.005)
        assert ready.rounds == ["begin", "end"], "nothing was used, nobody is new"
        ready.wants = True
        while ready.rounds.count("end") < 2:
            await asyncio.sleep(0.005)
        assert set(ready.addresses) == {"mine"}
        preparing.cancel()
        await asyncio.gather(preparing, return_exceptions=True)


async def test_a_channel_that_fails_at_it_is_only_slower(db: Pool, db_dsn: str, caplog: Any) -> None:
    await make_resident(db, enrolled=False, contacts=[NewContact(PUSH, "mine")])
    ready = Ready()
    ready.broken = True
    async with wires(db, db_dsn, channels=fake_channels(ready)) as deps:
        preparing = asyncio.create_task(prepare_forever(deps, lambda: True, look_every_s=0.005, quiet_s=0.0))
        while "quiet time could not be used" not in caplog.text:
            await asyncio.sleep(0.01)
        assert not preparing.done()
        preparing.cancel()
        await asyncio.gather(preparing, return_exceptions=True)


async def test_a_row_that_cannot_be_read_hides_no_other(db: Pool, db_dsn: str) -> None:
    await make_resident(db, enrolled=False, contacts=[NewContact(PUSH, "good"), NewContact(PUSH, "spoilt")])
    index = VAULT.blind_index(PUSH, "spoilt")
    await db.execute("UPDATE contact SET address_enc = 'x' WHERE address_bidx = $1", index)
    ready = Ready()
    async with wires(db, db_dsn, channels=fake_channels(ready)) as deps:
        assert await prepare_all(deps, "push", ready, lambda: True, no_pause)
    assert sorted(ready.addresses) == ["", "good"]


async def test_a_proof_holds_for_ninety_days(db: Pool) -> None:
    contacts = [NewContact(PUSH, name, state="proven") for name in ("fresh", "old")]
    await make_resident(db, enrolled=False, contacts=contacts)
    for name, age in (("fresh", STALE_AFTER - timedelta(seconds=1)), ("old", STALE_AFTER + timedelta(seconds=1))):
        at, index = NOW - age, VAULT.blind_index(PUSH, name)
        await db.execute("UPDATE contact SET proven_at = $1 WHERE address_bidx = $2", at, index)
    assert await forget_old_proofs(db, NOW) == 1
    rows = await db.fetch("SELECT state FROM contact WHERE channel = 'push' ORDER BY proven_at")
    assert [row["state"] for row in rows] == ["unproven", "proven"]


async def test_an_event_opens_connections(db: Pool, db_dsn: str) -> None:
    ready, plain = Ready(), FakeChannel("sms")
    async with wires(db, db_dsn, channels=fake_channels(ready, plain)) as deps:
        warming = asyncio.create_task(warm_forever(deps))
        while not ready.warmed.is_set():  # the bell may not be hung up yet
            async with transaction(db) as conn:
                await notify(conn, EVENTS_CHANNEL)
            await asyncio.sleep(0.02)
        warming.cancel()
        await asyncio.gather(warming, return_exceptions=True)


async def test_the_real_channel_from_the_database(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with fake_push() as service:
        push = WebPush(Settings(data_dir=tmp_path, push_allow_http=True))
        contacts = [NewContact(PUSH, service.subscribe().to_json()) for _ in range(3)]
        await make_resident(db, enrolled=False, contacts=contacts)
        async with wires(db, db_dsn, channels=fake_channels(FakeChannel("push"))) as deps:
            assert await prepare_all(deps, "push", push, lambda: True, no_pause)
        await push.warm()
        while service.connections() < 3:
            await asyncio.sleep(0.01)
        await push.close()
