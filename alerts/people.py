"""One person, one alert: are they told, of what, over which ways. Pure; called a hundred thousand times in a burst."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from alerts.channel import ChannelKind
from alerts.decision import RatedArea, Tell
from alerts.policy import is_night, may_ask, next_hour, within_hours
from alerts.rules import Again, Condition, Night, Quiet, Step
from core.clock import JST
from core.model import Level, Moment, Severity, level_rank


@dataclass(frozen=True, slots=True)
class Contact:
    """A way to reach somebody that is neither dead nor refused."""

    id: UUID
    channel: str
    proven: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a person stands in the incident before this alert."""

    severity: Severity
    reason: Mapping[str, Any]
    asked_at: datetime | None
    asks: int
    #: An answer has come since the person was last asked.
    answered: bool

    def told(self, hazard: str, now: datetime | None = None) -> tuple[Severity, Level, bool] | None:
        """(severity, level, over) of what the person was last told about this hazard; None: nothing yet.

        What was valid until a time is over then, without anybody saying so. `now` None: that does not matter here.
        """
        found = self.reason.get("told", {}).get(hazard)
        if found is None:
            return None
        until = found.get("until")
        ended = now is not None and until is not None and datetime.fromisoformat(until) <= now
        return Severity(found["severity"]), found["level"], bool(found["over"]) or ended


@dataclass(frozen=True, slots=True)
class Person:
    """A resident as gathered for one alert. `home`, `work`, `today`: indices of its areas that hold the place."""

    id: UUID
    languages: tuple[str, ...]
    enrolled: bool
    home: tuple[int, ...]
    work: tuple[int, ...]
    contacts: tuple[Contact, ...] = ()
    standing: Standing | None = None
    on_shift: bool = False
    #: On home leave or out of the prefecture, by their own word: told, not asked (registry.presence).
    away: bool = False
    #: Where they say they are for some hours or days (registry.elsewhere): asked there, also who is away from home.
    today: tuple[int, ...] = ()
    #: Contacts that carried the messages of the alerts this one changes.
    reached: frozenset[UUID] = frozenset()
    #: How often other incidents asked this person within the last 24 hours.
    asked_elsewhere: int = 0


@dataclass(frozen=True, slots=True)
class Spec:
    """What fan-out knows of an alert while it goes through the people."""

    moment: Moment
    hazard: str
    tell: Tell
    severity: Severity
    areas: Sequence[RatedArea]
    again_if_stronger: bool
    rise_asks_again: bool
    ladder: Mapping[Severity, tuple[Step, ...]]
    night: Night
    now: datetime
    #: For whom another quake of the incident is news (rules/earthquake.toml).
    again_if: frozenset[Again] = frozenset({Again.STRONGER, Again.NEW_AREA})
    #: When what the alert says ends by itself; None: when somebody says so.
    valid_until: datetime | None = None
    #: When what asks nobody waits for the morning.
    quiet: Quiet | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """One message to make."""

    contact_id: UUID
    channel: str
    step: int
    after_s: int
    unless: str


@dataclass(frozen=True, slots=True)
class Telling:
    """A person who is told: how hard, where, and over which ways. `home`, `work`, `today`: the worst area of each."""

    person: Person
    severity: Severity
    home: int | None
    work: int | None
    worse: str
    asked: bool
    messages: tuple[Planned, ...]
    reachable: bool
    #: Only noted, no message: less holds than they were told.
    quiet: bool = False
    #: Corrected: nothing concerns this person after all, so that nobody need answer or be looked for.
    settled: bool = False
    today: int | None = None

    @property
    def place(self) -> int | None:
        """The area that decided."""
        return self.work if self.worse == "work" else self.today if self.worse == "today" else self.home

    @property
    def only_today(self) -> bool:
        """Neither home nor work is meant: no organisation is told of the person."""
        return self.home is None and self.work is None


