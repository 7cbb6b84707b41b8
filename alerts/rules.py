"""The rules of each hazard, read from `rules/<hazard>.toml`: pure data, checked when it is read.

A rule says which level gives which severity, what people are asked, over which steps they are told, how long a text
stays true, and when silence becomes a case. Each file carries its own examples, which a contract test runs.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

from core.model import Answer, Area, Change, Level, Severity, Tier

_E = TypeVar("_E", bound=StrEnum)

#: The night of DESIGN section 4, in hours of Japan's day.
NIGHT_HOURS: Final = (22, 6)
RULES: Final = Path(__file__).resolve().parents[1] / "rules"


class RuleError(ValueError):
    """A rule file cannot be used. The message names the file and the key; `key`: its path, "" where there is none."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class Condition(StrEnum):
    """When a step of the ladder is taken."""

    ALWAYS = "always"
    NO_PUSH = "no_push"  # the person has no working push subscription
    NO_RECEIPT = "no_receipt"  # no receipt has come from the steps before
    NO_OTHER = "no_other"  # the person has no other way that a step of the ladder could use
    NO_ANSWER = "no_answer"  # nobody has answered, whatever has arrived
    NOT_OPENED = "not_opened"  # the dorm's leader has not opened the page of the dorm's people


class To(StrEnum):
    """Whom a step calls: the person, or who answers for the dorm of people who are silent."""

    SELF = "self"
    LEADER = "leader"
    DEPUTY = "deputy"
    NIGHT_CONTACT = "night_contact"


class Again(StrEnum):
    """For whom a further quake in an incident is news."""

    STRONGER = "stronger"  # it was stronger at their place than what they were told of
    NEW_AREA = "new_area"  # nobody has told them anything in this incident
    NOT_ASKED = "not_asked"  # they were told, but never asked


class ZoneKind(StrEnum):
    """The hazard zones a place can lie in (geo.zones)."""

    FLOOD = "flood"
    LANDSLIDE = "landslide"


@dataclass(frozen=True, slots=True)
class ZoneRule:
    """Levels of which only places in a zone, or not known to be outside of every one, are told."""

    kind: ZoneKind
    levels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the ladder: which channel, how many seconds after the alert, and when it is taken at all.

    `hours`: only for alerts made in these hours of Japan's day, (22, 6): from 22:00 to 05:59; None: always. A step to
    somebody else than the person goes over the best way they have, whatever `channel` says.
    """

    channel: str
    after_s: int
    when: Condition
    to: To = To.SELF
    hours: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Night:
    """Between 22:00 and 06:00 in Japan, for severe and extreme: seconds without an answer until each of these.

    `leader_after_s`: the dorm's leader and its night contact.
    """

    sms_after_s: int
    leader_after_s: int
    case_after_s: int


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of Japan's day in which what asks nobody waits for the morning, but for some levels."""

    hours: tuple[int, int]
    except_levels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Example:
    """What the author of a rule expects of an area in a type of report. `severity` None: nobody is told."""

    type: str
    level: Level
    tier: Tier
    severity: Severity | None
    asks: bool
    #: Only places in the hazard's zone are told.
    zone: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Everything we decided about one hazard. Times are seconds unless the name says otherwise."""

    hazard: str
    #: Level as text ("6-", "4", "major_warning", "severe") -> severity; a level that is not named tells nobody.
    levels: Mapping[str, Severity]
    #: For areas without a level: the source's tier -> severity.
    tiers: Mapping[Tier, Severity]
    #: Report type -> the same for this type alone, before `tiers` (VFVO56: a volcano has erupted).
    tiers_of: Mapping[str, Mapping[Tier, Severity]]
    #: Report type -> the highest severity it may give alone (VXSE51: its areas are wide).
    caps: Mapping[str, Severity]
    #: The buttons of the check-in page, in order.
    questions: tuple[Answer, ...]
    #: A matter older than this opens nothing any more; None: only a newer report makes it old.
    max_age: timedelta | None
    #: How long a text stays true; it is never sent later than this after the alert.
    life_s: Mapping[Severity, int]
    #: Steps per severity to the people themselves, in order of time.
    ladder: Mapping[Severity, tuple[Step, ...]]
    #: Steps per severity to who answers for a dorm whose people are silent, in order of time.
    calls: Mapping[Severity, tuple[Step, ...]]
    #: When silent people are asked again, counted from the alert.
    reminders_s: tuple[int, ...]
    #: Silence that opens a case, by day; for severities that ask.
    case_after_s: Mapping[Severity, int]
    night: Night
    #: A further shock within this many hours of the last round continues the incident; 0: not used.
    aftershock_window_h: int
    #: For whom such a further shock is news.
    again_if: frozenset[Again]
    #: Hours after the last lift (earthquake: the last asking shock) until the incident ends.
    incident_end_h: int
    #: Whether a rise in level asks people again who have already answered.
    rise_asks_again: bool
    examples: tuple[Example, ...]
    #: Which levels are only for places in a hazard zone; None: all are for everybody.
    zone: ZoneRule | None = None
    #: When what is below severe waits for the morning; None: it never does.
    quiet: Quiet | None = None
    #: The fingerprint of the text it was read from: what a decision says it went by.
    version: str = ""

    def asks(self, severity: Severity) -> tuple[Answer, ...]:
        """What people are asked at this severity: the questions, or nothing."""
        return self.questions if severity.asks else ()

    def only_in_zone(self, level: Level) -> bool:
        """Whether this level is only for places in the hazard's zone."""
        return self.zone is not None and str(level) in self.zone.levels


