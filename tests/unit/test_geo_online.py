"""Online geocoders: asked politely, checked against what is known offline, and never in the way of saving."""

from __future__ import annotations

from typing import Any

import pytest

from core.model import Located, Precision
from core.settings import Settings, SettingsError, load_settings
from geo.geocode import Geocoder, locate
from geo.online import MAX_WAIT_S, Busy, Online, online_of
from geo.online_precision import precision_of
from tests.geocode_servers import LAT, LON, FakeGeocoder, geocoder_server

ADDRESS = "熊本県上益城郡益城町宮園702"


def settings(fake: FakeGeocoder, name: str = "nominatim", **more: Any) -> Settings:
    given = {"geocoder": name, "geocoder_url": fake.url, "geocoder_key": "k3y", "geocoder_min_delay_s": 0.0}
    return Settings(**{**given, **more})


def jis(located: Located) -> list[str]:
    return [area.code for area in located.codes if area.scheme == "jis"]


@pytest.mark.parametrize("name", ["nominatim", "photon", "pelias"])
async def test_a_house_is_known_to_the_street(name: str) -> None:
    async with geocoder_server() as fake:
        online = Online(settings(fake, name))
        found = await online.improve(Geocoder.load(), locate(address=ADDRESS), ADDRESS)
        assert (found.lat, found.lon, found.precision) == (LAT, LON, Precision.STREET)
        assert jis(found) == ["43443"] and found.source == f"address + {name}" and found.notes == ()
        request = fake.asked[0]
        assert request.headers["User-Agent"] == "Daijobu (https://github.com/daijobu)"
        assert ADDRESS in (request.query.get("q") or request.query["text"])


@pytest.mark.parametrize(("mode", "precision"), [("street", Precision.TOWN), ("city", Precision.MUNICIPALITY)])
@pytest.mark.parametrize("name", ["nominatim", "photon", "pelias"])
async def test_less_than_a_house_says_less(name: str, mode: str, precision: Precision) -> None:
    async with geocoder_server() as fake:
        fake.mode = mode
        before = locate(address=ADDRESS)
        found = await Online(settings(fake, name)).improve(Geocoder.load(), before, ADDRESS)
        assert found.precision is precision
        assert (found == before) is (precision is Precision.MUNICIPALITY)


async def test_another_municipality_keeps_both_codes_and_not_the_point() -> None:
    async with geocoder_server() as fake:
        fake.lat, fake.lon = 32.5050, 130.6020  # Yatsushiro
        before = locate(address=ADDRESS)
        found = await Online(settings(fake)).improve(Geocoder.load(), before, ADDRESS)
        assert jis(found) == ["43202", "43443"]
        assert (found.lat, found.lon, found.precision) == (before.lat, before.lon, Precision.MUNICIPALITY)
        assert found.notes == ("the online geocoder found 八代市, not 益城町: alerts for either will be sent",)
        fake.lat, fake.lon = 21.03, 105.85  # abroad
        found = await Online(settings(fake)).improve(Geocoder.load(), before, ADDRESS)
        assert found.codes == before.codes and "in no municipality" in found.notes[0]


@pytest.mark.parametrize(
    ("mode", "note"),
    [
        ("nothing", "does not know the address"),
        ("error", "gave no answer (GeocoderServiceError)"),
        ("too many", "gave no answer (GeocoderRateLimited)"),
        ("slow", "gave no answer (GeocoderTimedOut)"),
        ("html", "gave no answer (GeocoderParseError)"),
        ("other", "gave no answer (TypeError)"),
    ],
)
async def test_whatever_goes_wrong_the_offline_answer_stands(mode: str, note: str) -> None:
    async with geocoder_server() as fake:
        fake.mode = mode
        before = locate(address=ADDRESS)
        online = Online(settings(fake, geocoder_timeout_s=0.3 if mode == "slow" else 20))
        found = await online.improve(Geocoder.load(), before, ADDRESS)
        assert (found.lat, found.codes, found.precision) == (before.lat, before.codes, before.precision)
        assert len(found.notes) == 1 and note in found.notes[0]


async def test_a_server_that_is_not_there() -> None:
    async with geocoder_server() as fake:
        gone = settings(fake)
    found = await Online(gone).improve(Geocoder.load(), locate(address=ADDRESS), ADDRESS)
    assert "gave no answer (GeocoderUnavailable)" in found.notes[0]


async def test_the_same_address_is_asked_once_and_an_exact_place_never() -> None:
    async with geocoder_server() as fake:
        online = Online(settings(fake))
        before = locate(address=ADDRESS)
        for text in (ADDRESS, f" {ADDRESS}　", ADDRESS.replace("702", "７０２")):
            assert (await online.improve(Geocoder.load(), before, text)).precision is Precision.STREET
        assert len(fake.asked) == 1
        exact = locate(address="32.7873, 130.8167")
        assert await online.improve(Geocoder.load(), exact, "32.7873, 130.8167") == exact
        assert await online.improve(Geocoder.load(), before, " ") == before
        assert len(fake.asked) == 1


