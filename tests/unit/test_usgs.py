"""USGS quakes: one report per revision, facts only, nothing that could be taken for a Japanese intensity."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.model import Event, MessageType, UnreadableReport
from feeds.listing import UnreadableFeed
from feeds.sources.usgs import parse, read_summary
from tests.telegrams import SHARED

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "feeds" / "usgs"
RECORDED = SHARED / "usgs"


def data(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text())


def one(feature: Any) -> Event:
    (only,) = parse(json.dumps(feature).encode()).events
    return only


def test_a_quake_is_facts_without_areas() -> None:
    quake = one(data("feature.json"))
    assert (quake.source, quake.type, quake.hazard, quake.message_type) == (
        "usgs",
        "USGS",
        "earthquake",
        MessageType.ISSUE,
    )
    assert quake.areas == () and quake.polygons == ()
    assert quake.thread == "usgs:at00zzzzzz"
    assert quake.event_ids == ("at00zzzzzz", "us7000zzzz")
    assert quake.occurred_at == datetime(2026, 8, 31, 18, 15, 20, tzinfo=UTC)
    assert quake.issued_at > quake.occurred_at
    assert quake.hypocenter is not None
    assert (quake.hypocenter.lat, quake.hypocenter.lon, quake.hypocenter.depth_km) == (32.74, 130.79, 9.5)
    assert quake.hypocenter.magnitude == 6.4


def test_its_own_intensities_and_tsunami_flag_are_left_out() -> None:
    quake = one(data("feature.json"))
    assert "8.0" not in quake.text and "7.1" not in quake.text
    assert "tsunami" not in quake.text.lower()


def test_a_deleted_quake_withdraws_its_facts_in_the_same_thread() -> None:
    first, gone = one(data("feature.json")), one(data("feature_deleted.json"))
    assert gone.message_type is MessageType.CANCEL
    assert gone.thread == first.thread  # though the preferred id changed
    assert gone.hypocenter is not None and gone.hypocenter.magnitude is None


def test_each_revision_has_its_key() -> None:
    summary = data("summary.json")
    (item,) = read_summary(json.dumps(summary).encode(), "").items
    assert item.key == "usgs:us7000zzyb@1788200990040"
    summary["features"][1]["properties"]["updated"] += 1
    (later,) = read_summary(json.dumps(summary, indent=3).encode(), "").items
    assert later.key != item.key
    summary["features"][1]["properties"]["updated"] -= 1
    (same,) = read_summary(json.dumps(summary, indent=3).encode(), "").items
    assert (same.key, same.body) == (item.key, item.body)  # canonical: spacing does not matter


def test_a_summary_says_when_it_was_made_and_hides_nothing_behind_a_damaged_feature() -> None:
    summary = data("summary.json")
    summary["features"].insert(0, {"type": "Feature", "properties": {"type": "earthquake"}})
    listing = read_summary(json.dumps(summary).encode(), "")
    assert len(listing.items) == 1 and len(listing.problems) == 1
    assert listing.made_at == datetime(2026, 8, 31, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"<html/>", b'{"type":"FeatureCollection"}', b'{"features":[]}'])
def test_what_is_no_summary_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableFeed):
        read_summary(body, "")


def test_other_events_and_other_places_are_ignored_with_a_reason() -> None:
    blast = parse((SAMPLES / "quarry_blast.json").read_bytes())
    assert blast.events == () and blast.ignored == "quarry blast: not an earthquake"
    far = data("feature.json")
    far["geometry"]["coordinates"] = [-120.0, 35.0, 8]
    assert parse(json.dumps(far).encode()).ignored == "not near Japan"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"properties": None}, "no properties"),
        ({"geometry": None}, "no coordinates"),
        ({"geometry": {"coordinates": [1]}}, "no coordinates"),
        ({"type": "Point"}, "neither a Feature"),
    ],
)
def test_what_is_missing_is_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UnreadableReport, match=says):
        parse(json.dumps(data("feature.json") | change).encode())


@pytest.mark.parametrize("value", [None, "soon", True, 1e300, -1e300])
def test_times_are_times(value: Any) -> None:
    feature = data("feature.json")
    feature["properties"]["updated"] = value
    with pytest.raises(UnreadableReport, match="updated"):
        parse(json.dumps(feature).encode())


@pytest.mark.skipif(not RECORDED.exists(), reason=f"the recorded answers are not here: {SHARED}")
def test_recorded_answers() -> None:
    first = parse((RECORDED / "event_first.json").read_bytes()).events[0]
    updated = parse((RECORDED / "event_updated.json").read_bytes()).events[0]
    assert set(first.event_ids) < set(updated.event_ids)  # it is found again by its ids
    assert first.issued_at < updated.issued_at
    tohoku = parse((RECORDED / "fdsn_query_tohoku2011.json").read_bytes()).events[0]
    assert tohoku.hypocenter is not None and tohoku.hypocenter.magnitude == 9.1
    assert len(tohoku.event_ids) == 7
    assert read_summary((RECORDED / "summary_feed_synthetic_empty.json").read_bytes(), "").items == ()
    assert parse((RECORDED / "fdsn_query_small.json").read_bytes()).events == ()  # magnitude null, far away
