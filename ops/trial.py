"""A test message to oneself, from the operator's set-up page: proves the provider, the sender and the link domain."""

from __future__ import annotations

from uuid import UUID

from alerts.channel import Outgoing
from alerts.deps import Deps
from alerts.sms_budget import look
from core.model import Purpose, Severity

_NOBODY = UUID(int=0)
#: A test that arrives after this long proves nothing.
VALID_S = 600


async def send_trial(deps: Deps, channel: str, address: str, lang: str) -> str:
    """Send one labelled test message. Returns one sentence: which channel took it, under which number.

    `channel`: what a ladder would ask for ("sms", "push"); the stand-in answers where it is not configured.
    Raises LookupError if no channel carries it, SendError with the provider's reason.
    """
    kind = deps.channels.resolve(channel)
    if kind is None:
        raise LookupError(f"no channel is configured for {channel}")
    say = deps.catalogs.sayer(lang).plain
    sender = deps.settings.sender_name
    words = f"{sender}: {say('tag.canary.first')} {say('tag.canary.last')}"
    message = Outgoing(
        message_id=0,
        address=address,
        title=f"{sender}: {say('tag.canary.first')}",
        body=f"{words}\n{deps.settings.site_url}/",
        language=lang,
        severity=Severity.INFO,
        purpose=Purpose.CANARY,
        incident_id=_NOBODY,
        url=f"{deps.settings.site_url}/",
        valid_s=VALID_S,
        direction=deps.catalogs.direction(lang),
    )
    await look(deps.pool, deps.channels, deps.settings, deps.clock.now())
    sent = await deps.channels.by_name[kind.name].send(message)
    return f"{kind.name}: OK {sent.provider_id}"
