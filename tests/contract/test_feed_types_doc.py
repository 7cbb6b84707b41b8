"""docs/feeds.md shows every type of telegram as the code treats it."""

from __future__ import annotations

import pytest

from feeds.jma.codes import TYPES
from feeds.jma.types_doc import BEGIN, PAGE, with_table


def test_the_table_is_made_from_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_table(page), "docs/feeds.md differs from feeds/jma/codes.py: run `make docs`"
    assert all(f"| {kind.code}" in page for kind in TYPES)


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"feeds\.md"):
        with_table("# Feeds\n" + BEGIN)
