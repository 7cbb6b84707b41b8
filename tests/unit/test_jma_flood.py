"""River flood forecasts: one telegram, several gauges, each municipality by its own."""

from __future__ import annotations

import pytest

from core.model import UNKNOWN_KIND, Change, MessageType, Tier, UnreadableReport
from feeds.jma.flood import kind_level, main_text_level
from feeds.sources.jma import parse
from tests.telegrams import area, body, event, levels


def test_municipalities_take_the_level_of_their_gauge() -> None:
    flood = event("vxko_mixed_levels.xml")
    assert (flood.type, flood.hazard, flood.message_type) == ("VXKO", "river_flood", MessageType.UPDATE)
    assert levels(flood, "jma.city") == {
        "4320300": 5,  # under two gauges: the worse one
        "4350100": 5,
        "4351300": 3,  # its gauge only speaks of level 4 as a possibility
        "4320200": 0,  # its river fell below the advisory mark
        "4350500": 5,  # a gauge without a text of its own: the telegram's level
    }
    assert levels(flood, "jma.gauge") == {"89090900010000011": 5, "89090900010000012": 3, "89090900010000013": 0}
    assert levels(flood, "jma.river_section") == {"890909000101": 5}
    assert levels(flood, "jma.river") == {"8909090001": 5}
    assert area(flood, "jma.city", "4351300").parent == "89090900010000012"
    assert area(flood, "jma.city", "4351300").tier is Tier.WARNING
    assert area(flood, "jma.city", "4320200").change is Change.LIFTED


def test_the_region_stands_in_only_where_no_municipality_is_named() -> None:
    assert levels(event("vxko_mixed_levels.xml"), "jma.office") == {}
    short = event("vxko_short_form.xml")
    assert levels(short, "jma.office") == {"430000": 3}
    assert levels(short, "jma.city") == {}


def test_code_ten_is_lifted_here_though_it_is_level_two_for_rain() -> None:
    lifted = event("vxko_lifted.xml")
    assert lifted.message_type is MessageType.LIFT
    assert {(a.level, a.change) for a in lifted.areas} == {(0, Change.LIFTED)}
    assert set(levels(lifted, "jma.city")) == {"4320300", "4351300"}


def test_all_share_the_thread_of_the_river_section() -> None:
    names = ["vxko_mixed_levels.xml", "vxko_short_form.xml", "vxko_lifted.xml", "vxko_cancel.xml"]
    assert len({event(n).thread for n in names}) == 1
    assert event("vxko_cancel.xml").message_type is MessageType.CANCEL


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("51", (5, Change.ISSUED)),
        ("53", (5, Change.ISSUED)),
        ("40", (4, Change.ISSUED)),
        ("41", (4, Change.CONTINUED)),
        ("30", (3, Change.ISSUED)),
        ("31", (3, Change.CONTINUED)),
        ("20", (2, Change.ISSUED)),
        ("21", (2, Change.CONTINUED)),
        ("22", (2, Change.LOWERED)),
        ("10", (0, Change.LIFTED)),
    ],
)
def test_kinds(code: str, expected: tuple[int, Change]) -> None:
    assert kind_level(code) == expected


@pytest.mark.parametrize("code", ["", "60", "4", "４０", "00"])
def test_unknown_kinds_are_not_guessed(code: str) -> None:
    with pytest.raises(UnreadableReport):
        kind_level(code)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("【警戒レベル４相当】直ちに", 4),
        ("【警戒レベル5】", 5),
        ("今後、警戒レベル4相当となる", None),
        ("「氾濫注意水位」を下回りました", 0),
        ("", None),
    ],
)
def test_main_text(text: str, level: int | None) -> None:
    assert main_text_level(text) == level


def test_a_headline_without_areas_is_unreadable() -> None:
    text = body("vxko_short_form.xml").decode().replace("指定河川洪水予報（", "別の情報（")
    with pytest.raises(UnreadableReport, match="headline"):
        parse(text.encode())


def test_a_river_with_water_level_notices_gives_each_gauge_its_own_kind() -> None:
    notice = event("vxsu_levels.xml")
    assert (notice.type, notice.hazard, notice.message_type) == ("VXSU", "river_flood", MessageType.ISSUE)
    # The municipality's code here, not the gauge's: a part of Yatsushiro, which is split since 2026.
    assert levels(notice, "jma.city") == {"4320212": 4, "4321300": 2}
    assert levels(notice, "jma.gauge") == {"890100010000001": 4, "890100010000002": 2}
    assert area(notice, "jma.city", "4321300").parent == "890100010000002"
    assert event("vxsu_lifted.xml").message_type is MessageType.LIFT
    assert event("vxsu_lifted.xml").thread == notice.thread


@pytest.mark.parametrize(
    ("name", "level"),
    [("レベル５氾濫緊急特別警報", 5), ("レベル４氾濫危険警報", 4), ("氾濫特別警報", 5), ("氾濫注意報解除", 0)],
)
def test_an_unknown_kind_is_read_by_its_name_and_noted(name: str, level: int) -> None:
    text = body("vxko_short_form.xml").decode()
    kind = event("vxko_short_form.xml").areas[0]
    text = text.replace(f"<Name>{kind.kind}</Name>", f"<Name>{name}</Name>").replace(
        f"<Code>{kind.kind_code}</Code>", "<Code>77</Code>"
    )
    (changed,) = parse(text.encode()).events
    assert {a.level for a in changed.areas} == {level}
    assert changed.notes == (f"{UNKNOWN_KIND}: VXKO 77 {name}",)
