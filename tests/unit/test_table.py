"""Lists as Japanese offices save them."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import openpyxl
import pytest

from registry.columns import HEADINGS, map_columns, template_csv
from registry.table import MAX_BYTES, UnreadableTable, read_table

TEXT = "氏名,電話番号\nグエン・ヴァン・テスト,09012345678\n"


@pytest.mark.parametrize(
    "body",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.encode("cp932"),
        TEXT.encode("utf-16"),
        TEXT.replace(",", "\t").encode(),
        TEXT.replace(",", ";").encode("cp932"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        ("\n\n" + TEXT + ",,\n\n").encode(),
    ],
)
def test_encodings_and_delimiters(body: bytes) -> None:
    rows = read_table(body, "list.csv")
    assert [row.cells[:2] for row in rows] == [("氏名", "電話番号"), ("グエン・ヴァン・テスト", "09012345678")]


def test_names_in_their_own_letters_survive() -> None:
    body = "name\nNguyễn Thị Thử\nမောင်စမ်း\n髙橋﨑子\n".encode()
    assert [row.cells[0] for row in read_table(body, "x.csv")[1:]] == ["Nguyễn Thị Thử", "မောင်စမ်း", "髙橋﨑子"]


def test_a_quoted_cell_may_hold_commas_and_line_breaks() -> None:
    rows = read_table(b'name,contact\nA,"LINE: a, Zalo: b\nViber: c"\n', "x.csv")
    assert rows[1].cells[1] == "LINE: a, Zalo: b\nViber: c"


def test_row_numbers_are_those_of_the_sheet() -> None:
    assert [row.number for row in read_table(b"name\n\nA\n", "x.csv")] == [1, 3]


def xlsx(*rows: list[object]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_spreadsheet_keeps_numbers_and_dates_readable() -> None:
    rows = read_table(xlsx(["氏名", "電話番号", "入社日"], ["A", 9012345678, date(2026, 4, 1)]), "x.xlsx")
    assert rows[1].cells == ("A", "9012345678", "2026-04-01")


def test_empty_rows_of_a_spreadsheet_are_left_out_and_counted() -> None:
    rows = read_table(xlsx(["name"], [None], ["A"]), "x.xlsx")
    assert [(row.number, row.cells[0]) for row in rows] == [(1, "name"), (3, "A")]


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b"", "empty"),
        (b"  \n ", "empty"),
        (b"x" * (MAX_BYTES + 1), "too_large"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "old"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1.." + "EncryptedPackage".encode("utf-16-le"), "locked"),
        (b"PK\x03\x04 not a zip", "broken_xlsx"),
        (b"name\n\xff\xfe\xfd\x80\x81", "encoding"),
        (b"%PDF\x00\x01", "pdf"),
        ("名,".encode() * 300, "too_many_columns"),
    ],
)
def test_what_cannot_be_read_says_why(body: bytes, key: str) -> None:
    with pytest.raises(UnreadableTable) as caught:
        read_table(body, "list.csv")
    assert caught.value.key == f"staff.import.file.{key}"


def test_a_zip_that_unpacks_without_end_is_refused_before_unpacking() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as parts:
        for n in range(4):
            parts.writestr(f"xl/{n}.xml", b"0" * 100_000_000)
    with pytest.raises(UnreadableTable) as caught:
        read_table(out.getvalue(), "x.xlsx")
    assert caught.value.key == "staff.import.file.unpacks_too_large"


@pytest.mark.parametrize(
    "heading", ["氏名", "name", "Name", "NAME", "氏　名", "名前", "氏名（必須）", "氏名*", "Full Name", "full_name"]
)
def test_headings_of_the_name(heading: str) -> None:
    columns = map_columns(read_table(f"x,{heading}\n1,A\n".encode(), "x.csv"))
    assert columns.index["name"] == 1


def test_every_japanese_and_english_heading_in_reverse_order() -> None:
    for which in (0, 1):
        headings = [names[which] for names in HEADINGS.values()][::-1]
        body = (",".join(headings) + "\n" + ",".join("1" for _ in headings) + "\n").encode()
        columns = map_columns(read_table(body, "x.csv"))
        assert columns.index == {field: i for i, field in enumerate(reversed(HEADINGS))}


def test_unknown_headings_are_noted() -> None:
    columns = map_columns(read_table("name,好きな食べ物\nA,寿司\n".encode(), "x.csv"))
    assert columns.extra == ("好きな食べ物",)


def test_one_thing_in_two_columns_is_refused() -> None:
    with pytest.raises(UnreadableTable) as caught:
        map_columns(read_table("氏名,電話番号,携帯\nA,1,2\n".encode(), "x.csv"))
    assert caught.value.key == "staff.import.file.duplicate_heading"
    assert caught.value.values == {"row": 1, "first": "電話番号", "second": "携帯", "heading": "電話番号"}


def test_a_title_above_the_headings_is_passed_over() -> None:
    columns = map_columns(read_table("従業員名簿,2026年\n\n氏名,寮\nA,光寮\n".encode(), "x.csv"))
    assert columns.rows[0].cells == ("A", "光寮")


@pytest.mark.parametrize(("text", "key"), [("電話,寮\n1,2\n", "no_name_column"), ("氏名,寮\n", "no_people")])
def test_a_list_without_names_is_refused(text: str, key: str) -> None:
    with pytest.raises(UnreadableTable) as caught:
        map_columns(read_table(text.encode(), "x.csv"))
    assert caught.value.key == f"staff.import.file.{key}"


def test_the_template_has_every_heading() -> None:
    with pytest.raises(UnreadableTable, match="no_people"):
        map_columns(read_table(template_csv(), "template.csv"))
    body = template_csv() + b"A\r\n"
    assert set(map_columns(read_table(body, "template.csv")).index) == set(HEADINGS)
