"""VTSE51 and VTSE52: arrival times and heights are facts, and change no warning."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from core.event_json import event_from_json, event_to_json
from core.model import Change, MessageType, Observation, Tier, UnreadableReport
from feeds.sources.jma import parse
from feeds.store import shifted
from tests.telegrams import body, event


def _at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-09-{clock}:00+09:00")


def test_two_quakes_in_one_telegram() -> None:
    waves = event("vtse51_two_quakes.xml")
    assert (waves.type, waves.hazard, waves.message_type) == ("VTSE51", "tsunami", MessageType.UPDATE)
    assert waves.event_ids == ("20260910223000", "20260910221000")
    # The oldest id names the thread: the warning's as well as the second quake's telegrams keep to it.
    assert waves.thread == "VTSE51:actual:20260910221000"
    place = waves.hypocenter
    assert place is not None
    assert (place.magnitude, place.magnitude_text) == (None, "Ｍ８を超える巨大地震")
    assert waves.occurred_at == _at("10T22:10")


def test_areas_stand_as_the_warning_left_them() -> None:
    # LastKind says 津波なし of a warning that is half an hour old: here it must not look new.
    assert [(a.code, a.level, a.tier, a.change, a.last_level) for a in event("vtse51_two_quakes.xml").areas] == [
        ("760", "major_warning", Tier.SPECIAL, Change.CONTINUED, None),
        ("712", "advisory", Tier.ADVISORY, Change.CONTINUED, None),
        ("740", "none", Tier.NONE, Change.NONE, None),
    ]


def test_what_gauges_measure_and_coasts_expect() -> None:
    assert event("vtse51_two_quakes.xml").observations == (
        Observation(
            "observed",
            "jma.tide_gauge",
            "76001",
            "日向市細島",
            "760",
            first_at=_at("10T22:31"),
            first="押し",
            height="１．２ｍ（上昇中）",
            height_at=_at("10T22:40"),
        ),
        Observation("observed", "jma.tide_gauge", "76002", "宮崎港", "760", first="第１波識別不能", height="観測中"),
        # A NaN height is a word.
        Observation("forecast", "jma.tsunami_area", "760", "宮崎県", "760", first="津波到達中と推測", height="巨大"),
        Observation("forecast", "jma.tide_gauge", "76002", "宮崎港", "760", first_at=_at("10T22:40")),
        Observation(
            "forecast", "jma.tsunami_area", "712", "有明・八代海", "712", first_at=_at("11T00:10"), height="１ｍ"
        ),
    )


def test_offshore_gauges_belong_to_no_area() -> None:
    offshore = event("vtse52_offshore.xml")
    assert (offshore.type, offshore.areas) == ("VTSE52", ())
    gauge, coast = offshore.observations
    assert (gauge.name, gauge.area, gauge.first, gauge.height) == ("宮崎日向沖", "", "引き", "欠測")
    assert (coast.basis, coast.scheme, coast.code, coast.height) == ("estimated", "jma.coast", "760", "巨大")


def test_cancel_has_no_waves() -> None:
    cancelled = event("vtse51_cancel.xml")
    assert (cancelled.message_type, cancelled.areas, cancelled.observations) == (MessageType.CANCEL, (), ())
    assert cancelled.thread == event("vtse51_two_quakes.xml").thread


def test_a_warning_carries_its_arrival_times_too() -> None:
    assert all(o.basis == "forecast" for o in event("vtse41_warning.xml").observations)


def test_waves_and_notes_survive_the_database() -> None:
    waves = event("vtse51_two_quakes.xml")
    assert event_from_json(event_to_json(waves)) == waves
    stored = event_to_json(waves)
    del stored["observations"], stored["notes"]  # as events before these fields were stored
    assert (event_from_json(stored).observations, event_from_json(stored).notes) == ((), ())


def test_a_replay_moves_the_waves_with_the_quake() -> None:
    waves = event("vtse51_two_quakes.xml")
    day = timedelta(days=1)
    moved = shifted(waves, day)
    assert [o.first_at and o.first_at - day for o in moved.observations] == [o.first_at for o in waves.observations]
    assert moved.observations[0].height_at == _at("11T22:40")
    assert shifted(moved, -day) == waves


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [("22:31:00+09:00", "soon", "ArrivalTime"), ("20260910223000 20260910221000", "", "EventID")],
)
def test_what_is_wrong_is_named(old: str, new: str, says: str) -> None:
    with pytest.raises(UnreadableReport, match=says):
        parse(body("vtse51_two_quakes.xml").decode().replace(old, new).encode())
