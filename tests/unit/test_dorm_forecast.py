"""Whom an alert calls for dorms, as a preview counts it: by hour and severity, and who of them can be reached."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from alerts.dorm_forecast import Answerer, calls_of, reached
from alerts.rules import To
from core.model import Severity
from tests.alerts_kit import NOON, RULES

MIDNIGHT = NOON + timedelta(hours=12)
START = (To.LEADER, 0, "always")
NIGHT = [(To.LEADER, 300, "no_answer"), (To.NIGHT_CONTACT, 300, "no_answer")]
DEPUTY = (To.DEPUTY, 600, "not_opened")


@pytest.mark.parametrize(
    ("severity", "at", "expected"),
    [
        (Severity.EXTREME, NOON, [START, DEPUTY]),
        (Severity.SEVERE, MIDNIGHT, [START, *NIGHT, DEPUTY]),
        (Severity.MODERATE, MIDNIGHT, []),
    ],
)
def test_by_day_and_by_night(severity: Severity, at: datetime, expected: list[tuple[To, int, str]]) -> None:
    assert [(c.to, c.after_s, c.when) for c in calls_of(RULES["earthquake"], severity, at)] == expected


def who(site: int, rank: int, channel: str = "sms") -> Answerer:
    return Answerer(UUID(int=site), f"Dorm {site}", 6, rank, ("ja", ""), channel)


@pytest.mark.parametrize(
    ("answerers", "expected"),
    [
        ([], {}),
        ([who(1, 1)], {("leader", "sms", 0): 1, ("leader", "sms", 300): 1}),
        ([who(1, 2)], {("leader", "sms", 0): 1, ("leader", "sms", 300): 1, ("deputy", "sms", 600): 1}),
        ([who(1, 3, "push")], {("night_contact", "push", 300): 1}),
        (
            [who(1, 1), who(1, 2), who(1, 3), who(2, 1)],
            {
                ("leader", "sms", 0): 2,
                ("leader", "sms", 300): 2,
                ("night_contact", "sms", 300): 1,
                ("deputy", "sms", 600): 1,
            },
        ),
    ],
    ids=["nobody", "leader", "deputy alone", "night contact alone", "two dorms"],
)
def test_who_is_reached(answerers: list[Answerer], expected: dict[tuple[str, str, int], int]) -> None:
    calls = calls_of(RULES["earthquake"], Severity.EXTREME, MIDNIGHT)
    found = Counter((s.to.value, s.channel, s.after_s) for s, _ in reached(calls, answerers))
    assert found == expected
