"""Any permutation and duplication of a thread's reports ends in the same state and the same people told.

Reports arrive late, twice, in any order. What a person stands at in the end is what the newest report says of their
place: told of that severity, or nothing in force; whoever was told of more hears that it is over or was wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.decision import Geography
from core.model import Area, AreaCode, Change, Event, Level, MessageType, Severity, Status
from tests.alerts_kit import KUMAMOTO, NOON, RULES, city, quake, rain, region, warned
from tests.decide_world import World

TOWNS = ("4344300", "4344200", "4310200", "4343300")
COASTS = ("740", "712", "731")
QUAKE_ID = "20261120115800"

GEO = Geography(
    cities_of=lambda code: TOWNS if code == KUMAMOTO else (),
    office_of=lambda scheme, code: "430000" if code.startswith("43") else None,
)
#: One person in each town and on each coast; towns lie in the office's region and in the quake area.
HOMES = {
    **{
        f"p{code}": frozenset(
            {AreaCode("jma.city", code), AreaCode("jma.quake_area", KUMAMOTO), AreaCode("jma.office", "430000")}
        )
        for code in TOWNS
    },
    **{f"c{code}": frozenset({AreaCode("jma.tsunami_area", code)}) for code in COASTS},
}
INTENSITIES = ("3", "4", "5-", "5+", "6-", "6+", "7")
GRADES = ("none", "forecast", "advisory", "warning", "major_warning")
LAST = NOON + timedelta(minutes=9)


def minutes(n: int) -> timedelta:
    return timedelta(minutes=n)


@st.composite
def shaking(draw: st.DrawFn) -> list[Event]:
    """VXSE53 after VXSE53: towns come in, figures move up and down, some have not been received; 訂正 and 取消."""
    events: list[Event] = []
    named: dict[str, tuple[Level, bool]] = {}
    for n in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["issue", "issue", "issue", "correct", "cancel"])) if n else "issue"
        if kind == "cancel":
            named = {}
            events.append(quake(at=NOON + minutes(n), message=MessageType.CANCEL, serial=str(n), id=QUAKE_ID))
            continue
        keep = {} if kind == "correct" else dict(named)
        fresh = draw(st.dictionaries(st.sampled_from(TOWNS), st.sampled_from((*INTENSITIES, "?")), min_size=1))
        named = keep | {code: ("5-" if said == "?" else said, said == "?") for code, said in fresh.items()}
        # The area's maximum is at least that of its towns; unreceived ones may hide more.
        top = max((level for level, _ in named.values()), key=lambda level: ("0", *INTENSITIES).index(str(level)))
        areas = [city(code, level, not_received=silent) for code, (level, silent) in sorted(named.items())]
        message = MessageType.CORRECT if kind == "correct" else MessageType.ISSUE if n == 0 else MessageType.UPDATE
        events.append(
            quake(
                region(top),
                *areas,
                at=NOON + minutes(n),
                message=message,
                serial=str(n + 1),
                id=QUAKE_ID,
                occurred_at=NOON - minutes(2),
            )
        )
    return events


@st.composite
def waves(draw: st.DrawFn) -> list[Event]:
    """VTSE41: a snapshot of the coasts; a second quake may add its id; empty serials."""
    events = []
    for n in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["issue", "issue", "issue", "correct", "cancel"])) if n else "issue"
        ids = (QUAKE_ID, "20261120120100") if n and draw(st.booleans()) else (QUAKE_ID,)
        said = draw(st.dictionaries(st.sampled_from(COASTS), st.sampled_from(GRADES), min_size=1))
        areas = tuple(
            Area("jma.tsunami_area", c, c, level=g, change=Change.LIFTED if g == "none" else Change.NONE)
            for c, g in sorted(said.items())
        )
        message = {"issue": MessageType.ISSUE, "correct": MessageType.CORRECT, "cancel": MessageType.CANCEL}[kind]
        if kind == "issue" and all(level in ("none", "forecast") for level in said.values()):
            message = MessageType.LIFT
        event = quake(
            *(() if kind == "cancel" else areas),
            type="VTSE41",
            hazard="tsunami",
            at=NOON + minutes(n),
            message=message,
            serial="",
            id=QUAKE_ID,
        )
        events.append(replace(event, event_ids=ids))
    return events


@st.composite
def weather(draw: st.DrawFn) -> list[Event]:
    """VPWW55: snapshots with empty serials; a town that is left out has nothing in force."""
    events = []
    for n in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["issue"] * 5 + ["correct", "cancel"])) if n else "issue"
        said = draw(st.dictionaries(st.sampled_from(TOWNS), st.sampled_from([0, 2, 3, 4, 5])))
        areas = tuple(warned(code, level) for code, level in sorted(said.items()))
        message = {"issue": MessageType.ISSUE, "correct": MessageType.CORRECT, "cancel": MessageType.CANCEL}[kind]
        if kind == "issue" and areas and not any(said.values()):
            message = MessageType.LIFT
        events.append(rain(*(() if kind == "cancel" else areas), at=NOON + minutes(n), message=message))
    return events


@st.composite
def river(draw: st.DrawFn) -> list[Event]:
    """VXKO of one section: towns at their gauges' levels, or the short form that names only the region."""
    events = []
    for n in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["issue"] * 5 + ["correct", "cancel"])) if n else "issue"
        if draw(st.integers(0, 4)) == 0:
            level = draw(st.sampled_from([0, 2, 3, 4, 5]))
            change = Change.LIFTED if level == 0 else Change.ISSUED
            areas: tuple[Area, ...] = (Area("jma.office", "430000", "熊本県", level=level, change=change),)
        else:
            said = draw(st.dictionaries(st.sampled_from(TOWNS), st.sampled_from([0, 2, 3, 4, 5]), min_size=1))
            areas = tuple(warned(code, level) for code, level in sorted(said.items()))
        message = {"issue": MessageType.ISSUE, "correct": MessageType.CORRECT, "cancel": MessageType.CANCEL}[kind]
        if kind == "issue" and all(area.change is Change.LIFTED for area in areas):
            message = MessageType.LIFT
        events.append(
            rain(
                *(() if kind == "cancel" else areas),
                at=NOON + minutes(n),
                message=message,
                type="VXKO",
                hazard="river_flood",
                serial=str(n + 1),
            )
        )
    return events


