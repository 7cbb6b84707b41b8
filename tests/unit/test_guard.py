"""Guard rails: what is held for people, and what is never held; what operators must read."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from alerts.decide import decide
from alerts.decision import (
    Act,
    AlertPlan,
    Decision,
    FactsOnly,
    Geography,
    Ignored,
    Known,
    OpenIncident,
    RatedArea,
    Tell,
)
from alerts.event_store import summary
from alerts.guard import FEW_PEOPLE, must_count, why_held, why_share
from core.model import Area, Event, Moment, Polygon, Purpose, Severity
from tests.alerts_kit import HIGASHI_KU, KASHIMA, KUMAMOTO, MASHIKI, NOON, RULES, at, city, quake, rain, region, warned

GEO = Geography(
    cities_of=lambda code: (MASHIKI, KASHIMA, HIGASHI_KU) if code == KUMAMOTO else (),
    office_of=lambda scheme, code: "430000",
    why_unusable=lambda shapes: None,
)
SQUARE = {"type": "Polygon", "coordinates": [[[130, 32], [131, 32], [131, 33], [130, 33], [130, 32]]]}


def run(event: Event, now: datetime | None = None, known: Known | None = None) -> Decision:
    known = known or Known(Purpose.LIVE)
    return decide(event, RULES.get(event.hazard), known, now or event.sent_at + timedelta(seconds=5), GEO)


def plan(*areas: RatedArea) -> AlertPlan:
    return AlertPlan(Moment.ISSUE, Severity.EXTREME, areas, Tell.MATCHED)


def test_the_main_shock_of_2016_is_never_held_for_its_reach() -> None:
    everywhere = [city(f"43{n:03d}00", "7") for n in range(100, 600)]
    decision = run(quake(region("7"), *everywhere))
    assert isinstance(decision, Act) and decision.hold is None
    assert not must_count(quake(region("7"), *everywhere), decision.alerts)


@pytest.mark.parametrize(
    ("reached", "registry", "held"),
    [(FEW_PEOPLE - 1, FEW_PEOPLE, False), (300, 1000, False), (301, 1000, True), (1000, 1000, True), (0, 0, False)],
)
def test_manual_sends_and_polygons_beyond_a_share(reached: int, registry: int, held: bool) -> None:
    manual = at(rain(warned(MASHIKI, 4)), source="manual", type="MANUAL", thread="manual:1")
    reason = why_share(manual, reached, registry, 0.3)
    assert (reason is not None) is held
    if held:
        assert f"{reached} of {registry} people, more than 30%" in str(reason)


def test_what_is_counted() -> None:
    manual = at(rain(warned(MASHIKI, 4)), source="manual")
    assert must_count(manual, [plan(RatedArea(warned(MASHIKI, 4), Severity.SEVERE))])
    cap = at(rain(), source="cap.other", polygons=(Polygon(SQUARE, "severe"),))
    decision = run(cap)
    assert isinstance(decision, Act) and must_count(cap, decision.alerts)
    assert not must_count(rain(warned(MASHIKI, 4)), [plan(RatedArea(warned(MASHIKI, 4), Severity.SEVERE))])


def test_people_outside_the_telegrams_areas() -> None:
    event = quake(region("6+"), city(MASHIKI, "6+"))
    inside = RatedArea(city(MASHIKI, "6+"), Severity.EXTREME)
    silent = RatedArea(city(KASHIMA, "6+", not_received=True), Severity.EXTREME, "6+", announced=False)
    stray = RatedArea(city("0110000", "6+"), Severity.EXTREME)
    assert why_held(event, [plan(inside, silent)], NOON, GEO) is None
    assert str(why_held(event, [plan(inside, stray)], NOON, GEO)).startswith("outside the telegram: jma.city 0110000")
    unfounded = replace(silent, area=replace(silent.area, parent="999"))
    assert why_held(event, [plan(unfounded)], NOON, GEO) is not None


@pytest.mark.parametrize(("hours", "held"), [(47, False), (49, True)])
def test_an_ancient_warning_waits_for_people(hours: int, held: bool) -> None:
    decision = run(rain(warned(MASHIKI, 4)), NOON + timedelta(hours=hours))
    assert isinstance(decision, Act) and (decision.hold is not None) is held


def test_what_has_ended_by_itself_is_not_sent() -> None:
    ended = at(rain(warned(MASHIKI, 4)), valid_until=NOON + timedelta(hours=1))
    assert isinstance(run(ended, NOON + timedelta(minutes=59)), Act)
    decision = run(ended, NOON + timedelta(minutes=61))
    assert isinstance(decision, Ignored) and decision.missed and decision.reason.startswith("no longer valid")


def test_late_and_superseded_reports_are_missed_only_where_they_would_have_told_somebody() -> None:
    old = quake(region("7"), city(MASHIKI, "7"))
    late = run(old, NOON + timedelta(minutes=45))
    assert isinstance(late, Ignored) and late.missed
    weak = run(quake(region("4"), city(MASHIKI, "4")), NOON + timedelta(minutes=45))
    assert isinstance(weak, Ignored) and not weak.missed
    newer = quake(at=NOON + timedelta(minutes=1)).order
    assert run(old, known=Known(Purpose.LIVE, newest=newer)) == Ignored(
        "superseded by a newer report of the same thread", missed=True
    )


@pytest.mark.parametrize("hazard", ["nankai_trough", "quake_notice", "weather_bulletin"])
def test_information_for_operators(hazard: str) -> None:
    event = at(quake(), hazard=hazard, title="南海トラフ地震臨時情報", headline="調査を開始しました")
    assert run(event) == Ignored(
        "information that tells no resident", operator="南海トラフ地震臨時情報: 調査を開始しました"
    )
    again = Known(Purpose.LIVE, newest=event.order, operator_told=True)
    assert run(event, known=again) == Ignored("the same report again")


def test_a_bulletin_joins_the_weather_of_its_office() -> None:
    bulletin = at(rain(Area("jma.office", "430000")), hazard="weather_bulletin", type="VPBS50", headline="線状降水帯")
    incident = OpenIncident(uuid4(), "weather:430000", "heavy_rain", frozenset(), NOON)
    decision = run(bulletin, known=Known(Purpose.LIVE, (incident,)))
    assert isinstance(decision, FactsOnly)
    assert (decision.incident_id, decision.operator) == (incident.id, "VPBS50: 線状降水帯")


def test_an_unknown_kind_reaches_an_operator_and_what_is_known_is_acted_on() -> None:
    event = at(rain(warned(MASHIKI, 5)), notes=("unknown kind: VPWW55 99 レベル５大雨特別警報改", "something else"))
    decision = run(event)
    assert isinstance(decision, Act)
    assert (decision.hold, decision.alerts[0].severity) == (None, Severity.EXTREME)
    assert decision.operator == "VPWW55 : unknown kind: VPWW55 99 レベル５大雨特別警報改"
    assert isinstance(nothing := run(at(event, areas=())), Ignored) and nothing.operator


def test_one_sentence_for_what_came_too_late() -> None:
    said = summary(Counter({"VXSE53": 13, "VPWW55": 1}), NOON, NOON + timedelta(hours=1), ["熊本県の大雨 (severe)"])
    assert said == (
        "while we were deaf (2026-11-20 12:00 to 11-20 13:00 in Japan): 14 reports (1 VPWW55, 13 VXSE53) came too late "
        "and were sent to nobody; still in force: 熊本県の大雨 (severe)"
    )
    many = summary(Counter({"VPWW55": 1}), NOON, NOON, [f"県{n}の大雨 (severe)" for n in range(20)])
    assert many.endswith("and 12 more") and "1 report (" in many
