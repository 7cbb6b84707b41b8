"""Which reports are of one earthquake, and which incident an event belongs to."""

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
    InForce,
    Known,
    OpenIncident,
    Quake,
    RatedArea,
    Tell,
    ToldAlert,
)
from alerts.incident_facts import facts_with, in_force_from, quakes_from
from alerts.joining import MAX_QUAKES, key_of, quake_of, remember, same_quake
from core.clock import JST
from core.model import Area, AreaCode, Event, Hypocenter, Level, MessageType, Moment, Purpose, Severity
from geo.distance import distance_km
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

ID = "20261120115800"
GEO = Geography(
    cities_of=lambda code: (MASHIKI, KASHIMA, HIGASHI_KU) if code == KUMAMOTO else (),
    office_of=lambda scheme, code: {"43": "430000", "40": "400000"}.get(code[:2]),
)
HERE = AreaCode("jma.quake_area", KUMAMOTO)


def run(event: Event, known: Known) -> Decision:
    return decide(event, RULES.get(event.hazard), known, event.sent_at + timedelta(seconds=5), GEO)


def q(*ids: str, s: float | None = 0, lat: float | None = 32.7, lon: float | None = 130.8, area: bool = False) -> Quake:
    when = None if s is None else NOON + timedelta(seconds=s)
    return Quake(frozenset(ids), when, lat, lon, frozenset({HERE} if area else ()))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (q("20260414212600"), q("20260414212600", s=900, lat=None), True),  # JMA's id decides
        (q("20260414212600"), q("20260414212700", s=60), False),  # two ids of JMA are two quakes
        (q("20260414212600"), q("us7000", s=120), True),
        (q("20260414212600"), q("us7000", s=121), False),
        (q("20260414212600"), q("us7000", lat=33.59), True),  # 99 km
        (q("20260414212600"), q("us7000", lat=33.61), False),  # 101 km
        (q("20260414212600", lat=None, area=True), q("p2pquake:202604142126", lat=None, area=True), True),
        (q("20260414212600", lat=None, area=True), q("p2pquake:202604142126", lat=None), False),
        (q("20260414212600", s=None), q("us7000"), False),  # without a time nothing can be said
        # The relay's id is a minute: two quakes may share it.
        (q("p2pquake:202604142126"), q("p2pquake:202604142126", lat=43.0, lon=145.0), False),
    ],
)
def test_same_quake(one: Quake, other: Quake, same: bool) -> None:
    assert same_quake(one, other) is same
    assert same_quake(other, one) is same


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [((0, 0), (0, 0), 0), ((0, 0), (0, 1), 111.2), ((35, 179.9), (35, -179.9), 18.2), ((90, 0), (-90, 0), 20015.1)],
)
def test_distance(a: tuple[float, float], b: tuple[float, float], km: float) -> None:
    assert distance_km(*a, *b) == pytest.approx(km, abs=0.1)


def test_a_flash_report_has_the_time_of_detection_in_its_id() -> None:
    flash = at(quake(region("6-"), type="VXSE51", occurred_at=None), hypocenter=None)
    found = quake_of(flash)
    assert found.at is not None and found.at.astimezone(JST).strftime("%Y%m%d%H%M%S") == ID
    assert found.codes == {HERE}
    assert quake_of(at(flash, event_ids=("20261399999999",))).at is None


def test_an_incident_remembers_its_quakes_and_jma_knows_best() -> None:
    world = q("us7000", s=8, lat=32.9)
    jma = q("20260414212600", s=0)
    for order in ((world, jma), (jma, world)):
        (found,) = remember(remember((), order[0]), order[1])
        assert (found.ids, found.at, found.lat) == ({"us7000", "20260414212600"}, jma.at, 32.7)
    swarm: tuple[Quake, ...] = ()
    for n in range(300):
        swarm = remember(swarm, q(f"2026041{n:07d}", s=n * 300))
    assert len(swarm) == MAX_QUAKES
    assert (swarm[0].ids, swarm[-1].ids) == ({"20260410000000"}, {"20260410000299"})


def incident_of(
    *events: Event, hazard: str = "earthquake", key: str = f"quake:{ID}", **changes: object
) -> OpenIncident:
    facts: dict[str, object] = {}
    for event in events:
        facts = facts_with(facts, event)
    ids = frozenset(i for event in events for i in event.event_ids)
    incident = OpenIncident(
        uuid4(), key, hazard, ids, NOON, frozenset({HERE}), quakes_from(facts), in_force_from(facts)
    )
    return replace(incident, **changes)  # type: ignore[arg-type]


def usgs(magnitude: float = 7.0, lat: float = 32.8, lon: float = 130.7, s: float = 5, **changes: object) -> Event:
    event = quake(type="USGS", occurred_at=NOON - timedelta(minutes=2) + timedelta(seconds=s))
    return replace(
        event,
        source="usgs",
        thread="USGS:us7000abcd",
        event_ids=("us7000abcd",),
        hypocenter=Hypocenter("Kumamoto-shi, Japan", lat, lon, 10.0, magnitude),
        **changes,  # type: ignore[arg-type]
    )


