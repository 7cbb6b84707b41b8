"""JMA's area.json as it would be for an area table: for tests that change one area and see what becomes of it."""

from __future__ import annotations

from typing import Any

from geo.tables import AreaTable

_LEVELS = (("offices", "jma.office", ""), ("class10s", "jma.class10", "jma.office"),
           ("class15s", "jma.class15", "jma.class10"), ("class20s", "jma.city", "jma.class15"))  # fmt: skip


def tree_of(table: AreaTable) -> dict[str, dict[str, dict[str, Any]]]:
    """Offices, class10s, class15s and class20s with name, enName, kana and parent."""
    tree: dict[str, dict[str, dict[str, Any]]] = {}
    for level, scheme, above in _LEVELS:
        tree[level] = {}
        for row in table.rows:
            parent = next((p.code for p in row.parents if p.scheme == above), "")
            if row.scheme == scheme and (parent or not above):
                item = {"name": row.name, "enName": row.latin, "kana": row.kana, "parent": parent}
                tree[level][row.code] = item
    return tree
