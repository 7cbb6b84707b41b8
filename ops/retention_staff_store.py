"""SQL of the purge for staff and the programs of organisations; see ops/retention_store.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from core.db import Connection
from ops.retention_step import Step, plain, touched

SQL_SESSION = """
DELETE FROM session WHERE id_sha256 IN (
    SELECT id_sha256 FROM session WHERE least(expires_at, revoked_at) <= $1 LIMIT $2)
"""
SQL_STAFF_LINK = """
DELETE FROM staff_link WHERE token_sha256 IN (
    SELECT token_sha256 FROM staff_link WHERE least(expires_at, used_at) <= $1 LIMIT $2)
"""
SQL_SIGNIN_FAILURE = """
DELETE FROM signin_failure WHERE key IN (SELECT key FROM signin_failure WHERE last_at <= $1 LIMIT $2)
"""
SQL_STAFF_ACCESS = """
WITH gone AS MATERIALIZED (
    SELECT s.id FROM staff s WHERE s.disabled_at <= $1
    AND (s.password_hash IS NOT NULL OR EXISTS (SELECT FROM contact c WHERE c.staff_id = s.id)
         OR EXISTS (SELECT FROM site_leader l WHERE l.staff_id = s.id)
         OR EXISTS (SELECT FROM totp t WHERE t.staff_id = s.id)
         OR EXISTS (SELECT FROM passkey k WHERE k.staff_id = s.id)
         OR EXISTS (SELECT FROM recovery_code r WHERE r.staff_id = s.id)) LIMIT $2
), contacts AS (
    DELETE FROM contact c USING gone g WHERE c.staff_id = g.id
), leads AS (
    DELETE FROM site_leader l USING gone g WHERE l.staff_id = g.id
), apps AS (
    DELETE FROM totp t USING gone g WHERE t.staff_id = g.id
), passkeys AS (
    DELETE FROM passkey k USING gone g WHERE k.staff_id = g.id
), codes AS (
    DELETE FROM recovery_code r USING gone g WHERE r.staff_id = g.id
)
UPDATE staff s SET password_hash = NULL FROM gone g WHERE s.id = g.id
"""
SQL_STAFF_NAME = """
UPDATE staff SET name = '', email = '' WHERE id IN (
    SELECT id FROM staff WHERE disabled_at <= $1 AND (name <> '' OR email <> '') LIMIT $2)
"""
SQL_DASHBOARD_OPENED = """
DELETE FROM dashboard_opened d USING (
    SELECT org_id, incident_id FROM dashboard_opened WHERE last_at <= $1 LIMIT $2) p
WHERE d.org_id = p.org_id AND d.incident_id = p.incident_id
"""
SQL_STAFF_RECOVERY = """
DELETE FROM staff_recovery r USING (SELECT staff_id, at FROM staff_recovery WHERE at <= $1 LIMIT $2) p
WHERE r.staff_id = p.staff_id AND r.at = p.at
"""
SQL_HELD_FORM = "DELETE FROM held_form WHERE id IN (SELECT id FROM held_form WHERE expires_at <= $1 LIMIT $2)"
SQL_CHALLENGE = """
DELETE FROM passkey_challenge_used WHERE challenge_sha256 IN (
    SELECT challenge_sha256 FROM passkey_challenge_used WHERE expires_at <= $1 LIMIT $2)
