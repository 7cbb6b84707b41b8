"""The places in memory against every place asked one by one, over any order of arrivals, moves and departures."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import shapely

from geo.match import usable_polygon
from geo.place_index import ID, Columns, PlaceIndex, Row, columns, uuids
from geo.reach import Reach

CITIES = (4320300, 4344200, 4344300, 4310000, 1101000)


def square(west: float, south: float, size: float) -> dict[str, Any]:
    east, north = west + size, south + size
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


def reach(west: float, south: float, size: float, *cities: int) -> Reach:
    return Reach(usable_polygon(square(west, south, size)), frozenset(f"{city:07}" for city in cities))


def one_by_one(rows: dict[UUID, Row], reaches: Sequence[Reach]) -> dict[UUID, tuple[int, ...]]:
    """What the index must say, in the plainest words."""
    found: dict[UUID, tuple[int, ...]] = {}
    for place, row in rows.items():
        numbers = []
        for number, each in enumerate(reaches):
            if row.lon is not None and row.lat is not None:
                inside = bool(shapely.intersects(each.shape, shapely.Point(row.lon, row.lat)))
            else:
                inside = bool({f"{city:07}" for city in row.cities} & each.municipalities)
            if inside:
                numbers.append(number)
        if numbers:
            found[place] = tuple(numbers)
    return found


def some_row(random: np.random.Generator) -> Row:
    cities = tuple(sorted(random.choice(CITIES, size=int(random.integers(0, 4)), replace=False).tolist()))
    if random.random() < 0.3:
        return Row(cities=cities)
    return Row(float(random.uniform(130, 131)), float(random.uniform(32, 33)), cities)


def some_id(random: np.random.Generator) -> UUID:
    """Short ids with zeros at their end: what NumPy would drop."""
    return UUID(bytes=random.bytes(2) + bytes(14))


REACHES = (
    reach(130.2, 32.2, 0.4, 4344300, 4310000),
    reach(130.5, 32.1, 0.3, 4320300),
    reach(130.0, 32.0, 1.0, *CITIES),
    reach(135.0, 35.0, 0.1),
)


@pytest.mark.parametrize("seed", range(12))
def test_any_order_of_changes_gives_the_same_answer_as_asking_each_place(seed: int) -> None:
    random = np.random.default_rng(seed)
    index, rows = PlaceIndex(rebuild_at=int(random.integers(5, 60))), dict[UUID, Row]()
    for _ in range(30):
        if random.random() < 0.1:  # loaded anew
            index.load(columns({place.bytes: row for place, row in rows.items()}))
        batch: list[tuple[UUID, Row | None]] = []
        for _ in range(int(random.integers(0, 12))):
            known = list(rows)
            place = known[int(random.integers(len(known)))] if known and random.random() < 0.6 else some_id(random)
            batch.append((place, None if random.random() < 0.3 else some_row(random)))
        index.apply(batch)
        for place, row in batch:
            if row is None:
                rows.pop(place, None)
            else:
                rows[place] = row
        assert index.now.reached_by(REACHES).by_place() == one_by_one(rows, REACHES)


def test_a_change_said_twice_changes_nothing_and_the_last_word_counts() -> None:
    index, place = PlaceIndex(rebuild_at=100), UUID(int=7)
    inside, outside = Row(130.3, 32.3), Row(139.0, 35.0)
    index.apply([(place, outside), (place, inside)])
    index.apply([(place, inside)])
    assert index.now.reached_by(REACHES).by_place() == {place: (0, 2)}
    index.apply([(place, None)])
    index.apply([(place, None), (UUID(int=8), None)])
    assert index.now.reached_by(REACHES).by_place() == {}


def test_a_place_in_two_touched_municipalities_is_found_once() -> None:
    place = UUID(int=5)
    for rebuild_at in (1, 100):
        index = PlaceIndex(rebuild_at=rebuild_at)
        index.apply([(place, Row(cities=(4310000, 4344300)))])
        found = index.now.reached_by(REACHES)
        assert sorted(found.reaches.tolist()) == [0, 2]
        assert found.by_place() == {place: (0, 2)}


def test_a_reader_keeps_what_it_holds_while_others_write() -> None:
    index, first, second = PlaceIndex(rebuild_at=2), UUID(int=1), UUID(int=2)
    index.apply([(first, Row(130.3, 32.3))])
    held = index.now
    index.apply([(first, None), (second, Row(130.3, 32.3))])
    assert set(held.reached_by(REACHES).by_place()) == {first}
    assert set(index.now.reached_by(REACHES).by_place()) == {second}


def test_no_reader_ever_sees_half_of_an_update() -> None:
    """Two places swap their positions, over and over: exactly one of them is inside at any time."""
    index, one, other = PlaceIndex(rebuild_at=3), UUID(int=1), UUID(int=2)
    inside, outside = Row(130.3, 32.3), Row(139.0, 35.0)
    index.apply([(one, inside), (other, outside)])
    seen: list[int] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(len(index.now.reached_by(REACHES[:1]).ids))

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(200):
        index.apply([(one, outside if n % 2 else inside), (other, inside if n % 2 else outside)])
    while not seen:
        pass
    stop.set()
    reader.join()
    assert set(seen) == {1}


def test_many_polygons_and_no_place_at_all() -> None:
    index = PlaceIndex()
    assert index.now.reached_by(REACHES).by_place() == {}
    assert index.now.reached_by([]).by_place() == {}
    assert index.now.nbytes == 0


def test_memory_of_a_place_is_forty_bytes() -> None:
    ids = np.array([UUID(int=n).bytes for n in range(1000)], dtype=ID)
    index = PlaceIndex()
    index.load(Columns(ids, np.linspace(130, 131, 1000), np.full(1000, 32.5), ids[:0], np.empty(0, np.int32)))
    assert index.now.nbytes == 40_000
    assert uuids(ids[:3]) == [UUID(int=n) for n in range(3)]
