"""Reading what a map shows: the newest reports of an incident, and people counted by municipality, never by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from checkin.board_store import open_cases
from checkin.dashboard_store import standing_of
from checkin.map_view import TownStanding
from core.db import Connection
from core.event_json import event_from_json
from core.model import CaseReason, Event, Purpose

#: Of the reports that opened or joined an incident at most so many count, the newest first: a swarm has hundreds.
MAX_REPORTS = 400

# The newest report of each thread of the incident, in the order of Event.order; of a closed one as it stood at its end.
SQL_STANDING = """
SELECT DISTINCT ON (e.thread) e.payload
FROM incident i
JOIN event e ON e.purpose = i.purpose AND e.decided_at IS NOT NULL
            AND (i.closed_at IS NULL OR e.issued_at <= i.closed_at)
WHERE i.id = $1 AND e.thread IN (SELECT f.thread FROM incident_event ie JOIN event f ON f.id = ie.event_id
                                 WHERE ie.incident_id = i.id ORDER BY f.issued_at DESC LIMIT $2)
ORDER BY e.thread, e.issued_at DESC, e.sent_at DESC, (e.message_type = 'cancel') DESC,
         (e.message_type = 'correct') DESC,
         CASE WHEN e.payload ->> 'serial' ~ '^[0-9]{1,9}$' THEN (e.payload ->> 'serial')::int ELSE 0 END DESC, e.id DESC
"""


async def standing_events(conn: Connection, incident_id: UUID) -> tuple[list[Event], int]:
    """The newest report of every matter of an incident, and how many of them this version cannot read."""
    events, unreadable = [], 0
    for row in await conn.fetch(SQL_STANDING, incident_id, MAX_REPORTS):
        try:
            events.append(event_from_json(row["payload"]))
        except (KeyError, TypeError, ValueError):
            unreadable += 1
    return events, unreadable


# As on the dashboard (dashboard_store.SQL_STANDINGS_BY_ORG), and where: the dorm, else the workplace, that the
# organisation itself keeps. A home of somebody's own is not the organisation's to see, nor a household where they work.
SQL_BY_TOWN = """
SELECT coalesce(t.town, '') AS town, ir.asked_at IS NOT NULL AS asked,
       ir.reachable AND (NOT s.shared OR c.reason IS DISTINCT FROM 'unreachable') AS reachable,
       CASE WHEN s.shared THEN ir.status END AS status,
       s.shared AND coalesce(ir.status_at < ir.asked_at, false) AS before_ask, s.shared,
       r.state <> 'invited' AS enrolled, s.shared AND coalesce(c.reason = 'needs_help', false) AS help_open,
       quiet.at IS NOT NULL AS answered, count(*) AS people
FROM incident_resident ir
JOIN incident i ON i.id = ir.incident_id
JOIN resident r ON r.id = ir.resident_id
JOIN membership m ON m.resident_id = r.id AND m.org_id = ANY($2) AND m.ended_at IS NULL
                 AND (m.end_date IS NULL OR m.end_date >= $3)
LEFT JOIN site w ON w.id = m.workplace_id AND NOT m.household
LEFT JOIN site d ON d.id = m.dorm_id
LEFT JOIN LATERAL (SELECT min(pa.code) AS town FROM place_area pa
                   WHERE pa.scheme = 'jis' AND pa.place_id = coalesce(d.place_id, w.place_id)) t ON true
CROSS JOIN LATERAL (SELECT answer_shared(r.id, m.org_id) AS shared) s
LEFT JOIN LATERAL (SELECT min(k.received_at) AS at FROM check_in k
                   WHERE NOT s.shared AND k.incident_id = ir.incident_id AND k.resident_id = r.id
                     AND k.answered_by <> 'coordinator' AND k.received_at >= coalesce(ir.asked_at, ir.told_at)
                     AND (i.closed_at IS NULL OR k.received_at <= i.closed_at)) quiet ON true
LEFT JOIN case_file c ON c.resident_id = r.id AND c.purpose = ir.purpose AND c.closed_at IS NULL
WHERE ir.incident_id = $1 AND NOT ir.only_today
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
"""


async def standings_by_town(
    conn: Connection, incident_id: UUID, org_ids: Sequence[UUID], today: date
) -> list[TownStanding]:
    """People of these organisations in an incident by municipality and by the facts that decide their state.

    Somebody who belongs to two of them is counted in each. The caller writes the audit row.
    """
    rows = await conn.fetch(SQL_BY_TOWN, incident_id, list(org_ids), today)
    return [TownStanding(row["town"], standing_of(row), row["people"]) for row in rows]


# Everybody once, by the dorm or workplace of the first of their organisations that has one.
SQL_TOLD_BY_TOWN = """
SELECT coalesce(t.town, '') AS town, count(*) AS people
FROM incident_resident ir
LEFT JOIN LATERAL (
    SELECT min(pa.code) AS town FROM place_area pa WHERE pa.scheme = 'jis' AND pa.place_id = (
        SELECT coalesce(d.place_id, w.place_id) FROM membership m
        LEFT JOIN site d ON d.id = m.dorm_id
        LEFT JOIN site w ON w.id = m.workplace_id AND NOT m.household
        WHERE m.resident_id = ir.resident_id AND m.ended_at IS NULL AND coalesce(d.place_id, w.place_id) IS NOT NULL
          AND NOT ir.only_today
        ORDER BY d.id IS NULL, m.created_at, m.org_id LIMIT 1)) t ON true
WHERE ir.incident_id = $1
GROUP BY 1
"""


async def told_by_town(conn: Connection, incident_id: UUID) -> dict[str, int]:
    """How many people were told in an incident, by municipality; small counts are for the caller to hide."""
    return {row["town"]: row["people"] for row in await conn.fetch(SQL_TOLD_BY_TOWN, incident_id)}


async def cases_by_town(conn: Connection, purpose: Purpose) -> dict[str, Counter[CaseReason]]:
    """Open cases of a purpose by municipality, as the board has them: a protected person's is nowhere ("")."""
    found: dict[str, Counter[CaseReason]] = {}
    for case in await open_cases(conn, purpose):
        found.setdefault(case.municipality, Counter())[case.reason] += 1
    return found
