"""The loop of the alarms: look, tell, and call the outside world while all is well.

A loop of its own, beside tend: a task there that hangs must not silence the alarm about it. It holds nothing that may
be lost: what is open and who was told stands in the table `alarm`; killed anywhere, at worst operators are told twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import aiohttp

from alerts.deps import Deps
from core.db import CONNECTION_ERRORS, heartbeat
from core.ids import uuid7
from ops.alarm_apprise import tell_apprise
from ops.alarm_channel import TRIES, NotTold, call_deadman, message_operators, post_alarm
from ops.alarm_texts import Told, lines, payload, staff_sayer
from ops.alarms import Alarm, Kind, Level, all_critical_well, changes, due, find, times_over
from ops.alarms_store import (
    FeedStates,
    apply_changes,
    gather,
    mark_told,
    note_channel,
    open_alarms,
    operator_contacts,
    untold_clears,
)

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 10.0
DEADMAN_EVERY: Final = timedelta(seconds=60)
#: A way that failed is left alone for this long, so that an alarm over a broken way does not fill the log.
REST: Final = timedelta(minutes=1)
#: Messages to operators' telephones in an hour: what comes and goes all night must not bury the one that matters.
MESSAGES_AN_HOUR: Final = 20
#: The database may be away for this long (a restart) before operators are told without it.
DATABASE_AWAY: Final = timedelta(seconds=60)


@dataclass(slots=True)
class Watch:
    """What one process remembers between two looks. All of it may be lost."""

    session: aiohttp.ClientSession
    since: datetime
    #: Seconds before each try of one telling.
    tries: Sequence[float] = TRIES
    called_at: datetime | None = None
    rests_until: dict[str, datetime] = field(default_factory=dict)
    messaged: deque[datetime] = field(default_factory=lambda: deque(maxlen=MESSAGES_AN_HOUR))
    away: Alarm | None = None

    def may_try(self, way: str, now: datetime) -> bool:
        """Whether a way of telling may be tried now."""
        return now >= self.rests_until.get(way, now)

    def may_message(self, now: datetime) -> bool:
        """Whether another message to telephones may go now; counts it if so."""
        if len(self.messaged) == MESSAGES_AN_HOUR and now - self.messaged[0] < timedelta(hours=1):
            return False
        self.messaged.append(now)
        return True


async def look_once(deps: Deps, feed_states: FeedStates, watch: Watch) -> list[Alarm]:
    """Look at everything once, tell operators what is due, call the dead-man's address. The open alarms."""
    now = deps.clock.now()
    facts = await gather(deps.pool, await feed_states(deps.pool, now), now, watch.since)
    made = changes(await open_alarms(deps.pool), find(facts), facts)
    await apply_changes(deps.pool, made, now)
    open_now = await open_alarms(deps.pool)
    told = Told([alarm for alarm in open_now if due(alarm, now)], await untold_clears(deps.pool, now))
    if told.open or told.over:
        _write_down(deps, told)
        if await _tell(deps, watch, told, now):
            await mark_told(deps.pool, [(alarm, times_over(alarm, now)) for alarm in told.open], told.over, now)
    if all_critical_well(open_now) and not facts.settling:
        await _call_deadman(deps, watch, now)
    return open_now


def _write_down(deps: Deps, told: Told) -> None:
    for line in lines(staff_sayer(deps.catalogs, "en"), Told(told.open)):
        log.error("%s", line)
    for line in lines(staff_sayer(deps.catalogs, "en"), Told(over=told.over)):
        log.warning("%s", line)


async def _tell(deps: Deps, watch: Watch, told: Told, now: datetime) -> bool:
    """Tell operators over every way there is. Whether one of them worked, or there is none but the log."""
    contacts = await operator_contacts(deps.pool, deps.vault) if _wakes(deps, told) else []
    results: dict[str, str | None] = {}
    if deps.settings.alarm_url is not None and watch.may_try("url", now):
        url = deps.settings.alarm_url.get_secret_value()
        results["url"] = await _why_not(post_alarm(watch.session, url, _payload(deps, told), watch.tries))
    if deps.settings.apprise_urls and watch.may_try("apprise", now):
        results["apprise"] = await _why_not(_by_apprise(deps, told))
    ready = [contact for contact in contacts if watch.may_try(contact.channel, now)]
    if ready and watch.may_message(now):
        results |= await message_operators(deps, ready, told)
    for way, error in results.items():
        await note_channel(deps.pool, way, error, now)
        if error is not None:
            watch.rests_until[way] = now + REST
            log.warning("operators could not be told over %s: %s", way, error)
    nothing_else = not _has_address(deps) and not contacts
    return nothing_else or any(error is None for error in results.values())


