"""The ladder as data: who else is called and when, last steps, the hours of the night, what waits for the morning."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from alerts.people import consider
from alerts.policy import next_hour, within_hours
from alerts.rules import Condition, RuleError, Step, To, parse_rule
from core.clock import JST
from core.model import Severity
from tests.alerts_kit import NOON, RULES
from tests.fakes import FakeChannel, fake_channels
from tests.unit.test_alert_people import PHONE, PUSH, person, spec

KINDS = fake_channels(FakeChannel("sms"), FakeChannel("push"), FakeChannel("voice")).kinds
MIDNIGHT = NOON + timedelta(hours=12)


def toml(ladder: str) -> str:
    from alerts.rules import RULES as FOLDER

    text = (FOLDER / "earthquake.toml").read_text(encoding="utf-8")
    begin = text.index("severe = [\n")
    return text[:begin] + f"severe = [\n{ladder}\n]\n" + text[text.index("moderate = [\n") :]


@pytest.mark.parametrize("hazard", sorted(RULES))
@pytest.mark.parametrize("severity", [Severity.SEVERE, Severity.EXTREME])
def test_at_night_leader_and_night_contact_by_day_a_deputy_for_a_leader_who_looks_away(
    hazard: str, severity: Severity
) -> None:
    calls = [(s.to, s.after_s, s.when, s.hours) for s in RULES[hazard].calls[severity]]
    assert calls == [
        (To.LEADER, 300, Condition.NO_ANSWER, (22, 6)),
        (To.NIGHT_CONTACT, 300, Condition.NO_ANSWER, (22, 6)),
        (To.DEPUTY, 600, Condition.NOT_OPENED, None),
    ]
    assert all(step.to is To.SELF for step in RULES[hazard].ladder[severity])
    assert set(RULES[hazard].calls) <= {Severity.SEVERE, Severity.EXTREME}, "whoever is not asked is not looked for"


@pytest.mark.parametrize("hazard", sorted(RULES))
def test_the_telephone_rings_last_and_only_at_the_worst(hazard: str) -> None:
    for severity, steps in RULES[hazard].ladder.items():
        voice = [(s.after_s, s.when) for s in steps if s.channel == "voice"]
        assert voice == ([(1200, Condition.NO_ANSWER)] if severity is Severity.EXTREME else []), severity


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ('{ channel = "any", after_s = 0, when = "always", to = "aunt" }', "to says 'aunt'"),
        ('{ channel = "any", after_s = 0, when = "always", to = "leader" }', "must be no_answer"),
        ('{ channel = "any", after_s = 0, when = "no_answer", to = "deputy" }', "must be not_opened"),
        ('{ channel = "sms", after_s = 0, when = "not_opened" }', "must be not_opened for the deputy"),
        ('{ channel = "sms", after_s = 0, when = "always", hours = "night" }', "two hours of the day"),
        ('{ channel = "sms", after_s = 0, when = "always", hours = "22-24" }', "two hours of the day"),
        ('{ channel = "sms", after_s = 0, when = "always", hours = 22 }', "must be a str"),
    ],
)
def test_a_wrong_step_is_told(step: str, problem: str) -> None:
    with pytest.raises(RuleError, match=problem):
        parse_rule(toml(step), "earthquake")


def test_steps_to_others_are_read_beside_those_of_the_night() -> None:
    rule = parse_rule(
        toml('{ channel = "sms", after_s = 0, when = "always", hours = "08-20" },\n'
             '{ channel = "any", after_s = 60, when = "no_answer", to = "leader", hours = "06-22" }'),
        "earthquake",
    )  # fmt: skip
    assert rule.ladder[Severity.SEVERE] == (Step("sms", 0, Condition.ALWAYS, To.SELF, (8, 20)),)
    assert [(s.to, s.after_s) for s in rule.calls[Severity.SEVERE]] == [
        (To.LEADER, 60),
        (To.LEADER, 300),
        (To.NIGHT_CONTACT, 300),
    ]


def test_a_call_goes_over_a_number_that_had_its_sms() -> None:
    found = consider(person(), spec("7"), KINDS)
    assert found is not None
    assert [(m.channel, m.contact_id, m.after_s, m.unless) for m in found.messages] == [
        ("sms", PHONE.id, 0, "never"),
        ("voice", PHONE.id, 1200, "silent"),
    ]
    severe = consider(person(), spec("5+"), KINDS)
    assert severe is not None and [m.channel for m in severe.messages] == ["sms"]


@pytest.mark.parametrize(
    ("hour", "hours", "inside"),
    [
        (21, (22, 6), False),
        (22, (22, 6), True),
        (0, (22, 6), True),
        (5, (22, 6), True),
        (6, (22, 6), False),
        (7, (8, 20), False),
        (8, (8, 20), True),
        (20, (8, 20), False),
    ],
)
def test_hours_are_japans(hour: int, hours: tuple[int, int], inside: bool) -> None:
    assert within_hours(datetime(2026, 11, 20, hour, 30, tzinfo=JST), hours) is inside


def test_the_next_seven_oclock() -> None:
    seven = datetime(2026, 11, 21, 7, 0, tzinfo=JST)
    assert next_hour(datetime(2026, 11, 20, 22, 0, tzinfo=JST), 7) == seven
    assert next_hour(datetime(2026, 11, 21, 6, 59, tzinfo=JST), 7) == seven
    assert next_hour(seven, 7) == seven + timedelta(days=1)


def test_what_asks_nobody_waits_for_the_morning() -> None:
    quiet = RULES["earthquake"].quiet
    found = consider(person(contacts=(PUSH, PHONE)), spec("5-", now=MIDNIGHT, quiet=quiet), KINDS)
    assert found is not None
    assert [(m.channel, m.after_s, m.unless) for m in found.messages] == [("push", 7 * 3600, "digest")]
    by_day = consider(person(contacts=(PUSH, PHONE)), spec("5-", now=NOON, quiet=quiet), KINDS)
    assert by_day is not None and by_day.messages[0].after_s == 0


@pytest.mark.parametrize("level", ["5+", "7"])
def test_what_asks_waits_for_nothing(level: str) -> None:
    quiet = RULES["earthquake"].quiet
    found = consider(person(), spec(level, now=MIDNIGHT, quiet=quiet), KINDS)
    assert found is not None and found.messages[0].after_s == 0 and found.messages[0].unless == "never"


def test_level_3_of_water_does_not_wait_nor_does_a_wave() -> None:
    for hazard in ("heavy_rain", "landslide", "river_flood", "storm_surge"):
        quiet = RULES[hazard].quiet
        assert quiet is not None and quiet.except_levels == {"3"}, hazard
    assert RULES["tsunami"].quiet is None and RULES["tornado"].quiet is None
    assert {hazard for hazard, rule in RULES.items() if rule.quiet and rule.quiet.hours != (22, 7)} == set()
