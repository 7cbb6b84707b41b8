"""The colours of maps: told apart by every kind of eye and in grey, with text that can be read on each."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from core.model import CAP_SEVERITIES, INTENSITIES, TSUNAMI_LEVELS, Level, Tier
from geo.map_scale import FILLS, STEP_CONTRAST, Said, Scale, ink_on, levels_of, scale_of, short_of, worst

#: Full colour blindness of each kind in linear sRGB: Machado, Oliveira, Fernandes, "A Physiologically-based Model for
#: Simulation of Color Vision Deficiency", IEEE TVCG 15(6), 2009, severity 1.0. Grey is luminance alone.
SIGHTS = {
    "normal and grey": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}


def linear(colour: str) -> list[float]:
    values = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]


def luminance(rgb: list[float]) -> float:
    return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]


def lightness(rgb: list[float]) -> float:
    """CIE L* of linear sRGB."""
    y = min(1.0, max(0.0, luminance(rgb)))
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(linear(one)), luminance(linear(other))))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("sight", SIGHTS)
def test_every_step_is_darker_than_the_one_before_it_for_every_eye(sight: str) -> None:
    def seen(colour: str) -> float:
        rgb = linear(colour)
        turned = [sum(a * b for a, b in zip(row, rgb, strict=True)) for row in SIGHTS[sight]]
        return lightness([min(1.0, max(0.0, v)) for v in turned])

    lights = [seen(fill) for fill in FILLS]
    for step, (light, dark) in enumerate(pairwise(lights)):
        assert light - dark >= STEP_CONTRAST, (sight, step, light, dark)


def test_text_on_every_step_can_be_read() -> None:
    for step, fill in enumerate(FILLS):
        assert contrast(fill, ink_on(step)) >= 4.5, step


def test_the_page_uses_the_colours_of_the_map() -> None:
    css = (Path(__file__).parents[2] / "web" / "static" / "map.css").read_text()
    for step, fill in enumerate(FILLS):
        ink = "#fff" if ink_on(step) == "#ffffff" else "#111"
        assert f".s{step} {{ background: {fill}; color: {ink}; }}" in css


@pytest.mark.parametrize(
    ("scale", "levels"),
    [
        (Scale.INTENSITY, INTENSITIES),
        (Scale.TSUNAMI, TSUNAMI_LEVELS[1:]),
        (Scale.WARNING, (2, 3, 4, 5)),
        (Scale.SEVERITY, CAP_SEVERITIES),
    ],
)
def test_the_worse_the_level_the_higher_its_step(scale: Scale, levels: tuple[Level, ...]) -> None:
    steps = [Said(*found).step for level in levels if (found := scale_of(level))]
    assert len(steps) == len(levels) and steps == sorted(set(steps))
    assert [str(level) for level in levels] == [level for level, _ in levels_of(scale)]
    assert {scale_of(level)[0] for level in levels} == {scale}  # type: ignore[index]


def test_what_is_no_warning_has_no_level() -> None:
    for level in (None, 0, 1, "none"):
        assert scale_of(level) is None
    assert scale_of(None, Tier.ADVISORY) == (Scale.TIER, "advisory")
    assert scale_of(None, Tier.NONE) is None and scale_of(0, Tier.WARNING) is None
    with pytest.raises(ValueError, match="unknown level '8'"):
        scale_of("8")


def test_the_worst_keeps_an_own_figure_and_all_hazards_that_are_as_bad() -> None:
    rain = Said(Scale.WARNING, "4", hazards=("heavy_rain",))
    slide = Said(Scale.WARNING, "4", hazards=("landslide",))
    flood = Said(Scale.WARNING, "3", hazards=("river_flood",))
    assert worst([flood, rain, slide]) == Said(Scale.WARNING, "4", hazards=("heavy_rain", "landslide"))
    guess, own = Said(Scale.INTENSITY, "5-", no_figure=True), Said(Scale.INTENSITY, "5-")
    top = worst([guess, own])
    assert top is not None and not top.no_figure
    assert worst([]) is None


def test_words_do_not_stand_over_their_neighbours() -> None:
    assert short_of("6+") == "6+" and short_of("4") == "4" and short_of("major_warning") == ""
