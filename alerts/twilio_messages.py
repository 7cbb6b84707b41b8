"""Twilio's Messages API, as much of it as we use: create, look up, take back, blank.

By the twilio package, whose exceptions become `SendError`s here. Nothing in it names a receiver in a log.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from alerts.channel import SendError, Trouble
from alerts.twilio_errors import of_status, trouble
from alerts.twilio_http import HttpClient
from core.later import Later

if TYPE_CHECKING:
    from twilio import rest as twilio_rest
    from twilio.base import exceptions as twilio_exceptions
else:
    twilio_rest, twilio_exceptions = Later("twilio.rest"), Later("twilio.base.exceptions")

# The package logs the account and every request at INFO.
logging.getLogger("twilio").setLevel(logging.WARNING)

#: Newest messages to one number that are looked through.
LOOK_AT: Final = 50

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Held:
    """A message as Twilio has it. `error`: its error number, "" for none."""

    sid: str
    status: str
    body: str
    error: str


class TwilioMessages:
    """The Messages of one account. Make it inside a running loop; `close` lets go of its connections."""

    def __init__(self, base_url: str, account: str, token: str, *, timeout_s: float, connections: int) -> None:
        self._http = HttpClient(base_url, account, token, timeout_s, connections)
        self._client = twilio_rest.Client(account, token, http_client=self._http)
        self._create = f"/2010-04-01/Accounts/{account}/Messages.json"

    async def create(self, fields: Mapping[str, object]) -> str:
        """Hand a message over; its SID. `fields`: as Twilio's API names them. Raises SendError.

        Past the package, which makes an object with twenty fields of each answer: this is what happens 100,000 times.
        """
        status, text = await self._http.post(self._create, fields)
        try:
            said = json.loads(text)
        except ValueError:
            said = None
        if not isinstance(said, dict) or not (200 <= status < 300 or status >= 400):
            # Somebody else answered in Twilio's place: a proxy, a page to sign in at.
            raise SendError(Trouble.AMBIGUOUS if status < 400 else of_status(status), "no_json", f"HTTP {status}")
        if status >= 400:
            raise trouble(_whole(said.get("code")) or status, status)
        return str(said.get("sid") or "")

    async def newest_to(self, address: str) -> Sequence[Held]:
        """The newest messages to a number, newest first. Raises SendError.

        Not by DateSent: a message that still waits at Twilio has not got one, and is the one we look for.
        """
        page = await _known(self._client.messages.page_async(to=address, page_size=LOOK_AT))
        return [_held(one) for one in page]

    async def fetch(self, sid: str) -> Held:
        """One message. Raises SendError: REFUSED 20404 for one that is not there."""
        return _held(await _known(self._client.messages(sid).fetch_async()))

    async def take_back(self, sid: str) -> None:
        """Cancel a message that Twilio still holds. Raises SendError: REFUSED for one that has left."""
        await _known(self._client.messages(sid).update_async(status="canceled"))

    async def blank(self, sid: str) -> None:
        """Take the text away from a message that is over. Raises SendError."""
        await _known(self._client.messages(sid).update_async(body=""))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.close()


def _held(one: Any) -> Held:
    status = one.status
    return Held(one.sid or "", str(getattr(status, "value", status) or ""), one.body or "", str(one.error_code or ""))


async def _known(work: Awaitable[_Result]) -> _Result:
    """The result, or the SendError that the package's exception stands for."""
    try:
        return await work
    except twilio_exceptions.TwilioRestException as error:
        raise _of(error.code, error.status) from error
    except twilio_exceptions.TwilioException as error:
        # Problem documents (RFC 9457), and whatever else the package makes of it; a number may stand in its text.
        raise _of(getattr(error, "code", 0), getattr(error, "status", 0), type(error).__name__) from error
    except ValueError as error:  # an answer of 2xx that is no JSON: somebody else answered in Twilio's place
        raise SendError(Trouble.AMBIGUOUS, "no_json", type(error).__name__) from error


def _of(code: object, status: object, name: str = "") -> SendError:
    number, http = _whole(code), _whole(status)
    if number or not name:
        return trouble(number or http, http)
    return SendError(of_status(http), "twilio", name)


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdigit() else 0
