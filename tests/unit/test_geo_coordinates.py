"""Points as people paste them, and what must not be mistaken for one."""

from __future__ import annotations

import pytest

from geo.coordinates import pasted_point
from geo.postal import PlaceNotFound


@pytest.mark.parametrize(
    "text",
    [
        "32.79, 130.74",
        "32.79,130.74",
        "32.79 130.74",
        "(32.79, 130.74)",
        "32.79；130.74",
        "32.79/130.74",
        "３２．７９，１３０．７４",
        "３２．７９　１３０．７４",
        "32.79、130.74",
        "32,79 130,74",
        "32,79; 130,74",
        "32.79N 130.74E",
        "N32.79 E130.74",
        "N 32.79, E 130.74",
        "32.79° N, 130.74° E",
        "32.79°, 130.74°",
        "32°47.4' 130°44.4'",
        "32°47.4'N 130°44.4'E",
        "32°47'24\"N 130°44'24\"E",
        "32°47'24.0\"N 130°44'24.0\"E",
        "32°47′24″N, 130°44′24″E",
        "３２°４７’２４”Ｎ　１３０°４４’２４”Ｅ",
        "北緯32度47分24秒 東経130度44分24秒",
        "北緯32.79度、東経130.74度",
        "北緯３２度４７分２４秒　東経１３０度４４分２４秒",
        "lat 32.79 lon 130.74",
        "lat: 32.79, lng: 130.74",
        "latitude=32.79 longitude=130.74",
        "緯度 32.79 経度 130.74",
        "緯度:32.79、経度:130.74",
        "geo:32.79,130.74",
        "geo:32.79,130.74?z=17",
        "https://www.google.com/maps/@32.79,130.74,17z",
        "https://www.google.com/maps/place/X/@32.1,130.1,17z/data=!3m1!4b1!4m5!3m4!1s0x0:0x0!8m2!3d32.79!4d130.74",
        "https://maps.google.com/?q=32.79,130.74",
        "https://www.google.com/maps/search/?api=1&query=32.79%2C130.74",
        "https://maps.apple.com/?ll=32.79,130.74",
        "https://www.openstreetmap.org/#map=17/32.79/130.74",
        "https://www.openstreetmap.org/?mlat=32.79&mlon=130.74#map=5/35.0/135.0",
    ],
)
def test_every_form_is_one_point(text: str) -> None:
    point = pasted_point(text)
    assert point is not None and not point.swapped and point.rest == ""
    assert (point.lat, point.lon) == (pytest.approx(32.79, abs=1e-5), pytest.approx(130.74, abs=1e-5))


@pytest.mark.parametrize("text", ["130.74, 32.79", "130.74 32.79", "１３０．７４，３２．７９", "(130.74; 32.79)"])
def test_a_swapped_pair_is_put_right_and_said(text: str) -> None:
    point = pasted_point(text)
    assert point is not None and (point.lat, point.lon, point.swapped) == (32.79, 130.74, True)


def test_the_axis_may_stand_first_for_the_longitude() -> None:
    for text in ("E130.74 N32.79", "東経130.74度 北緯32.79度", "lng: 130.74, lat: 32.79", "130°44.4'E 32°47.4'N"):
        point = pasted_point(text)
        assert point is not None and not point.swapped, text
        assert (point.lat, point.lon) == (32.79, 130.74)


def test_a_point_inside_an_address_leaves_the_address() -> None:
    point = pasted_point("熊本県益城町宮園 (32.7912, 130.8167)")
    assert point is not None and (point.lat, point.lon, point.rest) == (32.7912, 130.8167, "熊本県益城町宮園")
    assert pasted_point("Dorm A 130.8167, 32.7912 Mashiki") == (32.7912, 130.8167, True, "Dorm A   Mashiki")


def test_south_and_west_are_not_japan() -> None:
    point = pasted_point("32.79S 130.74W")
    assert point is not None and (point.lat, point.lon) == (-32.79, -130.74)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "860-0806",
        "8600806",
        "861 2233",
        "1-2-3",
        "1,2",
        "32 130",
        "12, 34",
        "熊本県益城町宮園702",
        "健軍本町1-1",
        "096-286-3111",
        "090.1234.5678",
        "Kumamoto 860-0806",
        "32°75'N 130°44'E",
        "32.79",
        "N32.79",
        "room 3.14, floor 2.71",
        "2026.11.22",
    ],
)
def test_what_is_no_point(text: str) -> None:
    assert pasted_point(text) is None


def test_a_shortened_link_says_what_to_copy() -> None:
    with pytest.raises(PlaceNotFound, match="copy the two numbers"):
        pasted_point("https://maps.app.goo.gl/AbCdEf123")
