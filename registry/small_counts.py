"""Numbers for those who see no names: small ones are hidden, and totals beside them do not give them away. Pure.

A count of one or two says something about somebody whom a reader may know. It is hidden (primary suppression), and so
are as many others as are needed that nobody can compute it (complementary suppression: the cell suppression problem
of statistical disclosure control). What is hidden looks the same for both reasons: else the reason would give it away.
A zero is shown: nobody stands behind it.

A table with its totals is one grid whose last row and column are the totals. With the sign of the totals turned round,
every row and column of it adds up to nothing; so a hidden number can be another one exactly if it lies on a closed walk
of hidden cells, row, column, row ..., along which one more and one less alternate and no cell falls below 1.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: Counts from 1 up to below this are hidden.
SMALL: Final = 3

#: A total is hidden only where no other way is left.
_TOTAL_COST: Final = 10**9


@dataclass(frozen=True, slots=True)
class Shown:
    """A table as it may be shown; None stands for a hidden number. Totals are of the numbers before hiding."""

    rows: tuple[tuple[int | None, ...], ...]
    row_totals: tuple[int | None, ...]
    column_totals: tuple[int | None, ...]
    total: int | None


def is_small(count: int) -> bool:
    """Whether a count says too much by itself."""
    return 0 < count < SMALL


def suppress(rows: Sequence[Sequence[int]]) -> Shown:
    """Hide what is small in a table of counts shown with the totals of its rows and columns. No rows: an empty table.

    >>> suppress([[2, 5, 0], [9, 4, 7]]).rows
    ((None, None, 0), (None, None, 7))
    """
    if not rows:
        return Shown((), (), (), 0)
    return _Grid(rows, column_totals=True).shown()


def suppress_line(counts: Sequence[int]) -> tuple[tuple[int | None, ...], int | None]:
    """Hide what is small in one line of counts shown with its total: (the counts, the total).

    >>> suppress_line([40, 2, 5])
    ((40, None, None), 47)
    """
    shown = _Grid([counts], column_totals=False).shown()
    return shown.rows[0], shown.row_totals[0]


class _Grid:
    """The table with its totals as last row and column, and which of it is hidden."""

    def __init__(self, rows: Sequence[Sequence[int]], *, column_totals: bool) -> None:
        self.values = [[*row, sum(row)] for row in rows]
        self.values.append([sum(column) for column in zip(*self.values, strict=True)])
        self.height, self.width = len(rows), len(self.values[0]) - 1
        #: Cells that nobody is shown, so that nothing can be learnt from them.
        self.unpublished = set() if column_totals else {(self.height, c) for c in range(self.width + 1)}
        self.hidden = {
            (r, c)
            for r, row in enumerate(self.values)
            for c, value in enumerate(row)
            if (r, c) not in self.unpublished and is_small(value)
        }
        for cell in sorted(self.hidden):
            self.hidden |= self._cover(cell)

    def shown(self) -> Shown:
        grid = [
            tuple(None if (r, c) in self.hidden else value for c, value in enumerate(row))
            for r, row in enumerate(self.values)
        ]
        body, last = grid[:-1], grid[-1]
        return Shown(tuple(row[:-1] for row in body), tuple(row[-1] for row in body), last[:-1], last[-1])

    def _cover(self, cell: tuple[int, int]) -> set[tuple[int, int]]:
        """The cells of the cheapest closed walk through `cell`: with them hidden it could be another number."""
        _, walk = min(self._walk(cell, up) for up in (1, -1) if self._may(cell, up))
        return walk - self.unpublished

    def _may(self, cell: tuple[int, int], step: int) -> bool:
        """Whether a reader could believe this cell to be other by one; `step` counts with the sign of totals turned."""
        if cell in self.unpublished:
            return True
        turned = (cell[0] == self.height) != (cell[1] == self.width)
        value = self.values[cell[0]][cell[1]]
        return value > 0 and value + (-step if turned else step) >= 1

    def _cost(self, cell: tuple[int, int]) -> int:
        if cell in self.hidden or cell in self.unpublished:
            return 0
        total = _TOTAL_COST if self.height == cell[0] or self.width == cell[1] else 0
        return self.values[cell[0]][cell[1]] + total

    def _walk(self, cell: tuple[int, int], up: int) -> tuple[int, set[tuple[int, int]]]:
        """The cheapest walk from the cell's column back to its row (Dijkstra): its cost and its cells, `cell` included.

        On the way a column is left by a cell that goes the other way than `cell`, a row by one that goes the same way.
        """
        row, column = cell
        queue: list[tuple[int, int, bool, int, tuple[tuple[int, int], ...]]] = [(0, 0, False, column, ())]
        done: set[tuple[bool, int]] = set()
        steps = 0
        while queue:
            cost, _, at_row, node, cells = heapq.heappop(queue)
            if (at_row, node) in done:
                continue
            done.add((at_row, node))
            if at_row and node == row:
                return cost, {cell, *cells}
            for other in range(self.width + 1 if at_row else self.height + 1):
                step = (node, other) if at_row else (other, node)
                if step != cell and (not at_row, other) not in done and self._may(step, up if at_row else -up):
                    steps += 1
                    heapq.heappush(queue, (cost + self._cost(step), steps, not at_row, other, (*cells, step)))
        # One more in the cell, in its totals and in the grand total is always possible; one less is not.
        return _TOTAL_COST * _TOTAL_COST, {cell}