def consider(person: Person, spec: Spec, channels: Mapping[str, ChannelKind]) -> Telling | None:
    """Whether and how this person is told; None: not by this alert. `channels`: by the name used in ladders."""
    home, work, today = _worst(person.home, spec), _worst(person.work, spec), _worst(person.today, spec)
    worse = _worse(home, work, person, spec)
    place = work if worse == "work" else home
    if today is not None and (place is None or _weight(spec.areas[today]) >= _weight(spec.areas[place])):
        worse, place = "today", today
    severity = spec.severity if place is None else spec.areas[place].severity
    before = person.standing.told(spec.hazard, spec.now) if person.standing is not None else None
    match spec.tell:
        case Tell.MATCHED:
            if place is None or not (_is_news(spec, place, before) or _asks_at_last(spec, place, person)):
                return None
            if not person.enrolled and not severity.asks:
                return None  # invited people are told only when it is serious
        case Tell.TOLD | Tell.SILENT:
            if before is None or before[2]:
                return None  # told nothing about this hazard, or it is over for them already
            if spec.tell is Tell.SILENT and (person.standing is None or person.standing.answered):
                return None
            if spec.moment in (Moment.CANCEL, Moment.LIFT, Moment.REMINDER):
                severity = before[0]
            elif place is None:
                severity = Severity.INFO  # corrected: nothing of it concerns this person's places
        case Tell.TOLD_INSIDE:
            # Areas that are still warned travel along; whoever has a place in one is not told that it is over.
            inside = [spec.areas[i] for i in (*person.home, *person.work, *person.today)]
            if before is None or before[2] or not inside or not all(area.over for area in inside):
                return None
            severity = Severity.INFO if spec.moment is Moment.CORRECT else before[0]
        case Tell.LOWERED:
            if before is None or before[2] or place is None or _weight(spec.areas[place]) >= _told_weight(before):
                return None
            return _quietly(person, severity, home, work, worse, today)
    asked = _asks(spec, severity, person)
    if spec.tell is Tell.SILENT and not asked:
        return None  # asked often enough for one day
    messages = _messages(person, spec, severity, channels)
    if spec.quiet is not None and not severity.asks and not asked:
        messages = _until_morning(messages, spec, spec.quiet, None if place is None else spec.areas[place].level)
    usable = {kind.contact for kind in channels.values()}
    # Who is away is not somebody to look for here, whether a message gets through or not.
    reachable = _is_away(person, spec) or any(contact.channel in usable for contact in person.contacts)
    unaffected = spec.moment is Moment.CORRECT and (place is None or spec.areas[place].over)
    settled = unaffected and not _asked_of_another(person, spec)
    return Telling(person, severity, home, work, worse, asked, messages, reachable, settled=settled, today=today)


def _is_away(person: Person, spec: Spec) -> bool:
    """Away from home and work, and not at a place, named by themselves, where the alert asks."""
    return person.away and not any(spec.areas[index].severity.asks for index in person.today)


def _asked_of_another(person: Person, spec: Spec) -> bool:
    """Whether another hazard of the incident still asks: the tsunami of a quake that was corrected."""
    standing = person.standing
    others = [] if standing is None else [h for h in standing.reason.get("told", {}) if h != spec.hazard]
    told = [] if standing is None else [standing.told(hazard, spec.now) for hazard in others]
    return any(one is not None and not one[2] and one[0].asks for one in told)


def _quietly(
    person: Person, severity: Severity, home: int | None, work: int | None, worse: str, today: int | None
) -> Telling:
    """Less holds than the person was told: noted, so that a new rise is news, and no message."""
    return Telling(person, severity, home, work, worse, False, (), reachable=True, quiet=True, today=today)


def _told_weight(before: tuple[Severity, Level, bool]) -> tuple[int, int]:
    return (before[0].rank, level_rank(before[1]))


def _worst(indices: Sequence[int], spec: Spec) -> int | None:
    best: int | None = None
    for index in indices:
        if best is None or _weight(spec.areas[index]) > _weight(spec.areas[best]):
            best = index
    return best


