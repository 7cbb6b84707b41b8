"""GSI's lists of designated shelters (指定緊急避難場所・指定避難所データ): CSV -> shelters, and what is wrong. Pure.

Columns are found by their heading. Published by 国土地理院, the Geospatial Information Authority of Japan:
per municipality NNNNN_2.csv (emergency sites) and NNNNN_1.csv (shelters), for the nation mergeFromCity_2.csv, _1.csv.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from core.later import Later
from core.model import AreaCode
from geo.areas import Areas
from geo.shapes import OutsideJapan, Shapes
from geo.shelters import KINDS, Shelter

if TYPE_CHECKING:
    import shapely
else:
    shapely = Later("shapely")

#: The national file has 115,000 rows in 16 MB.
MAX_BYTES: Final = 64 << 20
MAX_ROWS: Final = 400_000
MAX_NAME: Final = 200
MAX_TEXT: Final = 500

EMERGENCY_SITE: Final = "emergency_site"
SHELTER: Final = "shelter"

_KIND_HEADINGS: Final = dict(
    zip(
        ("洪水", "崖崩れ、土石流及び地滑り", "高潮", "地震", "津波", "大規模な火事", "内水氾濫", "火山現象"),
        KINDS,
        strict=True,
    )
)
_REQUIRED: Final = ("共通ID", "施設・場所名", "緯度", "経度")
_ONLY_SHELTERS: Final = ("指定緊急避難場所との住所同一", "受入対象者")
_YES: Final = frozenset({"1", "○", "◯", "〇", "◎"})
_NO: Final = frozenset({"", "0", "-", "×"})
#: E, JIS code of the municipality, site, facility: 2nn in the list of emergency sites, 1nn in that of shelters.
_ID: Final = re.compile(r"E(\d{5})\d{5}([12])\d{2}")
_NUMBER: Final = re.compile(r"-?\d{1,3}(\.\d+)?")
#: A municipality may designate a house in a neighbouring one; farther away it is a mistake. Degrees, about 25 km.
_FAR_DEG: Final = 0.25
#: Latitudes and longitudes of Japan's islands.
_LAT: Final = (20.0, 46.0)
_LON: Final = (122.0, 154.0)


class ShelterFileError(ValueError):
    """A file that is no list of shelters. The message names the file and what is wrong."""


class Remark(NamedTuple):
    """What is wrong with a row: its first line in the file, its 共通ID as far as it can be read, and why."""

    line: int
    id: str
    name: str
    reason: str


@dataclass(slots=True)
class ShelterFile:
    """What one file says."""

    #: EMERGENCY_SITE or SHELTER.
    designation: str
    #: By the municipality whose list they are on (JIS code).
    shelters: dict[str, list[Shelter]] = field(default_factory=dict)
    #: Rows that do not go in.
    rejected: list[Remark] = field(default_factory=list)
    #: Rows that go in, and that somebody should look at.
    doubtful: list[Remark] = field(default_factory=list)

    @property
    def owners(self) -> frozenset[str]:
        """The municipalities whose lists the file has: those with a shelter that can be read."""
        return frozenset(self.shelters)

    @property
    def rejected_ids(self) -> frozenset[str]:
        """Shelters that the file names in a row that cannot be read: they have not vanished."""
        return frozenset(row.id for row in self.rejected if row.id)


def read_shelters(
    body: bytes,
    name: str,
    *,
    areas: Areas | None = None,
    shapes: Shapes | None = None,
    progress: Callable[[int], object] = lambda rows: None,
) -> ShelterFile:
    """Every row of a file. `name` stands in messages. Raises ShelterFileError for a file that cannot be read at all."""
    rows = _rows(_text(body, name), name)
    _, heading = next(rows, (0, []))
    columns = {_heading(cell): number for number, cell in reversed(list(enumerate(heading)))}
    missing = [column for column in _REQUIRED if column not in columns]
    if missing:
        raise ShelterFileError(f"{name}: no column {' or '.join(missing)}: not a list of shelters as GSI publishes it")
    found = ShelterFile(_designation(columns, name))
    reader = _Reader(found.designation, columns, areas or Areas.load(), shapes or Shapes.load())
    for count, (line, cells) in enumerate(rows, 1):
        if count > MAX_ROWS:
            raise ShelterFileError(f"{name}: more than {MAX_ROWS} rows")
        if not any(cell.strip() for cell in cells):
            continue
        try:
            shelter = reader.read(cells)
        except _Bad as bad:
            found.rejected.append(Remark(line, reader.id_of(cells), reader.text(cells, "施設・場所名"), str(bad)))
            continue
        found.shelters.setdefault(shelter.id[1:6], []).append(shelter)
        if shelter.jis not in reader.members(shelter.id[1:6]):
            found.doubtful.append(Remark(line, shelter.id, shelter.name, reader.elsewhere(shelter)))
        if count % 1000 == 0:
            progress(count)
    return found


class _Bad(ValueError):
    """Why a row does not go in."""


class _Reader:
    """One file's rows: what is needed to read a row, and the ids that were already there."""

    def __init__(self, designation: str, columns: Mapping[str, int], areas: Areas, shapes: Shapes) -> None:
        self._designation = designation
        self._columns = columns
        self._areas = areas
        self._shapes = shapes
        self._seen: set[str] = set()
        self._members: dict[str, frozenset[str]] = {}

    def read(self, cells: list[str]) -> Shelter:
        common_id = self._id(cells)
        name = self.text(cells, "施設・場所名")
        if not name:
            raise _Bad("no name (施設・場所名)")
        if len(name) > MAX_NAME:
            raise _Bad(f"a name of more than {MAX_NAME} characters")
        lat, lon = self._point(cells)
        shelter = Shelter(
            id=common_id,
            name=name,
            address=self.text(cells, "住所")[:MAX_TEXT],
            lat=lat,
            lon=lon,
            jis=self._municipality(common_id[1:6], lat, lon),
            kinds=frozenset(kind for heading, kind in _KIND_HEADINGS.items() if self._flag(cells, heading)),
            is_shelter=self._designation == SHELTER,
            note=self.text(cells, "備考")[:MAX_TEXT],
            only_for=self.text(cells, "受入対象者")[:MAX_TEXT],
        )
        self._seen.add(common_id)
        return shelter

    def text(self, cells: list[str], heading: str) -> str:
        """A cell in one line; "" where there is no such column or cell."""
        number = self._columns.get(heading)
        return " ".join(cells[number].split()) if number is not None and number < len(cells) else ""

    def id_of(self, cells: list[str]) -> str:
        """The 共通ID if it is one, else ""."""
        text = self._plain(cells, "共通ID")
        return text if _ID.fullmatch(text) else ""

    def _plain(self, cells: list[str], heading: str) -> str:
        """Full-width digits and dashes as ASCII."""
        return unicodedata.normalize("NFKC", self.text(cells, heading)).replace("−", "-")

    def _id(self, cells: list[str]) -> str:
        text = self._plain(cells, "共通ID")
        parts = _ID.fullmatch(text)
        if parts is None:
            raise _Bad(f"{text or 'nothing'!s} is not a 共通ID (E and 13 digits)")
        if (parts[2] == "1") != (self._designation == SHELTER):
            raise _Bad(f"{text} belongs into the other list: 2 as its last but two digit is for emergency sites")
        if AreaCode("jis", parts[1]) not in self._areas:
            raise _Bad(f"{text} names the municipality {parts[1]}, which does not exist")
        if text in self._seen:
            raise _Bad(f"{text} stands in this file twice; the first counts")
        return text

    def _flag(self, cells: list[str], heading: str) -> bool:
        text = self._plain(cells, heading)
        if text in _YES:
            return True
        if text in _NO:
            return False
        raise _Bad(f"{heading} is {text!r}, neither 1 nor empty")

    def _point(self, cells: list[str]) -> tuple[float, float]:
        lat, lon = self._number(cells, "緯度"), self._number(cells, "経度")
        if _within(lat, _LAT) and _within(lon, _LON):
            return lat, lon
        if _within(lat, _LON) and _within(lon, _LAT):
            raise _Bad(f"latitude and longitude are swapped ({lat}, {lon})")
        raise _Bad(f"outside Japan (latitude {lat}, longitude {lon})")

    def _number(self, cells: list[str], heading: str) -> float:
        text = self._plain(cells, heading)
        if not _NUMBER.fullmatch(text):
            raise _Bad(f"{heading} is {text!r}, not a number of degrees")
        return float(text)

    def members(self, owner: str) -> frozenset[str]:
        """A municipality and, if it is a designated city, its wards."""
        found = self._members.get(owner)
        if found is None:
            found = self._members[owner] = frozenset({owner, *self._areas.wards(owner)})
        return found

    def elsewhere(self, shelter: Shelter) -> str:
        """The sentence about a shelter that stands in another municipality than the one whose list it is on."""
        return f"lies in {self._name(shelter.jis)}, though {self._name(shelter.id[1:6])} lists it"

    def _municipality(self, owner: str, lat: float, lon: float) -> str:
        """Where the shelter stands: in its owner, or in a ward of it, or near it."""
        codes = self._codes(lat, lon)
        if codes is None:
            raise _Bad(f"outside Japan (latitude {lat}, longitude {lon} is in no municipality)")
        for code in codes:
            if code in self.members(owner):
                return code
        if self.members(owner).intersection(self._codes(*_from_tokyo(lat, lon)) or ()):
            raise _Bad(
                f"lies in {self._name(codes[0])}, not in {self._name(owner)}, as its 共通ID says, but would in the old "
                "Tokyo datum (400 m to the north-west)"
            )
        if self._shapes.polygon("jis", owner, self._areas).distance(shapely.Point(lon, lat)) > _FAR_DEG:
            raise _Bad(f"lies in {self._name(codes[0])}, far from {self._name(owner)}, which its 共通ID names")
        return codes[0]

    def _name(self, jis: str) -> str:
        return self._areas.name("jis", jis) if AreaCode("jis", jis) in self._areas else jis

    def _codes(self, lat: float, lon: float) -> list[str] | None:
        """JIS codes of the municipality a point is in, then of those within the accuracy of the polygons."""
        try:
            at = self._shapes.at(lat, lon)
        except OutsideJapan:
            return None
        return [code[:5] for code in (*at.inside, *at.near)]


