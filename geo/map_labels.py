"""Where texts stand on a map so that none covers another: what matters most is placed first. Pure.

A label may reach a little over its area's border; if there is no room it is left out, and remains in the table.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

#: Sizes in units of the drawing: digits are 13 pixels high on a telephone 360 pixels wide; names are for paper.
LEVEL_SIZE: Final = 27
COUNT_SIZE: Final = 22
NAME_SIZE: Final = 18
#: A label may be this many times as wide as the circle that is free inside its area.
_OVER: Final = 2.3
#: Room between two labels.
_AIR: Final = 2.0


#: left, top, right, bottom.
Edges = tuple[float, float, float, float]


class Wanted(NamedTuple):
    """A label that wants a place: whose, the middle of its area, the free radius there, its lines."""

    code: str
    x: float
    y: float
    radius: float
    level: str
    number: str
    #: How important: the greater, the earlier it is placed.
    weight: tuple[int, ...]


class Placed(NamedTuple):
    """A label with the middle of each of its lines; "" for a line that it does not have."""

    code: str
    level: str
    number: str
    x: float
    level_y: float
    count_y: float
    #: Of the count's box.
    count_width: float
    box: Edges


def width_of(text: str, size: float) -> float:
    """About how wide a text is: full-width characters one em, others 0.58.

    >>> width_of("5-", 100), width_of("益城", 100)
    (116.0, 200.0)
    """
    return sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.58 for c in text) * size


def place(wanted: Iterable[Wanted], bounds: Edges, taken: Sequence[Edges] = ()) -> list[Placed]:
    """The labels that fit, in order of importance. `bounds`: the edges of the paper; `taken`: where something stands.

    Where level and count do not fit together, the count goes alone: the colour tells the level already.
    """
    placed: list[Placed] = []
    for one in sorted(wanted, key=lambda w: w.weight, reverse=True):
        choices = [(one.level, one.number), ("", one.number)] if one.level and one.number else [(one.level, one.number)]
        for level, count in choices:
            label = _laid_out(one, level, count)
            if label is not None and _fits(label, one, [*taken, *(p.box for p in placed)], bounds):
                placed.append(label)
                break
    return placed


def _laid_out(one: Wanted, level: str, count: str) -> Placed | None:
    if not level and not count:
        return None
    level_height = LEVEL_SIZE * 0.86 if level else 0.0
    count_height = COUNT_SIZE * 1.12 if count else 0.0
    count_width = width_of(count, COUNT_SIZE) + 9 if count else 0.0
    wide = max(width_of(level, LEVEL_SIZE) + 2, count_width)
    high = level_height + count_height
    top = one.y - high / 2
    box = (one.x - wide / 2, top, one.x + wide / 2, top + high)
    return Placed(
        one.code, level, count, one.x, top + level_height / 2, top + level_height + count_height / 2, count_width, box
    )


def _fits(label: Placed, one: Wanted, taken: Sequence[Edges], bounds: Edges) -> bool:
    left, top, right, bottom = label.box
    if left < bounds[0] or top < bounds[1] or right > bounds[2] or bottom > bounds[3]:
        return False
    # A count is worth a wider label than a digit that the colour repeats.
    room = one.radius * 2 * (_OVER * 2 if label.number else _OVER)
    if right - left > max(room, LEVEL_SIZE * 0.9):
        return False
    return not any(overlap(label.box, other) for other in taken)


class Name(NamedTuple):
    """A name with its middle and its base line's middle."""

    code: str
    text: str
    x: float
    y: float
    box: Edges


def place_names(
    names: Iterable[tuple[str, str, float, float, float]], over: float, bounds: Edges, taken: Sequence[Edges]
) -> list[Name]:
    """Names that fit, those with most room first. Each: code, text, the middle of its area, the radius free there.

    A name stands under its area's label or above it, at most `over` times as wide as the free circle.
    """
    boxes, found = list(taken), []
    for code, text, x, y, radius in sorted(names, key=lambda n: -n[4]):
        wide = width_of(text, NAME_SIZE)
        if not text or wide > 2 * radius * over:
            continue
        for shift in (0.0, LEVEL_SIZE, -LEVEL_SIZE, COUNT_SIZE + LEVEL_SIZE, -COUNT_SIZE - LEVEL_SIZE):
            middle = y + shift
            box = (x - wide / 2, middle - NAME_SIZE * 0.55, x + wide / 2, middle + NAME_SIZE * 0.55)
            inside = box[0] >= bounds[0] and box[1] >= bounds[1] and box[2] <= bounds[2] and box[3] <= bounds[3]
            if abs(shift) <= radius * 1.05 and inside and not any(overlap(box, other) for other in boxes):
                boxes.append(box)
                found.append(Name(code, text, x, middle, box))
                break
    return found


def overlap(one: Edges, other: Edges) -> bool:
    """Whether two boxes (left, top, right, bottom) come nearer than a hair."""
    return (
        one[0] < other[2] + _AIR and other[0] < one[2] + _AIR and one[1] < other[3] + _AIR and other[1] < one[3] + _AIR
    )
