"""What happens once a second person has said yes, in the transaction in which they say it.

Its modules are read then, not while the website starts.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from alerts.deps import Deps
from core.db import Connection
from registry.approvals import ApprovalError, Kind

if TYPE_CHECKING:
    from core.audit import Actor
    from registry.approvals_store import CarryOut


def carry_outs(deps: Deps) -> Mapping[Kind, CarryOut]:
    """Per kind of approval what carries it out. A kind that is not here waits for its proposer (break-glass)."""
    return {
        Kind.MANUAL_SEND: functools.partial(_send, deps),
        Kind.HELD_RELEASE: _held,
        Kind.RULE_EDIT: functools.partial(_edit, deps),
        Kind.ALERT_CANCEL: _cancel,
    }


async def _send(deps: Deps, conn: Connection, approval_id: UUID, actor: Actor, now: datetime) -> None:
    from alerts.manual_store import carry_out_send

    await carry_out_send(conn, deps.areas, approval_id, actor, now)


async def _held(conn: Connection, approval_id: UUID, actor: Actor, now: datetime) -> None:
    from alerts.held_store import carry_out_held

    await carry_out_held(conn, approval_id, actor, now)


async def _cancel(conn: Connection, approval_id: UUID, actor: Actor, now: datetime) -> None:
    from alerts.cancel_store import carry_out_cancel

    await carry_out_cancel(conn, approval_id, actor, now)


async def _edit(deps: Deps, conn: Connection, approval_id: UUID, actor: Actor, now: datetime) -> None:
    from alerts.rule_book import RuleBook
    from alerts.rule_store import carry_out_edit

    if not isinstance(deps.rules, RuleBook):
        raise ApprovalError("superseded", "this process follows fixed rules: nothing can be changed in it")
    await carry_out_edit(conn, deps.rules, approval_id, actor, now)
