"""Areas that a report draws itself (polygons without codes), as outlines above the municipalities of a map.

They leave the municipalities their own colour: nothing was issued for the whole of these. An outline has the level's
colour between dark rims, so that it can be seen on land of any colour and on the sea, the same colour thinly inside,
the level's digit, its pattern in print, and words in a <title>.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from core.later import Later
from geo.areas import Areas
from geo.map_frame import CITY
from geo.map_labels import Wanted
from geo.map_legend import INK, Words
from geo.map_outline import DETAIL, Drawing, Part, middle_of, on_paper, path_of
from geo.map_scale import FILLS, PATTERNED, Said
from geo.match import UnusablePolygon, usable_polygon
from geo.shapes import METRES_PER_DEGREE, Shapes

if TYPE_CHECKING:
    import shapely
else:
    shapely = Later("shapely")

_KM: Final = METRES_PER_DEGREE / 1000
#: Widths of the dark rim and of the colour inside it, in units of the drawing.
_RIM, _LINE = 8, 4
#: How much of the ground is covered.
_OVER: Final = 0.35


class Drawn(NamedTuple):
    """One polygon of a report: what it says, its shape (degrees WGS84), the municipality polygons it touches, and of
    these the ones it lies mostly over: whose middle it holds; all, where it holds none."""

    said: Said
    shape: Any
    touches: tuple[str, ...]
    over: tuple[str, ...]


class OnPaper(NamedTuple):
    """A polygon in one part of a map: path data, and where its label stands. `code`: a name no area has."""

    code: str
    said: Said
    path: str
    x: float
    y: float
    radius: float


def drawn_of(polygons: Iterable[tuple[Said, Mapping[str, Any]]]) -> tuple[list[Drawn], int]:
    """GeoJSON polygons ready to be drawn, the worst last; and how many of them cannot be."""
    shapes, areas, found, bad = Shapes.load(), Areas.load(), [], 0
    for said, geometry in polygons:
        try:
            shape = usable_polygon(geometry, tolerance_m=0.0)
        except UnusablePolygon:
            bad += 1
            continue
        touches = tuple(shapes.touched_by(shape))
        middles = [shapely.point_on_surface(shapes.polygon(CITY, code, areas)) for code in touches]
        over = tuple(code for code, middle in zip(touches, middles, strict=True) if shape.covers(middle))
        found.append(Drawn(said, shape, touches, over or touches))
    return sorted(found, key=lambda one: one.said.step), bad


def on_part(part: Part, drawing: Drawing, polygons: Sequence[Drawn]) -> list[OnPaper]:
    """The polygons as far as one part of a map shows them."""
    panel, found = part.panel, []
    # A rim's breadth beyond the window, so that its edge is no border.
    window = (panel.x - _RIM, panel.y - _RIM, panel.x + panel.width + _RIM, panel.y + panel.height + _RIM)
    for number, one in enumerate(polygons):
        flat = shapely.transform(one.shape, lambda xy: xy * (_KM * drawing.squeeze, _KM))
        placed = shapely.transform(flat, functools.partial(on_paper, panel))
        cut = shapely.clip_by_rect(shapely.make_valid(shapely.simplify(placed, DETAIL)), *window)
        if path := path_of(cut):
            found.append(OnPaper(f"drawn {number}", one.said, path, *middle_of(cut)))
    return found


def wanted(shown: Sequence[OnPaper], words: Words) -> list[Wanted]:
    """Labels: the digit of each level, before those of municipalities of the same level without people."""
    return [
        Wanted(one.code, one.x, one.y, one.radius, words.short(one.said.level), "", (0, 0, one.said.step, 1, 0))
        for one in shown
    ]


def outlines(shown: Sequence[OnPaper], words: Words) -> str:
    """The polygons as SVG, the worst on top. Clicks go through to the municipality below."""
    out = []
    for one in shown:
        step = one.said.step
        title = escape(f"{words.level(one.said.level)} · {words.outlined}")
        out.append(
            f'<path fill="{FILLS[step]}" fill-opacity="{_OVER}" stroke="none" pointer-events="none" d="{one.path}"/>'
        )
        if step in PATTERNED:
            out.append(f'<path class="pat" fill="url(#m-{step})" stroke="none" pointer-events="none" d="{one.path}"/>')
        out.append(
            f'<g fill="none" stroke-linejoin="round"><title>{title}</title>'
            f'<path stroke="#fff" stroke-width="{_RIM + 3}" d="{one.path}"/>'
            f'<path stroke="{INK}" stroke-width="{_RIM}" d="{one.path}"/>'
            f'<path stroke="{FILLS[step]}" stroke-width="{_LINE}" d="{one.path}"/></g>'
        )
    return "".join(out)
