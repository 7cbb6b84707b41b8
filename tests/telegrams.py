"""Our own small telegrams (facts of invented events) and how tests read them."""

from __future__ import annotations

from pathlib import Path

from core.model import Area, Event, Parsed
from feeds.sources.jma import parse

SAMPLES = Path(__file__).parent / "samples" / "feeds" / "jma"
#: Recorded and official telegrams lie beside the repository where they are available.
SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "feed-samples"


def body(name: str) -> bytes:
    """The bytes of one of our telegrams."""
    return (SAMPLES / name).read_bytes()


def parsed(name: str) -> Parsed:
    """One of our telegrams, parsed."""
    return parse(body(name))


def event(name: str) -> Event:
    """The one event of one of our telegrams."""
    (only,) = parsed(name).events
    return only


def levels(of: Event, scheme: str) -> dict[str, object]:
    """Area code -> level of one scheme; a repeated code fails."""
    found = [area for area in of.areas if area.scheme == scheme]
    assert len({area.code for area in found}) == len(found)
    return {area.code: area.level for area in found}


def area(of: Event, scheme: str, code: str) -> Area:
    """The one area with this identity."""
    (only,) = [a for a in of.areas if (a.scheme, a.code) == (scheme, code)]
    return only
