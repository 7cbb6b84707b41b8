"""The outlines of a map, simplified for the size they are drawn at, and kept per (frame, detail).

Neighbours share their borders: all areas are simplified together, so that no gaps open between them. The surroundings
are drawn pale and coarser, without borders of municipalities.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from core.later import Later
from geo.areas import Areas
from geo.data_folder import when_changed
from geo.map_frame import CITY, Frame, regions
from geo.map_panels import Box, Panel, Piece, Split, bottom_of, inset_panels, main_panel, split
from geo.shapes import METRES_PER_DEGREE, Shapes

if TYPE_CHECKING:
    import shapely
else:
    shapely = Later("shapely")

_KM: Final = METRES_PER_DEGREE / 1000
#: How far an outline may be off, in units of the drawing (half a pixel on a telephone).
DETAIL: Final = 1.1
_COARSE: Final = 2.6
#: Islands smaller than this (square units) are left out, except an area's largest.
_SMALLEST: Final = 10.0
#: Margin around the areas: a few municipalities need their surroundings to be recognised.
_FEW: Final = 6
_MARGIN_FEW: Final = 0.16
_MARGIN: Final = 0.03


class Outline(NamedTuple):
    """One area on paper: path data, where its label stands, and the radius of the circle free around that."""

    code: str
    path: str
    x: float
    y: float
    radius: float


class Neighbour(NamedTuple):
    """Land around the areas: path data and, where there is room for it, the place of its name."""

    code: str
    scheme: str
    path: str
    x: float
    y: float
    radius: float


class Part(NamedTuple):
    """A panel with what is drawn in it."""

    panel: Panel
    outlines: tuple[Outline, ...]
    around: tuple[Neighbour, ...]


class Drawing(NamedTuple):
    """All parts of a map, the main one first. Codes that are drawn nowhere are named in `left_out`."""

    parts: tuple[Part, ...]
    height: int
    left_out: tuple[str, ...]
    #: Longitude's share of a kilometre at the map's latitude.
    squeeze: float

    def place(self, lat: float, lon: float) -> tuple[float, float] | None:
        """A point on paper; None if it lies outside every part."""
        x, y = lon * _KM * self.squeeze, lat * _KM
        return next((part.panel.place(x, y) for part in self.parts if part.panel.holds(x, y)), None)


@functools.lru_cache(maxsize=64)
def drawing(frame: Frame, detail: float = DETAIL) -> Drawing:
    """The outlines of a frame. Takes up to a second the first time: call it in a thread. Safe to share.

    Raises geo.data_folder.AreaDataError if the polygons cannot be read.
    """
    areas, shapes = Areas.load(), Shapes.load()
    members = {code: regions()[code] for code in frame.codes} if frame.by_region else {c: (c,) for c in frame.codes}
    order = [code for codes in members.values() for code in codes]
    polygons = [shapes.polygon(CITY, code, areas) for code in order]
    bounds = shapely.total_bounds(polygons)
    squeeze = math.cos(math.radians(float(bounds[1] + bounds[3]) / 2))
    flat = [shapely.transform(p, lambda xy: xy * (_KM * squeeze, _KM)) for p in polygons]
    owner = {code: of for of, codes in members.items() for code in codes}
    careful = len({code[:2] for code in frame.codes}) > 1
    laid = split(_pieces_of(order, flat, owner), careful=careful)
    few = len(frame.codes) <= _FEW
    main = main_panel(laid.main, _MARGIN_FEW if few else _MARGIN)
    insets = inset_panels([box for box, _ in laid.insets], main.height)
    inside = _where(frame, laid)
    parts = []
    for number, panel in enumerate([main, *insets]):
        mine = [at for at, code in enumerate(order) if inside[owner[code]] == number]
        parts.append(_part(panel, [(owner[order[at]], flat[at]) for at in mine], detail, merged=frame.by_region))
    around = () if frame.by_region else _around(main, frozenset(order), squeeze, by_town=few)
    parts[0] = parts[0]._replace(around=around)
    return Drawing(tuple(parts), bottom_of([main, *insets]), laid.left_out, squeeze)


when_changed(drawing.cache_clear)


def _where(frame: Frame, laid: Split) -> dict[str, int]:
    """Area -> number of its part; -1 for those left out."""
    found = dict.fromkeys(frame.codes, 0) | dict.fromkeys(laid.left_out, -1)
    for number, (_, codes) in enumerate(laid.insets, 1):
        found |= dict.fromkeys(codes, number)
    return found


def _pieces_of(codes: list[str], flat: list[Any], owner: dict[str, str]) -> list[Piece]:
    """Islands as the layout sees them. Specks count only where an area has nothing larger."""
    found = []
    for code, shape in zip(codes, flat, strict=True):
        parts = sorted(shapely.get_parts(shape), key=lambda p: -p.area)
        found += [
            Piece(owner[code], Box(*p.bounds), p.area) for at, p in enumerate(parts) if at == 0 or p.area > 5.0
        ]  # square kilometres
    return found


def _part(panel: Panel, members: list[tuple[str, Any]], detail: float, *, merged: bool) -> Part:
    placed = [shapely.transform(shape, functools.partial(on_paper, panel)) for _, shape in members]
    simple: Any = shapely.coverage_simplify(placed, detail)
    frame = (panel.x, panel.y, panel.x + panel.width, panel.y + panel.height)
    grouped: dict[str, list[Any]] = {}
    for (code, _), shape in zip(members, simple, strict=True):
        grouped.setdefault(code, []).append(shape)
    outlines = []
    for code, group in grouped.items():
        shape = _union(group) if merged else group[0]
        clipped = shapely.clip_by_rect(shape, *frame)
        path = path_of(clipped)
        if path:
            outlines.append(Outline(code, path, *middle_of(clipped)))
    return Part(panel, tuple(outlines), ())


def on_paper(panel: Panel, xy: Any) -> Any:
    """Coordinates in kilometres of the projection on paper."""
    return (xy - (panel.shows.west, panel.shows.north)) * (panel.scale, -panel.scale) + (panel.x, panel.y)


def _union(shapes: list[Any]) -> Any:
    # Slivers between municipalities are closed by a hair's breadth.
    return shapely.union_all([shapely.buffer(shapely.make_valid(shape), 0.3, quad_segs=1) for shape in shapes])


def _around(panel: Panel, own: frozenset[str], squeeze: float, *, by_town: bool) -> tuple[Neighbour, ...]:
    """Land beside the areas: municipalities by name where there are few, else whole prefectures."""
    shapes, areas = Shapes.load(), Areas.load()
    shows = panel.shows
    window = shapely.box(
        shows.west / (_KM * squeeze), shows.south / _KM, shows.east / (_KM * squeeze), shows.north / _KM
    )
    grouped: dict[str, list[Any]] = {}
    for code in shapes.touched_by(window):
        if code not in own:
            flat = shapely.transform(shapes.polygon(CITY, code, areas), lambda xy: xy * (_KM * squeeze, _KM))
            placed = shapely.transform(flat, functools.partial(on_paper, panel))
            # A stroke's breadth beyond the window, so that the edge of the map shows no border.
            cut = shapely.clip_by_rect(placed, -4, -4, panel.width + 4, panel.height + 4)
            if not cut.is_empty:
                grouped.setdefault(code if by_town else code[:2], []).append(cut)
    found = []
    for code, group in sorted(grouped.items()):
        shape = shapely.simplify(_union(group), _COARSE)
        if path := path_of(shape):
            scheme = CITY if by_town else "jma.quake_pref"
            found.append(Neighbour(code, scheme, path, *middle_of(shape)))
    return tuple(found)


def _parts(shape: Any) -> list[Any]:
    return sorted((p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"), key=lambda p: -p.area)


def middle_of(shape: Any) -> tuple[float, float, float]:
    """The centre and the radius of the largest circle inside the largest piece."""
    found = _parts(shape)
    line = shapely.maximum_inscribed_circle(found[0], tolerance=1.0)
    (x, y), *_ = line.coords
    return round(x, 1), round(y, 1), round(line.length, 1)


def path_of(shape: Any) -> str:
    """Whole-number path data with relative lines; "" for nothing that can be seen. Specks are left out."""
    kept = []
    for number, piece in enumerate(_parts(shape)):
        if number and piece.area < _SMALLEST:
            break
        for ring in (piece.exterior, *(r for r in piece.interiors if shapely.Polygon(r).area >= _SMALLEST)):
            points = [(round(x), round(y)) for x, y in ring.coords]
            steps = [(b[0] - a[0], b[1] - a[1]) for a, b in zip(points, points[1:-1], strict=False)]
            moves = "".join(f"{_gap(dx)}{dx}{_gap(dy, first=False)}{dy}" for dx, dy in steps if dx or dy)
            if moves:
                kept.append(f"M{points[0][0]},{points[0][1]}l{moves.lstrip()}z")
            elif number == 0 and ring is piece.exterior:
                # An area that is a dot at this size is still there.
                kept.append(f"M{points[0][0] - 1},{points[0][1] - 1}h3v3h-3z")
    return "".join(kept)


def _gap(number: int, *, first: bool = True) -> str:
    """What separates a number from the one before it: a minus sign does so by itself."""
    if number < 0:
        return ""
    return " " if first else ","
