"""The steps of an upload that take longer than a page may: reading, checking, writing, taking back.

Each runs beside the website in a task of its own, says how far it is, and ends in a state of its run. If the process
dies in the middle nothing is half done: the run is still in the state before, and its page offers the step again.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.audit import Actor, audit
from core.clock import Clock
from core.crypto import Vault
from core.db import CONNECTION_ERRORS, Connection, Pool
from core.i18n import Catalogs
from registry.import_choices import decode_choices
from registry.import_plan import Choices, Plan
from registry.import_process import ReadFile, Wanted, read_again, read_file
from registry.import_read_store import Owner, find_owner, lock_owner
from registry.import_run import Prepared, apply_prepared, may_create, prepare
from registry.import_run_store import (
    Run,
    as_worker,
    begin_work,
    end_work,
    get_run,
    move_work,
    read_body,
    seal_result,
    set_applied,
    set_columns,
    set_failed,
    set_problem,
    set_ready,
    set_undone,
)
from registry.import_shelf import Shelf
from registry.import_undo_store import Undone, undo_run
from registry.import_view import guess_view, plan_view, subjects_of
from registry.sheet import UnreadableTable

log = logging.getLogger(__name__)

#: How often a step says how far it is.
TELL_EVERY_S = 1.0


class Job(NamedTuple):
    """What every step needs: the wires (a pool of the clerk's own scope), whose upload, who acts."""

    pool: Pool
    vault: Vault
    catalogs: Catalogs
    clock: Clock
    org_id: UUID
    run_id: UUID
    actor: Actor


class Teller:
    """How far a step is: set from anywhere, written to the database once a second."""

    def __init__(self, job: Job, stage: str) -> None:
        self.job, self.stage, self.done, self.total = job, stage, 0, 0

    def tell(self, done: int, total: int) -> None:
        """So many of so many."""
        self.done, self.total = done, total

    async def forever(self) -> None:
        """Write it down, again and again."""
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            now = self.job.clock.now()
            await move_work(self.job.pool, self.job.run_id, self.stage, self.done, self.total, now)


Step = Callable[[Job, Teller], Awaitable[None]]


async def start(job: Job, stage: str, step: Step, tasks: set[asyncio.Task[None]], *, wait_s: float) -> bool:
    """Begin a step; False if one is running. Waits a little: a short list is done before the page is drawn."""
    if not await begin_work(job.pool, job.run_id, job.org_id, stage, job.clock.now()):
        return False
    task = asyncio.create_task(_run(job, stage, step))
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    await asyncio.wait({task}, timeout=wait_s)
    return True


async def _run(job: Job, stage: str, step: Step) -> None:
    teller = Teller(job, stage)
    telling = asyncio.create_task(teller.forever())
    try:
        with without_pauses():
            await step(job, teller)
    except UnreadableTable as error:
        async with as_worker(job.pool) as conn:
            await set_failed(conn, job.run_id, {"key": error.key, "values": error.values})
    except Exception:
        log.exception("upload %s: %s failed; nothing was changed", job.run_id, stage)
        with suppress(*CONNECTION_ERRORS):
            async with as_worker(job.pool) as conn:
                await set_problem(conn, job.run_id, {"key": "staff.import.went_wrong", "values": {}})
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        # Where the database is gone too, the step counts as dead after a minute.
        with suppress(*CONNECTION_ERRORS):
            await end_work(job.pool, job.run_id)


_held = 0


@contextmanager
def without_pauses() -> Iterator[None]:
    """No cycle collection meanwhile: looking through fifty thousand people for cycles (there are none) stops every page
    for a sixth of a second (measured)."""
    global _held
    _held += 1
    gc.disable()
    try:
        yield
    finally:
        _held -= 1
        if not _held:
            gc.enable()


@asynccontextmanager
async def _owned(job: Job, *, lock: bool = False) -> AsyncIterator[tuple[Connection, Run, Owner]]:
    """A transaction of the loops' role with the run and its organisation, both locked before a write."""
    async with as_worker(job.pool) as conn:
        owner = await find_owner(conn, org_id=job.org_id)
        assert owner is not None  # a session of a closed organisation does not live
        if lock:
            await lock_owner(conn, owner)
        run = await get_run(conn, job.run_id, job.org_id, lock=lock)
        assert run is not None  # the page found it before the step began
        yield conn, run, owner


async def _read(job: Job, teller: Teller, *, people: bool, sheet: int | None = None) -> ReadFile:
    async with _owned(job) as (conn, run, _):
        body = await read_body(conn, job.vault, job.run_id, job.org_id)
    if body is None:
        raise UnreadableTable("forgotten")
    mapping = run.mapping or {}
    wanted = Wanted(
        tuple(job.catalogs.languages),
        mapping.get("sheet") if sheet is None else sheet,
        mapping.get("index") if people else None,
        people=people,
    )
    lines = _shelf.get(job.run_id, wanted) if people else None
    if lines is not None:
        return await read_again(lines, progress=teller.tell)
    lines = []
    read = await read_file(body, run.file_name, wanted, progress=teller.tell, keep=lines)
    _shelf.put(job.run_id, wanted, read.guess, lines)
    return read


_shelf = Shelf()


def read_columns(sheet: int | None = None, kept: dict[str, object] | None = None) -> Step:
    """The step that finds the columns; of the sheet that the clerk chose. `kept`: the clerk's columns of before."""

    async def step(job: Job, teller: Teller) -> None:
        read = await _read(job, teller, people=False, sheet=sheet)
        shown = seal_result(job.vault, job.run_id, guess_view(read.guess))
        async with _owned(job) as (conn, _, _):
            await set_columns(conn, job.run_id, shown, kept or ({"sheet": sheet} if sheet is not None else None))

    return step


def check(choices: Choices, stored: dict[str, object]) -> Step:
    """The step that makes the dry run. `stored`: the choices as the run keeps them."""

    async def step(job: Job, teller: Teller) -> None:
        read = await _read(job, teller, people=True)
        async with _owned(job) as (conn, _, owner):
            prepared = await _prepare(conn, job, owner, read, choices)
            await _show(conn, job, prepared, stored, None)

    return step


async def apply(job: Job, teller: Teller) -> None:
    """The step that writes exactly what was shown; if the list has changed since, it shows the new plan instead."""
    read = await _read(job, teller, people=True)
    teller.tell(0, len(read.people))
    async with _owned(job, lock=True) as (conn, run, owner):
        if run.state != "ready":
            return
        prepared = await _prepare(conn, job, owner, read, decode_choices(run.choices))
        if await asyncio.to_thread(prepared.plan.digest) != run.digest:
            await _show(conn, job, prepared, run.choices, {"key": "staff.import.changed_meanwhile", "values": {}})
            return
        now = job.clock.now()
        await apply_prepared(
            conn, job.vault, owner, prepared, job.run_id, now=now, actor=job.actor, progress=teller.tell
        )
        shown = await asyncio.to_thread(_sealed, job, prepared)
        await set_applied(conn, job.run_id, shown, prepared.plan.counts, now)
        _shelf.drop(job.run_id)


async def take_back(job: Job, teller: Teller) -> None:
    """The step that undoes an applied import."""
    async with _owned(job, lock=True) as (conn, run, _):
        now = job.clock.now()
        if not run.can_undo(now):
            return
        done = await undo_run(conn, job.vault, run, now=now, actor=job.actor)
        await set_undone(conn, job.run_id, _undone(job, done), job.actor.staff_id, now)


def _undone(job: Job, done: Undone) -> bytes:
    shown = {"kind": "undone", "removed": done.removed, "restored": done.restored, "kept": [list(k) for k in done.kept]}
    return seal_result(job.vault, job.run_id, shown)


async def _prepare(conn: Connection, job: Job, owner: Owner, read: ReadFile, choices: Choices) -> Prepared:
    return await prepare(
        conn,
        job.vault,
        owner,
        read.people,
        now=job.clock.now(),
        extra=read.extra,
        proposes=may_create(owner),
        unknown="employer_unknown" if may_create(owner) else "foreign_employer",
        choices=choices,
    )


def _sealed(job: Job, prepared: Prepared) -> bytes:
    return seal_result(job.vault, job.run_id, plan_view(prepared.plan, prepared.scope.names))


async def _show(
    conn: Connection, job: Job, prepared: Prepared, stored: dict[str, object], problem: dict[str, object] | None
) -> None:
    plan: Plan = prepared.plan
    shown = await asyncio.to_thread(_sealed, job, prepared)
    subjects = await asyncio.to_thread(subjects_of, plan)
    digest = await asyncio.to_thread(plan.digest)
    await set_ready(conn, job.run_id, shown, plan.counts, digest, subjects, stored, problem)
    await audit_preview(conn, job.actor, subjects, job.clock.now())


async def audit_preview(conn: Connection, actor: Actor, subjects: list[UUID], now: datetime) -> None:
    """A plan shows what the list says about these people: who looked, and at whom."""
    await audit(conn, actor, "import.preview", at=now, subjects=subjects, fields=["registration"])
