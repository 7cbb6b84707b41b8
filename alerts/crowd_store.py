"""A crowd in the database: people without a standing, gathered by kind and written with COPY."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from uuid import UUID

from alerts.crowd import LINK_COLUMNS, MESSAGE_COLUMNS, STANDING_COLUMNS, TOLD_COLUMNS, CrowdRows
from alerts.crowd_kinds import Alike, Facts, by_kind
from alerts.fanout_store import AlertRow, areas_of_places
from alerts.policy import ASKS_WINDOW
from core.clock import date_in_japan
from core.db import Connection, Record, expect_rows

# What fanout_store.SQL_PEOPLE asks in one question, asked table by table: each is one walk along an index, whatever the
# planner believes about tables that were empty a moment ago. uuid_send and array_send: bytes, as COPY takes them back.
# People who share what is asked come as one row with their ids end to end: a row for each of 10,000 people costs
# PostgreSQL and Python more than finding them.
SQL_RESIDENTS = """
SELECT array_send(orgs), language, second_language, state, string_agg(uuid_send(id), ''::bytea)
FROM resident WHERE id = ANY($1::uuid[]) AND state IN ('invited', 'enrolled')
GROUP BY orgs, language, second_language, state
"""
SQL_HOUSED = """
SELECT kind, place_id, string_agg(uuid_send(resident_id), ''::bytea)
FROM resident_place WHERE resident_id = ANY($1::uuid[]) AND (kind <> 'today' OR until > $2)
GROUP BY kind, place_id
"""
SQL_ADDRESSES = """
SELECT coalesce(string_agg(ids, ''::bytea), ''), coalesce(string_agg(channel, ' '), '') FROM (
    SELECT uuid_send(resident_id) || uuid_send(id) AS ids,
           CASE WHEN state = 'proven' THEN '+' ELSE '-' END || channel AS channel
    FROM contact WHERE resident_id = ANY($1::uuid[]) AND kind = 'address' AND state NOT IN ('dead', 'opted_out')
    ORDER BY created_at, id
) AS addresses
"""
SQL_SHIFTS = """
SELECT uuid_send(resident_id), string_agg(shift, ' ') FROM membership
WHERE resident_id = ANY($1::uuid[]) AND ended_at IS NULL AND shift <> '' GROUP BY resident_id
"""
SQL_AWAY = """
SELECT uuid_send(resident_id) FROM absence
WHERE resident_id = ANY($1::uuid[]) AND said_by = 'self' AND until >= $2::date
"""
# Nobody was, unless another incident has asked lately. A slow alert asks after its round: a day's grace.
SQL_OTHERS_ASK = """
SELECT EXISTS (SELECT FROM incident
               WHERE id <> $1 AND purpose = $2 AND last_round_at > $3::timestamptz - interval '1 day')
"""
SQL_ASKED_ELSEWHERE = """
SELECT uuid_send(resident_id), sum(asks)::int FROM incident_resident
WHERE resident_id = ANY($1::uuid[]) AND incident_id <> $2 AND purpose = $3 AND asked_at > $4 GROUP BY resident_id
"""
# The newest word counts.
SQL_REFUSED = """
SELECT uuid_send(c.resident_id) FROM consent AS c
WHERE c.resident_id = ANY($1::uuid[]) AND c.scope = 'C1' AND NOT c.given AND NOT EXISTS (
    SELECT FROM consent AS n WHERE n.resident_id = c.resident_id AND n.scope = 'C1' AND n.id > c.id)
"""
# Who has a standing or a link in this incident already.
SQL_KNOWN = """
SELECT resident_id, uuid_send(resident_id) FROM incident_resident
WHERE incident_id = $1 AND resident_id = ANY($2::uuid[])
UNION
SELECT resident_id, uuid_send(resident_id) FROM link
WHERE kind = 'checkin' AND incident_id = $1 AND resident_id = ANY($2::uuid[])
"""


async def gather_crowd(
    conn: Connection, alert: AlertRow, ids: Sequence[UUID], now: datetime
) -> tuple[list[Alike], list[UUID]]:
    """Those of these people whom the alert may tell, by kind; and those who are known in the incident already."""
    purpose, since = alert.purpose.value, now - ASKS_WINDOW
    known = await conn.fetch(SQL_KNOWN, alert.incident_id, ids)
    housed = await conn.fetch(SQL_HOUSED, ids, alert.created_at)
    areas_of = await areas_of_places(conn, alert, {place for _, place, _ in housed})
    addresses = await conn.fetchrow(SQL_ADDRESSES, ids)
    assert addresses is not None
    asked: list[Record] = []
    if await conn.fetchval(SQL_OTHERS_ASK, alert.incident_id, purpose, since):
        asked = await conn.fetch(SQL_ASKED_ELSEWHERE, ids, alert.incident_id, purpose, since)
    facts = Facts(
        residents=await conn.fetch(SQL_RESIDENTS, ids),
        housed=housed,
        contacts=(addresses[0], addresses[1].split()),
        shifts={person: shifts for person, shifts in await conn.fetch(SQL_SHIFTS, ids)},
        away={person for (person,) in await conn.fetch(SQL_AWAY, ids, date_in_japan(now))},
        asked_elsewhere=dict(asked),
        without={person for (person,) in await conn.fetch(SQL_REFUSED, ids)} | {person for _, person in known},
    )
    return await asyncio.to_thread(by_kind, facts, areas_of, now), [person for person, _ in known]


async def write_crowd(conn: Connection, rows: CrowdRows) -> None:
    """Write the rows of a crowd. Raises UniqueViolation if one of them has got a standing or a link meanwhile."""
    for table, columns, data, expected in (
        ("incident_resident", STANDING_COLUMNS, rows.standings, rows.people),
        ("alert_resident", TOLD_COLUMNS, rows.told, rows.people),
        ("link", LINK_COLUMNS, rows.links, rows.people),
        ("message", MESSAGE_COLUMNS, rows.messages, rows.message_count),
    ):
        if expected:
            tag = await conn.copy_to_table(table, source=BytesIO(data), columns=columns, format="binary")
            expect_rows(tag, expected, f"rows of {table}")
