"""Recorded and official JMA telegrams, where they lie beside the repository: all are read, some known facts hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from feeds.inspect import inspect_file
from tests.telegrams import SHARED

FILES = sorted(SHARED.glob("jma-*/*.xml"))
pytestmark = pytest.mark.skipif(not FILES, reason=f"the recorded telegrams are not here: {SHARED}")


def _read(folder: str, name: str) -> dict[str, Any]:
    shown = inspect_file(SHARED / folder / name)
    assert "error" not in shown, shown
    return shown


def _event(folder: str, name: str) -> dict[str, Any]:
    (event,) = _read(folder, name)["events"]
    found: dict[str, Any] = event
    return found


def _levels(event: dict[str, Any], scheme: str) -> dict[str, Any]:
    return {a["code"]: a["level"] for a in event["areas"] if a["scheme"] == scheme}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_telegram_is_read_or_ignored_with_a_reason(path: Path) -> None:
    shown = inspect_file(path)
    assert "error" not in shown
    assert bool(shown["events"]) != bool(shown["ignored"])


def test_kumamoto_foreshock() -> None:
    event = _event("jma-live-earthquakes", "kumamoto-foreshock-20160414_VXSE53_serial1.xml")
    assert event["event_ids"] == ["20160414212638"]
    cities = {a["code"]: a for a in event["areas"] if a["scheme"] == "jma.city"}
    assert cities["4344300"]["level"] == "7"  # Mashiki, station Miyazono
    assert (cities["4344200"]["level"], cities["4344200"]["not_received"]) == ("5-", True)  # Kashima
    assert cities["4344200"]["parent"] == "741"
    assert cities["4310200"]["level"] == "6-"
    assert _levels(event, "jma.quake_area")["741"] == "7"
    assert [code for code, area in cities.items() if area["not_received"]] == ["4344200"]
    assert event["hypocenter"]["magnitude"] == 6.4
    assert event["issued_at"] == "2016-04-14T21:32:00+09:00"


def test_june_2008_three_reports_then_the_last_is_cancelled() -> None:
    names = [f"32-35_06_0{n}_240613_VXSE53.xml" for n in (3, 4, 5)] + ["32-35_06_06_100915_VXSE53.xml"]
    reports = [_event("jma-official-samples", name) for name in names]
    assert [r["message_type"] for r in reports] == ["issue", "update", "update", "cancel"]
    assert [r["serial"] for r in reports] == ["1", "2", "3", "3"]  # the cancellation repeats its number
    assert len({r["thread"] for r in reports}) == 1
    assert {tuple(r["event_ids"]) for r in reports} == {("20080614084350",)}
    assert reports[3]["areas"] == []


def test_fukui_level_five_reaches_three_towns_only() -> None:
    event = _event("jma-live-2026", "18_00_01_260830_VPWW55_fukui_L5.xml")
    levels = _levels(event, "jma.city")
    assert sorted(code for code, level in levels.items() if level == 5) == sorted(
        a["code"] for a in event["areas"] if a["tier"] == "special"
    )
    assert sorted(levels.values()) == [2, 3, 3, 3, 4, 4, 5, 5, 5]


def test_a_river_rises_to_three_and_is_lifted() -> None:
    raised = _event("jma-live-2026", "vxko_flood_lv3.xml")
    lifted = _event("jma-live-2026", "vxko_flood_cancellation.xml")
    assert _levels(raised, "jma.city") == {"0520100": 3}
    assert _levels(lifted, "jma.city") == {"0520100": 0}
    assert (raised["message_type"], lifted["message_type"]) == ("update", "lift")
    assert raised["thread"] == lifted["thread"]


def test_drills_are_never_actual() -> None:
    assert _read("jma-official-samples", "32-35_01_03_240613_VXSE53.xml")["status"] == "exercise"
    assert _read("jma-official-samples", "32-39_12_02_250206_VTSE41.xml")["status"] == "exercise"
    assert _read("jma-official-samples", "54_01_01_100514_VXSE42.xml")["status"] == "test"
    marked = [p.name for p in FILES if "<Status>訓練</Status>" in p.read_text(encoding="utf-8")]
    assert marked
    for path in FILES:
        if path.name in marked:
            assert inspect_file(path)["status"] == "exercise"
