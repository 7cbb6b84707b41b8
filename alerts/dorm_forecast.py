"""Who answers for dorms in a preview: how many leaders, deputies and night contacts an alert calls, over which way.

As many as it can be: every dorm with people who are asked counts as silent, and its page as never opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from alerts.deps import Deps
from alerts.fanout_store import AlertRow
from alerts.policy import within_hours
from alerts.rules import Rule, To
from alerts.site_call_store import RANKS
from alerts.staff_calls import staff_channels
from alerts.texts import Texts
from core.db import Connection
from core.model import Moment, Severity

#: Alerts that call who answers for a dorm.
CALLING: Final = (Moment.ISSUE, Moment.UPDATE, Moment.CORRECT)
#: The message at the start goes to the leader, or to the deputy where the leader cannot be reached.
AT_START: Final = (RANKS[To.LEADER], RANKS[To.DEPUTY])
#: Billed by the part; what the console prints is what SMS would send.
_SMS: Final = ("sms", "console")


class DormStep(NamedTuple):
    """One kind of message to who answers for a dorm. `when`: rules.Condition; "always" for the one at the start."""

    to: To
    channel: str
    after_s: int
    when: str


class Call(NamedTuple):
    """A step before it is known whom it reaches: the first of these places of `site_leader` that can be reached."""

    ranks: tuple[int, ...]
    to: To
    after_s: int
    when: str


@dataclass(frozen=True, slots=True)
class Answerer:
    """Somebody who answers for a dorm and can be reached."""

    site_id: UUID
    dorm: str
    people: int
    rank: int
    languages: tuple[str, ...]
    channel: str


@dataclass(slots=True)
class DormForecast:
    """Messages by kind, and the parts of those that go by SMS."""

    steps: Counter[DormStep] = field(default_factory=Counter)
    sms_parts: int = 0


def calls_of(rule: Rule, severity: Severity, made_at: datetime) -> list[Call]:
    """Whom an alert made then calls for a dorm whose people stay silent, in order of time."""
    if not severity.asks:
        return []
    later = [
        Call(AT_START if step.to is To.LEADER else (RANKS[step.to],), step.to, step.after_s, step.when.value)
        for step in rule.calls.get(severity, ())
        if step.hours is None or within_hours(made_at, step.hours)
    ]
    return [Call(AT_START, To.LEADER, 0, "always"), *later]


def reached(calls: Sequence[Call], answerers: Sequence[Answerer]) -> list[tuple[DormStep, Answerer]]:
    """Each message that these calls make: its kind, and who gets it."""
    dorms: dict[UUID, dict[int, Answerer]] = {}
    for one in answerers:
        dorms.setdefault(one.site_id, {})[one.rank] = one
    found = []
    for by_rank in dorms.values():
        for call in calls:
            who = next((by_rank[rank] for rank in call.ranks if rank in by_rank), None)
            if who is not None:
                found.append((DormStep(call.to, who.channel, call.after_s, call.when), who))
    return found


SQL_ANSWERERS = """
SELECT DISTINCT ON (s.id, sl.rank) s.id AS site_id, s.name AS dorm, n.people, sl.rank,
       coalesce(r.language, st.language) AS language, coalesce(r.second_language, '') AS second_language, k.channel
FROM (SELECT m.dorm_id, count(*)::int AS people FROM membership AS m
      WHERE m.resident_id = ANY($1::uuid[]) AND m.ended_at IS NULL AND m.dorm_id IS NOT NULL GROUP BY m.dorm_id) AS n
JOIN site AS s ON s.id = n.dorm_id
JOIN site_leader AS sl ON sl.site_id = s.id
LEFT JOIN resident AS r ON r.id = sl.resident_id AND r.state IN ('invited', 'enrolled')
LEFT JOIN staff AS st ON st.id = sl.staff_id AND st.disabled_at IS NULL
JOIN contact AS k ON (k.resident_id = r.id OR k.staff_id = st.id) AND k.kind = 'address'
     AND k.state NOT IN ('dead', 'opted_out') AND k.channel = ANY($2::text[])
ORDER BY s.id, sl.rank, array_position($2::text[], k.channel), k.created_at
"""


async def count_dorms(
    deps: Deps, conn: Connection, alert: AlertRow, rule: Rule, texts: Texts, asked: Sequence[UUID], found: DormForecast
) -> None:
    """Add whom an alert calls for the dorms of these people, who are asked. `conn` sees every row."""
    calls = calls_of(rule, alert.severity, alert.created_at)
    if not calls or not asked or alert.moment not in CALLING:
        return
    by_contact = staff_channels(deps)
    rows = await conn.fetch(SQL_ANSWERERS, list(asked), list(by_contact))
    answerers = [
        Answerer(
            row["site_id"],
            row["dorm"],
            row["people"],
            row["rank"],
            (row["language"], row["second_language"]),
            by_contact[row["channel"]],
        )
        for row in rows
    ]
    for step, who in reached(calls, answerers):
        found.steps[step] += 1
        if step.channel in _SMS:
            found.sms_parts += texts.leader(who.languages, who.dorm, who.people).segments
