"""How exact an online geocoder's answer is, from what it says of itself. Pure.

Each service words it differently; what we do not know counts as known to the municipality only: such a point is never
compared with a polygon, and a wrong one costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from core.model import Precision
from geo.distance import distance_km

#: A door or a plot: Nominatim addresstype, Photon type, Pelias layer, Google location_type, HERE resultType, Mapbox
#: place_type, ArcGIS Addr_type, TomTom and Azure type; in lower case without spaces.
_DOORS: Final = frozenset(
    "house housenumber building house_number place_house address venue rooftop range_interpolated pointaddress"
    " streetaddress subaddress addressrange poi amenity shop office tourism leisure craft healthcare".split()
)
#: A street, a block or a quarter: good to a kilometre or two, unless its box says otherwise.
_TOWNS: Final = frozenset(
    "street road highway neighbourhood neighborhood quarter suburb hamlet addressblock streetname streetint"
    " crossstreet intersection geometric_center postalcode postcode district sublocality block city_block".split()
)
#: More than this across, in kilometres, and it is no longer a town.
_TOWN_KM: Final = 2.0
_DOOR_KM: Final = 0.3


def precision_of(raw: Mapping[str, Any]) -> Precision:
    """The precision of an answer: STREET (a door), TOWN, or MUNICIPALITY. `raw` is a geopy Location's.

    >>> precision_of({"addresstype": "building", "boundingbox": ["32.79", "32.7901", "130.81", "130.8101"]})
    <Precision.STREET: 'street'>
    >>> precision_of({"properties": {"type": "city"}})
    <Precision.MUNICIPALITY: 'municipality'>
    """
    words = set(_words(raw))
    radius = _radius_km(raw)
    partial = bool(raw.get("partial_match"))
    if words & _DOORS and not partial and (radius is None or radius <= _DOOR_KM):
        return Precision.STREET
    confidence = raw.get("confidence")
    if isinstance(confidence, int) and confidence >= 8 and "components" in raw:
        return Precision.TOWN  # OpenCage: 8 is less than a kilometre
    if words & (_TOWNS | _DOORS) and (radius is None or radius <= _TOWN_KM):
        return Precision.TOWN
    if "approximate" in words and radius is not None and radius <= _TOWN_KM:
        return Precision.TOWN
    return Precision.MUNICIPALITY


def _words(raw: Mapping[str, Any]) -> Iterator[str]:
    places = (raw, *(raw.get(key) for key in ("properties", "geometry", "attributes")))
    for place in places:
        if not isinstance(place, Mapping):
            continue
        for key in ("addresstype", "layer", "location_type", "resultType", "place_type", "Addr_type", "type"):
            value = place.get(key)
            for word in value if isinstance(value, list) else [value]:
                if isinstance(word, str):
                    yield word.lower().replace(" ", "")
            if value is not None and key == "addresstype":
                break  # Nominatim's type is an OSM tag and says less


def _radius_km(raw: Mapping[str, Any]) -> float | None:
    """Half the diagonal of the box an answer gives, in whatever form; None if it gives none."""
    properties = raw.get("properties")
    extent = properties.get("extent") if isinstance(properties, Mapping) else None
    geometry = raw.get("geometry")
    viewport = geometry.get("viewport") if isinstance(geometry, Mapping) else None
    try:
        if raw.get("boundingbox"):
            south, north, west, east = map(float, raw["boundingbox"])
        elif extent:
            west, north, east, south = map(float, extent)
        elif raw.get("bbox"):
            west, south, east, north = map(float, raw["bbox"])
        elif isinstance(viewport, Mapping):
            low, high = viewport["southwest"], viewport["northeast"]
            south, west, north, east = (float(v) for v in (low["lat"], low["lng"], high["lat"], high["lng"]))
        else:
            return None
    except (TypeError, ValueError, KeyError):
        return None
    return distance_km(south, west, north, east) / 2
