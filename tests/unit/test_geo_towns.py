"""The gazetteer of towns: what goes in, which points come out, and which files are refused."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.model import Precision
from geo import data_folder
from geo.areas import Areas
from geo.data_folder import AreaDataError
from geo.geocode import Geocoder
from geo.postal import PostalCodes
from geo.shapes import Shapes
from geo.towns import TOWNS_FILE, Towns
from geo.towns_source import TownsFileError, read_gazetteer
from ops.geo_towns import make_towns

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MASHIKI = "api/ja/熊本県/上益城郡益城町.json"
#: Invented points about where these towns are.
TOWNS = {
    MASHIKI: [("大字惣領", 32.7900, 130.8050), ("大字宮園", 32.7955, 130.8143), ("大字木山", 32.7900, 130.8200)],
    "api/ja/熊本県/熊本市東区.json": [
        ("健軍一丁目", 32.7860, 130.7560), ("健軍二丁目", 32.7880, 130.7580), ("健軍本町", 32.7900, 130.7570),
        ("画図町大字上無田", 32.7500, 130.7400), ("画図町大字下無田", 32.7580, 130.7400),
    ],
    "api/ja/熊本県/八代市.json": [
        ("泉町樅木", 32.5600, 130.9000), ("鏡町鏡", 32.5650, 130.6600), ("鏡町内田", 32.5700, 130.6700),
    ],
}  # fmt: skip


def archive(files: dict[str, bytes], extra: list[tarfile.TarInfo] | None = None) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
        for info in extra or []:
            tar.addfile(info)
    return packed.getvalue()


def towns_json(rows: list[tuple[str, float, float]]) -> bytes:
    return json.dumps([{"town": t, "koaza": "", "lat": la, "lng": lo} for t, la, lo in rows]).encode()


def good() -> bytes:
    return archive({name: towns_json(rows) for name, rows in TOWNS.items()})


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    before = data_folder.folder()
    data_folder.use(tmp_path / "geo")
    yield tmp_path / "geo"
    data_folder.use(before)


@pytest.fixture(scope="module")
def gazetteer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, made once."""
    before = data_folder.folder()
    data_folder.use(tmp_path_factory.mktemp("made") / "geo")
    make_towns(good(), "towns.tar.gz", vintage="2024-01-15", now=NOW)
    path = data_folder.path_of(TOWNS_FILE)
    data_folder.use(before)
    assert path is not None
    return path


@pytest.fixture(scope="module")
def places(gazetteer: Path) -> Iterator[Geocoder]:
    towns = Towns(gazetteer)
    yield Geocoder(Areas.load(), Shapes.load(), PostalCodes.load(), towns)
    towns.close()


def test_a_postal_code_has_the_point_of_its_town(places: Geocoder) -> None:
    found = places.locate(postal_code="861-2233")  # 惣領
    assert (found.lat, found.lon, found.precision) == (32.79, 130.805, Precision.TOWN)
    assert found.radius_m is not None and 400 < found.radius_m < 600  # half the way to 宮園
    assert found.notes == ()


def test_numbered_blocks_make_one_town_and_stand_alone(places: Geocoder) -> None:
    whole = places.locate(postal_code="862-0911")  # 健軍: both blocks
    assert (whole.lat, whole.lon, whole.precision) == (32.787, 130.757, Precision.TOWN)
    block = places.locate(address="熊本市東区健軍２丁目３−１")
    assert (block.lat, block.lon) == (32.788, 130.758)
    assert places.locate(address="熊本市東区健軍2-3-1").lat == 32.788
    assert places.locate(address="熊本市東区健軍本町1-1").lat == 32.79
    ward = places.locate(address="熊本市健軍本町1-1")  # only one ward has it
    assert (ward.precision, ward.notes) == (Precision.TOWN, ())
    assert [area.code for area in ward.codes if area.scheme == "jis"] == ["43100", "43102"]
    assert places.locate(address="熊本市東区画図町上無田1").lat == 32.75


