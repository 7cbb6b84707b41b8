"""The tend loop: whatever is due. Each task has its own period, its own lease, and its own place in the heartbeat.

A task that fails is logged and tried again at its next turn; it never stops the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from alerts.call_fate import take_back_calls
from alerts.deps import Deps
from alerts.digest import join_what_waited
from alerts.lost_link import send_lost_links
from alerts.mail_confirm import confirm_addresses
from alerts.reminder_store import remind
from alerts.rule_store import refresh
from alerts.site_calls import call_sites
from alerts.sms_budget import tend_budget
from alerts.sms_fate import ask_fates, blank_old, take_back
from alerts.staff_calls import call_staff
from alerts.stay_ask import ask_to_stay
from checkin.cases_store import expire_claims, open_due_cases
from checkin.help_alarm import tell_of_help
from checkin.reveals import MOST, WINDOW
from checkin.reveals_store import raise_reveal_alarms
from core.clock import date_in_japan
from core.db import CONNECTION_ERRORS, ScopedPool, heartbeat, transaction
from core.ids import uuid7
from core.lease import take_lease
from core.model import Severity
from core.seal_store import audit_keys, seal_batch
from core.signing import load_signer
from geo.zones_store import check_due
from ops import tend_store
from ops.purge import SCOPE, PurgeRefused, purge
from ops.purge_store import ended_since
from ops.same_person import tend_same_person
from registry.enrol_store import drop_old_drafts
from registry.import_run_store import drop_old_bodies
from registry.membership_store import end_due_memberships
from registry.presence_store import end_due
from registry.stay_store import resume_due

log = logging.getLogger(__name__)

#: Silence that opens a case where a rule does not say.
CASE_AFTER_S: Final = 6 * 3600
TICK_S: Final = 0.5


#: How long after the end of one purge the next begins, and how many batches of it are done in one turn.
PURGE_EVERY: Final = timedelta(hours=23)
PURGE_BATCHES: Final = 5


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to look after: how often, and what. `run` returns what it did, in numbers, for the heartbeat."""

    name: str
    every_s: float
    run: Callable[[Deps], Awaitable[int]]


async def _cases(deps: Deps) -> int:
    await refresh(deps.pool, deps.rules)

    def case_after(hazard: str, severity: Severity, night: bool) -> int:
        rule = deps.rules.get(hazard)
        if rule is None:
            return CASE_AFTER_S
        return rule.night.case_after_s if night else rule.case_after_s.get(severity, CASE_AFTER_S)

    return await open_due_cases(deps.pool, deps.clock.now(), case_after, deps.settings.case_after_s)


async def _claims(deps: Deps) -> int:
    return await expire_claims(deps.pool, deps.clock.now())


async def _reminders(deps: Deps) -> int:
    await refresh(deps.pool, deps.rules)
    return await remind(deps.pool, deps.rules, deps.clock.now())


async def _messages(deps: Deps) -> int:
    return await tend_store.expire_messages(deps.pool, deps.clock.now())


async def _incidents(deps: Deps) -> int:
    now = deps.clock.now()
    await tend_store.close_moot_cases(deps.pool, now)
    closed = await tend_store.close_incidents(deps.pool, now)
    for incident_id in closed:
        log.info("incident %s is closed; its links end", incident_id)
    return len(closed)


async def _registry(deps: Deps) -> int:
    """What ends today: memberships, short stays, absences, pauses; uploads and enrolments that nobody finished."""
    now = deps.clock.now()
    today = date_in_japan(now)
    async with transaction(deps.pool) as conn:
        ended = await end_due_memberships(conn, today, now)
        ended += await end_due(conn, today, now)
        await resume_due(conn, today)
        await drop_old_drafts(conn, now)
        await drop_old_bodies(conn, now)
    return ended


async def _hazards(deps: Deps) -> int:
    """Places that are new, have moved, or whose prefecture has new hazard zones: a batch a turn."""
    return await check_due(deps.pool, deps.clock.now())


