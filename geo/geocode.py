"""A person's place from what they gave: point, postal code, address text. Offline; nothing leaves this machine.

Where the sources disagree or a point lies near a border, the codes of every municipality named are kept: an alert too
many can be read and put aside, one too few cannot.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import NamedTuple

from core.model import AreaCode, Located, Precision
from geo import data_folder
from geo.address import AddressIndex, postal_code_in
from geo.areas import Areas
from geo.coordinates import pasted_point, put_right
from geo.distance import distance_km
from geo.notes import PlaceNote
from geo.postal import PlaceNotFound, PostalCodes
from geo.shapes import OutsideJapan, Shapes
from geo.spelling import unify
from geo.towns import TownPoint, Towns

__all__ = ["Geocoder", "PlaceNotFound", "locate"]

_log = logging.getLogger(__name__)

_AGREE: dict[frozenset[str], str] = {
    frozenset(("point", "postal code")): "point_postal",
    frozenset(("point", "address")): "point_address",
    frozenset(("postal code", "address")): "postal_address",
}


class _Clue(NamedTuple):
    """What one source says: JIS codes, parts of split municipalities (7 digits), and codes that only lie nearby."""

    source: str  # point | postal code | address
    jis: tuple[str, ...]
    near: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    #: The point of its town, where a gazetteer is installed and knows it.
    town: TownPoint | None = None


class _Given(NamedTuple):
    """What a person gave, after everything that can be told from the text alone."""

    postal: str
    address: str
    lat: float | None
    lon: float | None
    notes: tuple[str, ...] = ()


class Geocoder:
    """Locates places with the given tables; `locate` below uses the installed ones. `towns`: a gazetteer, or None."""

    def __init__(self, areas: Areas, shapes: Shapes, postal: PostalCodes, towns: Towns | None = None) -> None:
        self.areas = areas
        self._shapes = shapes
        self._postal = postal
        self._addresses = AddressIndex.of(areas)
        self._towns = towns
        self._centres: dict[str, tuple[float, float]] = {}  # an import asks for the same towns again and again

    @staticmethod
    @functools.cache
    def load() -> Geocoder:
        """The geocoder over the tables, the installed postal list and the gazetteer, made once per process."""
        try:
            towns = Towns.current()
        except data_folder.AreaDataError as error:
            _log.error("%s; places are known to their municipality until then", error)
            towns = None  # nobody is kept from enrolling by a file that only makes places more exact
        return Geocoder(Areas.load(), Shapes.load(), PostalCodes.load(), towns)

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

        The result's point is the given one (precision EXACT; a pair or a map link in the text of the address counts as
        given), else that of its town (TOWN, with a radius) where a gazetteer knows it for sure, else one inside the
        municipality (MUNICIPALITY: good for its codes, never for distances). `prefectures` ("43") decides between
        municipalities of equal name. A source that cannot be read is named in `notes` as long as another one can.

        Raises PlaceNotFound with one sentence saying what is wrong and what to write.
        """
        given = self._read((postal_code or "").strip(), (address or "").strip(), lat, lon)
        clues: list[_Clue] = []
        problems: list[str] = []
        if given.lat is not None and given.lon is not None:
            try:
                clues.append(self._from_point(given.lat, given.lon))
            except OutsideJapan as error:
                problems.append(PlaceNote("no_point", text=f"{given.lat}, {given.lon}", why=str(error)))
        code = ""
        if given.postal:
            try:
                code, clue = self._from_postal(given.postal)
                clues.append(clue)
            except PlaceNotFound as error:
                problems.append(PlaceNote("no_postal", text=given.postal, why=str(error)))
        if given.address:
            try:
                clues.append(self._from_address(given.address, prefectures or self._prefectures(clues), problems))
            except PlaceNotFound as error:
                if not clues or clues[-1].source == "point":
                    problems.append(PlaceNote("no_address", text=given.address, why=str(error)))
                else:
                    clues[-1] = self._with_town(clues[-1], given.address)
        clues = [clue for clue in clues if clue.jis]
        if not clues:
            raise PlaceNotFound(
                "; ".join(problems)
                or "a place needs a postal code, an address, or latitude and longitude: all are empty"
            )
        return self._decide(clues, [*given.notes, *problems], code, given)

    def refine(self, found: Located, lat: float, lon: float, precision: Precision, source: str) -> Located:
        """`found` with the point (degrees, WGS84) another geocoder gives for it.

        A point in a municipality that nothing else names is not taken over: only its codes are added, with a note. A
        point that says no more than `found` already does changes nothing.
        """
        try:
            clue = self._from_point(lat, lon)
        except OutsideJapan as error:
            return replace(found, notes=(*found.notes, PlaceNote("online_failed", text=str(error))))
        known = tuple(area.code for area in found.codes if area.scheme == "jis")
        codes = {*found.codes, *(area for jis in clue.jis for area in self.areas.codes_for_jis(jis, clue.parts))}
        if not any(self._compatible(a, b) for a in (*clue.jis, *clue.near) for b in known):
            inner = tuple(jis for jis in known if not self.areas.wards(jis)) or known
            note = PlaceNote("online_disagrees", text=self._names(clue.jis), other=self._names(inner))
            return replace(found, codes=_sorted(codes), notes=(*found.notes, note))
        if _RANK[precision] >= _RANK[found.precision]:
            return found
        if precision in (Precision.EXACT, Precision.STREET):
            codes.update(area for jis in clue.near for area in self.areas.codes_for_jis(jis, clue.parts))
        return replace(
            found,
            lat=lat,
            lon=lon,
            precision=precision,
            radius_m=None,
            codes=_sorted(codes),
            source=f"{found.source} + {source}",
        )

    # --- reading

    def _read(self, postal: str, address: str, lat: float | None, lon: float | None) -> _Given:
        notes: list[str] = []
        if lat is None and lon is None:
            try:
                in_address = pasted_point(address)
            except PlaceNotFound as error:
                if not postal:
                    raise
                notes.append(PlaceNote("no_address", text=address, why=str(error)))
                address, in_address = "", None
            point = in_address or pasted_point(postal)
            if point is not None:
                lat, lon = point.lat, point.lon
                address, postal = (point.rest, postal) if in_address else (address, "")
                if point.swapped:
                    notes.append(PlaceNote("swapped", text=f"{lat}, {lon}"))
        elif lat is None or lon is None:
            raise PlaceNotFound("a point needs both latitude and longitude; one of them is missing")
        else:
            lat, lon, swapped = put_right(lat, lon)
            if swapped:
                notes.append(PlaceNote("swapped", text=f"{lat}, {lon}"))
        if not postal and address:
            postal = postal_code_in(address)
        return _Given(postal, address, lat, lon, tuple(notes))

    def _from_point(self, lat: float, lon: float) -> _Clue:
        at = self._shapes.at(lat, lon)
        inside = tuple(dict.fromkeys(code[:5] for code in at.inside))
        near = tuple(dict.fromkeys(code[:5] for code in at.near if code[:5] not in inside))
        return _Clue("point", inside, near, tuple(c for c in (*at.inside, *at.near) if not c.endswith("00")))

    def _from_postal(self, text: str) -> tuple[str, _Clue]:
        found = self._postal.find(text)
        town = self._towns.of_postal_code(found.code) if self._towns else None
        if town is None and self._towns and found.office and found.town:
            town = self._towns.of_address(found.jis, found.town)
        return found.code, _Clue(
            "postal code", tuple(j for j in found.jis if AreaCode("jis", j) in self.areas), town=town
        )

    def _from_address(self, text: str, prefectures: Collection[str], notes: list[str]) -> _Clue:
        match = self._addresses.find(text, prefectures)
        clue = self._with_town(_Clue("address", match.jis), match.rest)
        if match.old:
            old, today = match.old
            notes.append(PlaceNote("old_name", text=old, other=today))
            for name in (old, f"{old[:-1]}町"):  # 下益城郡松橋町きらら is 宇城市松橋町きらら, 坂本村荒瀬 is 坂本町荒瀬
                clue = clue if clue.town else self._with_town(clue, name + match.rest)
        return clue

    def _with_town(self, clue: _Clue, rest: str) -> _Clue:
        """The clue with the town an address goes on with after its municipality."""
        if self._towns is None or not rest:
            return clue
        inner = [ward for jis in clue.jis for ward in (self.areas.wards(jis) or [jis])]
        town = self._towns.of_address(inner, unify(rest))
        if town is None:
            return clue
        # 熊本市健軍: only one ward has a town of that name.
        jis = tuple(dict.fromkeys(town.jis if town.jis in self.areas.wards(j) else j for j in clue.jis))
        return clue._replace(town=town, jis=jis)

    def _prefectures(self, clues: Iterable[_Clue]) -> set[str]:
        return {jis[:2] for clue in clues for jis in clue.jis}

    # --- deciding

    def _decide(self, clues: list[_Clue], problems: list[str], code: str, given: _Given) -> Located:
        disagreements = self._disagreements(clues)
        notes = [*problems, *disagreements]
        named = dict.fromkeys(jis for clue in clues for jis in (*clue.jis, *clue.near))
        # A city whose ward another source names is known more exactly: its other wards are not meant.
        cities = {self.areas.city_of_ward(jis) for jis in named}
        kept = [jis for jis in named if jis not in cities]
        parts = clues[0].parts if clues[0].source == "point" else ()
        codes = {area for jis in kept for area in self.areas.codes_for_jis(jis, parts)}
        for jis in kept:
            if self.areas.wards(jis):
                notes.append(PlaceNote("ward", text=self.areas.name("jis", jis)))
        lat, lon, precision, radius_m = given.lat, given.lon, Precision.EXACT, None
        if clues[0].source != "point":
            town = None if disagreements else self._town([clue.town for clue in clues if clue.town], notes)
            if town is not None:
                lat, lon, precision, radius_m = town.lat, town.lon, Precision.TOWN, town.radius_m
            else:
                (lat, lon), precision = self._point_inside(kept[0]), Precision.MUNICIPALITY
        return Located(
            lat=lat,
            lon=lon,
            precision=precision,
            codes=_sorted(codes),
            postal_code=code,
            address=given.address,
            source=" + ".join(clue.source for clue in clues),
            notes=tuple(notes),
            radius_m=radius_m,
        )

    @staticmethod
    def _town(towns: list[TownPoint], notes: list[str]) -> TownPoint | None:
        """The smaller of the towns that postal code and address name; None if they lie apart: one of them is wrong."""
        if len(towns) == 2:
            one, other = towns
            apart = 1000 * distance_km(one.lat, one.lon, other.lat, other.lon)
            if apart > one.radius_m + other.radius_m + 1_000:
                notes.append(PlaceNote("far_apart", text=one.name, other=other.name))
                return None
        return min(towns, key=lambda town: town.radius_m, default=None)

    def _disagreements(self, clues: list[_Clue]) -> list[str]:
        notes: list[str] = []
        for i, first in enumerate(clues):
            for second in clues[i + 1 :]:
                if not any(self._compatible(a, b) for a in (*first.jis, *first.near) for b in second.jis):
                    key = _AGREE[frozenset((first.source, second.source))]
                    notes.append(PlaceNote(key, text=self._names(first.jis), other=self._names(second.jis)))
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


#: From the most exact to the least.
_RANK = {precision: rank for rank, precision in enumerate(Precision)}

data_folder.when_changed(Geocoder.load.cache_clear)


def _sorted(codes: Iterable[AreaCode]) -> tuple[AreaCode, ...]:
    return tuple(sorted(codes, key=lambda area: (area.scheme, area.code)))


def locate(
    *,
    postal_code: str | None = None,
    address: str | None = None,
    lat: float | None = None,
    lon: float | None = None,
    prefectures: Collection[str] = (),
) -> Located:
    """`Geocoder.locate` over the installed tables: see there. Raises PlaceNotFound."""
    return Geocoder.load().locate(postal_code=postal_code, address=address, lat=lat, lon=lon, prefectures=prefectures)
