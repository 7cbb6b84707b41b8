"""What the tend loop does about the audit log: sealing under a lease, and alarms about too many opened numbers."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from alerts.deps import Deps
from core.audit import Actor, audit
from core.clock import FixedClock
from core.db import Pool
from core.model import OrgKind, Role
from core.seal_store import audit_keys, extent
from core.signing import SigningError, load_signer
from core.verify_store import verify
from ops.tend import TASKS, tend_once
from tests.alerts_kit import wires
from tests.board_site import board_site
from tests.people import NOW, Org, make_org, make_staff


@pytest.fixture
async def deps(db: Pool, db_dsn: str, data_dir: Path) -> AsyncIterator[Deps]:
    async with wires(db, db_dsn, clock=FixedClock(NOW)) as made:
        yield replace(made, settings=made.settings.model_copy(update={"data_dir": data_dir}))


async def run(deps: Deps, name: str, holder: str = "test") -> dict[str, int]:
    return await tend_once(deps, holder, tuple(task for task in TASKS if task.name == name))


async def reveal(db: Pool, staff_id: UUID, org_id: UUID, times: int, ago: timedelta = timedelta(minutes=1)) -> None:
    for _ in range(times):
        actor = Actor("Volunteer", staff_id, org_id)
        await audit(db, actor, "board.reveal", at=NOW - ago, subjects=[uuid4()], fields=["phone"])


async def test_sealing_makes_its_key_once_and_goes_on_with_it(db: Pool, deps: Deps) -> None:
    key = deps.settings.keys_dir / "audit.key"
    await audit(db, Actor("test"), "one", at=NOW)
    assert await run(deps, "seal") == {"seal": 1}
    made = key.read_text()
    assert key.stat().st_mode & 0o777 == 0o600 and list(await audit_keys(db)) == [load_signer(deps.settings).key_id]
    await audit(db, Actor("test"), "two", at=NOW)
    assert await run(deps, "seal") == {"seal": 1} and key.read_text() == made
    assert await run(deps, "seal") == {"seal": 0}
    assert (await verify(db, NOW)).found is None


async def test_the_lease_of_another_is_respected(db: Pool, deps: Deps) -> None:
    await audit(db, Actor("test"), "one", at=NOW)
    assert await run(deps, "seal", "one") == {"seal": 1}
    await audit(db, Actor("test"), "two", at=NOW)
    assert await run(deps, "seal", "two") == {}
    assert (await extent(db)).waiting == 1


async def test_a_lost_key_is_not_replaced_in_silence(db: Pool, deps: Deps, caplog: pytest.LogCaptureFixture) -> None:
    await audit(db, Actor("test"), "one", at=NOW)
    await run(deps, "seal")
    (deps.settings.keys_dir / "audit.key").unlink()
    await audit(db, Actor("test"), "two", at=NOW)
    assert await run(deps, "seal") == {"seal": -1}
    assert (await extent(db)).waiting == 1, "the row waits until the key is back"
    assert "audit.key is missing: put the key" in caplog.text
    with pytest.raises(SigningError, match="audit new-key"):
        load_signer(deps.settings)


def test_a_key_that_is_none_is_named(data_dir: Path, deps: Deps) -> None:
    (data_dir / "keys").mkdir()
    (data_dir / "keys" / "audit.key").write_text("abc")
    with pytest.raises(SigningError, match=r"audit\.key: .* 64 hexadecimal"):
        load_signer(deps.settings)


async def test_more_than_thirty_reveals_are_told_to_operator_and_coordinator(
    db: Pool, deps: Deps, caplog: pytest.LogCaptureFixture
) -> None:
    network, other = await make_org(db, OrgKind.VOLUNTEER_NETWORK), await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    operator, employer = await make_org(db, OrgKind.OPERATOR), await make_org(db)
    volunteer = await make_staff(db, network.id, Role.VOLUNTEER, name="Curious Volunteer")
    await reveal(db, volunteer, network.id, 30)
    await reveal(db, volunteer, network.id, 5, timedelta(minutes=11))
    with caplog.at_level(logging.ERROR):
        assert await run(deps, "reveals") == {"reveals": 0}
        assert not caplog.records
        await reveal(db, volunteer, network.id, 1)
        assert await run(deps, "reveals") == {"reveals": 1}
        assert await run(deps, "reveals") == {"reveals": 0}, "once, not every quarter of a minute"
    (record,) = caplog.records
    assert record.levelname == "ERROR" and str(volunteer) in record.getMessage() and "31 people" in record.getMessage()
    assert "Curious" not in caplog.text, "logs carry no names"

    async with board_site(db, simulated=True) as site:

        async def sees(org: Org | UUID) -> bool:
            visitor = await site.visitor(org if isinstance(org, UUID) else org.staff_id)
            return "Curious Volunteer: numbers of 31 people" in await visitor.html("/status")

        assert await sees(operator) and await sees(network)
        member = await make_org(db, OrgKind.VOLUNTEER_NETWORK, name="Member Group")
        await db.execute(
            "INSERT INTO org_relation (org_id, other_id, kind) VALUES ($1, $2, 'member')", network.id, member.id
        )
        await reveal(db, member.staff_id, member.id, 40)
        assert await run(deps, "reveals") == {"reveals": 1}
        status_page = await (await site.visitor(network.staff_id)).html("/status")
        clerk = await db.fetchval("SELECT name FROM staff WHERE id = $1", member.staff_id)
        assert f"{clerk}: numbers of 40 people" in status_page
        assert not await sees(volunteer) and not await sees(other) and not await sees(employer)