async def test_the_pace_is_kept_and_a_queue_is_not_waited_for() -> None:
    async with geocoder_server() as fake:
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        online = Online(settings(fake, geocoder_min_delay_s=1.0), clock=lambda: 100.0, sleep=sleep)
        for number in range(4):
            await online.geocode(f"{ADDRESS}-{number}")
        assert slept == [1.0, 2.0, 3.0] and len(fake.asked) == 4
        with pytest.raises(Busy):
            await online.geocode(f"{ADDRESS}-4")
        found = await online.improve(Geocoder.load(), locate(address=ADDRESS), ADDRESS)
        assert found.notes == ("the online geocoder gave no answer (busy): what is known offline counts",)
        assert len(fake.asked) == 4 and MAX_WAIT_S == 3.0


def test_nothing_is_asked_unless_it_is_configured() -> None:
    assert online_of(Settings()) is None
    configured = Settings(geocoder="photon")
    assert online_of(configured) is online_of(configured)  # one pace for the whole process


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"GEOCODER": "nominatim"}, "DAIJOBU_CONTACT must be yours"),
        ({"GEOCODER": "nominatim", "CONTACT": "a@b.jp", "GEOCODER_MIN_DELAY_S": "0.5"}, "must be 1 or more"),
        ({"GEOCODER": "nominatim", "GEOCODER_USER_AGENT": "Mozilla/5.0"}, "mail or web address"),
        ({"GEOCODER": "pelias"}, "must name the server of Pelias"),
        ({"GEOCODER": "bing"}, "DAIJOBU_GEOCODER: Input should be"),
        ({"GEOCODER": "photon", "GEOCODER_URL": "http://photon.example.jp"}, "must begin with https://"),
    ],
)
def test_settings_that_would_break_a_rule_stop_the_start(given: dict[str, str], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        load_settings({f"DAIJOBU_{name}": value for name, value in given.items()})


def test_the_public_nominatim_with_a_contact_is_allowed() -> None:
    given = {"DAIJOBU_GEOCODER": "nominatim", "DAIJOBU_CONTACT": "ops@example.jp"}
    assert load_settings(given).geocoder_agent == "Daijobu (ops@example.jp)"


BOX = ["32.79", "32.7902", "130.81", "130.8102"]
WIDE = ["32.6", "33.0", "130.6", "131.0"]


@pytest.mark.parametrize(
    ("raw", "precision"),
    [
        ({"addresstype": "building", "boundingbox": BOX}, Precision.STREET),
        ({"addresstype": "building", "boundingbox": WIDE}, Precision.MUNICIPALITY),
        ({"addresstype": "road", "boundingbox": WIDE}, Precision.MUNICIPALITY),
        ({"addresstype": "quarter", "boundingbox": BOX}, Precision.TOWN),
        ({"addresstype": "town", "boundingbox": BOX}, Precision.MUNICIPALITY),
        ({"properties": {"type": "house"}}, Precision.STREET),
        ({"properties": {"type": "street", "extent": [130.81, 32.8, 130.82, 32.79]}}, Precision.TOWN),
        ({"properties": {"type": "city"}}, Precision.MUNICIPALITY),
        ({"properties": {"layer": "venue"}}, Precision.STREET),
        ({"properties": {"layer": "neighbourhood"}}, Precision.TOWN),
        ({"geometry": {"location_type": "ROOFTOP"}}, Precision.STREET),
        ({"geometry": {"location_type": "ROOFTOP"}, "partial_match": True}, Precision.TOWN),
        ({"geometry": {"location_type": "APPROXIMATE"}}, Precision.MUNICIPALITY),
        ({"resultType": "houseNumber"}, Precision.STREET),
        ({"resultType": "administrativeArea"}, Precision.MUNICIPALITY),
        ({"place_type": ["address"]}, Precision.STREET),
        ({"place_type": ["region"]}, Precision.MUNICIPALITY),
        ({"attributes": {"Addr_type": "PointAddress"}}, Precision.STREET),
        ({"type": "Point Address"}, Precision.STREET),
        ({"type": "Geography"}, Precision.MUNICIPALITY),
        ({"components": {}, "confidence": 9}, Precision.TOWN),
        ({"components": {}, "confidence": 4}, Precision.MUNICIPALITY),
        ({"addresstype": "building", "boundingbox": ["x", None, 1, 2]}, Precision.STREET),
        ({}, Precision.MUNICIPALITY),
        ({"type": 7, "properties": "x", "geometry": []}, Precision.MUNICIPALITY),
    ],
)
def test_what_services_say_of_their_own_precision(raw: dict[str, Any], precision: Precision) -> None:
    assert precision_of(raw) is precision
