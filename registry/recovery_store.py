"""Helping colleagues back in: whom one may help, and taking a lost second factor away."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.audit import Actor, audit
from core.db import Connection, expect_rows
from core.model import Role
from registry.factors_store import drop_factors
from registry.recovery import LINK_LIFE, TOLD_FOR, Account, may_help
from registry.sessions import Staff
from registry.signin_store import SQL_REVOKE_ALL_LINKS, SQL_REVOKE_ALL_SESSIONS, make_signin_link

SQL_SUPERVISED = """
SELECT r.other_id FROM org_relation r JOIN organisation o ON o.id = r.other_id
WHERE r.org_id = $1 AND r.kind = 'supervises' AND o.closed_at IS NULL
"""
SQL_ACCOUNTS = """
SELECT p.id, p.org_id, p.role, p.name, p.email, p.last_seen_at, o.name AS org_name
FROM staff p JOIN organisation o ON o.id = p.org_id
WHERE p.disabled_at IS NULL AND o.closed_at IS NULL AND ($1::uuid[] IS NULL OR p.org_id = ANY($1))
ORDER BY o.name, p.name, p.id
"""


class Colleague(NamedTuple):
    """Somebody whom one may help."""

    account: Account
    name: str
    email: str
    org_name: str
    last_seen_at: datetime | None


async def colleagues(conn: Connection, me: Staff) -> list[Colleague]:
    """Everybody whom this member of staff may help back in, by organisation and name."""
    supervised: frozenset[UUID] = frozenset()
    if me.role is Role.SUPERVISING:
        supervised = frozenset(row["other_id"] for row in await conn.fetch(SQL_SUPERVISED, me.org_id))
    orgs = None if me.role is Role.OPERATOR else [me.org_id, *supervised]
    mine = Account(me.id, me.org_id, me.role)
    found = []
    for row in await conn.fetch(SQL_ACCOUNTS, orgs):
        account = Account(row["id"], row["org_id"], Role(row["role"]))
        if may_help(mine, account, supervised=supervised):
            found.append(Colleague(account, row["name"], row["email"], row["org_name"], row["last_seen_at"]))
    return found


async def find_colleague(conn: Connection, me: Staff, staff_id: UUID) -> Colleague | None:
    """One of them; None if this member of staff may not help that one."""
    return next((c for c in await colleagues(conn, me) if c.account.staff_id == staff_id), None)


SQL_FORGET_PASSWORD = "UPDATE staff SET password_hash = NULL WHERE id = $1 AND disabled_at IS NULL"
SQL_TELL_RECOVERY = "INSERT INTO staff_recovery (staff_id, at, by_staff, by_name) VALUES ($1, $2, $3, $4)"


async def recover(conn: Connection, me: Staff, target: Colleague, now: datetime) -> str:
    """Take password and second factor away, end all sessions and links; the token of a one-time link to hand over.

    The person sets both anew, and reads for two weeks who did this.
    """
    staff_id = target.account.staff_id
    await audit(conn, me.actor, "recover_staff", at=now, subjects=[staff_id])
    return await _start_anew(conn, staff_id, me.id, f"{me.name or me.email} ({me.org_name})", now)


async def _start_anew(conn: Connection, staff_id: UUID, by: UUID, by_name: str, now: datetime) -> str:
    expect_rows(await conn.execute(SQL_FORGET_PASSWORD, staff_id), 1, "the account")
    await drop_factors(conn, staff_id)
    await conn.execute(SQL_REVOKE_ALL_SESSIONS, staff_id, now)
    await conn.execute(SQL_REVOKE_ALL_LINKS, staff_id, now)
    expect_rows(await conn.execute(SQL_TELL_RECOVERY, staff_id, now, by, by_name), 1, "the note")
    return await make_signin_link(conn, staff_id, now, life=LINK_LIFE)


class Operator(NamedTuple):
    """An operator's account."""

    staff_id: UUID
    email: str


SQL_OPERATORS = "SELECT id, email FROM staff WHERE role = 'operator' AND disabled_at IS NULL ORDER BY created_at, id"


async def operators(conn: Connection) -> list[Operator]:
    """The accounts that run this installation, oldest first."""
    return [Operator(row["id"], row["email"]) for row in await conn.fetch(SQL_OPERATORS)]


async def recover_at_machine(conn: Connection, staff_id: UUID, now: datetime) -> str:
    """As `recover`, for an operator, by whoever runs commands on the machine itself."""
    await audit(conn, Actor("command line"), "recover_staff", at=now, subjects=[staff_id])
    return await _start_anew(conn, staff_id, staff_id, "command line", now)


SQL_RECOVERIES = "SELECT at, by_name FROM staff_recovery WHERE staff_id = $1 AND at > $2 ORDER BY at DESC"


async def recoveries_of(conn: Connection, staff_id: UUID, now: datetime) -> list[tuple[datetime, str]]:
    """When and by whom this account was recovered in the last two weeks, newest first."""
    return [(row["at"], row["by_name"]) for row in await conn.fetch(SQL_RECOVERIES, staff_id, now - TOLD_FOR)]
