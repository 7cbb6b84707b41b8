"""Who may touch the audit log and its chain: the database's own answer, whatever the program forgets to ask."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from core.audit import Actor, audit
from core.db import Pool, Scope, ScopedPool, transaction
from core.seal_store import drop_sealed_before, seal_batch
from core.verify_store import verify
from tests.db.test_audit_chain import SIGNER, SQL_MANY
from tests.people import NOW, make_org, make_resident

ROLES = ("web", "follow", "operator", "person", "door", "worker", "purge", "auditor")
SEALING = ("audit_unsealed", "audit_seal", "audit_key", "audit_head", "audit_dropped")


def as_(db: Pool, role: str) -> ScopedPool:
    return ScopedPool(db, Scope(f"daijobu_{role}", orgs=(uuid4(),)))


@pytest.mark.parametrize("role", ROLES)
async def test_everybody_writes_rows_and_nobody_changes_them(db: Pool, role: str) -> None:
    pool = as_(db, role)
    async with transaction(pool) as conn:
        await audit(conn, Actor("test"), "test", at=NOW)
    assert await db.fetchval("SELECT count(*) FROM audit_unsealed") == 1
    for statement in ("UPDATE audit SET actor = ''", "TRUNCATE audit"):
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.RaiseError)):
            await pool.execute(statement)
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.RaiseError)):
        await pool.execute("DELETE FROM audit")
    assert await db.fetchval("SELECT count(*) FROM audit") == 1


@pytest.mark.parametrize("role", ("web", "follow", "operator", "person", "door"))
async def test_pages_have_no_business_with_the_chain(db: Pool, role: str) -> None:
    for table in (*SEALING, "audit_report"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await as_(db, role).fetch(f"SELECT * FROM {table}")  # noqa: S608


async def test_the_worker_seals_and_cannot_unseal(db: Pool) -> None:
    await db.execute(SQL_MANY, NOW, 5)
    worker = as_(db, "worker")
    assert await seal_batch(worker, SIGNER, NOW) == 5
    assert (await verify(worker, NOW)).rows == 5
    for statement in (
        "UPDATE audit_seal SET hash = hash",
        "DELETE FROM audit_seal",
        "UPDATE audit_head SET seq = 1",
        "INSERT INTO audit_dropped VALUES (5, now(), 5)",
        "UPDATE audit_report SET document = ''",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await worker.execute(statement)


async def test_only_the_purge_drops_and_the_auditor_only_reads(db: Pool) -> None:
    long_ago = NOW - timedelta(days=4 * 366)
    await db.execute(SQL_MANY, long_ago, 5)
    await seal_batch(db, SIGNER, long_ago)
    for role in ("worker", "auditor"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with transaction(as_(db, role)) as conn:
                await drop_sealed_before(conn, NOW)
    async with transaction(as_(db, "purge")) as conn:
        assert await drop_sealed_before(conn, NOW) == 5
    verdict = await verify(as_(db, "auditor"), NOW)
    assert verdict.found is None and verdict.dropped == 5


async def test_the_auditor_sees_every_row_and_nobody(db: Pool) -> None:
    org = await make_org(db)
    person = await make_resident(db, org.id)
    await audit(db, Actor("Clerk", org.staff_id, org.id), "people.read", at=NOW, subjects=[person.id])
    auditor = as_(db, "auditor")
    assert await auditor.fetchval("SELECT count(*) FROM audit") == 1
    assert await auditor.fetchval("SELECT role FROM staff WHERE id = $1", org.staff_id) == "employer"
    for statement in (
        "SELECT name FROM staff",
        "SELECT * FROM resident",
        "SELECT * FROM contact",
        "SELECT * FROM place",
        "SELECT * FROM membership",
        "SELECT * FROM message",
        "SELECT * FROM check_in",
        "SELECT * FROM case_file",
        "SELECT * FROM incident_resident",
        "SELECT * FROM session",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await auditor.fetch(statement)
