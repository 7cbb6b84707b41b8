"""The files of one import read into builders, one per kind of zone. No database here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from geo.areas import Areas
from geo.importers.a31a import FLOOD_CREDIT, is_flood, is_other_flood_file, read_flood
from geo.importers.a33 import LANDSLIDE_CREDIT, is_landslide, read_landslide
from geo.importers.archive import Part, parts_of
from geo.importers.features import FeatureReader
from geo.shapes import Shapes
from geo.zone_build import ZoneBuilder, crs_fault, prefecture_shape
from geo.zones import ZoneKind

SUFFIXES: Final = (".geojson", ".json")
CREDITS: Final = {ZoneKind.FLOOD: FLOOD_CREDIT, ZoneKind.LANDSLIDE: LANDSLIDE_CREDIT}
SOURCES: Final = {
    ZoneKind.FLOOD: "国土数値情報 A31a 洪水浸水想定区域データ (MLIT)",
    ZoneKind.LANDSLIDE: "国土数値情報 A33 土砂災害警戒区域データ (MLIT)",
}


class NotZones(ValueError):
    """The files hold nothing to import. The message names the file and what was expected."""


class ZoneImport:
    """What the files of one prefecture hold, by kind."""

    def __init__(self, prefecture: str, shapes: Shapes, areas: Areas) -> None:
        """Raises ValueError for a prefecture that does not exist."""
        inside = prefecture_shape(prefecture, shapes, areas)
        self._builders = {
            ZoneKind.FLOOD: ZoneBuilder(read_flood, inside),
            ZoneKind.LANDSLIDE: ZoneBuilder(read_landslide, inside),
        }
        #: Files without a depth or zone: nothing in them says where it is dangerous.
        self.passed_over: list[str] = []
        #: Kinds of which a whole file could not be used.
        self.incomplete: set[ZoneKind] = set()

    def read(self, paths: Sequence[Path], progress: Callable[[str, int], None] = lambda name, rows: None) -> None:
        """Read every file. Raises ArchiveError, FeatureFileError, NotZones.

        `progress`: (file, features read of it), now and then.
        """
        for path in paths:
            with parts_of(path, SUFFIXES) as parts:
                for part in parts:
                    self._read(part, progress)

    def _read(self, part: Part, progress: Callable[[str, int], None]) -> None:
        """One file into its builder. What it holds and its datum are known before: nothing of a wrong one goes in."""
        kind = self._kind_of(part)
        if kind is None:
            return
        builder = self._builders[kind]
        with part.open() as stream:
            reader = FeatureReader(stream, part.name)
            number = 0
            for number, feature in reader:
                builder.add(part.name, number, feature)
                if number % 1000 == 0:
                    progress(part.name, number)
        progress(part.name, number)

    def _kind_of(self, part: Part) -> ZoneKind | None:
        """What a file holds, by its first feature that says so; None: nothing we read, or not in a datum we take.

        The datum may stand behind the features: then the file is read to its end here, and once more after.
        """
        with part.open() as stream:
            reader = FeatureReader(stream, part.name)
            kind, other = None, False
            for _, feature in reader:
                properties = _properties(feature)
                if is_flood(properties):
                    kind = kind or ZoneKind.FLOOD
                elif is_landslide(properties):
                    kind = kind or ZoneKind.LANDSLIDE
                other = other or is_other_flood_file(properties)
                if kind is not None and "crs" in reader.members:
                    break
        fault = crs_fault(reader.members)
        if kind is None:
            if not other:
                raise NotZones(f"{part.name}: no feature with the properties of A31a (A31a_205) or A33 (A33_002)")
            self.passed_over.append(part.name)
            return None
        if fault is not None:
            self._builders[kind].refuse(part.name, fault)
            self.incomplete.add(kind)
            return None
        return kind

    def found(self) -> dict[ZoneKind, ZoneBuilder]:
        """The kinds that hold something to store."""
        return {kind: builder for kind, builder in self._builders.items() if len(builder)}

    @property
    def builders(self) -> Mapping[ZoneKind, ZoneBuilder]:
        """All of them, with what they report."""
        return self._builders


def _properties(feature: Any) -> Mapping[str, Any]:
    found = feature.get("properties") if isinstance(feature, Mapping) else None
    return found if isinstance(found, Mapping) else {}
