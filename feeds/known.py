"""The feeds we have: every module in feeds/sources, found by itself."""

from __future__ import annotations

from functools import cache

import feeds.sources
from core.model import Parsed, UnreadableReport
from core.plugins import discover
from feeds.feed import Feed


@cache
def all_feeds() -> dict[str, Feed]:
    """Every feed by name. Raises ImportError or AttributeError if one of them is broken: start-up must stop."""
    return discover(feeds.sources, "FEED")


def parse_any(body: bytes) -> Parsed:
    """Parse a document of any feed we know. Raises UnreadableReport with one sentence."""
    known = all_feeds()
    for feed in known.values():
        if feed.recognises(body):
            return feed.parse(body)
    raise UnreadableReport(f"not a report of a feed we know ({', '.join(known)})")
