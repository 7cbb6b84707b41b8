"""How hard one worker may knock at each provider: token buckets, back-off when asked, a circuit breaker.

A lane is one provider: a channel ("sms"), and for Web Push each push service ("push:fcm.googleapis.com"). What is known
of lanes is shared through the database (alerts/lane_store.py), read once a second; tokens are taken there a fraction of
a second ahead. A lane about which the database says nothing costs nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from alerts import lane_store as store
from alerts.channel import SendError, Trouble
from alerts.deps import Deps
from core.db import CONNECTION_ERRORS
from core.send_rates import send_rates_of

log = logging.getLogger(__name__)

#: The breaker opens after so many failures within so many seconds, if no more than these have succeeded meanwhile: a
#: few broken connections among thousands of good ones are none.
FAILURES: Final = 20
WITHIN_S: Final = 10
#: How long a message stands back while its lane is down; a little different for each.
STAND_BACK_S: Final = 10.0
#: The longest that a message stands back because its lane is full.
MOST_BACK_S: Final = 60.0
#: A pause longer than this is worth another way for people who were asked.
WORTH_ANOTHER_WAY_S: Final = 5.0
#: A provider that asks us to slow down and does not say for how long.
PAUSE_S: Final = 1.0
#: A worker takes tokens for so many seconds ahead, and asks again at the earliest after that long without any.
AHEAD_S: Final = 0.25
#: So many seconds' messages of a full lane wait for their tokens in the worker's hands; further ones stand back.
WAIT_S: Final = 2.0
READ_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Hold:
    """A message is not handed over now. `fail_over`: the person's next way goes at once."""

    seconds: float
    fail_over: bool
    reason: str


def lane_of(channel: str, address: str) -> str:
    """The lane of a message: its channel, and for Web Push the push service of the subscription.

    >>> lane_of("push", '{"endpoint": "https://fcm.googleapis.com/fcm/send/x"}')
    'push:fcm.googleapis.com'
    """
    if channel != "push":
        return channel
    begin = address.find("://") + 3
    end = address.find("/", begin)
    return f"push:{address[begin:end]}" if 3 <= begin < end else channel


class Tally:
    """How many tries of the last seconds went well and how many did not."""

    def __init__(self) -> None:
        self._seconds: deque[list[int]] = deque()  # [second, well, badly]

    def add(self, now: float, *, well: bool) -> None:
        """Count one try that has ended at `now` (seconds)."""
        second = int(now)
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0, 0])
            while self._seconds[0][0] <= second - WITHIN_S:
                self._seconds.popleft()
        self._seconds[-1][1 if well else 2] += 1

    def is_down(self, now: float) -> bool:
        """Whether there were enough failures in the last seconds, and no more successes than these."""
        recent = [one for one in self._seconds if one[0] > int(now) - WITHIN_S]
        badly = sum(one[2] for one in recent)
        return badly >= FAILURES and sum(one[1] for one in recent) <= badly

    def rate(self, now: float) -> float:
        """Tries a second, lately."""
        recent = [one for one in self._seconds if one[0] > int(now) - 3]
        return sum(one[1] + one[2] for one in recent) / len(recent) if recent else 0.0

    def clear(self) -> None:
        """Forget: the provider works again."""
        self._seconds.clear()


@dataclass(slots=True)
class Lane:
    """One provider as this worker knows it."""

    name: str
    channel: str
    tally: Tally = field(default_factory=Tally)
    rate: float | None = None
    is_open: bool = False
    probe_due: bool = False
    paused_until: float = 0.0
    #: A message of ours that tries whether the lane works again.
    probing: bool = False
    #: Tokens taken and not used yet; until when they count; when we may ask for more.
    tokens: int = 0
    tokens_until: float = 0.0
    ask_at: float = 0.0
    #: Messages that wait for a token here.
    waiting: int = 0
    #: Messages that stood back for want of a token since we last asked.
    back: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def free(self) -> bool:
        """Nothing limits it and nothing is wrong: by far the commonest case."""
        return self.rate is None and not self.is_open and not self.paused_until


