"""Everything that is stored about a person, for themselves: who sees them, who looked, and all of it as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from core.crypto import Vault
from core.db import Connection
from core.model import OrgKind
from registry.location_store import sent_locations
from registry.needs_store import read_needs
from registry.seen import Look, Viewer, role_of

SQL_VIEWERS = """
SELECT o.id AS org_id, o.name, o.kind, coalesce(d.name, '') AS dorm, coalesce(w.name, '') AS site,
       m.created_at AS member_since
FROM membership m JOIN organisation o ON o.id = m.org_id
LEFT JOIN site d ON d.id = m.dorm_id LEFT JOIN site w ON w.id = m.workplace_id
WHERE m.resident_id = $1 AND m.ended_at IS NULL ORDER BY o.name
"""


async def viewers_of(conn: Connection, resident_id: UUID) -> list[Viewer]:
    """The organisations the person belongs to now."""
    rows = await conn.fetch(SQL_VIEWERS, resident_id)
    return [Viewer(**(dict(row.items()) | {"kind": OrgKind(row["kind"])})) for row in rows]


# By organisation and kind of organisation: the person has a right to know who looked, not to learn a clerk's name.
SQL_LOOKS = """
SELECT coalesce(o.name, site_org.name, '') AS org, coalesce(o.kind, site_org.kind, '') AS kind, a.actor, a.action, a.at,
       a.fields
FROM audit a
LEFT JOIN organisation o ON o.id = a.org_id
LEFT JOIN site ON site.id::text = a.detail->>'site'
LEFT JOIN organisation site_org ON site_org.id = site.org_id
WHERE a.subjects @> ARRAY[$1]::uuid[] AND a.at >= $2
  AND (a.staff_id IS NOT NULL OR a.actor = 'leader link' OR a.actor LIKE 'api:%')
ORDER BY a.at DESC, a.id DESC LIMIT 5000
"""


async def looks_at(conn: Connection, resident_id: UUID, since: datetime) -> list[Look]:
    """Who read or changed the person's data since then, each row of the audit log by itself, newest first."""
    return [
        Look(row["org"], role_of(row["actor"], row["kind"]), row["action"], 1, row["at"])
        for row in await conn.fetch(SQL_LOOKS, resident_id, since)
    ]


SQL_PERSON = """
SELECT name, language, second_language, state, created_at, enrolled_at, hide_answer, protected, paused_until,
       ask_stay_at, stay_asked_at, level3_always
FROM resident WHERE id = $1
"""
SQL_CONTACTS = """
SELECT id, channel, kind, state, address_enc, created_at FROM contact WHERE resident_id = $1 ORDER BY created_at
"""
SQL_PLACES = """
SELECT rp.kind, rp.until, p.id, p.label, p.postal_code, p.lat, p.lon, p.address_enc
FROM resident_place rp JOIN place p ON p.id = rp.place_id WHERE rp.resident_id = $1 ORDER BY rp.kind
"""
SQL_MEMBERSHIPS = """
SELECT o.name AS organisation, m.employee_id, w.name AS workplace, d.name AS dorm, m.room, m.shift, m.start_date,
       m.end_date, m.created_at, m.ended_at
FROM membership m JOIN organisation o ON o.id = m.org_id
LEFT JOIN site w ON w.id = m.workplace_id LEFT JOIN site d ON d.id = m.dorm_id
WHERE m.resident_id = $1 ORDER BY m.created_at
"""
SQL_CONSENTS = """
SELECT c.scope, c.given, c.basis, c.version, c.language, c.channel, c.at, o.name AS viewer, t.body AS text
FROM consent c LEFT JOIN organisation o ON o.id = c.viewer_org LEFT JOIN consent_text t ON t.sha256 = c.text_sha256
WHERE c.resident_id = $1 ORDER BY c.id
"""
SQL_ANSWERS = """
SELECT k.id, i.title AS incident, k.purpose, k.answer, k.answered_by, k.via, k.detail, k.note_enc, k.tapped_at,
       k.received_at
FROM check_in k JOIN incident i ON i.id = k.incident_id WHERE k.resident_id = $1 ORDER BY k.received_at
"""
SQL_FOLLOW_UPS = """
SELECT i.title AS incident, c.reason, c.opened_at, c.outcome, c.closed_at
FROM case_file c JOIN incident i ON i.id = c.incident_id WHERE c.resident_id = $1 ORDER BY c.opened_at
"""
SQL_TOLD = """
SELECT i.title AS incident, ir.purpose, ir.severity, ir.told_at, ir.asked_at, ir.asks
FROM incident_resident ir JOIN incident i ON i.id = ir.incident_id WHERE ir.resident_id = $1 ORDER BY ir.told_at
"""
SQL_FAMILY = "SELECT created_at, expires_at, revoked_at FROM family_link WHERE resident_id = $1 ORDER BY created_at"
SQL_DISCLOSURES = """
SELECT b.purpose, b.recipient, b.fields, p.first_shown_at
FROM break_glass_person p JOIN break_glass b ON b.id = p.break_glass_id
WHERE p.resident_id = $1 ORDER BY p.first_shown_at
"""


