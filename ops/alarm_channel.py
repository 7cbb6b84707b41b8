"""The ways to operators: a web address, their own telephones and browsers, and the call that all is well.

None of them goes through the outbox of the residents' messages: an alarm must get out while that one is full, broken
or held. A failure is raised with a reason that names neither an address nor a number: these are secrets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import aiohttp

from alerts.channel import Outgoing, SendError
from alerts.deps import Deps
from core.model import Purpose, Severity
from ops.alarm_texts import PAGE, Told, short_text, staff_sayer
from ops.alarms_store import OperatorContact

#: An alarm that arrives after this long proves nothing.
VALID_S: Final = 3600
#: Seconds before each try of one telling; what failed then is tried again at the next turn.
TRIES: Final = (0.0, 1.0, 3.0)
TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_NO_INCIDENT: Final = UUID(int=0)
#: The channel of the ladders that carries a contact.
_CARRIES: Final = {"phone": "sms", "push": "push"}


class NotTold(Exception):
    """Operators could not be told over one way. The message says why, without its address."""


async def post_alarm(
    session: aiohttp.ClientSession, url: str, payload: dict[str, Any], tries: Sequence[float] = TRIES
) -> None:
    """POST the JSON to the operators' address. Raises NotTold after the last try."""
    await _ask(session, "POST", url, tries, payload)


async def call_deadman(session: aiohttp.ClientSession, url: str, tries: Sequence[float] = TRIES) -> None:
    """Call the address that raises the alarm when it is not called. Raises NotTold after the last try."""
    await _ask(session, "GET", url, tries, None)


async def _ask(
    session: aiohttp.ClientSession, method: str, url: str, tries: Sequence[float], payload: dict[str, Any] | None
) -> None:
    reason = ""
    for pause in tries:
        await asyncio.sleep(pause)
        try:
            async with session.request(method, url, json=payload, timeout=TIMEOUT, allow_redirects=False) as answer:
                if 200 <= answer.status < 300:
                    return
                reason = f"HTTP {answer.status}"
                if 400 <= answer.status < 500 and answer.status not in (408, 425, 429):
                    break  # the same question gets the same answer
        except TimeoutError:
            reason = f"no answer within {TIMEOUT.total:.0f} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = f"no connection ({type(error).__name__})"
    raise NotTold(reason)


async def message_operators(deps: Deps, contacts: Sequence[OperatorContact], told: Told) -> dict[str, str | None]:
    """Send the short text to each contact, past the outbox: by kind of contact, why it failed (None: it worked).

    A kind worked if one message of it left: another operator's dead telephone is not a failure of ours.
    """
    results = await asyncio.gather(*(_send(deps, contact, told) for contact in contacts))
    found: dict[str, str | None] = {}
    for contact, error in zip(contacts, results, strict=True):
        if error is None or contact.channel not in found:
            found[contact.channel] = error
    return found


async def _send(deps: Deps, contact: OperatorContact, told: Told) -> str | None:
    """Why one message did not leave; None if it did."""
    kind = deps.channels.resolve(_CARRIES[contact.channel])
    if kind is None:
        return "no provider is configured"
    say = staff_sayer(deps.catalogs, contact.language)
    sender = deps.settings.sender_name
    text = short_text(say, told, sender)
    url = f"{deps.settings.site_url}{PAGE}"
    message = Outgoing(
        message_id=0,
        address=contact.address,
        title=f"{sender}: {say.plain('staff.alarm.title')}",
        body=text if contact.channel == "push" else f"{text}\n{url}",
        language=say.lang,
        severity=Severity.SEVERE,
        purpose=Purpose.LIVE,
        incident_id=_NO_INCIDENT,
        url=url,
        valid_s=VALID_S,
    )
    try:
        await deps.channels.by_name[kind.name].send(message)
    except SendError as error:
        return error.code
    except Exception as error:  # whatever a provider does: the other ways must still be tried
        return type(error).__name__
    return None
