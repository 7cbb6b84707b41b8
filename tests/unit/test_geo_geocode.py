"""Places from points, postal codes and addresses; what happens where they disagree."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from core.model import AreaCode, Located, Precision
from geo import data_folder
from geo.areas import Areas
from geo.geocode import Geocoder, PlaceNotFound
from geo.notes import PlaceNote
from geo.postal import PostalCodes
from geo.shapes import Shapes

MASHIKI = (32.7873, 130.8167)
KUMAMOTO = (32.7900, 130.7420)


@pytest.fixture(scope="module")
def places() -> Geocoder:
    return Geocoder(Areas.load(), Shapes.load(), PostalCodes.load())


def jis(located: Located) -> list[str]:
    return [c.code for c in located.codes if c.scheme == "jis"]


def cities(located: Located) -> list[str]:
    return [c.code for c in located.codes if c.scheme == "jma.city"]


def test_a_postal_code_gives_codes_but_no_exact_point(places: Geocoder) -> None:
    found = places.locate(postal_code="〒８６１ー２２３３")
    assert found.postal_code == "8612233"
    assert found.precision is Precision.MUNICIPALITY
    assert found.source == "postal code" and found.notes == ()
    assert AreaCode("jma.quake_area", "741") in found.codes and AreaCode("jma.city", "4344300") in found.codes
    assert found.lat is not None and found.lon is not None
    assert Shapes.load().at(found.lat, found.lon).inside == ("4344300",)


def test_a_point_is_kept_as_given(places: Geocoder) -> None:
    found = places.locate(lat=MASHIKI[0], lon=MASHIKI[1])
    assert (found.lat, found.lon, found.precision) == (*MASHIKI, Precision.EXACT)
    assert jis(found) == ["43443"]


def test_a_point_in_a_designated_city_counts_for_every_ward(places: Geocoder) -> None:
    found = places.locate(lat=KUMAMOTO[0], lon=KUMAMOTO[1])
    assert cities(found) == ["4310000", "4310100", "4310200", "4310300", "4310400", "4310500"]
    assert found.notes == ("the ward of 熊本市 is not known: the strongest warning of its wards counts",)


def test_the_postal_code_tells_the_ward_of_a_point(places: Geocoder) -> None:
    found = places.locate(lat=KUMAMOTO[0], lon=KUMAMOTO[1], postal_code="862-0911")
    assert cities(found) == ["4310000", "4310200"]
    assert found.notes == ()


def test_point_and_postal_code_disagree_both_are_kept(places: Geocoder) -> None:
    found = places.locate(lat=MASHIKI[0], lon=MASHIKI[1], postal_code="866-0861")
    assert jis(found) == ["43202", "43443"]
    assert found.notes == ("point (益城町) and postal code (八代市) disagree: alerts for either will be sent",)


def test_postal_code_and_address_disagree_both_are_kept(places: Geocoder) -> None:
    found = places.locate(postal_code="862-0911", address="熊本県益城町宮園")
    assert jis(found) == ["43100", "43102", "43443"]
    assert "disagree" in found.notes[0]


def test_a_point_by_the_border_keeps_the_neighbour_without_a_complaint(places: Geocoder) -> None:
    shapes = Shapes.load()
    points = [(32.7900, 130.7750 + step * 0.001) for step in range(40)]
    point = next(p for p in points if shapes.at(*p).inside == ("4344300",) and "4310000" in shapes.at(*p).near)
    found = places.locate(lat=point[0], lon=point[1], postal_code="861-2106")  # a postal code of Kumamoto Higashi
    assert jis(found) == ["43100", "43102", "43443"]
    assert found.notes == ()


def test_a_point_tells_the_part_of_a_split_municipality(places: Geocoder) -> None:
    assert cities(places.locate(lat=32.5070, lon=130.6020)) == ["4320200", "4320211"]
    assert cities(places.locate(lat=32.5600, lon=130.8700)) == ["4320200", "4320212"]
    assert cities(places.locate(postal_code="866-0861")) == ["4320200", "4320211", "4320212"]


def test_a_postal_code_of_two_municipalities_keeps_both(places: Geocoder) -> None:
    assert jis(places.locate(postal_code="498-0000")) == ["23235", "24303"]


def test_the_postal_code_inside_an_address_counts(places: Geocoder) -> None:
    found = places.locate(address="〒862-0911 熊本市健軍")
    assert found.postal_code == "8620911"
    assert jis(found) == ["43100", "43102"]


def test_the_prefecture_of_the_postal_code_decides_equal_names(places: Geocoder) -> None:
    found = places.locate(postal_code="183-0056", address="府中市寿町")
    assert jis(found) == ["13206"] and found.notes == ()


def test_one_readable_source_is_enough_and_the_other_is_reported(places: Geocoder) -> None:
    found = places.locate(postal_code="999-9999", address="熊本県益城町")
    assert jis(found) == ["43443"]
    assert "999-9999 is not in Japan Post's list" in found.notes[0]
    found = places.locate(lat=21.03, lon=105.85, postal_code="861-2233")
    assert found.precision is Precision.MUNICIPALITY
    assert "in no municipality of Japan" in found.notes[0]


def test_an_address_without_town_does_not_trouble_a_good_postal_code(places: Geocoder) -> None:
    assert places.locate(postal_code="862-0911", address="健軍1-2-3 ハイツ201").notes == ()


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({}, "all are empty"),
        ({"postal_code": " ", "address": "\u3000"}, "all are empty"),
        ({"postal_code": "999-9999"}, "not in Japan Post's list"),
        ({"address": "Hanoi, Vietnam"}, "names no municipality"),
        ({"lat": 21.03, "lon": 105.85}, "in no municipality of Japan"),
        ({"lat": 32.8}, "both latitude and longitude"),
        ({"postal_code": "abc", "address": "xyz"}, "needs 7 digits.*; address 'xyz' names no municipality"),
    ],
)
def test_what_cannot_be_located_says_why(places: Geocoder, given: dict[str, object], complaint: str) -> None:
    with pytest.raises(PlaceNotFound, match=complaint):
        places.locate(**given)  # type: ignore[arg-type]


def test_a_point_pasted_into_either_field_is_exact(places: Geocoder) -> None:
    for given in ({"address": "32.7873, 130.8167"}, {"postal_code": "130.8167 32.7873"}):
        found = places.locate(**given)  # type: ignore[arg-type]
        assert (found.lat, found.lon, found.precision) == (*MASHIKI, Precision.EXACT)
    assert found.notes == ("latitude and longitude were swapped and have been put right: 32.7873, 130.8167",)
    found = places.locate(address="熊本県益城町宮園 (32.7873, 130.8167)", postal_code="861-2242")
    assert (jis(found), found.precision, found.notes) == (["43443"], Precision.EXACT, ())


def test_swapped_numbers_are_put_right_and_said(places: Geocoder) -> None:
    found = places.locate(lat=MASHIKI[1], lon=MASHIKI[0])
    assert (found.lat, found.lon) == MASHIKI and "swapped" in found.notes[0]


def test_a_shortened_link_does_not_spoil_a_postal_code(places: Geocoder) -> None:
    found = places.locate(postal_code="861-2233", address="https://maps.app.goo.gl/AbCdEf")
    assert jis(found) == ["43443"] and "copy the two numbers" in found.notes[0]
    with pytest.raises(PlaceNotFound, match="copy the two numbers"):
        places.locate(address="https://maps.app.goo.gl/AbCdEf")


def test_an_old_name_is_read_and_said(places: Geocoder) -> None:
    found = places.locate(address="熊本県下益城郡松橋町1-2")
    assert jis(found) == ["43213"] and found.notes == ("松橋町 is an old name: read as 宇城市",)


def test_notes_survive_a_copy_between_processes(places: Geocoder) -> None:
    note = places.locate(address="熊本県下益城郡松橋町1-2").notes[0]
    same = pickle.loads(pickle.dumps(note))
    assert isinstance(same, PlaceNote) and (same, same.key, same.values) == (note, "old_name", note.values)  # type: ignore[attr-defined]


def test_a_damaged_gazetteer_keeps_nobody_from_enrolling(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = data_folder.folder()
    data_folder.use(tmp_path)
    try:
        data_folder.write_file("towns.sqlite", b"good", source="x", vintage="")
        (tmp_path / "towns.sqlite").write_bytes(b"bad")
        data_folder.forget()
        assert jis(Geocoder.load().locate(postal_code="861-2233")) == ["43443"]
        assert "towns.sqlite" in caplog.text
    finally:
        data_folder.use(before)


def test_sampled_postal_codes_all_locate(places: Geocoder) -> None:
    for code in PostalCodes.load().sample(every=500):
        found = places.locate(postal_code=code)
        assert {"jis", "jma.city", "jma.quake_area", "jma.class15"} <= {c.scheme for c in found.codes}, code
        assert len(set(found.codes)) == len(found.codes)
