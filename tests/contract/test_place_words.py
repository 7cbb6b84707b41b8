"""Every note about a place and every precision has its words on the pages of staff, in both languages."""

from __future__ import annotations

import pytest

from core.i18n import Catalogs
from geo.notes import NOTE_KEYS


@pytest.mark.parametrize("language", ["ja", "en"])
def test_notes_have_words(language: str) -> None:
    say = Catalogs.load().sayer(language).plain
    for key in NOTE_KEYS:
        with_values = say(f"staff.import.reason.place_{key}", text="熊本市", other="益城町")
        assert with_values and "{" not in with_values
        assert "{" not in say(f"staff.place.note.{key}")
    assert len({say(f"staff.place.known.{known}") for known in ("exact", "street", "town", "municipality")}) == 4
