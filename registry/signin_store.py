"""Sessions, one-time links and failed tries in the database. Of every secret only its SHA-256 is kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from core.audit import Actor, audit
from core.clock import date_in_japan
from core.db import Connection, Pool, Record, WriteMismatch, expect_rows, transaction
from core.model import OrgKind, Role
from core.tokens import random_token, token_hash
from registry import store
from registry.sessions import LONGEST, Staff, Stopped, menu_of, still_valid, wait_left
from registry.user_agent import browser_and_system

SIGNIN_LINK_LIFE = timedelta(hours=24)
INVITATION_LIFE = timedelta(days=14)

SQL_SESSION = """
SELECT s.created_at, s.last_seen_at, s.second_factor_at, p.id, p.org_id, p.role, p.name, p.email, p.language, o.kind,
       o.name AS org_name, p.password_hash IS NOT NULL AS has_password,
       EXISTS (SELECT FROM totp t WHERE t.staff_id = p.id AND t.secret_enc IS NOT NULL) AS has_totp,
       EXISTS (SELECT FROM passkey k WHERE k.staff_id = p.id) AS has_passkey,
       EXISTS (SELECT FROM incident i WHERE i.closed_at IS NULL) AS incident_open,
       ARRAY(SELECT r.other_id FROM org_relation r WHERE r.org_id = p.org_id
             AND r.kind = CASE o.kind WHEN 'volunteer_network' THEN 'member' ELSE 'supervises' END) AS below,
       p.role = 'volunteer' AND EXISTS (
           SELECT FROM deputy d JOIN staff a ON a.id = d.staff_id AND a.org_id = p.org_id AND a.disabled_at IS NULL
           WHERE d.deputy_id = p.id AND d.revoked_at IS NULL AND a.role = 'coordinator'
             AND $3::date BETWEEN d.from_day AND d.until_day) AS acting,
       (SELECT jsonb_build_object('at', x.stopped_at, 'by', b.name, 'why', x.why)
        FROM sending_stop x JOIN staff b ON b.id = x.stopped_by
        WHERE x.alert_id IS NULL AND x.resumed_at IS NULL) AS stopped
