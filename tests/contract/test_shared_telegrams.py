"""Recorded and official JMA telegrams, where they lie beside the repository: all are read, some known facts hold."""

from __future__ import annotations

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


def test_the_towns_of_14_june_2008_where_a_station_stayed_silent() -> None:
    first = _event("jma-official-samples", "32-35_06_03_240613_VXSE53.xml")
    silent = {a["code"]: a["level"] for a in first["areas"] if a["not_received"]}
    # Kanegasaki and Ugo have one station each; Okura has two, and the other one reported 4.
    assert silent == {"0338100": "5-", "0546300": "5-", "0636500": "5-"}


def test_the_tsunami_of_11_march_2011_by_coast() -> None:
    first = _event("jma-official-samples", "32-39_11_02_250206_VTSE41.xml")
    coasts = _levels(first, "jma.tsunami_area")
    assert [code for code, level in coasts.items() if level == "major_warning"] == ["210", "220", "250"]
    assert (first["hypocenter"]["magnitude"], first["hypocenter"]["magnitude_text"]) == (None, "Ｍ８を超える巨大地震")
    raised = _event("jma-official-samples", "32-39_11_06_250206_VTSE41.xml")
    assert [a["code"] for a in raised["areas"] if a["change"] == "raised"] == ["201"]  # Aomori's Pacific coast
    over = _event("jma-official-samples", "32-39_11_13_250206_VTSE41.xml")
    assert (over["message_type"], over["valid_until"]) == ("lift", "2011-03-14T18:00:00+09:00")
    assert len({e["thread"] for e in (first, raised, over)}) == 1


def test_the_tsunami_of_october_2023_grows_and_ends() -> None:
    files = sorted((SHARED / "jma-live-earthquakes").glob("20231009*_VTSE41.xml"))
    events = [_event("jma-live-earthquakes", path.name) for path in files]
    advised = [[a["code"] for a in event["areas"] if a["level"] == "advisory"] for event in events]
    assert advised[0] == ["320", "321"]  # Izu and Ogasawara islands
    assert [len(codes) for codes in advised] == [2, 2, 3, 5, 9, 0]
    assert [event["message_type"] for event in events] == ["issue"] * 5 + ["lift"]
    assert {len(event["event_ids"]) for event in events} == {1}


def test_two_quakes_of_november_2015_in_one_telegram() -> None:
    waves = _event("jma-official-samples", "38-39_02_03_250206_VTSE51.xml")
    assert waves["event_ids"] == ["20151114055157", "20151114061750"]
    assert waves["observations"][0] == {
        "basis": "observed",
        "scheme": "jma.tide_gauge",
        "code": "77203",
        "name": "中之島",
        "area": "772",
        "first_at": "2015-11-14T06:26:00+09:00",
        "first": "押し",
        "height": "０．３ｍ",
        "height_at": "2015-11-14T06:45:00+09:00",
    }
    # Kumamoto's Amakusa coast: 740 here, which is Aso in the quake table.
    assert _levels(waves, "jma.tsunami_area")["740"] == "forecast"


def test_the_parts_of_municipalities_under_a_river() -> None:
    river = _event("jma-official-samples", "91_01_01_241031_VXSUii.xml")
    assert _levels(river, "jma.city") == {"0442101": 2, "0442102": 2, "0442400": 2}


def test_volcanoes_and_their_towns() -> None:
    asama = _event("jma-official-samples", "45_01_01_200522_VFVO50.xml")
    assert _levels(asama, "jma.city") == {"1042500": 3, "2020800": 3, "2032100": 3, "2032300": 3}
    hakone = _event("jma-official-samples", "45_02_01_200522_VFVO50.xml")
    assert (_levels(hakone, "jma.city"), _levels(hakone, "jma.volcano")) == ({"1438200": 5}, {"315": 5})
    ontake = _event("jma-official-samples", "67_01_02_140927_VFVO56.xml")
    assert set(_levels(ontake, "jma.city")) == {"2042900", "2043200", "2120300", "2122000"}


def test_drills_are_never_actual() -> None:
    assert _read("jma-official-samples", "32-35_01_03_240613_VXSE53.xml")["status"] == "exercise"
    assert _read("jma-official-samples", "32-39_12_02_250206_VTSE41.xml")["status"] == "exercise"
    assert _read("jma-official-samples", "54_01_01_100514_VXSE42.xml")["status"] == "test"
    marked = [p.name for p in FILES if "<Status>訓練</Status>" in p.read_text(encoding="utf-8")]
    assert marked
    for path in FILES:
        if path.name in marked:
            assert inspect_file(path)["status"] == "exercise"
