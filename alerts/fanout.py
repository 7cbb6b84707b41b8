"""The decide loop: undecided event -> decision -> people -> links and messages.

Resumable: an event is answered for in one transaction, and an alert goes through its people in slices, each with its
own transaction that also ticks the slice off (alerts/slice_store.py). Kill it anywhere, and the next run continues.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final
from uuid import UUID

from alerts import fanout_store, guard_store, rule_store, slice_store, store, wording_store
from alerts.decide import decide
from alerts.decision import Act, Decision, FactsOnly, Geography, Ignored
from alerts.deps import Deps
from alerts.event_store import LATE, LATE_AFTER, mark_decided, next_event, summarise_late
from alerts.fanout_store import AlertRow
from alerts.guard import must_count, why_share
from alerts.known_store import known_for
from alerts.newcomer_tell import tell_newcomers
from alerts.outbox_store import INCIDENT_CHANNEL, MESSAGES_CHANNEL
from alerts.polygons import keep_places, prepare
from alerts.rule_book import rule_at
from alerts.rules import Rule
from alerts.slice_maker import SliceMaker as SliceMaker
from alerts.slice_maker import spec_of as spec_of
from alerts.slice_store import AlertStopped
from alerts.statistics_store import refresh_statistics
from alerts.tell import call_leaders, tell
from alerts.turns import in_turns
from core.db import CONNECTION_ERRORS, Connection, heartbeat, notify, transaction
from core.model import Event
from core.wakeups import EVENTS_CHANNEL
from geo.areas import Areas, UnknownArea
from geo.reach import why_unusable

log = logging.getLogger(__name__)

#: People per transaction; the first slice is small, so that the first messages leave at once.
FIRST_SLICE: Final = 500
SLICE: Final = 10_000
#: Slices at once: while one waits for the database, the other works on its people.
AT_ONCE: Final = 2
#: Slices that each of them takes before whatever else there is to do has its turn.
TURNS: Final = 100
#: A slice that told this many people, and more than all before it, has changed what the planner should know.
LARGE_SLICE: Final = 2_000
POLL_S: Final = 1.0
HEARTBEAT_EVERY_S: Final = 5.0


async def decide_forever(deps: Deps, stop: asyncio.Event) -> None:
    """Decide events and fan out alerts until `stop` is set. Meant to run under the lease `decide`."""
    bell = await deps.wakeups.on(EVENTS_CHANNEL)
    unfinished = True
    loop = asyncio.get_running_loop()
    beat_at = 0.0

    async def go_on() -> bool:
        """We are alive; whether to stay at it."""
        nonlocal beat_at
        if loop.time() >= beat_at:
            beat_at = loop.time() + HEARTBEAT_EVERY_S
            await heartbeat(deps.pool, "decide")
        return not stop.is_set()

    stopping = asyncio.create_task(stop.wait(), name="decide stop")
    holding = asyncio.create_task(keep_places(deps.pool, deps.places, stop), name="decide places")
    try:
        while not stop.is_set():
            try:
                if unfinished:
                    await summarise(deps)  # what a process that was killed has left
                    unfinished = False
                worked = await decide_once(deps, go_on) or await tell_newcomers(deps)
                await go_on()
            except CONNECTION_ERRORS as error:
                log.warning("deciding waits for the database: %s", str(error) or type(error).__name__)
                worked = False
            if not worked:
                await bell.wait_or_stop(POLL_S, stopping)
    finally:
        stopping.cancel()
        holding.cancel()
        deps.wakeups.off(EVENTS_CHANNEL, bell)


async def decide_once(deps: Deps, go_on: Callable[[], Awaitable[bool]] | None = None) -> bool:
    """Answer for every waiting event, then take slices of the oldest alert. Whether there was anything to do.

    Events that come meanwhile are answered for after the slices that are at work. `go_on`: asked after each slice.
    """
    worked = await _decide_waiting(deps)
    deciding = asyncio.Lock()

    async def between() -> bool:
        if not deciding.locked():
            async with deciding:
                await _decide_waiting(deps)
        return go_on is None or await go_on()

    return await in_turns(partial(fan_out_slice, deps), workers=AT_ONCE, turns=TURNS, between=between) or worked


async def _decide_waiting(deps: Deps) -> bool:
    worked = False
    while await decide_next_event(deps):
        worked = True
    if worked:
        await summarise(deps)
    return worked


async def summarise(deps: Deps) -> None:
    """Tell operators, once, of everything that came too late to be sent."""
    async with transaction(deps.pool) as conn:
        late = await summarise_late(conn, deps.clock.now())
    if late:
        log.warning("%d reports came too late to be sent: one summary for operators", late)


async def decide_next_event(deps: Deps) -> bool:
    """Answer for the oldest undecided event; False if there is none.

    An event that our own code cannot handle is answered with the error, so that it stops nobody else's warning.
    """
    event_id = 0
    try:
        async with transaction(deps.pool) as conn:
            now = deps.clock.now()
            raw = await next_event(conn, now)
            if raw is None:
                return False
            event_id = raw.id
            row = raw.read()
            await rule_store.refresh(conn, deps.rules)
            rule = deps.rules.get(row.event.hazard)
            known = await known_for(conn, row.event, row.purpose, row.id)
            decision: Decision = decide(row.event, rule, known, now, geography(deps.areas))
            if known.newest is None or row.event.order > known.newest:
                await store.stop_held(conn, row, now)
            match decision:
                case Ignored():
                    late = decision.missed and now - row.event.sent_at > LATE_AFTER
                    said = f"{LATE if late else 'ignored: '}{decision.reason}"
                    await mark_decided(conn, row.id, said, now, operator=decision.operator)
                case FactsOnly():
                    await store.apply_facts(conn, row, decision, now)
                case Act():
                    assert rule is not None
                    decision = await guarded(deps, conn, row.event, decision)
                    await store.apply_act(conn, deps.vault, row, decision, rule, now)
            await rule_store.note_version(conn, row.id, rule)
            log.info("event %d (%s): %s", row.id, row.event.type, type(decision).__name__)
    except CONNECTION_ERRORS:
        raise
    except Exception as error:
        if not event_id:
            raise
        log.exception("event %d cannot be decided; an operator must look", event_id)
        await mark_decided(deps.pool, event_id, f"error: {type(error).__name__}: {error}", deps.clock.now())
    return True


async def guarded(deps: Deps, conn: Connection, event: Event, decision: Act) -> Act:
    """The decision, held if what people send by hand, or polygons without codes, would reach too many."""
    if decision.hold is not None or not must_count(event, decision.alerts):
        return decision
    reached = await guard_store.count_reached(conn, decision.alerts, deps.areas, deps.places, deps.clock.now())
    registry = await guard_store.count_registry(conn)
    return replace(decision, hold=why_share(event, reached, registry, deps.settings.manual_share))


def geography(areas: Areas) -> Geography:
    """The look-ups a decision needs, over the area tables; unknown codes are unknown, not errors."""

    def cities_of(code: str) -> Sequence[str]:
        try:
            return areas.cities_of_quake_area(code)
        except UnknownArea:
            return ()

    def name_of(scheme: str, code: str) -> str:
        try:
            return areas.name(scheme, code)
        except UnknownArea:
            return ""

    def office_of(scheme: str, code: str) -> str | None:
        """Up the warning areas: city -> class15 -> class10 -> office."""
        if scheme == "jma.office":
            return code
        try:
            parents = areas.parents(scheme, code)
        except UnknownArea:
            return None
        for wanted in ("jma.office", "jma.class10", "jma.class15"):
            for parent in parents:
                if parent.scheme == wanted and (office := office_of(parent.scheme, parent.code)):
                    return office
        return None

    return Geography(cities_of, office_of, name_of, why_unusable)


async def fan_out_slice(deps: Deps) -> bool:
    """A portion of the oldest alert, or what else it needs; False if there is nothing to do, or nothing for us.

    An alert our code cannot handle is held. Called by several at once, each takes another portion.
    """
    alert_id: UUID | None = None
    try:
        async with transaction(deps.pool) as conn:
            alert = await fanout_store.next_alert(conn)
            if alert is None:
                return False
            alert_id = alert.id
            told = await fan_out(deps, conn, alert, FIRST_SLICE, SLICE)
        if told is not None and told >= max(LARGE_SLICE, alert.people):
            await refresh_statistics(deps.pool)
    except CONNECTION_ERRORS:
        raise
    except AlertStopped:
        log.info("alert %s was stopped in the middle of a portion of its people", alert_id)
        await slice_store.drop_stopped(deps.pool)
    except Exception as error:
        if alert_id is None:
            raise
        log.exception("alert %s cannot be fanned out; an operator must look", alert_id)
        await fanout_store.hold(deps.pool, alert_id, f"error: {type(error).__name__}: {error}")
    else:
        return told is not None
    return True


async def fan_out(deps: Deps, conn: Connection, alert: AlertRow, first: int, size: int) -> int | None:
    """The next step of an alert, inside the caller's transaction; how many people it told, None: nothing for us to do.

    First up to `first` people of the worst areas, before anybody is counted. Then everybody in portions of `size`, made
    rank by rank of the areas. The step that finds nobody left ends the alert. Raises AlertStopped.
    """
    now = deps.clock.now()
    await slice_store.begin(conn)
    await rule_store.refresh(conn, deps.rules)
    await wording_store.refresh(conn, deps.catalogs)
    rule = rule_at(deps.rules, alert.context["hazard"], alert.context.get("rule", ""))
    taken = await slice_store.take(conn, alert)
    if taken is None:
        turn = await slice_store.turn(conn, alert)
        if turn is None:
            return None
        number, at_work = turn
        planning = number > 0 and not slice_store.is_planned(alert)
        if not planning and (at_work or not await slice_store.lock(conn, alert)):
            return None
        polygons = await prepare(conn, alert, deps.areas, deps.places)
        inside = None if polygons is None else polygons.places
        if number == 0:
            ids, last = await slice_store.first(conn, alert, inside, first)
            told = await tell(deps, conn, alert, rule, polygons, ids, now)
            await slice_store.note_begun(conn, alert, ids, told, now)
            if last:
                await _finish(deps, conn, alert, rule)
            return told
        if planning:
            await slice_store.plan(conn, alert, inside, number, size)
        elif not await slice_store.plan_came(conn, alert, inside, number, size):
            await _finish(deps, conn, alert, rule)
        return 0  # the portions are everybody's to take as soon as this has committed
    number, ids = taken
    polygons = await prepare(conn, alert, deps.areas, deps.places)
    told = await tell(deps, conn, alert, rule, polygons, ids, now)
    await slice_store.note_done(conn, alert, number, told, now)
    return told


async def _finish(deps: Deps, conn: Connection, alert: AlertRow, rule: Rule) -> None:
    """Nobody is left: the alert ends, and whoever answers for a dorm is called."""
    now = deps.clock.now()
    await slice_store.finish(conn, alert, now)
    texts = SliceMaker(deps, alert, spec_of(rule, alert, deps), deps.composed.of(alert.id).texts).texts
    await call_leaders(deps, conn, alert, texts)
    await notify(conn, MESSAGES_CHANNEL, str(alert.incident_id))
    await notify(conn, INCIDENT_CHANNEL, str(alert.incident_id))
