"""Rain, landslide and storm surge warnings with levels (in force since 28 May 2026)."""

from __future__ import annotations

import pytest

from core.model import UNKNOWN_KIND, Change, MessageType, Tier, UnreadableReport
from feeds.jma.kinds import WARNING_LEVEL, WARNING_TIER, is_urgent, level_in_name, tier_in_name
from feeds.sources.jma import parse
from tests.telegrams import area, body, event, levels


def test_every_municipality_has_its_own_level() -> None:
    rain = event("vpww55_heavy_rain_mixed.xml")
    assert rain.hazard == "heavy_rain"
    assert {a.code: (a.level, a.tier, a.change) for a in rain.areas} == {
        "4320300": (5, Tier.SPECIAL, Change.RAISED),
        "4351300": (4, Tier.DANGER, Change.CONTINUED),
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
    assert levels(lifted, "jma.city") == {"4320300": 0, "4351300": 0}
    assert area(lifted, "jma.city", "4351300").last_level == 3


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


def _without_level(name: str) -> dict[str, tuple[str, Tier, Change]]:
    return {a.code: (a.kind, a.tier, a.change) for a in event(name).areas if a.level is None}


def test_storm_has_no_level_but_a_kind() -> None:
    storm = event("vpww58_storm.xml")
    assert (storm.type, storm.hazard, storm.message_type) == ("VPWW58", "storm_wind", MessageType.ISSUE)
    assert _without_level("vpww58_storm.xml") == {
        "4321500": ("暴風特別警報", Tier.SPECIAL, Change.RAISED),
        "4321200": ("暴風警報", Tier.WARNING, Change.RAISED),
        "4321400": ("暴風雪警報、強風注意報", Tier.WARNING, Change.ISSUED),
        "4310000": ("強風注意報", Tier.ADVISORY, Change.LOWERED),
        "4320400": ("強風注意報", Tier.NONE, Change.LIFTED),
    }
    assert len(_without_level("vpww58_storm.xml")) == len(storm.areas)
    assert event("vpww58_lifted.xml").message_type is MessageType.LIFT
    assert event("vpww58_lifted.xml").thread == storm.thread


@pytest.mark.parametrize(
    ("name", "hazard", "tiers"),
    [
        ("vpww59_waves.xml", "high_waves", {"4321500": Tier.WARNING, "4320211": Tier.ADVISORY}),
        ("vpww60_snow.xml", "heavy_snow", {"4321400": Tier.SPECIAL, "4344700": Tier.ADVISORY}),
    ],
)
def test_waves_and_snow(name: str, hazard: str, tiers: dict[str, Tier]) -> None:
    found = event(name)
    assert (found.hazard, {a.code: a.tier for a in found.areas}) == (hazard, tiers)
    assert {a.level for a in found.areas} == {None}


def test_several_advisories_of_a_town_are_one_area_and_what_ended_is_left_out() -> None:
    assert _without_level("vpww61_other.xml") == {
        "4321400": ("雷注意報、濃霧注意報", Tier.ADVISORY, Change.ISSUED),
        "4344700": ("霜注意報", Tier.ADVISORY, Change.CONTINUED),
        "4320300": ("雷注意報", Tier.NONE, Change.LIFTED),
    }
    assert event("vpww61_other.xml").message_type is MessageType.ISSUE


def test_an_unknown_special_warning_keeps_its_level_and_asks_for_an_operator() -> None:
    found = event("vpww55_unknown_kind.xml")
    assert levels(found, "jma.city") == {"4320300": 5, "4351300": 3}
    assert found.notes == (f"{UNKNOWN_KIND}: VPWW55 93 レベル５大雨緊急特別警報",)
    assert event("vpww55_heavy_rain_mixed.xml").notes == ()


@pytest.mark.parametrize(
    ("name", "noted"),
    [
        ("暴風危険警報", True),
        ("暴風緊急情報", True),  # neither a level nor an ending we know: nobody would be told
        ("暴風緊急警報", True),
        ("突風注意報", False),
    ],
)
def test_what_is_noted(name: str, noted: bool) -> None:
    text = (
        body("vpww58_storm.xml").decode().replace("<Name>暴風特別警報</Name><Code>35<", f"<Name>{name}</Name><Code>45<")
    )
    (changed,) = parse(text.encode()).events
    assert bool(changed.notes) is noted
    over = text.replace("<Code>45</Code><Status>発表<", "<Code>45</Code><Status>解除<")
    assert parse(over.encode()).events[0].notes == ()


def test_names_of_kinds() -> None:
    for code, tier in WARNING_TIER.items():
        assert len(code) == 2 and tier in (Tier.SPECIAL, Tier.WARNING, Tier.ADVISORY)
    assert not {code for table in WARNING_LEVEL.values() for code in table} & set(WARNING_TIER)
    assert tier_in_name("") is Tier.NONE
    assert is_urgent("レベル４大雨危険警報") and not is_urgent("大雨警報")


@pytest.mark.parametrize(
    ("title", "region"),
    [
        ("石狩・空知・後志地方雷・濃霧注意報", "石狩・空知・後志地方"),
        ("東京都暴風（雪）警報・注意報", "東京都"),
        ("沖縄本島地方高潮警報・注意報", "沖縄本島地方"),
        ("福井県大雨警報・注意報", "福井県"),
        ("大雨警報・注意報", "熊本県"),  # without a region in the title the Body's first one
    ],
)
def test_the_region_is_the_same_in_every_telegram_of_a_thread(title: str, region: str) -> None:
    text = body("vpww55_heavy_rain_mixed.xml").decode()
    old = event("vpww55_heavy_rain_mixed.xml").thread
    head = text.index("<Head")
    start, end = text.index("<Title>", head), text.index("</Title>", head)
    (renamed,) = parse((text[:start] + f"<Title>{title}" + text[end:]).encode()).events
    assert renamed.thread == old.replace(":熊本県", f":{region}")
