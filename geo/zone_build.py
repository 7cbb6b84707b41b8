"""Rows of a publication -> the shapes that are stored: dissolved, cut at the cells, simplified to 5 m. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from core.later import Later
from geo.areas import Areas
from geo.importers.a31a import ZoneRow
from geo.importers.rows import Fault, Problem, RowFault, check_crs, first_coordinate, polygon_of
from geo.match import widened
from geo.shapes import METRES_PER_DEGREE, Shapes
from geo.zone_cells import box_of, cells_touched

if TYPE_CHECKING:
    import shapely
    from shapely.geometry.base import BaseGeometry
else:
    shapely = Later("shapely")

#: Corners may move by this much.
SIMPLIFY_M: Final = 5.0
#: Shapes of one cell that wait to be dissolved: bounds the memory.
PENDING: Final = 2_000
#: How far outside a prefecture's own polygon a row may lie: what reaches a place at its border counts for it.
BORDER_M: Final = 1_000.0


class Piece(NamedTuple):
    """One shape to store: the part of a river (or kind of slope) at one rank that lies in one cell. `wkb`: degrees."""

    row: ZoneRow
    cell: str
    wkb: bytes


def prefecture_shape(prefecture: str, shapes: Shapes, areas: Areas) -> BaseGeometry:
    """A prefecture widened by BORDER_M, simplified to some 50 m. Raises ValueError for one without polygons."""
    parts = [shapes.polygon("jma.city", code, areas) for code in shapes.codes(prefecture)]
    if not parts:
        raise ValueError(f"there is no prefecture {prefecture}: two digits, 01 to 47")
    shape = widened(shapely.simplify(shapely.union_all(parts), 0.0005), BORDER_M)
    shapely.prepare(shape)
    return shape


class ZoneBuilder:
    """Takes the features of one kind and prefecture, in any order; holds what is dissolved so far, never the file.

    `read`: the row of a feature's properties. `inside`: the prefecture's shape.
    """

    def __init__(self, read: Callable[[Mapping[str, Any]], ZoneRow], inside: BaseGeometry) -> None:
        self._read = read
        self._inside = inside
        self._shapes: dict[tuple[ZoneRow, str], list[BaseGeometry]] = {}
        #: A river keeps the name it came with first: some files write it in two ways.
        self._names: dict[str, str] = {}
        self.taken = 0
        self.problems: list[Problem] = []
        self.faults: dict[Fault, int] = {}

    def add(self, file: str, number: int, feature: Any) -> None:
        """One feature: taken, or reported with its place."""
        try:
            properties = feature.get("properties") if isinstance(feature, Mapping) else None
            shape, repaired = polygon_of(feature)
            row = self._read(properties if isinstance(properties, Mapping) else {})
            if not shapely.intersects(self._inside, shape):
                raise RowFault(Fault.OUTSIDE, "lies outside the prefecture")
        except RowFault as fault:
            self._report(Problem(file, number, first_coordinate(feature), fault.fault, str(fault)))
            return
        row = row._replace(name=self._names.setdefault(row.code, row.name))
        if repaired:
            text = "its polygon crosses itself; repaired and taken"
            self._report(Problem(file, number, first_coordinate(feature), Fault.REPAIRED, text))
        self.taken += 1
        cells = cells_touched(*shape.bounds)
        for cell in cells:
            part = shape if len(cells) == 1 else _areas_of(shapely.intersection(shape, shapely.box(*box_of(cell))))
            if part is not None:
                self._keep(row, cell, part)

    def refuse(self, file: str, fault: RowFault) -> None:
        """A whole file is left out."""
        self._report(Problem(file, 0, "", fault.fault, str(fault)))

    def _keep(self, row: ZoneRow, cell: str, shape: BaseGeometry) -> None:
        waiting = self._shapes.setdefault((row, cell), [])
        waiting.append(shape)
        if len(waiting) >= PENDING:
            waiting[:] = [shapely.union_all(waiting)]

    def _report(self, problem: Problem) -> None:
        """Every fault is counted; of each kind the first hundred are kept with their place."""
        self.faults[problem.fault] = self.faults.get(problem.fault, 0) + 1
        if self.faults[problem.fault] <= 100:
            self.problems.append(problem)

    @property
    def left_out(self) -> int:
        """Rows that did not go in."""
        return sum(count for fault, count in self.faults.items() if fault is not Fault.REPAIRED)

    @property
    def rows(self) -> list[ZoneRow]:
        """What was found, each once."""
        return sorted({row for row, _ in self._shapes})

    def __len__(self) -> int:
        return len(self._shapes)

    def pieces(self) -> Iterator[Piece]:
        """What to store, each piece dissolved; what has been handed out is forgotten."""
        for key in sorted(self._shapes):
            row, cell = key
            shape = _simplified(shapely.union_all(self._shapes.pop(key)))
            if shape is not None:
                yield Piece(row, cell, shapely.to_wkb(shape))


def _simplified(shape: BaseGeometry) -> BaseGeometry | None:
    slim = shapely.simplify(shape, SIMPLIFY_M / METRES_PER_DEGREE, preserve_topology=True)
    if not shapely.is_valid(slim):
        slim = shapely.make_valid(slim, method="structure", keep_collapsed=False)
    return _areas_of(slim)


def _areas_of(shape: BaseGeometry) -> BaseGeometry | None:
    """The polygons of a shape: cutting also leaves lines and points along the edges. None if there are none."""
    if shape.geom_type in ("Polygon", "MultiPolygon"):
        return None if shape.is_empty else shape
    parts = [part for part in shapely.get_parts(shape) if part.geom_type in ("Polygon", "MultiPolygon")]
    return shapely.union_all(parts) if parts else None


def crs_fault(members: Mapping[str, Any]) -> RowFault | None:
    """Why a file's coordinates cannot be used; None: they can. `members`: what stands beside its features."""
    try:
        check_crs(members.get("crs"))
    except RowFault as fault:
        return fault
    return None
