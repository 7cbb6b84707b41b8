"""`python -m geo.build`: make geo/data from JMA's code tables, Japan Post's list and JMA's polygons.

Run it when JMA publishes new tables; it prints what changes against the committed files. The service never runs it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.model import AreaCode
from geo.build_named import named_rows
from geo.build_names import (
    CLASS15,
    CODE,
    QUAKE_AREA_ENGLISH,
    SEISMIC_KANA,
    SEISMIC_NAME,
    SURGE,
    VOLCANO_KANA,
    VOLCANO_NAME,
    WAVE,
    WEATHER_KANA,
    WEATHER_NAME,
    WORDS,
    MunicipalityNames,
    designated_city,
    prefecture_latin,
    quake_area_latin,
)
from geo.build_polygons import build_polygons
from geo.build_sources import (
    JisTown,
    SourceError,
    japan_post_edition,
    read_csv,
    read_japan_post,
    read_polygons_geojson,
)
from geo.build_tsunami import tsunami_areas
from geo.differences import difference
from geo.romaji import romaji, title, to_hiragana
from geo.tables import (
    AREAS_FILE,
    DATA,
    POLYGONS_FILE,
    AreaDataError,
    AreaRow,
    AreaTable,
    Vintage,
    pack_areas,
    pack_polygons,
    read_table,
)
from geo.unions import read_unions, with_unions

#: What the vintages name as sources.
JMA_TABLES = "気象庁 防災情報XMLフォーマット コード管理表"
JAPAN_POST = "日本郵便 郵便番号データ"

#: Codes of the northern islands (北方領土): Japan Post delivers nowhere there, so they have no place in our table.
_NORTHERN_ISLANDS = re.compile(r"01690|0169[5-9]|0170")

_PART_IN_WORDS = re.compile("「(.+)」に含む地区$")

#: The Hachijo branch office (八丈支庁) is no municipality: it stands for the two it serves.
_STANDS_FOR = {"13400": ["13401", "13402"]}
_OFFICES_LATIN = {"13400": "Hachijo Subprefecture, Tokyo"}


def main(argv: Sequence[str] | None = None) -> int:
    """Build, print the difference, write. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m geo.build", description=__doc__)
    parser.add_argument("--codes", type=Path, required=True, help="folder of JMA's code tables as CSV")
    parser.add_argument("--bosai", type=Path, help="folder with JMA's area.json, for JMA's own English names")
    parser.add_argument("--edition", metavar="DAY", help="day of JMA's code tables, 2026-07-07; default: as committed")
    parser.add_argument("--dry-run", action="store_true", help="print the difference, write nothing")
    options = parser.parse_args(argv)
    old = _committed()
    edition = options.edition or next((v.edition for s, v in old.vintages.items() if s == "jma.city"), "")
    try:
        if not edition:
            raise SourceError("no earlier table says of which day JMA's code tables are: give --edition")
        rows = build_rows(options.codes, options.bosai)
        shapes, notes = build_polygons(read_polygons_geojson(), {r.code for r in rows if r.scheme == "jma.city"})
    except (SourceError, ValueError) as error:
        print(f"geo.build: {error}", file=sys.stderr)
        return 1
    table = AreaTable(rows, vintages_of(rows, edition))
    for line in (*difference(old, table), *notes):
        print(line)
    if not options.dry_run:
        AREAS_FILE.write_bytes(pack_areas(*table))
        POLYGONS_FILE.write_bytes(pack_polygons(shapes))
        for path in (AREAS_FILE, POLYGONS_FILE):
            print(f"wrote {path.name}: {path.stat().st_size / 1000:.0f} kB")
    print(f"{len(rows)} areas, {len(shapes)} polygons")
    return 0


def _committed() -> AreaTable:
    """What is there to compare with; a missing or damaged table is what a rebuild mends."""
    try:
        return read_table()
    except AreaDataError as error:
        print(error, file=sys.stderr)
        return AreaTable([], {})


def vintages_of(rows: Sequence[AreaRow], edition: str) -> dict[str, Vintage]:
    """Of which day the table behind each scheme is: JMA's `edition`, Japan Post's list for the municipalities."""
    found = {row.scheme: Vintage(edition, JMA_TABLES) for row in rows}
    return {**found, "jis": Vintage(japan_post_edition(), JAPAN_POST)}