def test_an_address_without_municipality_uses_the_postal_code(places: Geocoder) -> None:
    found = places.locate(postal_code="862-0911", address="健軍2-3 ハイツ201")
    assert (found.lat, found.precision, found.notes) == (32.788, Precision.TOWN, ())


def test_a_town_under_its_old_municipality(places: Geocoder) -> None:
    for address in ("熊本県八代郡鏡町鏡100", "八代市鏡町鏡100", "熊本県八代郡鏡町内田1"):
        assert places.locate(address=address).precision is Precision.TOWN, address


def test_a_town_that_is_unknown_or_large_stays_a_municipality(places: Geocoder) -> None:
    for given in (
        {"address": "熊本市東区戸島1"},
        {"address": "熊本市東区健軍不明町1"},
        {"address": "八代市泉町樅木1"},  # the next point is 20 km away
        {"postal_code": "860-0806"},
        {"postal_code": "861-2200"},  # the rest of Mashiki
    ):
        found = places.locate(**given)  # type: ignore[arg-type]
        assert (found.precision, found.radius_m) == (Precision.MUNICIPALITY, None), given


def test_towns_far_apart_are_said_and_not_used(places: Geocoder) -> None:
    found = places.locate(postal_code="862-0911", address="熊本市東区画図町上無田1")
    assert found.precision is Precision.MUNICIPALITY
    assert found.notes == (
        "the towns of the postal code (健軍) and of the address (画図町上無田) are far apart: check them",
    )
    found = places.locate(postal_code="862-0911", address="熊本県益城町宮園")
    assert found.precision is Precision.MUNICIPALITY and "disagree" in found.notes[0]


def test_a_given_point_stays_exact(places: Geocoder) -> None:
    found = places.locate(postal_code="861-2233", lat=32.7873, lon=130.8167)
    assert (found.lat, found.precision, found.radius_m) == (32.7873, Precision.EXACT, None)


def test_the_report_names_shares_and_what_was_left_out(data: Path) -> None:
    files = {name: towns_json(rows) for name, rows in TOWNS.items()}
    files["api/ja/熊本県/天草市.json"] = towns_json(
        [("本渡町", 32.46, 130.19), ("亀場町", 32.4, 139.0)] + [(f"町{n}", 32.45, 130.19) for n in range(30)]
    )
    files["api/ja/熊本県/幻市.json"] = towns_json([("幻", 32.4, 130.1)])
    files[MASHIKI] = towns_json([*TOWNS[MASHIKI], ("逆", 130.8, 32.79)])
    lines = make_towns(archive(files), "towns.tar.gz", vintage="", now=NOW)
    report = "\n".join(lines)
    assert "熊本県: " in report and "to within 2000 m" in report and "CC BY 4.0" in report
    assert "left out: 熊本県幻市: no municipality" in report
    assert "left out: 熊本県天草市亀場町: 32.4, 139.0 lies elsewhere" in report
    assert "row 4: 逆: 130.8, 32.79 is not in Japan (swapped?)" in report
    version = data_folder.checked_version(TOWNS_FILE)
    assert version is not None and version.source == "towns.tar.gz"


def test_csv_in_both_forms() -> None:
    own = "prefecture,city,town,koaza,lat,lng\n熊本県,上益城郡益城町,大字宮園,,32.79,130.81\n"
    theirs = (
        '"都道府県名","市区町村名","大字町丁目名","小字・通称名","緯度","経度"\n'
        '"熊本県","上益城郡益城町","大字宮園","",32.79,130.81\n'
    )
    for text in (own, theirs, "\ufeff" + own):
        found = read_gazetteer(text.encode(), "towns.csv")
        assert found.rows == [("熊本県上益城郡益城町", "大字宮園", 32.79, 130.81)] and found.bad == []


def test_a_bad_row_is_named_and_the_rest_goes_in() -> None:
    lines = ["prefecture,city,town,koaza,lat,lng"]
    lines += ["熊本県,益城町,宮園,,32.79,130.81"] * 80
    lines += ["熊本県,益城町,惣領,,x,130.81", "熊本県,益城町,,,32.79,130.81", "熊本県,益城町,木山"]
    found = read_gazetteer("\n".join(lines).encode(), "towns.csv")
    assert len(found.rows) == 80
    assert [line.split(":")[0] for line in found.bad] == [f"towns.csv, line {n}" for n in (82, 83, 84)]


