"""Proposals that need a second person, in the database. The row is locked while it is decided on or carried out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.audit import Actor, audit
from core.db import Connection, Record, expect_rows
from core.ids import uuid7
from core.model import Role
from registry.approvals import (
    LIFE,
    Approval,
    ApprovalError,
    Kind,
    State,
    check_decide,
    check_payload,
    check_propose,
    check_take,
    check_withdraw,
    kinds_of,
)

SQL_ROLE = "SELECT role, name, org_id FROM staff WHERE id = $1 AND disabled_at IS NULL"


async def _actor(conn: Connection, staff_id: UUID) -> tuple[Role, Actor]:
    row = await conn.fetchrow(SQL_ROLE, staff_id)
    if row is None:
        raise ApprovalError("not_your_role", "this account has been ended")
    return Role(row["role"]), Actor(row["name"], staff_id, row["org_id"])


SQL_PROPOSE = """
INSERT INTO approval (id, kind, payload, state, made_by, made_by_name, made_at, expires_at)
SELECT $1, $2, $3, 'proposed', s.id, s.name || ' (' || o.name || ')', $5, $6
FROM staff s JOIN organisation o ON o.id = s.org_id WHERE s.id = $4
"""


async def propose(conn: Connection, kind: Kind | str, payload: Mapping[str, Any], by: UUID, now: datetime) -> UUID:
    """Ask for a second person; the id of the proposal, good for 30 minutes.

    `payload` is JSON without personal data and has the fields of `approvals.SAYS`. Raises ApprovalError where the
    role of `by` may not propose this, ValueError where the approver could not read what would happen.
    """
    kind = Kind(kind)
    check_payload(kind, payload)
    role, actor = await _actor(conn, by)
    check_propose(kind, role)
    approval_id = uuid7()
    made = await conn.execute(SQL_PROPOSE, approval_id, kind.value, dict(payload), by, now, now + LIFE)
    expect_rows(made, 1, "the proposal")
    await audit(conn, actor, "propose", at=now, detail={"approval": str(approval_id), "kind": kind.value})
    return approval_id


#: Carries an approved act out, in the transaction of the approval: (conn, approval, who approved, now).
CarryOut = Callable[[Connection, UUID, Actor, datetime], Awaitable[None]]

SQL_LOCK_APPROVAL = """
SELECT id, kind, payload, state, made_by, made_at, expires_at, decided_by, decided_at
FROM approval WHERE id = $1 FOR UPDATE
"""


async def _locked(conn: Connection, approval_id: UUID) -> Approval:
    row = await conn.fetchrow(SQL_LOCK_APPROVAL, approval_id)
    if row is None:
        raise ApprovalError("not_found", f"there is no proposal {approval_id}")
    return _approval(row)


def _approval(row: Record) -> Approval:
    return Approval(
        row["id"],
        Kind(row["kind"]),
        row["payload"],
        State(row["state"]),
        row["made_by"],
        row["made_at"],
        row["expires_at"],
        row["decided_by"],
        row["decided_at"],
    )


SQL_DECIDE = "UPDATE approval SET state = $2, decided_by = $3, decided_at = $4 WHERE id = $1 AND state = 'proposed'"


async def approve(conn: Connection, approval_id: UUID, by: UUID, now: datetime) -> Approval:
    """Say yes as the second person. Of several at once one succeeds. Raises ApprovalError with the reason."""
    approval = await _locked(conn, approval_id)
    role, actor = await _actor(conn, by)
    check_decide(approval, by, role, now)
    return await _decided(conn, approval, State.APPROVED, by, actor, now)


async def refuse(conn: Connection, approval_id: UUID, by: UUID, now: datetime) -> Approval:
    """Say no, or take one's own proposal back. Raises ApprovalError with the reason."""
    approval = await _locked(conn, approval_id)
    role, actor = await _actor(conn, by)
    check_withdraw(approval, by, role, now)
    return await _decided(conn, approval, State.REFUSED, by, actor, now)


async def _decided(
    conn: Connection, approval: Approval, state: State, by: UUID, actor: Actor, now: datetime
) -> Approval:
    expect_rows(await conn.execute(SQL_DECIDE, approval.id, state.value, by, now), 1, "the proposal")
    detail = {"approval": str(approval.id), "kind": approval.kind.value, "state": state.value}
    await audit(conn, actor, "decide", at=now, detail=detail)
    return Approval(
        approval.id,
        approval.kind,
        approval.payload,
        state,
        approval.made_by,
        approval.made_at,
        approval.expires_at,
        by,
        now,
    )


SQL_TAKE_APPROVAL = "UPDATE approval SET state = 'taken', taken_at = $2 WHERE id = $1 AND state = 'approved'"


async def take(conn: Connection, approval_id: UUID, kind: Kind | str, now: datetime) -> Mapping[str, Any]:
    """The payload of an approved proposal, exactly once: call it in the transaction that carries the act out.

    Raises ApprovalError if it is not approved, expired, of another kind or already taken.
    """
    approval = await _locked(conn, approval_id)
    check_take(approval, Kind(kind), now)
    expect_rows(await conn.execute(SQL_TAKE_APPROVAL, approval_id, now), 1, "the approval")
    return approval.payload


SQL_OPEN_APPROVALS = """
SELECT id, kind, payload, state, made_by, made_at, expires_at, decided_by, decided_at, made_by_name FROM approval
WHERE kind = ANY($1::text[]) AND expires_at > $2 AND state IN ('proposed', 'approved') ORDER BY made_at, id
"""


@dataclass(frozen=True, slots=True)
class OpenApproval:
    """A proposal that is still good, and whose it is: name and organisation."""

    approval: Approval
    made_by_name: str


async def open_approvals(conn: Connection, role: Role, now: datetime) -> list[OpenApproval]:
    """The live proposals of the kinds a role decides on, oldest first."""
    rows = await conn.fetch(SQL_OPEN_APPROVALS, [kind.value for kind in kinds_of(role)], now)
    return [OpenApproval(_approval(row), row["made_by_name"]) for row in rows]