def test_the_worlds_catalogue_adds_facts_and_never_tells() -> None:
    incident = incident_of(quake(region("7"), city(MASHIKI, "7")))
    assert run(usgs(), Known(Purpose.LIVE, (incident,))) == FactsOnly(incident.id)
    far = run(usgs(lat=43.0, lon=145.0), Known(Purpose.LIVE, (incident,)))
    assert isinstance(far, Ignored) and far.operator.startswith("M7.0 Kumamoto-shi, Japan reported by USGS")


@pytest.mark.parametrize(
    ("event", "known"),
    [
        (usgs(6.4), Known(Purpose.LIVE)),
        (usgs(8.0, lat=-33.0, lon=-72.0), Known(Purpose.LIVE)),  # Chile
        (usgs(), Known(Purpose.LIVE, originals=(q(ID, s=-120),))),  # JMA has it
        (usgs(), Known(Purpose.LIVE, operator_told=True)),  # the next revision of the same quake
        (usgs(message_type=MessageType.CANCEL), Known(Purpose.LIVE)),
    ],
)
def test_when_an_operator_need_not_read_the_catalogue(event: Event, known: Known) -> None:
    decision = run(event, known)
    assert isinstance(decision, Ignored) and decision.operator == ""


def relayed(*areas: Area, **changes: object) -> Event:
    event = quake(*areas, type="P2P551", id="p2pquake:202611201158")
    return replace(event, source="p2pquake", thread="P2P551:DetailScale:202611201158", **changes)  # type: ignore[arg-type]


def test_a_relays_quake_waits_for_jmas_and_is_capped() -> None:
    decision = run(relayed(region("7"), city(MASHIKI, "7")), Known(Purpose.LIVE))
    assert isinstance(decision, Act) and decision.alerts[0].severity is Severity.SEVERE
    known = Known(Purpose.LIVE, originals=(q(ID, s=-120),))
    assert run(relayed(region("7"), city(MASHIKI, "7")), known) == Ignored("JMA's own telegram is here")


@pytest.mark.parametrize("message", [MessageType.CANCEL, MessageType.LIFT])
def test_a_relay_withdraws_nothing(message: MessageType) -> None:
    incident = incident_of(relayed())
    told = ToldAlert(uuid4(), incident.id, Moment.ISSUE, Severity.SEVERE, (), relayed().thread, "p2pquake")
    decision = run(relayed(message_type=message), Known(Purpose.LIVE, (incident,), told=(told,)))
    assert isinstance(decision, Ignored)


def test_jmas_cancellation_also_goes_to_those_whom_the_relay_told() -> None:
    incident = incident_of(relayed(region("6-")))
    told = ToldAlert(uuid4(), incident.id, Moment.ISSUE, Severity.SEVERE, (), relayed().thread, "p2pquake")
    jma = quake(region("6-"), city(MASHIKI, "6-"))
    incident = replace(incident, event_ids=incident.event_ids | {ID})
    decision = run(at(jma, message_type=MessageType.CANCEL, areas=()), Known(Purpose.LIVE, (incident,), told=(told,)))
    assert isinstance(decision, Act)
    assert (decision.alerts[0].moment, decision.alerts[0].of) == (Moment.CANCEL, (told.id,))


def p2p_tsunami(level: Level) -> Event:
    event = tsunami(level, id="p2pquake:tsunami:20261120", occurred_at=None)
    return replace(event, source="p2pquake", type="P2P552", thread="P2P552:20261120", hypocenter=None)


def test_a_relayed_tsunami_joins_the_quake_before_it_and_jmas_warning_joins_both() -> None:
    incident = incident_of(quake(region("7"), city(MASHIKI, "7")))
    decision = run(p2p_tsunami("major_warning"), Known(Purpose.LIVE, (incident,)))
    assert isinstance(decision, Act)
    assert (decision.incident_id, decision.alerts[0].severity) == (incident.id, Severity.SEVERE)
    alone = incident_of(hazard="tsunami", key="quake:p2pquake:tsunami:20261120")
    coast = RatedArea(Area("jma.tsunami_area", "740", level="warning"), Severity.SEVERE)
    alone = replace(alone, in_force={"P2P552:20261120": InForce("tsunami", (coast,), "p2pquake")})
    joined = run(tsunami("major_warning"), Known(Purpose.LIVE, (alone,)))
    assert isinstance(joined, Act) and joined.incident_id == alone.id
    late = Known(Purpose.LIVE, original_tsunami=NOON)
    assert run(p2p_tsunami("warning"), late) == Ignored("JMA's own telegram is here")


def test_a_tsunami_of_two_quakes_joins_either() -> None:
    second = incident_of(quake(region("7"), id="20261120120100"), key="quake:20261120120100")
    both = at(tsunami("warning"), event_ids=(ID, "20261120120100"))
    decision = run(both, Known(Purpose.LIVE, (second,)))
    assert isinstance(decision, Act) and decision.incident_id == second.id


