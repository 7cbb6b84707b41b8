"""Which column of a list is which: Japanese or English headings, in any order. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from registry.table import Row, UnreadableTable

#: Field -> headings: the Japanese and English names of the template first, then others seen in company lists.
HEADINGS: Final[dict[str, tuple[str, ...]]] = {
    "name": ("氏名", "name", "名前", "お名前", "姓名", "full name", "resident name"),
    "language": ("言語", "language", "母語", "第一言語", "使用言語", "lang", "first language", "native language"),
    "second_language": ("第二言語", "second language", "第2言語", "language 2", "other language"),
    "phone": ("電話番号", "phone", "電話", "携帯番号", "携帯電話", "携帯", "phone number", "mobile", "tel"),
    "email": ("メール", "email", "メールアドレス", "e-mail", "mail", "Eメール"),
    "contact": ("通信手段", "contact", "SNS", "messenger", "連絡手段", "contact handle"),
    "employee_id": ("社員番号", "employee id", "従業員番号", "社員ID", "社員コード", "employee number", "staff id"),
    "employer": ("雇用企業", "employer", "会社名", "会社", "企業名", "受入企業", "実習実施者", "company"),
    "site": ("勤務先", "site", "勤務地", "事業所", "職場", "工場", "workplace", "work site"),
    "dorm": ("寮", "dorm", "寮名", "宿舎", "社員寮", "dormitory"),
    "room": ("部屋", "room", "部屋番号", "号室", "room number"),
    "shift": ("シフト", "shift", "勤務時間", "勤務帯"),
    "start_date": ("入社日", "start date", "雇用開始日", "入国日"),
    "end_date": ("退職日", "end date", "雇用終了日", "契約終了日"),
    "home_postal_code": ("自宅郵便番号", "home postal code", "郵便番号", "postal code", "zip", "home zip"),
    "home_address": ("自宅住所", "home address", "住所", "address", "居住地"),
    "home_lat": ("自宅緯度", "home lat", "緯度", "home latitude", "lat"),
    "home_lon": ("自宅経度", "home lon", "経度", "home longitude", "lon", "lng"),
    "work_postal_code": ("勤務先郵便番号", "work postal code", "work zip"),
    "work_address": ("勤務先住所", "work address", "勤務地住所"),
    "work_lat": ("勤務先緯度", "work lat", "work latitude"),
    "work_lon": ("勤務先経度", "work lon", "work longitude"),
}
FIELDS: Final = tuple(HEADINGS)
#: A list often starts with a title or a date; the headings are looked for in this many rows.
_SEARCH_ROWS: Final = 10


def _key(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"[((\[【].*?[))\]】]", "", text)  # 氏名（必須）
    return re.sub(r"[\s_\-*※:：'’・/]", "", text)


_FIELD_OF: Final = {_key(h): field for field, headings in HEADINGS.items() for h in (field, *headings)}


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands, which headings were not understood, and the data rows below the headings."""

    index: dict[str, int]
    extra: tuple[str, ...]
    rows: tuple[Row, ...]


def map_columns(rows: Sequence[Row]) -> Columns:
    """Find the heading row and map it. Raises UnreadableTable: no column for the name, or one thing in two columns."""
    for position, row in enumerate(rows[:_SEARCH_ROWS]):
        fields = [_FIELD_OF.get(_key(cell)) if cell else None for cell in row.cells]
        if "name" not in fields:
            continue
        index: dict[str, int] = {}
        for column, field in enumerate(fields):
            if field is None:
                continue
            if field in index:
                raise UnreadableTable(
                    "duplicate_heading",
                    row=row.number,
                    first=row.cells[index[field]],
                    second=row.cells[column],
                    heading=HEADINGS[field][0],
                )
            index[field] = column
        extra = tuple(cell for cell, field in zip(row.cells, fields, strict=True) if cell and field is None)
        data = tuple(rows[position + 1 :])
        if not data:
            raise UnreadableTable("no_people")
        return Columns(index, extra, data)
    raise UnreadableTable("no_name_column")


def template_csv() -> bytes:
    """An empty list to fill in: Japanese headings, UTF-8 with byte order mark so that spreadsheets open it rightly."""
    line = ",".join(headings[0] for headings in HEADINGS.values())
    return ("\ufeff" + line + "\r\n").encode()
