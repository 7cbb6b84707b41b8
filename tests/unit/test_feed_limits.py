"""How much a pushed stream may send, what matters near Japan, and what is remembered of what was kept."""

from __future__ import annotations

from typing import Any

import pytest

from feeds.feed import Push
from feeds.flood import Flood
from feeds.near import near_japan, reaches_japan
from feeds.pending import Remembered

PUSH = Push(
    name="ws",
    url=lambda settings: "",
    read=lambda frame: None,
    max_frames_per_minute=10,
    max_bytes_per_minute=1000,
    max_items_per_minute=2,
)


def test_a_flood_is_a_flood_within_a_minute_only() -> None:
    flood = Flood(PUSH, 0.0)
    assert [flood.why_too_much(float(at), frames=1, size=10) for at in range(10)] == [None] * 10
    assert flood.why_too_much(30.0, frames=1) == "more than 10 frames in a minute: left alone for a while"
    assert flood.why_too_much(60.0, frames=10, size=1000, reports=2) is None
    assert "bytes" in str(flood.why_too_much(61.0, size=1))
    assert "reports" in str(Flood(PUSH, 0.0).why_too_much(0.0, reports=3))


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.mark.parametrize(
    ("shape", "reaches"),
    [
        (box(130, 32, 131, 33), True),
        (box(-180, -90, 180, 90), True),
        (box(57, -19, 58, -18), False),
        (box(-125, 30, -115, 40), False),
        (box(160, 40, 190, 45), True),  # over the date line
        (box(-230, 32, -228, 33), True),  # 130 to 132 east, counted the other way
        (box(170, 40, 190, 45), False),
    ],
)
def test_what_reaches_japan(shape: dict[str, Any], reaches: bool) -> None:
    assert reaches_japan(shape) is reaches


def test_an_unknown_place_is_not_near() -> None:
    assert near_japan(32.7, 130.8)
    assert not near_japan(None, 130.8) and not near_japan(32.7, None) and not near_japan(-20.0, -175.0)


def test_the_oldest_is_forgotten_first() -> None:
    known = Remembered(most=2)
    for key in ("a", "b", "c"):
        known.add(key)
    assert ("a" in known, "b" in known, "c" in known) == (False, True, True)
