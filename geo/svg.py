"""Maps drawn by the server: a prefecture's municipalities with their levels, as one SVG element for a page.

No script, no tile, no font, no style attribute (our pages forbid them). Levels are told three ways: by a scale that
also darkens in greyscale, by the digit written on the municipality, and in words in its <title>.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from core.model import CAP_SEVERITIES, TSUNAMI_LEVELS, Level, level_rank
from geo.areas import Areas
from geo.shapes import Shapes

#: Width of the drawing in its own units; the page decides the size on screen.
WIDTH = 1000
#: Shapes are simplified to about this many units: finer than a pixel of a map 500 pixels wide.
_TOLERANCE = 1.2
#: Islands smaller than this (square units) are left out, except a municipality's largest.
_SMALLEST = 12.0
#: Fill from nothing to the worst; lightness falls at each step, so colour-blind eyes and grey printers see the order.
_SCALE = (
    "#fafaf7", "#e9efd6", "#e6e3a0", "#f3cf6b", "#f3a94f", "#e27a3f", "#c6454b", "#8f2469", "#4d1470", "#1b0a3d",
)  # fmt: skip
_AROUND, _LINE = "#e4e7ea", "#5a5a5a"


@dataclass(frozen=True, slots=True)
class _Outline:
    code: str  # 7-digit polygon code
    path: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class _Drawing:
    height: int
    outlines: tuple[_Outline, ...]


def prefecture_svg(
    pref: str,
    levels: Mapping[str, Level],
    labels: Mapping[str, str] | None = None,
    *,
    title: str = "",
    lang: str = "ja",
) -> str:
    """An <svg> of a prefecture ("43") with a level per 7-digit city code, and a text on each municipality.

    A municipality shows the worst level given for it, its wards or its parts. `labels` (by the same codes) replaces the
    level as the text, e.g. a count "3/12". `title` names the map; `lang` chooses the names ("ja": Japanese, else Latin
    beside Japanese). Raises UnknownArea for an unknown prefecture, ValueError for an unknown level.
    """
    areas, drawing = Areas.load(), _drawing(pref)
    heading = title or areas.name("jma.quake_pref", pref, lang)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {drawing.height}" role="img" class="map"'
        f' aria-label="{escape(heading)}"><title>{escape(heading)}</title>'
        f'<rect width="{WIDTH}" height="{drawing.height}" fill="{_AROUND}"/><g stroke="{_LINE}" stroke-width="1.5">'
    ]
    texts = []
    for outline in drawing.outlines:
        keys = _keys(outline.code, areas)
        level = max((levels[k] for k in keys if k in levels), key=level_rank, default=None)
        step = _step(level)
        text = next((labels[k] for k in keys if k in labels), "") if labels is not None else _short(level)
        words = f"{_name(outline.code, areas, lang)}: {text or _full(level) or '-'}"
        parts.append(f'<path fill="{_SCALE[step]}" d="{outline.path}"><title>{escape(words)}</title></path>')
        if text:
            ink = "#fff" if step >= 6 else "#111"
            texts.append(f'<text x="{outline.x}" y="{outline.y}" fill="{ink}">{escape(text)}</text>')
    parts.append('</g><g font-size="24" font-family="sans-serif" font-weight="bold" text-anchor="middle">')
    return "".join([*parts, *texts, "</g></svg>"])


def _keys(code: str, areas: Areas) -> list[str]:
    """City codes whose level speaks for a polygon: itself, its whole city, the wards of that city."""
    jis = code[:5]
    return list(dict.fromkeys([code, f"{jis}00", *(f"{ward}00" for ward in areas.wards(jis))]))


def _name(code: str, areas: Areas, lang: str) -> str:
    japanese = areas.name("jma.city", code)
    return japanese if lang.startswith("ja") else f"{areas.name('jma.city', code, lang)} {japanese}"


def _full(level: Level) -> str:
    return "" if level in (None, 0, "none") else str(level)


def _short(level: Level) -> str:
    """A level as it fits on a map: a digit. A tsunami grade or a stated severity speaks by its colour and its title."""
    text = _full(level)
    return text if len(text) <= 2 else ""


def _step(level: Level) -> int:
    """Where on the scale: intensities 1 to 7 take steps 1 to 9; other scales are spread over them."""
    if level is None or level == 0:
        return 0
    if isinstance(level, int):
        return {1: 1, 2: 3, 3: 5, 4: 7, 5: 9}.get(level, 9)
    rank = level_rank(level)
    return (0, 2, 4, 7, 9)[rank] if level in (*TSUNAMI_LEVELS, *CAP_SEVERITIES) else rank


@functools.cache
def _drawing(pref: str) -> _Drawing:
    """Outlines of a prefecture in drawing units, y downwards; made once per process."""
    areas, shapes = Areas.load(), Shapes.load()
    areas.row("jma.quake_pref", pref)
    codes = shapes.codes(pref)
    polygons = [shapes.polygon("jma.city", code, areas) for code in codes]
    west, south, east, north = (float(v) for v in shapely.total_bounds(polygons))
    squeeze = math.cos(math.radians((south + north) / 2))
    margin = 10.0
    scale = (WIDTH - 2 * margin) / ((east - west) * squeeze)

    def place(xy: Any) -> Any:
        return (xy - (west, north)) * (scale * squeeze, -scale) + margin

    flat = [shapely.transform(polygon, place) for polygon in polygons]
    simple: Any = shapely.coverage_simplify(flat, _TOLERANCE)
    outlines = []
    for code, shape in zip(codes, simple, strict=True):
        path = _path(shape)
        if path:
            spot = _largest(shape).representative_point()
            outlines.append(_Outline(code, path, round(spot.x), round(spot.y) + 8))
    return _Drawing(math.ceil((north - south) * scale + 2 * margin), tuple(outlines))


def _pieces(shape: BaseGeometry) -> list[Any]:
    return sorted((p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"), key=lambda p: -p.area)


def _largest(shape: BaseGeometry) -> BaseGeometry:
    return _pieces(shape)[0]


def _path(shape: BaseGeometry) -> str:
    """Whole-number path data with relative lines: small and exact enough for a page."""
    kept = []
    for number, piece in enumerate(_pieces(shape)):
        if number and piece.area < _SMALLEST:
            break
        for ring in (piece.exterior, *piece.interiors):
            points = [(round(x), round(y)) for x, y in ring.coords[:-1]]
            steps = [(b[0] - a[0], b[1] - a[1]) for a, b in zip(points, points[1:], strict=False)]
            moves = "".join(f" {dx},{dy}" for dx, dy in steps if dx or dy)
            if moves:
                kept.append(f"M{points[0][0]},{points[0][1]}l{moves.lstrip()}z")
    return "".join(kept)