def build_rows(codes: Path, bosai: Path | None = None) -> list[AreaRow]:
    """Every row of the area table. Raises SourceError or ValueError naming what does not fit together."""
    english = _english_names(bosai)
    cities = read_csv(codes, "AreaInformationCity.csv")
    chain = _class_chain(codes)
    towns = read_japan_post()
    quake_area_of = {
        row[3]: row[0] for row in read_csv(codes, "AreaForecastLocalE_AreaInformationCity_PointSeismicIntensity.csv")
    }
    names = MunicipalityNames(towns, cities, english)
    rows = [
        *_jis_rows(towns, cities, chain, quake_area_of, names),
        *_city_rows(cities, quake_area_of, names),
        *_retired_rows(),
        *_class_rows(codes, chain, english),
        *_quake_rows(codes, towns),
        *named_rows(codes),
    ]
    rows = with_unions(rows, read_unions())
    nameless = sorted(f"{row.scheme}:{row.code}" for row in rows if not row.name)
    if nameless:
        raise ValueError(f"areas without a name: {', '.join(nameless[:10])}")
    known = {(row.scheme, row.code) for row in rows}
    if len(known) != len(rows):
        raise ValueError("a (scheme, code) pair occurs twice in the new area table")
    lost = sorted({f"{p.scheme}:{p.code}" for r in rows for p in r.parents if (p.scheme, p.code) not in known})
    if lost:
        raise ValueError(f"areas named as parents but not in any table: {', '.join(lost[:10])}")
    return rows


def _jis_rows(
    towns: list[JisTown],
    cities: list[list[str]],
    chain: Mapping[str, tuple[str, str, tuple[str, ...]]],
    quake_area_of: Mapping[str, str],
    names: MunicipalityNames,
) -> list[AreaRow]:
    by_code = {row[CODE]: row for row in cities}
    quake_by_jis: dict[str, set[str]] = defaultdict(set)
    for code, area in quake_area_of.items():
        quake_by_jis[code[:5]].add(area)
    coastal: dict[str, set[str]] = defaultdict(set)  # jis -> class10s of its parts
    is_coastal: set[str] = set()
    for row in cities:
        if row[CLASS15]:
            coastal[row[CODE][:5]].add(chain[row[CLASS15]][0])
            if row[SURGE] == "1" or row[WAVE] == "1":
                is_coastal.add(row[CODE][:5])
    rows = []
    designated: dict[str, JisTown] = {}
    for town in towns:
        city = designated_city(town.jis, by_code)
        weather = town.jis if town.jis in coastal else city
        sea = tsunami_areas(weather, frozenset(coastal[weather])) if {town.jis, city} & is_coastal else ()
        parents = [AreaCode("jma.quake_area", a) for a in sorted(quake_by_jis[town.jis])]
        parents += [AreaCode("jma.tsunami_area", a) for a in sea]
        if city:
            designated[city] = town
            parents.append(AreaCode("jis", city))
        name = re.sub(r"^.+?郡(?=.+[町村]$)", "", town.city) if town.city not in _NOT_A_COUNTY else town.city
        latin = names.ward_latin(town.jis) if city else names.city_latin(town.jis)
        rows.append(
            AreaRow(
                "jis",
                town.jis,
                name,
                to_hiragana(town.city_kana),
                latin,
                tuple(parents),
                town.prefecture + town.city,
            )
        )
    for city, ward in sorted(designated.items()):
        row = by_code[city + "00"]
        rows.append(
            AreaRow(
                "jis",
                city,
                row[WEATHER_NAME],
                row[WEATHER_KANA],
                names.city_latin(city),
                address=ward.prefecture + row[WEATHER_NAME],
            )
        )
    return rows


#: Municipality names that hold 郡 without naming a county.
_NOT_A_COUNTY = frozenset({"郡山市", "郡上市", "大和郡山市", "蒲郡市", "小郡市"})


def _city_rows(cities: list[list[str]], quake_area_of: Mapping[str, str], names: MunicipalityNames) -> list[AreaRow]:
    by_code = {row[CODE]: row for row in cities}
    wards: dict[str, dict[str, str]] = defaultdict(dict)  # city -> ward name -> ward jis
    for row in cities:
        city = designated_city(row[CODE][:5], by_code)
        if city and row[CODE].endswith("00"):
            wards[city][row[WORDS].split("のうち")[-1]] = row[CODE][:5]
    rows = []
    for row in cities:
        code, jis = row[CODE], row[CODE][:5]
        if _NORTHERN_ISLANDS.match(code):
            continue
        if code.endswith("00"):
            latin = names.ward_latin(jis) if designated_city(jis, by_code) else names.city_latin(jis)
            latin = latin or _OFFICES_LATIN.get(jis, "")
            members = _STANDS_FOR.get(jis, [jis])
        else:
            latin = names.part_latin(row) or _latin_in_words(row, by_code, names)
            named = re.split("、|及び", row[WORDS].split("のうち")[-1]) if jis in wards else []
            members = [wards[jis][w] for w in named] if named and all(w in wards[jis] for w in named) else [jis]
        parents = [AreaCode("jis", m) for m in members]
        if row[CLASS15]:
            parents.append(AreaCode("jma.class15", row[CLASS15]))
        if code in quake_area_of:
            parents.append(AreaCode("jma.quake_area", quake_area_of[code]))
        name = row[WEATHER_NAME] or row[SEISMIC_NAME] or row[VOLCANO_NAME] or _name_in_words(row, by_code)
        kana = row[WEATHER_KANA] or row[SEISMIC_KANA] or row[VOLCANO_KANA]
        rows.append(AreaRow("jma.city", code, name, kana, latin, tuple(parents)))
    return rows


