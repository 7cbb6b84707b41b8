"""What stands around a map: the legend, the scale bar, north, and the lines under it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final, NamedTuple

from geo.map_labels import width_of
from geo.map_panels import WIDTH, Panel, rounded_length
from geo.map_scale import FILLS, PATTERNED, Scale, ink_on, levels_of, short_of

#: Ink of texts, of outlines and of water.
INK: Final = "#1b1f24"
LINE: Final = "#57606a"
WATER: Final = "#ccd9e0"
AROUND: Final = "#e9e9e4"
_SIZE: Final = 22
_ROW: Final = 36


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of a map in the reader's language; none of them comes from this module. All are escaped when drawn."""

    title: str
    description: str
    #: Who issued what is shown, and when: "気象庁 4月14日 21:32".
    source: str
    no_level: str
    no_figure: str
    around: str
    north: str
    emergency_site: str
    shelter: str
    lang: str = "ja"
    #: Level -> its name in a legend and in a hint, and what fits on the map for a level that is a word.
    levels: Mapping[str, str] = field(default_factory=dict)
    shorts: Mapping[str, str] = field(default_factory=dict)
    #: What an outline is that a report draws itself.
    outlined: str = ""
    #: What a number on the map counts; "" where there are none.
    count: str = ""
    #: More lines under the map, e.g. what was left out.
    notes: tuple[str, ...] = ()

    def level(self, level: str) -> str:
        """A level in words."""
        return self.levels.get(level, level)

    def short(self, level: str) -> str:
        """A level as it stands on the map."""
        return self.shorts.get(level, short_of(level))


class _Item(NamedTuple):
    mark: str
    text: str
    width: float


def legend(
    words: Words,
    scale: Scale | None,
    *,
    top: int,
    no_figure: bool,
    around: bool,
    kinds: Iterable[str],
    outlined: bool = False,
) -> tuple[str, int]:
    """The legend as SVG, beginning at `top`, and its lower edge. `kinds`: "emergency", "shelter" for what is drawn;
    `outlined`: outlines that a report draws itself."""
    levels = [_level(level, step, words) for level, step in levels_of(scale)] if scale is not None else []
    items = [_swatch(FILLS[0], "", words.no_level)]
    if outlined:
        items.append(_Item(_OUTLINE, words.outlined, 44 + width_of(words.outlined, _SIZE) + 16))
    if no_figure:
        items.append(_swatch(FILLS[0], "m-h", words.no_figure))
    if around:
        items.append(_swatch(AROUND, "", words.around))
    if words.count:
        items.append(_Item(_pill(), words.count, 44 + width_of(words.count, _SIZE) + 16))
    for kind in sorted(kinds):
        text = words.shelter if kind == "shelter" else words.emergency_site
        items.append(_Item(spot(20, 14, kind), text, 36 + width_of(text, _SIZE) + 16))
    above, top = _rows(levels, top, []) if levels else ("", top)
    below, bottom = _rows(items, top, [words.source, *words.notes])
    return above + below, bottom


def _rows(items: list[_Item], top: int, lines: list[str]) -> tuple[str, int]:
    drawn, x, y = [], 4.0, top + 6
    for item in items:
        if x > 4 and x + item.width > WIDTH:
            x, y = 4.0, y + _ROW
        text_x = 44 if item.text else 0
        text = f'<text x="{text_x}" y="22">{escape(item.text)}</text>' if item.text else ""
        drawn.append(f'<g transform="translate({round(x)} {y})">{item.mark}{text}</g>')
        x += item.width
    y += _ROW
    for line in filter(None, lines):
        for part in wrapped(line, WIDTH - 8, _SIZE):
            drawn.append(f'<text x="4" y="{y + 18}">{escape(part)}</text>')
            y += 28
    return f'<g font-size="{_SIZE}" fill="{INK}">{"".join(drawn)}</g>', y


def wrapped(text: str, wide: float, size: float) -> list[str]:
    """A text in lines that fit: broken at spaces, and anywhere where there are none (Japanese)."""
    lines, line = [], ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if width_of(joined, size) <= wide:
            line = joined
            continue
        if line:
            lines.append(line)
        line = word
        while width_of(line, size) > wide:
            fits = next(n for n in range(len(line), 0, -1) if n == 1 or width_of(line[:n], size) <= wide)
            lines.append(line[:fits])
            line = line[fits:]
    return [*lines, line] if line else lines


