"""Events with polygons: codes win, polygons are rated by the hazard's rule, and what a person must look at is held."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from alerts.area_json import areas_from_json, areas_to_json
from alerts.decide import decide
from alerts.decision import (
    Act,
    Decision,
    FactsOnly,
    Geography,
    Ignored,
    Known,
    OpenIncident,
    RatedArea,
    Tell,
    ToldAlert,
)
from alerts.people import place_reason
from alerts.polygons import reached_areas
from alerts.rating import codes_of, rate
from core.model import Area, AreaCode, Event, Level, MessageType, Moment, Polygon, Precision, Purpose, Severity
from geo.areas import Areas
from geo.match import PlaceCodes
from geo.reach import reach_of
from geo.shapes import Shapes
from tests.alerts_kit import MASHIKI, NOON, RULES, at, city, quake, rain, region, warned

AREAS, SHAPES = Areas.load(), Shapes.load()


def square(west: float, south: float, size: float) -> dict[str, Any]:
    east, north = west + size, south + size
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


#: Around Mashiki town hall, and a smaller one in it.
AROUND, INNER = square(130.75, 32.73, 0.1), square(130.80, 32.78, 0.02)


def geography(complaint: str | None = None) -> Geography:
    def why_unusable(shapes: Sequence[Mapping[str, Any]]) -> str | None:
        return complaint

    return Geography(lambda code: (), lambda scheme, code: None, why_unusable=why_unusable)


def run(event: Event, known: Known | None = None, complaint: str | None = None) -> Decision:
    now = event.sent_at + timedelta(seconds=5)
    known = known or Known(Purpose.LIVE)
    mine = tuple(replace(alert, thread=alert.thread or event.thread) for alert in known.told)
    return decide(event, RULES.get(event.hazard), replace(known, told=mine), now, geography(complaint))


def flood(*polygons: tuple[dict[str, Any], Level], areas: tuple[Area, ...] = (), **more: Any) -> Event:
    return at(rain(*areas, **more), polygons=tuple(Polygon(*polygon) for polygon in polygons))


def plan_areas(decision: Decision) -> list[tuple[str, str, Level, Severity]]:
    assert isinstance(decision, Act)
    return [(r.area.scheme, r.area.code, r.level, r.severity) for r in decision.alerts[0].areas]


def test_polygons_are_rated_by_the_hazards_rule_worst_first() -> None:
    decision = run(flood((AROUND, 4), (INNER, 5), (AROUND, 2)))
    assert plan_areas(decision) == [("polygon", "1", 5, Severity.EXTREME), ("polygon", "0", 4, Severity.SEVERE)]
    assert isinstance(decision, Act)
    (plan,) = decision.alerts
    assert [r.shape for r in plan.areas] == [INNER, AROUND]
    assert (plan.tell, plan.severity, decision.hold) == (Tell.MATCHED, Severity.EXTREME, None)


def test_a_quake_with_polygons_alone() -> None:
    event = at(quake(), polygons=(Polygon(AROUND, "6-"), Polygon(INNER, "4")))
    assert plan_areas(run(event)) == [("polygon", "0", "6-", Severity.EXTREME)]


@pytest.mark.parametrize("areas", [(warned(MASHIKI, 4),), (warned(MASHIKI, 2),)])
def test_codes_win_even_where_the_polygon_is_worse(areas: tuple[Area, ...]) -> None:
    event = flood((AROUND, 5), areas=areas)
    assert {r.area.scheme for r in rate(event, RULES["heavy_rain"], geography())} <= {"jma.city"}
    # Nor does the guard rail look at polygons that nobody is told by.
    decision = run(event, complaint="far too large")
    assert isinstance(decision, Ignored) or decision == run(event)


def test_areas_without_a_code_that_matches_people_leave_it_to_the_polygons() -> None:
    river = Area("jma.river_section", "890911000100", level=5)
    assert plan_areas(run(flood((AROUND, 4), areas=(river,)))) == [("polygon", "0", 4, Severity.SEVERE)]


@pytest.mark.parametrize(("level", "reason"), [(2, "no area reaches"), (0, "no area reaches"), (None, "no areas, and")])
def test_polygons_below_every_level_tell_nobody(level: Level, reason: str) -> None:
    decision = run(flood((AROUND, level)))
    assert isinstance(decision, Ignored) and reason in decision.reason


def test_a_quake_with_a_polygon_without_level_still_adds_its_facts() -> None:
    incident = OpenIncident(uuid4(), "quake:20261120115800", "earthquake", frozenset({"20261120115800"}), NOON)
    decision = run(at(quake(), polygons=(Polygon(AROUND),)), Known(Purpose.LIVE, (incident,)))
    assert decision == FactsOnly(incident.id)


def test_what_the_guard_rail_refuses_is_held_with_its_reason() -> None:
    decision = run(flood((AROUND, 5)), complaint="they cover half of Japan")
    assert isinstance(decision, Act)
    assert decision.hold == "they cover half of Japan"


def test_polygons_are_held_where_nobody_can_check_them() -> None:
    unwired = Geography(lambda code: (), lambda scheme, code: None)
    decision = decide(flood((AROUND, 5)), RULES["heavy_rain"], Known(Purpose.LIVE), NOON, unwired)
    assert isinstance(decision, Act) and decision.hold == "polygons cannot be checked"


def told_before(event: Event) -> tuple[Known, ToldAlert]:
    first = run(event)
    assert isinstance(first, Act)
    incident = OpenIncident(uuid4(), first.key, event.hazard, frozenset(event.event_ids), event.sent_at)
    alert = ToldAlert(uuid4(), incident.id, Moment.ISSUE, Severity.EXTREME, first.alerts[0].areas)
    return Known(Purpose.LIVE, (incident,), event.order, (alert,)), alert


def test_a_polygon_at_level_zero_is_over_for_those_in_it_alone() -> None:
    known, alert = told_before(flood((AROUND, 5)))
    decision = run(flood((AROUND, 0), (INNER, 5), at=NOON + timedelta(hours=1)), known)
    assert isinstance(decision, Act)
    lowered, lift, update = decision.alerts
    assert lowered.tell is Tell.LOWERED
    assert (lift.moment, lift.tell, lift.of) == (Moment.LIFT, Tell.TOLD_INSIDE, (alert.id,))
    assert [(r.area.code, r.shape) for r in lift.areas] == [("0", AROUND), ("1", INNER)]
    assert (update.moment, [r.area.code for r in update.areas]) == (Moment.UPDATE, ["1"])


@pytest.mark.parametrize(("complaint", "shapes"), [(None, [INNER, AROUND]), ("broken", [AROUND])])
def test_a_lift_reaches_those_told_even_if_its_polygon_is_bad(
    complaint: str | None, shapes: list[dict[str, Any]]
) -> None:
    known, alert = told_before(flood((AROUND, 5)))
    over = flood((INNER, 0), at=NOON + timedelta(hours=1), message=MessageType.LIFT)
    decision = run(over, known, complaint)
    assert isinstance(decision, Act)
    (plan,) = decision.alerts
    assert (plan.tell, plan.of, decision.hold) == (Tell.TOLD, (alert.id,), None)
    assert [r.shape for r in plan.areas] == shapes


def test_a_polygons_number_joins_no_incidents() -> None:
    """Polygon 0 of one report and polygon 0 of the next have nothing in common."""
    assert codes_of(rate(flood((AROUND, 5)), RULES["heavy_rain"], geography())) == frozenset()
    far = OpenIncident(uuid4(), "quake:1", "earthquake", frozenset({"1"}), NOON, frozenset({AreaCode("polygon", "0")}))
    decision = run(at(quake(), polygons=(Polygon(AROUND, "6-"),)), Known(Purpose.LIVE, (far,)))
    assert isinstance(decision, Act) and decision.incident_id is None


def test_an_alert_keeps_its_shapes() -> None:
    rated = (
        RatedArea(Area("polygon", "1", level=5), Severity.EXTREME, shape=INNER),
        RatedArea(city(MASHIKI, 4), Severity.SEVERE),
    )
    stored = json.loads(json.dumps(areas_to_json(rated)))
    assert areas_from_json(stored) == rated
    assert [r.shape for r in areas_from_json(stored)] == [INNER, None]
    assert "shape" not in stored[1]


def place(key: UUID, jis: str, lat: float, lon: float, precision: Precision = Precision.EXACT) -> PlaceCodes:
    return PlaceCodes(key, frozenset(AREAS.codes_for_jis(jis)), lat, lon, precision)


def test_reached_places_are_named_by_municipality_and_keep_the_polygons_level() -> None:
    event = flood((AROUND, 4), (INNER, 5))
    polygons = rate(event, RULES["heavy_rain"], geography())
    reaches = [reach_of(rated.shape or {}, SHAPES) for rated in polygons]
    both, outer, ward = (UUID(int=n) for n in range(3))
    places = [
        place(both, "43443", 32.79, 130.81),
        place(outer, "43443", 32.75, 130.77),
        place(ward, "43102", 32.78, 130.76),
    ]
    inside = {both: (0, 1), outer: (1,), ward: (1,)}
    areas, reached = reached_areas(places, inside, polygons, reaches, SHAPES, AREAS)
    pairs = {
        (key, areas[n].polygon, areas[n].area.code, areas[n].area.name, areas[n].level)
        for key, n in zip(reached.places, reached.areas, strict=True)
    }
    assert pairs == {
        (both, "1", "43443", "益城町", 5),
        (both, "0", "43443", "益城町", 4),
        (outer, "0", "43443", "益城町", 4),
        (ward, "0", "43102", "熊本市東区", 4),
    }
    assert len(areas) == 3  # not one per place: people of one town share their texts


def test_the_reason_names_the_polygon_and_the_municipality() -> None:
    rated = RatedArea(Area("jis", "43443", "益城町", level=5), Severity.EXTREME, polygon="1")
    reason = place_reason(rated)
    assert reason is not None
    wanted = {"scheme": "polygon", "code": "1", "level": 5, "name_ja": "益城町", "municipality": "43443"}
    assert wanted.items() <= reason.items()
    by_code = place_reason(RatedArea(region("6-"), Severity.EXTREME))
    assert by_code is not None and "municipality" not in by_code
