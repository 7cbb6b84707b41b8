"""Who may help whom back in after a lost phone: remove the second factor and hand over a one-time link. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID

from core.model import Role

#: Who administers an organisation's sign-ins. A volunteer helps nobody; their coordinator does.
ADMINISTRATORS: Final = frozenset(
    {Role.EMPLOYER, Role.SUPERVISING, Role.COMMUNITY, Role.COORDINATOR, Role.PARTNER, Role.OPERATOR}
)
#: The link is handed over by voice or on paper, within the hour or so.
LINK_LIFE: Final = timedelta(hours=2)
#: How long the person reads on their pages that somebody did this.
TOLD_FOR: Final = timedelta(days=14)


class Account(NamedTuple):
    """An account, as far as this rule goes."""

    staff_id: UUID
    org_id: UUID
    role: Role


def may_help(helper: Account, target: Account, *, supervised: frozenset[UUID] = frozenset()) -> bool:
    """Whether `helper` may help `target` back in, or end their account. Nobody helps themselves.

    An administrator: people of the same organisation. A supervising organisation: its employers' staff as well
    (`supervised`). The operator: administrators of every organisation, because nobody else may be left there.
    """
    if helper.staff_id == target.staff_id or helper.role not in ADMINISTRATORS:
        return False
    if helper.role is Role.OPERATOR:
        return target.role is not Role.VOLUNTEER
    if target.role is Role.OPERATOR:
        return False
    if helper.org_id == target.org_id:
        return True
    return helper.role is Role.SUPERVISING and target.org_id in supervised
