"""Small counts are hidden, and what is shown beside them does not give them away."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import product

import pytest

from registry.small_counts import Shown, is_small, suppress, suppress_line

_: None = None


@pytest.mark.parametrize(
    ("rows", "shown", "row_totals", "column_totals", "total"),
    [
        # nothing small: nothing hidden, zeros stay
        ([[3, 0], [4, 5]], [[3, 0], [4, 5]], [3, 9], [7, 5], 12),
        # one small cell: a rectangle of cells goes with it, the totals stay
        ([[2, 5, 0], [9, 4, 7]], [[_, _, 0], [_, _, 7]], [7, 20], [11, 9, 7], 27),
        # one of two on the diagonal: the other two cells of the rectangle go with them
        ([[1, 9], [9, 1]], [[_, _], [_, _]], [10, 10], [10, 10], 20),
        # one organisation with two people, alone in its column: its totals would say it
        ([[2, 0], [0, 0]], [[_, 0], [0, 0]], [_, 0], [_, 0], _),
        ([], [], [], [], 0),
    ],
)
def test_tables(
    rows: list[list[int]],
    shown: list[list[int | None]],
    row_totals: list[int | None],
    column_totals: list[int | None],
    total: int | None,
) -> None:
    got = suppress(rows)
    assert [list(row) for row in got.rows] == shown
    assert (list(got.row_totals), list(got.column_totals), got.total) == (row_totals, column_totals, total)


@pytest.mark.parametrize(
    ("counts", "shown", "total"),
    [
        ([40, 30], [40, 30], 70),
        ([40, 2, 5], [40, _, _], 47),
        ([40, 1, 2], [40, _, _], 43),
        # 1 + 1 = 2 can be nothing else: one more goes
        ([40, 1, 1], [_, _, _], 42),
        ([40, 5, 1, 1], [40, _, _, _], 47),
        ([40, 0, 1], [_, 0, _], 41),
        ([2], [_], _),
        ([1, 1, 1], [_, _, _], _),
        ([0, 0], [0, 0], 0),
        ([], [], 0),
    ],
)
def test_lines(counts: list[int], shown: list[int | None], total: int | None) -> None:
    assert suppress_line(counts) == (tuple(shown), total)


def _readings(shown: Shown, most: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Every table a reader could believe in: hidden numbers are at least 1, everything shown adds up."""
    cells = [(r, c) for r, row in enumerate(shown.rows) for c, value in enumerate(row) if value is None]
    for guess in product(range(1, most + 1), repeat=len(cells)):
        filled = [list(row) for row in shown.rows]
        for (r, c), value in zip(cells, guess, strict=True):
            filled[r][c] = value
        table: list[list[int]] = [[value or 0 for value in row] for row in filled]
        sums = [sum(row) for row in table]
        columns = [sum(column) for column in zip(*table, strict=True)]
        published = [*shown.row_totals, *shown.column_totals, shown.total]
        if all(a is None or a == b for a, b in zip(published, [*sums, *columns, sum(sums)], strict=True)):
            yield tuple(tuple(row) for row in table)


def _computable(rows: Sequence[Sequence[int]], shown: Shown) -> list[tuple[int, int]]:
    readings = list(_readings(shown, 6))
    assert tuple(tuple(row) for row in rows) in readings, "what is shown is true"
    small = [(r, c) for r, row in enumerate(rows) for c, value in enumerate(row) if is_small(value)]
    return [(r, c) for r, c in small if len({reading[r][c] for reading in readings}) == 1]


@pytest.mark.parametrize("seed", range(40))
def test_no_reader_can_work_a_small_count_out(seed: int) -> None:
    """Against brute force: among all tables a reader could believe in, every small count has two values or more."""
    chance = random.Random(seed)
    rows = [[chance.choice((0, 1, 1, 2, 3, 4, 5)) for _ in range(2)] for _ in range(chance.choice((2, 3)))]
    shown = suppress(rows)
    assert all(not is_small(value) for row in shown.rows for value in row if value is not None)
    assert _computable(rows, shown) == []


def test_the_brute_force_would_find_a_careless_table() -> None:
    """The reader of the test above does see through hiding small cells alone."""
    careless = Shown(((None, 5), (4, 6)), (7, 10), (6, 11), 17)
    assert _computable([[2, 5], [4, 6]], careless) == [(0, 0)]


def test_forty_organisations_keep_most_of_their_numbers() -> None:
    chance = random.Random(1)
    rows = [[chance.randint(0, 30) for _ in range(5)] for _ in range(40)]
    shown = suppress(rows)
    hidden = sum(value is None for row in shown.rows for value in row)
    small = sum(is_small(value) for row in rows for value in row)
    assert small <= hidden <= 3 * small and None not in shown.row_totals and shown.total is not None