def test_arrival_times_and_heights_tell_nobody() -> None:
    incident = incident_of(quake(region("7"), city(MASHIKI, "7")))
    heights = at(tsunami("major_warning"), type="VTSE51", message_type=MessageType.UPDATE)
    assert run(heights, Known(Purpose.LIVE, (incident,))) == FactsOnly(incident.id)


def test_a_flash_report_says_nothing_after_the_detailed_one() -> None:
    flash = quake(region("6-"), type="VXSE51", serial="")
    newer = quake(city(MASHIKI, "6-"), at=NOON + timedelta(minutes=2)).order
    decision = run(flash, Known(Purpose.LIVE, detailed=newer))
    assert isinstance(decision, Ignored) and decision.reason.startswith("superseded: the detailed report")


def test_keys_of_incidents() -> None:
    river = rain(warned(MASHIKI, 4), warned("4020200", 5), type="VXKO", hazard="river_flood")
    assert key_of(river, GEO) == "weather:400000"  # the lowest office, whichever area is worst
    aso = at(rain(Area("jma.volcano", "503", "阿蘇山", level=4), warned(MASHIKI, 4)), hazard="volcano")
    assert key_of(aso, GEO) == "volcano:503"
    assert key_of(at(aso, areas=(), event_ids=("503_20261120",)), GEO) == "volcano:503"
    cap = at(rain(), source="cap.gdacs", thread="cap.gdacs:FL123", hazard="river_flood")
    assert key_of(cap, GEO) == "cap:cap.gdacs:FL123"
    assert key_of(at(cap, source="manual", thread="manual:1"), GEO) == "manual:1"


def test_the_newest_word_of_the_best_source_stays() -> None:
    early = at(quake(type="VXSE52"), hypocenter=Hypocenter("A", 32.7, 130.8, 10.0, 6.4))
    late = at(
        quake(type="VXSE61", at=NOON + timedelta(minutes=9), occurred_at=NOON - timedelta(minutes=2)),
        hypocenter=Hypocenter("B", 32.7, 130.8, 11.0, 6.5),
    )
    for order in ((early, late, usgs()), (usgs(), late, early), (late, usgs(), early)):
        facts: dict[str, object] = {}
        for event in order:
            facts = facts_with(facts, event)
        assert facts["epicentre"]["name_ja"] == "B"  # type: ignore[index]
        assert len(facts["quakes"]) == 1  # type: ignore[arg-type]


def test_another_river_of_the_town_still_warns() -> None:
    """X is lifted while Y still warns Mashiki: only those outside Y's towns hear that it is over."""
    x = rain(warned(MASHIKI, 0), warned(KASHIMA, 0), type="VXKO", hazard="river_flood", message=MessageType.LIFT)
    rated = tuple(RatedArea(warned(code, 4), Severity.SEVERE) for code in (MASHIKI, KASHIMA))
    says = {
        x.thread: InForce("river_flood", rated, "jma"),
        "VXKO:Y": InForce("river_flood", rated[:1], "jma"),
    }
    incident = incident_of(hazard="river_flood", key="weather:430000", in_force=says)
    told = ToldAlert(uuid4(), incident.id, Moment.ISSUE, Severity.SEVERE, rated, x.thread, "jma")
    decision = run(x, Known(Purpose.LIVE, (incident,), told=(told,)))
    assert isinstance(decision, Act)
    lowered, plan = decision.alerts
    assert (plan.moment, plan.tell, lowered.tell) == (Moment.LIFT, Tell.TOLD_INSIDE, Tell.LOWERED)
    assert [(r.area.code, r.over) for r in plan.areas] == [(MASHIKI, True), (KASHIMA, True), (MASHIKI, False)]


def test_a_later_figure_that_spares_a_town_is_a_correction_for_it() -> None:
    incident = incident_of(quake(region("6+"), city(MASHIKI, "6+")))
    before = (RatedArea(city(MASHIKI, "6+"), Severity.EXTREME), RatedArea(city(KASHIMA, "6+"), Severity.EXTREME))
    first = quake(region("6+"), city(MASHIKI, "6+"))
    told = ToldAlert(uuid4(), incident.id, Moment.ISSUE, Severity.EXTREME, before, first.thread, "jma")
    later = quake(region("6+"), city(MASHIKI, "6+"), city(KASHIMA, "4"), serial="2", at=NOON + timedelta(minutes=3))
    decision = run(later, Known(Purpose.LIVE, (incident,), told=(told,)))
    assert isinstance(decision, Act)
    correct = decision.alerts[1]
    assert (correct.moment, correct.tell, correct.of) == (Moment.CORRECT, Tell.TOLD_INSIDE, (told.id,))
    assert [r.area.code for r in correct.areas if r.over] == [KASHIMA]
