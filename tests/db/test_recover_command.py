"""`main.py operator-link`: back in after losing everything, once, and with a trace."""

from __future__ import annotations

import pytest

from core.db import Pool, Scope, ScopedPool, transaction
from core.model import OrgKind, Role
from ops.recover_command import RecoverError, make_operator_link
from registry.factors_store import Factors, factors_of
from registry.recovery_store import recoveries_of
from registry.signin_store import find_session
from tests.people import NOW, make_org, make_staff, whole_session


async def test_everything_ends_and_one_link_opens(db: Pool) -> None:
    org = await make_org(db, OrgKind.OPERATOR)
    async with transaction(db) as conn:
        session = await whole_session(conn, org.staff_id, NOW)
    token = await make_operator_link(ScopedPool(db, Scope("daijobu_worker")), None, NOW)
    assert len(token) > 20
    assert await find_session(db, session, NOW) is None
    async with transaction(db) as conn:
        assert await factors_of(conn, org.staff_id) == Factors(None, 0, ())
        assert await recoveries_of(conn, org.staff_id, NOW) == [(NOW, "command line")]
    row = await db.fetchrow("SELECT actor, subjects FROM audit WHERE action = 'recover_staff'")
    assert (row["actor"], row["subjects"]) == ("command line", [org.staff_id])
    assert await db.fetchval("SELECT password_hash IS NULL FROM staff WHERE id = $1", org.staff_id)


async def test_who_is_meant_must_be_clear(db: Pool) -> None:
    with pytest.raises(RecoverError, match="no operator yet"):
        await make_operator_link(db, None, NOW)
    org = await make_org(db, OrgKind.OPERATOR)
    second = await make_staff(db, org.id, Role.OPERATOR, name="Second")
    with pytest.raises(RecoverError, match="name one operator with --email; there are: .*@"):
        await make_operator_link(db, None, NOW)
    email = await db.fetchval("SELECT email FROM staff WHERE id = $1", second)
    assert await make_operator_link(db, email.upper(), NOW)
    with pytest.raises(RecoverError, match="name one operator"):
        await make_operator_link(db, "nobody@example.org", NOW)
