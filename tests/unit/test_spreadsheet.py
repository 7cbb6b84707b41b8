"""The CSV file: no cell is ever a formula, and every text comes back as it was."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.spreadsheet import csv_bytes, plain_cell, safe_cell

TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=30)
#: Written out here, so that the test does not repeat what the program believes.
STARTS = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫", "⁼", "⁺", "₋", "\u2212"]
PADS = [
    "",
    " ",
    "\u3000",
    "\u00a0",
    "\n ",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u00ad",
    "\u2060",
    "\u200e",
    "\u2028",
    "\x1f",
]
NASTY = st.builds(
    lambda pads, start, rest: "".join(pads) + start + rest,
    st.lists(st.sampled_from(PADS), max_size=3),
    st.sampled_from(STARTS),
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
            assert not cell.lstrip("".join(PADS).replace("\n", "")).startswith(tuple(STARTS))


@given(NASTY)
def test_what_could_run_gets_an_apostrophe_as_its_very_first_character(text: str) -> None:
    assert safe_cell(text) == "'" + text


def test_it_says_that_it_is_utf8_and_keeps_japanese() -> None:
    written = csv_bytes(["氏名"], [["グエン・ヴァン・アン"]])
    assert written.startswith(b"\xef\xbb\xbf") and "グエン・ヴァン・アン" in written.decode("utf-8-sig")


@pytest.mark.parametrize("text", ["ラム 3-2", "", " ", "a=1", "O'Brien", "ー長音", "〜", "(株)青空", "မောင်", "٣"])
def test_what_needs_no_apostrophe_gets_none(text: str) -> None:
    assert safe_cell(text) == text


@pytest.mark.parametrize("text", ["＝1+1", "@SUM(A1)", "+819012345678", "\u200b=cmd|' /C calc'!A0", "'already", "−5"])
def test_what_needs_one_gets_one(text: str) -> None:
    assert safe_cell(text) == "'" + text and plain_cell(safe_cell(text)) == text
