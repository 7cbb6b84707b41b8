"""How many people an alert would reach, in numbers and without a name: what two people decide by.

Reads as the loops do (every row), because the one who decides may see nobody; only counts leave this module, small ones
hidden. Sends and writes nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from alerts import fanout_store
from alerts.compose import compose
from alerts.decide import decide
from alerts.decision import FactsOnly, Ignored
from alerts.deps import Deps
from alerts.fanout import SLICE, SliceMaker, geography, spec_of
from alerts.fanout_store import AlertRow
from alerts.guard import must_count, why_share
from alerts.guard_store import count_registry
from alerts.joining import worst_of
from alerts.known_store import known_for
from alerts.people import Person, consider
from alerts.polygons import prepare
from alerts.preview import planned_alert
from alerts.rule_store import refresh
from alerts.rules import Rule
from alerts.texts import names_of, place_text, source_of
from alerts.wording import TextContext
from alerts.zone_store import within_zones
from core.db import Connection
from core.model import Answer, Event, Moment, Purpose, Severity
from geo.match import UnusablePolygon
from registry.small_counts import is_small, suppress_line

#: Languages of the texts that are shown whoever is reached; then the most frequent others.
ALWAYS_SHOWN = ("ja", "en")
_COMMON = ("vi", "id")
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """A text as it would go out by SMS, without its link, and what it is called on a phone's screen."""

    language: str
    moment: str
    title: str
    body: str
    segments: int
    encoding: str
    unreviewed: bool


@dataclass(slots=True)
class _Counts:
    people: set[UUID] = field(default_factory=set)
    languages: Counter[str] = field(default_factory=Counter)
    orgs: Counter[str] = field(default_factory=Counter)
    sms_parts: int = 0
    unreachable: int = 0


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom it would reach. Counts under 3 are None. `registry`: everybody who could be told at all."""

    people: int
    registry: int
    by_language: tuple[tuple[str, int | None], ...]
    by_org: tuple[tuple[str, int | None], ...]
    sms_parts: int
    unreachable: int
    samples: tuple[Sample, ...]

    @property
    def shown_people(self) -> str:
        """The number as it may be shown: one or two people could be known to the reader."""
        return few(self.people)

    @property
    def share(self) -> float:
        """Part of the registry, 0 to 1."""
        return self.people / self.registry if self.registry else 0.0

    @property
    def percent(self) -> int:
        """The same in whole percent; 1 for anything above nothing."""
        return max(round(self.share * 100), 1 if self.people else 0)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would become of an event if it were decided now."""

    #: Why nobody would be told; "" if somebody is.
    ignored: str
    #: Why its alerts would wait for two more people; "" if they would go.
    held: str
    severity: Severity | None
    moments: tuple[str, ...]
    audience: Audience


SQL_ORGS_OF = """
SELECT o.name, count(DISTINCT m.resident_id) AS people FROM membership m JOIN organisation o ON o.id = m.org_id
WHERE m.resident_id = ANY($1::uuid[]) AND m.ended_at IS NULL GROUP BY o.id, o.name
"""


def few(people: int) -> str:
    """A number of people for readers who see no names.

    >>> few(2), few(3)
    ('1-2', '3')
    """
    return "1-2" if is_small(people) else str(people)


async def outlook(deps: Deps, conn: Connection, event: Event, now: datetime) -> Outlook:
    """Decide `event` as if it came in now, and count whom its alerts would tell. `conn` sees every row."""
    await refresh(conn, deps.rules)
    rule = deps.rules.get(event.hazard)
    known = await known_for(conn, event, Purpose.LIVE, 0)
    decision = decide(event, rule, known, now, geography(deps.areas))
    if isinstance(decision, Ignored | FactsOnly):
        return Outlook(decision.reason, "", None, (), await _audience(deps, conn, _Counts(), ()))
    assert rule is not None
    counts, samples = _Counts(), []
    alerts = [await planned_alert(conn, event, decision, plan, rule, Purpose.LIVE, now) for plan in decision.alerts]
    for alert in alerts:
        await _count(deps, conn, alert, rule, counts, now)
    for alert in alerts:
        samples += _samples(deps, alert, rule, counts.languages)
    audience = await _audience(deps, conn, counts, samples)
    held = decision.hold
    if held is None and must_count(event, decision.alerts):
        held = why_share(event, audience.people, audience.registry, deps.settings.manual_share)
    return Outlook(
        ignored="",
        held=held or "",
        severity=worst_of(plan.severity for plan in decision.alerts),
        moments=tuple(plan.moment.value for plan in decision.alerts),
        audience=audience,
    )


