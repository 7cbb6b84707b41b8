"""How the areas of a map share the paper: one main part, and far islands each in a box of their own. Pure.

A frame that holds Okinawa or Ogasawara would be mostly sea. Land beyond a cut is moved to a box where that saves much
paper and costs little land.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple


class Box(NamedTuple):
    """A rectangle: west, south, east, north."""

    west: float
    south: float
    east: float
    north: float

    @property
    def width(self) -> float:
        return self.east - self.west

    @property
    def height(self) -> float:
        return self.north - self.south

    def around(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(
            min(self.west, other.west), min(self.south, other.south),
            max(self.east, other.east), max(self.north, other.north),
        )  # fmt: skip

    def wider(self, by: float) -> Box:
        """With a margin on every side."""
        return Box(self.west - by, self.south - by, self.east + by, self.north + by)


class Piece(NamedTuple):
    """One island or part of an area: whose, where, and how much land."""

    code: str
    box: Box
    area: float


_Cuts = tuple[tuple[float, float, float], ...]
#: A cut moves at most this share of the land away where it saves at least this share of the width or height; and how
#: much a share of land weighs against the paper saved.
_CUTS: Final[_Cuts] = ((0.04, 0.12, 20.0), (0.20, 0.40, 1.5), (0.40, 0.45, 1.5))
#: Of several prefectures, or of the country, only islands of little land may go.
_CAREFUL: Final = _CUTS[:1]
#: Islands nearer to each other than this (kilometres) share a box.
_TOGETHER_KM: Final = 120.0
#: An island smaller than this share of its area's largest does not widen a box.
_SPECK: Final = 0.05
#: More boxes than this would make each unreadable; the rest is left out and named.
MAX_INSETS: Final = 6


class Split(NamedTuple):
    """The main part's box, the boxes of far islands with the codes in each, and codes that are in neither."""

    main: Box
    insets: tuple[tuple[Box, tuple[str, ...]], ...]
    left_out: tuple[str, ...]


def box_of(pieces: Sequence[Piece]) -> Box:
    """The box around pieces, of which there is at least one."""
    box = pieces[0].box
    for piece in pieces[1:]:
        box = box.around(piece.box)
    return box


def split(pieces: Sequence[Piece], *, careful: bool = False) -> Split:
    """Lay areas out. `pieces` in kilometres of one projection; an area's first piece is its largest.

    `careful`: only islands of little land are moved, never a prefecture of several.
    """
    main, total = list(pieces), sum(p.area for p in pieces)
    far: list[Piece] = []
    while cut := _best_cut(main, total, _CAREFUL if careful else _CUTS):
        far += cut
        main = [p for p in main if p not in cut]
    home = {p.code for p in main}
    first: dict[str, Piece] = {}
    for piece in pieces:
        first.setdefault(piece.code, piece)
    # Of a far area its islands of some size count; a speck far out would make its box mostly sea again.
    worth_it = [p for p in far if p.code not in home and p.area >= _SPECK * first[p.code].area]
    groups = _merged(sorted(_groups(worth_it), key=lambda g: -sum(p.area for p in g)))
    kept, dropped = groups[:MAX_INSETS], groups[MAX_INSETS:]
    return Split(
        box_of(main),
        tuple((box_of(group), tuple(sorted({p.code for p in group}))) for group in kept),
        tuple(sorted({p.code for group in dropped for p in group})),
    )


def _best_cut(pieces: list[Piece], total: float, cuts: _Cuts) -> list[Piece]:
    """The pieces beyond the cut that saves most; [] where no cut is worth it."""
    if len(pieces) < 2:
        return []
    best: tuple[float, list[Piece]] = (0.0, [])
    for side in range(4):
        axis, sign = side % 2, 1 if side >= 2 else -1
        # Outermost first; `sign` turns west and south into east and north.
        ordered = sorted(pieces, key=lambda p: -sign * p.box[side])
        edge = [sign * p.box[side] for p in ordered]
        whole = box_of(pieces)
        extent = whole.width if axis == 0 else whole.height
        gone = 0.0
        inner = sign * ordered[0].box[(side + 2) % 4]
        for at in range(1, len(ordered)):
            gone += ordered[at - 1].area
            inner = min(inner, sign * ordered[at - 1].box[(side + 2) % 4])
            saved = (edge[0] - edge[at]) / extent if extent else 0.0
            # Only between pieces: what lies beyond must lie beyond entirely.
            if inner < edge[at]:
                continue
            if (worth := _worth(saved, gone / total, cuts)) > best[0]:
                best = worth, ordered[:at]
    return best[1]


