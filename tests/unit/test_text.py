"""Names as people write them stay as they are; what is invisible or reorders its neighbours goes."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import clean_line
from core.web import clean_text

KEPT = [
    "Nguyễn Văn An", "မောင်မောင်", "محمد علی", "می\u200cخواهم", "क्\u200dष", "グエン・ヴァン・アン", "王小明",
    "O'Brien-Smith", "José", "﨑山", "Ñandú", "𠮷野家", "👍🏽 Kim",
]  # fmt: skip
INVISIBLE = [chr(code) for code in (*range(32), *range(0x7F, 0xA0), 0x00AD, 0x061C, 0x180E, 0x200B, 0x200E, 0x200F)]
INVISIBLE += [chr(code) for code in (*range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF, 0xFFF9, 0xE0001, 0xE0041)]


@pytest.mark.parametrize("name", KEPT)
def test_a_name_stays_as_its_owner_writes_it(name: str) -> None:
    assert clean_line(name) == unicodedata.normalize("NFC", name)
    assert clean_line(clean_line(name)) == clean_line(name)


@pytest.mark.parametrize("character", INVISIBLE, ids=lambda c: f"U+{ord(c):04X}")
def test_what_cannot_be_seen_is_gone(character: str) -> None:
    for cleaned in (clean_line(f"An{character}Ko"), clean_text(f"An{character}Ko").replace("\n", "").replace("\t", "")):
        assert character not in cleaned and cleaned.replace(" ", "") == "AnKo"


@given(st.text(max_size=60))
def test_the_result_is_one_line_that_can_be_seen(text: str) -> None:
    cleaned = clean_line(text)
    assert cleaned == cleaned.strip() and "  " not in cleaned
    assert all(c.isprintable() or c in "\u200c\u200d" for c in cleaned)
