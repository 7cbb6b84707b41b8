"""Which areas of an alert count for a place beyond its codes: rivers, and levels that are only for hazard zones.

A river of a flood bulletin reaches the places in its flood areas, whatever their municipality; where the bulletin has a
level for the municipality itself, that one counts. A level that is only for zones is nothing to a place that is known
to lie outside of every one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from alerts.decision import RatedArea, Tell
from alerts.fanout_store import AlertRow
from alerts.people import Person
from alerts.rules import Rule
from core.db import Connection, Pool
from geo.rivers import SCHEME

# Whoever asked for level 3 everywhere is left out of nothing.
SQL_OUTSIDE: Final = """
SELECT rp.resident_id, rp.kind
FROM resident_place AS rp
JOIN place_hazard AS h ON h.place_id = rp.place_id
JOIN resident AS r ON r.id = rp.resident_id AND NOT r.level3_always
WHERE rp.resident_id = ANY($1::uuid[]) AND CASE $2 WHEN 'flood' THEN h.flood ELSE h.landslide END = 'out'
"""
SQL_LISTED: Final = """
SELECT DISTINCT rp.resident_id, rp.kind
FROM resident_place AS rp
JOIN place_area AS pa ON pa.place_id = rp.place_id AND pa.scheme = 'jma.city' AND pa.code = ANY($2::text[])
WHERE rp.resident_id = ANY($1::uuid[])
"""


def asks_zones(alert: AlertRow, rule: Rule) -> bool:
    """Whether more than the codes of a place decides here: people must then be looked at one by one."""
    return bool(river_areas(alert.areas) or zone_areas(alert.areas, rule))


async def within_zones(conn: Connection | Pool, alert: AlertRow, rule: Rule, people: list[Person]) -> list[Person]:
    """The people as the alert considers them. Asks nothing of the database for alerts without rivers and zones."""
    listed = alert.context.get("listed") or []
    rivers = river_areas(alert.areas)
    if rivers and listed:
        people = _all_without(people, await _kinds(conn, SQL_LISTED, people, listed), rivers)
    # A correction or a lift goes to whoever was told, wherever they live.
    dropped = zone_areas(alert.areas, rule)
    if dropped and rule.zone is not None and alert.tell is Tell.MATCHED:
        people = _all_without(people, await _kinds(conn, SQL_OUTSIDE, people, rule.zone.kind.value), dropped)
    return people


async def _kinds(
    conn: Connection | Pool, query: str, people: Sequence[Person], asked: str | list[str]
) -> dict[UUID, set[str]]:
    found: dict[UUID, set[str]] = defaultdict(set)
    for row in await conn.fetch(query, [person.id for person in people], asked):
        found[row["resident_id"]].add(row["kind"])
    return found


def river_areas(areas: Iterable[RatedArea]) -> frozenset[int]:
    """The positions of the areas that are rivers."""
    return frozenset(number for number, rated in enumerate(areas) if rated.area.scheme == SCHEME)


def zone_areas(areas: Iterable[RatedArea], rule: Rule) -> frozenset[int]:
    """The positions of the areas whose level is only for zones."""
    return frozenset(number for number, rated in enumerate(areas) if rule.only_in_zone(rated.level))


def _all_without(
    people: Sequence[Person], kinds: Mapping[UUID, Collection[str]], dropped: Collection[int]
) -> list[Person]:
    return [without(person, kinds[person.id], dropped) if person.id in kinds else person for person in people]


def without(person: Person, kinds: Collection[str], dropped: Collection[int]) -> Person:
    """The person without the areas `dropped` at the places of these kinds."""

    def kept(kind: str, areas: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(i for i in areas if i not in dropped) if kind in kinds else areas

    return replace(
        person,
        home=kept("home", person.home),
        work=kept("work", person.work),
        today=kept("today", person.today),
    )
