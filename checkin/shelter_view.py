"""Which shelters a check-in page names, in which order, and what it may say of each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from markupsafe import Markup

from core.i18n import Sayer
from core.model import Moment, PlaceKind, Precision
from geo.shelters import KINDS, WALKABLE_M, Near, Rough, Shelter, has_distances, nearest, rough, suitable

#: On the check-in page itself, and on the page that has them all; per place.
FEW: Final = 2
MANY: Final = 10
#: Kind of designation -> the words for it: those of our hazards where there are any.
KIND_WORDS: Final[Mapping[str, str]] = {
    kind: {"flood": "hazard.river_flood", "fire": "shelter.kind.fire", "inland_flood": "shelter.kind.inland_flood"}.get(
        kind, f"hazard.{kind}"
    )
    for kind in KINDS
}


class OwnPlace(NamedTuple):
    """A place of a person as it is stored: the centre of its 250 m mesh (degrees), or no point."""

    kind: PlaceKind
    lat: float | None
    lon: float | None
    precision: Precision


class Lookup(NamedTuple):
    """A place and the shelters that come into question for it."""

    place: OwnPlace
    shelters: tuple[Shelter, ...]


class Line(NamedTuple):
    """One shelter on a page. `rough`: how far and where to; None where only the town is known."""

    shelter: Shelter
    rough: Rough | None

    @property
    def map_url(self) -> str:
        """Opens the phone's map at the shelter. Nothing about the person stands in it."""
        return "https://maps.google.com/?" + urlencode(
            {"q": f"{self.shelter.lat:.5f},{self.shelter.lon:.5f}"}, safe=","
        )

    @property
    def kind_words(self) -> list[str]:
        """Keys of the words for what it is designated for."""
        return [KIND_WORDS[kind] for kind in KINDS if kind in self.shelter.kinds]


class PlaceShelters(NamedTuple):
    """What a page says about one place: shelters for this danger, and, apart from them, others."""

    kind: PlaceKind
    #: False: only the town is known, and the lines are in no order of distance.
    measured: bool
    lines: tuple[Line, ...]
    others: tuple[Line, ...]


def names_shelters(moment: Moment, *, asks: bool) -> bool:
    """Whether an alert sends anybody anywhere: not one that takes a danger back."""
    return asks and moment not in (Moment.CANCEL, Moment.LIFT)


def place_shelters(found: Iterable[Lookup], hazard: str, reason: Mapping[str, Any], count: int) -> list[PlaceShelters]:
    """Up to `count` shelters for each place the alert is about (all places if it does not say), worst place first.

    A place around which no shelter at all is known is left out: there is nothing to say about it.
    """
    concerned = {kind for kind in PlaceKind if reason.get(kind)} or set(PlaceKind)
    order = sorted(PlaceKind, key=lambda kind: kind != reason.get("worse"))
    chosen = [each for each in found if each.place.kind in concerned and each.shelters]
    chosen.sort(key=lambda each: order.index(each.place.kind))
    return [_of_place(each, hazard, count) for each in chosen]


def _of_place(found: Lookup, hazard: str, count: int) -> PlaceShelters:
    place, shelters = found
    others = [shelter for shelter in shelters if not suitable(shelter, hazard) and not shelter.only_for]
    if place.lat is None or place.lon is None or not has_distances(place.precision):
        fitting = sorted((s for s in shelters if suitable(s, hazard)), key=lambda s: s.id)
        return PlaceShelters(place.kind, False, _unmeasured(fitting[:count]), ())
    return PlaceShelters(
        place.kind,
        True,
        _measured(nearest(shelters, place.lat, place.lon, hazard, count), place.precision),
        _measured(nearest(others, place.lat, place.lon, "", count), place.precision),
    )


def _measured(found: Sequence[Near], precision: Precision) -> tuple[Line, ...]:
    return tuple(Line(near.shelter, rough(near, precision)) for near in found if near.metres <= WALKABLE_M)


def _unmeasured(found: Sequence[Shelter]) -> tuple[Line, ...]:
    return tuple(Line(shelter, None) for shelter in found)


def distance_words(say: Sayer, own: Rough) -> Markup:
    """A distance in the words of a page: "about 600 m, north-east"."""
    distance = own.text_in(say.catalogs.direction(say.lang))
    if own.direction:
        return say("shelter.about", distance=distance, direction=say(f"direction.{own.direction}"))
    return say("shelter.within", distance=distance)
