"""The map of a prefecture: light, well formed, and readable without colours."""

from __future__ import annotations

import pytest
from lxml import etree

from core.model import Level
from geo.areas import Areas, UnknownArea
from geo.svg import prefecture_svg

SVG = "{http://www.w3.org/2000/svg}"
LEVELS: dict[str, Level] = {"4344300": "7", "4310200": "6-", "4310100": "5+", "4344200": "5-", "4320200": "4"}


def drawn(svg: str) -> dict[str, etree._Element]:
    """Each municipality's path by the name in its <title>."""
    root = etree.fromstring(svg.encode())
    return {str(p.findtext(f"{SVG}title")).split(":")[0]: p for p in root.iter(f"{SVG}path")}


def test_kumamoto_is_light_and_well_formed() -> None:
    svg = prefecture_svg("43", LEVELS, title="熊本県 震度")
    assert len(svg.encode()) < 60_000
    root = etree.fromstring(svg.encode())
    assert root.get("role") == "img" and root.get("aria-label") == "熊本県 震度"
    assert root.findtext(f"{SVG}title") == "熊本県 震度"
    assert "style=" not in svg and "<script" not in svg and "<style" not in svg


def test_levels_are_written_in_words_and_on_the_map() -> None:
    svg = prefecture_svg("43", LEVELS)
    titles = {str(p.findtext(f"{SVG}title")) for p in drawn(svg).values()}
    assert {"益城町: 7", "嘉島町: 5-", "人吉市: -"} <= titles
    texts = [t.text for t in etree.fromstring(svg.encode()).iter(f"{SVG}text")]
    assert sorted(texts) == ["4", "4", "5-", "6-", "7"]  # Yatsushiro is drawn in two parts


def test_a_city_shows_the_worst_of_its_wards() -> None:
    assert "熊本市: 6-" in prefecture_svg("43", LEVELS)
    assert "熊本市: 4" in prefecture_svg("43", {"4310000": 4, "4310200": 2})


def test_the_scale_darkens_step_by_step() -> None:
    def light(level: Level) -> float:
        fill = str(drawn(prefecture_svg("43", {"4344300": level}))["益城町"].get("fill"))
        red, green, blue = (int(fill[i : i + 2], 16) for i in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for scale in ([None, "1", "2", "3", "4", "5-", "5+", "6-", "6+", "7"], [0, 2, 3, 4, 5],
                  ["none", "forecast", "advisory", "warning", "major_warning"],
                  [None, "minor", "moderate", "severe", "extreme"]):  # fmt: skip
        lights = [light(level) for level in scale]
        assert all(one > other + 5 for one, other in zip(lights, lights[1:], strict=False)), scale


def test_a_grade_speaks_by_its_colour_and_its_title_not_over_its_neighbours() -> None:
    svg = prefecture_svg("43", {"4344300": "severe", "4320300": "major_warning"})
    assert "益城町: severe" in drawn_titles(svg) and "人吉市: major_warning" in drawn_titles(svg)
    assert not list(etree.fromstring(svg.encode()).iter(f"{SVG}text"))


def drawn_titles(svg: str) -> set[str]:
    return {str(path.findtext(f"{SVG}title")) for path in etree.fromstring(svg.encode()).iter(f"{SVG}path")}


def test_labels_and_names_for_other_readers() -> None:
    svg = prefecture_svg("43", {"4344300": 5}, {"4344300": "3/12 <&>"}, lang="vi")
    assert "Mashiki 益城町: 3/12 &lt;&amp;&gt;" in svg
    assert [t.text for t in etree.fromstring(svg.encode()).iter(f"{SVG}text")] == ["3/12 <&>"]


def test_every_prefecture_can_be_drawn() -> None:
    for row in Areas.load().rows("jma.quake_pref"):
        svg = prefecture_svg(row.code, {})
        assert len(drawn(svg)) >= 10, row
        assert len(svg.encode()) < 150_000, row


def test_unknown_prefectures_and_levels_are_named() -> None:
    with pytest.raises(UnknownArea, match="jma.quake_pref:99"):
        prefecture_svg("99", {})
    with pytest.raises(ValueError, match="unknown level '8'"):
        prefecture_svg("43", {"4344300": "8"})
