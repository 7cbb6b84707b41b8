"""GSI's lists of shelters: columns by heading, any encoding, and each bad row named while the rest goes in."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import pytest

from geo.importers.gsi_shelters import EMERGENCY_SITE, SHELTER, ShelterFileError, read_shelters
from geo.shelters import Shelter

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT.parent / "shared" / "geo-samples" / "shelters"

EMERGENCY = [
    "NO", "共通ID", "施設・場所名", "住所", "洪水", "崖崩れ、土石流及び地滑り", "高潮", "地震", "津波", "大規模な火事",
    "内水氾濫", "火山現象", "指定避難所との住所同一", "緯度", "経度", "備考",
]  # fmt: skip
STAYING = ["NO", "共通ID", "施設・場所名", "住所", "指定緊急避難場所との住所同一", "その他市町村長が必要と認める事項",
           "受入対象者", "緯度", "経度", "備考"]  # fmt: skip


def emergency_row(number: int = 1, /, **cells: str) -> dict[str, str]:
    """An invented site in the middle of Mashiki."""
    row = dict.fromkeys(EMERGENCY, "") | {
        "NO": str(number), "共通ID": f"E43443{number:05}201", "施設・場所名": f"架空第{number}公園",
        "住所": "熊本県益城町架空1-1", "地震": "1", "緯度": "32.7912", "経度": "130.8167",
    }  # fmt: skip
    return row | cells


def table(rows: list[dict[str, str]], headings: list[str] = EMERGENCY) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, headings, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def read_one(**cells: str) -> Shelter:
    read = read_shelters(table([emergency_row(1, **cells)]).encode(), "f.csv")
    assert read.rejected == []
    (shelter,) = read.shelters["43443"]
    return shelter


def test_a_row_is_read() -> None:
    shelter = read_one(洪水="1", 火山現象="1", 備考="車中泊用避難所")
    assert shelter == Shelter(
        "E4344300001201", "架空第1公園", "熊本県益城町架空1-1", 32.7912, 130.8167, "43443",
        frozenset({"flood", "earthquake", "volcano"}), False, "車中泊用避難所",
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_encodings(encoding: str) -> None:
    read = read_shelters(table([emergency_row()]).encode(encoding), "f.csv")
    assert read.shelters["43443"][0].name == "架空第1公園"


def test_columns_are_found_by_their_heading() -> None:
    headings = ["都道府県名及び市町村名", *reversed(EMERGENCY)]
    read = read_shelters(table([emergency_row(津波="1")], headings).encode(), "f.csv")
    assert read.designation == EMERGENCY_SITE
    assert read.shelters["43443"][0].kinds == {"earthquake", "tsunami"}


def test_full_width_digits_line_breaks_and_empty_lines() -> None:
    wide = {"共通ID": "Ｅ４３４４３００００１２０１", "緯度": "３２．７９１２", "洪水": "１", "備考": "２階\r\n以上"}
    text = table([emergency_row(1, **wide), emergency_row(2, 緯度="north")])
    read = read_shelters((text.replace("\r\n2,", "\r\n\r\n2,") + "\r\n").encode(), "f.csv")
    (shelter,) = read.shelters["43443"]
    assert (shelter.id, shelter.lat, shelter.note) == ("E4344300001201", 32.7912, "２階 以上")
    assert "flood" in shelter.kinds
    assert [row.line for row in read.rejected] == [5]  # the first row has two lines, and one line is empty


def test_the_list_of_shelters() -> None:
    row = emergency_row(共通ID="E4344300007111", 受入対象者="要配慮者")
    read = read_shelters(table([row], STAYING).encode(), "43443_1.csv")
    assert read.designation == SHELTER
    (shelter,) = read.shelters["43443"]
    assert (shelter.is_shelter, shelter.kinds, shelter.only_for) == (True, frozenset(), "要配慮者")


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"緯度": "32,79"}, "緯度 is '32,79', not a number"),
        ({"経度": ""}, "経度 is '', not a number"),
        ({"緯度": "nan"}, "not a number"),
        ({"緯度": "130.8167", "経度": "32.7912"}, "swapped"),
        ({"緯度": "35.0", "経度": "-120.0"}, "outside Japan"),
        ({"緯度": "31.0", "経度": "125.0"}, "in no municipality"),
        ({"緯度": "32.7290", "経度": "130.8200"}, "old Tokyo datum"),
        ({"緯度": "33.5902", "経度": "130.4017"}, "far from 益城町"),
        ({"共通ID": "4344300001"}, "is not a 共通ID"),
        ({"共通ID": ""}, "nothing is not a 共通ID"),
        ({"共通ID": "E4344300001101"}, "belongs into the other list"),
        ({"共通ID": "E9944300001201"}, "municipality 99443, which does not exist"),
        ({"施設・場所名": " "}, "no name"),
        ({"施設・場所名": "長" * 201}, "more than 200 characters"),
        ({"洪水": "可"}, "neither 1 nor empty"),
        ({"共通ID": "E4344300009201"}, "twice"),
    ],
)
def test_one_bad_row_is_named_and_the_rest_goes_in(cells: dict[str, str], reason: str) -> None:
    rows = [emergency_row(9), emergency_row(2, **cells), emergency_row(3)]
    read = read_shelters(table(rows).encode(), "f.csv")
    assert [shelter.id for shelter in read.shelters["43443"]] == ["E4344300009201", "E4344300003201"]
    (row,) = read.rejected
    assert row.line == 3
    assert reason in row.reason


def test_a_house_in_the_next_town_goes_in_and_is_to_be_looked_at() -> None:
    read = read_shelters(table([emergency_row(緯度="32.8031", 経度="130.7079")]).encode(), "f.csv")
    assert [shelter.jis for shelter in read.shelters["43443"]] == ["43100"]
    assert [row.reason for row in read.doubtful] == ["lies in 熊本市, though 益城町 lists it"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no column"),
        (b"a,b\r\n1,2\r\n", "no column"),
        ("共通ID,施設・場所名,緯度,経度\r\n".encode(), "neither"),
        (b"\x81\x20\xe3", "neither UTF-8 nor Shift_JIS"),
        (table([emergency_row(備考="x" * 200_000)]).encode(), "line 2"),
    ],
)
def test_a_file_that_is_no_such_list(body: bytes, reason: str) -> None:
    with pytest.raises(ShelterFileError, match=r"^f\.csv") as caught:
        read_shelters(body, "f.csv")
    assert reason in str(caught.value)


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the GSI lists of Kumamoto and Nagareyama are not beside the repository"
)
def test_real_lists() -> None:
    """GSI's lists of 2025-10-27: 1,817 emergency sites and 1,410 shelters in 46 municipalities."""
    read = read_shelters((SAMPLES / "emergency_kumamoto_nagareyama.csv").read_bytes(), "emergency")
    sites = [shelter for owner in read.shelters.values() for shelter in owner]
    assert (len(sites), len(read.owners), read.rejected) == (1817, 46, [])
    kinds = Counter(kind for site in sites for kind in site.kinds)
    assert {kind: kinds[kind] for kind in ("flood", "earthquake", "tsunami", "volcano")} == {
        "flood": 1248, "earthquake": 1559, "tsunami": 747, "volcano": 743,
    }  # fmt: skip
    assert sum("車中泊" in site.note for site in sites) == 3
    read = read_shelters((SAMPLES / "evacuation_kumamoto_nagareyama.csv").read_bytes(), "evacuation")
    houses = [shelter for owner in read.shelters.values() for shelter in owner]
    assert (len(houses), read.rejected) == (1410, [])
    assert len(read.doubtful) == 12
