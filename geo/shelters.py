"""Designated shelters: which are suitable for a hazard, and which are nearest to a point. Pure.

Two designations of the Disaster Countermeasures Basic Act: 指定緊急避難場所 (article 49-4), where people save their
lives, designated per kind of disaster, and 指定避難所 (article 49-7), where they stay afterwards. Designated is not
open: opening is announced by the municipality.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from core.model import Precision
from geo.distance import bearing_deg, distance_km

#: Kinds of disaster for which a 指定緊急避難場所 can be designated, in the order of GSI's columns.
KINDS: Final = ("flood", "landslide", "storm_surge", "earthquake", "tsunami", "fire", "inland_flood", "volcano")

#: Our hazard -> the kind a shelter must be designated for. Heavy rain asks for "flood": a site that is designated for
#: inland flooding alone may stand where the river comes. Any other hazard: every designated shelter.
KIND_OF_HAZARD: Final[Mapping[str, str]] = {
    "earthquake": "earthquake",
    "river_flood": "flood",
    "heavy_rain": "flood",
    "landslide": "landslide",
    "storm_surge": "storm_surge",
    "tsunami": "tsunami",
    "volcano": "volcano",
}
#: Farther than this nobody walks: a shelter beyond it is not named.
WALKABLE_M: Final = 5_000.0


class Shelter(NamedTuple):
    """One designated shelter. Coordinates in degrees (JGD2011, which is WGS84 within a metre)."""

    #: 共通ID: "E", the JIS code of the municipality, five digits of the site, three of the facility.
    id: str
    #: As the municipality writes it: Japanese.
    name: str
    address: str
    lat: float
    lon: float
    #: Municipality it stands in (a designated city as a whole).
    jis: str
    #: Kinds of disaster it is designated for (KINDS); empty: only 指定避難所.
    kinds: frozenset[str]
    #: Also, or only, 指定避難所: a place to stay.
    is_shelter: bool
    #: 備考: "車中泊用避難所", "洪水場合２階以上".
    note: str = ""
    #: 受入対象者 of a shelter that is only for some (welfare shelters); "": for everybody.
    only_for: str = ""


class Near(NamedTuple):
    """A shelter as seen from a point: metres in a straight line, direction in degrees clockwise from north."""

    shelter: Shelter
    metres: float
    bearing_deg: float


def kind_for(hazard: str) -> str | None:
    """The kind of designation a hazard asks for; None: any shelter will do."""
    return KIND_OF_HAZARD.get(hazard)


def suitable(shelter: Shelter, hazard: str) -> bool:
    """Whether a shelter is designated for this hazard and for everybody."""
    kind = kind_for(hazard)
    return not shelter.only_for and (kind is None or kind in shelter.kinds)


def nearest(shelters: Iterable[Shelter], lat: float, lon: float, hazard: str, k: int = 3) -> list[Near]:
    """The `k` nearest shelters that are suitable for `hazard`, nearest first, however far they are."""
    found = [
        (distance_km(lat, lon, shelter.lat, shelter.lon), shelter.id, shelter)
        for shelter in shelters
        if suitable(shelter, hazard)
    ]
    found.sort(key=lambda each: each[:2])
    return [
        Near(shelter, km * 1000, bearing_deg(lat, lon, shelter.lat, shelter.lon))
        for km, _, shelter in found[: max(0, k)]
    ]


def joined(sites: Collection[Shelter], shelters: Collection[Shelter]) -> list[Shelter]:
    """指定緊急避難場所 and 指定避難所 as one list: where both stand on one site, the site, marked as a shelter too.

    GSI gives both the same first eleven characters of the 共通ID (and sets 住所同一).
    """
    staying = {site_of(shelter.id) for shelter in shelters if not shelter.only_for}
    known = {site_of(site.id) for site in sites}
    both = [site._replace(is_shelter=site_of(site.id) in staying) for site in sites]
    return both + [shelter for shelter in shelters if site_of(shelter.id) not in known]


def site_of(common_id: str) -> str:
    """The part of a 共通ID that both designations of one site share.

    >>> site_of("E4344300009201")
    'E4344300009'
    """
    return common_id[:11]


#: How far a stored point may be from the real one, in metres: homes and sites are kept as the centre of a 250 m mesh.
_ERROR_M: Final[Mapping[Precision, float]] = {
    Precision.EXACT: 180.0,
    Precision.STREET: 180.0,
    Precision.TOWN: 1_000.0,
    Precision.POSTAL: 1_000.0,
}
#: The eight directions people have words for, clockwise from north.
COMPASS: Final = ("n", "ne", "e", "se", "s", "sw", "w", "nw")


class Rough(NamedTuple):
    """A distance as exactly as it is known: metres, rounded, and one of COMPASS; "": within that many metres."""

    metres: int
    direction: str

    @property
    def text(self) -> str:
        """ "600 m", "1.3 km": the same in every language."""
        return f"{self.metres} m" if self.metres < 1000 else f"{self.metres / 1000:g} km"

    def text_in(self, direction: str) -> str:
        """The text for a sentence that runs "ltr" or "rtl": isolated, so that the number stays before its unit."""
        return f"\u2066{self.text}\u2069" if direction == "rtl" else self.text


def has_distances(precision: Precision) -> bool:
    """Whether a place is known well enough to measure from."""
    return precision in _ERROR_M


def rough(near: Near, precision: Precision) -> Rough:
    """What may honestly be said of a distance from a place known with this precision. Raises KeyError for others.

    Nearer than one and a half times the error, no direction is said, and the distance is an upper limit.

    >>> spot = Shelter("E4399900001201", "", "", 0.0, 0.0, "43999", frozenset(), False)
    >>> [rough(Near(spot, m, 50.0), Precision.EXACT) for m in (100, 612, 1288)]
    [Rough(metres=300, direction=''), Rough(metres=600, direction='ne'), Rough(metres=1300, direction='ne')]
    """
    error = _ERROR_M[precision]
    step = 100 if error < 500 else 500
    if near.metres < 1.5 * error:
        return Rough(math.ceil((near.metres + error) / step) * step, "")
    return Rough(round(near.metres / step) * step, COMPASS[round(near.bearing_deg / 45) % 8])
