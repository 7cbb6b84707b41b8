"""Area codes of every scheme: their names, what lies in what, and every code of a municipality.

Schemes: DESIGN §5. A code never travels without its scheme. The table (the fetched one, else geo/data: see
PROVENANCE.md there) loads in well under 0.1 s; polygons live in `geo.shapes` and load on first use.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping

from core.model import AreaCode
from geo import data_folder
from geo.tables import AreaRow, AreaTable, Vintage, current_table, read_table

#: Languages that read Japanese names; all others get the Latin reading.
_JAPANESE = ("ja", "zh")


class UnknownArea(KeyError):
    """No area has this scheme and code. The message names both."""

    def __str__(self) -> str:
        return str(self.args[0])


class Areas:
    """The area table, read-only after construction; safe to share between threads."""

    def __init__(self, rows: Iterable[AreaRow], vintages: Mapping[str, Vintage] | None = None) -> None:
        self._vintages = dict(vintages or {})
        self._rows: dict[AreaCode, AreaRow] = {}
        self._children: dict[AreaCode, list[AreaCode]] = {}
        for row in rows:
            code = AreaCode(row.scheme, row.code)
            self._rows[code] = row
            if row.retired:
                continue  # retired codes name their successors but are nobody's part
            for parent in row.parents:
                self._children.setdefault(parent, []).append(code)

    @staticmethod
    @functools.cache
    def load() -> Areas:
        """The table in use, read once per process (again after a new one was fetched). Raises AreaDataError."""
        return Areas(*current_table())

    @staticmethod
    def committed() -> Areas:
        """The table that came with the program. Raises geo.tables.AreaDataError if it is missing or damaged."""
        return Areas(*read_table())

    def table(self) -> AreaTable:
        """All rows and vintages, as they are written to a file."""
        return AreaTable(list(self._rows.values()), dict(self._vintages))

    def schemes(self) -> list[str]:
        """Every scheme that has areas, sorted."""
        return sorted({code.scheme for code in self._rows})

    def vintage(self, scheme: str) -> Vintage:
        """Which edition of which table a scheme's areas are from. Raises UnknownArea for a scheme without areas."""
        try:
            return self._vintages[scheme]
        except KeyError:
            raise UnknownArea(f"no areas of the scheme {scheme} in the area table") from None

    def row(self, scheme: str, code: str) -> AreaRow:
        """Names and parents of an area. Raises UnknownArea."""
        try:
            return self._rows[AreaCode(scheme, code)]
        except KeyError:
            raise UnknownArea(f"no area {scheme}:{code} in the area table") from None

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, area: AreaCode) -> bool:
        return area in self._rows

    def rows(self, scheme: str) -> list[AreaRow]:
        """Every row of a scheme in code order, retired ones included."""
        return [row for row in self._rows.values() if row.scheme == scheme]

    def name(self, scheme: str, code: str, lang: str = "ja") -> str:
        """The name for a reader of `lang` (a language tag): Japanese for ja*, kanji for zh*, else the Latin reading.

        ``ja-Hira`` gives the kana reading.
        Falls back to the Japanese name where there is no reading. Raises UnknownArea.
        """
        row = self.row(scheme, code)
        if lang == "ja-Hira":
            return row.kana or row.name
        return row.name if lang.startswith(_JAPANESE) else row.latin or row.name

    def parents(self, scheme: str, code: str) -> tuple[AreaCode, ...]:
        """The areas one level up. Raises UnknownArea."""
        return self.row(scheme, code).parents

    def children(self, scheme: str, code: str, child_scheme: str) -> list[AreaCode]:
        """The areas of `child_scheme` one level down, in code order; [] for none."""
        return [c for c in self._children.get(AreaCode(scheme, code), []) if c.scheme == child_scheme]

    def is_retired(self, scheme: str, code: str) -> bool:
        """Whether JMA no longer uses the code. Raises UnknownArea."""
        return self.row(scheme, code).retired

    # --- municipalities

    def wards(self, jis: str) -> list[str]:
        """JIS codes of the wards of a designated city (43100 -> 43101 ... 43105); [] for everything else."""
        return [c.code for c in self.children("jis", jis, "jis")]

    def city_of_ward(self, jis: str) -> str:
        """JIS code of the designated city a ward belongs to (43103 -> 43100), else "". Raises UnknownArea."""
        return next((p.code for p in self.parents("jis", jis) if p.scheme == "jis"), "")

    def codes_for_jis(self, jis: str, parts: Collection[str] = ()) -> tuple[AreaCode, ...]:
        """Every code a place in a municipality lies in, over all schemes, sorted.

        `jis` is the five-digit JIS code of a municipality or ward. A designated city without ward (43100) yields the
        codes of all its wards: the maximum of them will be taken, so that not knowing the ward never lowers anybody.
        `parts` are JMA codes of parts of split municipalities (4320211) the place is known to lie in; where none
        of them belongs to `jis` the part is unknown, which means all. Raises UnknownArea.
        """
        self.row("jis", jis)
        own = [jis, *self.wards(jis)]
        city = self.city_of_ward(jis)
        municipalities = [AreaCode("jis", j) for j in dict.fromkeys([*own, city] if city else own)]
        found: set[AreaCode] = set(municipalities)
        known = {part for part in parts if part[:5] in own or part[:5] == city}
        for municipality in municipalities:
            for area in self._children.get(municipality, []):
                if area.scheme == "jma.city" and self._is_inside(area.code, own, city, known):
                    found.add(area)
        queue = list(found)
        while queue:
            for parent in self._rows[queue.pop()].parents:
                if parent.scheme != "jis" and parent not in found:
                    found.add(parent)
                    queue.append(parent)
        return tuple(sorted(found, key=lambda a: (a.scheme, a.code)))

    def _is_inside(self, city_code: str, own: list[str], city: str, parts: set[str]) -> bool:
        if city_code.endswith("00"):
            return True
        row = self._rows[AreaCode("jma.city", city_code)]
        if parts and city_code not in parts:
            # Made of smaller parts that are drawn (3620701 of three towns), or not drawn at all: then it may be here.
            return bool(row.polygons) and not parts.isdisjoint(row.polygons)
        if parts:
            return True
        # A part made of named wards (横浜市北部) holds only those; a part without wards may hold any place of the city.
        members = {p.code for p in row.parents if p.scheme == "jis"}
        return bool(members & {*own, city})

    def parts_of(self, jis: str) -> list[str]:
        """JMA codes of the parts of a split municipality (43202 -> 4320211, 4320212); [] for undivided ones."""
        return [c.code for c in self.children("jis", jis, "jma.city") if not c.code.endswith("00")]

    def jis_of_city(self, code: str) -> list[str]:
        """JIS codes of a 7-digit JMA city code: one, or the wards of a part, or the successors of a retired code.

        JMA's code begins with the JIS code (気象・地震・火山情報／市町村等). Raises UnknownArea.
        """
        return [p.code for p in self.parents("jma.city", code) if p.scheme == "jis"]

    def cities_of_quake_area(self, code: str) -> list[str]:
        """The 7-digit city codes JMA lists under a quake area (細分区域), wards apart. Raises UnknownArea."""
        self.row("jma.quake_area", code)
        return [c.code for c in self.children("jma.quake_area", code, "jma.city")]

    def quake_area_of_city(self, code: str) -> str:
        """The quake area a 7-digit city code reports under, "" for weather-only codes. Raises UnknownArea."""
        return next((p.code for p in self.parents("jma.city", code) if p.scheme == "jma.quake_area"), "")

    def municipalities(self, prefecture: str) -> list[str]:
        """JIS codes of a prefecture ("43"), wards apart and their city left out, in code order."""
        codes = [c.code for c in self._rows if c.scheme == "jis" and c.code.startswith(prefecture)]
        return [c for c in codes if not self.wards(c)]

    def prefecture_name(self, jis: str, lang: str = "ja") -> str:
        """The name of the prefecture of a JIS or JMA code. Raises UnknownArea."""
        return self.name("jma.quake_pref", jis[:2], lang)

    def successors(self, area: AreaCode) -> tuple[AreaCode, ...]:
        """The current codes of the same scheme a retired code stands for; the code itself if current or unknown."""
        row = self._rows.get(area)
        if row is None or not row.retired:
            return (area,)
        heirs = [AreaCode(area.scheme, p.code + "00") for p in row.parents]
        for parent in row.parents:
            heirs += [AreaCode(area.scheme, ward + "00") for ward in self.wards(parent.code)]
        return tuple(h for h in heirs if h in self._rows)


data_folder.when_changed(Areas.load.cache_clear)


def by_scheme(codes: Iterable[AreaCode]) -> Mapping[str, list[str]]:
    """Codes grouped by scheme, order kept: {"jis": ["43103"], "jma.city": [...]}."""
    grouped: dict[str, list[str]] = {}
    for area in codes:
        grouped.setdefault(area.scheme, []).append(area.code)
    return grouped
