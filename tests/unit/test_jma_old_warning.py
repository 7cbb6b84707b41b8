"""The old warning scheme, read only when it is chosen: one telegram, several hazards."""

from __future__ import annotations

import pytest

from core.model import Change, Event, MessageType, Tier, UnreadableReport
from feeds.sources.jma import parse
from tests.telegrams import body

OLD = body("vpww54_old_scheme.xml").decode()


def _events(text: str = OLD) -> dict[str, Event]:
    events = parse(text.encode(), "old").events
    assert len({event.thread for event in events}) == len(events)
    return {event.hazard: event for event in events}


def _levels(hazard: str) -> dict[str, tuple[object, Change]]:
    return {area.code: (area.level, area.change) for area in _events()[hazard].areas}


def test_rain_and_landslide_are_told_apart_by_condition_and_notes() -> None:
    assert _levels("heavy_rain") == {
        "4320300": (5, Change.RAISED),
        "4351300": (3, Change.ISSUED),
        "4344700": (0, Change.LIFTED),  # goes on for landslides only
        "4321400": (2, Change.ISSUED),
        "4320400": (0, Change.LIFTED),
    }
    assert _levels("landslide") == {
        "4320300": (5, Change.ISSUED),  # the warning before meant inundation
        "4351300": (2, Change.ISSUED),  # 土砂災害注意 in the notes
        "4344700": (3, Change.CONTINUED),
        "4321400": (2, Change.LOWERED),
    }


def test_rivers_and_surge() -> None:
    assert _levels("river_flood") == {"4320300": (3, Change.CONTINUED), "4351300": (2, Change.LOWERED)}
    assert _levels("storm_surge") == {"4321500": (3, Change.ISSUED)}
    assert {a.tier for a in _events()["storm_surge"].areas} == {Tier.WARNING}


def test_both_editions_share_their_threads() -> None:
    second = OLD.replace("気象警報・注意報（Ｈ２７）", "気象特別警報・警報・注意報").replace(
        "熊本県気象警報・注意報", "熊本県気象特別警報・警報・注意報"
    )
    assert {h: e.thread for h, e in _events(second).items()} == {h: e.thread for h, e in _events().items()}
    assert {e.type for e in _events(second).values()} == {"VPWW53"}


def test_a_cancellation_withdraws_every_hazard() -> None:
    cancelled = _events(OLD.replace("<InfoType>発表<", "<InfoType>取消<"))
    assert set(cancelled) == {"heavy_rain", "landslide", "storm_surge", "river_flood"}
    assert {(e.message_type, e.areas) for e in cancelled.values()} == {(MessageType.CANCEL, ())}


def test_the_notice_of_the_transition_raises_nothing() -> None:
    # Every old telegram names 危険警報・氾濫特別警報 in its notice.
    assert all(event.notes == () for event in _events().values())


def test_landslide_alert_is_level_four() -> None:
    (alert,) = parse(body("vxww50_old_landslide.xml"), "old").events
    assert (alert.type, alert.hazard, alert.serial) == ("VXWW50", "landslide", "2")
    assert {a.code: (a.level, a.tier, a.change) for a in alert.areas} == {
        "4320300": (4, Tier.DANGER, Change.ISSUED),
        "4320200": (4, Tier.DANGER, Change.CONTINUED),  # an old area code: Yatsushiro before it was split
        "4344700": (0, Tier.NONE, Change.LIFTED),
    }


@pytest.mark.parametrize(
    ("name", "old", "says"),
    [
        ("vpww54_old_scheme.xml", "（市町村等）", "市町村等"),
        ("vxww50_old_landslide.xml", 'type="土砂災害警戒情報"', "土砂災害警戒情報"),
        ("vxww50_old_landslide.xml", "<EventID>熊本県土砂災害警戒情報</EventID>", "EventID"),
    ],
)
def test_what_is_missing_is_named(name: str, old: str, says: str) -> None:
    with pytest.raises(UnreadableReport, match=says):
        parse(body(name).decode().replace(old, "").encode(), "old")