def _worth(saved: float, land: float, cuts: _Cuts) -> float:
    """What a cut is worth that saves this share of the paper and moves this share of the land away."""
    for most, least, weight in cuts:
        if land <= most:
            return saved - weight * land if saved >= least else 0.0
    return 0.0


def _groups(pieces: list[Piece]) -> list[list[Piece]]:
    groups: list[list[Piece]] = []
    for piece in pieces:
        near = [g for g in groups if any(_near(piece.box, other.box) for other in g)]
        groups = [g for g in groups if g not in near]
        groups.append([piece, *(p for g in near for p in g)])
    return groups


def _merged(groups: list[list[Piece]]) -> list[list[Piece]]:
    """Every area in one box only: where most of it lies (the first group that holds a piece of it)."""
    found: list[list[Piece]] = []
    seen: set[str] = set()
    for group in groups:
        own = [p for p in group if p.code not in seen]
        seen |= {p.code for p in own}
        if own:
            found.append(own)
    return found


def _near(one: Box, other: Box) -> bool:
    wide = one.wider(_TOGETHER_KM)
    return not (
        wide.east < other.west or other.east < wide.west or wide.north < other.south or other.north < wide.south
    )


#: The drawing's width in its own units: 720 are 360 px on a small telephone and 190 mm on A4.
WIDTH: Final = 720
_MAX_HEIGHT: Final = 860
_MIN_HEIGHT: Final = 300
_INSET_HEIGHT: Final = 140
_GAP: Final = 8


class Panel(NamedTuple):
    """Where a part is drawn: its box on paper (x, y, width, height), what it shows, and units per kilometre."""

    x: int
    y: int
    width: int
    height: int
    shows: Box
    scale: float

    def place(self, x_km: float, y_km: float) -> tuple[float, float]:
        """A point of the projection on paper; y grows downwards."""
        return self.x + (x_km - self.shows.west) * self.scale, self.y + (self.shows.north - y_km) * self.scale

    def holds(self, x_km: float, y_km: float) -> bool:
        """Whether a point is on this part of the map."""
        shows = self.shows
        return shows.west <= x_km <= shows.east and shows.south <= y_km <= shows.north


def main_panel(box: Box, margin: float) -> Panel:
    """The main part over the whole width, as high as its shape asks within limits; more of the surroundings is shown
    where the shape does not fit. `margin`: share of the larger side around the areas."""
    box = box.wider(max(box.width, box.height, 1.0) * margin)
    height = min(_MAX_HEIGHT, max(_MIN_HEIGHT, WIDTH * box.height / box.width))
    scale = min(WIDTH / box.width, height / box.height)
    grow_x, grow_y = (WIDTH / scale - box.width) / 2, (height / scale - box.height) / 2
    shows = Box(box.west - grow_x, box.south - grow_y, box.east + grow_x, box.north + grow_y)
    return Panel(0, 0, WIDTH, round(height), shows, scale)


def inset_panels(boxes: Sequence[Box], top: int) -> list[Panel]:
    """Boxes in rows under the main part, beginning at `top`."""
    panels: list[Panel] = []
    x, y = 0, top + _GAP
    for box in boxes:
        box = box.wider(max(box.width, box.height, 4.0) * 0.16)
        width = round(min(260, max(136, _INSET_HEIGHT * box.width / box.height)))
        if x + width > WIDTH:
            x, y = 0, y + _INSET_HEIGHT + _GAP
        scale = min(width / box.width, _INSET_HEIGHT / box.height)
        grow_x, grow_y = (width / scale - box.width) / 2, (_INSET_HEIGHT / scale - box.height) / 2
        shows = Box(box.west - grow_x, box.south - grow_y, box.east + grow_x, box.north + grow_y)
        panels.append(Panel(x, y, width, _INSET_HEIGHT, shows, scale))
        x += width + _GAP
    return panels


def rounded_length(most: float) -> float:
    """The longest of 1, 2, 5, 10, 20 ... (or 0.1, 0.2, 0.5) that is not longer than `most`: a scale bar's kilometres.

    >>> rounded_length(37.0)
    20.0
    """
    power = 0.001
    while power * 10 <= most:
        power *= 10
    return round(max(step * power for step in (1, 2, 5) if step * power <= most), 3)


def bottom_of(panels: Sequence[Panel]) -> int:
    """The lowest edge of panels."""
    return max(panel.y + panel.height for panel in panels)
