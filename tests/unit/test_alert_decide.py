"""Decision tables: what an event means, given what is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

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
from alerts.joining import quake_of
from alerts.rating import rate
from core.model import Area, AreaCode, Change, Event, MessageType, Moment, Purpose, Severity, Status
from tests.alerts_kit import (
    HIGASHI_KU,
    KASHIMA,
    KUMAMOTO,
    MASHIKI,
    NOON,
    RULES,
    at,
    city,
    quake,
    rain,
    region,
    tsunami,
    warned,
)

GEO = Geography(
    cities_of=lambda code: (MASHIKI, KASHIMA, HIGASHI_KU) if code == KUMAMOTO else (),
    office_of=lambda scheme, code: "430000" if code.startswith("43") else None,
)
NOTHING = Known(Purpose.LIVE)
ID = "20261120115800"


def run(event: Event, known: Known = NOTHING, late: timedelta = timedelta(seconds=5)) -> Decision:
    mine = tuple(replace(alert, thread=alert.thread or event.thread) for alert in known.told)
    return decide(event, RULES.get(event.hazard), replace(known, told=mine), event.sent_at + late, GEO)


def open_quake(**changes: object) -> OpenIncident:
    values: dict[str, object] = {
        "id": uuid4(),
        "key": f"quake:{ID}",
        "hazard": "earthquake",
        "event_ids": frozenset({ID}),
        "last_round_at": NOON,
        "codes": frozenset({AreaCode("jma.quake_area", KUMAMOTO), AreaCode("jma.city", MASHIKI)}),
    }
    return OpenIncident(**(values | changes))  # type: ignore[arg-type]


def told(
    incident: OpenIncident, severity: Severity = Severity.EXTREME, moment: Moment = Moment.ISSUE, *areas: Area
) -> ToldAlert:
    rated = tuple(RatedArea(area, severity) for area in areas or (city(MASHIKI, "7"),))
    return ToldAlert(uuid4(), incident.id, moment, severity, rated)


@pytest.mark.parametrize(
    ("level", "type", "severity"),
    [
        ("7", "VXSE53", Severity.EXTREME),
        ("6-", "VXSE53", Severity.EXTREME),
        ("5+", "VXSE53", Severity.SEVERE),
        ("5-", "VXSE53", Severity.MODERATE),
        ("4", "VXSE53", None),
    ],
)
def test_severity_of_a_city(level: str, type: str, severity: Severity | None) -> None:
    decision = run(quake(region("4"), city(MASHIKI, level), type=type))
    if severity is None:
        assert isinstance(decision, Ignored)
    else:
        assert isinstance(decision, Act)
        (plan,) = decision.alerts
        assert (plan.severity, plan.moment, plan.tell) == (severity, Moment.ISSUE, Tell.MATCHED)
        assert (decision.key, decision.incident_id, decision.hold) == (f"quake:{ID}", None, None)


def test_flash_report_gives_at_most_severe_and_matches_by_quake_area() -> None:
    decision = run(quake(region("7"), type="VXSE51", serial=""))
    assert isinstance(decision, Act)
    (plan,) = decision.alerts
    assert plan.severity is Severity.SEVERE
    assert [(r.area.scheme, r.area.code) for r in plan.areas] == [("jma.quake_area", KUMAMOTO)]


def test_silent_and_missing_towns_count_with_the_maximum_of_their_area() -> None:
    event = quake(region("6+"), city(MASHIKI, "6+"), city(KASHIMA, "5-", not_received=True))
    found = {r.area.code: r for r in rate(event, RULES["earthquake"], GEO)}
    assert {code: r.severity for code, r in found.items()} == dict.fromkeys(
        (MASHIKI, KASHIMA, HIGASHI_KU), Severity.EXTREME
    )
    assert (found[KASHIMA].area.level, found[KASHIMA].area_max, found[KASHIMA].announced) == ("5-", "6+", True)
    assert (found[HIGASHI_KU].area_max, found[HIGASHI_KU].announced) == ("6+", False)
    assert found[MASHIKI].area_max is None


def test_a_missing_town_is_not_lifted_where_its_area_stayed_below() -> None:
    found = rate(quake(region("4"), city(MASHIKI, "5-")), RULES["earthquake"], GEO)
    assert [r.area.code for r in found] == [MASHIKI]


def test_a_town_with_its_own_figure_keeps_it() -> None:
    found = {
        r.area.code: r.severity
        for r in rate(
            quake(region("7"), city(MASHIKI, "7"), city(KASHIMA, "4"), city(HIGASHI_KU, "5-")), RULES["earthquake"], GEO
        )
    }
    assert found == {MASHIKI: Severity.EXTREME, HIGASHI_KU: Severity.MODERATE}


@pytest.mark.parametrize("status", [Status.EXERCISE, Status.TEST, Status.UNKNOWN])
def test_only_actual(status: Status) -> None:
    assert isinstance(run(at(quake(region("7"), city(MASHIKI, "7")), status=status)), Ignored)


def test_unknown_hazard() -> None:
    assert run(at(quake(city(MASHIKI, "7")), hazard="meteorite")) == Ignored("no rule for the hazard meteorite")


def test_old_quake_opens_nothing() -> None:
    decision = run(quake(region("7"), city(MASHIKI, "7")), late=timedelta(minutes=31))
    assert isinstance(decision, Ignored) and decision.reason.startswith("too old")


def test_late_figure_joins_the_open_incident() -> None:
    event = quake(region("7"), city(MASHIKI, "7"), occurred_at=NOON - timedelta(minutes=45))
    incident = open_quake()
    assert isinstance(run(event), Ignored)
    decision = run(event, Known(Purpose.LIVE, (incident,)))
    assert isinstance(decision, Act) and decision.incident_id == incident.id


def test_older_than_the_newest_of_its_thread() -> None:
    newer = quake(city(MASHIKI, "7"), at=NOON + timedelta(minutes=1)).order
    decision = run(quake(region("7"), city(MASHIKI, "7")), Known(Purpose.LIVE, newest=newer))
    assert decision == Ignored("superseded by a newer report of the same thread", missed=True)


@pytest.mark.parametrize(("minutes", "held"), [(1, False), (3, True)])
def test_future_is_held(minutes: int, held: bool) -> None:
    decision = run(quake(region("7"), city(MASHIKI, "7")), late=-timedelta(minutes=minutes))
    assert isinstance(decision, Act) and (decision.hold is not None) is held


def test_cancellation_goes_to_those_told() -> None:
    incident = open_quake()
    earlier = told(incident)
    decision = run(quake(message=MessageType.CANCEL), Known(Purpose.LIVE, (incident,), told=(earlier,)))
    assert isinstance(decision, Act)
    (plan,) = decision.alerts
    assert (plan.moment, plan.tell, plan.of, plan.severity) == (
        Moment.CANCEL,
        Tell.TOLD,
        (earlier.id,),
        Severity.EXTREME,
    )
    assert isinstance(run(quake(message=MessageType.CANCEL)), Ignored)


def test_correction_goes_to_those_told_and_then_to_new_people() -> None:
    incident = open_quake()
    earlier = told(incident)
    event = quake(region("4"), city(KASHIMA, "6-"), message=MessageType.CORRECT, serial="2")
    decision = run(event, Known(Purpose.LIVE, (incident,), told=(earlier,)))
    assert isinstance(decision, Act)
    assert [(p.moment, p.tell) for p in decision.alerts] == [
        (Moment.CORRECT, Tell.TOLD),
        (Moment.UPDATE, Tell.MATCHED),
    ]


def test_correction_of_something_we_did_not_send_is_news() -> None:
    decision = run(quake(region("4"), city(MASHIKI, "6-"), message=MessageType.CORRECT))
    assert isinstance(decision, Act)
    assert [p.moment for p in decision.alerts] == [Moment.ISSUE]


def test_second_report_of_the_quake_joins() -> None:
    incident = open_quake()
    decision = run(quake(region("7"), city(MASHIKI, "7")), Known(Purpose.LIVE, (incident,)))
    assert isinstance(decision, Act)
    assert decision.incident_id == incident.id and not decision.alerts[0].again_if_stronger


@pytest.mark.parametrize(
    ("hours", "place", "joins"),
    [(5.9, MASHIKI, True), (6.1, MASHIKI, False), (1, "4020100", False)],
)
def test_aftershock_window(hours: float, place: str, joins: bool) -> None:
    incident = open_quake()
    area = KUMAMOTO if place == MASHIKI else "401"
    event = quake(city(place, "6-", area=area), id="20261120180000", at=NOON + timedelta(hours=hours))
    decision = run(event, Known(Purpose.LIVE, (incident,)))
    assert isinstance(decision, Act)
    assert (decision.incident_id == incident.id) is joins
    if joins:
        assert decision.alerts[0].again_if_stronger


def test_the_detailed_report_of_an_aftershock_counts_its_level_though_its_flash_report_joined_before() -> None:
    at = NOON + timedelta(hours=1)
    detailed = quake(city(MASHIKI, "6+"), id="20261120130000", at=at)
    joined = open_quake(quakes=(quake_of(quake()), quake_of(detailed)), event_ids=frozenset({ID, "20261120130000"}))
    decision = run(detailed, Known(Purpose.LIVE, (joined,)))
    assert isinstance(decision, Act)
    assert decision.incident_id == joined.id and decision.alerts[0].again_if_stronger


@pytest.mark.parametrize("type", ["VXSE52", "VXSE61"])
def test_hypocentre_alone_updates_facts(type: str) -> None:
    incident = open_quake()
    assert run(quake(type=type), Known(Purpose.LIVE, (incident,))) == FactsOnly(incident.id)
    assert isinstance(run(quake(type=type)), Ignored)


def test_tsunami_joins_its_quake() -> None:
    incident = open_quake()
    decision = run(tsunami("major_warning"), Known(Purpose.LIVE, (incident,)))
    assert isinstance(decision, Act)
    assert (decision.incident_id, decision.alerts[0].severity) == (incident.id, Severity.EXTREME)


def test_tsunami_of_another_quake_opens_its_own() -> None:
    decision = run(tsunami("warning", id="20261120200000"), Known(Purpose.LIVE, (open_quake(),)))
    assert isinstance(decision, Act) and decision.incident_id is None


def test_rain_is_one_incident_per_office() -> None:
    first = run(rain(warned(MASHIKI, 4)))
    assert isinstance(first, Act) and first.key == "weather:430000"
    incident = open_quake(key="weather:430000", hazard="heavy_rain", event_ids=frozenset())
    landslide = at(rain(warned(KASHIMA, 4), type="VPWW56"), hazard="landslide")
    second = run(landslide, Known(Purpose.LIVE, (incident,)))
    assert isinstance(second, Act) and second.incident_id == incident.id


def test_partial_lift_goes_to_those_inside_and_the_rest_stays() -> None:
    incident = open_quake(key="weather:430000", hazard="heavy_rain", event_ids=frozenset())
    earlier = told(incident, Severity.SEVERE, Moment.ISSUE, warned(MASHIKI, 4), warned(KASHIMA, 4))
    event = rain(warned(MASHIKI, 4, Change.CONTINUED), warned(KASHIMA, 0))
    decision = run(event, Known(Purpose.LIVE, (incident,), told=(earlier,)))
    assert isinstance(decision, Act)
    lowered, lift, update = decision.alerts
    assert (lift.moment, lift.tell, update.moment) == (Moment.LIFT, Tell.TOLD_INSIDE, Moment.UPDATE)
    # Home is over, work is still warned: that person is told nothing, and stands at what holds at work.
    assert lowered.tell is Tell.LOWERED
    assert {r.area.code: r.severity for r in lift.areas} == {KASHIMA: Severity.INFO, MASHIKI: Severity.SEVERE}


def test_lowered_below_what_we_tell_is_over_for_those_told() -> None:
    incident = open_quake(key="weather:430000", hazard="heavy_rain", event_ids=frozenset())
    earlier = told(incident, Severity.SEVERE, Moment.ISSUE, warned(MASHIKI, 4), warned(KASHIMA, 4))
    event = rain(warned(MASHIKI, 2, Change.LOWERED), warned(KASHIMA, 3, Change.LOWERED))
    decision = run(event, Known(Purpose.LIVE, (incident,), told=(earlier,)))
    assert isinstance(decision, Act)
    lowered, lift, update = decision.alerts
    assert (lift.moment, lowered.tell, update.tell) == (Moment.LIFT, Tell.LOWERED, Tell.MATCHED)
    assert {r.area.code: r.severity for r in lift.areas} == {MASHIKI: Severity.INFO, KASHIMA: Severity.MODERATE}


def test_lift_of_something_we_did_not_send() -> None:
    decision = run(rain(warned(MASHIKI, 0), message=MessageType.LIFT))
    assert decision == Ignored("lifts nothing that we sent")


@pytest.mark.parametrize(("level", "severity"), [(5, Severity.EXTREME), (4, Severity.SEVERE), (3, Severity.MODERATE)])
def test_rain_levels(level: int, severity: Severity) -> None:
    decision = run(rain(warned(MASHIKI, level)))
    assert isinstance(decision, Act) and decision.alerts[0].severity is severity
    assert isinstance(run(rain(warned(MASHIKI, 2))), Ignored)


def test_same_arguments_same_decision() -> None:
    event = quake(region("6+"), city(MASHIKI, "6+"), city(KASHIMA, "5-", not_received=True))
    known = Known(Purpose.LIVE, (open_quake(),))
    assert run(event, known) == run(event, known)
