"""docs/retention.md says what the rules say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ops.retention_doc import period, render
from tests.sql_constants import ROOT


def test_the_page_is_made_from_the_rules() -> None:
    page = (ROOT / "docs/retention.md").read_text(encoding="utf-8")
    assert page == render(), "docs/retention.md differs from ops/retention.py: run `make docs`"


@pytest.mark.parametrize(
    ("keep", "words"),
    [
        (timedelta(hours=72), "72 hours"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=30), "30 days"),
        (timedelta(days=365), "1 year"),
        (timedelta(days=3 * 365), "3 years"),
        (timedelta(hours=5), "5 hours"),
    ],
)
def test_periods_are_said_in_the_unit_people_use(keep: timedelta, words: str) -> None:
    assert period(keep) == words
