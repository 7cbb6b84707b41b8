"""A person's place from what they gave: point, postal code, address text. Offline; nothing leaves this machine.

Where the sources disagree or a point lies near a border, the codes of every municipality named are kept: an alert too
many can be read and put aside, one too few cannot.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import NamedTuple

from core.model import AreaCode, Located, Precision
from geo.address import AddressIndex, postal_code_in
from geo.areas import Areas
from geo.postal import PlaceNotFound, PostalCodes
from geo.shapes import OutsideJapan, Shapes

__all__ = ["Geocoder", "PlaceNotFound", "locate"]


class _Clue(NamedTuple):
    """What one source says: JIS codes, parts of split municipalities (7 digits), and codes that only lie nearby."""

    source: str  # point | postal code | address
    jis: tuple[str, ...]
    near: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


class Geocoder:
    """Locates places with the given tables; `locate` below uses the committed ones."""

    def __init__(self, areas: Areas, shapes: Shapes, postal: PostalCodes) -> None:
        self.areas = areas
        self._shapes = shapes
        self._postal = postal
        self._addresses = AddressIndex(areas)
        self._centres: dict[str, tuple[float, float]] = {}  # an import asks for the same towns again and again

    @staticmethod
    @functools.cache
    def load() -> Geocoder:
        """The geocoder over geo/data and the installed postal list, made once per process."""
        return Geocoder(Areas.load(), Shapes.load(), PostalCodes.load())

    def locate(
        self,
        *,
        postal_code: str | None = None,
        address: str | None = None,
        lat: float | None = None,
        lon: float | None = None,
        prefectures: Collection[str] = (),
    ) -> Located:
        """Every area code of a place, from any of a postal code, an address text, and a point (degrees, WGS84).

        The result's point is the given one (precision EXACT), else a point inside the municipality (precision
        MUNICIPALITY: good for its codes, never for distances). `prefectures` ("43") decides between municipalities of
        equal name. A source that cannot be read is named in `notes` as long as another one can.

        Raises PlaceNotFound with one sentence saying what is wrong and what to write.
        """
        postal_text, address_text = (postal_code or "").strip(), (address or "").strip()
        if not postal_text and address_text:
            postal_text = postal_code_in(address_text)
        if (lat is None) != (lon is None):
            raise PlaceNotFound("a point needs both latitude and longitude; one of them is missing")
        clues: list[_Clue] = []
        problems: list[str] = []
        if lat is not None and lon is not None:
            try:
                clues.append(self._from_point(lat, lon))
            except OutsideJapan as error:
                problems.append(str(error))
        code = ""
        if postal_text:
            try:
                found = self._postal.find(postal_text)
                code = found.code
                clues.append(_Clue("postal code", tuple(j for j in found.jis if AreaCode("jis", j) in self.areas)))
            except PlaceNotFound as error:
                problems.append(str(error))
        if address_text:
            try:
                clues.append(
                    _Clue("address", self._addresses.find(address_text, prefectures or self._prefectures(clues)).jis)
                )
            except PlaceNotFound as error:
                if not clues or clues[-1].source == "point":
                    problems.append(str(error))
        clues = [clue for clue in clues if clue.jis]
        if not clues:
            raise PlaceNotFound(
                "; ".join(problems)
                or "a place needs a postal code, an address, or latitude and longitude: all are empty"
            )
        return self._decide(clues, problems, code, address_text, lat, lon)

    def _from_point(self, lat: float, lon: float) -> _Clue:
        at = self._shapes.at(lat, lon)
        inside = tuple(dict.fromkeys(code[:5] for code in at.inside))
        near = tuple(dict.fromkeys(code[:5] for code in at.near if code[:5] not in inside))
        return _Clue("point", inside, near, tuple(c for c in (*at.inside, *at.near) if not c.endswith("00")))

    def _prefectures(self, clues: list[_Clue]) -> set[str]:
        return {jis[:2] for clue in clues for jis in clue.jis}

    def _decide(
        self, clues: list[_Clue], problems: list[str], code: str, address: str, lat: float | None, lon: float | None
    ) -> Located:
        notes = [*problems, *self._disagreements(clues)]
        named = dict.fromkeys(jis for clue in clues for jis in (*clue.jis, *clue.near))
        # A city whose ward another source names is known more exactly: its other wards are not meant.
        cities = {self.areas.city_of_ward(jis) for jis in named}
        kept = [jis for jis in named if jis not in cities]
        parts = clues[0].parts if clues[0].source == "point" else ()
        codes = {area for jis in kept for area in self.areas.codes_for_jis(jis, parts)}
        exact = clues[0].source == "point"
        for jis in kept:
            if self.areas.wards(jis):
                name = self.areas.name("jis", jis)
                notes.append(f"the ward of {name} is not known: the strongest warning of its wards counts")
        if not exact:
            lat, lon = self._point_inside(kept[0])
        return Located(
            lat=lat,
            lon=lon,
            precision=Precision.EXACT if exact else Precision.MUNICIPALITY,
            codes=tuple(sorted(codes, key=lambda a: (a.scheme, a.code))),
            postal_code=code,
            address=address,
            source=" + ".join(clue.source for clue in clues),
            notes=tuple(notes),
        )

    def _disagreements(self, clues: list[_Clue]) -> list[str]:
        notes = []
        for i, first in enumerate(clues):
            for second in clues[i + 1 :]:
                if not any(self._compatible(a, b) for a in (*first.jis, *first.near) for b in second.jis):
                    one, other = (self._names(c.jis) for c in (first, second))
                    notes.append(
                        f"{first.source} ({one}) and {second.source} ({other}) disagree: alerts for either will be sent"
                    )
        return notes

    def _compatible(self, one: str, other: str) -> bool:
        return one == other or one in (self.areas.city_of_ward(other),) or other == self.areas.city_of_ward(one)

    def _names(self, codes: tuple[str, ...]) -> str:
        return "・".join(self.areas.name("jis", jis) for jis in codes)

    def _point_inside(self, jis: str) -> tuple[float, float]:
        if jis not in self._centres:
            point = self._shapes.polygon("jis", jis, self.areas).representative_point()
            self._centres[jis] = (round(point.y, 6), round(point.x, 6))
        return self._centres[jis]


def locate(
    *,
    postal_code: str | None = None,
    address: str | None = None,
    lat: float | None = None,
    lon: float | None = None,
    prefectures: Collection[str] = (),
) -> Located:
    """`Geocoder.locate` over the committed tables: see there. Raises PlaceNotFound."""
    return Geocoder.load().locate(postal_code=postal_code, address=address, lat=lat, lon=lon, prefectures=prefectures)