def _name_in_words(row: list[str], by_code: Mapping[str, list[str]]) -> str:
    """JMA gives the part of a ward in a part of its city no name, only words: ...のうち...「仙台市東部」に含む地区."""
    part = _PART_IN_WORDS.search(row[WORDS])
    return f"{by_code[row[CODE][:5] + '00'][SEISMIC_NAME]}（{part[1]}）" if part else ""


def _latin_in_words(row: list[str], by_code: Mapping[str, list[str]], names: MunicipalityNames) -> str:
    part = _PART_IN_WORDS.search(row[WORDS])
    whole = next((r for r in by_code.values() if part and r[WEATHER_NAME] == part[1]), None)
    return f"{names.ward_latin(row[CODE][:5])} ({names.part_latin(whole)})" if whole else ""


def _retired_rows() -> list[AreaRow]:
    rows = []
    for line in (DATA / "retired.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            code, name, successors = line.split("\t")
            parents = tuple(AreaCode("jis", jis) for jis in successors.split(" "))
            rows.append(AreaRow("jma.city", code, name, parents=parents, retired=True))
    return rows


def _class_chain(codes: Path) -> dict[str, tuple[str, str, tuple[str, ...]]]:
    """class15 -> (class10, class15 name, offices). The warning and the tornado table may differ in office: both."""
    chain: dict[str, tuple[str, str, tuple[str, ...]]] = {}
    for table in ("AreaForecastLocalM_WarningTable.csv", "AreaForecastLocalM_TornadoTable.csv"):
        for class15, name, class10, _, office, _ in read_csv(codes, table):
            before = chain.get(class15, (class10, name, ()))
            chain[class15] = (class10, name, tuple(sorted({*before[2], office})))
    return chain


def _class_rows(
    codes: Path, chain: Mapping[str, tuple[str, str, tuple[str, ...]]], english: Mapping[str, str]
) -> list[AreaRow]:
    table = {row[0]: (row[1], row[2]) for row in read_csv(codes, "AreaForecastLocalM.csv")}

    def row(scheme: str, code: str, parents: tuple[AreaCode, ...]) -> AreaRow:
        name, kana = table[code]
        return AreaRow(scheme, code, name, kana, english.get(code) or title(romaji(kana)), parents)

    offices_of: dict[str, set[str]] = defaultdict(set)
    for class10, _, offices in chain.values():
        offices_of[class10].update(offices)
    rows = [row("jma.class15", c, (AreaCode("jma.class10", chain[c][0]),)) for c in chain]
    rows += [row("jma.class10", c, tuple(AreaCode("jma.office", o) for o in sorted(offices_of[c]))) for c in offices_of]
    rows += [row("jma.office", o, ()) for o in sorted({o for s in offices_of.values() for o in s})]
    return rows


def _quake_rows(codes: Path, towns: list[JisTown]) -> list[AreaRow]:
    prefectures = {t.jis[:2]: t for t in towns}
    rows = []
    for code, name in read_csv(codes, "AreaInformationPrefectureEarthquake.csv"):
        kana = prefectures[code].prefecture_kana
        rows.append(AreaRow("jma.quake_pref", code, name, to_hiragana(kana), prefecture_latin(kana)))
    seen: dict[str, AreaRow] = {}
    for area, name, kana, city, *_ in read_csv(
        codes, "AreaForecastLocalE_AreaInformationCity_PointSeismicIntensity.csv"
    ):
        if area in seen:
            continue
        town = prefectures[city[:2]]
        latin = QUAKE_AREA_ENGLISH.get(area) or quake_area_latin(kana, to_hiragana(town.prefecture_kana))
        seen[area] = AreaRow("jma.quake_area", area, name, kana, latin, (AreaCode("jma.quake_pref", city[:2]),))
    return rows + list(seen.values())


def _english_names(bosai: Path | None) -> dict[str, str]:
    """JMA's English names by code (7-digit areas, class15, class10, offices), {} without area.json."""
    if bosai is None:
        return {}
    try:
        tree = json.loads((bosai / "area.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SourceError(f"{bosai / 'area.json'} is missing: --bosai must name the folder that holds it") from None
    levels = ("offices", "class10s", "class15s", "class20s")
    return {code: item["enName"] for level in levels for code, item in tree[level].items()}


if __name__ == "__main__":
    sys.exit(main())