def link(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return info


def large(name: str) -> bytes:
    return archive({name: b" " * ((8 << 20) + 1)})


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "first line must have the columns"),
        (b"\xff\xfe\x00", "neither a tar.gz of JSON files nor UTF-8"),
        (b"a,b,c\n1,2,3\n", "first line must have the columns"),
        (b"prefecture,city,town,koaza,lat,lng\n", "0 rows can be used"),
        (b"\x1f\x8bgarbage", "damaged archive"),
        (good()[:-40], "damaged archive"),
        (archive({"api/ja/熊本県/益城町.json": b"{"}), "益城町.json is not JSON"),
        (archive({"api/ja/熊本県/益城町.json": b"[" * 100_000}), "益城町.json is not JSON"),
        (archive({"api/ja/熊本県/益城町.json": b'{"town": 1}'}), "is not a list of towns"),
        (archive({"api/ja/熊本県/益城町.json": b"[1, 2]"}), "is not a list of towns"),
        (archive({"api/ja/熊本県/益城町.json": b'[{"town": "x", "lat": 1e999, "lng": 130}]'}), "0 rows can be used"),
        (archive({"../../etc/熊本県/x.json": b"[]"}), "points outside the archive"),
        (archive({"/etc/熊本県/x.json": b"[]"}), "points outside the archive"),
        (archive({"c:\\ja\\x.json": b"[]"}), "points outside the archive"),
        (archive({}, [link("api/ja/熊本県/益城町.json")]), "is a link or device"),
        (large("api/ja/熊本県/益城町.json"), "is 8 MB, more than 8 MB"),
    ],
    ids=range(16),
)
def test_hostile_files_are_refused_and_named(body: bytes, complaint: str) -> None:
    with pytest.raises(TownsFileError, match=f"towns.tar.gz.*({complaint})"):
        read_gazetteer(body, "towns.tar.gz")


def test_an_archive_that_swells_is_refused() -> None:
    files = {f"api/ja/熊本県/町{n}.json": b"[" + b" " * (1 << 20) + b"]" for n in range(4)}
    body = archive(files)
    assert len(body) < 1 << 20
    with pytest.raises(TownsFileError, match="unpacks to more than 2 MB"):
        read_gazetteer(body, "towns.tar.gz", max_unpacked=2 << 20)


def install(gazetteer: Path) -> None:
    data_folder.write_file(TOWNS_FILE, gazetteer.read_bytes(), source="towns.tar.gz", vintage="2024-01-15", now=NOW)


def test_the_installed_file_is_used(gazetteer: Path, data: Path) -> None:
    install(gazetteer)
    towns = Towns.current()
    assert towns is not None and towns is Towns.current()
    assert towns.about["vintage"] == "2024-01-15" and "CC BY 4.0" in towns.about["credit"]
    towns.close()


def test_a_refused_file_leaves_the_one_before(gazetteer: Path, data: Path) -> None:
    install(gazetteer)
    before = (data / TOWNS_FILE).read_bytes()
    with pytest.raises(TownsFileError):
        make_towns(b"nothing", "towns.csv", vintage="", now=NOW)
    assert (data / TOWNS_FILE).read_bytes() == before and len(list(data.glob("towns*"))) == 1


def test_a_damaged_gazetteer_says_what_to_do(gazetteer: Path, data: Path) -> None:
    install(gazetteer)
    (data / TOWNS_FILE).write_bytes(b"not a database")
    data_folder.forget()
    with pytest.raises(AreaDataError, match="towns.sqlite"):
        Towns.current()
    with pytest.raises(AreaDataError, match="run `main.py geo towns` again"):
        Towns(data / TOWNS_FILE)


def test_without_a_gazetteer_there_is_none(data: Path) -> None:
    assert Towns.current() is None
