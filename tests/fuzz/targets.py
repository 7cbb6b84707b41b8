"""What every parser promises of any bytes at all: a document, or one sentence why it cannot be read.

Nothing else is raised, and what comes out can be stored: PostgreSQL takes neither NUL nor lone surrogates in text, nor
NaN in JSON. One function per target of the fuzzer; the suite runs the same ones over the corpus.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from core.event_json import event_from_json, event_to_json
from core.model import Event, Parsed, UnreadableReport, level_rank
from feeds.atom import UnreadableFeed, parse_atom
from feeds.known import all_feeds
from tests.fuzz.mutators import damage_json, damage_xml

#: The largest event we would want to keep: far above any real telegram's.
MAX_PAYLOAD = 20_000_000

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


def feed_target(name: str) -> Target:
    """The target of a feed's parse."""
    feed = all_feeds()[name]

    def check(body: bytes) -> None:
        feed.recognises(body)
        try:
            parsed: Parsed = feed.parse(body)
        except UnreadableReport as error:
            check_sentence(error)
            return
        for text in (parsed.type, parsed.title, parsed.ignored or ""):
            assert "\0" not in text
            text.encode("utf-8")
        for event in parsed.events:
            check_event(event)

    return check


def check_atom(body: bytes) -> None:
    """The list of a feed."""
    try:
        entries = parse_atom(body, "https://feed.example/developer/xml/feed/eqvol.xml")
    except UnreadableFeed as error:
        check_sentence(error)
        return
    assert len({entry.url for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.url
        assert entry.updated is None or entry.updated.tzinfo is not None
        entry.url.encode("utf-8")


def targets() -> dict[str, tuple[Target, Damage]]:
    """Every target by its name: what it checks, and how its documents are damaged."""
    found: dict[str, tuple[Target, Damage]] = {"atom": (check_atom, damage_xml)}
    for name in all_feeds():
        found[name] = (feed_target(name), damage_json if name in ("p2pquake", "usgs") else damage_xml)
    return found
