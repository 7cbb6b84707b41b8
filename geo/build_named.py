"""Rows of the schemes beside the municipalities: tsunami areas, rivers, gauges, volcanoes. Build time only."""

from __future__ import annotations

import re
from pathlib import Path

from core.model import AreaCode
from geo.build_names import river_latin
from geo.build_sources import read_csv
from geo.build_tsunami import ENGLISH as TSUNAMI_ENGLISH
from geo.romaji import romaji, title
from geo.tables import AreaRow


def named_rows(codes: Path) -> list[AreaRow]:
    """Every row of those schemes. Raises geo.build_sources.SourceError for a missing table."""
    rivers = [
        AreaRow("jma.river", row[0], row[2], row[3], title(romaji(row[3]))) for row in read_csv(codes, "AreaRiver.csv")
    ]
    known = {row.code for row in rivers}
    return [
        *[
            AreaRow("jma.tsunami_area", code, _plain(name), kana, TSUNAMI_ENGLISH.get(code) or _tsunami_latin(kana))
            for code, name, kana, *_ in read_csv(codes, "AreaTsunami.csv")
        ],
        *[
            AreaRow("jma.river_section", code, _plain(name), kana, river_latin(kana), _river(code, known))
            for code, name, kana, *_ in read_csv(codes, "AreaFloodForecast.csv")
        ],
        *rivers,
        *[
            AreaRow("jma.gauge", code, _plain(name), parents=_river(_gauge_river(code), known))
            for code, _, name, *_ in read_csv(codes, "WaterLevelStation.csv")
        ],
        *[
            AreaRow("jma.volcano", code, name, kana, volcano_latin(name, kana))
            for code, name, kana, *_ in read_csv(codes, "PointVolcano.csv")
        ],
    ]


def volcano_latin(name: str, kana: str) -> str:
    """A volcano's reading with its crater in brackets; a second reading of the whole name is left out.

    >>> volcano_latin("霧島山（新燃岳）", "きりしまやま（しんもえだけ）")
    'Kirishimayama (Shinmoedake)'
    >>> volcano_latin("蔵王山", "ざおうざん（ざおうさん）")
    'Zaozan'
    """
    mountain, *craters = [
        " and ".join(title(romaji(word)) for word in part.split("・")) for part in re.split("[（）]+", kana) if part
    ]
    return f"{mountain} ({', '.join(craters)})" if craters and "（" in name else mountain


def _plain(name: str) -> str:
    return name.replace("\u3000", " ").strip()


def _tsunami_latin(kana: str) -> str:
    return title(romaji(re.sub(r"(けん|ふ)$", "", kana)))


def _gauge_river(code: str) -> str:
    """The river of a gauge: its code begins with the river's ten digits (指定河川洪水予報 水位観測所)."""
    return code[:10]


def _river(code: str, known: set[str]) -> tuple[AreaCode, ...]:
    return (AreaCode("jma.river", code[:10]),) if code[:10] in known else ()