def _wakes(deps: Deps, told: Told) -> bool:
    """Whether a telephone may ring for it: what is critical, and a warning where there is no other way."""
    return told.level is Level.CRITICAL or (told.level is Level.WARNING and not _has_address(deps))


def _has_address(deps: Deps) -> bool:
    return deps.settings.alarm_url is not None or bool(deps.settings.apprise_urls)


def _by_apprise(deps: Deps, told: Told) -> Awaitable[None]:
    say = staff_sayer(deps.catalogs, deps.settings.alarm_language)
    title = f"{deps.settings.sender_name}: {say.plain('staff.alarm.title')}"
    return tell_apprise(deps.settings.apprise_urls, title, str(_payload(deps, told)["text"]))


def _payload(deps: Deps, told: Told) -> dict[str, object]:
    say = staff_sayer(deps.catalogs, deps.settings.alarm_language)
    return payload(say, told, deps.settings.site_url, deps.settings.sender_name)


async def _why_not(telling: Awaitable[None]) -> str | None:
    try:
        await telling
    except NotTold as error:
        return str(error)
    return None


async def _call_deadman(deps: Deps, watch: Watch, now: datetime) -> None:
    url = deps.settings.deadman_url
    if url is None or (watch.called_at is not None and now - watch.called_at < DEADMAN_EVERY):
        return
    watch.called_at = now
    error = await _why_not(call_deadman(watch.session, url.get_secret_value(), watch.tries))
    await note_channel(deps.pool, "deadman", error, now)


async def database_away(deps: Deps, watch: Watch, reason: str) -> None:
    """The database does not answer: after a minute operators are told over the web address, which needs no table."""
    now = deps.clock.now()
    if watch.away is None:
        detail = {"since": now.isoformat(), "what": reason[:300]}
        watch.away = Alarm(uuid7(), "database", Kind.DATABASE, Level.CRITICAL, "database", detail, now, now)
    alarm = watch.away
    if now - alarm.opened_at < DATABASE_AWAY or not due(alarm, now) or not watch.may_try("url", now):
        return
    told = Told([alarm])
    _write_down(deps, told)
    error = None
    if deps.settings.alarm_url is not None:
        url = deps.settings.alarm_url.get_secret_value()
        error = await _why_not(post_alarm(watch.session, url, _payload(deps, told), watch.tries))
    if deps.settings.apprise_urls:
        other = await _why_not(_by_apprise(deps, told))
        error = other if deps.settings.alarm_url is None else error and other
    if error is None:
        watch.away = replace(alarm, told_at=now, told_count=times_over(alarm, now), told_level=alarm.level)
    else:
        watch.rests_until["url"] = now + REST
        log.error("operators could not be told that the database is away: %s", error)


async def database_back(deps: Deps, watch: Watch) -> None:
    """The database answers again: whoever was told that it is away is told so."""
    alarm, watch.away = watch.away, None
    if alarm is not None and alarm.told_count and deps.settings.alarm_url is not None:
        url = deps.settings.alarm_url.get_secret_value()
        await _why_not(post_alarm(watch.session, url, _payload(deps, Told(over=[alarm])), watch.tries))
    if alarm is not None and alarm.told_count and deps.settings.apprise_urls:
        await _why_not(_by_apprise(deps, Told(over=[alarm])))


def watch_forever(feed_states: FeedStates) -> Callable[[Deps, asyncio.Event], Awaitable[None]]:
    """The loop, with the feeds to ask. Run it once per database (under a lease): operators are told once."""

    async def run(deps: Deps, stop: asyncio.Event) -> None:
        async with aiohttp.ClientSession(trust_env=True) as session:
            watch = Watch(session, deps.clock.now())
            while not stop.is_set():
                try:
                    await look_once(deps, feed_states, watch)
                    await heartbeat(deps.pool, "alarms")
                    await database_back(deps, watch)
                except CONNECTION_ERRORS as error:
                    log.warning("the alarms wait for the database: %s", str(error) or type(error).__name__)
                    await database_away(deps, watch, type(error).__name__)
                except Exception:
                    log.exception("looking for alarms failed; the next look tries again")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await stop.wait()

    return run
