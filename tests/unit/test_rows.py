"""One row, read into a person."""

from __future__ import annotations

from datetime import date

import pytest

from registry.columns import map_columns
from registry.languages import NAMES, read_language
from registry.rows import AddressInput, PersonRow, Weight, read_date, read_handle, read_postal_code, read_rows
from registry.table import read_table

TAGS = ("ja", "ja-simple", "en", "vi", "id", "fil", "ne", "my", "zh-Hans", "zh-Hant")


def read(text: str) -> PersonRow:
    return read_rows(map_columns(read_table(text.encode(), "x.csv")), TAGS)[0]


def codes(person: PersonRow) -> list[tuple[str, Weight]]:
    return [(p.code, p.weight) for p in person.problems]


@pytest.mark.parametrize("tag", sorted(NAMES))
def test_a_language_has_a_name_in_japanese_in_english_and_its_own(tag: str) -> None:
    for name in (tag, *NAMES[tag]):
        assert read_language(name) == tag
        assert read_language(f"  {name.upper()} ") == tag


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("vi-VN", "vi"),
        ("vi_VN", "vi"),
        ("Vietnamese / English", "vi"),
        ("ベトナム語（南部）", "vi"),
        ("ﾍﾞﾄﾅﾑ語", "vi"),
        ("Tiếng Việt", "vi"),
        ("エスペラント", None),
        ("", None),
    ],
)
def test_languages_as_written(text: str, tag: str | None) -> None:
    assert read_language(text) == tag


@pytest.mark.parametrize(
    "text",
    [
        "2026-04-01",
        "2026/4/1",
        "2026.4.1",
        "20260401",
        "2026年4月1日",
        "２０２６年４月１日",
        "令和8年4月1日",
        "R8.4.1",
        "46113",
    ],
)
def test_dates_as_written(text: str) -> None:
    assert read_date(text) == date(2026, 4, 1)


@pytest.mark.parametrize("text", ["2026-02-30", "4/1", "来月", "99999", ""])
def test_what_is_no_date(text: str) -> None:
    assert read_date(text) is None


def test_the_first_year_of_an_era() -> None:
    assert read_date("令和元年5月1日") == date(2019, 5, 1)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("862-0950", "8620950"),
        ("〒862-0950", "8620950"),
        ("８６２０９５０", "8620950"),
        ("862ー0950", "8620950"),
        ("600000", "0600000"),
        ("8620", None),
        ("86209501", None),
        ("EC1A 1BB", None),
    ],
)
def test_postal_codes_as_written(text: str, code: str | None) -> None:
    assert read_postal_code(text) == code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Messenger: m.me/hoshi", ("messenger", "m.me/hoshi")),
        ("m.me/hoshi", ("messenger", "m.me/hoshi")),
        ("https://www.facebook.com/hoshi", ("messenger", "https://www.facebook.com/hoshi")),
        ("Zalo 0901234567", ("zalo", "0901234567")),
        ("LINE ID：hoshi", ("line", "hoshi")),
        ("WhatsApp +819012345678", ("whatsapp", "+819012345678")),
        ("ライン：ほし", ("line", "ほし")),
        ("hoshi123", ("other", "hoshi123")),
    ],
)
def test_handles_as_written(text: str, expected: tuple[str, str]) -> None:
    assert read_handle(text) == expected


def test_a_full_row() -> None:
    person = read(
        "部屋,氏名,言語,第二言語,電話番号,メール,通信手段,社員番号,寮,勤務先,シフト,入社日,退職日,自宅郵便番号,自宅緯度,自宅経度\n"
        "203,Nguyen Van Thu,ベトナム語,英語,090-1234-5678,Thu@Example.com,Zalo: 0901; LINE: thu,００１２,光寮,第一工場,"
        "夜勤,2025/4/1,2028-03-31,861-2242,32.79,130.82\n"
    )
    assert (person.name, person.language, person.second_language) == ("Nguyen Van Thu", "vi", "en")
    assert [(c.channel, c.address, c.kind) for c in person.contacts] == [
        ("phone", "+819012345678", "address"),
        ("email", "thu@example.com", "address"),
        ("zalo", "0901", "handle"),
        ("line", "thu", "handle"),
    ]
    assert (person.employee_id, person.dorm, person.site, person.room) == ("0012", "光寮", "第一工場", "203")
    assert (person.start_date, person.end_date) == (date(2025, 4, 1), date(2028, 3, 31))
    assert person.home == AddressInput("8612242", "", 32.79, 130.82)
    assert person.problems == ()


def test_only_a_missing_name_refuses_a_row() -> None:
    assert codes(read("name,phone,language\n,090-1234-5678,vi\n")) == [("no_name", Weight.REFUSE)]
    person = read(
        "name,language,phone,email,start_date,home_postal_code,home_lat,home_lon\nA,Klingon,12,nobody,soon,1,x,2\n"
    )
    assert max(p.weight for p in person.problems) is Weight.DOUBT
    assert [p.code for p in person.problems] == [
        "unknown_language",
        "phone_invalid",
        "email_unreadable",
        "date_unreadable",
        "postal_code_unreadable",
        "point_unreadable",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name,phone\nA,096-328-1111\n", [("no_language", Weight.DOUBT), ("phone_fixed", Weight.DOUBT)]),
        ("name,language\nA,タイ語\n", [("language_without_words", Weight.DOUBT)]),
        ("name,language,second\nA,vi,th\n", []),
        ("name,language,home_lat,home_lon\nA,vi,130.82,32.79\n", [("point_swapped", Weight.NOTE)]),
        ("name,language,start_date,end_date\nA,vi,2026-04-01,2025-04-01\n", [("dates_reversed", Weight.DOUBT)]),
    ],
)
def test_what_is_said_about_a_row(text: str, expected: list[tuple[str, Weight]]) -> None:
    assert codes(read(text)) == expected


def test_swapped_latitude_and_longitude_are_put_right() -> None:
    assert read("name,home_lat,home_lon\nA,130.82,32.79\n").home == AddressInput("", "", 32.79, 130.82)


def test_control_and_direction_characters_do_not_reach_the_database() -> None:
    assert read("name\nA\u202eB\u200e\u0007 C\n").name == "AB C"


def test_two_numbers_in_one_cell() -> None:
    person = read("name,phone\nA,090-1234-5678 / 080-1234-5678\n")
    assert [c.address for c in person.contacts] == ["+819012345678", "+818012345678"]
