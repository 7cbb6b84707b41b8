"""Which column is which, in the lists that offices really keep."""

from __future__ import annotations

import pytest

from registry.columns import Guess, guess, guess_sheet, map_columns, pick
from registry.names import NameIndex, company_key, near, near_companies
from registry.rows import read_rows
from registry.sheet import Row, Sheet, UnreadableTable


def sheet(*rows: tuple[str, ...], name: str = "", hidden: bool = False) -> Sheet:
    numbered = tuple(Row(n, cells) for n, cells in enumerate(rows, start=1) if any(cells))
    return Sheet(name, numbered, hidden)


def found(*rows: tuple[str, ...]) -> Guess:
    return guess([sheet(*rows)])


def notes(made: Guess) -> dict[str, list[str]]:
    return {c.letter: [code for code, _ in c.notes] for c in made.columns if c.notes}


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("氏名", "name"),
        ("氏　名", "name"),
        ("氏名（漢字）", "name"),
        ("ＮＡＭＥ", "name"),
        ("実習生氏名", "name"),
        ("携帯番号", "phone"),
        ("電話（携帯）", "phone"),
        ("ＴＥＬ", "phone"),
        ("連絡先番号", "phone"),
        ("Mobile No.", ""),
        ("フリガナ", ""),
        ("氏名（カナ）", ""),
        ("氏名カナ", ""),
        ("国籍", ""),
        ("受入企業名", "employer"),
        ("〒", "home_postal_code"),
        ("寮名", "dorm"),
        ("号室", "room"),
        ("雇入れ日", "start_date"),
        ("退職年月日", "end_date"),
        ("母国語", "language"),
    ],
)
def test_headings(heading: str, field: str) -> None:
    made = found(("社員番号", heading, "住所", "お名前"), ("1", "x", "y", "z"))
    assert made.columns[1].field == field


def test_title_rows_and_merged_titles_above_the_headings() -> None:
    made = found(
        ("外国人従業員名簿", "", ""), ("", "2026年11月1日現在", ""), ("氏名", "寮", "電話"), ("Thu", "光寮", "")
    )
    assert (made.heading_row, made.people, made.index) == (3, 1, {"name": 0, "dorm": 1, "phone": 2})
    assert made.notes == (("headings_in_row", {"row": 3}),)


def test_headings_merged_over_two_rows() -> None:
    made = found(
        ("氏名", "自宅", "", "勤務先", ""),
        ("", "郵便番号", "住所", "郵便番号", "住所"),
        ("Thu", "861-2242", "益城町", "862-0950", "熊本市"),
    )
    assert made.index == {
        "name": 0,
        "home_postal_code": 1,
        "home_address": 2,
        "work_postal_code": 3,
        "work_address": 4,
    }
    assert made.people == 1


def test_a_name_in_two_columns() -> None:
    columns = map_columns([Row(1, ("姓", "名", "セイ", "メイ")), Row(2, ("Nguyen", "Thu", "グエン", "トゥー"))])
    assert [p.name for p in read_rows(columns, ("vi",))] == ["Nguyen Thu"]


def test_furigana_is_left_out_and_said_unless_it_is_all_there_is() -> None:
    assert notes(found(("氏名", "フリガナ"), ("Thu", "トゥー"))) == {"B": ["furigana_not_used"]}
    made = found(("フリガナ", "電話番号"), ("トゥー", "090-1234-5601"))
    assert made.index == {"name": 0, "phone": 1} and notes(made) == {"A": ["furigana_as_name"]}


def test_papers_are_never_read() -> None:
    made = found(("氏名", "在留カード番号", "生年月日"), ("Thu", "AB12345678CD", "2000-01-01"))
    assert notes(made) == {"B": ["private_not_used"], "C": ["private_not_used"]}