@st.composite
def shuffled(draw: st.DrawFn, sequence: st.SearchStrategy[list[Event]]) -> tuple[list[Event], list[Event]]:
    """(a sequence in its order, the same in any order, with some reports twice)."""
    events = draw(sequence)
    twice = draw(st.lists(st.sampled_from(events), max_size=2))
    return events, draw(st.permutations([*events, *twice]))


def world() -> World:
    return World(HOMES, GEO)


def by_the_newest(events: Sequence[Event]) -> dict[tuple[str, str], Severity]:
    """What everybody stands at when only the newest report is heard."""
    only = world()
    only.hear(max(events, key=lambda e: e.order), now=LAST)
    return only.stands()


def same_in_any_order(events: list[Event], arrived: list[Event]) -> None:
    in_order, any_order, waiting, twice_waiting = world(), world(), world(), world()
    in_order.hear(*events, now=LAST)
    any_order.hear(*arrived, now=LAST)
    waiting.hear_together(events, LAST)
    twice_waiting.hear_together(arrived, LAST)
    expected = by_the_newest(events)
    for one in (in_order, any_order, waiting, twice_waiting):
        assert one.stands() == expected
        assert one.in_force() == in_order.in_force()
        assert len({incident.key for incident in one.incidents}) == len(one.incidents) <= 1
    assert twice_waiting.told_people() == waiting.told_people()
    assert [t[:4] for t in twice_waiting.told] == [t[:4] for t in waiting.told]
    nothing_superseded_is_told(any_order)


def nothing_superseded_is_told(one: World) -> None:
    """No message speaks of a report that a newer one, already decided, had replaced."""
    decided: list[Event] = []
    at = {id(event): n for n, (event, _) in reversed(list(enumerate(one.decided)))}
    for person, *_, event in one.told:
        decided = [e for e, _ in one.decided[: at[id(event)]] if e.thread == event.thread]
        assert all(e.order <= event.order for e in decided), person


SOME = settings(max_examples=40, deadline=None, derandomize=True)


@SOME
@given(shuffled(shaking()))
def test_an_earthquakes_reports(case: tuple[list[Event], list[Event]]) -> None:
    same_in_any_order(*case)


@SOME
@given(shuffled(waves()))
def test_a_tsunamis_reports(case: tuple[list[Event], list[Event]]) -> None:
    same_in_any_order(*case)


@SOME
@given(shuffled(weather()))
def test_snapshots_of_the_weather(case: tuple[list[Event], list[Event]]) -> None:
    same_in_any_order(*case)


@SOME
@given(shuffled(river()))
def test_a_rivers_reports(case: tuple[list[Event], list[Event]]) -> None:
    same_in_any_order(*case)


@SOME
@given(st.data())
def test_two_rivers_of_one_town(data: st.DataObject) -> None:
    """Each river's reports in any order: nobody hears that it is over while the other one still warns their town."""
    one = data.draw(river())
    other = [replace(e, thread=f"{e.thread}:other") for e in data.draw(river())]
    # A cancellation or correction speaks for its own river alone: those who were told by it hear it at once.
    calm = [e for e in (*one, *other) if e.message_type not in (MessageType.CANCEL, MessageType.CORRECT)]
    arrived = data.draw(st.permutations(calm))
    any_order = world()
    any_order.hear(*arrived, now=LAST)
    expected: dict[tuple[str, str], Severity] = {}
    for events in ([e for e in calm if e in one], [e for e in calm if e not in one]):
        for who, severity in (by_the_newest(events) if events else {}).items():
            if severity.rank > expected.get(who, Severity.INFO).rank or who not in expected:
                expected[who] = severity
    assert any_order.stands() == expected, told_in(arrived)
    nothing_superseded_is_told(any_order)


