"""A message to one person that belongs to no incident (a code, a test, a question): it goes past the outbox."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

from alerts.channel import Channel, Outgoing, SendError, Trouble
from core.i18n import Catalogs
from core.model import Purpose, Severity

_NO_INCIDENT: Final = UUID(int=0)


def single(
    catalogs: Catalogs,
    address: str,
    language: str,
    title: str,
    body: str,
    *,
    valid_s: int,
    url: str = "",
    way_out: tuple[str, str] = ("", ""),
    receipt_token: str = "",
    contact: str = "",
) -> Outgoing:
    """One such message; `language` is one of ours."""
    return Outgoing(
        message_id=0,
        address=address,
        title=title,
        body=body,
        language=language,
        severity=Severity.INFO,
        purpose=Purpose.CANARY,  # of no incident, and nothing that warns
        incident_id=_NO_INCIDENT,
        url=url,
        valid_s=valid_s,
        direction=catalogs.direction(language),
        way_out=way_out,
        receipt_token=receipt_token,
        contact=contact,
    )


async def why_not(channel: Channel, message: Outgoing, timeout_s: float) -> SendError | None:
    """Send it; why it did not leave, or may not have, None if it did. Who sends nobody waits for after `timeout_s`."""
    try:
        async with asyncio.timeout(timeout_s):
            await channel.send(message)
    except SendError as error:
        return error
    except TimeoutError:
        return SendError(Trouble.AMBIGUOUS, "timeout")
    return None
