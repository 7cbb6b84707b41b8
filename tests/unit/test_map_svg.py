"""Maps: light, well formed, readable without colours, and nothing in them from hostile names."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace

import pytest
from lxml import etree

from core.model import AreaCode
from geo.areas import Areas, UnknownArea
from geo.map_frame import Frame, frame_of, japan, name_of, polygon_codes, regions
from geo.map_labels import Wanted, overlap, place, place_names, width_of
from geo.map_legend import Words, wrapped
from geo.map_outline import Drawing, drawing
from geo.map_panels import WIDTH, Box, Piece, main_panel, rounded_length, split
from geo.map_polygons import drawn_of
from geo.map_scale import FILLS, Said, Scale
from geo.map_svg import Map, Mark, Spot, draw
from geo.shapes import Shapes

SVG = "{http://www.w3.org/2000/svg}"
KUMAMOTO = AreaCode("jma.quake_pref", "43")
MASHIKI, NISHIHARA = "4344300", "4343200"
WORDS = Words(
    title="Kumamoto", description="Seismic intensity", source="気象庁 14 Apr 21:32", no_level="no level",
    no_figure="no figure yet", around="not on this map", north="N", emergency_site="emergency site", shelter="shelter",
    lang="en",
)  # fmt: skip


def quake(level: str, *, no_figure: bool = False) -> Said:
    return Said(Scale.INTENSITY, level, no_figure=no_figure)


def kumamoto(marks: dict[str, Mark], words: Words = WORDS, **more: object) -> Map:
    return draw(frame_of([KUMAMOTO]), marks, words, scale=Scale.INTENSITY, **more)  # type: ignore[arg-type]


def root(made: Map) -> etree._Element:
    return etree.fromstring(made.svg.encode())


def titles(made: Map) -> dict[str, str]:
    """Name in the hint -> the rest of it."""
    found = [str(t.text) for t in root(made).iter(f"{SVG}title")][1:]
    return dict(t.split(": ", 1) for t in found if ": " in t)


def texts(made: Map) -> list[str]:
    return [str(t.text) for t in root(made).iter(f"{SVG}text")]


# ---------------------------------------------------------------- frames


def test_a_frame_is_the_municipalities_of_any_area() -> None:
    assert frame_of([AreaCode("jis", "43443")]) == Frame("jma.city", (MASHIKI,))
    assert frame_of([AreaCode("jis", "43101")]).codes == ("4310000",)  # a ward that nobody draws: its city
    assert len(frame_of([AreaCode("jma.quake_area", "742")]).codes) == 10
    assert set(frame_of([AreaCode("jma.class10", "430040")]).codes) == set(
        frame_of([AreaCode("jma.quake_area", "742")]).codes
    )
    assert {c[:2] for c in frame_of([KUMAMOTO, AreaCode("jma.quake_pref", "44")]).codes} == {"43", "44"}
    assert frame_of([AreaCode("jma.office", "430000")]).codes == frame_of([KUMAMOTO]).codes
    with pytest.raises(UnknownArea, match="jma.quake_pref:99"):
        frame_of([AreaCode("jma.quake_pref", "99")])
    with pytest.raises(ValueError, match="at least one"):
        frame_of([])


def test_japan_is_drawn_by_its_142_warning_areas_and_nobody_is_lost() -> None:
    assert len(japan().codes) == 142 and japan().by_region
    inside = [code for codes in regions().values() for code in codes]
    known = [code for code in Shapes.load().codes() if AreaCode("jis", code[:5]) in Areas.load()]
    assert sorted(inside) == sorted(known)
    made = drawing(japan())
    assert {o.code for part in made.parts for o in part.outlines} | set(made.left_out) == set(japan().codes)
    assert not made.left_out


@pytest.mark.parametrize("pref", ["01", "13", "14", "26", "34", "42", "43", "46", "47"])
def test_every_municipality_of_a_prefecture_is_on_its_map_or_named(pref: str) -> None:
    frame = frame_of([AreaCode("jma.quake_pref", pref)])
    made = drawing(frame)
    drawn = {o.code for part in made.parts for o in part.outlines}
    assert drawn | set(made.left_out) == set(frame.codes)
    assert len(made.left_out) <= 1, made.left_out
    for part in made.parts:
        panel = part.panel
        for outline in part.outlines:
            assert panel.x <= outline.x <= panel.x + panel.width, (outline.code, panel)
            assert panel.y <= outline.y <= panel.y + panel.height, (outline.code, panel)


def test_far_islands_get_a_box_of_their_own() -> None:
    land = [Piece("a", Box(0, 0, 100, 100), 9000.0), Piece("b", Box(100, 0, 150, 60), 2500.0)]
    far = Piece("c", Box(40, -600, 45, -590), 40.0)
    speck = Piece("d", Box(900, -600, 901, -599), 1.0)
    laid = split([*land, far, speck])
    assert laid.main == Box(0, 0, 150, 100)
    assert [codes for _, codes in laid.insets] == [("c",), ("d",)] and not laid.left_out
    assert split(land).insets == ()
    many = [Piece(f"i{n}", Box(n * 500, -900, n * 500 + 2, -898), 2.0) for n in range(9)]
    assert len(split([*land, *many]).left_out) == 3


def test_tokyo_and_its_islands() -> None:
    made = drawing(frame_of([AreaCode("jma.quake_pref", "13")]))
    on_main = {o.code for o in made.parts[0].outlines}
    assert "1310100" in on_main and "1342100" not in on_main  # Chiyoda; Ogasawara
    chiyoda, ogasawara = made.place(35.69, 139.75), made.place(27.09, 142.19)
    assert chiyoda is not None and ogasawara is not None and ogasawara[1] > made.parts[0].panel.height
    assert made.place(43.0, 141.3) is None


def test_a_panel_keeps_the_shape_of_the_land() -> None:
    panel = main_panel(Box(0, 0, 100, 50), 0.1)
    left, top = panel.place(0, 50)
    right, bottom = panel.place(100, 0)
    assert (right - left) / (bottom - top) == pytest.approx(2.0)
    assert 0 < left < right < WIDTH and 0 < top < bottom < panel.height
    assert [rounded_length(km) for km in (0.4, 1.0, 3.9, 60.0, 480.0)] == [0.2, 1.0, 2.0, 50.0, 200.0]


# ---------------------------------------------------------------- what is drawn


def test_a_map_is_one_picture_with_words_and_nothing_that_our_pages_forbid() -> None:
    made = kumamoto({MASHIKI: Mark(quake("7"))})
    top = root(made)
    assert top.get("role") == "img" and top.get("aria-labelledby") == "m-t m-d"
    assert top.findtext(f"{SVG}title") == "Kumamoto" and top.findtext(f"{SVG}desc") == "Seismic intensity"
    assert not re.search(r"style=|<script|<style|href=\"http|javascript|on\w+=", made.svg)
    ids = re.findall(r' id="([^"]+)"', made.svg)
    assert len(ids) == len(set(ids)) and set(re.findall(r"url\(#([^)]+)\)", made.svg)) <= set(ids)
    assert "気象庁 14 Apr 21:32" in texts(made) and "20 km" in texts(made) and "N" in texts(made)


def test_levels_are_told_by_digit_fill_and_words() -> None:
    made = kumamoto({MASHIKI: Mark(quake("7")), NISHIHARA: Mark(quake("6-"))})
    assert titles(made)["Mashiki 益城町"] == "7" and titles(made)["Hitoyoshi 人吉市"] == "no level"
    body = texts(made)
    assert body.count("7") == 2 and body.count("6-") == 2  # on the map and in the legend
    fills = {str(p.findtext(f"{SVG}title")): p.get("fill") for p in root(made).iter(f"{SVG}path")}
    assert fills["Mashiki 益城町: 7"] == FILLS[9] and fills["Hitoyoshi 人吉市: no level"] == FILLS[0]


def test_no_figure_is_hatched_and_unlike_no_level() -> None:
    calm, hatched = kumamoto({MASHIKI: Mark()}), kumamoto({MASHIKI: Mark(quake("5-", no_figure=True))})
    assert 'fill="url(#m-h)"' not in calm.svg and "no figure yet" not in texts(calm)
    assert hatched.svg.count('fill="url(#m-h)"') == 2 and "no figure yet" in texts(hatched)
    assert titles(hatched)["Mashiki 益城町"] == "5- (no figure yet)"


def test_the_worst_steps_carry_a_pattern_for_paper() -> None:
    for level, pattern in (("6-", "m-7"), ("6+", "m-8"), ("7", "m-9")):
        made = kumamoto({MASHIKI: Mark(quake(level))})
        (over,) = [p for p in root(made).iter(f"{SVG}path") if p.get("fill") == f"url(#{pattern})"]
        assert over.get("class") == "pat"
    assert not [p for p in root(kumamoto({MASHIKI: Mark(quake("5+"))})).iter(f"{SVG}path") if p.get("class") == "pat"]


def test_a_grade_in_words_stands_in_the_legend_and_in_the_hint() -> None:
    words = Words(**{f: getattr(WORDS, f) for f in WORDS.__slots__} | {"levels": {"warning": "Tsunami Warning"}})
    made = draw(frame_of([KUMAMOTO]), {MASHIKI: Mark(Said(Scale.TSUNAMI, "warning"))}, words, scale=Scale.TSUNAMI)
    assert titles(made)["Mashiki 益城町"] == "Tsunami Warning" and texts(made).count("Tsunami Warning") == 1


def test_counts_and_calls_for_help_stand_in_boxes_of_different_shape() -> None:
    made = kumamoto({MASHIKI: Mark(quake("7"), "3/12"), "4310000": Mark(None, "!4/40", urgent=True)})
    assert {"3/12", "!4/40"} <= set(texts(made)) and made.unlabelled == ()
    round_, square = (
        next(r for r in root(made).iter(f"{SVG}rect") if r.get("rx") and r.getnext() is not None
             and r.getnext().text == text)
        for text in ("3/12", "!4/40")
    )  # fmt: skip
    assert round_.get("rx") != square.get("rx") and round_.get("stroke-width") != square.get("stroke-width")
    assert titles(made)["Mashiki 益城町"] == "7 · 3/12"


def test_what_does_not_fit_is_named_so_that_the_table_can_be_pointed_to() -> None:
    marks = {code: Mark(quake("4"), "1234/5678") for code in frame_of([KUMAMOTO]).codes}
    made = kumamoto(marks)
    shown = texts(made).count("1234/5678")
    assert 0 < shown < len(marks) and shown + len(made.unlabelled) == len(marks)


def test_shelters_are_told_apart_by_shape_and_only_what_is_drawn_is_explained() -> None:
    spots = [Spot(32.79, 130.82, "Town hall <1>"), Spot(32.80, 130.83, "School", "shelter"), Spot(43.0, 141.0, "Far")]
    made = draw(frame_of([AreaCode("jis", "43443")]), {}, WORDS, spots=spots)
    hints = [str(t.text) for t in root(made).iter(f"{SVG}title")]
    assert "Town hall <1>" in hints and "School" in hints and "Far" not in hints
    assert {"emergency site", "shelter"} <= set(texts(made))
    assert "shelter" not in texts(draw(frame_of([AreaCode("jis", "43443")]), {}, WORDS, spots=spots[:1]))


def test_links_lead_where_they_are_told_and_stay_out_of_the_keyboards_way() -> None:
    made = kumamoto({MASHIKI: Mark(quake("7"), href='?area=43443&x="1"')})
    (link,) = root(made).iter(f"{SVG}a")
    assert link.get("href") == '?area=43443&x="1"' and link.get("tabindex") == "-1"


def test_hostile_words_stay_words() -> None:
    evil = '"><script>alert(1)</script>&<'
    words = Words(
        title=evil, description=evil, source=evil, no_level=evil, no_figure=evil, around=evil, north=evil,
        emergency_site=evil, shelter=evil, lang='"x', levels={"7": evil}, shorts={"7": evil}, count=evil, notes=(evil,),
    )  # fmt: skip
    marks = {MASHIKI: Mark(quake("7", no_figure=True), evil, href=evil), "4310000": Mark(None, evil, urgent=True)}
    made = kumamoto(marks, words, spots=[Spot(32.79, 130.82, evil), Spot(32.8, 130.83, evil, "shelter")])
    assert "<script" not in made.svg
    tags = {str(e.tag).removeprefix(SVG) for e in root(made).iter()}
    assert tags <= {"svg", "title", "desc", "defs", "pattern", "path", "circle", "clipPath", "rect", "g", "text", "a"}


# ---------------------------------------------------------------- labels


def test_labels_never_cover_each_other() -> None:
    wanted = [Wanted(str(n), 100 + n % 7 * 30, 100 + n // 7 * 22, 16, "5-", "", (n,)) for n in range(49)]
    placed = place(wanted, (0, 0, 400, 400))
    boxes = [p.box for p in placed]
    assert 0 < len(boxes) < 49 and placed[0].code == "48"  # the most important first
    assert not any(overlap(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    names = place_names([(str(n), "益城町", 150 + n * 40, 150, 60) for n in range(5)], 1.0, (0, 0, 400, 400), boxes)
    assert not any(overlap(n.box, box) for n in names for box in boxes)


def test_a_count_goes_alone_where_both_do_not_fit_and_nothing_leaves_the_paper() -> None:
    near = [Wanted("a", 100, 100, 40, "7", "12", (2,)), Wanted("b", 100, 140, 40, "6-", "5", (1,))]
    first, second = place(near, (0, 0, 200, 200))
    assert (first.level, first.number) == ("7", "12") and (second.level, second.number) == ("", "5")
    assert place([Wanted("a", 3, 3, 40, "7", "", (1,))], (0, 0, 200, 200)) == []
    assert place([Wanted("a", 50, 50, 40, "7", "", (1,))], (0, 0, 200, 200), [(40, 40, 60, 60)]) == []
    assert place([Wanted("a", 100, 100, 3, "", "12345/67890", (1,))], (0, 0, 200, 200)) == []


def test_long_lines_are_broken_to_fit() -> None:
    text = "気象庁発表。" * 30 + " and a long English sentence after it that goes on and on"
    lines = wrapped(text, 300, 20)
    assert all(width_of(line, 20) <= 300 for line in lines) and "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert wrapped("", 300, 20) == []


# ---------------------------------------------------------------- weight

#: A telephone on one bar: a map with its levels and counts.
BUDGETS = {"Kumamoto": (60_000, 20_000), "Japan": (120_000, 40_000), "Hokkaido": (120_000, 40_000)}


@pytest.mark.parametrize("what", BUDGETS)
def test_maps_are_light(what: str) -> None:
    frame = {
        "Kumamoto": frame_of([KUMAMOTO]), "Japan": japan(), "Hokkaido": frame_of([AreaCode("jma.quake_pref", "01")]),
    }[what]  # fmt: skip
    marks = {
        c: Mark(quake("6-", no_figure=n % 2 == 0), f"{n}/40", href=f"?area={c[:5]}") for n, c in enumerate(frame.codes)
    }
    svg = draw(frame, marks, WORDS, scale=Scale.INTENSITY).svg.encode()
    raw, packed = BUDGETS[what]
    assert len(svg) <= raw, len(svg)
    assert len(gzip.compress(svg, 6)) <= packed


def test_outlines_are_kept_and_coarser_ones_are_lighter() -> None:
    frame = frame_of([KUMAMOTO])
    assert drawing(frame) is drawing(frame_of([KUMAMOTO]))
    assert _bytes(drawing(frame, 3.0)) < _bytes(drawing(frame)) < _bytes(drawing(frame, 0.4))


def _bytes(made: Drawing) -> int:
    return sum(len(o.path) for part in made.parts for o in part.outlines)


def test_names_are_in_the_readers_script_and_unknown_codes_are_no_error() -> None:
    areas = Areas.load()
    assert name_of("jma.city", MASHIKI, areas, "en") == ("Mashiki", "益城町")
    assert name_of("jma.class10", "430010", areas, "ja")[0] == "熊本地方"
    assert name_of("jma.city", "9999900", areas, "ja") == ("9999900", "9999900")
    assert polygon_codes(AreaCode("jma.city", "4320211")) == ("4320211",)


# ---------------------------------------------------------------- areas that a report draws itself


def ring(west: float, south: float, size: float) -> dict[str, object]:
    east, north = west + size, south + size
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


FLOOD = Said(Scale.WARNING, "4", partly=True)
CALM = Said(Scale.WARNING, "2", partly=True)
OUTLINED = replace(WORDS, outlined="as the report draws it", levels={"4": "level 4", "2": "level 2"})


def flooded(*polygons: tuple[Said, dict[str, object]], **marks: Mark) -> Map:
    drawn, bad = drawn_of(polygons)
    assert not bad
    return draw(frame_of([KUMAMOTO]), dict(marks), OUTLINED, scale=Scale.WARNING, drawn=drawn)


def test_a_polygon_is_drawn_as_an_outline_with_its_level() -> None:
    made = flooded((FLOOD, ring(130.78, 32.75, 0.12)))
    assert titles(made)["Mashiki 益城町"] == "no level", "the municipality keeps its own colour"
    (outline,) = [
        g for g in root(made).iter(f"{SVG}g") if g.findtext(f"{SVG}title") == "level 4 · as the report draws it"
    ]
    rim, dark, colour = outline.iter(f"{SVG}path")
    assert colour.get("stroke") == FILLS[FLOOD.step] and rim.get("d") == dark.get("d") == colour.get("d")
    # Filled thinly, so that names and neighbours stay readable; with its pattern, which shows in print.
    fills = [p for p in root(made).iter(f"{SVG}path") if p.get("d") == colour.get("d") and p.get("stroke") == "none"]
    assert [(p.get("fill"), p.get("class")) for p in fills] == [(FILLS[7], None), ("url(#m-7)", "pat")]
    # On paper it lies over Mashiki: 11 km wide, nearly square.
    xs, ys = points_of(str(colour.get("d")))
    town = next(o for o in drawing(frame_of([KUMAMOTO])).parts[0].outlines if o.code == MASHIKI)
    assert min(xs) < town.x < max(xs) and min(ys) < town.y < max(ys)
    assert (max(xs) - min(xs)) / (max(ys) - min(ys)) == pytest.approx(0.84, abs=0.03)
    assert "4" in texts(made) and OUTLINED.outlined in texts(made)


def points_of(path: str) -> tuple[list[int], list[int]]:
    """The corners of path data with relative lines."""
    numbers = [int(n) for n in re.findall(r"-?\d+", path)]
    xs, ys = [numbers[0]], [numbers[1]]
    for dx, dy in zip(numbers[2::2], numbers[3::2], strict=True):
        xs.append(xs[-1] + dx)
        ys.append(ys[-1] + dy)
    return xs, ys


def test_the_worst_polygon_is_on_top_and_one_elsewhere_is_not_drawn() -> None:
    made = flooded((FLOOD, ring(130.78, 32.75, 0.12)), (CALM, ring(130.7, 32.7, 0.3)), (FLOOD, ring(135.4, 34.6, 0.1)))
    found = [t for t in (g.findtext(f"{SVG}title") for g in root(made).iter(f"{SVG}g")) if t and "report" in t]
    assert found == ["level 2 · as the report draws it", "level 4 · as the report draws it"]
    assert OUTLINED.outlined not in texts(flooded((FLOOD, ring(135.4, 34.6, 0.1)))), "nothing drawn, nothing explained"


def test_a_polygon_beyond_the_edge_and_an_unusable_one() -> None:
    wide = flooded((FLOOD, ring(125.0, 30.0, 1.5)), (FLOOD, ring(129.5, 31.5, 2.4)))
    assert root(wide) is not None
    assert "m-7" in wide.svg
    drawn, bad = drawn_of(
        [(FLOOD, {"type": "Polygon", "coordinates": [[[130, 32], [131, 33]]]}), (CALM, ring(130.7, 32.7, 0.1))]
    )
    assert bad == 1 and [one.said for one in drawn] == [CALM]
    assert MASHIKI in drawn_of([(FLOOD, ring(130.80, 32.77, 0.02))])[0][0].touches


def test_japan_shows_polygons_too() -> None:
    drawn, _ = drawn_of([(FLOOD, ring(130.5, 32.5, 0.6))])
    made = draw(japan(), {}, OUTLINED, scale=Scale.WARNING, drawn=drawn)
    assert sum(g.findtext(f"{SVG}title") == "level 4 · as the report draws it" for g in root(made).iter(f"{SVG}g")) == 1
