"""One person, one alert: tables of who is told, of what, over which ways."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from alerts.channel import ChannelKind
from alerts.decision import RatedArea, Tell
from alerts.people import Contact, Person, Spec, Standing, consider, on_shift, reason_of
from core.model import Change, Level, Moment, Severity
from tests.alerts_kit import NOON, RULES, city
from tests.fakes import FakeChannel, fake_channels

KINDS: Mapping[str, ChannelKind] = fake_channels(FakeChannel("sms"), FakeChannel("push")).kinds
NIGHT = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)

PHONE = Contact(uuid4(), "phone", proven=False)
PROVEN_PHONE = Contact(uuid4(), "phone", proven=True)
PUSH = Contact(uuid4(), "push", proven=True)
NEW_PUSH = Contact(uuid4(), "push", proven=False)

SEVERITY = {"7": Severity.EXTREME, "6-": Severity.EXTREME, "5+": Severity.SEVERE, "5-": Severity.MODERATE}


def areas(*levels: str) -> tuple[RatedArea, ...]:
    return tuple(RatedArea(city(f"43{n:05d}", level), SEVERITY[level]) for n, level in enumerate(levels))


def spec(*levels: str, **changes: Any) -> Spec:
    rule = RULES["earthquake"]
    values: dict[str, Any] = {
        "moment": Moment.ISSUE,
        "hazard": "earthquake",
        "tell": Tell.MATCHED,
        "severity": Severity.EXTREME,
        "areas": areas(*levels),
        "again_if_stronger": False,
        "rise_asks_again": True,
        "ladder": rule.ladder,
        "night": rule.night,
        "now": NOON,
    }
    return Spec(**(values | changes))


def person(**changes: Any) -> Person:
    values: dict[str, Any] = {
        "id": UUID(int=1),
        "languages": ("vi", ""),
        "enrolled": True,
        "home": (0,),
        "work": (),
        "contacts": (PHONE,),
    }
    return Person(**(values | changes))


def standing(
    severity: Severity, level: Level, *, over: bool = False, hazard: str = "earthquake", **changes: Any
) -> Standing:
    told = {hazard: {"severity": severity.value, "level": level, "over": over}}
    values: dict[str, Any] = {
        "severity": severity,
        "reason": {"home": None, "work": None, "worse": "home", "told": told},
        "asked_at": NOON - timedelta(minutes=30),
        "asks": 1,
        "answered": False,
    }
    return Standing(**(values | changes))


@pytest.mark.parametrize(
    ("before", "level", "again", "told"),
    [
        (None, "5-", False, True),
        (standing(Severity.SEVERE, "5+"), "6-", False, True),  # raised
        (standing(Severity.EXTREME, "6-"), "7", False, False),  # same quake, same severity
        (standing(Severity.EXTREME, "6-"), "7", True, True),  # a stronger shock
        (standing(Severity.EXTREME, "7"), "7", True, False),  # a shock no stronger
        (standing(Severity.EXTREME, "7"), "5+", True, False),  # a weaker one
        (standing(Severity.EXTREME, "7", over=True), "5+", False, True),  # it was over
        (standing(Severity.EXTREME, "7", hazard="tsunami"), "5+", False, True),  # another hazard
    ],
)
def test_who_hears_of_it(before: Standing | None, level: str, again: bool, told: bool) -> None:
    found = consider(person(standing=before), spec(level, again_if_stronger=again), KINDS)
    assert (found is not None) is told


def test_a_rising_flood_is_news_at_the_same_severity_scale() -> None:
    rain = RatedArea(city("4344300", 5), Severity.EXTREME)
    told = standing(Severity.EXTREME, 4, hazard="heavy_rain")
    flood = spec("7", hazard="heavy_rain", areas=(rain,))
    assert consider(person(standing=told), flood, KINDS) is not None


@pytest.mark.parametrize(
    ("home", "work", "shift", "worse", "severity"),
    [
        ((0,), (), False, "home", Severity.EXTREME),
        ((), (0,), False, "work", Severity.EXTREME),
        ((1,), (0,), False, "work", Severity.EXTREME),
        ((0,), (1,), True, "home", Severity.EXTREME),
        ((1,), (1,), False, "home", Severity.MODERATE),
        ((1,), (1,), True, "work", Severity.MODERATE),
        ((1, 0), (), False, "home", Severity.EXTREME),
    ],
)
def test_the_worse_place_decides(
    home: tuple[int, ...], work: tuple[int, ...], shift: bool, worse: str, severity: Severity
) -> None:
    found = consider(person(home=home, work=work, on_shift=shift), spec("7", "5-"), KINDS)
    assert found is not None and (found.worse, found.severity) == (worse, severity)


@pytest.mark.parametrize(
    ("level", "contacts", "expected"),
    [
        ("7", (PUSH, PHONE), [("push", 0, "never"), ("sms", 0, "never")]),
        ("7", (PHONE,), [("sms", 0, "never")]),
        ("5+", (PUSH, PHONE), [("push", 0, "never"), ("sms", 120, "received")]),
        ("5+", (NEW_PUSH, PHONE), [("push", 0, "never"), ("sms", 0, "never")]),
        ("5+", (PHONE,), [("sms", 0, "never")]),
        ("5+", (PUSH,), [("push", 0, "never")]),
        ("5-", (PUSH, PHONE), [("push", 0, "never")]),
        ("5-", (PHONE,), [("sms", 0, "never")]),
        ("7", (), []),
    ],
)
def test_ladder(level: str, contacts: tuple[Contact, ...], expected: list[tuple[str, int, str]]) -> None:
    found = consider(person(contacts=contacts), spec(level), KINDS)
    assert found is not None
    assert [(m.channel, m.after_s, m.unless) for m in found.messages] == expected
    assert found.reachable is bool(contacts)


ALL_KINDS: Mapping[str, ChannelKind] = fake_channels(*map(FakeChannel, ("sms", "push", "email", "line"))).kinds
MAIL = Contact(uuid4(), "email", proven=False)
LINE = Contact(uuid4(), "line", proven=True)
FREE = Contact(uuid4(), "viber", proven=True)


@pytest.mark.parametrize(
    ("level", "contacts", "expected"),
    [
        # Whoever has nothing but an e-mail is told at once.
        ("7", (MAIL,), [("email", 0, "never")]),
        ("5+", (MAIL, FREE), [("email", 0, "never")]),
        ("5-", (MAIL,), [("email", 0, "never")]),
        ("7", (PHONE, MAIL), [("sms", 0, "never"), ("email", 600, "received")]),
        ("5+", (PUSH, MAIL), [("push", 0, "never"), ("email", 600, "received")]),
        ("7", (PUSH, PHONE, LINE), [("push", 0, "never"), ("sms", 0, "never"), ("line", 0, "never")]),
        ("5+", (LINE,), [("line", 0, "never")]),
        ("5+", (PUSH, LINE), [("push", 0, "never"), ("line", 120, "received")]),
        ("5+", (PHONE, LINE), [("sms", 0, "never"), ("line", 0, "never")]),
        ("5-", (PUSH, PHONE, LINE), [("push", 0, "never"), ("line", 1800, "received")]),
    ],
)
def test_ladder_of_mail_and_line(
    level: str, contacts: tuple[Contact, ...], expected: list[tuple[str, int, str]]
) -> None:
    found = consider(person(contacts=contacts), spec(level), ALL_KINDS)
    assert found is not None and found.reachable
    assert [(m.channel, m.after_s, m.unless) for m in found.messages] == expected


def test_mail_goes_at_once_where_nothing_else_is_configured() -> None:
    found = consider(person(contacts=(PHONE, MAIL)), spec("7"), {"email": ALL_KINDS["email"]})
    assert found is not None and [(m.channel, m.after_s) for m in found.messages] == [("email", 0)]


def test_at_night_a_seen_notification_is_not_an_answer() -> None:
    found = consider(person(contacts=(PUSH, PHONE)), spec("5+", now=NIGHT), KINDS)
    assert found is not None
    assert [(m.channel, m.after_s, m.unless) for m in found.messages] == [
        ("push", 0, "never"),
        ("sms", 120, "answered"),
    ]


def test_one_number_of_several_the_proven_one() -> None:
    found = consider(person(contacts=(PHONE, PROVEN_PHONE)), spec("7"), KINDS)
    assert found is not None and [m.contact_id for m in found.messages] == [PROVEN_PHONE.id]


@pytest.mark.parametrize(("level", "told"), [("7", True), ("5+", True), ("5-", False)])
def test_invited_people_hear_only_of_serious_things(level: str, told: bool) -> None:
    assert (consider(person(enrolled=False), spec(level), KINDS) is not None) is told


def test_cancellation_goes_the_way_the_message_went() -> None:
    cancel = spec("7", moment=Moment.CANCEL, tell=Tell.TOLD)
    got = person(
        contacts=(PUSH, PHONE), reached=frozenset({PHONE.id}), standing=standing(Severity.EXTREME, "7"), home=()
    )
    found = consider(got, cancel, KINDS)
    assert found is not None and not found.asked
    assert [m.channel for m in found.messages] == ["sms"]
    assert reason_of(found, cancel)["told"]["earthquake"] == {"severity": "extreme", "level": "7", "over": True}
    again = person(standing=standing(Severity.EXTREME, "7", over=True))
    assert consider(again, cancel, KINDS) is None


def test_correction_reaches_those_whose_first_message_never_left() -> None:
    correct = spec("7", moment=Moment.CORRECT, tell=Tell.TOLD)
    found = consider(person(standing=standing(Severity.EXTREME, "6-")), correct, KINDS)
    assert found is not None and [m.channel for m in found.messages] == ["sms"]


def test_lift_spares_people_with_a_place_that_is_still_warned() -> None:
    lifted = RatedArea(city("4300000", 4, change=Change.LIFTED), Severity.INFO)
    warned = RatedArea(city("4300001", 4), Severity.SEVERE)
    lift = spec("7", hazard="heavy_rain", moment=Moment.LIFT, tell=Tell.TOLD_INSIDE, areas=(lifted, warned))
    told = standing(Severity.SEVERE, 4, hazard="heavy_rain")
    assert consider(person(home=(0,), standing=told), lift, KINDS) is not None
    assert consider(person(home=(0,), work=(1,), standing=told), lift, KINDS) is None
    assert consider(person(home=(), standing=told), lift, KINDS) is None


@pytest.mark.parametrize(
    ("before", "told"),
    [
        (standing(Severity.EXTREME, "7"), True),
        (standing(Severity.EXTREME, "7", answered=True), False),
        (standing(Severity.EXTREME, "7", asks=5), False),
        (standing(Severity.EXTREME, "7", over=True), False),
        (None, False),
    ],
)
def test_reminder_goes_to_the_silent(before: Standing | None, told: bool) -> None:
    remind = spec("7", moment=Moment.REMINDER, tell=Tell.SILENT)
    assert (consider(person(standing=before), remind, KINDS) is not None) is told


@pytest.mark.parametrize(
    ("text", "hour", "expected"),
    [
        ("22:00-06:00", 23, True),
        ("22:00-06:00", 5, True),
        ("22:00-06:00", 6, False),
        ("8:30〜17:30", 12, True),
        ("8:30-17:30 22:00-06:00", 2, True),
        ("night", 23, False),
        ("", 12, False),
    ],
)
def test_known_shifts(text: str, hour: int, expected: bool) -> None:
    at = datetime(2026, 11, 20, hour, 0, tzinfo=UTC) - timedelta(hours=9)
    assert on_shift(text, at) is expected