def test_swapped_columns_are_told_by_their_cells() -> None:
    made = found(("電話番号", "氏名"), ("Thu Test", "090-1234-5601"), ("Minh Test", "080-1234-5602"))
    assert made.index == {"name": 0, "phone": 1}
    assert notes(made) == {"A": ["swapped"], "B": ["swapped"]}


def test_a_phone_column_that_holds_names_is_told() -> None:
    made = found(("氏名", "電話番号"), ("Thu Test", "光寮"), ("Minh Test", "青寮"))
    assert made.index == {"name": 0, "phone": 1} and notes(made) == {"B": ["looks_wrong"]}


def test_two_columns_of_one_meaning() -> None:
    same = found(("氏名", "電話", "携帯"), ("Thu", "090-1234-5601", "090-1234-5601"))
    assert same.index == {"name": 0, "phone": 1} and not same.conflicts
    empty = found(("氏名", "電話", "携帯"), ("Thu", "", "090-1234-5601"))
    assert empty.index == {"name": 0, "phone": 2} and not empty.conflicts
    both = found(("氏名", "電話", "携帯"), ("Thu", "096-328-1111", "090-1234-5601"))
    assert both.index == {"name": 0, "phone": 1} and both.conflicts == (("phone", 1, 2),)
    assert notes(both) == {"C": ["also"]}


def test_the_sheet_that_looks_like_people_is_taken_and_said() -> None:
    book = [
        sheet(("使い方",), ("x",), name="説明"),
        sheet(("氏名", "寮"), ("Old", "A"), name="旧", hidden=True),
        sheet(("氏名", "寮"), ("Thu", "A"), name="名簿"),
    ]
    made = guess(book)
    assert made.sheet == 2 and made.notes[0] == ("sheet_taken", {"sheet": "名簿", "others": "説明, 旧"})
    assert pick(book, guess_sheet(book, 1)).rows[0].cells == ("Old", "A")


def test_repeated_headings_and_totals_are_no_people() -> None:
    made = found(("氏名", "寮"), ("Thu", "A"), ("氏名", "寮"), ("Minh", "A"), ("合計", "2"))
    assert made.people == 2


def test_a_list_without_headings_is_left_to_the_clerk() -> None:
    book = [sheet(("Thu Test", "090-1234-5601"), ("Minh Test", "090-1234-5602"))]
    made = guess(book)
    assert (made.heading_row, made.index, made.people) == (0, {}, 2)
    with pytest.raises(UnreadableTable, match="no_name_column"):
        pick(book, made)
    assert len(pick(book, made, {"name": 0, "phone": 1}).rows) == 2


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("NGUYEN VAN MINH", "Nguyễn Văn Minh", True),
        ("Thu Nguyen", "NGUYEN  THU", True),
        ("グエン・ミン", "グエン ミン", True),
        ("Nguyen Van Minh", "Nguyen Minh", True),
        ("Sitha Rai", "Sita Rai", True),
        ("Aung", "Minh", False),
        ("Min", "Minh", False),
        ("Nguyen Van Minh", "Nguyen Van Tuan", False),
        ("", "", False),
        ("ＴＨＵ", "thu", True),
    ],
)
def test_near_names(one: str, other: str, expected: bool) -> None:
    assert near(one, other) is expected and near(other, one) is expected
    assert bool(NameIndex([(other, 1)]).near(one)) is expected


@pytest.mark.parametrize(
    "name", ["（株）あおい食品", "あおい食品㈱", "株式会社　あおい食品", "あおい食品 株式会社", "(有)あおい食品"]
)
def test_a_company_by_any_legal_form(name: str) -> None:
    assert company_key(name) == "あおい食品"


def test_near_companies_name_the_same_first() -> None:
    known = [("a", "あおい食品工業株式会社"), ("b", "株式会社あおい食品"), ("c", "緑野農園")]
    assert near_companies("あおい食品（株）", known) == [("b", "株式会社あおい食品"), ("a", "あおい食品工業株式会社")]
