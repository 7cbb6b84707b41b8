"""How many people an alert would reach, in numbers and without a name: what two people decide by.

Reads as the loops do (every row), because the one who decides may see nobody; only counts leave this module, small ones
hidden. Sends and writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from alerts.compose import LINK, compose
from alerts.decide import decide
from alerts.decision import FactsOnly, Ignored, Known
from alerts.deps import Deps
from alerts.dorm_forecast import DormStep
from alerts.fanout import geography
from alerts.fanout_store import AlertRow
from alerts.forecast import CALL_MINUTES, MOST, Forecast, Progress, StepKey, count_alert
from alerts.guard import must_count, why_share
from alerts.guard_store import count_registry
from alerts.joining import worst_of
from alerts.known_store import known_for
from alerts.preview import planned_alert
from alerts.rule_store import refresh
from alerts.rules import Rule
from alerts.texts import names_of, place_text, source_of
from alerts.wording import TextContext
from core.db import Connection
from core.model import Answer, Event, Moment, Purpose, Severity
from registry.small_counts import is_small, suppress_line

K = TypeVar("K", bound=Hashable)

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
    push_body: str = ""


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
    by_severity: tuple[tuple[Severity, int | None], ...] = ()
    by_channel: tuple[tuple[str, int | None], ...] = ()
    by_step: tuple[tuple[StepKey, int | None], ...] = ()
    #: Of each language the people whose text goes out marked as not approved, and the parts of all its SMS.
    unreviewed: Mapping[str, int | None] = field(default_factory=dict)
    parts: Mapping[str, int | None] = field(default_factory=dict)
    yen: float = 0.0
    #: Telephone calls at most, the minutes they last and what they cost; as many as `calls_a_day` are made in a day.
    calls: int = 0
    call_minutes: int = 0
    call_yen: float = 0.0
    calls_a_day: int = 0
    #: Messages to who answers for dorms, with the parts and yen of those by SMS.
    by_dorm: tuple[tuple[DormStep, int], ...] = ()
    dorm_parts: int = 0
    dorm_yen: float = 0.0
    #: One of so many people was looked at, and the numbers multiplied.
    every: int = 1

    @property
    def shown_people(self) -> str:
        """The number as it may be shown: one or two people could be known to the reader."""
        return few(self.people)

    @property
    def shown_calls(self) -> str:
        """The number of calls as it may be shown."""
        return few(self.calls)

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
    title: str = ""


def few(people: int) -> str:
    """A number of people for readers who see no names.

    >>> few(2), few(3)
    ('1-2', '3')
    """
    return "1-2" if is_small(people) else str(people)


async def outlook(
    deps: Deps,
    conn: Connection,
    event: Event,
    now: datetime,
    *,
    fresh: bool = False,
    progress: Progress | None = None,
    most: int = MOST,
) -> Outlook:
    """Decide `event` as if it came in now, and count whom its alerts would tell. `conn` sees every row.

    `fresh`: as if nothing had been heard or sent before. `progress`: everybody is counted, and it is told how far;
    without it more than `most` people are sampled.
    """
    await refresh(conn, deps.rules)
    rule = deps.rules.get(event.hazard)
    known = Known(Purpose.LIVE) if fresh else await known_for(conn, event, Purpose.LIVE, 0)
    decision = decide(event, rule, known, now, geography(deps.areas))
    counts = Forecast()
    if isinstance(decision, Ignored | FactsOnly):
        return Outlook(decision.reason, "", None, (), await _audience(deps, conn, counts, ()))
    assert rule is not None
    samples: list[Sample] = []
    alerts = [await planned_alert(conn, event, decision, plan, rule, Purpose.LIVE, now) for plan in decision.alerts]
    for alert in alerts:
        await count_alert(deps, conn, alert, rule, counts, now, progress, most)
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
        title=decision.title,
    )


async def audience_of(deps: Deps, conn: Connection, alert: AlertRow, rule: Rule, now: datetime) -> Audience:
    """Whom a stored alert would tell if it went on now."""
    counts = Forecast()
    await count_alert(deps, conn, alert, rule, counts, now)
    return await _audience(deps, conn, counts, _samples(deps, alert, rule, counts.languages))


async def _audience(deps: Deps, conn: Connection, counts: Forecast, samples: Sequence[Sample]) -> Audience:
    shown = dict(_hidden(counts.languages))
    settings = deps.settings
    calls = counts.channels["voice"]
    minutes = min(calls, settings.voice_calls_a_day) * CALL_MINUTES
    return Audience(
        people=counts.people,
        registry=await count_registry(conn),
        by_language=_hidden(counts.languages),
        by_org=_hidden(counts.orgs),
        sms_parts=counts.sms_parts,
        unreachable=counts.unreachable,
        samples=tuple(samples),
        by_severity=_hidden(counts.severities),
        by_channel=_hidden(counts.channels),
        by_step=_hidden(counts.steps),
        unreviewed={lang: shown[lang] and number for lang, number in counts.unreviewed.items()},
        parts={lang: shown[lang] and number for lang, number in counts.parts.items()},
        yen=round(counts.sms_parts * settings.sms_price_jpy, 2),
        every=counts.every,
        calls=calls,
        call_minutes=minutes,
        call_yen=round(minutes * settings.voice_price_jpy, 2),
        calls_a_day=settings.voice_calls_a_day,
        by_dorm=tuple(sorted(counts.dorms.steps.items(), key=lambda row: (row[0].after_s, row[0]))),
        dorm_parts=counts.dorms.sms_parts,
        dorm_yen=round(counts.dorms.sms_parts * settings.sms_price_jpy, 2),
    )


def _hidden(counted: Mapping[K, int]) -> tuple[tuple[K, int | None], ...]:
    """The counts, the largest first, with the small ones hidden."""
    rows = sorted(counted.items(), key=lambda row: (-row[1], str(row[0])))
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
        push_body = push.body.replace(LINK, "").strip()
        found.append(
            Sample(lang, alert.moment.value, push.title, body, sms.segments, sms.encoding, sms.unreviewed, push_body)
        )
    return found


def _context(deps: Deps, alert: AlertRow) -> TextContext:
    # Named by the report itself, if any: its areas' other towns read "no figure yet".
    worst = next((area for area in alert.areas if area.severity == alert.severity and area.announced), None)
    worst = worst or next((area for area in alert.areas if area.severity == alert.severity), None)
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
