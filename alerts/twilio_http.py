"""The HTTP client under the twilio package: one pool, real time limits, a base URL from the settings.

The package's own asynchronous client takes a time limit and does not keep it, which leaves a stuck connection waiting
for ever (twilio-python issue 925), and knows no base URL. Here faults of the network become `SendError`s that say
whether the request may have arrived, and what the headers of an answer say is kept.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

import aiohttp
from yarl import URL

from alerts.channel import SendError, Trouble
from core.later import Later

if TYPE_CHECKING:
    from twilio.http import response as twilio_response
else:
    twilio_response = Later("twilio.http.response")

#: Seconds for a connection, TLS included, and for the answer's first byte after the request has left.
CONNECT_S: Final = 3.0
#: Nothing we ask for has a larger answer: a page of 50 messages is a tenth of this.
MAX_BODY: Final = 2_000_000
_JSON: Final = {"Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class AnswerHeaders:
    """What the headers of an answer say. `retry_after_s`: seconds; `concurrent`: requests of the account under way."""

    request_id: str = ""
    retry_after_s: float | None = None
    concurrent: int | None = None


#: The headers of the newest answer to the task that asked.
answer_headers: ContextVar[AnswerHeaders | None] = ContextVar("answer_headers", default=None)


class HttpClient:
    """What twilio.rest.Client asks of an `http_client`: `is_async` and `request`. Make it inside a running loop."""

    is_async = True

    def __init__(self, base_url: str, account: str, token: str, timeout_s: float, connections: int) -> None:
        """`base_url` replaces the scheme and host the package would call; `timeout_s`: for one whole request."""
        self._base = base_url
        # Sent as a header: aiohttp has deprecated the `auth` argument that the package would pass.
        self._authorization = "Basic " + base64.b64encode(f"{account}:{token}".encode()).decode()
        connect_s = min(CONNECT_S, timeout_s)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, ttl_dns_cache=60),
            timeout=aiohttp.ClientTimeout(total=timeout_s, sock_connect=connect_s),
        )

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> twilio_response.Response:
        """Send one request. Raises SendError: NOT_SENT without a connection, THROTTLED for 429, AMBIGUOUS otherwise.

        A GET that failed has changed nothing, and is still AMBIGUOUS: what it should have told is unknown.
        """
        target = urlsplit(url)
        query = "&".join(part for part in (target.query, _encoded(params)) if part)
        status, text, received = await self._ask(
            method.upper(), target.path + (f"?{query}" if query else ""), _encoded(data), headers or {}
        )
        return twilio_response.Response(status, text, received)

    async def post(self, path: str, fields: Mapping[str, object]) -> tuple[int, str]:
        """POST a form past the package: (status, body) of what is below 500. Raises SendError as `request` does."""
        status, text, _ = await self._ask("POST", path, _encoded(fields), _JSON)
        return status, text

    async def _ask(
        self, method: str, path_and_query: str, form: str, headers: Mapping[str, str]
    ) -> tuple[int, str, Mapping[str, str]]:
        answer_headers.set(None)
        own = {**headers, "Authorization": self._authorization}
        if form:
            own["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            async with self._session.request(
                method,
                URL(self._base + path_and_query, encoded=True),
                data=form.encode() or None,
                headers=own,
                allow_redirects=False,
            ) as answer:
                said = read_headers(answer.headers, datetime.now(UTC))
                answer_headers.set(said)
                text = (await _body(answer)).decode(errors="replace")
                if answer.status == 429:
                    raise SendError(Trouble.THROTTLED, "20429", _of_request(said), retry_after_s=said.retry_after_s)
                if answer.status >= 500:
                    raise SendError(
                        Trouble.AMBIGUOUS,
                        f"http_{answer.status}",
                        _of_request(said),
                        retry_after_s=said.retry_after_s,
                    )
                return answer.status, text, answer.headers
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise SendError(Trouble.NOT_SENT, "no_connection", type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise SendError(Trouble.AMBIGUOUS, "no_answer", type(error).__name__) from error

    async def close(self) -> None:
        """Let go of the connections."""
        await self._session.close()


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """The body, or its first megabytes: what answers instead of Twilio must not fill our memory."""
    if (answer.content_length or MAX_BODY) < MAX_BODY:
        return await answer.read()
    parts, size = [], 0
    async for part in answer.content.iter_any():
        parts.append(part)
        size += len(part)
        if size >= MAX_BODY:
            break
    return b"".join(parts)


def read_headers(headers: Mapping[str, str], now: datetime) -> AnswerHeaders:
    """The headers we use. Retry-After may be seconds or a date (RFC 9110, section 10.2.3)."""
    return AnswerHeaders(
        request_id=headers.get("Twilio-Request-Id", ""),
        retry_after_s=_retry_after(headers.get("Retry-After", "").strip(), now),
        concurrent=_whole(headers.get("Twilio-Concurrent-Requests", "").strip()),
    )


def _retry_after(text: str, now: datetime) -> float | None:
    if (seconds := _whole(text)) is not None:
        return float(seconds)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _of_request(said: AnswerHeaders) -> str:
    """For the log, and for Twilio's support: which request it was, and how many were under way."""
    parts = [said.request_id, "" if said.concurrent is None else f"{said.concurrent} under way"]
    return ", ".join(part for part in parts if part)


def _encoded(values: Mapping[str, Any] | None) -> str:
    return urlencode({key: str(value) for key, value in values.items() if value is not None}) if values else ""
