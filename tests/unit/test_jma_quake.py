"""Earthquake telegrams: what each says, as tables of our own samples."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from core.model import Change, Event, MessageType, Status, UnreadableReport
from feeds.jma.quake import intensity, position, tokyo_to_wgs84
from feeds.sources.jma import parse
from tests.telegrams import area, body, event, levels, parsed

QUAKE = "20260901031500"


def test_flash_names_wide_areas_only() -> None:
    flash = event("vxse51_flash.xml")
    assert (flash.type, flash.hazard, flash.event_ids) == ("VXSE51", "earthquake", (QUAKE,))
    assert levels(flash, "jma.quake_pref") == {"43": "6-", "44": "4"}
    assert levels(flash, "jma.quake_area") == {"741": "6-", "740": "5-", "753": "4"}
    assert levels(flash, "jma.city") == {}
    assert flash.hypocenter is None


def test_first_full_report() -> None:
    first = event("vxse53_first_not_received.xml")
    assert levels(first, "jma.city") == {
        "4344300": "6-",
        "4310200": "5+",
        "4344200": "5-",
        "4344100": "4",  # written with a blank behind it
        "4321400": "5-",
        "4420400": "4",
    }
    assert first.occurred_at == datetime.fromisoformat("2026-09-01T03:15:00+09:00")
    assert first.issued_at == datetime.fromisoformat("2026-09-01T03:18:00+09:00")
    assert first.sent_at == datetime.fromisoformat("2026-08-31T18:18:40+00:00")
    assert first.comment_codes == ("0215",)
    assert "津波の心配はありません" in first.text
    assert (first.message_type, first.serial) == (MessageType.ISSUE, "1")


def test_a_silent_station_counts_as_five_lower_and_keeps_its_quake_area() -> None:
    kashima = area(event("vxse53_first_not_received.xml"), "jma.city", "4344200")
    assert (kashima.level, kashima.not_received, kashima.parent) == ("5-", True, "741")
    mashiki = area(event("vxse53_first_not_received.xml"), "jma.city", "4344300")
    assert (mashiki.level, mashiki.not_received, mashiki.parent) == ("6-", False, "741")


@pytest.mark.parametrize(
    ("max_int", "expected"),
    [
        ("<MaxInt>4</MaxInt>", ("5-", True)),  # one station reported 4, the other is silent
        ("<MaxInt>5+</MaxInt>", ("5+", False)),  # no silence can make this less
        ("", ("5-", True)),
    ],
)
def test_a_town_with_one_silent_station_of_two(max_int: str, expected: tuple[str, bool]) -> None:
    text = body("vxse53_first_not_received.xml").decode()
    assert text.count("<Condition>震度５弱以上未入電</Condition>") == 1
    text = text.replace("<Condition>震度５弱以上未入電", f"{max_int}<Condition>震度５弱以上未入電")
    kashima = area(parse(text.encode()).events[0], "jma.city", "4344200")
    assert (kashima.level, kashima.not_received) == expected


def test_second_report_says_what_changed() -> None:
    second = event("vxse53_second_revised.xml")
    assert second.message_type is MessageType.UPDATE
    changes = {a.code: (a.level, a.change) for a in second.areas if a.scheme == "jma.city"}
    assert changes == {
        "4344300": ("6+", Change.RAISED),
        "4310200": ("5-", Change.LOWERED),
        "4344200": ("5+", Change.ISSUED),
        "4344100": ("4", Change.NONE),
        "4321400": ("5-", Change.NONE),
    }


def test_revisions_share_a_thread_and_are_ordered() -> None:
    names = ["first_not_received", "second_revised", "correction", "cancel"]
    revisions = [event(f"vxse53_{name}.xml") for name in names]
    assert len({r.thread for r in revisions}) == 1
    assert sorted(reversed(revisions), key=lambda e: e.order) == revisions
    # The flash of the same quake is a matter of its own: cancelling the report does not retract it.
    assert event("vxse51_flash.xml").thread not in {r.thread for r in revisions}


def _at(reported: str, sent: str, serial: str, info: str) -> Event:
    text = body("vxse53_cancel.xml" if info == "取消" else "vxse53_first_not_received.xml").decode()
    text = re.sub(r"<ReportDateTime>[^<]*", f"<ReportDateTime>2026-09-01T{reported}+09:00", text)
    text = re.sub(r"<DateTime>[^<]*", f"<DateTime>2026-08-31T{sent}Z", text, count=1)
    text = re.sub(r"<Serial>[^<]*", f"<Serial>{serial}", text)
    text = re.sub(r"<InfoType>[^<]*", f"<InfoType>{info}", text)
    (only,) = parse(text.encode()).events
    return only


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        # The times decide; the serial only where they are equal.
        (("03:18:00", "18:18:10", "", "発表"), ("03:18:00", "18:18:40", "", "発表")),  # both empty, in one minute
        (("03:18:00", "18:18:40", "9", "発表"), ("03:21:00", "18:21:05", "2", "発表")),  # a wrong number
        (("03:18:00", "18:18:40", "1", "発表"), ("03:18:00", "18:18:40", "2", "発表")),
        (("03:21:00", "18:21:05", "3", "発表"), ("03:21:00", "18:21:05", "3", "取消")),  # it repeats the number
        (("03:21:00", "18:21:05", "3", "発表"), ("03:21:00", "18:21:05", "3", "訂正")),
        (("03:21:00", "18:21:05", "3", "訂正"), ("03:21:00", "18:21:05", "3", "取消")),
        (("03:21:00", "18:21:05", "3", "取消"), ("03:24:00", "18:24:05", "3", "発表")),
    ],
)
def test_order_of_reports_with_empty_or_wrong_serials(older: tuple[str, ...], newer: tuple[str, ...]) -> None:
    assert _at(*older).order < _at(*newer).order
    assert _at(*older).thread == _at(*newer).thread


@pytest.mark.parametrize("name", ["vxse51_cancel.xml", "vxse53_cancel.xml"])
def test_cancellation_has_the_quake_and_no_areas(name: str) -> None:
    cancelled = event(name)
    assert cancelled.message_type is MessageType.CANCEL
    assert cancelled.event_ids == (QUAKE,)
    assert cancelled.areas == ()
    assert cancelled.hypocenter is None
    assert "取り消します" in cancelled.text


def test_correction_replaces() -> None:
    corrected = event("vxse53_correction.xml")
    assert corrected.message_type is MessageType.CORRECT
    assert levels(corrected, "jma.city") == {"4344300": "5+"}


def test_only_control_status_tells_a_drill() -> None:
    drill = parsed("vxse53_exercise.xml")
    assert drill.status is Status.EXERCISE
    assert "訓練" not in drill.events[0].headline + drill.events[0].text
    assert parsed("vxse53_unknown_status.xml").status is Status.UNKNOWN  # a blank in front of 通常


def test_hypocentre_without_areas() -> None:
    located = event("vxse52_hypocentre.xml")
    assert located.areas == ()
    place = located.hypocenter
    assert place is not None
    assert (place.name, place.lat, place.lon, place.depth_km, place.magnitude) == (
        "熊本県熊本地方",
        32.8,
        130.8,
        10.0,
        6.1,
    )


def test_revised_hypocentre_is_taken_in_degrees() -> None:
    place = event("vxse61_revised_hypocentre.xml").hypocenter
    assert place is not None
    assert (place.lat, place.lon, place.depth_km, place.magnitude) == (32.8, 130.8, 10.0, 6.2)


def test_overseas_giant_quake_has_words_instead_of_a_number() -> None:
    overseas = event("vxse53_overseas_nan.xml")
    place = overseas.hypocenter
    assert place is not None
    assert (place.lat, place.lon, place.depth_km) == (-17.2, 178.6, None)
    assert (place.magnitude, place.magnitude_text) == (None, "Ｍ８を超える巨大地震")
    assert overseas.comment_codes == ("0230", "0217", "0256")
    assert overseas.areas == ()


def test_old_datum_is_moved_a_few_hundred_metres() -> None:
    place = event("vxse53_old_datum.xml").hypocenter
    assert place is not None and place.lat is not None and place.lon is not None
    assert (place.lat, place.lon) == tokyo_to_wgs84(32.7, 130.8)
    assert place.lat - 32.7 == pytest.approx(0.0034, abs=2e-4)
    assert place.lon - 130.8 == pytest.approx(-0.0023, abs=2e-4)
    assert place.depth_km == 0.0


def test_datum_origin_of_japan_moves_as_surveyed() -> None:
    # The datum origin in Azabudai, Tokyo: 35 39 17.5148, 139 44 40.5020 in the Tokyo datum; in WGS84 (JGD2000)
    # 35 39 29.1572, 139 44 28.8759 (order of the Survey Act's enforcement, article 2).
    lat, lon = tokyo_to_wgs84(35 + 39 / 60 + 17.5148 / 3600, 139 + 44 / 60 + 40.5020 / 3600)
    assert lat == pytest.approx(35 + 39 / 60 + 29.1572 / 3600, abs=5e-5)  # five metres
    assert lon == pytest.approx(139 + 44 / 60 + 28.8759 / 3600, abs=5e-5)  # five metres


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+32.7+130.8-10000/", (32.7, 130.8, 10.0)),
        ("+30.9+131.1+0/", (30.9, 131.1, 0.0)),
        ("-17.2+178.6-570000/", (-17.2, 178.6, 570.0)),
        ("+39.0+140.9/", (39.0, 140.9, None)),
        ("", (None, None, None)),
        ("+95.0+140.9/", (None, None, None)),
        ("+32.7+190.0/", (None, None, None)),
        ("32.7 130.8", (None, None, None)),
        ("+" + "9" * 400 + "+1/", (None, None, None)),
    ],
)
def test_position(text: str, expected: tuple[float | None, float | None, float | None]) -> None:
    assert position(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", ("7", False)),
        ("5- ", ("5-", False)),
        ("６＋", ("6+", False)),
        ("震度５弱以上未入電", ("5-", True)),
        ("5", (None, False)),
        ("8", (None, False)),
        ("", (None, False)),
    ],
)
def test_intensity(text: str, expected: tuple[str | None, bool]) -> None:
    assert intensity(text) == expected


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (QUAKE, "", "EventID"),
        ("<Code>4344300</Code>", "", "益城町"),
        ("2026-08-31T18:18:40Z", "2026-08-31T18:18:40", "time zone"),
        ("2026-09-01T03:18:00+09:00</Rep", "yesterday</Rep", "ReportDateTime"),
        ("<InfoType>発表</InfoType>", "<InfoType>？</InfoType>", "InfoType"),
        ("body/seismology1", "body/meteorology1", "namespace"),
    ],
)
def test_what_is_missing_is_named(old: str, new: str, says: str) -> None:
    broken = body("vxse53_first_not_received.xml").decode().replace(old, new)
    with pytest.raises(UnreadableReport, match=says):
        parse(broken.encode())