def _weight(area: RatedArea) -> tuple[int, int]:
    return (area.severity.rank, level_rank(area.level))


def _worse(home: int | None, work: int | None, person: Person, spec: Spec) -> str:
    """The place that decides; of two equal ones the workplace during a known shift, else home."""
    if home is None or work is None:
        return "home" if work is None else "work"
    h, w = _weight(spec.areas[home]), _weight(spec.areas[work])
    if h == w:
        return "work" if person.on_shift else "home"
    return "home" if h > w else "work"


def _asks_at_last(spec: Spec, place: int, person: Person) -> bool:
    """A further quake that asks, for somebody who was told of the earlier ones but never asked."""
    if not spec.again_if_stronger or Again.NOT_ASKED not in spec.again_if or person.standing is None:
        return False
    return person.standing.asked_at is None and _asks(spec, spec.areas[place].severity, person)


def _is_news(spec: Spec, place: int, before: tuple[Severity, Level, bool] | None) -> bool:
    if before is None:
        return True
    severity, level, over = before
    area = spec.areas[place]
    if over or area.severity.rank > severity.rank:
        return True
    stronger = level_rank(area.level) > level_rank(level)
    # Another quake, or a flood that rises: the level counts. The same quake's second report adds nothing to people who
    # were already called at this severity.
    rising = spec.rise_asks_again and spec.hazard != "earthquake"
    again = spec.again_if_stronger and Again.STRONGER in spec.again_if
    return stronger and area.severity.rank >= severity.rank and (again or rising)


def _asks(spec: Spec, severity: Severity, person: Person) -> bool:
    if spec.moment in (Moment.CANCEL, Moment.LIFT) or not severity.asks or _is_away(person, spec):
        return False
    if spec.tell is Tell.TOLD_INSIDE or (spec.tell is Tell.TOLD and not (person.home or person.work or person.today)):
        return False  # corrected: this person's places are not affected after all
    standing = person.standing
    if standing is None:
        return may_ask(person.asked_elsewhere, spec.now, spec.now)
    return may_ask(standing.asks, standing.asked_at, spec.now, person.asked_elsewhere)


def _messages(
    person: Person, spec: Spec, severity: Severity, channels: Mapping[str, ChannelKind]
) -> tuple[Planned, ...]:
    """The steps of the ladder this person's contacts allow. Corrections first go the way the first message went."""
    planned: dict[UUID, Planned] = {}
    if spec.tell in (Tell.TOLD, Tell.TOLD_INSIDE):
        carried = {kind.contact: kind.name for kind in channels.values()}
        for contact in person.contacts:
            if contact.id in person.reached and contact.channel in carried:
                planned[contact.id] = Planned(contact.id, carried[contact.channel], 0, 0, "never")
        if spec.moment in (Moment.CANCEL, Moment.LIFT):
            return tuple(planned.values())
    steps = spec.ladder.get(severity, ())
    has_proven_push = any(c.channel == "push" and c.proven for c in person.contacts)
    night = severity.asks and is_night(spec.now)
    last: list[Planned] = []
    usable = {kind.contact for kind in channels.values()}
    for number, step in enumerate(steps):
        kind = channels.get(step.channel)
        if kind is None or (step.when is Condition.NO_PUSH and has_proven_push):
            continue
        if step.hours is not None and not within_hours(spec.now, step.hours):
            continue
        if step.when is Condition.NO_OTHER and any(c.channel in usable - {kind.contact} for c in person.contacts):
            continue
        for contact in _contacts(person, kind):
            if step.when is Condition.NO_ANSWER:
                # A last step: over a way that was tried already, and only if nothing came back.
                last.append(Planned(contact.id, kind.name, number, step.after_s, "silent"))
                continue
            if contact.id in planned:
                continue
            after, unless = step.after_s, "never"
            if step.when is Condition.NO_RECEIPT:
                unless = "received"
                if night:
                    # Asleep: a notification that was shown is not an answer.
                    after, unless = min(after, spec.night.sms_after_s), "answered"
            planned[contact.id] = Planned(contact.id, kind.name, number, after, unless)
    return (*planned.values(), *last)