def severity_of(rule: Rule, area: Area, event_type: str) -> Severity | None:
    """How hard this area's level knocks; None: nobody is told. A lifted area knocks nowhere.

    An intensity that was not received arrives here as the caller decided it: its own "5-", or the announced maximum
    of its quake area.
    """
    if area.change is Change.LIFTED or area.level in (0, "none"):
        return None
    if area.level is None:
        severity = rule.tiers_of.get(event_type, {}).get(area.tier, rule.tiers.get(area.tier))
    else:
        severity = rule.levels.get(str(area.level))
    cap = rule.caps.get(event_type)
    if severity is not None and cap is not None and severity.rank > cap.rank:
        return cap
    return severity


def load_rules(folder: Path = RULES) -> dict[str, Rule]:
    """Every `<hazard>.toml` of a folder, by hazard. Raises RuleError with a sentence that names file and key."""
    rules = {path.stem: read_rule(path) for path in sorted(folder.glob("*.toml"))}
    if not rules:
        raise RuleError(f"{folder}: no rule file; without rules nobody would be told")
    return rules


def read_rule(path: Path) -> Rule:
    """One rule file. Raises RuleError naming the file and the key that is wrong, missing or unknown."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RuleError(f"rules/{path.name}: not readable as TOML ({error})") from error
    return parse_rule(text, path.stem)


def version_of(text: str) -> str:
    """The fingerprint of a rule's text: the first 12 hex digits of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def parse_rule(text: str, hazard: str) -> Rule:
    """The rule that a TOML text says, as `rules/<hazard>.toml` would. Raises RuleError as `read_rule` does."""
    name = f"rules/{hazard}.toml"
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{name}: not readable as TOML ({error})") from error
    table = _Table(name, "", raw)
    tiers = table.table("tiers", optional=True)
    tiers_of = {key: _tiers(tiers.inner(key, tiers.raw.pop(key))) for key in [*tiers.raw] if key.isupper()}
    said = table.take("hazard", str)
    ladder, night = _ladder(table.table("ladder")), _night(table.table("night"))
    rule = Rule(
        hazard=said,
        levels=_levels(table.table("levels")),
        tiers=_tiers(tiers),
        tiers_of=tiers_of,
        caps=_levels(table.table("caps", optional=True)),
        questions=tuple(table.enum("questions", Answer, name) for name in table.take("questions", list)),
        max_age=timedelta(seconds=table.seconds("max_age_s")) if "max_age_s" in raw else None,
        life_s=_seconds_by_severity(table.table("life_s")),
        ladder={severity: tuple(s for s in steps if s.to is To.SELF) for severity, steps in ladder.items()},
        calls=_calls(ladder, night),
        reminders_s=tuple(table.whole("reminders_s", value) for value in table.take("reminders_s", list)),
        case_after_s=_seconds_by_severity(table.table("case_after_s")),
        night=night,
        **_aftershock(table.table("aftershock", optional=True)),
        incident_end_h=table.seconds("incident_end_h"),
        rise_asks_again=table.take("rise_asks_again", bool),
        examples=tuple(_example(table.inner(f"example[{i}]", e)) for i, e in enumerate(table.take("example", list), 1)),
        zone=_zone(table.table("zone", optional=True)),
        quiet=_quiet(table.table("quiet", optional=True)),
        version=version_of(text),
    )
    table.finish()
    _check(table, rule, hazard)
    return rule


