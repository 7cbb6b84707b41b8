"""Damaged items of P2PQuake, USGS and CAP: read, or refused with a sentence; nothing else is ever raised."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from core.event_json import event_from_json, event_to_json
from core.model import Parsed, UnreadableReport
from feeds.cap.index import read_index
from feeds.listing import Listing, UnreadableFeed
from feeds.sources import cap, p2pquake, usgs

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "feeds"
ALERTS = [path.read_bytes() for path in sorted((SAMPLES / "cap").glob("*.xml"))]
DOCUMENTS = [
    (read, json.loads(path.read_text()))
    for name, read in (("p2pquake", p2pquake.parse), ("usgs", usgs.parse))
    for path in sorted((SAMPLES / name).glob("*.json"))
]
TEXT = st.one_of(
    st.sampled_from(["", " ", "NaN", "２", "-0", "32,130 1e9", "2,3 3,3 3,4 2,3", "2026-02-30T00:00:00+09:00"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30),
)  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**19), 10**19), st.floats(allow_nan=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=5,
)


def check(read: Callable[[bytes], Parsed], body: bytes) -> None:
    try:
        parsed = read(body)
    except UnreadableReport as error:
        assert str(error)
        return
    assert bool(parsed.events) != bool(parsed.ignored)
    for event in parsed.events:
        assert event.order
        assert event_from_json(json.loads(json.dumps(event_to_json(event), allow_nan=False))) == event


def check_list(read: Callable[[bytes, str], Listing], body: bytes) -> None:
    try:
        listing = read(body, "https://feed.example/list")
    except UnreadableFeed as error:
        assert str(error)
        return
    assert all(item.key and "\0" not in item.key and len(item.key) <= 500 for item in listing.items)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) inside a JSON value."""
    pairs = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [(value, key) for key, _ in pairs] + [place for _, inner in pairs for place in places(inner)]


@given(st.sampled_from(DOCUMENTS), st.data())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_changed_json(document: tuple[Callable[[bytes], Parsed], Any], data: st.DataObject) -> None:
    read, value = document[0], copy.deepcopy(document[1])
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places(value)))
        match data.draw(st.sampled_from(["change", "change", "drop"])):
            case "change":
                container[key] = data.draw(VALUES)
            case _:
                del container[key]
        if not places(value):
            break
    body = json.dumps(value).encode()
    check(read, body)
    check_list(p2pquake.read_history, b"[" + body + b"]")
    check_list(usgs.read_summary, body)


@given(st.sampled_from(ALERTS), st.data())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_changed_alerts(body: bytes, data: st.DataObject) -> None:
    root = etree.fromstring(body)
    for _ in range(data.draw(st.integers(1, 3))):
        elements = [each for each in root.iter(etree.Element) if each is not root]
        element = data.draw(st.sampled_from(elements))
        parent = element.getparent()
        assert parent is not None
        match data.draw(st.sampled_from(["text", "text", "text", "drop", "double"])):
            case "text":
                element.text = data.draw(TEXT)
            case "drop":
                parent.remove(element)
            case _:
                parent.insert(parent.index(element), etree.fromstring(etree.tostring(element, with_tail=False)))
        if len(root) == 0:
            break
    changed = etree.tostring(root)
    check(cap.parse, changed)
    check_list(read_index, changed)


@given(st.binary(max_size=80), st.sampled_from(["{", "[", "<", "\ufeff"]))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_bytes(rubbish: bytes, begin: str) -> None:
    for read in (cap.parse, p2pquake.parse, usgs.parse):
        check(read, begin.encode() + rubbish)
