"""Who may help whom back in after a lost phone."""

from __future__ import annotations

from uuid import uuid4

import pytest

from core.model import Role
from registry.recovery import Account, may_help

OWN, EMPLOYER, OTHER, OPERATORS = uuid4(), uuid4(), uuid4(), uuid4()
SUPERVISED = frozenset({EMPLOYER})


@pytest.mark.parametrize(
    ("helper", "helper_org", "target", "target_org", "may"),
    [
        (Role.EMPLOYER, OWN, Role.EMPLOYER, OWN, True),
        (Role.EMPLOYER, OWN, Role.EMPLOYER, OTHER, False),
        (Role.COMMUNITY, OWN, Role.COMMUNITY, OWN, True),
        (Role.COORDINATOR, OWN, Role.VOLUNTEER, OWN, True),
        (Role.COORDINATOR, OWN, Role.COORDINATOR, OWN, True),
        (Role.COORDINATOR, OWN, Role.VOLUNTEER, OTHER, False),
        (Role.VOLUNTEER, OWN, Role.VOLUNTEER, OWN, False),
        (Role.VOLUNTEER, OWN, Role.COORDINATOR, OWN, False),
        (Role.SUPERVISING, OWN, Role.EMPLOYER, EMPLOYER, True),
        (Role.SUPERVISING, OWN, Role.EMPLOYER, OTHER, False),
        (Role.EMPLOYER, EMPLOYER, Role.SUPERVISING, OWN, False),
        (Role.OPERATOR, OPERATORS, Role.EMPLOYER, OWN, True),
        (Role.OPERATOR, OPERATORS, Role.COORDINATOR, OWN, True),
        (Role.OPERATOR, OPERATORS, Role.OPERATOR, OPERATORS, True),
        (Role.OPERATOR, OPERATORS, Role.VOLUNTEER, OWN, False),  # their coordinator knows their voice
        (Role.EMPLOYER, OWN, Role.OPERATOR, OWN, False),
        (Role.AUDITOR, OWN, Role.AUDITOR, OWN, False),
        (Role.UMBRELLA, OWN, Role.UMBRELLA, OWN, False),
    ],
)
def test_who_helps_whom(helper: Role, helper_org: object, target: Role, target_org: object, may: bool) -> None:
    one, other = Account(uuid4(), helper_org, helper), Account(uuid4(), target_org, target)  # type: ignore[arg-type]
    assert may_help(one, other, supervised=SUPERVISED) is may


@pytest.mark.parametrize("role", Role)
def test_nobody_helps_themselves(role: Role) -> None:
    me = Account(uuid4(), OWN, role)
    assert not may_help(me, me, supervised=SUPERVISED)
