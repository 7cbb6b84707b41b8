"""The feeds we have: every module in feeds/sources, found by itself."""

from __future__ import annotations

from functools import cache

import feeds.sources
from core.model import Parsed, UnreadableReport
from core.plugins import discover
from feeds.feed import Feed, FeedSettings, Push, Stream


@cache
def all_feeds() -> dict[str, Feed]:
    """Every feed by name. Raises ImportError or AttributeError if one of them is broken: start-up must stop."""
    return discover(feeds.sources, "FEED")


def feeds_for(settings: FeedSettings) -> tuple[Feed, ...]:
    """The feeds that these settings switch on, those that exist once per setting each by itself."""
    found: list[Feed] = []
    for feed in all_feeds().values():
        found.extend((feed,) if feed.instances is None else feed.instances(settings))
    return tuple(feed for feed in found if streams_for(feed, settings) or pushes_for(feed, settings))


def streams_for(feed: Feed, settings: FeedSettings) -> tuple[Stream, ...]:
    """The polled streams of a feed; none if its address is empty."""
    return feed.streams if feed.base_url(settings) else ()


def pushes_for(feed: Feed, settings: FeedSettings) -> tuple[Push, ...]:
    """The pushed streams of a feed that have an address."""
    return tuple(push for push in feed.pushes if push.url(settings))


def stream_names(settings: FeedSettings) -> dict[str, Stream | Push]:
    """Every stream that is switched on, by its name in feed_state ("jma.eqvol", "cap.gdacs.alerts")."""
    found: dict[str, Stream | Push] = {}
    for feed in feeds_for(settings):
        found |= {f"{feed.name}.{stream.name}": stream for stream in streams_for(feed, settings)}
        found |= {f"{feed.name}.{push.name}": push for push in pushes_for(feed, settings)}
    return found


def feed_named(name: str) -> Feed:
    """The feed a report names as its source, e.g. "jma" or "cap.gdacs". Raises KeyError for one we do not have."""
    known = all_feeds()
    family, _, own = name.partition(".")
    if own and family in known:
        make = known[family].instance
        if make is not None:
            return make(own)
    return known[name]


def feed_of(body: bytes, settings: FeedSettings | None = None) -> Feed:
    """The feed a document comes from; with `settings` as they make it. Raises UnreadableReport for none of ours."""
    known = all_feeds()
    for feed in known.values():
        if feed.recognises(body):
            made = feed.instances(settings) if settings is not None and feed.instances is not None else ()
            return next((one for one in made if one.name == feed.name), feed)
    raise UnreadableReport(f"not a report of a feed we know ({', '.join(known)})")


def parse_any(body: bytes, settings: FeedSettings | None = None) -> Parsed:
    """Parse a document of any feed we know. Raises UnreadableReport with one sentence."""
    return feed_of(body, settings).parse(body)
