"""SMS through Twilio, by the twilio package with an HTTP client of our own.

The package's asynchronous client ignores its time limit and can hand callers each other's answers; ours has one
pooled session, real time limits, and a base URL from the settings. What an error number means is data (the table
below; source: Twilio's error dictionary, twilio.com/docs/api/errors).
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import aiohttp

from alerts.channel import ChannelKind, Outgoing, ReceiptRead, ReplyRead, SendError, Sent, Trouble
from core.later import Later
from core.model import MessageState
from core.settings import Settings

if TYPE_CHECKING:
    from twilio import request_validator as twilio_signature
    from twilio import rest as twilio_rest
    from twilio.base import exceptions as twilio_exceptions
    from twilio.http import response as twilio_response
else:
    twilio_rest, twilio_exceptions = Later("twilio.rest"), Later("twilio.base.exceptions")
    twilio_signature, twilio_response = Later("twilio.request_validator"), Later("twilio.http.response")

# The package logs the account and every request at INFO.
logging.getLogger("twilio").setLevel(logging.WARNING)

#: Twilio error number -> what it means for us.
TROUBLE_OF_CODE: Final = {
    20003: Trouble.REFUSED,  # bad credentials: a deployment fault
    20429: Trouble.THROTTLED,  # account concurrency exceeded, not processed
    21211: Trouble.DEAD_ADDRESS,  # invalid To
    21217: Trouble.DEAD_ADDRESS,  # not a phone number
    21408: Trouble.REFUSED,  # region not enabled: a deployment fault
    21606: Trouble.REFUSED,  # this sender cannot reach To
    21610: Trouble.OPTED_OUT,  # the recipient replied STOP
    21611: Trouble.THROTTLED,  # the sender's queue is full
    21612: Trouble.REFUSED,  # no route from this sender to To
    21614: Trouble.DEAD_ADDRESS,  # not a mobile number; landlines in Japan answer so too
    21617: Trouble.REFUSED,  # body too long: our fault
    21659: Trouble.REFUSED,  # the sender is not ours
    30001: Trouble.REFUSED,  # queue overflow: too late for this step
    30002: Trouble.REFUSED,  # account suspended
    30003: Trouble.REFUSED,  # handset unreachable now: next channel, the address may live
    30004: Trouble.REFUSED,  # blocked
    30005: Trouble.DEAD_ADDRESS,  # unknown handset
    30006: Trouble.DEAD_ADDRESS,  # landline or carrier unreachable
    30007: Trouble.REFUSED,  # filtered by the carrier: no blind retry
    30008: Trouble.REFUSED,  # unknown
    30036: Trouble.STALE,  # validity period over
}
#: Numbers that mean that the deployment itself is wrong: operators must look.
ALARM_CODES: Final = frozenset({20003, 21408, 21606, 21612, 21617, 21659, 30002, 30007})

#: Twilio's MessageStatus -> our state; the ones on the way (queued, sending, ...) say nothing new.
STATE_OF_STATUS: Final = {
    "sent": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.DELIVERED,
    "undelivered": MessageState.FAILED,
    "failed": MessageState.FAILED,
    "canceled": MessageState.FAILED,
}
#: Limits of ValidityPeriod, in seconds.
MIN_VALIDITY_S: Final = 1
MAX_VALIDITY_S: Final = 36_000

log = logging.getLogger(__name__)


class _HttpClient:
    """One pooled session with a real time limit; network faults become SendErrors.

    What twilio.rest.Client asks of an `http_client`: `is_async` and `request`.
    """

    is_async = True

    def __init__(self, base_url: str, account: str, token: str, timeout_s: float, connections: int) -> None:
        self._base = base_url
        # Sent as a header: aiohttp has deprecated the `auth` argument that the package would pass.
        self._authorization = "Basic " + base64.b64encode(f"{account}:{token}".encode()).decode()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            timeout=aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(3.0, timeout_s)),
        )

    async def request(
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> twilio_response.Response:
        target = urlsplit(url)
        url = self._base + target.path + (f"?{target.query}" if target.query else "")
        try:
            async with self._session.request(
                method.upper(),
                url,
                params=_texts(params),
                data=_texts(data),
                headers={**(headers or {}), "Authorization": self._authorization},
                allow_redirects=False,
            ) as answer:
                text = await answer.text()
                if answer.status == 429:
                    raise SendError(
                        Trouble.THROTTLED, "20429", retry_after_s=_seconds(answer.headers.get("Retry-After"))
                    )
                if answer.status >= 500:
                    raise SendError(Trouble.AMBIGUOUS, f"http_{answer.status}")
                return twilio_response.Response(answer.status, text, answer.headers)
        except aiohttp.ClientConnectorError as error:
            raise SendError(Trouble.NOT_SENT, "no_connection", type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise SendError(Trouble.AMBIGUOUS, "no_answer", type(error).__name__) from error

    async def close(self) -> None:
        await self._session.close()


def _texts(values: Mapping[str, object] | None) -> dict[str, str] | None:
    return None if values is None else {k: str(v) for k, v in values.items() if v is not None}


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None


class TwilioSms:
    """Sends SMS, reads and proves status call-backs."""

    name = "sms"

    def __init__(self, settings: Settings) -> None:
        if settings.twilio_auth_token is None:
            raise ValueError("DAIJOBU_TWILIO_AUTH_TOKEN is needed to send SMS")
        self._settings = settings
        token = settings.twilio_auth_token.get_secret_value()
        self._http = _HttpClient(
            settings.twilio_base_url,
            settings.twilio_account_sid,
            token,
            settings.send_timeout_s,
            settings.send_in_flight,
        )
        self._client = twilio_rest.Client(settings.twilio_account_sid, token, http_client=self._http)
        self._validator = twilio_signature.RequestValidator(token)
        self._sender = (
            {"messaging_service_sid": settings.twilio_messaging_service_sid}
            if settings.twilio_messaging_service_sid
            else {"from_": settings.twilio_from or settings.sender_name}
        )

    async def send(self, message: Outgoing) -> Sent:
        try:
            created = await self._client.messages.create_async(
                to=message.address,
                body=message.body,
                status_callback=f"{self._settings.site_url}/t/s/{message.message_id}",
                validity_period=min(MAX_VALIDITY_S, max(MIN_VALIDITY_S, message.valid_s)),
                smart_encoded=False,
                **self._sender,
            )
        except twilio_exceptions.TwilioRestException as error:
            raise trouble(int(error.code or error.status), int(error.status)) from error
        except twilio_exceptions.TwilioException as error:
            # Problem documents and whatever else the package makes of a refusal; the address may stand in its text.
            raise SendError(Trouble.REFUSED, "twilio", type(error).__name__) from error
        return Sent(provider_id=created.sid or "")

    def is_signed(self, path_and_query: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        """Whether a call-back is Twilio's: signed over our public URL with the raw path (never what a proxy says)."""
        signature = headers.get("X-Twilio-Signature", "")
        known = twilio_signature
        algorithm = known.get_signature_algorithm(headers.get(known.SIGNATURE_SETTINGS_HEADER))
        try:
            return bool(signature) and bool(
                self._validator.validate(self._settings.site_url + path_and_query, fields, signature, algorithm)
            )
        except ValueError:  # an algorithm that the package does not know
            return False

    def read_receipt(self, message_id: int, fields: Mapping[str, Any]) -> ReceiptRead | None:
        state = STATE_OF_STATUS.get(str(fields.get("MessageStatus", "")))
        if state is None:
            return None
        code = str(fields.get("ErrorCode", "") or "")
        drop = None
        if state is MessageState.FAILED and code.isdigit():
            drop = trouble(int(code), 0).drop_address
        return ReceiptRead(
            message_id, state, provider_id=str(fields.get("MessageSid", "")), code=code, drop_address=drop
        )

    def read_reply(self, fields: Mapping[str, Any]) -> ReplyRead | None:
        text = str(fields.get("Body", ""))
        if not text:
            return None
        return ReplyRead(str(fields.get("From", "")), text, str(fields.get("MessageSid", "")))

    async def close(self) -> None:
        await self._http.close()


def trouble(code: int, status: int) -> SendError:
    """The SendError of a Twilio error number (or of the HTTP status where there is no number we know)."""
    kind = TROUBLE_OF_CODE.get(code)
    if kind is None:
        kind = Trouble.THROTTLED if status == 429 else Trouble.AMBIGUOUS if status >= 500 else Trouble.REFUSED
    if code in ALARM_CODES:
        log.error("Twilio error %d: an operator must look (https://www.twilio.com/docs/api/errors/%d)", code, code)
    return SendError(kind, str(code))


CHANNEL = ChannelKind(name="sms", contact="phone", configured=lambda settings: settings.sms_configured, make=TwilioSms)
