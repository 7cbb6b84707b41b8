"""JMA's own area tree (area.json of its website) laid over the area table: new warning areas, new parents. Pure.

The tree holds offices, class10s, class15s and class20s (a warning area, 7 digits), each with name, enName and its
parent; class20s also with kana. What only the code tables have (quake areas, wards, rivers, gauges) stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from core.model import AreaCode
from geo.tables import AreaDataError, AreaRow, AreaTable, Vintage

#: What the vintages name as source.
AREA_TREE = "気象庁 防災情報 area.json"
_LEVELS = {"offices": "jma.office", "class10s": "jma.class10", "class15s": "jma.class15", "class20s": "jma.city"}
#: A tree with fewer areas than this is cut off or something else.
FEWEST = 100


def read_area_tree(content: bytes, name: str) -> dict[str, dict[str, dict[str, Any]]]:
    """area.json, checked: every level is there, every parent exists. Raises AreaDataError naming what is wrong."""
    try:
        tree = json.loads(content)
        levels = {level: dict(tree[level]) for level in _LEVELS}
        for level, above in zip(list(_LEVELS)[1:], list(_LEVELS)[:-1], strict=True):
            for code, item in levels[level].items():
                if item["parent"] not in levels[above]:
                    raise AreaDataError(f"{name}: {level} {code} names the parent {item['parent']}, which is not there")
                if not (code.isdigit() and item["name"]):
                    raise AreaDataError(f"{name}: {level} {code!r} has no name, or is no code")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AreaDataError(f"{name} is not JMA's area.json ({type(error).__name__}: {error})") from None
    if len(levels["class20s"]) < FEWEST:
        raise AreaDataError(f"{name} holds only {len(levels['class20s'])} warning areas: it is cut off")
    return levels


def with_area_tree(table: AreaTable, tree: Mapping[str, Mapping[str, Mapping[str, Any]]], edition: str) -> AreaTable:
    """The table with the forecast and warning areas of a newer tree.

    An area the tree does not hold keeps its row: of landslide warnings, of tornado warnings (offices of their own), of
    the days before. A new one in a municipality we do not know raises AreaDataError: nobody could be placed there.
    """
    rows = {AreaCode(row.scheme, row.code): row for row in table.rows}
    fresh: dict[AreaCode, AreaRow] = {}
    for level, scheme in _LEVELS.items():
        for code, item in tree[level].items():
            old = rows.get(AreaCode(scheme, code), AreaRow(scheme, code, ""))
            fresh[AreaCode(scheme, code)] = _city(old, item, rows) if scheme == "jma.city" else _above(old, item, tree)
    kept = [row for code, row in rows.items() if code not in fresh]
    vintage = Vintage(edition, AREA_TREE)
    merged = AreaTable([*kept, *fresh.values()], {**table.vintages, **dict.fromkeys(_LEVELS.values(), vintage)})
    _check_parents(merged)
    return merged


def unions_by_rule(rows: Iterable[AreaRow], drawn: Iterable[str]) -> tuple[list[AreaRow], list[str]]:
    """The rows, each current warning area with polygons, and a note on each that had to be given some.

    Own polygon, else those stated, else those of its municipality, else those of the city it is a ward of.
    """
    codes = set(drawn)
    all_rows = list(rows)
    city_of = {r.code: p.code for r in all_rows if r.scheme == "jis" for p in r.parents if p.scheme == "jis"}
    done, notes = [], []
    for row in all_rows:
        is_warning_area = row.scheme == "jma.city" and any(p.scheme == "jma.class15" for p in row.parents)
        if is_warning_area and row.code not in codes and not (row.polygons and codes.issuperset(row.polygons)):
            jis = row.code[:5]
            own = sorted(c for c in codes if c.startswith(jis)) or sorted(
                c for c in codes if c.startswith(city_of.get(jis, "none"))
            )
            notes.append(f"{row.code} {row.name} is not drawn: {' '.join(own) or 'nothing'} stands for it")
            row = row._replace(polygons=tuple(own))
        done.append(row)
    return done, notes


def _above(old: AreaRow, item: Mapping[str, Any], tree: Mapping[str, Mapping[str, Any]]) -> AreaRow:
    """An office, class10 or class15 area. A class10 also keeps the offices that only tornado warnings know."""
    scheme = {"jma.class15": "jma.class10", "jma.class10": "jma.office"}.get(old.scheme)
    if scheme is None:
        return _named(old, item)._replace(parents=())
    others = {p for p in old.parents if scheme == "jma.office" and p.code not in tree["offices"]}
    return _named(old, item)._replace(parents=tuple(sorted({AreaCode(scheme, item["parent"]), *others})))


def _city(old: AreaRow, item: Mapping[str, Any], rows: Mapping[AreaCode, AreaRow]) -> AreaRow:
    members = tuple(p for p in old.parents if p.scheme == "jis")
    if old.retired or not members:
        municipality = AreaCode("jis", old.code[:5])
        if municipality not in rows:
            raise AreaDataError(
                f"JMA's warning area {old.code} {item['name']} lies in the municipality {municipality.code}, which the "
                "list of postal codes does not have: update the program first"
            )
        members = (municipality,)
    others = tuple(p for p in old.parents if p.scheme not in ("jis", "jma.class15"))
    parents = (*members, AreaCode("jma.class15", item["parent"]), *others)
    return _named(old, item)._replace(parents=parents, retired=False)


def _named(old: AreaRow, item: Mapping[str, Any]) -> AreaRow:
    """A new name brings its own readings; an old one keeps ours, which also tell a city from its prefecture."""
    if old.name == item["name"]:
        return old
    return old._replace(name=item["name"], kana=item.get("kana", ""), latin=item.get("enName", ""))


def _check_parents(table: AreaTable) -> None:
    known = {AreaCode(row.scheme, row.code) for row in table.rows}
    lost = sorted({f"{p.scheme}:{p.code}" for row in table.rows for p in row.parents if p not in known})
    if lost:
        raise AreaDataError(f"areas named as parents but in no table: {', '.join(lost[:10])}")
