"""Maps drawn by the server: areas with their levels, counts and shelters, as one SVG element for a page.

No script, no tile, no font, no style attribute (our pages forbid them). A level is told four ways: by a fill that also
darkens in grey, by the digit on the area, by a pattern in print for the worst, and in words in a <title> and in the
table that stands beside every map. What a class name does in print stands in web/static/map.css.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from html import escape
from typing import Final, NamedTuple

from geo.areas import Areas
from geo.map_frame import CITY, REGION, Frame, full_name_of, name_of
from geo.map_labels import COUNT_SIZE, LEVEL_SIZE, NAME_SIZE, Edges, Placed, Wanted, place, place_names, width_of
from geo.map_legend import AROUND, INK, LINE, WATER, Words, corners, halo, legend, patterns, scale_bar, spot
from geo.map_outline import Drawing, Outline, Part, drawing
from geo.map_panels import WIDTH
from geo.map_polygons import Drawn, OnPaper, on_part, outlines, wanted
from geo.map_scale import FILLS, PATTERNED, Said, Scale, ink_on

#: More shelters than this would hide the map.
MAX_SPOTS: Final = 400
_RIM: Final = "#c9ced4"


class Mark(NamedTuple):
    """What one drawn area shows. All texts are escaped when drawn."""

    said: Said | None = None
    #: Written on the map as given: "12", "3/12".
    number: str = ""
    #: Somebody asks for help here: the number stands out by its shape.
    urgent: bool = False
    #: How important its label is among equal levels.
    weight: int = 0
    #: Where a click leads; "": nowhere.
    href: str = ""


class Spot(NamedTuple):
    """A shelter on the map. Degrees WGS84; `kind`: "emergency" (指定緊急避難場所) or "shelter" (also 指定避難所)."""

    lat: float
    lon: float
    name: str
    kind: str = "emergency"


class Map(NamedTuple):
    """The drawn map, and what did not find a place on it and is therefore only in the table."""

    svg: str
    #: Codes whose area is drawn nowhere (far islands beyond the boxes).
    left_out: tuple[str, ...]
    #: Codes with a number that did not fit.
    unlabelled: tuple[str, ...]


def draw(
    frame: Frame,
    marks: Mapping[str, Mark],
    words: Words,
    *,
    scale: Scale | None = None,
    spots: Collection[Spot] = (),
    drawn: Sequence[Drawn] = (),
) -> Map:
    """The map of a frame with a mark per code. `scale`: what the legend explains; None: no levels at all.
    `drawn`: areas that a report draws itself, above the others.

    The first drawing of a frame takes up to a second: call it in a thread.
    """
    made, areas = drawing(frame), Areas.load()
    labels: list[Placed] = []
    own = [on_part(part, made, drawn) for part in made.parts]
    parts = [
        _part(part, marks, words, areas, labels, shown, main=number == 0)
        for number, (part, shown) in enumerate(zip(made.parts, own, strict=True))
    ]
    drawn_spots, kinds = _spots(made, spots)
    hatched = any(m.said is not None and m.said.no_figure for c, m in marks.items() if c in frame.codes)
    around = bool(made.parts[0].around)
    below, height = legend(
        words, scale, top=made.height, no_figure=hatched, around=around, kinds=kinds, outlined=any(own)
    )
    svg = "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="map" viewBox="0 0 {WIDTH} {height}" role="img"'
            f' aria-labelledby="m-t m-d" lang="{escape(words.lang)}" font-family="sans-serif">'
            f'<title id="m-t">{escape(words.title)}</title><desc id="m-d">{escape(words.description)}</desc>',
            patterns(),
            *(ground for ground, _ in parts),
            drawn_spots,
            *(texts for _, texts in parts),
            scale_bar(made.parts[0].panel, words.north),
            below,
            "</svg>",
        ]
    )
    shown = {label.code for label in labels if label.number}
    missing = tuple(code for code, mark in marks.items() if mark.number and code in frame.codes and code not in shown)
    return Map(svg, made.left_out, missing)


def _part(
    part: Part,
    marks: Mapping[str, Mark],
    words: Words,
    areas: Areas,
    labels: list[Placed],
    shown: Sequence[OnPaper],
    *,
    main: bool,
) -> tuple[str, str]:
    """The ground with its colours, and the texts that stand on it, above the shelters."""
    panel = part.panel
    scheme = REGION if part.outlines and len(part.outlines[0].code) == 6 else CITY
    clip = f"m-c{panel.x}-{panel.y}"
    out = [
        f'<clipPath id="{clip}"><rect x="{panel.x}" y="{panel.y}" width="{panel.width}" height="{panel.height}"/>'
        f'</clipPath><g clip-path="url(#{clip})"><rect x="{panel.x}" y="{panel.y}" width="{panel.width}"'
        f' height="{panel.height}" fill="{WATER}"/>'
    ]
    if part.around:
        out.append(f'<g fill="{AROUND}" stroke="#b9b9b2" stroke-width="1.5">')
        out += [f'<path d="{n.path}"/>' for n in part.around]
        out.append("</g>")
    out.append(f'<g stroke="{LINE}" stroke-width="1.2" stroke-linejoin="round">')
    out += [_area(o, marks.get(o.code, Mark()), words, areas, scheme) for o in part.outlines]
    out += ["</g>", outlines(shown, words)]
    bounds = (panel.x + 2.0, panel.y + 2.0, panel.x + panel.width - 2.0, panel.y + panel.height - 2.0)
    taken = corners(panel) if main else []
    placed = place([*_wanted(part.outlines, marks, words), *wanted(shown, words)], bounds, taken)
    labels += placed
    texts = _texts(placed, {**marks, **{one.code: Mark(one.said) for one in shown}})
    texts += _names(part, marks, areas, words.lang, scheme, bounds, [*taken, *(p.box for p in placed)])
    out.append("</g>")
    if not main:
        out.append(
            f'<rect x="{panel.x}" y="{panel.y}" width="{panel.width}" height="{panel.height}" fill="none"'
            f' stroke="{LINE}"/>{_inset_name(part, areas, words.lang, scheme)}'
        )
    return "".join(out), texts


def _area(outline: Outline, mark: Mark, words: Words, areas: Areas, scheme: str) -> str:
    said = mark.said
    step = said.step if said else 0
    name, japanese = full_name_of(scheme, outline.code, areas, words.lang)
    both = name if name == japanese else f"{name} {japanese}"
    level = words.level(said.level) if said else words.no_level
    hint = f"{both}: {level}{f' ({words.no_figure})' if said and said.no_figure else ''}"
    if mark.number:
        hint += f" · {mark.number}"
    title = f"<title>{escape(hint)}</title>"
    # A dark line would vanish between two dark areas.
    rim = f' stroke="{_RIM}"' if step in PATTERNED else ""
    over = "m-h" if said and said.no_figure else f"m-{step}" if step in PATTERNED else ""
    drawn = f'<path fill="{FILLS[step]}"{rim} d="{outline.path}">{title}</path>'
    if over:
        kind = "" if over == "m-h" else ' class="pat"'
        drawn += f'<path{kind} d="{outline.path}" fill="url(#{over})" stroke="none" pointer-events="none"/>'
    return f'<a href="{escape(mark.href)}" tabindex="-1">{drawn}</a>' if mark.href else drawn


def _wanted(outlines: tuple[Outline, ...], marks: Mapping[str, Mark], words: Words) -> list[Wanted]:
    found = []
    for outline in outlines:
        mark = marks.get(outline.code)
        if mark is None:
            continue
        step = mark.said.step if mark.said else 0
        level = words.short(mark.said.level) if mark.said else ""
        weight = (int(mark.urgent), int(bool(mark.number)), step, mark.weight, round(outline.radius))
        found.append(Wanted(outline.code, outline.x, outline.y, outline.radius, level, mark.number, weight))
    return found


def _texts(placed: list[Placed], marks: Mapping[str, Mark]) -> str:
    if not placed:
        return ""
    out = ['<g text-anchor="middle" font-weight="bold" pointer-events="none">']
    for label in placed:
        mark = marks[label.code]
        if label.level and mark.said:
            step = mark.said.step
            out.append(
                f'<text x="{label.x:.0f}" y="{label.level_y + LEVEL_SIZE * 0.35:.0f}" font-size="{LEVEL_SIZE}"'
                f' fill="{ink_on(step)}" {halo(FILLS[step])}>{escape(label.level)}</text>'
            )
        if label.number:
            out.append(_count(label, urgent=mark.urgent))
    return "".join([*out, "</g>"])


def _count(label: Placed, *, urgent: bool) -> str:
    """A number of people in a box of its own: round, and for calls for help square with a thick rim."""
    high = COUNT_SIZE * 1.08
    shape = 'rx="2" stroke-width="4"' if urgent else f'rx="{high / 2:.0f}" stroke-width="2"'
    return (
        f'<rect x="{label.x - label.count_width / 2:.0f}" y="{label.count_y - high / 2:.0f}"'
        f' width="{label.count_width:.0f}" height="{high:.0f}" fill="#fff" stroke="{INK}" {shape}/>'
        f'<text x="{label.x:.0f}" y="{label.count_y + COUNT_SIZE * 0.36:.0f}" font-size="{COUNT_SIZE}"'
        f' fill="{INK}">{escape(label.number)}</text>'
    )


def _names(
    part: Part, marks: Mapping[str, Mark], areas: Areas, lang: str, scheme: str, bounds: Edges, taken: list[Edges]
) -> str:
    """Names inside the areas that have room for one, and of the land around."""
    inside = [(o.code, name_of(scheme, o.code, areas, lang)[0], o.x, o.y, o.radius) for o in part.outlines]
    own = place_names(inside, 1.25, bounds, taken)
    out = []
    for name in own:
        said = marks.get(name.code, Mark()).said
        step = said.step if said else 0
        out.append(f'<text x="{name.x:.0f}" y="{name.y + 6:.0f}" fill="{ink_on(step)}" {halo(FILLS[step])}>')
        out.append(f"{escape(name.text)}</text>")
    beside = [(n.code, name_of(n.scheme, n.code, areas, lang)[0], n.x, n.y, n.radius) for n in part.around]
    for name in place_names(beside, 1.6, bounds, [*taken, *(n.box for n in own)]):
        out.append(f'<text x="{name.x:.0f}" y="{name.y + 6:.0f}" fill="{LINE}">{escape(name.text)}</text>')
    group = f'<g font-size="{NAME_SIZE}" text-anchor="middle" pointer-events="none">'
    return f"{group}{''.join(out)}</g>" if out else ""


def _inset_name(part: Part, areas: Areas, lang: str, scheme: str) -> str:
    """The name of a box's largest area, in its upper corner."""
    if not part.outlines:
        return ""
    largest = max(part.outlines, key=lambda o: o.radius)
    name = name_of(scheme, largest.code, areas, lang)[0]
    while width_of(name, NAME_SIZE) > part.panel.width - 8 and len(name) > 1:
        name = name.rpartition(" ")[0] or name[:-1]
    return (
        f'<text x="{part.panel.x + 4}" y="{part.panel.y + 18}" font-size="{NAME_SIZE}" fill="{INK}"'
        f" {halo(WATER)}>{escape(name)}</text>"
    )


def _spots(made: Drawing, spots: Collection[Spot]) -> tuple[str, set[str]]:
    out, kinds = [], set()
    for one in sorted(spots, key=lambda s: (s.kind != "shelter", s.name))[:MAX_SPOTS]:
        at = made.place(one.lat, one.lon)
        if at is not None:
            out.append(f"<g>{spot(*at, one.kind)}<title>{escape(one.name)}</title></g>")
            kinds.add(one.kind)
    return "".join(out), kinds