async def audience_of(deps: Deps, conn: Connection, alert: AlertRow, rule: Rule, now: datetime) -> Audience:
    """Whom a stored alert would tell if it went on now."""
    counts = _Counts()
    await _count(deps, conn, alert, rule, counts, now)
    return await _audience(deps, conn, counts, _samples(deps, alert, rule, counts.languages))


async def _count(deps: Deps, conn: Connection, alert: AlertRow, rule: Rule, counts: _Counts, now: datetime) -> None:
    """Add the people one alert tells; whoever an earlier one told is counted once."""
    try:
        polygons = await prepare(conn, alert, deps.areas, deps.places)
    except UnusablePolygon:
        return  # whom it would reach cannot be said; why it is held says so
    alert = alert if polygons is None else polygons.alert
    while True:
        ids = await fanout_store.slice_ids(conn, alert, SLICE)
        part = alert if polygons is None else await polygons.slice(conn, ids)
        maker = SliceMaker(deps, part, spec_of(rule, part, deps))
        people, _ = await fanout_store.gather_people(conn, part, ids, now)
        people = await within_zones(conn, part, rule, people)
        new = await asyncio.to_thread(_told, people, maker, counts)
        for row in await conn.fetch(SQL_ORGS_OF, new):
            counts.orgs[row["name"]] += row["people"]
        if len(ids) < SLICE:
            return
        alert = fanout_store.advanced(alert, ids[-1])


def _told(people: Sequence[Person], maker: SliceMaker, counts: _Counts) -> list[UUID]:
    new = []
    for person in people:
        telling = consider(person, maker.spec, maker.channels)
        if telling is None or telling.quiet:
            continue
        for message in telling.messages:
            counts.sms_parts += maker.texts.of(telling, message.channel).composed.segments
        if person.id not in counts.people:
            counts.people.add(person.id)
            counts.languages[maker.texts.language(person.languages)] += 1
            counts.unreachable += not telling.reachable
            new.append(person.id)
    return new


async def _audience(deps: Deps, conn: Connection, counts: _Counts, samples: Sequence[Sample]) -> Audience:
    return Audience(
        people=len(counts.people),
        registry=await count_registry(conn),
        by_language=_hidden(counts.languages),
        by_org=_hidden(counts.orgs),
        sms_parts=counts.sms_parts,
        unreachable=counts.unreachable,
        samples=tuple(samples),
    )


def _hidden(counted: Mapping[str, int]) -> tuple[tuple[str, int | None], ...]:
    """The counts, the largest first, with the small ones hidden."""
    rows = sorted(counted.items(), key=lambda row: (-row[1], row[0]))
    numbers, _ = suppress_line([number for _, number in rows])
    return tuple((name, number) for (name, _), number in zip(rows, numbers, strict=True))


def _samples(deps: Deps, alert: AlertRow, rule: Rule, languages: Counter[str]) -> list[Sample]:
    """What it says in Japanese, English and the two languages that most of the people have."""
    others = [lang for lang, _ in languages.most_common() if lang not in ALWAYS_SHOWN]
    others += [lang for lang in _COMMON if lang not in others]
    context, named = _context(deps, alert), names_of(deps.areas, alert.areas)
    found = []
    for lang in (*ALWAYS_SHOWN, *others)[:_SHOWN]:
        try:
            sms, push = (compose(context, lang, channel, deps.catalogs, named) for channel in ("sms", "push"))
        except LookupError:
            continue  # no words for this level: fan-out would hold the alert and say so
        body = sms.body.rpartition("\n")[0]
        found.append(Sample(lang, alert.moment.value, push.title, body, sms.segments, sms.encoding, sms.unreviewed))
    return found


def _context(deps: Deps, alert: AlertRow) -> TextContext:
    worst = next((area for area in alert.areas if area.severity == alert.severity), None)
    worst = worst or next(iter(alert.areas), None)
    over = alert.moment in (Moment.CANCEL, Moment.LIFT)
    earlier = alert.context.get("earlier_at")
    return TextContext(
        hazard=alert.context["hazard"],
        severity=alert.severity,
        moment=alert.moment,
        places=() if worst is None or worst.shape is not None else (place_text(None, worst),),
        announced_at=datetime.fromisoformat(alert.context["issued_at"]),
        purpose=alert.purpose,
        simulated=alert.context["simulated"],
        asks=() if over else tuple(Answer(answer) for answer in alert.context["questions"]),
        sender=deps.settings.sender_name,
        source=source_of(alert.context),
        agency=str(alert.context.get("office") or ""),
        earlier_at=datetime.fromisoformat(earlier) if earlier else alert.created_at,
    )
