"""Volcano telegrams: alert levels per municipality, eruptions, and the way down to rest."""

from __future__ import annotations

from datetime import datetime

import pytest

from core.model import UNKNOWN_KIND, Change, MessageType, Tier, UnreadableReport
from feeds.sources.jma import parse
from tests.telegrams import area, body, event, levels


def test_a_town_takes_what_is_asked_of_it_not_what_the_mountain_does() -> None:
    raised = event("vfvo50_level5.xml")
    assert (raised.type, raised.hazard, raised.message_type) == ("VFVO50", "volcano", MessageType.ISSUE)
    assert levels(raised, "jma.volcano") == {"503": 5}
    # Aso evacuates (避難等); its neighbours close the mountain (入山規制等), as they did before.
    assert levels(raised, "jma.city") == {"4321400": 5, "4342800": 3, "4343300": 3}
    assert area(raised, "jma.city", "4321400").tier is Tier.SPECIAL
    assert (area(raised, "jma.city", "4321400").change, area(raised, "jma.city", "4321400").last_level) == (
        Change.RAISED,
        3,
    )
    assert area(raised, "jma.city", "4342800").change is Change.CONTINUED


def test_without_the_block_of_responses_the_level_of_the_volcano_counts() -> None:
    text = body("vfvo50_level5.xml").decode().replace("対象市町村の防災対応等", "別の区分")
    (plain,) = parse(text.encode()).events
    assert levels(plain, "jma.city") == {"4321400": 5, "4342800": 5, "4343300": 5}


def test_level_one_is_rest_and_ends_the_warning() -> None:
    rest = event("vfvo50_lowered_to_rest.xml")
    assert rest.message_type is MessageType.LIFT
    assert {(a.level, a.tier, a.change) for a in rest.areas} == {(1, Tier.NONE, Change.LIFTED)}
    assert rest.thread == event("vfvo50_level5.xml").thread == event("vfvo50_cancel.xml").thread


def test_a_volcano_without_levels_has_its_tier() -> None:
    island = event("vfvo50_without_level.xml")
    assert {(a.scheme, a.code, a.level, a.tier) for a in island.areas} == {
        ("jma.volcano", "599", None, Tier.SPECIAL),
        ("jma.city", "4630400", None, Tier.SPECIAL),
    }


def test_the_flash_informs_towns_without_a_level() -> None:
    flash = event("vfvo56_flash.xml")
    assert {(a.level, a.tier, a.change) for a in flash.areas} == {(None, Tier.WARNING, Change.ISSUED)}
    assert set(levels(flash, "jma.city")) == {"4321400", "4342800", "4343300"}
    assert flash.occurred_at == datetime.fromisoformat("2026-10-20T11:43:00+09:00")
    assert "噴火が発生したもよう" in flash.text


def test_an_observed_eruption_names_no_town() -> None:
    seen = event("vfvo52_eruption.xml")
    assert [(a.scheme, a.code, a.kind, a.tier) for a in seen.areas] == [("jma.volcano", "503", "噴火", Tier.NONE)]
    assert event("vfvo52_stopped.xml").message_type is MessageType.LIFT


@pytest.mark.parametrize("name", ["vfvo50_cancel.xml", "vfvo52_cancel.xml"])
def test_cancel(name: str) -> None:
    cancelled = event(name)
    # A cancelled observation repeats its areas; they are not in force.
    assert (cancelled.message_type, cancelled.areas) == (MessageType.CANCEL, ())
    assert cancelled.event_ids
    assert "取り消します" in cancelled.text


def test_an_unknown_special_kind_is_noted() -> None:
    text = body("vfvo50_without_level.xml").decode().replace("居住地域厳重警戒", "噴火特別警報").replace(">25<", ">97<")
    (found,) = parse(text.encode()).events
    assert found.notes == (f"{UNKNOWN_KIND}: VFVO50 97 噴火特別警報",)
    assert area(found, "jma.volcano", "599").tier is Tier.SPECIAL


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("vfvo50_level5.xml", "（対象火山）", "（別）", "対象火山"),
        ("vfvo50_level5.xml", "<EventID>503<", "<EventID><", "EventID"),
        ("vfvo56_flash.xml", "VolcanoInfo", "Other", "names no volcano"),
        ("vfvo56_flash.xml", "body/volcanology1", "body/seismology1", "namespace"),
    ],
)
def test_what_is_missing_is_named(name: str, old: str, new: str, says: str) -> None:
    with pytest.raises(UnreadableReport, match=says):
        parse(body(name).decode().replace(old, new).encode())
