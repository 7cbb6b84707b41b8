"""A world in memory for the decide loop: incidents, alerts and what each person stands at. No database, no texts.

Decisions and people are the real `decide` and `consider`; only the tables are dictionaries. What it does with a
decision mirrors alerts/store.py and alerts/fanout_store.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from alerts.decide import decide
from alerts.decision import (
    RELAY,
    Act,
    AlertPlan,
    Decision,
    FactsOnly,
    Geography,
    Ignored,
    Known,
    OpenIncident,
    Order,
    Tell,
    ToldAlert,
)
from alerts.incident_facts import codes_from, facts_with, in_force_from, quakes_from
from alerts.joining import quake_of
from alerts.people import Contact, Person, Spec, Standing, consider, reason_of
from alerts.policy import ASKS_WINDOW
from alerts.rating import codes_of, ends_at
from core.model import AreaCode, Event, Moment, Purpose, Severity
from tests.alerts_kit import RULES
from tests.fakes import FakeChannel, fake_channels

KINDS = fake_channels(FakeChannel("sms"), FakeChannel("push")).kinds
FACT_TYPES = ("VXSE52", "VXSE61", "VTSE51", "VTSE52")


@dataclass(slots=True)
class Incident:
    """One incident's row."""

    id: UUID
    key: str
    hazard: str
    event_ids: set[str]
    last_round_at: datetime
    facts: dict[str, Any]
    #: Person -> standing: severity, reason, asked_at, asks.
    people: dict[str, Standing] = field(default_factory=dict)