def told_in(events: Sequence[Event]) -> list[tuple[str, int, str, dict[str, Level]]]:
    """The reports in a form to read: thread, minute, message type, areas with levels."""
    return [
        (e.thread, (e.issued_at - NOON) // minutes(1), e.message_type.value, {a.code: a.level for a in e.areas})
        for e in events
    ]


@st.composite
def one_quake_from_everywhere(draw: st.DrawFn) -> list[Event]:
    """VXSE51, 52, 53, 61, the relay and the world's catalogue, all about one quake."""
    level = draw(st.sampled_from(["5-", "5+", "6-", "6+", "7"]))
    towns = draw(st.dictionaries(st.sampled_from(TOWNS), st.sampled_from(INTENSITIES), min_size=1))
    began = NOON - minutes(2)
    flash = quake(region(level), type="VXSE51", serial="", at=NOON, occurred_at=None)
    flash = replace(flash, hypocenter=None)
    relayed = replace(
        flash,
        source="p2pquake",
        type="P2P551",
        thread="P2P551:ScalePrompt:202611201158",
        event_ids=("p2pquake:202611201158",),
        occurred_at=began,
        sent_at=NOON + timedelta(seconds=5),
    )
    hypocentre = quake(type="VXSE52", at=NOON + minutes(1), occurred_at=began)
    cities = [city(code, said) for code, said in sorted(towns.items())]
    detailed = quake(region(level), *cities, at=NOON + minutes(2), occurred_at=began)
    revised = quake(type="VXSE61", at=NOON + minutes(6), occurred_at=began)
    catalogue = replace(
        hypocentre,
        source="usgs",
        type="USGS",
        thread="USGS:us7000abcd",
        event_ids=("us7000abcd",),
        occurred_at=began + timedelta(seconds=8),
        issued_at=NOON + minutes(5),
        sent_at=NOON + minutes(5),
    )
    return [flash, relayed, hypocentre, detailed, revised, catalogue]


@SOME
@given(st.data())
def test_all_sources_of_one_quake_make_one_incident(data: st.DataObject) -> None:
    events = data.draw(one_quake_from_everywhere())
    arrived = data.draw(st.permutations(events))
    one, together, other_together = world(), world(), world()
    one.hear(*arrived, now=LAST)
    together.hear_together(events, LAST)
    other_together.hear_together(arrived, LAST)
    assert len(one.incidents) <= 1
    assert [t[:4] for t in together.told] == [t[:4] for t in other_together.told]
    assert together.stands() == other_together.stands()
    # The flash names a whole region: it may have told more, and never harder than severe. Whom the detailed report
    # concerns as hard or harder stands at what that says, whichever came first.
    detailed = next(e for e in events if e.type == "VXSE53")
    for who, severity in by_the_newest([detailed]).items():
        found = one.stands()[who]
        assert found is severity or (found is Severity.SEVERE and severity is Severity.MODERATE)
    assert all(s.rank <= Severity.SEVERE.rank for _, _, s, _, e in one.told if e.type in ("VXSE51", "P2P551"))
    assert not any(e.source == "usgs" or e.type in ("VXSE52", "VXSE61") for *_, e in one.told)


def test_the_relays_item_yields_to_jmas_own() -> None:
    """P2PQuake first: it tells; JMA's reports then join its incident and add only what is worse."""
    began = NOON - minutes(2)
    relayed = replace(
        quake(region("6-"), type="P2P551", serial="", occurred_at=began, id="p2pquake:202611201158"),
        source="p2pquake",
        thread="P2P551:ScalePrompt:202611201158",
        hypocenter=None,
        status=Status.ACTUAL,
    )
    one = world()
    one.hear(relayed)
    assert {(p, s) for p, _, s, *_ in one.told} == {(f"p{code}", Severity.SEVERE) for code in TOWNS}
    one.hear(quake(region("6-"), type="VXSE51", serial="", at=NOON + minutes(1), occurred_at=began))
    assert len(one.told) == len(TOWNS)
    one.hear(quake(region("6-"), city(TOWNS[0], "6-"), *(city(t, "4") for t in TOWNS[1:]), at=NOON + minutes(2)))
    assert [(p, s) for p, _, s, *_ in one.told[len(TOWNS) :]] == [(f"p{TOWNS[0]}", Severity.EXTREME)]
    assert len(one.incidents) == 1
    # JMA cancels: also those whom only the relay had told hear it.
    one.hear(quake(at=NOON + minutes(3), message=MessageType.CANCEL))
    assert one.stands() == {}


def test_a_level_that_came_down_and_rises_again_is_news() -> None:
    one = world()
    for n, level in enumerate([5, 4, 4, 5]):
        one.hear(rain(warned(TOWNS[0], level), at=NOON + minutes(n)))
    assert [severity for _, _, severity, *_ in one.told] == [Severity.EXTREME, Severity.EXTREME]


def test_every_hazard_of_the_sequences_has_a_rule() -> None:
    assert {"earthquake", "tsunami", "heavy_rain", "river_flood"} <= RULES.keys()