"""
SQL_APPROVAL = "DELETE FROM approval WHERE id IN (SELECT id FROM approval WHERE expires_at <= $1 LIMIT $2)"
# Volunteers remember the pass they came by; it goes when the last of them is no longer remembered with it.
SQL_VOLUNTEER_PASS = """
WITH gone AS MATERIALIZED (
    SELECT id FROM volunteer_pass WHERE least(expires_at, revoked_at) <= $1 LIMIT $2
), forgotten AS (
    UPDATE staff s SET volunteer_pass_id = NULL FROM gone g WHERE s.volunteer_pass_id = g.id
)
SELECT array_agg(id) FROM gone
"""
SQL_DROP_PASSES = "DELETE FROM volunteer_pass WHERE id = ANY($1::uuid[])"


async def _volunteer_pass(conn: Connection, before: datetime, limit: int, now: datetime) -> int:
    # Two statements: one statement cannot delete a row and, before its end, let go of what points to it.
    ids = await conn.fetchval(SQL_VOLUNTEER_PASS, before, limit)
    return touched(await conn.execute(SQL_DROP_PASSES, ids)) if ids else 0


SQL_OPS_ALARM = "DELETE FROM ops_alarm WHERE id IN (SELECT id FROM ops_alarm WHERE at <= $1 LIMIT $2)"
SQL_OPERATOR_ALARM = "DELETE FROM alarm WHERE id IN (SELECT id FROM alarm WHERE cleared_at <= $1 LIMIT $2)"
SQL_PROVIDER_TROUBLE = """
DELETE FROM provider_trouble WHERE ctid IN (SELECT ctid FROM provider_trouble WHERE at <= $1 LIMIT $2)
"""
SQL_SEND_BUCKET = """
DELETE FROM send_bucket WHERE key IN (SELECT key FROM send_bucket WHERE refilled_at <= $1 LIMIT $2)
"""
SQL_SMS_REPLY = "DELETE FROM sms_reply WHERE provider_id IN (SELECT provider_id FROM sms_reply WHERE at <= $1 LIMIT $2)"
SQL_WEBHOOK = "DELETE FROM webhook WHERE id IN (SELECT id FROM webhook WHERE deleted_at <= $1 LIMIT $2)"
SQL_WEBHOOK_DELIVERY = """
DELETE FROM webhook_delivery WHERE id IN (SELECT id FROM webhook_delivery WHERE done_at <= $1 LIMIT $2)
"""
SQL_WEBHOOK_SEEN = """
DELETE FROM webhook_seen WHERE ctid IN (
    SELECT s.ctid FROM incident_over i JOIN webhook_seen s ON s.incident_id = i.id WHERE i.closed_at <= $1 LIMIT $2)
"""
SQL_IDEMPOTENCY = """
DELETE FROM api_idempotency WHERE id IN (SELECT id FROM api_idempotency WHERE created_at <= $1 LIMIT $2)
"""
SQL_USAGE = """
DELETE FROM api_usage u USING (SELECT token_id, minute FROM api_usage WHERE minute <= $1 LIMIT $2) p
WHERE u.token_id = p.token_id AND u.minute = p.minute
"""
SQL_STAFF_ALERT = """
WITH picked AS MATERIALIZED (
    SELECT a.id FROM incident_over i JOIN staff_alert a ON a.incident_id = i.id WHERE i.closed_at <= $1 LIMIT $2
), visits AS (
    DELETE FROM dorm_visit v USING incident_over i WHERE i.id = v.incident_id AND i.closed_at <= $1
)
DELETE FROM staff_alert a USING picked p WHERE a.id = p.id
"""
SQL_DUTY = "DELETE FROM duty WHERE id IN (SELECT id FROM duty WHERE ends_at <= $1 LIMIT $2)"
SQL_DEPUTY = (
    "DELETE FROM deputy WHERE id IN (SELECT id FROM deputy WHERE until_day <= ($1::timestamptz)::date LIMIT $2)"
)

#: What to do for each rule about staff and programs, by the rule's name.
STAFF_STEPS: Final[Mapping[str, Step]] = {
    "session": plain(SQL_SESSION),
    "staff_link": plain(SQL_STAFF_LINK),
    "signin_failure": plain(SQL_SIGNIN_FAILURE),
    "held_form": plain(SQL_HELD_FORM),
    "challenge": plain(SQL_CHALLENGE),
    "volunteer_pass": _volunteer_pass,
    "staff_access": plain(SQL_STAFF_ACCESS),
    "staff_name": plain(SQL_STAFF_NAME),
    "staff_recovery": plain(SQL_STAFF_RECOVERY),
    "approval": plain(SQL_APPROVAL),
    "operator_alarm": plain(SQL_OPERATOR_ALARM),
    "provider_trouble": plain(SQL_PROVIDER_TROUBLE),
    "send_bucket": plain(SQL_SEND_BUCKET),
    "sms_reply": plain(SQL_SMS_REPLY),
    "alarm": plain(SQL_OPS_ALARM),
    "staff_alert": plain(SQL_STAFF_ALERT),
    "duty": plain(SQL_DUTY),
    "deputy": plain(SQL_DEPUTY),
    "dashboard_opened": plain(SQL_DASHBOARD_OPENED),
    "webhook": plain(SQL_WEBHOOK),
    "webhook_delivery": plain(SQL_WEBHOOK_DELIVERY),
    "webhook_seen": plain(SQL_WEBHOOK_SEEN),
    "idempotency": plain(SQL_IDEMPOTENCY),
    "usage": plain(SQL_USAGE),
}
