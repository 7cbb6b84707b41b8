"""The loop of the webhooks: look for news, and hand what waits to its receivers.

At least once: a delivery is leased, handed over, and only then marked. Addresses come from outside, so every
connection is checked where it is made: https only, no redirect, no proxy, no address that is not on the public
internet, whatever a name resolves to at that moment.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Final
from uuid import uuid4

import aiohttp

from alerts.deps import Deps
from checkin.webhook_watch_store import watch
from core.db import CONNECTION_ERRORS, heartbeat
from core.public_net import PublicResolver
from registry import webhook_store as store
from registry.webhook_store import Due
from registry.webhooks import MAX_ANSWER, TIMEOUT_S, BadAddress, check_url, next_try, sign

log = logging.getLogger(__name__)

#: News is looked for this often. What a person answers reaches an HR system within seconds; alerts do not wait for it.
WATCH_EVERY_S: Final = 5.0
#: What waits is looked at this often even if nobody rings.
POLL_S: Final = 2.0
LEASE: Final = timedelta(seconds=TIMEOUT_S * 10)
USER_AGENT: Final = "Daijobu-Webhooks/1"


def client(*, allow_loopback: bool = False) -> aiohttp.ClientSession:
    """A client that connects to public addresses only, keeps no cookie, asks no proxy, and verifies certificates."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=PublicResolver(allow_loopback=allow_loopback), use_dns_cache=False, force_close=True, limit=32
        ),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT, "Accept": "*/*"},
        trust_env=False,
        auto_decompress=False,
    )


def body_of(due: Due) -> bytes:
    """The bytes that are sent and signed; the person's name only where the subscription may have it."""
    payload = due.payload
    if due.name is not None and "person" in payload["data"]:
        data = payload["data"] | {"person": payload["data"]["person"] | {"name": due.name}}
        payload = payload | {"data": data}
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


class Refused(Exception):
    """The receiver did not take it. `code`: its HTTP status; None if there was no answer."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code


async def hand_over(session: aiohttp.ClientSession, due: Due, deps: Deps) -> int:
    """One request; the status of the answer. Raises Refused with a reason that names no person."""
    body = body_of(due)
    headers = {
        "Content-Type": "application/json",
        "Daijobu-Event": due.event,
        "Daijobu-Event-Id": str(due.event_id),
        "Daijobu-Signature": sign(body, deps.clock.now(), due.secrets),
    }
    try:
        check_url(due.url, allow_loopback=deps.settings.webhook_allow_loopback)
        async with session.post(due.url, data=body, headers=headers, allow_redirects=False) as answer:
            await answer.content.read(MAX_ANSWER)
            if not 200 <= answer.status < 300:
                raise Refused(f"answered {answer.status}", answer.status)
            return answer.status
    except BadAddress as error:
        raise Refused(str(error)) from None
    except TimeoutError:
        raise Refused(f"no answer within {TIMEOUT_S:.0f} seconds") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise Refused(_reason(error)) from None


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "its certificate could not be verified"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name could not be resolved to an address on the public internet"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "no connection could be made"
    return f"the connection failed ({type(error).__name__})"


async def deliver_due(session: aiohttp.ClientSession, deps: Deps, chance: Callable[[], float] = random.random) -> int:
    """Hand over what is due now; how many were tried."""
    due = await store.claim(deps.pool, deps.vault, now=deps.clock.now(), lease=LEASE, token=uuid4())
    await asyncio.gather(*(_deliver_one(session, one, deps, chance) for one in due))
    return len(due)


async def _deliver_one(session: aiohttp.ClientSession, due: Due, deps: Deps, chance: Callable[[], float]) -> None:
    try:
        code = await hand_over(session, due, deps)
    except Refused as error:
        now = deps.clock.now()
        again = next_try(due.attempts, now, due.give_up_at, chance())
        if await store.failed(deps.pool, due, error.code, str(error), again, now):
            log.warning("webhook %s has failed for 24 hours and is switched off: %s", due.webhook_id, error)
        return
    await store.delivered(deps.pool, due, code, deps.clock.now())


async def deliver_webhooks_forever(deps: Deps, stop: asyncio.Event) -> None:
    """Look for news and deliver it until `stop` is set. Run it once per database (under a lease): it finds the news."""
    bell = await deps.wakeups.on(store.DELIVERIES)
    loop = asyncio.get_running_loop()
    watch_at = 0.0
    stopping = asyncio.create_task(stop.wait())
    try:
        async with client(allow_loopback=deps.settings.webhook_allow_loopback) as session:
            while not stop.is_set():
                tried = 0
                try:
                    if loop.time() >= watch_at:
                        await watch(deps.pool, deps.clock.now())
                        watch_at = loop.time() + WATCH_EVERY_S
                        await heartbeat(deps.pool, "hooks")
                    tried = await deliver_due(session, deps)
                except CONNECTION_ERRORS as error:
                    log.warning("webhooks wait for the database: %s", str(error) or type(error).__name__)
                    watch_at = loop.time() + 1.0
                except Exception:
                    log.exception("webhooks: this turn failed; the next one tries again")
                    watch_at = loop.time() + WATCH_EVERY_S
                if not tried:
                    await bell.wait_or_stop(POLL_S, stopping)
    finally:
        stopping.cancel()
        deps.wakeups.off(store.DELIVERIES, bell)
