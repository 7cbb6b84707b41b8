"""From a telegram's codes to places: wards and their city, split municipalities, and numbers that mean two things."""

from __future__ import annotations

import pytest

from feeds.sources.jma import parse
from geo.areas import Areas
from geo.match import PlaceCodes, who_is_inside
from tests.telegrams import body

#: A place: JIS code of its municipality or ward, and the part of a split municipality where that is known.
EAST, SOUTH = ("43102", ""), ("43104", "")  # wards of Kumamoto
YATSUSHIRO, WEST_PART, EAST_PART = ("43202", ""), ("43202", "4320211"), ("43202", "4320212")
HIGASHINADA, NADA = ("28101", ""), ("28102", "")  # wards of Kobe
ASO, AMAKUSA, UKI, HITOYOSHI = ("43214", ""), ("43215", ""), ("43213", ""), ("43203", "")


def _telegram(name: str, **codes: str) -> bytes:
    """One of our telegrams with area codes put in the place of others."""
    text = body(name).decode()
    for old, new in codes.items():
        assert f"<Code>{old[1:]}</Code>" in text
        text = text.replace(f"<Code>{old[1:]}</Code>", f"<Code>{new}</Code>")
    return text.encode()


def _reached(telegram: bytes, scheme: str, *places: tuple[str, str]) -> list[bool]:
    areas = Areas.load()
    (event,) = parse(telegram).events
    named = [area for area in event.areas if area.scheme == scheme]
    assert named
    known = [
        PlaceCodes(number, frozenset(areas.codes_for_jis(jis, [part] if part else [])))
        for number, (jis, part) in enumerate(places)
    ]
    inside = {found.key for found in who_is_inside(known, named, table=areas)}
    return [number in inside for number in range(len(places))]


@pytest.mark.parametrize(
    ("telegram", "scheme", "places", "reached"),
    [
        # A quake names wards, a weather warning the city.
        (_telegram("vxse53_first_not_received.xml"), "jma.city", (EAST, SOUTH), [True, False]),
        (_telegram("vpww58_storm.xml"), "jma.city", (EAST, SOUTH), [True, True]),
        # Yatsushiro is two warning areas since 2026, and one municipality in a quake. An unknown part means both.
        (_telegram("vpww59_waves.xml"), "jma.city", (WEST_PART, EAST_PART, YATSUSHIRO), [True, False, True]),
        (_telegram("vxsu_levels.xml"), "jma.city", (WEST_PART, EAST_PART, YATSUSHIRO, UKI), [False, True, True, True]),
        (
            _telegram("vxse53_first_not_received.xml", _4344300="4320200"),
            "jma.city",
            (WEST_PART, EAST_PART, YATSUSHIRO),
            [True, True, True],
        ),
        # Kobe is warned by ward since 2026; a telegram of before names the whole city.
        (_telegram("vpww59_waves.xml", _4320211="2810100"), "jma.city", (HIGASHINADA, NADA), [True, False]),
        (_telegram("vpww59_waves.xml", _4320211="2810000"), "jma.city", (HIGASHINADA, NADA), [True, True]),
        # 740 is Aso where quakes are felt, and the Amakusa coast where tsunami come.
        (_telegram("vxse51_flash.xml", _741="742"), "jma.quake_area", (ASO, AMAKUSA, HITOYOSHI), [True, False, True]),
        (_telegram("vtse41_warning.xml"), "jma.tsunami_area", (ASO, AMAKUSA), [False, True]),
        # Volcano telegrams name municipalities like the others.
        (_telegram("vfvo56_flash.xml"), "jma.city", (ASO, AMAKUSA), [True, False]),
    ],
    ids=[
        "quake-wards",
        "weather-city",
        "split-weather",
        "split-river",
        "split-quake",
        "kobe-ward",
        "kobe-before",
        "740-quake",
        "740-tsunami",
        "volcano",
    ],
)
def test_whom_a_code_means(
    telegram: bytes, scheme: str, places: tuple[tuple[str, str], ...], reached: list[bool]
) -> None:
    assert _reached(telegram, scheme, *places) == reached
