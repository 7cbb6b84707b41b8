"""When the purge must not believe its clock, and the periods that are promised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ops.retention import RULES, Action, clock_problem

NOON = datetime(2026, 11, 22, 3, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("now", "newest_report", "last_run", "words"),
    [
        (NOON, None, None, None),  # the first run of a new installation
        (NOON, NOON - DAY, NOON - DAY, None),
        (NOON, NOON + timedelta(minutes=4), None, None),  # another machine's clock, a little ahead
        (NOON, NOON + timedelta(minutes=6), None, "before the newest report"),
        (NOON - 365 * DAY, NOON, NOON, "before the newest report"),
        (NOON + 364 * DAY, NOON, NOON, None),
        (NOON + 366 * DAY, NOON, NOON, "more than a year after"),
        (NOON + 366 * DAY, None, NOON, "more than a year after"),
        (NOON + 366 * DAY, NOON, None, "more than a year after"),  # never purged: the newest report is the witness
        # Reports keep coming by a clock that is ahead too: they are stamped by the same clock.
        (NOON + 366 * DAY, NOON + 366 * DAY, NOON, "more than a year after"),
    ],
)
def test_a_clock_is_believed_or_not(
    now: datetime, newest_report: datetime | None, last_run: datetime | None, words: str | None
) -> None:
    problem = clock_problem(now, newest_report, last_run)
    assert (problem is None) if words is None else (problem is not None and words in problem and "--force" in problem)


@pytest.mark.parametrize(
    ("rule", "days", "action"),
    [
        ("link_end", 3, Action.END),
        ("answer", 30, Action.DELETE),
        ("case", 30, Action.COUNT),
        ("message", 30, Action.COUNT),
        ("left", 30, Action.ERASE),
        ("erase", 0, Action.ERASE),
        ("incident_key", 0, Action.BLANK),
        ("audit", 1095, Action.DELETE),
    ],
)
def test_what_the_design_promises(rule: str, days: int, action: Action) -> None:
    found = next(r for r in RULES if r.name == rule)
    assert (found.keep, found.action) == (timedelta(days=days), action)
    assert found.before(NOON) == NOON - timedelta(days=days)


def test_every_rule_says_why() -> None:
    for rule in RULES:
        assert rule.tables and rule.what and rule.after and rule.why.endswith("."), rule.name
