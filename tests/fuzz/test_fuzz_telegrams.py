"""Damaged telegrams: whatever happens to one, it is read or refused with a sentence; nothing else is ever raised."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from core.event_json import event_from_json, event_to_json
from core.model import UnreadableReport
from feeds.sources.jma import parse
from tests.telegrams import SAMPLES

BODIES = [path.read_bytes() for path in sorted(SAMPLES.glob("*.xml"))]
#: Values that have broken parsers before, beside random text.
ODD = [
    "",
    " ",
    "NaN",
    "-0",
    "1e999",
    "²",
    "９",
    "9" * 400,
    "0000000",
    "2026-13-01T00:00:00Z",
    "0001-01-01T00:00:00+09:00",
    "+1+1+1/",
]
TEXT = st.one_of(st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))


def _check(body: bytes) -> None:
    try:
        parsed = parse(body)
    except UnreadableReport as error:
        assert str(error)
        return
    for event in parsed.events:
        assert event.order
        assert event_from_json(event_to_json(event)) == event


@given(st.sampled_from(BODIES), st.data())
@settings(max_examples=400, deadline=None, derandomize=True)
def test_changed_elements(body: bytes, data: st.DataObject) -> None:
    root = etree.fromstring(body)
    for _ in range(data.draw(st.integers(1, 3))):
        elements = [e for e in root.iter() if e is not root]
        element = data.draw(st.sampled_from(elements))
        parent = element.getparent()
        assert parent is not None
        match data.draw(st.sampled_from(["text", "drop", "double", "rename"])):
            case "text":
                element.text = data.draw(TEXT)
            case "drop":
                parent.remove(element)
            case "double":
                parent.append(etree.fromstring(etree.tostring(element)))
            case _:
                element.tag = "{urn:other}x"
        if len(root) == 0:
            break
    _check(etree.tostring(root, encoding="UTF-8"))


@given(st.sampled_from(BODIES), st.integers(0, 10_000), st.binary(max_size=8))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_changed_bytes(body: bytes, at: int, inserted: bytes) -> None:
    at %= len(body)
    _check(body[:at] + inserted + body[at + len(inserted) :])


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_anything_at_all(body: bytes) -> None:
    _check(body)
