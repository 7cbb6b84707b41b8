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
from typing import Any

import shapely
import shapely.geometry

from core.model import AreaCode
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
    river_latin,
)
from geo.build_sources import JisTown, SourceError, read_csv, read_japan_post, read_polygons_geojson
from geo.build_tsunami import ENGLISH as TSUNAMI_ENGLISH
from geo.build_tsunami import tsunami_areas
from geo.romaji import romaji, title, to_hiragana
from geo.tables import AREAS_FILE, DATA, POLYGONS_FILE, AreaRow, read_areas, write_areas, write_polygons

#: Codes of the northern islands (北方領土): Japan Post delivers nowhere there, so they have no place in our table.
_NORTHERN_ISLANDS = re.compile(r"01690|0169[5-9]|0170")

#: The Hachijo branch office (八丈支庁) is no municipality: it stands for the two it serves.
_STANDS_FOR = {"13400": ["13401", "13402"]}


def main(argv: Sequence[str] | None = None) -> int:
    """Build, print the difference, write. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m geo.build", description=__doc__)
    parser.add_argument("--codes", type=Path, required=True, help="folder of JMA's code tables as CSV")
    parser.add_argument("--bosai", type=Path, help="folder with JMA's area.json, for JMA's own English names")
    parser.add_argument("--dry-run", action="store_true", help="print the difference, write nothing")
    options = parser.parse_args(argv)
    try:
        rows = build_rows(options.codes, options.bosai)
        shapes, notes = build_polygons(read_polygons_geojson(), {r.code for r in rows if r.scheme == "jma.city"})
    except (SourceError, ValueError) as error:
        print(f"geo.build: {error}", file=sys.stderr)
        return 1
    old = read_areas() if AREAS_FILE.exists() else []
    for line in (*difference(old, rows), *notes):
        print(line)
    if not options.dry_run:
        write_areas(rows)
        write_polygons(shapes)
        for path in (AREAS_FILE, POLYGONS_FILE):
            print(f"wrote {path.name}: {path.stat().st_size / 1000:.0f} kB")
    print(f"{len(rows)} areas, {len(shapes)} polygons")
    return 0


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
        *_named(codes, "AreaTsunami.csv", "jma.tsunami_area", TSUNAMI_ENGLISH),
        *_named(codes, "AreaFloodForecast.csv", "jma.river_section", {}),
        *_river_rows(codes),
    ]
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
            members = _STANDS_FOR.get(jis, [jis])
        else:
            latin = names.part_latin(row)
            named = re.split("、|及び", row[WORDS].split("のうち")[-1]) if jis in wards else []
            members = [wards[jis][w] for w in named] if named and all(w in wards[jis] for w in named) else [jis]
        parents = [AreaCode("jis", m) for m in members]
        if row[CLASS15]:
            parents.append(AreaCode("jma.class15", row[CLASS15]))
        if code in quake_area_of:
            parents.append(AreaCode("jma.quake_area", quake_area_of[code]))
        name = row[WEATHER_NAME] or row[SEISMIC_NAME] or row[VOLCANO_NAME]
        kana = row[WEATHER_KANA] or row[SEISMIC_KANA] or row[VOLCANO_KANA]
        rows.append(AreaRow("jma.city", code, name, kana, latin, tuple(parents)))
    return rows


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


def _named(codes: Path, file: str, scheme: str, english: Mapping[str, str]) -> list[AreaRow]:
    def latin(code: str, kana: str) -> str:
        if scheme == "jma.river_section":
            return river_latin(kana)
        return english.get(code) or title(romaji(re.sub(r"(けん|ふ)$", "", kana)))

    return [
        AreaRow(scheme, code, name.replace("\u3000", " "), kana, latin(code, kana))
        for code, name, kana, *_ in read_csv(codes, file)
    ]


def _river_rows(codes: Path) -> list[AreaRow]:
    return [
        AreaRow("jma.river", row[0], row[2], row[3], title(romaji(row[3]))) for row in read_csv(codes, "AreaRiver.csv")
    ]


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


def build_polygons(
    members: Mapping[str, list[dict[str, Any]]], known: set[str]
) -> tuple[list[tuple[str, bytes]], list[str]]:
    """(code, WKB) of every municipality-level area, made valid; and notes on codes JMA's tables no longer hold."""
    shapes, notes = [], []
    for name, features in members.items():
        if not name.startswith("landslides_"):
            continue
        for feature in features:
            code = feature["properties"]["code"]
            if code not in known:
                notes.append(f"polygon {code} {feature['properties']['name']} is in no code table: left out")
                continue
            shape = shapely.make_valid(
                shapely.geometry.shape(feature["geometry"]), method="structure", keep_collapsed=False
            )
            if shape.is_empty or shape.geom_type not in ("Polygon", "MultiPolygon"):
                raise ValueError(f"polygon {code} became {shape.geom_type} when it was made valid")
            shapes.append((code, shapely.to_wkb(shape)))
    if len(shapes) < 1840:
        raise ValueError(f"only {len(shapes)} polygons, expected at least 1840: the polygon source has changed")
    return shapes, notes


def difference(old: Sequence[AreaRow], new: Sequence[AreaRow]) -> list[str]:
    """Lines saying what a rebuild adds, removes and changes; at most 40 lines of detail."""
    before = {(r.scheme, r.code): r for r in old}
    after = {(r.scheme, r.code): r for r in new}
    lines = [f"+ {s}:{c} {after[s, c].name}" for s, c in sorted(after.keys() - before.keys())]
    lines += [f"- {s}:{c} {before[s, c].name}" for s, c in sorted(before.keys() - after.keys())]
    lines += [
        f"~ {s}:{c} {after[s, c].name}" for s, c in sorted(after.keys() & before.keys()) if before[s, c] != after[s, c]
    ]
    if not old:
        return ["no earlier area table to compare with"]
    more = [f"... and {len(lines) - 40} more"] if len(lines) > 40 else []
    return lines[:40] + more or ["no difference"]


if __name__ == "__main__":
    sys.exit(main())
