"""Our offline geocoder as a geopy geocoder, so that it can stand first in a chain with geopy's online ones.

Its adapter cannot reach a network: that residents' addresses stay here is a property of the class.
"""

from __future__ import annotations

from typing import Any, NoReturn

from geopy.adapters import BaseAsyncAdapter, BaseSyncAdapter
from geopy.geocoders.base import DEFAULT_SENTINEL, Geocoder
from geopy.location import Location
from geopy.point import Point

from core.model import Located
from geo.geocode import Geocoder as Places
from geo.geocode import PlaceNotFound


class NetworkForbidden(RuntimeError):
    """Code tried to reach the network through the offline geocoder."""


def _refuse(url: str) -> NoReturn:
    raise NetworkForbidden(f"the offline geocoder never opens a URL, asked for {url}")


class NoNetwork(BaseSyncAdapter):  # type: ignore[misc]  # geopy ships no types
    """A synchronous geopy adapter that refuses every request."""

    def __init__(self, *, proxies: Any, ssl_context: Any) -> None:
        super().__init__(proxies=None, ssl_context=None)

    def get_json(self, url: str, *, timeout: float, headers: dict[str, str]) -> NoReturn:
        _refuse(url)

    def get_text(self, url: str, *, timeout: float, headers: dict[str, str]) -> NoReturn:
        _refuse(url)


class AsyncNoNetwork(BaseAsyncAdapter):  # type: ignore[misc]  # geopy ships no types
    """An asynchronous geopy adapter that refuses every request."""

    def __init__(self, *, proxies: Any, ssl_context: Any) -> None:
        super().__init__(proxies=None, ssl_context=None)

    async def get_json(self, url: str, *, timeout: float, headers: dict[str, str]) -> NoReturn:
        _refuse(url)

    async def get_text(self, url: str, *, timeout: float, headers: dict[str, str]) -> NoReturn:
        _refuse(url)


class OfflineGeocoder(Geocoder):  # type: ignore[misc]  # geopy ships no types
    """geopy's interface over `geo.geocode`.

    Its methods return a geopy Location (with `exactly_one=False` a list of one) or None; with
    `adapter_factory=AsyncNoNetwork` a coroutine of that.
    """

    #: What a chain (geo.chain) says of who answered.
    name = "offline"

    def __init__(self, *, adapter_factory: Any = NoNetwork, places: Places | None = None) -> None:
        if adapter_factory not in (NoNetwork, AsyncNoNetwork):
            raise ValueError("the offline geocoder works only with NoNetwork or AsyncNoNetwork as its adapter")
        super().__init__(adapter_factory=adapter_factory)
        self._async = adapter_factory is AsyncNoNetwork
        self._places = places or Places.load()

    def geocode(self, query: str, *, exactly_one: bool = True, timeout: Any = DEFAULT_SENTINEL) -> Any:
        """The place of a postal code or an address text; None where there is none. raw is {"located": Located}."""
        return self._answer(self._find(query), exactly_one)

    def reverse(self, query: Any, *, exactly_one: bool = True, timeout: Any = DEFAULT_SENTINEL) -> Any:
        """The municipality of a point (geopy Point, "lat, lon" or a pair); None outside Japan."""
        point = Point(query)
        try:
            located = self._places.locate(lat=point.latitude, lon=point.longitude)
        except PlaceNotFound:
            return self._answer(None, exactly_one)
        return self._answer(located, exactly_one)

    def _find(self, query: str) -> Located | None:
        try:
            return self._places.locate(postal_code=query)
        except PlaceNotFound:
            pass  # not a postal code: an address, then
        try:
            return self._places.locate(address=query)
        except PlaceNotFound:
            return None

    def address_of(self, located: Located) -> str:
        """The municipalities of a place in Japanese."""
        areas = self._places.areas
        jis = [c.code for c in located.codes if c.scheme == "jis"]
        return "・".join(areas.prefecture_name(j) + areas.name("jis", j) for j in jis if not areas.wards(j))

    def _answer(self, located: Located | None, exactly_one: bool) -> Any:
        found: Location | list[Location] | None = None
        if located is not None:
            raw = {"located": located, "answered_by": self.name}
            location = Location(self.address_of(located), (located.lat, located.lon), raw)
            found = location if exactly_one else [location]
        return _ready(found) if self._async else found


async def _ready(value: Any) -> Any:
    return value
