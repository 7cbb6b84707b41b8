"""Who would be told what by an event, in which language, over which ways, at what cost.

Sends nothing and writes nothing but the audit log: a preview names people.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any
from uuid import UUID

from alerts import fanout_store, store
from alerts.decide import decide
from alerts.decision import Act, AlertPlan, FactsOnly, Ignored
from alerts.deps import Deps
from alerts.dorm_forecast import DormForecast, count_dorms
from alerts.fanout import SLICE, SliceMaker, geography, spec_of
from alerts.fanout_store import AlertRow
from alerts.forecast import CALL_MINUTES, SMS
from alerts.known_store import known_for
from alerts.people import Telling, consider
from alerts.polygons import prepare
from alerts.rule_store import refresh
from alerts.rules import Rule
from alerts.zone_store import within_zones
from core.audit import Actor, audit
from core.db import Connection
from core.ids import uuid7
from core.model import Event, Purpose
from core.settings import Settings
from geo.match import UnusablePolygon

#: Whoever works at the machine: the command line knows no names.
PREVIEW = Actor("preview command")
PREVIEW_FIELDS = ("name", "language", "place", "channels")


async def preview(deps: Deps, conn: Connection, event: Event, purpose: Purpose = Purpose.LIVE) -> dict[str, Any]:
    """The answer of `main.py preview --json`: {"incident", "people", "totals"}. Decided as of the event's own time."""
    known = await known_for(conn, event, purpose, 0)
    dorms = DormForecast()
    await refresh(conn, deps.rules)
    rule = deps.rules.get(event.hazard)
    # An archived telegram is previewed as of its own time, or it would only ever be too old.
    at = min(deps.clock.now(), max(event.sent_at, event.issued_at))
    decision = decide(event, rule, known, at, geography(deps.areas))
    people: list[dict[str, Any]] = []
    if isinstance(decision, Ignored):
        incident: dict[str, Any] = {"ignored": decision.reason}
    elif isinstance(decision, FactsOnly):
        incident = {"id": str(decision.incident_id), "ignored": decision.reason}
    else:
        assert rule is not None
        incident = _incident(event, decision)
        seen: set[UUID] = set()
        for plan in decision.alerts:
            people += await _people(deps, conn, event, decision, plan, rule, purpose, seen, dorms)
    return {"incident": incident, "people": people, "totals": _totals(people, dorms, deps.settings)}


def _incident(event: Event, decision: Act) -> dict[str, Any]:
    return {
        "id": None if decision.incident_id is None else str(decision.incident_id),
        "key": decision.key,
        "title": decision.title,
        "hazard": event.hazard,
        "held": decision.hold,
        "alerts": [
            {"moment": plan.moment.value, "severity": plan.severity.value, "areas": len(plan.areas)}
            for plan in decision.alerts
        ],
    }


async def planned_alert(
    conn: Connection, event: Event, decision: Act, plan: AlertPlan, rule: Rule, purpose: Purpose, now: datetime
) -> AlertRow:
    """The alert that fan-out would get if this plan were carried out now; nothing is written."""
    simulated = await store.is_fictional(conn)
    earlier = await store.earlier_issue(conn, plan.of)
    return AlertRow(
        id=uuid7(),
        incident_id=decision.incident_id or uuid7(),
        purpose=purpose,
        moment=plan.moment,
        severity=plan.severity,
        areas=plan.areas,
        context=store.alert_context(event, plan, rule, simulated=simulated, earlier=earlier),
        cursor=None,
        people=0,
        created_at=now,
        expires_at=now + store.life_of(plan, rule),
        key_enc=None,
    )


