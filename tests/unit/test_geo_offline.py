"""geopy's interface over our geocoder, with no way to the network."""

from __future__ import annotations

import inspect

import pytest
from geopy.adapters import URLLibAdapter

from core.model import Precision
from geo.offline import AsyncNoNetwork, NetworkForbidden, NoNetwork, OfflineGeocoder


def test_it_answers_like_any_geopy_geocoder() -> None:
    geocoder = OfflineGeocoder()
    location = geocoder.geocode("861-2233")
    assert location.address == "熊本県益城町"
    assert location.raw["located"].precision is Precision.MUNICIPALITY
    assert geocoder.geocode("Mashiki-machi, Kumamoto").address == "熊本県益城町"
    assert geocoder.geocode("nowhere at all") is None
    assert [place.address for place in geocoder.geocode("熊本県八代市", exactly_one=False)] == ["熊本県八代市"]


def test_reverse_names_the_municipality() -> None:
    geocoder = OfflineGeocoder()
    assert geocoder.reverse((32.7873, 130.8167)).address == "熊本県益城町"
    assert geocoder.reverse("32.7873, 130.8167").address == "熊本県益城町"
    assert geocoder.reverse((21.03, 105.85)) is None


async def test_in_async_mode_it_returns_coroutines() -> None:
    async with OfflineGeocoder(adapter_factory=AsyncNoNetwork) as geocoder:
        coroutine = geocoder.geocode("861-2233")
        assert inspect.iscoroutine(coroutine)
        assert (await coroutine).address == "熊本県益城町"
        assert await geocoder.reverse((21.03, 105.85)) is None
        with pytest.raises(NetworkForbidden, match="example"):
            await geocoder.adapter.get_json("https://example.org/", timeout=1, headers={})


def test_no_request_can_leave() -> None:
    geocoder = OfflineGeocoder()
    for method in (geocoder.adapter.get_json, geocoder.adapter.get_text):
        with pytest.raises(NetworkForbidden, match="never opens a URL"):
            method("https://example.org/", timeout=1, headers={})
    with pytest.raises(ValueError, match="NoNetwork"):
        OfflineGeocoder(adapter_factory=URLLibAdapter)
    assert isinstance(geocoder.adapter, NoNetwork)