def _swatch(fill: str, pattern: str, text: str) -> _Item:
    over = f'<rect width="36" height="28" fill="url(#{pattern})"/>' if pattern else ""
    box = f'<rect width="36" height="28" fill="{fill}" stroke="{LINE}"/>{over}'
    return _Item(box, text, 44 + width_of(text, _SIZE) + 16)


def _level(level: str, step: int, words: Words) -> _Item:
    short, name = words.short(level), words.level(level)
    pattern = f'<rect class="pat" width="36" height="28" fill="url(#m-{step})"/>' if step in PATTERNED else ""
    mark = f'<rect width="36" height="28" fill="{FILLS[step]}" stroke="{LINE}"/>{pattern}'
    if short:
        mark += (
            f'<text x="18" y="22" text-anchor="middle" font-weight="bold" fill="{ink_on(step)}"'
            f" {halo(FILLS[step])}>{escape(short)}</text>"
        )
    text = "" if name == short else name
    return _Item(mark, text, (44 + width_of(text, _SIZE) + 16) if text else 42)


def halo(fill: str) -> str:
    """Attributes of a text that keep it readable over lines: a rim in the colour of its ground."""
    return f'paint-order="stroke" stroke="{fill}" stroke-width="4" stroke-linejoin="round"'


_OUTLINE: Final = (
    '<g fill="none"><rect x="5" y="5" width="26" height="18" rx="5" stroke="#1b1f24" stroke-width="8"/>'
    '<rect x="5" y="5" width="26" height="18" rx="5" stroke="#fff" stroke-width="3"/></g>'
)


def _pill() -> str:
    return (
        f'<rect x="2" y="3" width="32" height="22" rx="11" fill="#fff" stroke="{INK}" stroke-width="2"/>'
        f'<text x="18" y="20" text-anchor="middle" font-size="17">12</text>'
    )


def spot(x: float, y: float, kind: str) -> str:
    """A shelter: a triangle for a place to run to, a square for one to stay at. Told apart by shape, not by colour."""
    if kind == "shelter":
        corner = f'x="{x - 7.5:.0f}" y="{y - 7.5:.0f}"'
        return f'<rect {corner} width="15" height="15" fill="#fff" stroke="{INK}" stroke-width="3"/>'
    return f'<path d="M{x:.0f},{y - 11:.0f}l11,19h-22z" fill="{INK}" stroke="#fff" stroke-width="2"/>'


def corners(panel: Panel) -> list[tuple[float, float, float, float]]:
    """Where the scale bar and the arrow stand (left, top, right, bottom), so that no label gets there."""
    right, bottom = panel.x + panel.width, panel.y + panel.height
    return [
        (panel.x, bottom - 46, panel.x + panel.width * 0.28 + 16, bottom),
        (right - 84, panel.y, right, panel.y + 44),
    ]


def scale_bar(panel: Panel, north: str) -> str:
    """A bar of round kilometres in the lower left corner of a part, and where north is."""
    length = rounded_length(panel.width * 0.28 / panel.scale)
    wide, y = length * panel.scale, panel.y + panel.height - 12
    number = f"{length:g} km"
    return (
        f'<g font-size="{_SIZE}" fill="{INK}"><path d="M12,{y - 8}v8h{wide:.0f}v-8" fill="none" stroke="{INK}"'
        f' stroke-width="2.5"/><text x="18" y="{y - 8}" {halo(WATER)}>{number}</text>'
        f'<path d="M{WIDTH - 22},{panel.y + 10}l9,24-9-6-9,6z"/>'
        f'<text x="{WIDTH - 40}" y="{panel.y + 30}" text-anchor="end" {halo(WATER)}>{escape(north)}</text></g>'
    )


def patterns() -> str:
    """Pattern fills: hatching for "no figure", and one for each of the worst steps in print."""
    return (
        '<defs><pattern id="m-h" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<path d="M0,0v9" stroke="#111" stroke-width="3.5"/>'
        '<path d="M4.5,0v9" stroke="#fff" stroke-width="2"/></pattern>'
        '<pattern id="m-7" width="12" height="12" patternUnits="userSpaceOnUse"><circle cx="3" cy="3" r="1.6"'
        ' fill="#fff"/><circle cx="9" cy="9" r="1.6" fill="#fff"/></pattern>'
        '<pattern id="m-8" width="9" height="9" patternUnits="userSpaceOnUse"><path d="M0,4.5h9" stroke="#fff"'
        ' stroke-width="1.6"/></pattern>'
        '<pattern id="m-9" width="11" height="11" patternUnits="userSpaceOnUse"><path d="M0,5.5h11M5.5,0v11"'
        ' stroke="#fff" stroke-width="1.6"/></pattern></defs>'
    )
