"""A chain of geopy geocoders, from what is certain to what must be asked for: offline first, online last.

    coordinates -> postal code -> town gazetteer -> address text -> any other geopy geocoder

The first that knows a point ends the chain. A municipality alone is kept and the next one asked for something better;
what others say is checked against it (`geo.geocode.Geocoder.refine`), and their failures become notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Self

from geopy.exc import GeopyError
from geopy.geocoders.base import DEFAULT_SENTINEL, Geocoder
from geopy.location import Location

from core.model import Located, Precision
from geo.address import postal_code_in
from geo.coordinates import pasted_point
from geo.geocode import Geocoder as Places
from geo.geocode import PlaceNotFound
from geo.notes import PlaceNote
from geo.offline import AsyncNoNetwork, NoNetwork, OfflineGeocoder
from geo.online_precision import precision_of
from geo.postal import normalise_postal_code


class CoordinateGeocoder(OfflineGeocoder):
    """Answers a text that holds a point: degrees, degrees and minutes, a link of a map app."""

    name = "coordinates"

    def _find(self, query: str) -> Located | None:
        try:
            return super()._find(query) if pasted_point(query) else None
        except PlaceNotFound:
            return None


class PostalCodeGeocoder(OfflineGeocoder):
    """Answers a postal code, alone or in front of an address."""

    name = "postal code"

    def _find(self, query: str) -> Located | None:
        return super()._find(query) if postal_code_in(query) or _is_postal_code(query) else None


class TownGeocoder(OfflineGeocoder):
    """Answers an address whose town the gazetteer knows for sure."""

    name = "town"

    def _find(self, query: str) -> Located | None:
        found = super()._find(query)
        return found if found is not None and found.precision is Precision.TOWN else None


class AddressGeocoder(OfflineGeocoder):
    """Answers an address text with its municipality."""

    name = "address"


#: The geocoders that never reach a network, in their order.
OFFLINE = (CoordinateGeocoder, PostalCodeGeocoder, TownGeocoder, AddressGeocoder)


def _is_postal_code(query: str) -> bool:
    try:
        return bool(normalise_postal_code(query))
    except PlaceNotFound:
        return False


class ChainGeocoder(Geocoder):  # type: ignore[misc]  # geopy ships no types
    """Asks geocoders in turn. `others` come after ours: geopy geocoders of the same kind (all sync, or all async).

    Returns a geopy Location (with `exactly_one=False` a list of one) or None; with `adapter_factory=AsyncNoNetwork`, a
    coroutine of that. Its raw is {"located": Located, "answered_by": name of the geocoder whose point it is, "asked":
    every name, "raw": the raw of an online answer}.
    """

    def __init__(
        self, others: Sequence[Any] = (), *, places: Places | None = None, adapter_factory: Any = NoNetwork
    ) -> None:
        super().__init__(adapter_factory=adapter_factory)
        self._places = places or Places.load()
        self._async = adapter_factory is AsyncNoNetwork
        self._offline = [kind(adapter_factory=NoNetwork, places=self._places) for kind in OFFLINE]
        self._others = list(others)
        self._entered = AsyncExitStack()

    def geocode(self, query: str, *, exactly_one: bool = True, timeout: Any = DEFAULT_SENTINEL) -> Any:
        """The place of a text. Errors of other geocoders are notes of the Located, never raised."""
        return self._geocode_async(query, exactly_one) if self._async else self._geocode(query, exactly_one)

    def reverse(self, query: Any, *, exactly_one: bool = True, timeout: Any = DEFAULT_SENTINEL) -> Any:
        """The municipality of a point: always offline."""
        adapter = AsyncNoNetwork if self._async else NoNetwork
        return OfflineGeocoder(adapter_factory=adapter, places=self._places).reverse(query, exactly_one=exactly_one)

    def _geocode(self, query: str, exactly_one: bool) -> Any:
        answer = self._ask_offline(query)
        for other in self._wanted(answer):
            try:
                answer.take(other, other.geocode(query), self._places)
            except GeopyError as error:
                answer.failed(other, error)
        return answer.location(exactly_one, self._places)

    async def _geocode_async(self, query: str, exactly_one: bool) -> Any:
        answer = self._ask_offline(query)
        for other in self._wanted(answer):
            try:
                answer.take(other, await other.geocode(query), self._places)
            except GeopyError as error:
                answer.failed(other, error)
        return answer.location(exactly_one, self._places)

    def _ask_offline(self, query: str) -> _Answer:
        answer = _Answer()
        for step in self._offline:
            found = step.geocode(query)
            answer.asked.append(step.name)
            if found is not None and answer.located is None:
                answer.located, answer.answered_by = found.raw["located"], step.name
            if answer.has_point:
                break
        return answer

    def _wanted(self, answer: _Answer) -> Any:
        """The other geocoders, as long as no point is known: where nothing is known offline they are not asked."""
        for other in self._others:
            if answer.located is None or answer.has_point:
                return
            yield other

    async def __aenter__(self) -> Self:
        for other in self._others:
            await self._entered.enter_async_context(other)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._entered.aclose()


class _Answer:
    """What is known while the chain is asked."""

    def __init__(self) -> None:
        self.located: Located | None = None
        self.answered_by = ""
        self.asked: list[str] = []
        self.raw: Any = None

    @property
    def has_point(self) -> bool:
        return self.located is not None and self.located.precision is not Precision.MUNICIPALITY

    def take(self, other: Any, found: Location | None, places: Places) -> None:
        """What another geocoder says, checked against what is known."""
        name = _name(other)
        self.asked.append(name)
        if self.located is None:
            return
        if found is None:
            self.located = replace(self.located, notes=(*self.located.notes, PlaceNote("online_nothing")))
            return
        raw = found.raw if isinstance(found.raw, dict) else {}
        refined = places.refine(self.located, found.latitude, found.longitude, precision_of(raw), name)
        if refined.source != self.located.source:
            self.answered_by, self.raw = name, raw
        self.located = refined

    def failed(self, other: Any, error: Exception) -> None:
        """Another geocoder did not answer."""
        self.asked.append(_name(other))
        if self.located is not None:
            note = PlaceNote("online_failed", text=type(error).__name__)
            self.located = replace(self.located, notes=(*self.located.notes, note))

    def location(self, exactly_one: bool, places: Places) -> Any:
        """geopy's answer."""
        if self.located is None:
            return None
        raw = {"located": self.located, "answered_by": self.answered_by, "asked": self.asked, "raw": self.raw}
        address = OfflineGeocoder(places=places).address_of(self.located)
        location = Location(address, (self.located.lat, self.located.lon), raw)
        return location if exactly_one else [location]


def _name(geocoder: Any) -> str:
    return str(getattr(geocoder, "name", "") or type(geocoder).__name__.lower())