async def _seal(deps: Deps) -> int:
    """Chain and sign what the audit log has gained: one block, so that the other tasks get their turn.

    The key is made only before anything was ever signed.
    """
    signer = load_signer(deps.settings, make=not await audit_keys(deps.pool))
    return await seal_batch(deps.pool, signer, deps.clock.now())


async def _reveals(deps: Deps) -> int:
    """Somebody who opens very many numbers in a short time is told of, not stopped: it may be a long night's work."""
    found = await raise_reveal_alarms(deps.pool, deps.clock.now())
    minutes = WINDOW // timedelta(minutes=1)
    for one in found:
        log.error(
            "staff %s of organisation %s opened the numbers of %d people in %d minutes (more than %d): "
            "ask them why, or end their account on /team",
            one.staff_id,
            one.org_id,
            one.number,
            minutes,
            MOST,
        )
    return len(found)


async def _purge(deps: Deps) -> int:
    """Once a day, a few batches at a time: reminders and cases never wait for it."""
    now = deps.clock.now()
    if await ended_since(deps.pool, now - PURGE_EVERY):
        return 0
    try:
        return (await purge(ScopedPool(deps.pool, SCOPE), now, most=PURGE_BATCHES)).total
    except PurgeRefused as refused:
        log.error("nothing was deleted: %s", refused)
        return 0


TASKS: Final = (
    Task("cases", 1.0, _cases),
    Task("help", 1.0, tell_of_help),
    Task("staff", 1.0, call_staff),
    Task("sites", 5.0, call_sites),
    Task("claims", 15.0, _claims),
    Task("reminders", 5.0, _reminders),
    Task("digest", 30.0, join_what_waited),
    Task("messages", 10.0, _messages),
    Task("incidents", 10.0, _incidents),
    Task("seal", 5.0, _seal),
    Task("reveals", 15.0, _reveals),
    Task("hazards", 1.0, _hazards),
    Task("registry", 900.0, _registry),
    Task("same person", 30.0, tend_same_person),
    Task("stay", 60.0, ask_to_stay),
    Task("lost links", 5.0, send_lost_links),
    Task("mail", 5.0, confirm_addresses),
    Task("sms taken back", 5.0, take_back),
    Task("calls taken back", 2.0, take_back_calls),
    Task("sms fates", 20.0, ask_fates),
    Task("sms cost", 60.0, tend_budget),
    Task("sms blanked", 60.0, blank_old),
    Task("purge", 60.0, _purge),
)


async def tend_once(deps: Deps, holder: str, tasks: tuple[Task, ...] = TASKS) -> dict[str, int]:
    """Run these tasks once, each if its lease can be had: what each did. A task that fails says -1."""
    done: dict[str, int] = {}
    for task in tasks:
        lease = timedelta(seconds=max(30.0, task.every_s * 3))
        try:
            if await take_lease(deps.pool, f"tend {task.name}", holder, lease):
                done[task.name] = await task.run(deps)
        except CONNECTION_ERRORS as error:
            log.warning("tend %s waits for the database: %s", task.name, str(error) or type(error).__name__)
            done[task.name] = -1
        except Exception:
            log.exception("tend %s failed; it is tried again", task.name)
            done[task.name] = -1
    return done


async def tend_forever(deps: Deps, stop: asyncio.Event) -> None:
    """Look after everything that is due until `stop` is set."""
    holder = f"{socket.gethostname()}:{os.getpid()}:{uuid7()}"
    loop = asyncio.get_running_loop()
    due = {task.name: 0.0 for task in TASKS}
    while not stop.is_set():
        now = loop.time()
        turn = tuple(task for task in TASKS if due[task.name] <= now)
        if turn:
            done = await tend_once(deps, holder, turn)
            for task in turn:
                due[task.name] = loop.time() + task.every_s
            with contextlib.suppress(*CONNECTION_ERRORS):
                await heartbeat(deps.pool, "tend", dict(done))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TICK_S):
                await stop.wait()