def _from_tokyo(lat: float, lon: float) -> tuple[float, float]:
    """A point given in the Tokyo datum, in the world's (the usual linear approximation, good to some ten metres)."""
    return (
        lat - 0.00010695 * lat + 0.000017464 * lon + 0.0046017,
        lon - 0.000046038 * lat - 0.000083043 * lon + 0.010040,
    )


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _designation(columns: Mapping[str, int], name: str) -> str:
    if all(heading in columns for heading in _KIND_HEADINGS):
        return EMERGENCY_SITE
    if any(heading in columns for heading in _ONLY_SHELTERS) and not any(h in columns for h in _KIND_HEADINGS):
        return SHELTER
    lost = [heading for heading in _KIND_HEADINGS if heading not in columns]
    raise ShelterFileError(
        f"{name}: neither 指定緊急避難場所 (columns {'・'.join(lost)} are missing) nor 指定避難所 (column 受入対象者)"
    )


def _heading(cell: str) -> str:
    return "".join(unicodedata.normalize("NFKC", cell).split()).replace("共通id", "共通ID")


def _text(body: bytes, name: str) -> str:
    if len(body) > MAX_BYTES:
        raise ShelterFileError(f"{name}: {len(body) >> 20} MB, more than {MAX_BYTES >> 20} MB")
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ShelterFileError(f"{name}: neither UTF-8 nor Shift_JIS")


def _rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """(first line, cells) of each row; a quoted cell may hold line breaks."""
    reader = csv.reader(io.StringIO(text, newline=""))
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise ShelterFileError(f"{name}, line {line}: {error}") from error