class Lanes:
    """All lanes of one worker. `run` keeps them in step with the database."""

    def __init__(self, deps: Deps, random: Callable[[], float], clock: Callable[[], float] = time.monotonic) -> None:
        self.deps = deps
        self._random, self._clock = random, clock
        self._limits = send_rates_of(deps.settings.send_rates)
        self._lanes: dict[str, Lane] = {}
        self._news: list[tuple[str, Lane, float, str]] = []  # what happened, where, seconds, why
        self._wake = asyncio.Event()

    def of(self, channel: str, address: str) -> Lane:
        """The lane of a message."""
        name = lane_of(channel, address)
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(name, channel)
            if (limit := self._limits.get(name) or self._limits.get(channel)) is not None:
                lane.rate = limit[0]
                self._limits[name] = limit
                self._tell("limit", lane)
        return lane

    async def admit(self, lane: Lane, *, asks: bool) -> Hold | None:
        """None: hand it over now. `asks`: the message asks a person whether they are safe. Raises CONNECTION_ERRORS."""
        if lane.is_open:
            return await self._try_out(lane)
        left = lane.paused_until - self._clock()
        if left > 0:
            return Hold(left * (1 + 0.3 * self._random()), asks and left > WORTH_ANOTHER_WAY_S, "paused")
        lane.paused_until = 0.0
        if lane.rate is None or await self._token_in_time(lane):
            return None
        lane.back += 1
        pause = min(MOST_BACK_S, AHEAD_S + lane.back / max(lane.rate, store.LEAST_RATE))
        return Hold(pause, asks and pause > WORTH_ANOTHER_WAY_S * 2, "full")

    async def _try_out(self, lane: Lane) -> Hold | None:
        if lane.probe_due and not lane.probing:
            lane.probe_due, lane.probing = False, True
            if await store.take_probe(self.deps.pool, lane.name):
                return None
            lane.probing = False
        return Hold(STAND_BACK_S * (1 + 0.5 * self._random()), True, "down")

    def most_at_once(self, channel: str) -> int | None:
        """How many messages of a channel whose provider is limited are worth having in hand; None: no limit."""
        lane = self._lanes.get(channel)
        return None if lane is None or lane.rate is None else max(1, int(lane.rate * WAIT_S))

    def _waits_too_long(self, lane: Lane) -> bool:
        """Whether there are no tokens, and more than `WAIT_S`' worth of messages wait for some."""
        if lane.rate is None or self._clock() >= lane.ask_at:
            return False
        return lane.waiting / max(lane.rate, store.LEAST_RATE) > WAIT_S

    async def _token_in_time(self, lane: Lane) -> bool:
        """One token; waits for it in the order of asking, where it is likely to come within `WAIT_S`.

        Never for more than twice that, the time in the queue included: a lease must not run out here.
        """
        if self._waits_too_long(lane):
            return False
        until = self._clock() + 2 * WAIT_S
        lane.waiting += 1
        try:
            async with lane.lock:
                while not await self._has_token(lane):
                    now = self._clock()
                    if now >= until or self._waits_too_long(lane) or lane.is_open or lane.paused_until > now:
                        return False
                    await asyncio.sleep(AHEAD_S)
                return True
        finally:
            lane.waiting -= 1

    async def _has_token(self, lane: Lane) -> bool:
        """One token, from those taken ahead; asks the database at most once per `AHEAD_S` while there are none."""
        now = self._clock()
        if lane.tokens > 0 and now < lane.tokens_until:
            lane.tokens -= 1
            return True
        if now < lane.ask_at or lane.rate is None:
            return lane.rate is None
        if any(what == "limit" and about is lane for what, about, _, _ in self._news):
            await self._limit(lane)  # a push service met a moment ago: without its row it would count as free
        wanted = max(1, round(lane.rate * AHEAD_S))
        taken, lane.rate = await store.take_tokens(self.deps.pool, lane.name, wanted)
        lane.tokens, lane.tokens_until, lane.back = taken, now + 1.0, 0
        if lane.rate is None:
            return True
        if taken < wanted:
            lane.ask_at = now + AHEAD_S
        lane.tokens = max(0, taken - 1)
        return taken > 0

    def went_well(self, lane: Lane) -> None:
        """The provider has answered, whatever it said of this message."""
        lane.tally.add(self._clock(), well=True)
        if lane.is_open:
            lane.is_open = lane.probing = False
            lane.tally.clear()
            self._tell("closed", lane)

    def failed(self, lane: Lane, error: SendError) -> None:
        """What an error says about the provider itself."""
        if error.kind is Trouble.THROTTLED:
            pause = error.retry_after_s if error.retry_after_s is not None else PAUSE_S
            observed = lane.tally.rate(self._clock())
            lane.paused_until = max(lane.paused_until, self._clock() + pause)
            lane.rate = lane.rate if lane.rate is not None else max(1.0, observed / 2)
            self._tell("slow", lane, pause)
            return
        if not _is_down(error):
            self.went_well(lane)
            return
        lane.probing = False
        lane.tally.add(self._clock(), well=False)
        if not lane.is_open and (error.alarm == "critical" or lane.tally.is_down(self._clock())):
            lane.is_open = True
            log.error("%s is down (%s): its messages wait, and people's next way goes at once", lane.name, error)
            self._tell("opened", lane, why=error.code)

    def _tell(self, what: str, lane: Lane, seconds: float = 0.0, why: str = "") -> None:
        self._news.append((what, lane, seconds, why))
        self._wake.set()

    async def run(self) -> None:
        """Write what happened here, read what happened elsewhere; for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(READ_EVERY_S):
                    await self._wake.wait()
            await self._step()

    async def start(self) -> None:
        """Before the first message: the lanes of the settings that are whole channels, and what others know."""
        for name in [*self._limits]:
            if name in self.deps.channels.kinds:
                self.of(name, "")
        await self._step()

    async def _step(self) -> None:
        try:
            await self.keep_up()
        except CONNECTION_ERRORS as error:
            log.warning("lanes wait for the database: %s", str(error) or type(error).__name__)

    async def keep_up(self) -> None:
        """Once: write what happened here, read what happened elsewhere. Raises CONNECTION_ERRORS."""
        self._wake.clear()
        news, self._news = self._news, []
        try:
            while news:
                await self._write(news)
        except BaseException:
            self._news[:0] = news
            raise
        await store.forget_quiet(self.deps.pool)
        self._read({row.lane: row for row in await store.lanes(self.deps.pool)})

    async def _write(self, news: list[tuple[str, Lane, float, str]]) -> None:
        """The first piece of news; those of one kind about one lane go together."""
        what, lane, seconds, why = news[0]
        pool, now = self.deps.pool, self.deps.clock.now()
        match what:
            case "limit":
                await self._limit(lane)
            case "opened":
                await store.open_lane(pool, lane.name, lane.channel, why, now)
            case "closed":
                if await store.close_lane(pool, lane.name, now):
                    log.warning("%s works again", lane.name)
            case "slow":
                seconds = max(one[2] for one in news if one[:2] == (what, lane))
                await store.slow_down(pool, lane.name, lane.channel, lane.tally.rate(self._clock()), seconds)
        news[:] = [one for one in news if one[:2] != (what, lane)]

    async def _limit(self, lane: Lane) -> None:
        rate, burst = self._limits[lane.name]
        await store.limit(self.deps.pool, {lane.name: (lane.channel, rate, burst)}, [])

    def _read(self, rows: Mapping[str, store.LaneRow]) -> None:
        pending = {lane.name for _, lane, _, _ in self._news}
        now = self._clock()
        for row in rows.values():
            if row.lane not in self._lanes and (row.is_open or row.rate is not None or row.paused_s):
                self._lanes[row.lane] = Lane(row.lane, row.channel)
        for name in self._known() - pending:
            lane, at = self._lanes[name], rows.get(name)
            if at is None:
                lane.rate, lane.is_open, lane.probe_due = None, False, False
                continue
            lane.rate, lane.is_open = at.rate, at.is_open
            lane.probe_due = at.probe_due
            lane.paused_until = now + at.paused_s if at.paused_s else 0.0

    def _known(self) -> set[str]:
        return set(self._lanes)


def _is_down(error: SendError) -> bool:
    """Whether an error means that the provider, and not the message or its address, is at fault."""
    return error.kind in (Trouble.NOT_SENT, Trouble.AMBIGUOUS) or error.alarm == "critical"
