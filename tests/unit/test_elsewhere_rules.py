"""Where somebody is for some hours or days: how long it holds, and what an alert makes of it beside home and work."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from alerts.people import consider, reason_of
from alerts.texts import Texts
from core.clock import JST
from core.i18n import Catalogs
from core.model import Moment, PlaceKind, Purpose, Severity
from registry.elsewhere import LENGTHS, LONGEST_DAYS, TODAY, ElsewhereProblem, ends_at, read_length
from registry.elsewhere_web import read_here
from registry.rows import AddressInput
from tests.unit.test_alert_people import KINDS, person, spec

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=JST)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("", datetime(2026, 11, 21, tzinfo=JST)),
        ("days:1", datetime(2026, 11, 21, tzinfo=JST)),
        ("hours:3", NOON + timedelta(hours=3)),
        ("days:2", datetime(2026, 11, 22, tzinfo=JST)),
        ("days:14", datetime(2026, 12, 4, tzinfo=JST)),
    ],
)
def test_when_it_ends(text: str, ends: datetime) -> None:
    assert ends_at(read_length(text), NOON) == ends


@pytest.mark.parametrize("text", ["days:15", "hours:0", "weeks:1", "days", "days:-1", "tomorrow"])
def test_nothing_else_is_a_length(text: str) -> None:
    with pytest.raises(ElsewhereProblem):
        read_length(text)


def test_the_default_comes_first_and_nothing_is_longer_than_two_weeks() -> None:
    assert LENGTHS[0] == TODAY and len(set(LENGTHS)) == len(LENGTHS)
    assert max(ends_at(length, NOON) - NOON for length in LENGTHS) <= timedelta(days=LONGEST_DAYS)


@pytest.mark.parametrize(
    ("form", "given"),
    [
        ({"postal_code": "810-0001"}, AddressInput("8100001")),
        ({"address": " 福岡市中央区 "}, AddressInput(address="福岡市中央区")),
        ({"lat": "33.59", "lon": "130.4", "postal_code": "810-0001"}, AddressInput(lat=33.59, lon=130.4)),
    ],
)
def test_the_position_of_the_phone_before_what_was_typed(form: dict[str, str], given: AddressInput) -> None:
    assert read_here(form) == given


@pytest.mark.parametrize("form", [{}, {"postal_code": "12"}, {"lat": "x", "lon": "1"}, {"address": "  "}])
def test_no_place(form: dict[str, str]) -> None:
    with pytest.raises(ElsewhereProblem):
        read_here(form)


@pytest.mark.parametrize(
    ("home", "work", "today", "worse", "severity", "only"),
    [
        ((), (), (0,), "today", Severity.EXTREME, True),
        ((1,), (), (0,), "today", Severity.EXTREME, False),
        ((0,), (), (1,), "home", Severity.EXTREME, False),
        ((0,), (0,), (0,), "today", Severity.EXTREME, False),  # they are there now
        ((), (1,), (2,), "work", Severity.SEVERE, False),
    ],
)
def test_the_worst_of_three_places_decides(
    home: tuple[int, ...], work: tuple[int, ...], today: tuple[int, ...], worse: str, severity: Severity, only: bool
) -> None:
    told = consider(person(home=home, work=work, today=today), spec("7", "5+", "5-"), KINDS)
    assert told is not None
    assert (told.worse, told.severity, told.only_today) == (worse, severity, only)
    reason = reason_of(told, spec("7", "5+", "5-"))
    assert reason["worse"] == worse and reason["today"]["code"] == f"43{today[0]:05d}"


@pytest.mark.parametrize(
    ("home", "today", "asked", "reachable"),
    [
        ((0,), (), False, True),  # away: told, not asked, and nobody to look for
        ((), (0,), True, False),  # away from home, and there
        ((0,), (1,), True, False),
        ((0,), (2,), False, True),  # nothing that asks where they are
    ],
)
def test_who_is_away_is_asked_where_they_are(
    home: tuple[int, ...], today: tuple[int, ...], asked: bool, reachable: bool
) -> None:
    told = consider(person(home=home, today=today, away=True, contacts=()), spec("7", "5+", "5-"), KINDS)
    assert told is not None and (told.asked, told.reachable) == (asked, reachable)


def test_without_such_a_place_nothing_changes() -> None:
    told = consider(person(), spec("7"), KINDS)
    assert told is not None and told.today is None and "today" not in reason_of(told, spec("7"))


@pytest.mark.parametrize("lang", Catalogs.load().languages)
def test_the_text_names_it_in_every_language(lang: str) -> None:
    catalogs, alert = Catalogs.load(), spec("7", "5+")
    context = {"questions": ["ok", "help"], "issued_at": NOON.isoformat(), "simulated": False, "source": "jma"}
    texts = Texts(catalogs, lambda scheme, code, lang: f"Town {code}", alert, context, Purpose.LIVE, "Daijobu")
    told = consider(person(home=(1,), today=(0,), languages=(lang, "")), alert, KINDS)
    assert told is not None
    text = texts.of(told, "push").composed
    here = catalogs.say(lang, "alert.where.today", place="")
    assert here.strip(" :：").split("[")[0] in text.body and "Town 4300000" in text.body
    sms = texts.of(told, "sms").composed
    assert "4300000" in sms.body and sms.segments <= 3
    assert {kind.value for kind in PlaceKind} == {"home", "work", "today"} and alert.moment is Moment.ISSUE
