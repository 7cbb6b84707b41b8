"""Ends the telephone calls that an answer has made needless: those that still ring, and those that somebody listens to.

The answer itself marks them (checkin/store.py). A call in which a key was pressed has arrived, and says its closing
words. Part of the tend loop; it may stop anywhere and is done again.
"""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import Final

from alerts import sms_fate_store as store
from alerts.channel import SendError
from alerts.channels.voice_twilio import TwilioVoice
from alerts.deps import Deps
from alerts.sms_fate_store import Sms

log = logging.getLogger(__name__)

#: Calls in one turn: no more ring at once (lane voice=1/1, 40 seconds each).
BATCH: Final = 50


class Act(StrEnum):
    """What follows from how a call stands after it was to be cancelled."""

    TAKEN_BACK = "taken_back"  # nobody has heard it
    HANG_UP = "hang_up"  # somebody, or a machine, has taken it
    OVER = "over"  # it had ended before
    AGAIN = "again"  # it still rings: another try at the next turn


#: Twilio's CallStatus -> what follows.
_ACTS: Final = {
    "canceled": Act.TAKEN_BACK,
    "in-progress": Act.HANG_UP,
    "queued": Act.AGAIN,
    "ringing": Act.AGAIN,
}


def act_on(status: str) -> Act:
    """What follows from Twilio's CallStatus; whatever it does not name is over.

    >>> act_on("in-progress"), act_on("busy")
    (<Act.HANG_UP: 'hang_up'>, <Act.OVER: 'over'>)
    """
    return _ACTS.get(status, Act.OVER)


async def take_back_calls(deps: Deps) -> int:
    """End the calls to people who have answered meanwhile; how many were ended."""
    channel = deps.channels.by_name.get("voice")
    if not isinstance(channel, TwilioVoice):
        return 0
    count = 0
    for call in await store.to_take_back(deps.pool, deps.clock.now(), BATCH, channel.name):
        try:
            count += await _end(deps, channel, call)
        except SendError as error:
            log.info("the call of message %d cannot be ended now: %s", call.id, error)
            break  # the provider does not answer: the rest waits for the next turn
    return count


async def _end(deps: Deps, channel: TwilioVoice, call: Sms) -> bool:
    """Whether it was we who ended it. Raises SendError where that is not known."""
    act = act_on(await _cancel(channel, call.sid))
    ended = act is Act.TAKEN_BACK
    if act is Act.HANG_UP:
        if not await store.still_wanted(deps.pool, call.id):
            return False  # a key was pressed meanwhile
        try:
            await channel.calls.hang_up(call.sid)
            ended = True
        except SendError as error:
            if error.retry:
                raise
    if act is Act.TAKEN_BACK:
        await store.taken_back(deps.pool, call.id, deps.clock.now())
    elif act is not Act.AGAIN:
        await store.carried(deps.pool, call.id, deps.clock.now())  # it counts as told: a correction goes there too
    return ended


async def _cancel(channel: TwilioVoice, sid: str) -> str:
    """How the call stands after it was cancelled; "" for one that is not there any more."""
    try:
        return await channel.calls.cancel(sid)
    except SendError as error:
        if error.retry:
            raise
    try:
        return await channel.calls.status(sid)
    except SendError as error:
        if error.retry:
            raise
    return ""
