"""USGS earthquakes: a summary in GeoJSON, renewed every minute, with each quake's newest revision.

Source: https://earthquake.usgs.gov/earthquakes/feed/v1.0/geojson.php (public domain, credit asked). A quake near Japan
appears minutes after it; JMA's own reports come first. Nobody is told by it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from core.model import MessageType, Parsed, Status, UnreadableReport
from feeds.feed import Feed, Stream
from feeds.listing import Item, Listing, UnreadableFeed
from feeds.untrusted import canonical_json, parse_json
from feeds.usgs import quake


def parse(body: bytes) -> Parsed:
    """What one feature says, or a whole summary. Raises UnreadableReport with one sentence."""
    data = parse_json(body)
    features = _features(data) if _type(data) == "FeatureCollection" else [data]
    if _type(data) not in ("Feature", "FeatureCollection"):
        raise UnreadableReport("USGS: neither a Feature nor a FeatureCollection")
    reasons = [quake.why_not(feature) for feature in features]
    events = tuple(quake.parse_feature(feature) for feature, why in zip(features, reasons, strict=True) if why is None)
    ignored = None
    if not events:
        ignored = (
            reasons[0] if len(reasons) == 1 else f"none of its {len(reasons)} features is an earthquake near Japan"
        )
    first = events[0] if events else None
    return Parsed(
        source="usgs",
        type=quake.TYPE,
        title=first.headline if first else "",
        status=Status.ACTUAL if first else Status.UNKNOWN,
        message_type=first.message_type if first else MessageType.ISSUE,
        reported_at=first.issued_at if first else None,
        events=events,
        ignored=ignored,
    )


def recognises(body: bytes) -> bool:
    """Whether it is GeoJSON with the properties of a USGS quake."""
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{" or b'"Feature' not in body:
        return False
    return b'"updated"' in body or b'"features"' in body


def read_summary(body: bytes, url: str) -> Listing:
    """The quakes near Japan in a summary, each revision a report of its own. Raises UnreadableFeed."""
    try:
        data = parse_json(body, max_bytes=30_000_000)
        features = _features(data)
    except UnreadableReport as error:
        raise UnreadableFeed(str(error)) from None
    items: list[Item] = []
    problems: list[str] = []
    for feature in features:
        try:
            if quake.why_not(feature) is None:
                items.append(Item(quake.key_of(feature), canonical_json(feature), quake.updated_at(feature)))
        except UnreadableReport as error:
            problems.append(str(error))
    try:
        made_at = quake.millis(data.get("metadata", {}).get("generated"), "metadata.generated")
    except (UnreadableReport, AttributeError):
        made_at = None
    return Listing(items=tuple(items), problems=tuple(problems[:5]), made_at=made_at)


def _type(data: Any) -> str:
    return str(data.get("type")) if isinstance(data, dict) else ""


def _features(data: Any) -> list[Any]:
    found = data.get("features") if isinstance(data, dict) else None
    if _type(data) != "FeatureCollection" or not isinstance(found, list):
        raise UnreadableReport("USGS: not a FeatureCollection with features")
    return found


FEED = Feed(
    name="usgs",
    credit="U.S. Geological Survey",
    parse=parse,
    recognises=recognises,
    base_url=lambda settings: settings.usgs_url,
    # A quake gets more ids with time, and the thread is named after one of them.
    chained=True,
    streams=(
        Stream(
            name="summary",
            path="",
            long_path="",
            every_s=lambda settings: settings.other_every_s,
            reach=timedelta(hours=24),
            # The summary says when it was made: every minute.
            quiet_after=timedelta(hours=3),
            read=read_summary,
        ),
    ),
)
