"""P2PQuake's relay: what its items say in our words, and what it is not believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from core.model import UNKNOWN_KIND, Area, Event, MessageType, Status, Tier, UnreadableReport
from feeds.listing import UnreadableFeed
from feeds.p2pquake.names import Names
from feeds.p2pquake.tsunami import CANCELLED
from feeds.sources.jma import parse as parse_jma
from feeds.sources.p2pquake import FEED, parse, read_frame, read_history
from tests.telegrams import SHARED

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "feeds" / "p2pquake"
RECORDED = sorted((SHARED / "p2pquake-json").glob("*.json"))
TELEGRAMS = sorted(SHARED.glob("jma-*/*VXSE53*.xml"))
S = "{http://xml.kishou.go.jp/jmaxml1/body/seismology1/}"


def body(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def event(name: str) -> Event:
    (only,) = parse(body(name)).events
    return only


def areas(of: Event) -> dict[tuple[str, str], Area]:
    return {(area.scheme, area.code): area for area in of.areas}


def changed(name: str, **fields: Any) -> bytes:
    return json.dumps(json.loads(body(name)) | fields).encode()


def test_a_flash_gives_quake_areas_and_keeps_unknown_names_by_name() -> None:
    flash = event("scale_prompt.json")
    assert (flash.source, flash.type, flash.hazard, flash.status) == ("p2pquake", "P2P551", "earthquake", Status.ACTUAL)
    assert {code: a.level for (_, code), a in areas(flash).items()} == {"741": "6+", "740": "5-"}
    assert flash.hypocenter is None  # -200 and -1 are no place
    assert flash.occurred_at == datetime(2026, 8, 31, 18, 15, tzinfo=UTC)
    assert flash.issued_at == datetime(2026, 8, 31, 18, 16, tzinfo=UTC)
    assert flash.sent_at == datetime(2026, 8, 31, 18, 16, 41, 512_000, tzinfo=UTC)
    assert "熊本県どこか (4)" in flash.text and "熊本県どこか (4)" in flash.notes[0]


def test_stations_become_municipalities_and_silence_counts_as_5_lower() -> None:
    detail = event("detail_not_received.json")
    found = areas(detail)
    assert found[("jma.city", "4310300")].level == "5+"  # Kumamoto Nishi-ku: the stronger of two stations
    mashiki = found[("jma.city", "4344300")]
    assert (mashiki.level, mashiki.not_received, mashiki.parent) == ("5-", True, "741")
    kashima = found[("jma.city", "4344200")]
    assert (kashima.level, kashima.not_received) == ("6+", False)  # a figure above 5-lower beats a silent station
    assert found[("jma.quake_area", "741")].level == "6+"
    assert "架空空港 (3)" in detail.text and "南阿蘇村中松 (99)" in detail.text
    assert "緊急地震速報" in detail.text
    assert detail.hypocenter is not None
    assert (detail.hypocenter.depth_km, detail.hypocenter.magnitude) == (0, 6.5)
    assert not [area for area in detail.areas if area.code.startswith("43214")]  # -1: Aso has no figure


def test_revisions_of_one_quake_share_an_id_and_each_kind_has_its_thread() -> None:
    flash, place, detail = (
        event(n) for n in ("scale_prompt.json", "destination_corrected.json", "detail_not_received.json")
    )
    assert flash.event_ids == place.event_ids == detail.event_ids == ("p2pquake:202609010315",)
    assert len({flash.thread, place.thread, detail.thread}) == 3


def test_a_correction_is_an_update_with_a_note() -> None:
    place = event("destination_corrected.json")
    assert place.message_type is MessageType.UPDATE
    assert "DestinationOnly" in place.notes[0]
    assert place.areas == ()


def test_an_overseas_quake_has_a_place_and_no_figures() -> None:
    far = event("foreign.json")
    assert far.hypocenter is not None
    assert (far.hypocenter.lat, far.hypocenter.depth_km, far.hypocenter.magnitude) == (-20.5, None, None)


def test_tsunami_areas_have_codes_and_grades() -> None:
    wave = event("tsunami.json")
    found = areas(wave)
    assert {code: (a.level, a.tier) for (_, code), a in found.items()} == {
        "712": ("major_warning", Tier.SPECIAL),
        "740": ("advisory", Tier.ADVISORY),
    }
    assert all(scheme == "jma.tsunami_area" for scheme, _ in found)
    assert "長崎県西方 (Unknown)" in wave.text and "どこかの海 (Warning)" in wave.text
    assert wave.headline == "大津波警報"


def test_a_grade_that_nobody_knows_reaches_an_operator() -> None:
    raw = json.loads(body("tsunami.json"))
    raw["areas"][0]["grade"] = "HugeWarning"
    (wave,) = parse(json.dumps(raw).encode()).events
    assert [note for note in wave.notes if note.startswith(UNKNOWN_KIND)] == [
        f"{UNKNOWN_KIND}: tsunami grade HugeWarning"
    ]
    assert "有明・八代海 (HugeWarning)" in wave.text


def test_a_cancelled_tsunami_is_a_note_and_ends_nothing() -> None:
    wave, note = event("tsunami.json"), event("tsunami_cancelled.json")
    assert note.message_type is MessageType.UPDATE
    assert note.areas == ()
    assert note.notes[0].startswith(CANCELLED)
    assert set(wave.event_ids) & set(note.event_ids)  # past midnight, and still the same matter


def test_nothing_it_sends_cancels_lifts_or_corrects() -> None:
    for path in SAMPLES.glob("*.json"):
        for each in parse(path.read_bytes()).events:
            assert each.message_type in (MessageType.ISSUE, MessageType.UPDATE)


@pytest.mark.parametrize("code", [554, 555, 556, 561, 9611, 12345, -1])
def test_other_codes_are_ignored_with_a_reason(code: int) -> None:
    raw = json.dumps({"id": "x", "code": code, "time": "2026/09/01 03:15:59.9"}).encode()
    assert parse(raw).events == ()
    assert parse(raw).ignored
    assert read_frame(raw) is None


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "empty"),
        (b"<html>Bad gateway</html>", "markup"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"[1, 2", "not JSON"),
        (b'{"code": NaN}', "NaN"),
        (b'"551"', "not a JSON object"),
        (b"{}", "code is missing"),
        (b'{"code": true}', "code is missing"),
        (b'{"code": 551}', "issue is missing"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"code": ' + b"9" * 5000 + b"}", "digits"),
        (changed("scale_prompt.json", points={"a": 1}), "points"),
        (changed("scale_prompt.json", time="yesterday"), "time"),
        (changed("tsunami.json", cancelled="no"), "cancelled"),
    ],
)
def test_rubbish_is_refused_in_one_sentence(raw: bytes, says: str) -> None:
    with pytest.raises(UnreadableReport, match=says) as raised:
        parse(raw)
    assert "\n" not in str(raised.value)


def test_the_same_item_has_one_key_over_both_ways() -> None:
    raw = json.loads(body("scale_prompt.json"))
    pushed = {"_id": raw.pop("id"), **raw}
    one = read_frame(body("scale_prompt.json"))
    other = read_frame(json.dumps(pushed).encode())
    assert one is not None and other is not None
    assert one.key == other.key == "p2pquake:68b4a0c1d6f1a00007f00001"


def test_a_history_is_read_past_a_damaged_item() -> None:
    good = json.loads(body("scale_prompt.json"))
    listing = read_history(json.dumps([{"code": "551"}, good, {"code": 555}]).encode(), "")
    assert [item.key for item in listing.items] == ["p2pquake:68b4a0c1d6f1a00007f00001"]
    assert len(listing.problems) == 1
    with pytest.raises(UnreadableFeed, match="list"):
        read_history(b'{"code": 429}', "")


def test_a_list_of_items_is_read_as_one_document() -> None:
    both = json.dumps([json.loads(body("scale_prompt.json")), json.loads(body("peers.json"))]).encode()
    assert [e.type for e in parse(both).events] == ["P2P551"]
    assert parse(b"[]").ignored == "an empty list"


def test_it_waits_for_jma_and_wakes_it() -> None:
    assert FEED.grace.total_seconds() == 60
    assert FEED.wakes == {"jma"}


@pytest.mark.skipif(not RECORDED, reason=f"the recorded items are not here: {SHARED}")
@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_items_are_read(path: Path) -> None:
    parsed = parse(path.read_bytes())
    if path.stem.endswith("VXSE43"):
        assert "early warning" in str(parsed.ignored)
        return
    (only,) = parsed.events
    points = json.loads(path.read_text()).get("points", [])
    if points:
        unknown = only.text.count("; ") + 1 if "コード不明" in only.text else 0
        assert only.areas and unknown < len(points)


@pytest.mark.skipif(not TELEGRAMS, reason=f"the recorded telegrams are not here: {SHARED}")
def test_no_station_of_the_recorded_telegrams_is_put_into_another_municipality() -> None:
    names = Names.load()
    right = unknown = 0
    for path in TELEGRAMS:
        for pref in etree.parse(path).getroot().iter(f"{S}Pref"):
            for city in pref.iter(f"{S}City"):
                code = city.findtext(f"{S}Code") or ""
                for station in city.iter(f"{S}IntensityStation"):
                    found = names.city_of_station(pref.findtext(f"{S}Name") or "", station.findtext(f"{S}Name") or "")
                    if found is None:
                        unknown += 1
                    elif code.endswith("99900") or code == "2213700":
                        continue  # a code from the days of the mergers; 浜松天竜区 has a new one since 2024
                    else:
                        assert found == code, station.findtext(f"{S}Name")
                        right += 1
    assert right > 10_000
    assert unknown < right / 20  # airports, and municipalities that no longer exist


def _same_moment(path: Path, kind: str) -> Path | None:
    """JMA's own telegram of the moment in an item's file name."""
    found = sorted((SHARED / "jma-live-earthquakes").glob(f"{path.stem[:14]}*{kind}*.xml"))
    return found[0] if found else None


PAIRS = [(path, own) for path in RECORDED for kind in ("VXSE53", "VTSE41") if (own := _same_moment(path, kind))]


@pytest.mark.skipif(not PAIRS, reason=f"the recorded items are not here: {SHARED}")
def test_the_relay_says_what_jma_said() -> None:
    """The same report over both ways: the same place, and the same level in every area that the relay names."""
    compared = 0
    for path, own in PAIRS:
        (relayed,) = parse(path.read_bytes()).events
        (original,) = parse_jma(own.read_bytes()).events
        if relayed.hazard != original.hazard or not relayed.areas:
            continue
        theirs = {(a.scheme, a.code): (a.level, a.not_received) for a in original.areas if a.level not in ("none",)}
        for area in relayed.areas:
            if area.code == "2214000":
                continue  # 浜松市天竜区 under its code since 2024; the telegrams of 2021 carry the old one
            assert theirs[(area.scheme, area.code)] == (area.level, area.not_received), (path.name, area)
            compared += 1
        if original.hazard == "tsunami":
            warned = {a.code for a in original.areas if a.level not in ("none", "forecast")}
            assert {a.code for a in relayed.areas} == warned
        elif relayed.hypocenter is not None and original.hypocenter is not None:
            assert relayed.hypocenter.name == original.hypocenter.name
            assert relayed.hypocenter.depth_km == original.hypocenter.depth_km
            assert relayed.hypocenter.magnitude == original.hypocenter.magnitude
    assert compared > 300