async def _people(
    deps: Deps,
    conn: Connection,
    event: Event,
    decision: Act,
    plan: AlertPlan,
    rule: Rule,
    purpose: Purpose,
    seen: set[UUID],
    dorms: DormForecast,
) -> list[dict[str, Any]]:
    """The people one alert would reach; whoever an earlier one of the same decision reached is not listed again."""
    now = deps.clock.now()
    alert = await planned_alert(conn, event, decision, plan, rule, purpose, now)
    try:
        polygons = await prepare(conn, alert, deps.areas, deps.places)
    except UnusablePolygon:
        return []  # the alert is held, and `incident.held` says why
    alert = alert if polygons is None else polygons.alert
    found: list[dict[str, Any]] = []
    asked: list[UUID] = []
    while True:
        ids = await fanout_store.slice_ids(conn, alert, SLICE)
        part = alert if polygons is None else await polygons.slice(conn, ids)
        maker = SliceMaker(deps, part, spec_of(rule, part, deps))
        gathered, _ = await fanout_store.gather_people(conn, part, ids, now)
        gathered = await within_zones(conn, part, rule, gathered)
        names = await fanout_store.names_of(conn, ids)
        named: list[UUID] = []
        for person in gathered:
            telling = None if person.id in seen else consider(person, maker.spec, maker.channels)
            if telling is not None and not telling.quiet:
                seen.add(person.id)
                named.append(person.id)
                asked += [person.id] if telling.asked and not telling.only_today else []
                found.append(_person(telling, maker, names[person.id]))
        if named:
            await audit(conn, PREVIEW, "preview.read", at=now, subjects=named, fields=PREVIEW_FIELDS)
        if len(ids) < SLICE:
            await count_dorms(deps, conn, alert, rule, maker.texts, asked, dorms)
            return found
        alert = fanout_store.advanced(alert, ids[-1])


def _person(telling: Telling, maker: SliceMaker, name: str) -> dict[str, Any]:
    place = telling.place
    rated = None if place is None else maker.spec.areas[place]
    texts = {m.channel: maker.texts.of(telling, m.channel).composed for m in telling.messages}
    first = next((texts[c] for c in (*SMS, "push") if c in texts), None)
    return {
        "name": name,
        "severity": telling.severity.value,
        "reason": None
        if rated is None
        else {
            "place": telling.worse,
            "scheme": rated.source.scheme,
            "code": rated.source.code,
            "level": rated.level,
            "not_received": rated.area.not_received,
        },
        "language": maker.texts.language(telling.person.languages),
        "asked": telling.asked,
        "reachable": telling.reachable,
        "steps": [{"channel": m.channel, "after_s": m.after_s, "unless": m.unless} for m in telling.messages],
        "text": "" if first is None else first.body,
        "unreviewed": any(text.unreviewed for text in texts.values()),
        "sms_segments": sum(texts[m.channel].segments for m in telling.messages if m.channel in SMS),
    }


def _totals(people: list[dict[str, Any]], dorms: DormForecast, settings: Settings) -> dict[str, Any]:
    parts = sum(person["sms_segments"] for person in people)
    channels = Counter(step["channel"] for person in people for step in person["steps"])
    minutes = min(channels["voice"], settings.voice_calls_a_day) * CALL_MINUTES
    return {
        "people": len(people),
        "by_severity": dict(Counter(person["severity"] for person in people)),
        "by_language": dict(Counter(person["language"] for person in people)),
        "by_channel": {channel: number for channel, number in channels.items() if number},
        "unreachable": sum(not person["reachable"] for person in people),
        "unreviewed": dict(Counter(person["language"] for person in people if person["unreviewed"])),
        "sms_segments": parts,
        "sms_cost_jpy": round(parts * settings.sms_price_jpy, 2),
        "voice_calls": channels["voice"],
        "voice_minutes": minutes,
        "voice_cost_jpy": round(minutes * settings.voice_price_jpy, 2),
        "dorm_messages": [
            {"to": step.to.value, "channel": step.channel, "after_s": step.after_s, "when": step.when, "dorms": number}
            for step, number in sorted(dorms.steps.items(), key=lambda row: (row[0].after_s, row[0]))
        ],
        "dorm_sms_segments": dorms.sms_parts,
        "dorm_sms_cost_jpy": round(dorms.sms_parts * settings.sms_price_jpy, 2),
    }
