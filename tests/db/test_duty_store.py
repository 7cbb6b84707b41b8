"""The duty list and deputies against a real database, under the roles of the pages."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from core.clock import JST
from core.db import Connection, Pool, ScopedPool, transaction
from core.model import OrgKind, Role
from registry.access import scope_of
from registry.duty_store import (
    add_duty,
    deputies_of,
    duties_of,
    name_deputy,
    on_duty,
    remove_duty,
    revoke_deputy,
)
from tests.people import NOW, make_org, make_staff

HOUR = timedelta(hours=1)
TODAY = NOW.astimezone(JST).date()


async def _listed(conn: Connection, org: UUID, person: UUID, by: UUID) -> bool:
    return await add_duty(conn, org_id=org, staff_id=person, starts_at=NOW - HOUR, ends_at=NOW + HOUR, by=by, now=NOW)


async def test_the_list_decides_and_without_one_nobody_is_forgotten(db: Pool) -> None:
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    second = await make_staff(db, network.id, Role.COORDINATOR)
    volunteer = await make_staff(db, network.id, Role.VOLUNTEER)
    pool = ScopedPool(db, scope_of(Role.COORDINATOR, network.id))
    async with transaction(pool) as conn:
        assert set(await on_duty(conn, network.id, NOW)) == {network.staff_id, second}
        assert await _listed(conn, network.id, volunteer, network.staff_id)
        assert await on_duty(conn, network.id, NOW) == [volunteer]
        assert set(await on_duty(conn, network.id, NOW + HOUR)) == {network.staff_id, second}, "ended"
        entry = (await duties_of(conn, [network.id], NOW))[0]
        assert await remove_duty(conn, entry.id, network.id, NOW)
        assert set(await on_duty(conn, network.id, NOW)) == {network.staff_id, second}


async def test_a_deputy_is_told_on_those_days_and_not_after_the_end(db: Pool) -> None:
    org = await make_org(db)
    colleague = await make_staff(db, org.id, Role.EMPLOYER)
    third = await make_staff(db, org.id, Role.EMPLOYER)
    pool = ScopedPool(db, scope_of(Role.EMPLOYER, org.id))
    async with transaction(pool) as conn:
        assert await _listed(conn, org.id, org.staff_id, org.staff_id)
        days = (TODAY, TODAY + timedelta(days=2))
        assert await name_deputy(
            conn, org_id=org.id, staff_id=org.staff_id, deputy_id=colleague, days=days, by=third, now=NOW
        )
        assert await on_duty(conn, org.id, NOW) == [org.staff_id, colleague]
        entry = (await deputies_of(conn, org.id, TODAY))[0]
        assert (entry.staff_id, entry.deputy_id, entry.until_day) == (org.staff_id, colleague, days[1])
        assert await revoke_deputy(conn, entry.id, org.id, NOW)
        assert await on_duty(conn, org.id, NOW) == [org.staff_id]


async def test_nobody_of_another_organisation_is_on_duty_or_a_deputy(db: Pool) -> None:
    ours, theirs = await make_org(db), await make_org(db)
    async with transaction(db) as conn:
        assert not await _listed(conn, ours.id, theirs.staff_id, ours.staff_id)
        days = (TODAY, TODAY)
        for pair in ((ours.staff_id, theirs.staff_id), (ours.staff_id, ours.staff_id)):
            assert not await name_deputy(
                conn, org_id=ours.id, staff_id=pair[0], deputy_id=pair[1], days=days, by=ours.staff_id, now=NOW
            )
        assert await _listed(conn, theirs.id, theirs.staff_id, theirs.staff_id)
    async with transaction(ScopedPool(db, scope_of(Role.EMPLOYER, ours.id))) as conn:
        assert not await duties_of(conn, [ours.id, theirs.id], NOW), "the second wall"
