"""The decide loop: undecided event -> decision -> people -> links and messages.

Resumable: an event is answered for in one transaction, and an alert walks through its people in slices, each with
its own transaction that also moves the cursor. Kill it anywhere, and the next run continues with the next slice.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from alerts import fanout_store, guard_store, leader_store, rule_store, store
from alerts.decide import decide
from alerts.decision import Act, Decision, FactsOnly, Geography, Ignored, Tell
from alerts.deps import Deps
from alerts.event_store import LATE, LATE_AFTER, mark_decided, next_event, summarise_late
from alerts.fanout_store import AlertRow, Slice
from alerts.guard import must_count, why_share
from alerts.known_store import known_for
from alerts.outbox_store import INCIDENT_CHANNEL, MESSAGES_CHANNEL
from alerts.people import Person, Spec, Telling, consider, reason_of
from alerts.policy import priority
from alerts.polygons import keep_places, prepare
from alerts.rule_book import rule_at
from alerts.rules import Rule
from alerts.statistics_store import refresh_statistics
from alerts.texts import Texts, names_of
from alerts.zone_store import within_zones
from core.db import CONNECTION_ERRORS, Connection, heartbeat, notify, transaction
from core.ids import uuid7
from core.model import Event, Moment, Purpose
from core.tokens import LinkTokens, link_token, token_hash
from core.wakeups import EVENTS_CHANNEL
from geo.areas import Areas, UnknownArea
from geo.reach import why_unusable

log = logging.getLogger(__name__)

#: People per transaction; the first slice is small, so that the first messages leave at once.
FIRST_SLICE: Final = 500
SLICE: Final = 20_000
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
    stopping = asyncio.create_task(stop.wait(), name="decide stop")
    holding = asyncio.create_task(keep_places(deps.pool, deps.places, stop), name="decide places")
    try:
        while not stop.is_set():
            try:
                if unfinished:
                    await summarise(deps)  # what a process that was killed has left
                    unfinished = False
                worked = await decide_once(deps)
                if loop.time() >= beat_at:
                    beat_at = loop.time() + HEARTBEAT_EVERY_S
                    await heartbeat(deps.pool, "decide")
            except CONNECTION_ERRORS as error:
                log.warning("deciding waits for the database: %s", str(error) or type(error).__name__)
                worked = False
            if not worked:
                await bell.wait_or_stop(POLL_S, stopping)
    finally:
        stopping.cancel()
        holding.cancel()
        deps.wakeups.off(EVENTS_CHANNEL, bell)


async def decide_once(deps: Deps) -> bool:
    """Answer for every waiting event, then take one slice of the oldest alert. Whether there was anything to do."""
    worked = False
    while await decide_next_event(deps):
        worked = True
    if worked:
        await summarise(deps)
    return await fan_out_slice(deps) or worked


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
    reached = await guard_store.count_reached(conn, decision.alerts, deps.areas, deps.places)
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
    """One slice of the oldest alert; False if no alert is on its way. An alert our code cannot handle is held."""
    alert_id: UUID | None = None
    told = 0
    try:
        async with transaction(deps.pool) as conn:
            alert = await fanout_store.next_alert(conn)
            if alert is None:
                return False
            alert_id = alert.id
            told = await fan_out(deps, conn, alert, FIRST_SLICE if alert.cursor is None else SLICE)
        if told >= max(LARGE_SLICE, alert.people):
            await refresh_statistics(deps.pool)
    except CONNECTION_ERRORS:
        raise
    except Exception as error:
        if alert_id is None:
            raise
        log.exception("alert %s cannot be fanned out; an operator must look", alert_id)
        await fanout_store.hold(deps.pool, alert_id, f"error: {type(error).__name__}: {error}")
    return True


async def fan_out(deps: Deps, conn: Connection, alert: AlertRow, limit: int) -> int:
    """One slice of at most `limit` people, inside the caller's transaction; how many of them were told."""
    now = deps.clock.now()
    await rule_store.refresh(conn, deps.rules)
    rule = rule_at(deps.rules, alert.context["hazard"], alert.context.get("rule", ""))
    polygons = await prepare(conn, alert, deps.areas, deps.places)
    ids = await fanout_store.slice_ids(conn, alert if polygons is None else polygons.alert, limit)
    if polygons is not None:
        alert = await polygons.slice(conn, ids)
    people, links = await fanout_store.gather_people(conn, alert, ids, now)
    people = await within_zones(conn, alert, rule, people)
    maker = SliceMaker(deps, alert, spec_of(rule, alert, deps))
    # Pure work on up to 20,000 people: in a thread, so that pages answer meanwhile.
    rows = await asyncio.to_thread(maker.make, people, links)
    last = len(ids) < limit
    await fanout_store.write_slice(conn, alert, rows, ids[-1] if ids else alert.cursor, now, last=last)
    if last:
        await _call_leaders(deps, conn, alert, maker.texts)
    if rows.messages or last:
        await notify(conn, MESSAGES_CHANNEL, str(alert.incident_id))
    await notify(conn, INCIDENT_CHANNEL, str(alert.incident_id))
    return len(rows.standings)


