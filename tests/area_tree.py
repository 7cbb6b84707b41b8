"""JMA's area.json as it would be for an area table: for tests that change one area and see what becomes of it."""

from __future__ import annotations

from typing import Any

from core.model import AreaCode
from geo.tables import AreaTable

_LEVELS = (("offices", "jma.office", ""), ("class10s", "jma.class10", "jma.office"),
           ("class15s", "jma.class15", "jma.class10"), ("class20s", "jma.city", "jma.class15"))  # fmt: skip


def tree_of(table: AreaTable) -> dict[str, dict[str, dict[str, Any]]]:
    """Offices, class10s, class15s and class20s with name, enName, kana and parent.

    As in the real file, offices that only tornado warnings know (a class10 that is its own second office) are left out.
    """
    own_office = {
        AreaCode("jma.office", row.code)
        for row in table.rows
        if row.scheme == "jma.class10" and len(row.parents) > 1 and AreaCode("jma.office", row.code) in row.parents
    }
    tree: dict[str, dict[str, dict[str, Any]]] = {}
    for level, scheme, above in _LEVELS:
        tree[level] = {}
        for row in table.rows:
            parent = next((p.code for p in row.parents if p.scheme == above and p not in own_office), "")
            if row.scheme == scheme and (parent or not above) and AreaCode(scheme, row.code) not in own_office:
                tree[level][row.code] = {"name": row.name, "enName": row.latin, "kana": row.kana, "parent": parent}
    return tree
