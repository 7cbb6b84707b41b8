"""The audit log: who read or changed whose data, which fields, and why. Append-only.

A read of personal data and its audit row share one transaction: if the row cannot be written, the read does not happen.
A sealer chains and signs the rows afterwards (core/seal_store.py, docs/audit.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from core.db import CONNECTION_ERRORS, Connection, StatementRefused

SQL_AUDIT = """
INSERT INTO audit (at, staff_id, actor, action, subjects, fields, org_id, incident_id, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


class AuditUnwritable(RuntimeError):
    """The audit row could not be written, so what it stands for must not happen. The message says why."""


class Actor(NamedTuple):
    """Who acts: a member of staff, or a part of the service ("import", "leader link")."""

    name: str
    staff_id: UUID | None = None
    org_id: UUID | None = None


async def audit(
    conn: Connection,
    actor: Actor,
    action: str,
    *,
    at: datetime,
    subjects: Sequence[UUID] = (),
    fields: Sequence[str] = (),
    incident_id: UUID | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write one row; call it inside the transaction of the read or change. `detail` carries no personal data.

    Raises AuditUnwritable if the database refuses the row: the transaction is then over, and nothing was read.
    """
    try:
        await conn.execute(
            SQL_AUDIT,
            at,
            actor.staff_id,
            actor.name,
            action,
            list(subjects),
            list(fields),
            actor.org_id,
            incident_id,
            detail or {},
        )
    except CONNECTION_ERRORS:
        raise
    except StatementRefused as error:
        raise AuditUnwritable(f"the audit log cannot be written ({action}): {error}") from error
