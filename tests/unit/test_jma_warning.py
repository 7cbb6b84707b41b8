"""Rain, landslide and storm surge warnings with levels (in force since 28 May 2026)."""

from __future__ import annotations

import pytest

from core.model import Change, MessageType, Tier, UnreadableReport
from feeds.jma.codes import WARNING_LEVEL, level_in_name
from feeds.sources.jma import parse
from tests.telegrams import area, body, event, levels


def test_every_municipality_has_its_own_level() -> None:
    rain = event("vpww55_heavy_rain_mixed.xml")
    assert rain.hazard == "heavy_rain"
    assert {a.code: (a.level, a.tier, a.change) for a in rain.areas} == {
        "4320300": (5, Tier.SPECIAL, Change.RAISED),
        "4351400": (4, Tier.DANGER, Change.CONTINUED),
        "4320200": (4, Tier.DANGER, Change.RAISED),
        "4348200": (3, Tier.WARNING, Change.RAISED),
        "4310000": (2, Tier.ADVISORY, Change.ISSUED),
        "4320500": (3, Tier.WARNING, Change.LOWERED),
        "4321500": (0, Tier.NONE, Change.LIFTED),
    }  # 4321400 has nothing in force: it is no area of the event


def test_wider_blocks_do_not_reach_people_who_are_not_warned() -> None:
    assert {a.scheme for a in event("vpww55_heavy_rain_mixed.xml").areas} == {"jma.city"}


def test_one_lifted_town_does_not_lift_the_rest() -> None:
    assert event("vpww55_heavy_rain_mixed.xml").message_type is MessageType.ISSUE


def test_lift() -> None:
    lifted = event("vpww55_lifted.xml")
    assert lifted.message_type is MessageType.LIFT
    assert levels(lifted, "jma.city") == {"4320300": 0, "4351400": 0}
    assert area(lifted, "jma.city", "4351400").last_level == 3


def test_cancel_finds_its_thread_without_areas() -> None:
    cancelled = event("vpww55_cancel.xml")
    assert (cancelled.message_type, cancelled.areas) == (MessageType.CANCEL, ())
    assert cancelled.thread == event("vpww55_heavy_rain_mixed.xml").thread == event("vpww55_lifted.xml").thread


def test_hazards_of_one_office_are_threads_of_their_own() -> None:
    names = ["vpww55_heavy_rain_mixed.xml", "vpww56_landslide.xml", "vpww57_storm_surge.xml"]
    assert [event(n).hazard for n in names] == ["heavy_rain", "landslide", "storm_surge"]
    assert len({event(n).thread for n in names}) == 3
    assert len({event(n).office for n in names}) == 1


def test_landslide_and_surge_levels() -> None:
    assert levels(event("vpww56_landslide.xml"), "jma.city") == {"4320200": 4, "4344700": 2}
    surge = event("vpww57_storm_surge.xml")
    assert levels(surge, "jma.city") == {"4320200": 4, "4321300": 3}
    assert levels(surge, "jma.surge_section") == {"430101": 4}


def test_levels_agree_with_the_names_jma_gives_them() -> None:
    words = {5: "特別警報", 4: "危険警報", 3: "警報", 2: "注意報"}
    for table in WARNING_LEVEL.values():
        assert sorted(table.values()) == [2, 3, 4, 5]
    for level, word in words.items():
        assert level_in_name(f"大雨{word}") == level
        assert level_in_name(f"レベル{level}高潮{word}") == level


def test_an_unknown_code_is_read_by_its_name() -> None:
    text = body("vpww56_landslide.xml").decode().replace("<Code>49</Code>\n", "<Code>77</Code>\n")
    (changed,) = parse(text.encode()).events
    assert area(changed, "jma.city", "4320200").level == 4


def test_the_municipality_block_must_be_there() -> None:
    text = body("vpww56_landslide.xml").decode().replace("（市町村等）", "（別の区分）")
    with pytest.raises(UnreadableReport, match="市町村等"):
        parse(text.encode())
