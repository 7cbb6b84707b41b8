"""The line of a notification that names the nearest shelter, and the index behind it."""

from __future__ import annotations

import random
from dataclasses import fields

import pytest

from alerts.outbox_store import Claimed
from alerts.shelter_lines import line_of, with_line
from alerts.shelter_lines_store import Whereabouts
from core.i18n import Catalogs
from core.model import Precision
from geo.shelter_index import ShelterIndex, kind_bits, sites
from geo.shelters import KIND_OF_HAZARD, KINDS, WALKABLE_M, Shelter, nearest
from tests.unit.test_shelters import ALL, PARK, SCHOOL, shelter

CATALOGS = Catalogs.load()
HAZARDS = [*KIND_OF_HAZARD, "tornado"]
HERE = Whereabouts(1, 32.7955, 130.7, Precision.EXACT, True)


def index_of(shelters: list[Shelter]) -> ShelterIndex:
    return ShelterIndex(sites([(s.id, s.name, s.lat, s.lon, kind_bits(s.kinds)) for s in shelters if not s.only_for]))


def message(language: str = "en", hazard: str = "earthquake") -> Claimed:
    values = dict.fromkeys(field.name for field in fields(Claimed)) | {"language": language, "hazard": hazard}
    return Claimed(**values)  # type: ignore[arg-type]


def test_the_index_finds_what_looking_at_all_finds() -> None:
    chance = random.Random(5)
    kinds = sorted(set(KIND_OF_HAZARD.values()))
    many = [
        shelter(
            n,
            32.7 + chance.random() / 5,
            130.6 + chance.random() / 5,
            *chance.sample(kinds, chance.randint(0, 3)),
            only_for="要配慮者" if chance.random() < 0.1 else "",
        )
        for n in range(200)
    ]
    index = index_of(many)
    for _ in range(300):
        lat, lon, hazard = 32.65 + chance.random() / 3, 130.55 + chance.random() / 3, chance.choice(HAZARDS)
        best = [near for near in nearest(many, lat, lon, hazard, 1) if near.metres <= WALKABLE_M]
        found = index.nearest(lat, lon, hazard)
        assert (found and found.shelter.id) == (best[0].shelter.id if best else None)
        if found is not None:
            assert found.shelter.kinds == best[0].shelter.kinds
            assert found.metres == pytest.approx(best[0].metres, rel=0.002)
    assert index_of([]).nearest(32.8, 130.7, "earthquake") is None
    assert len(index_of(ALL)) == 4


def test_bits_are_in_the_order_of_the_kinds() -> None:
    """As the database writes them (geo.shelters_store.SITES)."""
    assert [kind_bits((kind,)) for kind in KINDS] == [1, 2, 4, 8, 16, 32, 64, 128]


def test_a_line_in_every_language() -> None:
    index = index_of(ALL)
    assert line_of(index, message(), HERE, CATALOGS) == (
        "Nearest evacuation site: 第1公園, about 600 m, north. It may not be open."
    )
    for lang in CATALOGS.languages:
        line = line_of(index, message(lang, "landslide"), HERE, CATALOGS)
        assert "第2公園" in line and "1.6 km" in line and "\n" not in line and len(line) < 200
    assert "\u2068第2公園\u2069" in line_of(index, message("ur", "landslide"), HERE, CATALOGS)


@pytest.mark.parametrize("precision", [Precision.MUNICIPALITY, Precision.UNKNOWN])
def test_no_distance_from_a_whole_town(precision: Precision) -> None:
    assert line_of(index_of(ALL), message(), HERE._replace(precision=precision), CATALOGS) == ""


def test_no_line_where_none_is_near() -> None:
    assert line_of(index_of([PARK, SCHOOL]), message(hazard="tsunami"), HERE, CATALOGS) == ""
    assert line_of(index_of(ALL), message(), HERE._replace(lat=34.0), CATALOGS) == ""


def test_words_nobody_approved_stay_out_of_a_text_that_is_approved() -> None:
    assert not CATALOGS.approved("en", ("shelter.push",))
    assert line_of(index_of(ALL), message(), HERE._replace(unreviewed=False), CATALOGS) == ""


def test_what_to_do_comes_before_where_to_go() -> None:
    assert (
        with_line("Go up. Do not wait.\nやさしい\nDRILL", "Nearest") == "Go up. Do not wait.\nNearest\nやさしい\nDRILL"
    )
    assert with_line("Go up.", "Nearest") == "Go up.\nNearest"
    assert with_line("Go up.\nx", "") == "Go up.\nx"
