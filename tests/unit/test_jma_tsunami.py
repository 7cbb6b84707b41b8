"""Tsunami telegrams: grades, changes, and when it is over."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from core.model import UNKNOWN_KIND, Change, MessageType, Tier, UnreadableReport
from feeds.sources.jma import parse
from tests.telegrams import area, body, event

FIRST = "20260910221000"


def _of(name: str) -> dict[str, tuple[object, Tier, Change]]:
    return {a.code: (a.level, a.tier, a.change) for a in event(name).areas}


def test_first_warning() -> None:
    assert _of("vtse41_warning.xml") == {
        "760": ("major_warning", Tier.SPECIAL, Change.ISSUED),
        "770": ("warning", Tier.WARNING, Change.ISSUED),
        "740": ("advisory", Tier.ADVISORY, Change.ISSUED),
        "712": ("forecast", Tier.FORECAST, Change.ISSUED),
    }
    first = event("vtse41_warning.xml")
    assert (first.hazard, first.message_type) == ("tsunami", MessageType.ISSUE)
    assert {a.scheme for a in first.areas} == {"jma.tsunami_area"}
    assert first.hypocenter is not None and first.hypocenter.magnitude == 7.4


def test_update_raises_lowers_and_lifts_single_areas() -> None:
    assert _of("vtse41_update.xml") == {
        "760": ("major_warning", Tier.SPECIAL, Change.CONTINUED),
        "770": ("major_warning", Tier.SPECIAL, Change.RAISED),
        "740": ("none", Tier.NONE, Change.LIFTED),
        "712": ("advisory", Tier.ADVISORY, Change.RAISED),
        "751": ("forecast", Tier.FORECAST, Change.LOWERED),
    }
    assert event("vtse41_update.xml").message_type is MessageType.ISSUE
    assert area(event("vtse41_update.xml"), "jma.tsunami_area", "770").last_level == "warning"


def test_a_second_quake_stays_in_the_thread() -> None:
    update = event("vtse41_update.xml")
    assert update.event_ids == ("20260910223000", FIRST)
    assert update.thread == event("vtse41_warning.xml").thread


def test_all_lifted_is_a_lift_even_if_slight_sea_changes_remain() -> None:
    lifted = event("vtse41_lifted.xml")
    assert lifted.message_type is MessageType.LIFT
    assert lifted.valid_until == datetime.fromisoformat("2026-09-11T12:00:00+09:00")
    assert _of("vtse41_lifted.xml")["760"] == ("forecast", Tier.FORECAST, Change.LOWERED)


def test_cancel() -> None:
    cancelled = event("vtse41_cancel.xml")
    assert (cancelled.message_type, cancelled.areas) == (MessageType.CANCEL, ())


@pytest.mark.parametrize(
    ("kind", "level", "tier"),
    [
        ("大津波特別警報", "major_warning", Tier.SPECIAL),
        ("津波警報（新）", "warning", Tier.WARNING),
        ("津波注意報（新）", "advisory", Tier.ADVISORY),
        ("新しいお知らせ", None, Tier.NONE),
    ],
)
def test_an_unknown_kind_takes_what_its_name_says_and_does_not_silence_the_other_coasts(
    kind: str, level: str | None, tier: Tier
) -> None:
    text = body("vtse41_warning.xml").decode()
    start = text.index("<Category>")
    broken = text[:start] + text[start:].replace("大津波警報：発表", kind, 1).replace(">53<", ">99<", 1)
    (changed,) = parse(broken.encode()).events
    assert (area(changed, "jma.tsunami_area", "760").level, area(changed, "jma.tsunami_area", "760").tier) == (
        level,
        tier,
    )
    assert area(changed, "jma.tsunami_area", "770").level == "warning"
    assert changed.notes == (f"{UNKNOWN_KIND}: VTSE41 99 {kind}",)


def test_a_telegram_whose_kinds_say_nothing_is_unreadable() -> None:
    text = re.sub(
        r"<Kind>.*?</Kind>",
        "<Kind><Name>？</Name><Code>99</Code></Kind>",
        body("vtse41_warning.xml").decode(),
        flags=re.S,
    )
    with pytest.raises(UnreadableReport, match="99"):
        parse(text.encode())