async def everything_about(conn: Connection, vault: Vault, resident_id: UUID, since: datetime) -> dict[str, Any]:
    """All that is stored about a person, ready for JSON; records of provision to third parties since `since`.

    Left out: the secrets of links and of push subscriptions (they open things), and what helpers wrote for each other.
    """
    person = await conn.fetchrow(SQL_PERSON, resident_id)
    assert person is not None
    return {
        "person": _plain(person),
        "contacts": [
            _plain(row, "id", "address_enc")
            | {
                "address": "(push subscription)"
                if row["channel"] == "push"
                else vault.decrypt(row["address_enc"], row["id"], "contact.address_enc")
            }
            for row in await conn.fetch(SQL_CONTACTS, resident_id)
        ],
        "places": [
            _plain(row, "id", "address_enc")
            | {
                "address": vault.decrypt(row["address_enc"], row["id"], "place.address_enc")
                if row["address_enc"]
                else row["label"]
            }
            for row in await conn.fetch(SQL_PLACES, resident_id)
        ],
        "organisations": [_plain(row) for row in await conn.fetch(SQL_MEMBERSHIPS, resident_id)],
        "consents": [_plain(row) for row in await conn.fetch(SQL_CONSENTS, resident_id)],
        "needs": [
            {"kind": need.kind, "note": need.note}
            for need in (await read_needs(conn, vault, [resident_id])).get(resident_id, [])
        ],
        "incidents": [_plain(row) for row in await conn.fetch(SQL_TOLD, resident_id)],
        "answers": [
            _plain(row, "id", "note_enc")
            | {"note": vault.decrypt(row["note_enc"], row["id"], "check_in.note_enc") if row["note_enc"] else ""}
            for row in await conn.fetch(SQL_ANSWERS, resident_id)
        ],
        "positions_sent": [
            {
                "incident": one.incident,
                "at": one.sent_at.isoformat(),
                "lat": one.position.lat,
                "lon": one.position.lon,
                "accuracy_m": one.position.accuracy_m,
            }
            for one in await sent_locations(conn, vault, resident_id)
        ],
        "follow_ups": [_plain(row) for row in await conn.fetch(SQL_FOLLOW_UPS, resident_id)],
        "family_links": [_plain(row) for row in await conn.fetch(SQL_FAMILY, resident_id)],
        "shown_to": [
            {
                "at": row["at"].isoformat(),
                "organisation": row["org"],
                "role": role_of(row["actor"], row["kind"]),
                "what": row["action"],
                "fields": list(row["fields"]),
            }
            for row in await conn.fetch(SQL_LOOKS, resident_id, since)
        ],
        "emergency_disclosures": [_plain(row) for row in await conn.fetch(SQL_DISCLOSURES, resident_id)],
    }


def _plain(row: Any, *without: str) -> dict[str, Any]:
    """A row as JSON has it: times and days as ISO 8601."""
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in row.items()
        if name not in without
    }
