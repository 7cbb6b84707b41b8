"""A quake at three in the morning: 2,000 people of nine languages, a push service that is down, an SMS provider that is
slow, and one push address in eight that has died. Who got what when, and nobody unaccounted for.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from alerts.channel import Outgoing, SendError, Sent, Trouble
from alerts.deps import Deps
from alerts.fanout import decide_once
from alerts.outbox import Sender
from checkin.store import record_check_in
from core.clock import FixedClock
from core.db import Pool, transaction
from core.model import Answer, AnsweredBy
from ops.tend import tend_once
from tests import people
from tests.alerts_kit import KASHIMA, MASHIKI, city, quake, region, store_event, wires
from tests.crowd_kit import Neighbour, neighbour, settle
from tests.fakes import FakeChannel, fake_channels

#: 20 November 2026, 03:00 in Japan.
THREE = datetime(2026, 11, 19, 18, 0, tzinfo=UTC)
LANGUAGES = ("vi", "id", "fil", "ne", "my", "km", "zh-Hans", "pt-BR", "en")
UP, DOWN = "push.up.example", "push.down.example"
PEOPLE = 2_000


@dataclass(frozen=True, slots=True)
class Got:
    """A message that a phone got."""

    address: str
    language: str
    after: timedelta


class Provider(FakeChannel):
    """A provider that notes when it took what; `refuses` says what it will not take."""

    def __init__(self, name: str, clock: FixedClock, refuses: Callable[[str], SendError | None] = lambda _: None):
        super().__init__(name)
        self.clock = clock
        self.refuses = refuses
        self.got: list[Got] = []
        self.refused: Counter[str] = Counter()

    async def send(self, message: Outgoing) -> Sent:
        wrong = self.refuses(message.address)
        if wrong is not None:
            self.refused[message.address] += 1
            raise wrong
        sent = await super().send(message)
        self.got.append(Got(message.address, message.language, self.clock.now() - THREE))
        return sent

    def reached(self) -> set[str]:
        return {one.address for one in self.got}


def town() -> list[Neighbour]:
    """Per 20: 12 with push and phone, 2 whose push service is down, 2 with push alone, 3 with a phone, 1 without."""
    found = []
    for number in range(PEOPLE):
        kind, language = number % 20, LANGUAGES[number % len(LANGUAGES)]
        if kind < 12:
            found.append(neighbour(number, language, push=UP))
        elif kind < 14:
            found.append(neighbour(number, language, push=DOWN))
        elif kind < 16:
            found.append(neighbour(number, language, push=UP, phone=False))
        else:
            found.append(neighbour(number, language, phone=kind < 19))
    return found


def subscribed(crowd: Iterable[Neighbour], host: str) -> list[Neighbour]:
    return [one for one in crowd if host in one.push]


SQL_DUE = "SELECT count(*) FROM message WHERE state IN ('pending', 'leased') AND due_at <= $1 AND channel = ANY($2)"


class Night:
    """The loops, driven by a clock in hand: one worker that sends all night."""

    def __init__(self, deps: Deps, clock: FixedClock) -> None:
        self.deps, self.clock = deps, clock
        self.sender = Sender(deps, random=lambda: 0.5)
        self.stop = asyncio.Event()

    async def quiet(self, *channels: str) -> None:
        """Until nothing that is due waits for one of these channels."""
        while await self.deps.pool.fetchval(SQL_DUE, self.clock.now(), list(channels)):
            await asyncio.sleep(0.02)

    async def until(self, after: timedelta, step: timedelta) -> None:
        """Time goes on in steps up to `after` the quake; what becomes due is done."""
        while self.clock.now() - THREE < after:
            self.clock.advance(min(step, after - (self.clock.now() - THREE)))
            await self.quiet("push", "sms")

    async def tend(self) -> None:
        await tend_once(self.deps, "night")


async def answer(pool: Pool, crowd: Sequence[Neighbour], now: datetime) -> None:
    """These people press "I'm OK"; every fiftieth needs help."""
    incident = await pool.fetchval("SELECT id FROM incident")
    async with transaction(pool) as conn:
        for number, one in enumerate(crowd):
            await record_check_in(
                conn,
                people.VAULT,
                incident_id=incident,
                resident_id=one.id,
                answer=Answer.HELP if number % 50 == 7 else Answer.OK,
                answered_by=AnsweredBy.SELF,
                via="page",
                tapped_at=None,
                now=now,
            )


def minutes(after: timedelta) -> str:
    return f"+{after.total_seconds() / 60:.0f} min"


def print_table(push: Provider, sms: Provider) -> None:
    """Totals by language, channel and time."""
    counted = Counter((g.language, p.name, minutes(g.after)) for p in (push, sms) for g in p.got)
    times = sorted({key[2] for key in counted}, key=lambda text: int(text[1:-4]))
    print(f"\n{'language':9} {'channel':8}" + "".join(f"{time:>9}" for time in times))
    for language, channel in sorted({key[:2] for key in counted}):
        numbers = "".join(f"{counted[language, channel, time]:>9}" for time in times)
        print(f"{language:9} {channel:8}{numbers}")


SQL_CASES = "SELECT resident_id, reason FROM case_file WHERE closed_at IS NULL"
SQL_ENDS = """
SELECT ir.resident_id, ir.status, c.reason,
       (SELECT count(*) FROM message m WHERE m.incident_id = ir.incident_id AND m.resident_id = ir.resident_id
        AND m.state IN ('sent', 'delivered')) AS got,
       (SELECT count(*) FROM message m WHERE m.incident_id = ir.incident_id AND m.resident_id = ir.resident_id
        AND m.state IN ('pending', 'leased') AND m.due_at <= $1) AS open
