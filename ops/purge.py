"""The purge: follows the rules of ops/retention.py, batch by batch, once a day and by `main.py purge`.

Idempotent and resumable: each batch is one transaction that also writes down what it did, so that a run that was killed
leaves nothing half done, and the next one goes on. It does not run by a clock that cannot be right.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from core.db import Connection, Pool, Scope, transaction
from core.ids import uuid7
from ops.purge_store import END, START, note_run, take_turn, unfinished_run, witnesses
from ops.retention import RULES, Rule, clock_problem
from ops.retention_store import STEPS
from registry.reach_store import note_signs

log = logging.getLogger(__name__)

#: What may delete, and nothing else (migrations/0005): `purge` is to be given a pool of this scope.
SCOPE: Final = Scope("daijobu_purge")
#: Rows touched in one transaction: short enough that nobody waits for it.
BATCH: Final = 2_000
#: A run that did not come to its end is gone on with for so long; after that a new one begins.
GO_ON_WITHIN: Final = timedelta(days=1)


class PurgeRefused(RuntimeError):
    """The purge must not run now. The message says why and what the person can do."""


@dataclass(slots=True)
class PurgeReport:
    """What a run touched (or, dry, would touch): rows by rule, in the order of the rules."""

    run_id: UUID
    dry_run: bool
    rows: dict[str, int] = field(default_factory=dict)
    batches: int = 0
    ended: bool = False

    @property
    def total(self) -> int:
        return sum(self.rows.values())


class _TakeBack(Exception):
    """Rolls a dry run back."""


async def purge(
    pool: Pool, now: datetime, *, dry_run: bool = False, why: str = "", batch: int = BATCH, most: int | None = None
) -> PurgeReport:
    """Follow every rule until nothing is left to do. Raises PurgeRefused if the clock is wrong or another run is at it.

    `dry_run`: do it all in one transaction and take it back. `why`: the operator's sentence that the clock is right;
    it is written down. `most`: stop after so many batches; the next call goes on with the same run.
    """
    seen = await witnesses(pool)
    problem = clock_problem(now, seen.newest_report, seen.last_run)
    if problem and not why.strip():
        raise PurgeRefused(problem)
    if dry_run:
        return await _dry_run(pool, now, batch)
    begun = await unfinished_run(pool, now - GO_ON_WITHIN)
    report = PurgeReport(begun or uuid7(), dry_run)
    if begun is None:
        async with transaction(pool) as conn:
            await _turn(conn)
            await note_run(conn, report.run_id, now, START, await note_signs(conn, now), why)
    for rule in RULES:
        touched = 1 if rule.name in STEPS else 0
        while touched:
            if most is not None and report.batches >= most:
                return report
            async with transaction(pool) as conn:
                await _turn(conn)
                touched = await _batch(conn, report, rule, now, batch, why)
    async with transaction(pool) as conn:
        await note_run(conn, report.run_id, now, END, report.total, why)
    log.info("purge: %d rows", report.total)
    report.ended = True
    return report


async def _dry_run(pool: Pool, now: datetime, batch: int) -> PurgeReport:
    report = PurgeReport(uuid7(), True)
    with contextlib.suppress(_TakeBack):
        async with transaction(pool) as conn:
            await _turn(conn)
            await note_signs(conn, now)
            for rule in RULES:
                if rule.name in STEPS:
                    while await _batch(conn, report, rule, now, batch, ""):
                        pass
            report.ended = True
            raise _TakeBack
    return report


async def _turn(conn: Connection) -> None:
    if not await take_turn(conn):
        raise PurgeRefused("another purge is running: wait until it has ended; what it does need not be done twice")


async def _batch(conn: Connection, report: PurgeReport, rule: Rule, now: datetime, limit: int, why: str) -> int:
    """One batch of a rule; how many rows it touched."""
    touched = await STEPS[rule.name](conn, rule.before(now), limit, now)
    report.rows[rule.name] = report.rows.get(rule.name, 0) + touched
    if touched:
        report.batches += 1
        await note_run(conn, report.run_id, now, rule.name, touched, why)
    return touched
