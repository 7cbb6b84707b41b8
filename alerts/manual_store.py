"""Manual incidents in the database: what was done so far, a proposal for a second person, and carrying it out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from alerts.manual import Act, Draft, to_event
from alerts.manual_places import cities_of
from core.audit import Actor, audit
from core.db import Connection, notify
from core.event_json import event_to_json
from core.model import Event
from core.wakeups import EVENTS_CHANNEL
from geo.areas import Areas
from registry.approvals import ApprovalError, Kind
from registry.approvals_store import propose, take

#: A manual incident that nobody ended is not offered any more after this: its people's links have ended too.
OFFERED: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Done:
    """One act that was carried out: what, when, by whom, and what became of it."""

    draft: Draft
    at: datetime
    made_by: str
    approved_by: str
    #: What the decide loop said; "" until it has.
    outcome: str
    #: How many people its alerts have told so far.
    people: int


# Of one incident every act; without one, the newest act of each incident since $2.
SQL_ACTS = """
SELECT m.incident, m.number, m.act, m.hazard, m.severity, m.picks, m.source_kind, m.source_words, m.said_at, m.at,
       coalesce(p.made_by_name, '') AS made_by, coalesce(d.name, '') AS approved_by, coalesce(e.outcome, '') AS outcome,
       (SELECT coalesce(sum(a.people), 0) FROM alert a WHERE a.event_id = m.event_id)::int AS people
FROM manual_act m JOIN event e ON e.id = m.event_id
LEFT JOIN approval p ON p.id = m.approval_id LEFT JOIN staff d ON d.id = m.approved_by
WHERE CASE WHEN $1::uuid IS NOT NULL THEN m.incident = $1
      ELSE m.at > $2 AND m.number = (SELECT max(n.number) FROM manual_act n WHERE n.incident = m.incident) END
ORDER BY m.at, m.number
"""


def _done(row: Mapping[str, Any]) -> Done:
    draft = Draft(
        row["incident"],
        row["number"],
        Act(row["act"]),
        row["hazard"],
        row["severity"],
        tuple(row["picks"]),
        row["source_kind"],
        row["source_words"],
        row["said_at"],
    )
    return Done(draft, row["at"], row["made_by"], row["approved_by"], row["outcome"], row["people"])


async def acts_of(conn: Connection, incident: UUID) -> list[Done]:
    """What was done to a manual incident, oldest first; [] if there is none."""
    return [_done(row) for row in await conn.fetch(SQL_ACTS, incident, None)]


async def newest_acts(conn: Connection, now: datetime) -> list[Done]:
    """The newest act of each manual incident of the last 14 days, newest first; ended ones included."""
    return [_done(row) for row in await conn.fetch(SQL_ACTS, None, now - OFFERED)][::-1]


def event_of(areas: Areas, draft: Draft, before: Draft | None, now: datetime) -> Event:
    """The event of a draft, with the places looked up."""
    cities_before = {} if before is None else cities_of(areas, before.picks)
    return to_event(draft, cities_of(areas, draft.picks), before, cities_before, now)


async def propose_send(conn: Connection, draft: Draft, says: Mapping[str, Any], by: UUID, now: datetime) -> UUID:
    """Ask for the second person. `says`: what they read (approvals.SAYS). Raises ApprovalError."""
    return await propose(conn, Kind.MANUAL_SEND, {**says, "draft": draft.to_json()}, by, now)


# Two approvals of one incident at once: the second sees what the first has done.
SQL_MANUAL_LOCK = "SELECT pg_advisory_xact_lock(hashtext('daijobu manual ' || $1::text))"
SQL_WRITE_MANUAL = "SELECT write_manual($1, $2, $3, $4, $5)"


async def carry_out_send(conn: Connection, areas: Areas, approval_id: UUID, actor: Actor, now: datetime) -> int:
    """Write an approved act as a report and its event, which is then decided as every other; the event's id.

    Raises ApprovalError: not approved, too old, or something else was done to the incident since it was proposed.
    """
    payload = await take(conn, approval_id, Kind.MANUAL_SEND, now)
    draft = Draft.from_json(payload["draft"])
    await conn.execute(SQL_MANUAL_LOCK, str(draft.incident))
    done = await acts_of(conn, draft.incident)
    before = done[-1].draft if done else None
    if len(done) + 1 != draft.number or (before is not None and before.act in (Act.LIFT, Act.CANCEL)):
        raise ApprovalError("superseded", "something else was done to this incident since it was proposed")
    event = event_of(areas, draft, before, now)
    body = json.dumps(
        {"manual": draft.to_json(), "sent_at": now.isoformat(), "approval": str(approval_id)},
        ensure_ascii=False,
        indent=1,
        sort_keys=True,
    ).encode()
    act = draft.to_json()
    event_id: int = await conn.fetchval(SQL_WRITE_MANUAL, approval_id, body, event_to_json(event), act, now)
    detail = {"incident": str(draft.incident), "act": draft.act.value, "event": event_id, "approval": str(approval_id)}
    await audit(conn, actor, "manual.send", at=now, detail=detail)
    await notify(conn, EVENTS_CHANNEL)
    return event_id