def spec_of(rule: Rule, alert: AlertRow, deps: Deps) -> Spec:
    """What the pure rules need of an alert and its hazard."""
    return Spec(
        moment=alert.moment,
        hazard=rule.hazard,
        tell=alert.tell,
        severity=alert.severity,
        areas=alert.areas,
        again_if_stronger=bool(alert.context.get("again_if_stronger")),
        rise_asks_again=rule.rise_asks_again,
        ladder=rule.ladder,
        night=rule.night,
        now=deps.clock.now(),
        again_if=rule.again_if,
        quiet=rule.quiet,
        valid_until=None if (until := alert.context.get("valid_until")) is None else datetime.fromisoformat(until),
    )


class SliceMaker:
    """Turns people into rows. Pure but for the random part of new link ids."""

    def __init__(self, deps: Deps, alert: AlertRow, spec: Spec) -> None:
        self.alert = alert
        self.spec = spec
        names = {step.channel for steps in spec.ladder.values() for step in steps}
        self.channels = {name: kind for name in sorted(names) if (kind := deps.channels.resolve(name)) is not None}
        self.texts = Texts(
            deps.catalogs,
            names_of(deps.areas, alert.areas),
            spec,
            alert.context,
            alert.purpose,
            deps.settings.sender_name,
        )
        self._tokens = LinkTokens(
            b""
            if alert.key_enc is None
            else deps.vault.decrypt_bytes(alert.key_enc, alert.incident_id, "incident.key_enc")
        )
        self._reasons: dict[tuple[Any, ...], str] = {}

    def make(self, people: Sequence[Person], links: dict[UUID, UUID]) -> Slice:
        """The rows of these people. `links`: check-in links that exist already."""
        rows = Slice([], [], {}, [], [], [])
        for person in people:
            telling = consider(person, self.spec, self.channels)
            if telling is not None:
                self._add(rows, telling, links.get(person.id))
        return rows

    def _add(self, rows: Slice, telling: Telling, link: UUID | None) -> None:
        person = telling.person
        rows.standings.append(
            (
                person.id,
                telling.severity.value,
                telling.asked,
                self._reason(telling),
                telling.reachable,
                telling.only_today,
            )
        )
        if telling.quiet:
            return
        if telling.settled:
            rows.settled.append(person.id)
        if person.standing is not None and self.spec.tell is not Tell.SILENT:
            rows.superseded.append(person.id)
        if link is None:
            link = uuid7()
            rows.links.append((link, token_hash(self._tokens.of(link)), person.id))
        for message in telling.messages:
            text = self.texts.of(telling, message.channel)
            if text.key not in rows.texts:
                words = text.composed
                rows.texts[text.key] = (
                    words.language,
                    message.channel,
                    words.title,
                    words.body,
                    words.unreviewed,
                    words.segments,
                )
            rows.messages.append(
                (
                    person.id,
                    message.contact_id,
                    message.channel,
                    message.step,
                    text.key,
                    link,
                    priority(telling.severity),
                    message.unless,
                    self.spec.now + timedelta(seconds=message.after_s),
                )
            )

    def _reason(self, telling: Telling) -> str:
        """The reason as JSON; people without an earlier standing share theirs."""
        if telling.person.standing is not None:
            return json.dumps(reason_of(telling, self.spec), ensure_ascii=False)
        group = (telling.home, telling.work, telling.today, telling.worse, telling.severity)
        found = self._reasons.get(group)
        if found is None:
            found = self._reasons[group] = json.dumps(reason_of(telling, self.spec), ensure_ascii=False)
        return found


async def _call_leaders(deps: Deps, conn: Connection, alert: AlertRow, texts: Texts) -> None:
    """Once per dorm and incident: whoever answers for it gets one link to all its people."""
    if alert.moment not in (Moment.ISSUE, Moment.UPDATE, Moment.CORRECT) or not alert.severity.asks:
        return
    if alert.key_enc is None or alert.purpose is Purpose.CANARY:
        return
    key = deps.vault.decrypt_bytes(alert.key_enc, alert.incident_id, "incident.key_enc")
    kinds = [k for k in deps.channels.kinds.values() if k.name in deps.channels.by_name]
    by_contact = {kind.contact: kind.name for kind in kinds}
    # An SMS wakes a leader up more surely than a notification, and an e-mail wakes nobody.
    preferred = sorted(by_contact, key=lambda contact: ("phone", "line", "push", "email").index(contact))
    now = deps.clock.now()
    for leader in await leader_store.leaders_of(conn, alert, preferred):
        link = uuid7()
        await leader_store.insert_leader_message(
            conn,
            alert,
            leader,
            link_id=link,
            token_sha256=token_hash(link_token(key, link)),
            text=texts.leader(leader.languages, leader.dorm, leader.people),
            channel=by_contact[leader.contact_channel],
            priority=priority(alert.severity),
            now=now,
        )