def _until_morning(messages: tuple[Planned, ...], spec: Spec, quiet: Quiet, level: Level) -> tuple[Planned, ...]:
    """At night the first messages wait for the morning, where they become one with others; the rest is not needed."""
    if not within_hours(spec.now, quiet.hours) or str(level) in quiet.except_levels:
        return messages
    wait = round((next_hour(spec.now, quiet.hours[1]) - spec.now).total_seconds())
    first = [message for message in messages if message.unless == "never"]
    return tuple(replace(message, after_s=wait, unless="digest") for message in first)


def _contacts(person: Person, kind: ChannelKind) -> list[Contact]:
    """Every browser of the person; of several numbers one, a proven one first."""
    found = [c for c in person.contacts if c.channel == (kind.over or kind.contact)]
    if kind.contact == "push":
        return found
    return sorted(found, key=lambda c: not c.proven)[:1]


def place_reason(rated: RatedArea | None) -> dict[str, Any] | None:
    """One place's part of `standing_reason.reason`. `level`: what was announced for the place itself, if anything.

    A place reached by a polygon also names its municipality (JIS code), because a polygon has no name.
    """
    if rated is None:
        return None
    area, source = rated.area, rated.source
    return {
        "scheme": source.scheme,
        "code": source.code,
        "level": area.level if rated.announced else None,
        "tier": area.tier.value,
        "kind": area.kind,
        "kind_code": area.kind_code,
        "not_received": area.not_received,
        "area_max": rated.area_max,
        "name_ja": area.name,
        **({"municipality": area.code} if rated.polygon else {}),
    }


def reason_of(telling: Telling, spec: Spec) -> dict[str, Any]:
    """`standing_reason.reason`: why this person was told, and what they know about each hazard."""
    home = spec.areas[telling.home] if telling.home is not None else None
    work = spec.areas[telling.work] if telling.work is not None else None
    today = {} if telling.today is None else {"today": place_reason(spec.areas[telling.today])}
    standing = telling.person.standing
    told = dict(standing.reason.get("told", {})) if standing is not None else {}
    over = spec.moment in (Moment.CANCEL, Moment.LIFT) or (
        spec.moment is Moment.CORRECT and not _affected(telling, spec)
    )
    place = telling.place
    before = told.get(spec.hazard)
    level = spec.areas[place].level if place is not None and not over else (before or {}).get("level")
    told[spec.hazard] = {"severity": telling.severity.value, "level": level, "over": over}
    if spec.valid_until is not None and not over:
        told[spec.hazard]["until"] = spec.valid_until.isoformat()
    if standing is not None and (over or spec.moment is Moment.REMINDER):
        kept = {key: standing.reason.get(key) for key in ("home", "work", "worse")}
        was = {"today": standing.reason["today"]} if standing.reason.get("today") else {}
        return {**kept, **was, "told": told}
    return {"home": place_reason(home), "work": place_reason(work), **today, "worse": telling.worse, "told": told}


def _affected(telling: Telling, spec: Spec) -> bool:
    return telling.place is not None and not spec.areas[telling.place].over


_SHIFT: Final = re.compile(r"(\d{1,2}):(\d{2})\s*[-–~〜～]\s*(\d{1,2}):(\d{2})")


def on_shift(shifts: str, now: datetime) -> bool:
    """Whether a known shift such as "22:00-06:00" covers `now` in Japan. Words without times ("night") say nothing."""
    local = now.astimezone(JST)
    minute = local.hour * 60 + local.minute
    for begin_h, begin_m, end_h, end_m in _SHIFT.findall(shifts):
        begin, end = int(begin_h) * 60 + int(begin_m), int(end_h) * 60 + int(end_m)
        if begin <= minute < end if begin <= end else minute >= begin or minute < end:
            return True
    return False