FROM incident_resident ir LEFT JOIN case_file c ON c.resident_id = ir.resident_id AND c.closed_at IS NULL
"""


async def test_at_three_in_the_morning_nobody_is_unaccounted_for(db: Pool, db_dsn: str) -> None:
    clock = FixedClock(THREE)
    crowd = town()
    working = subscribed(crowd, UP)
    dead = {one.push_address for number, one in enumerate(working) if number % 25 in (3, 11, 19)}  # 12 %
    assert abs(len(dead) / len(working) - 0.12) < 0.005

    def refuses(address: str) -> SendError | None:
        if DOWN in address:
            return SendError(Trouble.NOT_SENT, "no_connection")
        return SendError(Trouble.DEAD_ADDRESS, "410") if address in dead else None

    push, sms = Provider("push", clock, refuses), Provider("sms", clock)
    mashiki = await people.make_place(db)
    kashima = await people.make_place(db, people.KASHIMA)
    await settle(db, crowd[: PEOPLE // 5], mashiki, THREE - timedelta(days=90))
    await settle(db, crowd[PEOPLE // 5 :], kashima, THREE - timedelta(days=90))
    at_once, asleep = crowd[: PEOPLE // 5], crowd[PEOPLE // 5 :]

    async with wires(db, db_dsn, channels=fake_channels(push, sms), clock=clock, send_timeout_s=60.0) as deps:
        async with transaction(db) as conn:
            await store_event(conn, quake(region("6-"), city(MASHIKI, "6-"), city(KASHIMA, "5+"), at=THREE))
        while await decide_once(deps):
            pass
        night = Night(deps, clock)
        worker = asyncio.create_task(night.sender.run(night.stop))

        # --- 03:00. The SMS provider is slow, it takes nothing for now: every push arrives all the same.
        sms.gate.clear()
        alive = {one.push_address for one in working} - dead
        while push.reached() != alive:
            await asyncio.sleep(0.02)
        assert not sms.got and {one.after for one in push.got} == {timedelta(0)}
        sms.gate.set()
        await night.quiet("push", "sms")
        called = sms.reached()
        # 6-lower: SMS beside the push, at once. 5-upper: SMS at once where there is no push, or where it has just died.
        assert {one.phone for one in at_once if one.phone} <= called
        assert {one.phone for one in asleep if one.phone and not one.push} <= called
        assert {one.phone for one in asleep if one.phone and one.push_address in dead} <= called
        assert not {one.phone for one in asleep if one.push_address in alive} & called, (
            "asleep or awake: wait 2 minutes"
        )
        assert {one.after for one in sms.got} == {timedelta(0)}
        assert await db.fetchval("SELECT count(*) FROM contact WHERE state = 'dead'") == len(dead)

        # Nothing can reach them: they are somebody's case at once.
        await night.tend()
        lost = {one.id for one in crowd if not one.phone and one.push_address not in alive}
        assert {(row["resident_id"], row["reason"]) for row in await db.fetch(SQL_CASES)} == {
            (person, "unreachable") for person in lost
        }

        # --- 03:01. Those who woke up answer: they are not woken again.
        await night.until(timedelta(minutes=1), timedelta(seconds=10))
        awake = [one for number, one in enumerate(asleep) if one.push_address in alive and number // 9 % 3 == 0]
        await answer(db, awake, clock.now())
        # --- 03:02. Who did not gets an SMS, and so does everybody whose push service is down.
        await night.until(timedelta(minutes=3), timedelta(seconds=20))
        called = sms.reached()
        assert not {one.phone for one in awake if one.phone} & called
        silent = [one for one in asleep if one.phone and one not in awake]
        assert {one.phone for one in silent} <= called
        assert {one.phone for one in subscribed(crowd, DOWN)} <= called
        assert max(one.after for one in sms.got) <= timedelta(minutes=2, seconds=20)

        # --- 03:05. Some of them answer. 03:20: whoever did not is somebody's case.
        later = [one for number, one in enumerate(silent) if number // 9 % 4 == 0]
        await answer(db, later, clock.now())
        await night.until(timedelta(minutes=21), timedelta(minutes=6))
        await night.tend()
        await night.quiet("push", "sms")
        night.stop.set()
        await worker
        ends = {row["resident_id"]: row for row in await db.fetch(SQL_ENDS, clock.now())}

    assert ends.keys() == {one.id for one in crowd}
    how: Counter[str] = Counter()
    answered = {one.id for one in (*awake, *later)}
    phones = push.reached() | sms.reached()
    for one in crowd:
        end = ends[one.id]
        reached = bool({one.push_address, one.phone} & phones - {""})
        assert bool(end["got"]) == reached and not end["open"]
        if one.id in answered:
            assert end["status"] is not None and end["reason"] in (None, "needs_help")
            assert (end["reason"] is None) == (end["status"] == Answer.OK)
            how["answered"] += 1
        else:
            # Told and silent, or never reached: either way somebody looks for them.
            assert end["status"] is None and end["reason"] == ("silent" if reached else "unreachable"), one
            how[end["reason"]] += 1
    assert sum(how.values()) == PEOPLE and how["unreachable"] == len(lost)
    # Nobody was told twice over the same way, and everybody in their own language.
    for provider in (push, sms):
        assert max(Counter(one.address for one in provider.got).values()) == 1
    tongue = {address: one.language for one in crowd for address in (one.push_address, one.phone) if address}
    assert all(tongue[one.address] == one.language for one in (*push.got, *sms.got))
    assert all(push.refused[address] == 1 for address in dead), "a dead address is not tried again"
    print_table(push, sms)
    print(json.dumps(how))
