"""Acts that need two people: who may propose, who may approve, and in which order. Pure; rows in approvals_store.py.

The person who proposes is never the one who approves, whatever session or device they use. A proposal nobody decides on
in half an hour is over: an old one must not be approved by mistake at the next incident.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from core.model import Role

LIFE: Final = timedelta(minutes=30)


class Kind(StrEnum):
    """What is proposed."""

    RULE_EDIT = "rule_edit"
    MANUAL_SEND = "manual_send"
    BREAK_GLASS = "break_glass"
    HELD_RELEASE = "held_release"
    ALERT_CANCEL = "alert_cancel"


class State(StrEnum):
    """proposed -> approved -> taken (carried out, once), or proposed -> refused."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    TAKEN = "taken"


class ApprovalError(RuntimeError):
    """The act is not allowed. The message says why in one sentence; `key` names the sentence for the page."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = f"staff.approvals.{key}"


#: Who may propose and approve each kind.
ROLES: Final[dict[Kind, frozenset[Role]]] = {
    Kind.RULE_EDIT: frozenset({Role.OPERATOR}),
    Kind.MANUAL_SEND: frozenset({Role.OPERATOR, Role.COORDINATOR}),
    Kind.BREAK_GLASS: frozenset({Role.COORDINATOR}),
    Kind.HELD_RELEASE: frozenset({Role.OPERATOR, Role.COORDINATOR}),
    Kind.ALERT_CANCEL: frozenset({Role.OPERATOR, Role.COORDINATOR}),
}

#: What a payload must say, so that the approver reads in words what will happen (staff.approvals.says.<kind>).
SAYS: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.RULE_EDIT: ("rule", "change"),
    Kind.MANUAL_SEND: ("what", "people", "source", "text"),
    Kind.BREAK_GLASS: ("scope", "purpose", "recipient", "fields"),
    Kind.HELD_RELEASE: ("act", "what", "why", "people"),
    Kind.ALERT_CANCEL: ("what", "people", "why", "text"),
}


@dataclass(frozen=True, slots=True)
class Approval:
    """One proposal and what became of it."""

    id: UUID
    kind: Kind
    payload: Mapping[str, Any]
    state: State
    made_by: UUID
    made_at: datetime
    expires_at: datetime
    decided_by: UUID | None = None
    decided_at: datetime | None = None


def kinds_of(role: Role) -> tuple[Kind, ...]:
    """The kinds that a role may propose and approve."""
    return tuple(kind for kind in Kind if role in ROLES[kind])


def check_payload(kind: Kind, payload: Mapping[str, Any]) -> None:
    """Raises ValueError if the approver could not read from the payload what they approve."""
    missing = [name for name in SAYS[kind] if not payload.get(name)]
    if missing:
        raise ValueError(f"a proposal of kind {kind} must say {', '.join(missing)}")


def words_of(approval: Approval, language: str = "") -> tuple[str, dict[str, str]]:
    """Key and fields of the sentence that tells what will be done; a list becomes words with commas.

    What a payload says in the reader's language (`in`: language -> fields) goes before what its proposer read.
    """
    said = {**approval.payload, **approval.payload.get("in", {}).get(language, {})}
    fields = {name: _words(said[name]) for name in SAYS[approval.kind]}
    return f"staff.approvals.says.{approval.kind}", fields


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def check_propose(kind: Kind, role: Role) -> None:
    """Raises ApprovalError if this role may not propose this."""
    if role not in ROLES[kind]:
        raise ApprovalError("not_your_role", f"the role {role} may not propose {kind}")


def check_decide(approval: Approval, by: UUID, role: Role, now: datetime) -> None:
    """Whether `by` may approve this now. Raises ApprovalError: own proposal, wrong role, expired, already decided."""
    if by == approval.made_by:
        raise ApprovalError("own", "nobody approves what they proposed themselves: a second person must decide")
    if role not in ROLES[approval.kind]:
        raise ApprovalError("not_your_role", f"the role {role} may not decide on {approval.kind}")
    if approval.state is not State.PROPOSED:
        raise ApprovalError("decided", f"this proposal is already {approval.state}")
    if now >= approval.expires_at:
        raise ApprovalError("expired", "this proposal is older than 30 minutes: it must be proposed again")


def check_take(approval: Approval, kind: Kind, now: datetime) -> None:
    """Whether an approved proposal may be carried out now. Raises ApprovalError."""
    if approval.kind is not kind:
        raise ApprovalError("not_found", f"this approval is of kind {approval.kind}, not {kind}")
    if approval.state is not State.APPROVED:
        raise ApprovalError("not_approved", f"this proposal is {approval.state}, not approved")
    if now >= approval.expires_at:
        raise ApprovalError("expired", "this approval is older than 30 minutes: it must be proposed again")


def check_withdraw(approval: Approval, by: UUID, role: Role, now: datetime) -> None:
    """Whether `by` may refuse this: its maker (withdraws it) or whoever may approve it. Raises ApprovalError."""
    if by == approval.made_by and approval.state is State.PROPOSED:
        return
    check_decide(approval, by, role, now)
