"""What proves that somebody can be reached, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from registry.reach import ContactFacts, Reach, Standing, is_silent, reach, standing

NOON = datetime(2026, 11, 22, 3, tzinfo=UTC)


def ago(days: int) -> datetime:
    return NOON - timedelta(days=days)


@pytest.mark.parametrize(
    ("state", "proven", "created", "expected"),
    [
        ("unproven", None, 0, Standing.NEW),
        ("unproven", None, 89, Standing.NEW),
        ("unproven", None, 90, Standing.STALE),
        ("proven", 0, 900, Standing.PROVEN),
        ("proven", 89, 900, Standing.PROVEN),
        ("proven", 90, 900, Standing.STALE),
        ("dead", 1, 1, Standing.DEAD),
        ("opted_out", 1, 1, Standing.REFUSED),
    ],
)
def test_one_contact(state: str, proven: int | None, created: int, expected: Standing) -> None:
    facts = ContactFacts(state, None if proven is None else ago(proven), ago(created))
    assert standing(facts, NOON) is expected


FRESH = ContactFacts("unproven", None, ago(1))
PROVEN = ContactFacts("proven", ago(1), ago(500))
STALE = ContactFacts("proven", ago(200), ago(500))
DEAD = ContactFacts("dead", ago(1), ago(500))
REFUSED = ContactFacts("opted_out", ago(1), ago(500))


@pytest.mark.parametrize(
    ("contacts", "expected", "reachable"),
    [
        ([], Reach.NONE, False),
        ([DEAD], Reach.DEAD, False),
        ([DEAD, REFUSED], Reach.REFUSED, False),
        ([DEAD, STALE], Reach.STALE, False),
        ([STALE, FRESH], Reach.NEW, True),
        ([DEAD, STALE, FRESH, PROVEN], Reach.PROVEN, True),
    ],
)
def test_a_person_is_as_reachable_as_the_best_of_their_contacts(
    contacts: list[ContactFacts], expected: Reach, reachable: bool
) -> None:
    assert reach(contacts, NOON) is expected
    assert reach(contacts, NOON).reachable is reachable


@pytest.mark.parametrize(
    ("sign", "enrolled", "created", "silent"),
    [
        (None, None, 364, False),
        (None, None, 365, True),
        (None, 10, 900, False),
        (364, 900, 900, False),
        (365, 900, 900, True),
    ],
)
def test_twelve_months_without_a_sign(sign: int | None, enrolled: int | None, created: int, silent: bool) -> None:
    moments = [None if days is None else ago(days) for days in (sign, enrolled)]
    assert is_silent(moments[0], moments[1], ago(created), NOON) is silent
