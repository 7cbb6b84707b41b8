"""Before a message is sent again whose last try nobody answered: does the provider have it already?

A try is in doubt when the connection broke after the request had left, when the provider answered 5xx, or when our own
process died in between. Twilio's Messages know no idempotency key: every text holds its receiver's own link, and so the
text itself says whether it is there.
"""

from __future__ import annotations

import logging
import re

from alerts.channel import DOUBTFUL, Channel, LooksBack, Outgoing, SendError, Sent, Trouble
from alerts.outbox_store import Claimed
from alerts.sms_fate_store import not_of_others
from core.db import Pool

log = logging.getLogger(__name__)

_DOUBTFUL = re.compile(DOUBTFUL)


def in_doubt(attempts: int, last_code: str | None) -> bool:
    """Whether an earlier try may have left."""
    return attempts > 1 and last_code is not None and _DOUBTFUL.fullmatch(last_code) is not None


async def look_back(pool: Pool, channel: Channel, message: Claimed, outgoing: Outgoing) -> Sent | None:
    """The earlier try, if it has arrived; None: send. Raises SendError where it is better to wait.

    If the provider cannot say: to somebody in danger it is sent again, for a message twice is cheaper than none.
    """
    if not isinstance(channel, LooksBack) or not in_doubt(message.attempts, message.last_code):
        return None
    try:
        found = await channel.taken_before(outgoing)
    except SendError as error:
        if outgoing.severity.asks:
            log.info("whether message %d has left is not known (%s); it is sent again", message.id, error.code)
            return None
        raise SendError(Trouble.AMBIGUOUS, "unknown_fate", error.code, error.retry_after_s) from error
    mine = await not_of_others(pool, message.incident_id, message.id, found)
    if not mine:
        return None
    log.info("message %d had left before; it is not sent again", message.id)
    return Sent(mine[0])
