"""What tend does about SMS that have left: ask for those whose call-back was lost, take back what an answer made
needless, blank old texts at the provider. All of it may stop anywhere and is done again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

from alerts import sms_fate_store as store
from alerts.channel import SendError, Trouble
from alerts.channels.sms_twilio import TwilioSms
from alerts.deps import Deps
from alerts.outbox_store import take_receipt
from alerts.sms_fate_store import Sms
from alerts.trouble_store import Fault, note_faults
from core.db import transaction

log = logging.getLogger(__name__)

#: Messages in one turn, and how many questions at once: sending has the greater part of what Twilio allows.
BATCH: Final = 50
AT_ONCE: Final = 4
#: So many ends that no call-back had told, in one turn, are no accident.
LOST_CALL_BACKS: Final = 5


async def ask_fates(deps: Deps) -> int:
    """Ask about messages without an end ten minutes after they left, and a few times more. How many ends were found."""
    channel = _channel(deps)
    if channel is None:
        return 0

    async def ask(sms: Sms) -> bool:
        held = await channel.messages.fetch(sms.sid)
        fields = {"MessageStatus": held.status, "MessageSid": held.sid, "ErrorCode": held.error}
        receipt = channel.read_receipt(sms.id, fields)
        if receipt is None:
            return False
        async with transaction(deps.pool) as conn:
            await take_receipt(conn, receipt, deps.clock.now())
        return held.status != "sent"

    ended = await _each(await store.to_ask(deps.pool, deps.clock.now(), BATCH), ask)
    if ended >= LOST_CALL_BACKS:
        what = "call-backs do not arrive. See that Twilio can reach DAIJOBU_PUBLIC_URL from outside"
        await note_faults(deps.pool, [Fault("sms", "callbacks", "warning", what, ended)], deps.clock.now())
    return ended


async def take_back(deps: Deps) -> int:
    """Take back the questions that Twilio still holds for people who have answered. How many it had."""
    channel = _channel(deps)
    if channel is None:
        return 0

    async def one(sms: Sms) -> bool:
        try:
            await channel.messages.take_back(sms.sid)
        except SendError as error:
            if error.kind not in (Trouble.REFUSED, Trouble.DEAD_ADDRESS):
                raise
            await store.carried(deps.pool, sms.id, deps.clock.now())  # it has left
            return False
        await store.taken_back(deps.pool, sms.id, deps.clock.now())
        return True

    return await _each(await store.to_take_back(deps.pool, deps.clock.now(), BATCH), one)


async def blank_old(deps: Deps) -> int:
    """Blank at Twilio the texts that are old enough, while nothing waits to be sent. How many."""
    channel = _channel(deps)
    if channel is None:
        return 0
    after = timedelta(days=deps.settings.twilio_blank_after_days)

    async def one(sms: Sms) -> bool:
        gone = False
        try:
            await channel.messages.blank(sms.sid)
        except SendError as error:
            if error.kind is Trouble.THROTTLED:
                raise
            gone = error.code == "20404"
            if not gone:
                await store.blanked(deps.pool, sms.id, deps.clock.now(), done=False)
                return False
        await store.blanked(deps.pool, sms.id, deps.clock.now(), done=True)
        return not gone

    return await _each(await store.to_blank(deps.pool, deps.clock.now(), after, BATCH), one)


def _channel(deps: Deps) -> TwilioSms | None:
    channel = deps.channels.by_name.get("sms")
    return channel if isinstance(channel, TwilioSms) else None


async def _each(found: Sequence[Sms], work: Callable[[Sms], Awaitable[bool]]) -> int:
    """A few at a time; for how many it was done. Where the provider does not answer, the rest waits for next time."""
    waiting = iter(found)
    stopped, count = False, 0

    async def worker() -> None:
        nonlocal stopped, count
        for sms in waiting:
            if stopped:
                return
            try:
                done = await work(sms)
                count += done  # not `count += await`: that would read `count` before the wait
            except SendError as error:
                stopped = error.retry
                log.info("the SMS provider could not be asked about message %d: %s", sms.id, error)

    await asyncio.gather(*(worker() for _ in range(min(AT_ONCE, len(found)))))
    return count
