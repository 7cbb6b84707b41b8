"""An online geocoder, only where the operator configured one: geopy's own, over its aiohttp adapter.

For one address that a member of staff has just typed, never for a list. It asks at most once in `geocoder_min_delay_s`
for the whole process, remembers answers in memory only, and is never waited for long: whatever goes wrong, what is
known offline stands, with a note.

Rules of the public Nominatim server (operations.osmfoundation.org/policies/nominatim): at most one request a second, a
User-Agent with contact, no bulk use; `core.settings` refuses to start without them.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from core.later import Later
from core.model import Located, Precision
from core.settings import Settings
from geo.geocode import Geocoder
from geo.notes import PlaceNote
from geo.online_precision import precision_of

if TYPE_CHECKING:
    import geopy.adapters as adapters
    import geopy.exc as errors
    import geopy.geocoders as geocoders
    from geopy.location import Location
else:
    adapters, errors, geocoders = Later("geopy.adapters"), Later("geopy.exc"), Later("geopy.geocoders")

#: An address is not worth more waiting than this: a clerk looks at a page that does not come.
MAX_WAIT_S: Final = 3.0
_REMEMBERED: Final = 500

#: What each service is asked beside the address: Japan only, Japanese names.
_ASK: Final[dict[str, dict[str, Any]]] = {
    "nominatim": {"country_codes": "jp", "language": "ja", "addressdetails": True},
    "photon": {"bbox": [(20.0, 122.0), (46.0, 154.0)]},
    "pelias": {"countries": ["JPN"]},
    "googlev3": {"region": "jp", "language": "ja", "components": {"country": "JP"}},
    "herev7": {"countries": ["JPN"], "language": "ja-JP"},
    "mapbox": {"country": "jp", "language": "ja"},
    "arcgis": {"out_fields": ["Addr_type"]},
    "tomtom": {"language": "ja-JP"},
    "azure": {"language": "ja-JP"},
    "opencage": {"country": "jp", "language": "ja"},
}


class Busy(Exception):
    """Too many addresses are waiting for their turn; this one is not asked."""


class Online:
    """One online geocoder with its pace and memory. One per process: see `online_of`."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.name = settings.geocoder
        self._settings = settings
        self._clock, self._sleep = clock, sleep
        self._free_at = 0.0
        self._answers: OrderedDict[str, Location | None] = OrderedDict()

    async def geocode(self, query: str) -> Location | None:
        """geopy's Location of an address, None if the service knows none. Raises Busy, and geopy's GeopyError."""
        key = " ".join(unicodedata.normalize("NFKC", query).split())
        if key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key]
        await self._turn()
        async with self._geocoder() as service:
            found: Location | None = await service.geocode(key, **_ASK[self.name])
        self._answers[key] = found
        if len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)
        return found

    async def _turn(self) -> None:
        now = self._clock()
        at = max(now, self._free_at)
        if at - now > MAX_WAIT_S:
            raise Busy
        self._free_at = at + self._settings.geocoder_min_delay_s
        if at > now:
            await self._sleep(at - now)

    def _geocoder(self) -> Any:
        settings = self._settings
        kind = geocoders.get_geocoder_for_service(self.name)
        given: dict[str, Any] = {
            "adapter_factory": adapters.AioHTTPAdapter,
            "timeout": settings.geocoder_timeout_s,
            "user_agent": settings.geocoder_agent,
        }
        if settings.geocoder_url:
            parts = urlsplit(settings.geocoder_url)
            given |= {"domain": parts.netloc + parts.path.rstrip("/"), "scheme": parts.scheme}
        if settings.geocoder_key is not None:
            takes = inspect.signature(kind.__init__).parameters
            name = next((n for n in ("api_key", "apikey", "subscription_key") if n in takes), None)
            if name is not None:
                given[name] = settings.geocoder_key.get_secret_value()
        return kind(**given)

    async def improve(self, places: Geocoder, found: Located, query: str) -> Located:
        """`found` (what is known offline) made more exact by the service's answer for the address `query`.

        Never raises for what the service does: its errors and its silence become notes.
        """
        if not query.strip() or found.precision in (Precision.EXACT, Precision.STREET):
            return found
        try:
            location = await self.geocode(query)
        except Busy:
            return _with(found, PlaceNote("online_failed", text="busy"))
        except (errors.GeopyError, ValueError, LookupError, TypeError, AttributeError) as error:
            # The last four: JSON of another shape than the service's own.
            return _with(found, PlaceNote("online_failed", text=type(error).__name__))
        return apply(places, found, location, self.name)


def apply(places: Geocoder, found: Located, location: Location | None, name: str) -> Located:
    """What is known offline, and an online geocoder's answer or None: both together. Pure."""
    if location is None:
        return _with(found, PlaceNote("online_nothing"))
    raw = location.raw if isinstance(location.raw, dict) else {}
    return places.refine(found, location.latitude, location.longitude, precision_of(raw), name)


def _with(found: Located, note: PlaceNote) -> Located:
    return replace(found, notes=(*found.notes, note))


@functools.lru_cache(maxsize=1)
def _online(settings: Settings) -> Online:
    return Online(settings)


def online_of(settings: Settings) -> Online | None:
    """This process's online geocoder; None unless DAIJOBU_GEOCODER names one."""
    return _online(settings) if settings.geocoder else None