FROM session s JOIN staff p ON p.id = s.staff_id JOIN organisation o ON o.id = p.org_id
WHERE s.id_sha256 = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 AND p.disabled_at IS NULL AND o.closed_at IS NULL
"""
SQL_TOUCH_SESSION = "UPDATE session SET last_seen_at = $2 WHERE id_sha256 = $1"
_TOUCH_EVERY = timedelta(minutes=1)


async def find_session(pool: Pool, session_id: str, now: datetime) -> Staff | None:
    """Who a cookie belongs to; None if it is unknown, revoked or too old. Keeps the session awake."""
    hashed = token_hash(session_id)
    row = await pool.fetchrow(SQL_SESSION, hashed, now, date_in_japan(now))
    if row is None or not still_valid(row["created_at"], row["last_seen_at"], now, incident_open=row["incident_open"]):
        return None
    if now - row["last_seen_at"] > _TOUCH_EVERY:
        await pool.execute(SQL_TOUCH_SESSION, hashed, now)
    return _staff(row)


def _staff(row: Record) -> Staff:
    # A volunteer who acts for a coordinator has a coordinator's duties today. Approvals ask the account itself.
    role = Role.COORDINATOR if row["acting"] else Role(row["role"])
    return Staff(
        id=row["id"],
        org_id=row["org_id"],
        org_kind=OrgKind(row["kind"]),
        org_name=row["org_name"],
        role=role,
        name=row["name"],
        email=row["email"],
        language=row["language"],
        menu=menu_of(role),
        second_factor_at=row["second_factor_at"],
        has_password=row["has_password"],
        has_factor=row["has_totp"] or row["has_passkey"],
        has_passkey=row["has_passkey"],
        below=tuple(row["below"]),
        acting=row["acting"],
        stopped=_stopped(row["stopped"]),
    )


def _stopped(found: Mapping[str, str] | None) -> Stopped | None:
    return None if found is None else Stopped(datetime.fromisoformat(found["at"]), found["by"], found["why"])


SQL_INSERT_SESSION = """
INSERT INTO session (id_sha256, staff_id, created_at, last_seen_at, expires_at, how, second_factor_at, browser, system)
VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8)
"""
SQL_STAFF_SEEN = "UPDATE staff SET last_seen_at = $2 WHERE id = $1"


async def open_session(
    conn: Connection,
    staff_id: UUID,
    now: datetime,
    how: str,
    *,
    second_factor_at: datetime | None = None,
    user_agent: str = "",
) -> str:
    """A new session with a new random id (never the one the browser came with); `how` goes into the audit log.

    `second_factor_at`: when the second factor was proved; without it the session is half a session.
    """
    session_id = random_token()
    browser, system = browser_and_system(user_agent)
    await conn.execute(
        SQL_INSERT_SESSION,
        token_hash(session_id),
        staff_id,
        now,
        now + LONGEST,
        how,
        second_factor_at,
        browser,
        system,
    )
    await conn.execute(SQL_STAFF_SEEN, staff_id, now)
    await audit(conn, Actor("sign-in", staff_id), "sign_in", at=now, detail={"how": how})
    return session_id


SQL_REPLACE_SESSION = """
WITH old AS (
    UPDATE session SET revoked_at = $3 WHERE id_sha256 = $1 AND revoked_at IS NULL
    RETURNING staff_id, created_at, expires_at, how, browser, system
)
INSERT INTO session (id_sha256, staff_id, created_at, last_seen_at, expires_at, how, second_factor_at, browser, system)
SELECT $2, staff_id, created_at, $3, expires_at, how, $3, browser, system FROM old
RETURNING staff_id
"""


async def prove_session(conn: Connection, session_id: str, now: datetime, factor: str) -> str:
    """The session has proved its second factor (`factor`: "code", "passkey", "printed code"): it gets a new id.

    It ends when it would have ended; the old id is worth nothing from now on. Raises WriteMismatch if it was revoked.
    """
    new_id = random_token()
    staff_id = await conn.fetchval(SQL_REPLACE_SESSION, token_hash(session_id), token_hash(new_id), now)
    if staff_id is None:
        raise WriteMismatch("the session was revoked while it proved its second factor")
    await audit(conn, Actor("sign-in", staff_id), "second_factor", at=now, detail={"how": factor})
    return new_id


SQL_REVOKE_SESSION = "UPDATE session SET revoked_at = $2 WHERE id_sha256 = $1 AND revoked_at IS NULL RETURNING staff_id"


async def close_session(conn: Connection, session_id: str, now: datetime) -> None:
    """Sign out: the cookie is worth nothing from now on, wherever it was copied to."""
    staff_id = await conn.fetchval(SQL_REVOKE_SESSION, token_hash(session_id), now)
    if staff_id is not None:
        await audit(conn, Actor("sign-in", staff_id), "sign_out", at=now)


SQL_REVOKE_OTHER_SESSIONS = """
UPDATE session SET revoked_at = $3 WHERE staff_id = $1 AND id_sha256 <> $2 AND revoked_at IS NULL
"""


async def close_other_sessions(conn: Connection, staff_id: UUID, session_id: str, now: datetime) -> None:
    """After a new password: every other device must sign in again."""
    await conn.execute(SQL_REVOKE_OTHER_SESSIONS, staff_id, token_hash(session_id), now)


SQL_CREDENTIALS = """
SELECT p.id, p.password_hash, p.role FROM staff p JOIN organisation o ON o.id = p.org_id
WHERE lower(p.email) = lower($1) AND p.disabled_at IS NULL AND o.closed_at IS NULL
"""


class Credentials(NamedTuple):
    """What is needed to check a password."""

    staff_id: UUID
    password_hash: str | None
    role: Role


async def find_credentials(pool: Pool, email: str) -> Credentials | None:
    """The account of an e-mail address; None if there is none (say the same as for a wrong password)."""
    row = await pool.fetchrow(SQL_CREDENTIALS, email.strip())
    return Credentials(row["id"], row["password_hash"], Role(row["role"])) if row else None


SQL_ROLE_OF = "SELECT role FROM staff WHERE id = $1"


async def role_of(conn: Connection, staff_id: UUID) -> Role:
    """The role of a member of staff who exists."""
    return Role(await conn.fetchval(SQL_ROLE_OF, staff_id))


# ---------------------------------------------------------------- failed tries

SQL_ENSURE_FAILURE = "INSERT INTO signin_failure (key, failures, last_at) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING"
SQL_LOCK_FAILURE = "SELECT failures, last_at FROM signin_failure WHERE key = $1 FOR UPDATE"
SQL_COUNT_TRY = "UPDATE signin_failure SET failures = $2, last_at = $3 WHERE key = $1"
SQL_FORGET_FAILURES = "DELETE FROM signin_failure WHERE key = ANY($1::text[])"


async def begin_try(pool: Pool, keys: dict[str, str], now: datetime) -> timedelta:
    """Count a try before its password is checked, so that many at once cannot slip through; how long to wait, 0: go on.

    `keys`: "account" and "address" to their fingerprints. A try that must wait is not counted.
    """
    async with transaction(pool) as conn:
        counted: list[tuple[str, int]] = []
        for kind, key in sorted(keys.items()):
            await conn.execute(SQL_ENSURE_FAILURE, key, now)
            row = await conn.fetchrow(SQL_LOCK_FAILURE, key)
            if row is None:  # forgotten by a success at this very moment
                counted.append((key, 1))
                continue
            wait = wait_left(kind, row["failures"], row["last_at"], now)
            if wait:
                return wait
            old = now - row["last_at"] > timedelta(days=1)
            counted.append((key, 1 if old else row["failures"] + 1))
        for key, failures in counted:
            await conn.execute(SQL_COUNT_TRY, key, failures, now)
    return timedelta(0)


async def forget_tries(conn: Connection, keys: dict[str, str]) -> None:
    """After a success the count begins again."""
    await conn.execute(SQL_FORGET_FAILURES, list(keys.values()))


# ---------------------------------------------------------------- one-time links

SQL_INSERT_STAFF_LINK = """
INSERT INTO staff_link (token_sha256, kind, org_id, role, staff_id, email, name, created_by, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
SQL_STAFF_ORG_ROLE = "SELECT org_id, role FROM staff WHERE id = $1 AND disabled_at IS NULL"


async def make_signin_link(
    conn: Connection, staff_id: UUID, now: datetime, *, life: timedelta = SIGNIN_LINK_LIFE
) -> str:
    """The token of a link that signs one member of staff in once: /enter/<token>. Raises LookupError."""
    row = await conn.fetchrow(SQL_STAFF_ORG_ROLE, staff_id)
    if row is None:
        raise LookupError(f"there is no active member of staff {staff_id}")
    token = random_token()
    await conn.execute(
        SQL_INSERT_STAFF_LINK,
        token_hash(token),
        "sign_in",
        row["org_id"],
        row["role"],
        staff_id,
        "",
        "",
        None,
        now,
        now + life,
    )
    return token


async def make_invitation(
    conn: Connection,
    *,
    org_id: UUID,
    role: Role,
    now: datetime,
    email: str = "",
    name: str = "",
    created_by: UUID | None = None,
    life: timedelta = INVITATION_LIFE,
) -> str:
    """The token of an invitation to become staff: /join/<token>. Shown once; only its hash is kept."""
    token = random_token()
    await conn.execute(
        SQL_INSERT_STAFF_LINK,
        token_hash(token),
        "invitation",
        org_id,
        role.value,
        None,
        email.strip(),
        name.strip(),
        created_by,
        now,
        now + life,
    )
    await audit(conn, Actor("invitation", created_by, org_id), "invite_staff", at=now, detail={"role": role.value})
    return token


class StaffLink(NamedTuple):
    """A live one-time link."""

    kind: str
    org_id: UUID
    org_name: str
    role: Role
    staff_id: UUID | None
    email: str
    name: str


SQL_STAFF_LINK = """
SELECT l.kind, l.org_id, o.name AS org_name, l.role, l.staff_id, l.email, l.name
FROM staff_link l JOIN organisation o ON o.id = l.org_id
WHERE l.token_sha256 = $1 AND l.kind = $2 AND l.used_at IS NULL AND l.expires_at > $3 AND o.closed_at IS NULL
"""
SQL_USE_STAFF_LINK = """
UPDATE staff_link SET used_at = $2 WHERE token_sha256 = $1 AND used_at IS NULL AND expires_at > $2
"""


async def find_staff_link(conn: Connection | Pool, token: str, kind: str, now: datetime) -> StaffLink | None:
    """A link that can still be used; None for unknown, used and expired ones alike."""
    row = await conn.fetchrow(SQL_STAFF_LINK, token_hash(token), kind, now)
    if row is None:
        return None
    return StaffLink(
        row["kind"], row["org_id"], row["org_name"], Role(row["role"]), row["staff_id"], row["email"], row["name"]
    )


async def use_staff_link(conn: Connection, token: str, now: datetime) -> None:
    """Use a link up. Raises WriteMismatch if somebody was faster: the transaction must not go on."""
    expect_rows(await conn.execute(SQL_USE_STAFF_LINK, token_hash(token), now), 1, "the one-time link")


# ---------------------------------------------------------------- accounts

SQL_SET_ACCOUNT = """
UPDATE staff SET name = $2, email = $3, language = $4, password_hash = coalesce($5, password_hash) WHERE id = $1
"""


async def set_account(
    conn: Connection, staff_id: UUID, *, name: str, email: str, language: str, password_hash: str | None, now: datetime
) -> None:
    """Change one's own account; a password of None stays as it is. An e-mail address in use raises UniqueViolation."""
    tag = await conn.execute(SQL_SET_ACCOUNT, staff_id, name, email.strip(), language, password_hash)
    expect_rows(tag, 1, "the account")
    changed = ["name", "email"] + (["password"] if password_hash else [])
    await audit(conn, Actor("account", staff_id), "change_account", at=now, subjects=[staff_id], fields=changed)


SQL_TEAM = """
SELECT id, name, email, role, last_seen_at FROM staff WHERE org_id = $1 AND disabled_at IS NULL ORDER BY name, id
"""
SQL_OPEN_INVITATIONS = """
SELECT count(*) FROM staff_link WHERE org_id = $1 AND kind = 'invitation' AND used_at IS NULL AND expires_at > $2
"""


async def team_of(conn: Connection, org_id: UUID) -> list[dict[str, Any]]:
    """The active staff of an organisation: id, name, email, role, last_seen_at."""
    return [dict(row) for row in await conn.fetch(SQL_TEAM, org_id)]


async def open_invitations(conn: Connection, org_id: UUID, now: datetime) -> int:
    """How many invitations of an organisation can still be accepted."""
    return int(await conn.fetchval(SQL_OPEN_INVITATIONS, org_id, now))


SQL_DISABLE_STAFF = """
UPDATE staff SET disabled_at = $3 WHERE id = $1 AND org_id = $2 AND disabled_at IS NULL RETURNING id
"""
SQL_REVOKE_ALL_SESSIONS = "UPDATE session SET revoked_at = $2 WHERE staff_id = $1 AND revoked_at IS NULL"
SQL_REVOKE_ALL_LINKS = "UPDATE staff_link SET used_at = $2 WHERE staff_id = $1 AND used_at IS NULL"
SQL_STAFF_LEADS_NO_MORE = "DELETE FROM site_leader WHERE staff_id = $1"


async def disable_staff(conn: Connection, staff_id: UUID, org_id: UUID, now: datetime) -> bool:
    """End an account of this organisation with its sessions, links and leadership; False if it is not theirs."""
    if await conn.fetchval(SQL_DISABLE_STAFF, staff_id, org_id, now) is None:
        return False
    await conn.execute(SQL_REVOKE_ALL_SESSIONS, staff_id, now)
    await conn.execute(SQL_REVOKE_ALL_LINKS, staff_id, now)
    await conn.execute(SQL_STAFF_LEADS_NO_MORE, staff_id)
    return True


SQL_FIRST_RUN_LOCK = "SELECT pg_advisory_xact_lock(hashtext('daijobu first operator'))"
SQL_OPERATOR_READY = "SELECT EXISTS (SELECT FROM staff WHERE role = 'operator' AND password_hash IS NOT NULL)"
SQL_OPERATOR = "SELECT id FROM staff WHERE role = 'operator' AND disabled_at IS NULL ORDER BY created_at LIMIT 1"
SQL_DROP_OPERATOR_LINKS = "UPDATE staff_link SET used_at = $2 WHERE staff_id = $1 AND used_at IS NULL"


async def ensure_first_operator(pool: Pool, now: datetime) -> str | None:
    """The token of the first operator's sign-in link (/enter/<token>), until an operator has set a password; then None.

    On an empty database this makes the operator's organisation and account. Each start before the password is set
    makes a fresh link and ends the older ones: whoever reads yesterday's log gets nowhere.
    """
    async with transaction(pool) as conn:
        await conn.execute(SQL_FIRST_RUN_LOCK)
        if await conn.fetchval(SQL_OPERATOR_READY):
            return None
        staff_id = await conn.fetchval(SQL_OPERATOR)
        if staff_id is None:
            org_id = await store.create_organisation(
                conn, slug="operator", name="Operator", kind=OrgKind.OPERATOR, now=now
            )
            staff_id = await store.create_staff(
                conn, org_id=org_id, role=Role.OPERATOR, name="", email="", now=now, language="ja"
            )
        await conn.execute(SQL_DROP_OPERATOR_LINKS, staff_id, now)
        return await make_signin_link(conn, staff_id, now)
