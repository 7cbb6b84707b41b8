"""What every parser promises of any bytes at all: a document, or one sentence why it cannot be read.

Nothing else is raised, and what comes out can be stored: PostgreSQL takes neither NUL nor lone surrogates in text, nor
NaN in JSON. One function per target of the fuzzer; the suite runs the same ones over the corpus.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from core.event_json import event_from_json, event_to_json
from core.model import Event, UnreadableReport, level_rank
from feeds.atom import atom_listing
from feeds.feed import Feed
from feeds.known import all_feeds
from feeds.listing import Item, Listing, UnreadableFeed
from tests.fuzz.mutators import damage_json, damage_xml

#: The largest event we would want to keep: far above any real telegram's.
MAX_PAYLOAD = 20_000_000
#: Where a list was had.
ADDRESS = "https://feed.example/developer/xml/feed/eqvol.xml"

Target = Callable[[bytes], None]
Damage = Callable[[bytes, Random], bytes | None]


def check_event(event: Event) -> None:
    """What decide and the database need of an event."""
    assert event.order
    payload = event_to_json(event)
    text = json.dumps(payload, allow_nan=False, ensure_ascii=False)
    text.encode("utf-8")
    assert "\\u0000" not in text, "PostgreSQL's jsonb holds no NUL"
    assert len(text) < MAX_PAYLOAD
    assert event_from_json(json.loads(text)) == event
    assert event.hazard and event.thread and event.source
    for area in event.areas:
        assert area.scheme
        level_rank(area.level)
    for polygon in event.polygons:
        level_rank(polygon.level)


def check_sentence(error: Exception) -> None:
    """A reason an operator can read: one line, not empty, of a length that fits a page, that can be stored."""
    said = str(error)
    assert said.strip() and "\n" not in said.strip(), repr(said)
    assert len(said) < 1_000, f"{len(said)} characters"
    assert "\0" not in said
    said.encode("utf-8")


def check_text(*texts: str) -> None:
    """Text that PostgreSQL and UTF-8 can hold."""
    for text in texts:
        assert "\0" not in text
        text.encode("utf-8")


def check_listing(listing: Listing, feed: Feed) -> None:
    """What a polled document lists: addresses and reports that can be kept, each of which is a document again."""
    for entry in listing.entries:
        assert entry.url
        assert entry.updated is None or entry.updated.tzinfo is not None
        check_text(entry.url, entry.identity)
    assert len({entry.identity for entry in listing.entries}) == len(listing.entries)
    for item in listing.items:
        check_item(item, feed)
    for problem in listing.problems:
        check_sentence(UnreadableFeed(problem))
    assert listing.made_at is None or listing.made_at.tzinfo is not None


def check_item(item: Item, feed: Feed) -> None:
    """A report that came inside another document."""
    assert item.key and len(item.key) <= 500
    check_text(item.key)
    assert item.updated is None or item.updated.tzinfo is not None
    check_parse(item.body, feed)


def check_parse(body: bytes, feed: Feed) -> None:
    """What one document says, or why it cannot be read."""
    try:
        parsed = feed.parse(body)
    except UnreadableReport as error:
        check_sentence(error)
        return
    check_text(parsed.type, parsed.title, parsed.ignored or "")
    for event in parsed.events:
        check_event(event)


def feed_target(name: str) -> Target:
    """Everything of one feed that reads bytes: its parse, its lists, its frames."""
    feed = all_feeds()[name]
    readers = {stream.read for stream in feed.streams} - {atom_listing}

    def check(body: bytes) -> None:
        feed.recognises(body)
        check_parse(body, feed)
        for read in readers:
            try:
                listing = read(body, ADDRESS)
            except UnreadableFeed as error:
                check_sentence(error)
            else:
                check_listing(listing, feed)
        for push in feed.pushes:
            try:
                item = push.read(body)
            except UnreadableReport as error:
                check_sentence(error)
            else:
                if item is not None:
                    check_item(item, feed)

    return check


def check_atom(body: bytes) -> None:
    """The list of JMA's feed."""
    try:
        listing = atom_listing(body, ADDRESS)
    except UnreadableFeed as error:
        check_sentence(error)
    else:
        check_listing(listing, all_feeds()["jma"])


def targets() -> dict[str, tuple[Target, Damage]]:
    """Every target by its name: what it checks, and how its documents are damaged."""
    found: dict[str, tuple[Target, Damage]] = {"atom": (check_atom, damage_xml)}
    for name in all_feeds():
        found[name] = (feed_target(name), damage_json if name in ("p2pquake", "usgs") else damage_xml)
    return found