class _Table:
    """A TOML table that is read key by key; what is left unread at the end is a typo."""

    def __init__(self, file: str, name: str, raw: object) -> None:
        self.file, self.name = file, name
        if not isinstance(raw, dict):
            raise RuleError(f"{file}: {name} must be a table")
        self.raw: dict[str, Any] = dict(raw)

    def error(self, key: str, problem: str) -> RuleError:
        path = f"{self.name}.{key}" if self.name else key
        return RuleError(f"{self.file}: {path} {problem}", path)

    def take(self, key: str, kind: type) -> Any:
        if key not in self.raw:
            raise self.error(key, "is missing")
        value = self.raw.pop(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(key, f"must be a {kind.__name__}, not {value!r}")
        return value

    def whole(self, key: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.error(key, f"must be a whole number of 0 or more, not {value!r}")
        return value

    def seconds(self, key: str) -> int:
        return self.whole(key, self.take(key, object))

    def enum(self, key: str, kind: type[_E], value: object) -> _E:
        try:
            return kind(str(value))
        except ValueError:
            choices = ", ".join(member.value for member in kind)
            raise self.error(key, f"says {value!r}; expected one of {choices}") from None

    def table(self, key: str, *, optional: bool = False) -> _Table:
        return self.inner(key, {} if optional and key not in self.raw else self.take(key, dict))

    def inner(self, name: str, raw: object) -> _Table:
        return _Table(self.file, f"{self.name}.{name}" if self.name else name, raw)

    def finish(self) -> None:
        for key in self.raw:
            raise self.error(key, "is not a key we know")


def _aftershock(table: _Table) -> dict[str, Any]:
    if not table.raw:
        return {"aftershock_window_h": 0, "again_if": frozenset()}
    again = frozenset(table.enum("again_if", Again, value) for value in table.take("again_if", list))
    if Again.NEW_AREA not in again:
        raise table.error("again_if", "must name new_area: whoever was told nothing yet is always told")
    window = table.seconds("window_h")
    table.finish()
    return {"aftershock_window_h": window, "again_if": again}


def _zone(table: _Table) -> ZoneRule | None:
    if not table.raw:
        return None
    kind = table.enum("kind", ZoneKind, table.take("kind", str))
    levels = frozenset(str(level) for level in table.take("levels", list))
    table.finish()
    return ZoneRule(kind, levels)


def _levels(table: _Table) -> dict[str, Severity]:
    return {key: table.enum(key, Severity, value) for key, value in table.raw.items()}


def _tiers(table: _Table) -> dict[Tier, Severity]:
    return {table.enum(key, Tier, key): table.enum(key, Severity, value) for key, value in table.raw.items()}


def _seconds_by_severity(table: _Table) -> dict[Severity, int]:
    return {table.enum(key, Severity, key): table.whole(key, value) for key, value in table.raw.items()}


def _ladder(table: _Table) -> dict[Severity, tuple[Step, ...]]:
    ladder: dict[Severity, tuple[Step, ...]] = {}
    for key, rows in table.raw.items():
        if not isinstance(rows, list):
            raise table.error(key, "must be a list of steps")
        steps = [_step(table.inner(f"{key}[{i}]", row)) for i, row in enumerate(rows, 1)]
        if steps != sorted(steps, key=lambda step: step.after_s):
            raise table.error(key, "must be in order of after_s")
        ladder[table.enum(key, Severity, key)] = tuple(steps)
    return ladder


def _step(table: _Table) -> Step:
    step = Step(
        table.take("channel", str),
        table.seconds("after_s"),
        table.enum("when", Condition, table.take("when", str)),
        table.enum("to", To, table.take("to", str)) if "to" in table.raw else To.SELF,
        _hours(table, "hours") if "hours" in table.raw else None,
    )
    if (step.when is Condition.NOT_OPENED) != (step.to is To.DEPUTY):
        raise table.error("when", "must be not_opened for the deputy, and for nobody else")
    if step.to in (To.LEADER, To.NIGHT_CONTACT) and step.when is not Condition.NO_ANSWER:
        raise table.error("when", f"must be no_answer for a step to the {step.to}")
    table.finish()
    return step


def _quiet(table: _Table) -> Quiet | None:
    if not table.raw:
        return None
    levels = table.take("except_levels", list) if "except_levels" in table.raw else []
    quiet = Quiet(_hours(table, "hours"), frozenset(str(level) for level in levels))
    table.finish()
    return quiet


def _hours(table: _Table, key: str) -> tuple[int, int]:
    """ "22-06": from 22:00 to 05:59 in Japan."""
    said = table.take(key, str)
    first, dash, last = said.partition("-")
    if not dash or not (first.isdigit() and last.isdigit()) or not (int(first) < 24 and int(last) < 24):
        raise table.error(key, f'must be two hours of the day, "22-06", not {said!r}')
    return int(first), int(last)


def _calls(ladder: Mapping[Severity, tuple[Step, ...]], night: Night) -> dict[Severity, tuple[Step, ...]]:
    """The steps to others; those of the night are the same for every severity that asks."""
    calls: dict[Severity, tuple[Step, ...]] = {}
    for severity, steps in ladder.items():
        if severity.asks:
            at_night = [
                Step("any", night.leader_after_s, Condition.NO_ANSWER, to, NIGHT_HOURS)
                for to in (To.LEADER, To.NIGHT_CONTACT)
            ]
            others = [step for step in steps if step.to is not To.SELF]
            calls[severity] = tuple(sorted([*others, *at_night], key=lambda step: step.after_s))
    return calls


def _night(table: _Table) -> Night:
    night = Night(table.seconds("sms_after_s"), table.seconds("leader_after_s"), table.seconds("case_after_s"))
    table.finish()
    return night


def _example(table: _Table) -> Example:
    level = table.take("level", object) if "level" in table.raw else None
    if not isinstance(level, str | int | None) or isinstance(level, bool):
        raise table.error("level", f"must be a text or a number, not {level!r}")
    tier = table.enum("tier", Tier, table.take("tier", str)) if "tier" in table.raw else Tier.NONE
    said = table.take("severity", str)
    severity = None if said == "none" else table.enum("severity", Severity, said)
    zone = "zone" in table.raw and table.take("zone", bool)
    example = Example(table.take("type", str), level, tier, severity, table.take("asks", bool), zone)
    table.finish()
    return example


def _check(table: _Table, rule: Rule, stem: str) -> None:
    """What no single key can show: the keys must agree with each other."""
    if rule.hazard != stem:
        raise table.error("hazard", f"says {rule.hazard!r} but the file is called {stem}.toml")
    of_types = [severity for tiers in rule.tiers_of.values() for severity in tiers.values()]
    if not (rule.levels or rule.tiers or of_types):
        raise table.error("levels", "is empty: this hazard would never tell anybody")
    for severity in {*rule.levels.values(), *rule.tiers.values(), *of_types, *rule.caps.values()}:
        if not rule.ladder.get(severity):
            raise table.error(f"ladder.{severity}", "is missing, but a level gives this severity")
        if severity not in rule.life_s:
            raise table.error(f"life_s.{severity}", "is missing, but a level gives this severity")
        if severity.asks and severity not in rule.case_after_s:
            raise table.error(f"case_after_s.{severity}", "is missing, but people are asked at this severity")
        if severity.asks and not rule.questions:
            raise table.error("questions", f"is empty, but people are asked at {severity}")
    for level in sorted(rule.zone.levels) if rule.zone is not None else ():
        given = rule.levels.get(level)
        if given is None:
            raise table.error("zone.levels", f"names {level!r}, which is not one of the levels")
        if given.asks:
            raise table.error("zone.levels", f"names {level!r}, which is {given}: that is for everybody in the area")
    if list(rule.reminders_s) != sorted(set(rule.reminders_s)):
        raise table.error("reminders_s", "must rise")
