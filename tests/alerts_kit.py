"""What tests of decide, fan-out and outbox share: events in a few words, stored events, wires with fake channels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from alerts.channel import Channels
from alerts.deps import Deps
from alerts.fanout import decide_once
from alerts.outbox import Sender
from alerts.rule_book import RuleBook
from alerts.rules import load_rules
from core.clock import Clock, FixedClock
from core.db import Connection, Pool, transaction
from core.event_json import event_to_json
from core.i18n import Catalogs
from core.model import Area, Change, Event, Hypocenter, Level, MessageType, Purpose, Status
from core.settings import Settings, load_settings
from core.wakeups import Wakeups
from geo.areas import Areas
from tests.fakes import FakeChannel, fake_channels
from tests.people import VAULT

#: 20 November 2026, 12:00 in Japan: by day, so that no night rule applies.
NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
CATALOGS = Catalogs.load()
RULES = load_rules()

MASHIKI, KASHIMA, HIGASHI_KU = "4344300", "4344200", "4310200"
#: 熊本県熊本, the quake area of all three.
KUMAMOTO = "741"


def city(code: str, level: Level, *, area: str = KUMAMOTO, not_received: bool = False, **more: Any) -> Area:
    """A municipality of an earthquake or weather report."""
    return Area("jma.city", code, name=f"town {code}", level=level, parent=area, not_received=not_received, **more)


def region(level: Level, code: str = KUMAMOTO) -> Area:
    """A quake area with its maximum."""
    return Area("jma.quake_area", code, name="熊本県熊本", level=level)


def quake(
    *areas: Area,
    type: str = "VXSE53",
    at: datetime = NOON,
    id: str = "20261120115800",
    message: MessageType = MessageType.ISSUE,
    serial: str = "1",
    **more: Any,
) -> Event:
    """An earthquake report issued at `at`."""
    return Event(
        source="jma",
        type=type,
        hazard=more.pop("hazard", "earthquake"),
        status=more.pop("status", Status.ACTUAL),
        message_type=message,
        thread=f"{type}:actual:{id}",
        event_ids=(id,),
        issued_at=at,
        sent_at=at,
        title="震源・震度情報",
        serial=serial,
        occurred_at=more.pop("occurred_at", at - timedelta(minutes=2)),
        hypocenter=Hypocenter("熊本県熊本地方", 32.7, 130.8, 10.0, 6.5),
        areas=areas,
        **more,
    )


def tsunami(level: Level, *, code: str = "740", at: datetime = NOON, id: str = "20261120115800", **more: Any) -> Event:
    """A tsunami report for one forecast area."""
    return quake(
        Area("jma.tsunami_area", code, name="有明・八代海", level=level),
        type="VTSE41",
        hazard="tsunami",
        at=at,
        id=id,
        **more,
    )


def rain(
    *areas: Area, at: datetime = NOON, message: MessageType = MessageType.ISSUE, type: str = "VPWW55", **more: Any
) -> Event:
    """A heavy rain report of the Kumamoto office."""
    return Event(
        source="jma",
        type=type,
        hazard=more.pop("hazard", "heavy_rain"),
        status=Status.ACTUAL,
        message_type=message,
        thread=f"{type}:actual:熊本地方気象台:熊本県",
        issued_at=at,
        sent_at=at,
        office="熊本地方気象台",
        areas=areas,
        **more,
    )


def warned(code: str, level: int, change: Change = Change.ISSUED) -> Area:
    """A municipality under a weather warning of this level (0: lifted)."""
    return Area("jma.city", code, name=f"town {code}", level=level, change=Change.LIFTED if level == 0 else change)


_numbers = count(1)
SQL_REPORT = """
INSERT INTO report (source, sha256, received_at, body, state) VALUES ('jma', sha256($1), $2, $1, 'parsed') RETURNING id
"""
SQL_EVENT = """
INSERT INTO event (report_id, seq, source, type, hazard, status, message_type, thread, event_ids, issued_at, sent_at,
                   received_at, purpose, payload)
VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id
"""


async def store_event(
    conn: Pool | Connection, event: Event, *, received_at: datetime | None = None, purpose: Purpose = Purpose.LIVE
) -> int:
    """Put an event where the feeds put theirs; its id."""
    received = received_at or event.sent_at
    report = await conn.fetchval(SQL_REPORT, f"report {next(_numbers)}".encode(), received)
    event_id: int = await conn.fetchval(
        SQL_EVENT,
        report,
        event.source,
        event.type,
        event.hazard,
        event.status.value,
        event.message_type.value,
        event.thread,
        list(event.event_ids),
        event.issued_at,
        event.sent_at,
        received,
        purpose.value,
        event_to_json(event),
    )
    return event_id


@asynccontextmanager
async def wires(
    pool: Pool, dsn: str, *, channels: Channels | None = None, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[Deps]:
    """The loops' wires over a test database. Default channels: a fake "sms" and a fake "push"."""
    values: dict[str, Any] = {"send_timeout_s": 2.0, "data_dir": Path("/nonexistent"), **settings}
    async with Wakeups(dsn) as wakeups:
        yield Deps(
            pool=pool,
            settings=Settings(**values),
            vault=VAULT,
            catalogs=CATALOGS,
            rules=RULES,
            areas=Areas.load(),
            clock=clock or FixedClock(NOON + timedelta(seconds=30)),
            channels=channels or fake_channels(FakeChannel("sms"), FakeChannel("push")),
            wakeups=wakeups,
        )


def still_deps(pool: Pool, clock: Clock) -> Deps:
    """The loops' wires for pages that ask them something, where no loop runs: a rule book, and nobody to wake."""
    return Deps(
        pool=pool,
        settings=load_settings({}),
        vault=VAULT,
        catalogs=CATALOGS,
        rules=RuleBook.load(),
        areas=Areas.load(),
        clock=clock,
        channels=fake_channels(FakeChannel("sms"), FakeChannel("push")),
        wakeups=Wakeups(""),
    )


async def hear(deps: Deps, *events: Event, purpose: Purpose = Purpose.LIVE) -> list[int]:
    """Store events and decide and fan out until nothing is left to do; their ids."""
    ids = []
    for event in events:
        async with transaction(deps.pool) as conn:
            ids.append(await store_event(conn, event, purpose=purpose))
        while await decide_once(deps):
            pass
    return ids


SQL_WAITING = "SELECT count(*) FROM message WHERE state IN ('pending', 'leased') AND due_at <= $1"


async def send_all(deps: Deps, *, shelters: bool = False) -> Sender:
    """Run the sender until nothing that is due is left; the sender, for its counters.

    `shelters`: it has read them before its first message, as one that has been running for a while.
    """
    sender = Sender(deps, random=lambda: 0.5)
    if shelters:
        await sender.shelters.refresh()
    stop = asyncio.Event()
    task = asyncio.create_task(sender.run(stop))
    try:
        while await deps.pool.fetchval(SQL_WAITING, deps.clock.now()) and not task.done():
            await asyncio.sleep(0.01)
    finally:
        stop.set()
        await task
    return sender


async def told(pool: Pool, moment: str) -> set[UUID]:
    """Whom alerts of this moment told."""
    rows = await pool.fetch(
        "SELECT DISTINCT ar.resident_id FROM alert_resident ar JOIN alert a ON a.id = ar.alert_id WHERE a.moment = $1",
        moment,
    )
    return {row["resident_id"] for row in rows}


async def messages(pool: Pool, *columns: str) -> Sequence[Any]:
    """All messages with their alert's moment, oldest first."""
    rows: Sequence[Any] = await pool.fetch(
        "SELECT m.*, a.moment, t.language, t.body FROM message m JOIN alert a ON a.id = m.alert_id "
        "JOIN alert_text t ON t.id = m.text_id ORDER BY m.id"
    )
    return rows


def at(event: Event, **changes: Any) -> Event:
    """The event with some fields changed."""
    return replace(event, **changes)
