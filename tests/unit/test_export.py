"""The CSV file: no cell is ever a formula, and every text comes back as it was."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from checkin.export import FORMULA_STARTS, csv_bytes, plain_cell, safe_cell

TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=30)
NASTY = st.builds(
    lambda pad, start, rest: pad + start + rest,
    st.sampled_from(["", " ", "\u3000"]),
    st.sampled_from(FORMULA_STARTS),
    TEXT,
)


@given(st.lists(st.lists(TEXT | NASTY, min_size=3, max_size=3), max_size=8))
def test_parsed_back_it_is_the_same_and_nothing_is_a_formula(rows: list[list[str]]) -> None:
    text = csv_bytes(["a", "b", "c"], rows).decode("utf-8-sig")
    parsed = list(csv.reader(io.StringIO(text, newline="")))
    assert parsed[0] == ["a", "b", "c"]
    assert [[plain_cell(cell) for cell in row] for row in parsed[1:]] == rows
    for row in parsed:
        for cell in row:
            assert not cell.lstrip(" \u3000").startswith(FORMULA_STARTS)


def test_it_says_that_it_is_utf8_and_keeps_japanese() -> None:
    written = csv_bytes(["氏名"], [["グエン・ヴァン・アン"]])
    assert written.startswith(b"\xef\xbb\xbf") and "グエン・ヴァン・アン" in written.decode("utf-8-sig")


def test_what_needs_no_apostrophe_gets_none() -> None:
    assert safe_cell("ラム 3-2") == "ラム 3-2"
    assert safe_cell("＝1+1") == "'＝1+1"
    assert safe_cell("@SUM(A1)") == "'@SUM(A1)"
