"""Other agencies' alerts in the Common Alerting Protocol: one feed for each name=URL in DAIJOBU_CAP_FEEDS.

Source: OASIS Standard CAP-v1.2. Signatures are tolerated and not verified: what is trusted is the https address that
the operator gave.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

from lxml import etree

from core.model import MessageType, Parsed, Status
from feeds.cap.alert import NotUsed, read_alert
from feeds.cap.event import STATUS, TYPE, events_of
from feeds.cap.index import alerts_in, is_index, read_index
from feeds.feed import Feed, FeedSettings, Stream
from feeds.untrusted import parse_xml


def parse(body: bytes, source: str = "cap") -> Parsed:
    """What one alert says; of an index, what the alerts in it say. Raises UnreadableReport with one sentence."""
    root = parse_xml(body)
    if is_index(root):
        inside = [parse(etree.tostring(alert), source) for alert in alerts_in(root)]
        used = next((each for each in inside if each.events), inside[0] if inside else None)
        if used is None:
            listing = read_index(body, "https://index.invalid/")
            return _nothing(source, f"an index of {len(listing.entries)} alerts, which are fetched one by one")
        return replace(used, events=tuple(event for each in inside for event in each.events))
    try:
        alert = read_alert(root)
        events = events_of(alert, source)
    except NotUsed as reason:
        return _nothing(source, str(reason))
    return Parsed(
        source=source,
        type=TYPE,
        title=events[0].title,
        status=STATUS[alert.status],
        message_type=events[0].message_type,
        reported_at=alert.sent,
        events=events,
    )


def recognises(body: bytes) -> bool:
    """Whether it names CAP, or is an index of the kind that lists alerts."""
    return any(mark in body for mark in (b"emergency:cap:", b"incident.com/cap", b"application/cap+xml", b"<rss"))


def instance(name: str, url: str = "", hosts: frozenset[str] = frozenset()) -> Feed:
    """The feed called cap.<name> at this address."""
    source = f"cap.{name}"
    return replace(
        FEED,
        name=source,
        credit=name,
        parse=partial(parse, source=source),
        base_url=lambda settings: url,
        body_hosts=hosts,
        instances=None,
        instance=None,
    )


def instances(settings: FeedSettings) -> tuple[Feed, ...]:
    """One feed per name=URL of the settings."""
    return tuple(instance(name, url, settings.cap_host_names) for name, url in settings.cap_sources)


def _nothing(source: str, reason: str) -> Parsed:
    return Parsed(source, TYPE, "", Status.UNKNOWN, MessageType.ISSUE, None, ignored=reason)


FEED = Feed(
    name="cap",
    credit="the agency whose feed it is",
    parse=parse,
    recognises=recognises,
    base_url=lambda settings: "",
    streams=(
        Stream(
            name="alerts",
            path="",
            long_path="",
            every_s=lambda settings: settings.other_every_s,
            reach=timedelta(hours=72),
            # Agencies without an alert in force list nothing, rightly.
            quiet_after=None,
            read=read_index,
        ),
    ),
    chained=True,
    instances=instances,
    instance=instance,
)
