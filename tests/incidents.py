"""A factory of incidents, alerts and links for tests, written straight into the tables."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from alerts.reason_store import write_reasons
from alerts.reasons import reason_id, reason_text
from core.db import Connection, Pool
from core.ids import uuid7
from core.tokens import link_token, token_hash
from tests.people import NOW, VAULT

SQL_INCIDENT = """
INSERT INTO incident (id, purpose, hazard, key, title, severity, simulated, event_ids, key_enc, opened_at,
                      last_round_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
"""
SQL_ALERT = """
INSERT INTO alert (id, incident_id, purpose, revision, moment, severity, areas, context, state, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, '[]', $7, 'done', $8::timestamptz, $8::timestamptz + interval '2 hours')
"""
SQL_TOLD = """
INSERT INTO incident_resident (incident_id, resident_id, orgs, purpose, severity, asked_at, asks, told_at,
                               last_alert_id, reason_id, reachable)
SELECT $1, id, orgs, $3, $4, $5, $6, $7, $8, $9, true FROM resident WHERE id = $2
"""
#: Where people stand, with why they were told; and the reason alone.
SQL_STANDINGS = """
SELECT ir.*, sr.reason FROM incident_resident AS ir LEFT JOIN standing_reason AS sr ON sr.id = ir.reason_id
"""
SQL_REASON = "SELECT reason FROM incident_resident AS ir JOIN standing_reason AS sr ON sr.id = ir.reason_id"
SQL_LINK = """
INSERT INTO link (id, kind, token_sha256, resident_id, site_id, staff_id, incident_id, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
SQL_TEXT = """
INSERT INTO alert_text (alert_id, key, language, channel, title, body, unreviewed, segments)
VALUES ($1, $2, 'vi', $3, 'title', 'body {link}', true, 1) RETURNING id
"""
SQL_MESSAGE = """
INSERT INTO message (purpose, incident_id, alert_id, resident_id, channel, step, text_id, link_id, priority, unless,
                     state, due_at, expires_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11::timestamptz, $11::timestamptz + interval '1 hour',
        $11::timestamptz) RETURNING id
"""

#: What the decide step writes for the foreshock: an earthquake that asks "are you OK?".
QUAKE_CONTEXT: dict[str, Any] = {
    "hazard": "earthquake",
    "event_type": "VXSE53",
    "moment": "issue",
    "severity": "extreme",
    "max_level": "7",
    "title_ja": "震源・震度情報",
    "office": "気象庁",
    "issued_at": "2026-11-20T02:58:00+00:00",
    "headline": "２０日１１時５６分ころ、地震がありました。",
    "event_ids": ["20261120115600"],
    "questions": ["ok", "help"],
    "simulated": False,
    "epicentre": None,
}
QUAKE_REASON: dict[str, Any] = {
    "home": {
        "scheme": "jma.city",
        "code": "4344300",
        "level": "6+",
        "kind": "",
        "kind_code": "",
        "not_received": False,
        "area_max": None,
        "name_ja": "益城町",
    },
    "work": None,
    "worse": "home",
}
FLOOD_CONTEXT: dict[str, Any] = QUAKE_CONTEXT | {
    "hazard": "river_flood",
    "event_type": "VXKO52",
    "max_level": 4,
    "title_ja": "球磨川氾濫危険情報",
    "office": "国土交通省八代河川国道事務所・熊本地方気象台",
    "headline": "球磨川では、氾濫危険水位に到達",
    "questions": ["safe_place", "leaving", "cannot_leave", "on_duty", "not_there"],
}


@dataclass(frozen=True, slots=True)
class TestIncident:
    """An open incident with one alert."""

    __test__ = False

    id: UUID
    alert_id: UUID
    purpose: str
    severity: str
    key: bytes


async def make_incident(
    conn: Connection | Pool,
    *,
    context: dict[str, Any] = QUAKE_CONTEXT,
    purpose: str = "live",
    severity: str = "extreme",
    simulated: bool = False,
    now: datetime = NOW,
) -> TestIncident:
    """An incident opened at `now` by one alert with this context."""
    incident_id, alert_id = uuid7(), uuid7()
    secret = uuid7().bytes * 2
    await conn.execute(
        SQL_INCIDENT,
        incident_id,
        purpose,
        context["hazard"],
        f"key {incident_id}",
        context["title_ja"],
        severity,
        simulated,
        context["event_ids"],
        VAULT.encrypt(secret, incident_id, "incident.key_enc"),
        now,
    )
    await conn.execute(
        SQL_ALERT,
        alert_id,
        incident_id,
        purpose,
        1,
        context["moment"],
        severity,
        context | {"simulated": simulated},
        now,
    )
    return TestIncident(incident_id, alert_id, purpose, severity, secret)


async def tell(
    conn: Connection | Pool,
    incident: TestIncident,
    resident_id: UUID,
    *,
    reason: dict[str, Any] = QUAKE_REASON,
    asked: bool = True,
    now: datetime = NOW,
) -> None:
    """Make a resident part of an incident, as the fan-out does."""
    text = reason_text(reason)
    why = reason_id(incident.id, text)
    await write_reasons(conn, incident.id, set(), {why: text})
    await conn.execute(
        SQL_TOLD,
        incident.id,
        resident_id,
        incident.purpose,
        incident.severity,
        now if asked else None,
        1 if asked else 0,
        now,
        incident.alert_id,
        why,
    )


async def make_link(
    conn: Connection | Pool,
    incident: TestIncident,
    *,
    kind: str = "checkin",
    resident_id: UUID | None = None,
    site_id: UUID | None = None,
    staff_id: UUID | None = None,
    now: datetime = NOW,
    expires_at: datetime | None = None,
) -> tuple[UUID, str]:
    """A link of an incident: (link id, token)."""
    link_id = uuid7()
    token = link_token(incident.key, link_id)
    await conn.execute(
        SQL_LINK, link_id, kind, token_hash(token), resident_id, site_id, staff_id, incident.id, now, expires_at
    )
    return link_id, token


async def make_message(
    conn: Connection | Pool,
    incident: TestIncident,
    resident_id: UUID,
    *,
    moment: str = "issue",
    channel: str = "sms",
    step: int = 0,
    unless: str = "never",
    state: str = "pending",
    now: datetime = NOW,
) -> int:
    """A message that waits in the outbox, of an alert of its own when `moment` is not the incident's first."""
    alert_id = incident.alert_id
    if moment != "issue":
        alert_id = uuid7()
        revision = 2 + int(await conn.fetchval("SELECT count(*) FROM alert WHERE incident_id = $1", incident.id))
        context = QUAKE_CONTEXT | {"moment": moment}
        await conn.execute(
            SQL_ALERT, alert_id, incident.id, incident.purpose, revision, moment, incident.severity, context, now
        )
    text_id = await conn.fetchval(SQL_TEXT, alert_id, f"{channel}/{step}/{uuid7()}", channel)
    message_id = await conn.fetchval(
        SQL_MESSAGE,
        incident.purpose,
        incident.id,
        alert_id,
        resident_id,
        channel,
        step,
        text_id,
        None,
        unless,
        state,
        now,
    )
    return int(message_id)


async def database_digest(conn: Connection | Pool, without: Sequence[str] = ()) -> dict[str, str]:
    """A fingerprint per table of every row in it: equal before and after what must not change anything."""
    digests: dict[str, str] = {}
    for row in await conn.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"):
        table = row["tablename"]
        if table not in without:
            rows = io.BytesIO()
            await conn.copy_from_table(table, output=rows, schema_name="public")
            digests[table] = hashlib.sha256(b"\n".join(sorted(rows.getvalue().splitlines()))).hexdigest()
    return digests
