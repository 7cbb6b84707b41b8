"""Runs the loops a process was started for, until it is told to stop, and tells the person where to look."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from aiohttp import web

from alerts.deps import Deps
from alerts.wording_follow import following
from core.db import CONNECTION_ERRORS
from core.lease import LeaseLost, hold_lease
from core.settings import Settings
from core.web import Site
from ops.doctor import STARTED_BY
from ops.pages_web import read_all
from ops.site_web import build_app, make_site
from ops.wires import Wires, open_wires
from registry.consent_store import keep_texts
from registry.signin_store import ensure_first_operator

if TYPE_CHECKING:
    from alerts.preview_web import ReadReport
    from ops.alarms_store import FeedStates

log = logging.getLogger("daijobu")

#: A loop that runs until `stop` is set.
Loop = Callable[[Deps, asyncio.Event], Awaitable[None]]

#: Seconds a loop may take to finish its work after being asked to stop.
DRAIN_S = 15.0


async def run_service(
    settings: Settings,
    roles: tuple[str, ...],
    *,
    dsn: str,
    poll: Loop,
    feed_states: FeedStates,
    read_report: ReadReport | None = None,
) -> int:
    """Run `roles` on the database at `dsn`, whose schema is prepared, until SIGTERM or SIGINT."""
    settings = with_port(settings)
    alone = len(roles) > 1
    stop = stop_on_signals()
    async with open_wires(settings, dsn=dsn) as wires:
        if alone:
            await print_first_sign_in(wires)
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(following(wires.deps))
            if "serve" in roles:
                await keep_texts(wires.deps.pool, wires.deps.catalogs, wires.deps.clock.now())
                await stack.enter_async_context(website(await site_of(wires, feed_states, read_report)))
                print(f"The website answers at\n{settings.site_url}", flush=True)
            loops = {"poll": poll, **await asyncio.to_thread(our_loops, feed_states)}
            if "serve" in roles:
                await asyncio.to_thread(read_all)
            await run_loops(
                wires, {name: loop for name, loop in loops.items() if STARTED_BY.get(name, name) in roles}, stop
            )
    return 0


def our_loops(feed_states: FeedStates) -> dict[str, Loop]:
    """Every loop but poll's, by name. Their modules are read once the website answers: people at it do not wait."""
    from alerts.fanout import decide_forever
    from alerts.outbox import send_forever
    from ops.alarm_loop import watch_forever
    from ops.tend import tend_forever
    from ops.webhooks import deliver_webhooks_forever

    return {
        "decide": decide_forever,
        "send": send_forever,
        "tend": tend_forever,
        "hooks": deliver_webhooks_forever,
        "alarms": watch_forever(feed_states),
    }


def with_port(settings: Settings) -> Settings:
    """Port 0 becomes a free port now, because links in messages name it before the website starts."""
    if settings.port != 0:
        return settings
    with socket.socket() as probe:
        probe.bind((settings.host, 0))
        return settings.model_copy(update={"port": probe.getsockname()[1]})


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, stop.set)
    return stop


async def print_first_sign_in(wires: Wires) -> None:
    """On an empty database: make the first operator and print one sign-in link, on a line of its own."""
    deps = wires.deps
    token = await ensure_first_operator(deps.pool, deps.clock.now())
    if token is not None:
        print("This database is new. Open this link once to sign in as its operator:", flush=True)
        print(f"{deps.settings.site_url}/enter/{token}", flush=True)


async def site_of(wires: Wires, feed_states: FeedStates, read_report: ReadReport | None = None) -> Site:
    """The website's wires, from the process's."""
    return await make_site(wires.deps, feed_states=feed_states, read_report=read_report)


@contextlib.asynccontextmanager
async def website(site: Site) -> Any:
    """Serve the website on the configured address for as long as the block runs."""
    runner = web.AppRunner(build_app(site), access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, site.settings.host, site.settings.port).start()
        yield
    finally:
        await runner.cleanup()


async def run_loops(wires: Wires, loops: dict[str, Loop], stop: asyncio.Event) -> None:
    """Run every loop until `stop`; poll, decide and tend only while we hold their lease."""
    tasks = [
        asyncio.create_task(
            _send(wires, loop, stop) if name == "send" else _leased(wires, name, loop, stop), name=f"loop {name}"
        )
        for name, loop in loops.items()
    ]
    waiting = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=DRAIN_S)
        for task in late:
            log.warning("%s did not finish within %.0f s", task.get_name(), DRAIN_S)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    waiting.cancel()
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def _send(wires: Wires, loop: Loop, stop: asyncio.Event) -> None:
    """Any number of senders may run: rows are leased one by one."""
    await loop(wires.deps, stop)


async def _leased(wires: Wires, name: str, loop: Loop, stop: asyncio.Event) -> None:
    """Run a loop of which only one may work at a time; a second process stands by, and takes over."""
    while not stop.is_set():
        try:
            await _until_stopped(_hold_and_run(wires, name, loop, stop), stop)
        except LeaseLost as error:
            log.warning("%s; standing by", error)
        except CONNECTION_ERRORS as error:
            log.warning("%s: the database is away, trying again: %s", name, error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1.0)


async def _hold_and_run(wires: Wires, name: str, loop: Loop, stop: asyncio.Event) -> None:
    async with hold_lease(wires.deps.pool, name, wires.holder):
        log.info("%s is at work", name)
        await loop(wires.deps, stop)


async def _until_stopped(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Run `work`; once `stop` is set it has DRAIN_S seconds to end by itself (standing by for a lease ends at once)."""
    task = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.wait([task], timeout=DRAIN_S / 3)
        if not task.done():
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    finally:
        stopping.cancel()
        if not task.done():
            task.cancel()