@dataclass(slots=True)
class World:
    """People by name, with the codes of their home; everything that was decided and told."""

    homes: Mapping[str, frozenset[AreaCode]]
    geography: Geography
    incidents: list[Incident] = field(default_factory=list)
    decided: list[tuple[Event, Decision]] = field(default_factory=list)
    alerts: list[tuple[ToldAlert, set[str]]] = field(default_factory=list)
    #: (person, moment, severity, asked, event) of every message.
    told: list[tuple[str, Moment, Severity, bool, Event]] = field(default_factory=list)
    heard: list[Event] = field(default_factory=list)
    _ids: Iterable[int] = field(default_factory=lambda: count(1))

    def hear(self, *events: Event, now: datetime | None = None) -> None:
        """Each event arrives, is decided and fanned out before the next one comes."""
        for event in events:
            self.heard.append(event)
            self.decide(event, now or event.sent_at + timedelta(seconds=30))

    def hear_together(self, events: Sequence[Event], now: datetime) -> None:
        """All wait; they are decided in the order of alerts/event_store.py."""
        self.heard += events
        waiting = list(events)
        while waiting:
            event = next_of(waiting)
            waiting.remove(event)
            self.decide(event, now)

    def decide(self, event: Event, now: datetime) -> Decision:
        decision = decide(event, RULES.get(event.hazard), self.known(event), now, self.geography)
        match decision:
            case FactsOnly():
                incident = self._incident(decision.incident_id)
                incident.facts = facts_with(incident.facts, event)
                incident.event_ids |= set(event.event_ids)
            case Act():
                self._act(event, decision, now)
            case Ignored():
                pass
        self.decided.append((event, decision))
        return decision

    def known(self, event: Event) -> Known:
        thread = [e.order for e, _ in self.decided if e.thread == event.thread]
        detailed: list[Order] = [
            e.order for e, _ in self.decided if e.type == "VXSE53" and set(e.event_ids) & set(event.event_ids)
        ]
        originals = [quake_of(e) for e in self.heard if e.source == "jma" and e.hazard == "earthquake"]
        tsunamis = [e.issued_at for e in self.heard if e.type == "VTSE41"]
        told = [
            alert if alert.thread == event.thread else replace(alert, areas=())
            for alert, _ in self.alerts
            if alert.moment in (Moment.ISSUE, Moment.UPDATE, Moment.CORRECT)
            and (
                alert.thread == event.thread
                or (self._hazard(alert) == event.hazard and (event.hazard != "earthquake" or alert.source == RELAY))
            )
        ]
        return Known(
            Purpose.LIVE,
            tuple(
                OpenIncident(
                    i.id,
                    i.key,
                    i.hazard,
                    frozenset(i.event_ids),
                    i.last_round_at,
                    codes_from(i.facts.get("codes", ())),
                    quakes_from(i.facts, i.event_ids),
                    in_force_from(i.facts),
                )
                for i in self.incidents
            ),
            newest=max(thread, default=None),
            told=tuple(told),
            detailed=max(detailed, default=None) if event.type == "VXSE51" else None,
            originals=tuple(originals) if event.source != "jma" else (),
            original_tsunami=max(tsunamis, default=None) if event.source != "jma" else None,
            operator_told=any(e.thread == event.thread and d.operator for e, d in self.decided),
        )

    def stands(self) -> dict[tuple[str, str], Severity]:
        """(person, hazard) -> the severity that the person was told and that is not over."""
        found: dict[tuple[str, str], Severity] = {}
        for incident in self.incidents:
            for person, standing in incident.people.items():
                for hazard in standing.reason["told"]:
                    severity, _, over = standing.told(hazard) or (Severity.INFO, None, True)
                    if not over and severity.rank >= found.get((person, hazard), Severity.INFO).rank:
                        found[person, hazard] = severity
        return found

    def in_force(self) -> dict[tuple[str, str], dict[str, str]]:
        """(incident's key, thread) -> the areas it still warns, with their severity."""
        return {
            (incident.key, thread): {f"{r.source.scheme}:{r.source.code}": r.severity.value for r in said.areas}
            for incident in self.incidents
            for thread, said in in_force_from(incident.facts).items()
            if said.areas
        }

    def told_people(self) -> set[str]:
        """Everybody who got any message."""
        return {person for person, *_ in self.told}

    def _hazard(self, alert: ToldAlert) -> str:
        return next(e.hazard for e, _ in self.decided if e.thread == alert.thread)

    def _incident(self, incident_id: UUID) -> Incident:
        return next(i for i in self.incidents if i.id == incident_id)

    def _act(self, event: Event, decision: Act, now: datetime) -> None:
        codes = {c for p in decision.alerts if p.tell is Tell.MATCHED for c in codes_of(p.areas)}
        if decision.incident_id is None:
            incident = Incident(self._new_id(), decision.key, event.hazard, set(), now, {})
            self.incidents.append(incident)
        else:
            incident = self._incident(decision.incident_id)
        incident.event_ids |= set(event.event_ids)
        incident.facts = facts_with(incident.facts, event, codes=codes, in_force=decision.in_force)
        if decision.hold is not None:
            return
        for plan in decision.alerts:
            self._fan_out(event, incident, plan, now)

    def _new_id(self) -> UUID:
        return UUID(int=next(iter(self._ids)))

    def _fan_out(self, event: Event, incident: Incident, plan: AlertPlan, now: datetime) -> None:
        rule = RULES[event.hazard]
        spec = Spec(
            moment=plan.moment,
            hazard=event.hazard,
            tell=plan.tell,
            severity=plan.severity,
            areas=plan.areas,
            again_if_stronger=plan.again_if_stronger,
            rise_asks_again=rule.rise_asks_again,
            ladder=rule.ladder,
            night=rule.night,
            now=now,
            again_if=rule.again_if,
            valid_until=ends_at(event),
        )
        reached: set[str] = set()
        before = {p for alert, people in self.alerts if alert.id in plan.of for p in people}
        for number, (name, codes) in enumerate(sorted(self.homes.items())):
            inside = tuple(i for i, r in enumerate(plan.areas) if r.source in codes)
            if (plan.tell is Tell.MATCHED and not inside) or (plan.tell is not Tell.MATCHED and name not in before):
                continue
            contact = Contact(UUID(int=number + 1), "phone", proven=True)
            elsewhere = sum(
                other.people[name].asks
                for other in self.incidents
                if other is not incident and name in other.people and _recent(other.people[name].asked_at, now)
            )
            person = Person(
                UUID(int=number + 1),
                ("en", ""),
                True,
                inside,
                (),
                (contact,),
                incident.people.get(name),
                reached=frozenset({contact.id}),
                asked_elsewhere=elsewhere,
            )
            telling = consider(person, spec, KINDS)
            if telling is None:
                continue
            old = person.standing
            asked_at = None if old is None else old.asked_at
            asks = 0 if old is None else old.asks
            if telling.asked:
                asks = asks + 1 if _recent(asked_at, now) else 1
                asked_at = now
            if plan.moment is Moment.CANCEL:
                asked_at = None
            severity = old.severity if telling.quiet and old is not None else telling.severity
            incident.people[name] = Standing(severity, reason_of(telling, spec), asked_at, asks, answered=False)
            if telling.quiet:
                continue
            reached.add(name)
            self.told.append((name, plan.moment, telling.severity, telling.asked, event))
            if telling.asked:
                incident.last_round_at = max(incident.last_round_at, now)
        alert = ToldAlert(
            self._new_id(), incident.id, plan.moment, plan.severity, plan.areas, event.thread, event.source
        )
        self.alerts.append((alert, reached))


def _recent(asked_at: datetime | None, now: datetime) -> bool:
    return asked_at is not None and now - asked_at < ASKS_WINDOW


def next_of(waiting: Sequence[Event]) -> Event:
    """Which of these is decided next: alerts/event_store.SQL_NEXT_EVENT in Python."""

    def adds(event: Event) -> bool:
        return event.type in FACT_TYPES or event.source == "usgs" or event.hazard == "weather_bulletin"

    first = min(
        waiting,
        key=lambda e: (adds(e), e.hazard not in ("earthquake", "tsunami"), e.issued_at, e.sent_at, e.thread),
    )
    matter = [
        e
        for e in waiting
        if adds(e) == adds(first)
        and e.hazard == first.hazard
        and (e.thread == first.thread or (e.hazard == "earthquake" and set(e.event_ids) & set(first.event_ids)))
    ]
    newest = max(event.order for event in matter)
    return min((e for e in matter if e.order == newest), key=lambda e: e.thread)
