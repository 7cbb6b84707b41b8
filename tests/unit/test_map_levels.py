"""Which level stands where: municipalities speak for themselves, wider areas only where nobody inside is named."""

from __future__ import annotations

from core.model import Area, AreaCode, Change, Level, Tier
from geo.areas import Areas
from geo.map_frame import frame_of, regions
from geo.map_levels import Report, by_region, levels_on
from geo.map_scale import Said, Scale
from tests.telegrams import event

AREAS = Areas.load()
MASHIKI, KASHIMA, HITOYOSHI, KUMAMOTO = "4344300", "4344200", "4320300", "4310000"


def city(code: str, level: Level, **more: object) -> Area:
    return Area("jma.city", code, level=level, **more)  # type: ignore[arg-type]


def on(code: str, *reports: Report) -> list[Said]:
    return levels_on([code], reports, AREAS).get(code, [])


def test_a_municipality_that_is_named_speaks_for_itself() -> None:
    quake = Report("earthquake", (Area("jma.quake_area", "741", level="7"), city(MASHIKI, "7"), city(HITOYOSHI, "4")))
    assert on(MASHIKI, quake) == [Said(Scale.INTENSITY, "7", hazards=("earthquake",))]
    assert [s.level for s in on(HITOYOSHI, quake)] == ["4"]


def test_a_town_without_a_figure_in_a_shaken_area_does_not_look_calm() -> None:
    quake = Report(
        "earthquake",
        (Area("jma.quake_area", "741", level="6-"), city(MASHIKI, "6-"), Area("jma.quake_area", "742", level="4"),
         city(HITOYOSHI, "4")),
    )  # fmt: skip
    assert on(KASHIMA, quake) == [Said(Scale.INTENSITY, "6-", no_figure=True, hazards=("earthquake",))]
    # Nishiki lies in 742, where 4 was the most: not named means it felt less than what is reported.
    assert on("4350100", quake) == []


def test_not_received_is_five_lower_or_more_and_says_so() -> None:
    quake = Report("earthquake", (city(KASHIMA, "5-", not_received=True),))
    assert on(KASHIMA, quake) == [Said(Scale.INTENSITY, "5-", True, True, ("earthquake",))]


def test_a_flash_report_knows_only_wide_areas() -> None:
    flash = Report("earthquake", (Area("jma.quake_area", "741", level="6+"),))
    assert on(MASHIKI, flash) == [Said(Scale.INTENSITY, "6+", no_figure=True, hazards=("earthquake",))]
    assert on(HITOYOSHI, flash) == []


def test_a_city_shows_the_worst_of_its_wards_and_a_part_its_city() -> None:
    wards = Report("earthquake", (city("4310100", "5+"), city("4310200", "6-")))
    assert [s.level for s in on(KUMAMOTO, wards)] == ["6-"]
    whole = Report("earthquake", (city("4320200", "5-"),))
    found = levels_on(["4320211", "4320212"], [whole], AREAS)
    assert {code: [s.level for s in said] for code, said in found.items()} == {"4320211": ["5-"], "4320212": ["5-"]}


def test_a_warning_for_one_town_does_not_warn_the_region() -> None:
    rain = Report("heavy_rain", (Area("jma.class10", "430010", level=4), city(MASHIKI, 4)))
    assert [s.level for s in on(MASHIKI, rain)] == ["4"]
    assert on(KASHIMA, rain) == []
    only_wide = Report("heavy_rain", (Area("jma.class10", "430010", level=4),))
    assert on(KASHIMA, only_wide) == [Said(Scale.WARNING, "4", hazards=("heavy_rain",))]


def test_what_is_lifted_is_over_and_the_worst_hazard_counts() -> None:
    rain = Report("heavy_rain", (city(MASHIKI, 3),))
    slide = Report("landslide", (city(MASHIKI, 4),))
    over = Report("river_flood", (city(MASHIKI, 5, change=Change.LIFTED),))
    assert on(MASHIKI, rain, slide, over) == [Said(Scale.WARNING, "4", hazards=("landslide",))]


def test_scales_do_not_compare() -> None:
    wind = Report("storm_wind", (city(MASHIKI, None, tier=Tier.WARNING),))
    both = on(MASHIKI, Report("earthquake", (city(MASHIKI, "6-"),)), wind)
    assert [(s.scale, s.level) for s in both] == [(Scale.INTENSITY, "6-"), (Scale.TIER, "warning")]


def test_a_tsunami_stands_on_the_municipalities_of_its_coast() -> None:
    wave = Report("tsunami", (Area("jma.tsunami_area", "220", level="warning"),))
    (kesennuma,) = frame_of([AreaCode("jis", "04205")]).codes
    assert [s.level for s in on(kesennuma, wave)] == ["warning"]
    assert on(MASHIKI, wave) == []


def test_a_region_shows_its_worst_municipality() -> None:
    quake = Report("earthquake", (city(MASHIKI, "7"), city(HITOYOSHI, "4")))
    inside = {region: codes for region, codes in regions().items() if region.startswith("43")}
    found = by_region(levels_on([c for codes in inside.values() for c in codes], [quake], AREAS), inside)
    assert {region: [s.level for s in said] for region, said in found.items()} == {"430010": ["7"], "430040": ["4"]}


def test_telegrams_resolve_to_what_they_say() -> None:
    said = {a.code: a.level for a in event("vxse53_first_not_received.xml").areas if a.scheme == "jma.city"}
    quake = event("vxse53_first_not_received.xml")
    drawn = frame_of([AreaCode("jma.quake_pref", "43")]).codes
    found = levels_on(drawn, [Report(quake.hazard, quake.areas)], AREAS)
    for code in set(drawn) & set(said):
        assert [s.level for s in found[code]] == [said[code]], code
    assert set(drawn) & set(said)
