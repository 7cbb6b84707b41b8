"""The chain of geopy geocoders: who answers, in which order, sync and async, and what becomes of failures."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from geopy.adapters import AioHTTPAdapter
from geopy.exc import GeocoderTimedOut
from geopy.geocoders import Nominatim
from geopy.location import Location

from core.model import Precision
from geo.areas import Areas
from geo.chain import ChainGeocoder
from geo.geocode import Geocoder
from geo.offline import AsyncNoNetwork
from geo.postal import PostalCodes
from geo.shapes import Shapes
from tests.geocode_servers import LAT, LON, geocoder_server


@pytest.fixture(scope="module")
def places() -> Geocoder:
    return Geocoder(Areas.load(), Shapes.load(), PostalCodes.load())


class Canned:
    """A geopy geocoder that says what it is told to, and counts."""

    name = "canned"

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def geocode(self, query: str) -> Any:
        self.asked.append(query)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


HOUSE = Location("益城町", (LAT, LON), {"addresstype": "building"})


@pytest.mark.parametrize(
    ("query", "answered_by", "precision"),
    [
        ("32.7873, 130.8167", "coordinates", Precision.EXACT),
        ("130.8167, 32.7873", "coordinates", Precision.EXACT),
        ("熊本県益城町宮園 (32.7873, 130.8167)", "coordinates", Precision.EXACT),
        ("861-2233", "postal code", Precision.MUNICIPALITY),
        ("〒861-2233 熊本県益城町惣領", "postal code", Precision.MUNICIPALITY),
        ("熊本県益城町惣領", "address", Precision.MUNICIPALITY),
        ("Mashiki-machi, Kumamoto", "address", Precision.MUNICIPALITY),
    ],
)
def test_the_first_that_knows_answers(places: Geocoder, query: str, answered_by: str, precision: Precision) -> None:
    found = ChainGeocoder(places=places).geocode(query)
    assert found.address == "熊本県益城町"
    assert found.raw["answered_by"] == answered_by
    assert found.raw["asked"][0] == "coordinates" and answered_by in found.raw["asked"]
    assert found.raw["located"].precision is precision


def test_others_are_asked_only_for_what_has_no_point(places: Geocoder) -> None:
    other = Canned(HOUSE)
    chain = ChainGeocoder([other], places=places)
    assert chain.geocode("32.7873, 130.8167").raw["answered_by"] == "coordinates"
    assert chain.geocode("nowhere at all") is None
    assert other.asked == []
    found = chain.geocode("熊本県益城町宮園702")
    assert (found.latitude, found.longitude) == (LAT, LON)
    assert found.raw["answered_by"] == "canned" and found.raw["raw"] == {"addresstype": "building"}
    assert found.raw["located"].precision is Precision.STREET


def test_failures_and_silence_of_others_are_notes(places: Geocoder) -> None:
    for answer, note in ((GeocoderTimedOut("late"), "GeocoderTimedOut"), (None, "does not know the address")):
        second = Canned(HOUSE)
        found = ChainGeocoder([Canned(answer), second], places=places).geocode("熊本県益城町宮園702")
        located = found.raw["located"]
        assert note in located.notes[0] and located.precision is Precision.STREET
        assert second.asked and found.raw["asked"][-2:] == ["canned", "canned"]


def test_an_answer_elsewhere_keeps_both_codes(places: Geocoder) -> None:
    elsewhere = Location("八代市", (32.5050, 130.6020), {"addresstype": "building"})
    found = ChainGeocoder([Canned(elsewhere)], places=places).geocode("熊本県益城町宮園702")
    assert found.raw["answered_by"] == "address" and found.address == "熊本県八代市・熊本県益城町"
    assert "found 八代市, not 益城町" in found.raw["located"].notes[0]


def test_geopy_ways_of_asking(places: Geocoder) -> None:
    chain = ChainGeocoder(places=places)
    assert [one.address for one in chain.geocode("熊本県八代市", exactly_one=False)] == ["熊本県八代市"]
    assert chain.reverse((32.7873, 130.8167)).address == "熊本県益城町"


async def test_async_with_geopys_nominatim() -> None:
    async with geocoder_server() as fake:
        domain = fake.url.removeprefix("http://")
        nominatim = Nominatim(
            domain=domain, scheme="http", user_agent="Daijobu (tests@example.jp)", adapter_factory=AioHTTPAdapter
        )
        async with ChainGeocoder([nominatim], adapter_factory=AsyncNoNetwork) as chain:
            coroutine = chain.geocode("861-2233 熊本県益城町惣領1")
            assert inspect.iscoroutine(coroutine)
            found = await coroutine
            assert found.raw["answered_by"] == "nominatim" and (found.latitude, found.longitude) == (LAT, LON)
            fake.mode = "error"
            found = await chain.geocode("熊本県益城町宮園702")
            assert found.raw["answered_by"] == "address"
            assert "GeocoderServiceError" in found.raw["located"].notes[0]
            assert (await chain.reverse((32.7873, 130.8167))).address == "熊本県益城町"
