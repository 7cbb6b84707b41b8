"""SMS through Twilio: sending, status call-backs, replies.

What an error number means is data (alerts/twilio_errors.tsv); the HTTP client, the API and the signature have files of
their own (alerts/twilio_*.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from alerts.buckets import Buckets, OwnBuckets
from alerts.channel import ChannelKind, Outgoing, ReceiptRead, ReplyRead, Sent
from alerts.sms_guard import SmsGuard
from alerts.sms_text import breaks_on_au, segments
from alerts.twilio_errors import trouble
from alerts.twilio_messages import TwilioMessages
from alerts.twilio_signature import SignatureCheck
from core.model import MessageState, Severity
from core.settings import Settings

#: Twilio's MessageStatus -> our state.
STATE_OF_STATUS: Final = {
    "sent": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.DELIVERED,
    "undelivered": MessageState.FAILED,
    "failed": MessageState.FAILED,
    "canceled": MessageState.FAILED,
}
#: Statuses of a message that Twilio has and no network yet: they prove that it was taken.
ON_THE_WAY: Final = frozenset({"accepted", "scheduled", "queued", "sending"})

#: Limits of ValidityPeriod, in seconds.
MIN_VALIDITY_S: Final = 1
MAX_VALIDITY_S: Final = 36_000
#: "Leave now" half an hour later may lead people into the water.
FLIGHT_VALIDITY_S: Final = 1_800
#: "Are you OK?" is worth asking as soon as there is signal again.
QUESTION_VALIDITY_S: Final = 7_200

#: The hard limit for parts of one SMS.
MAX_PARTS: Final = 3
#: Twilio tries a call-back again five times within 15 seconds (its "webhooks connection overrides").
CALL_BACK_RETRIES: Final = "#rc=5&rp=all"


def validity_s(message: Outgoing) -> int:
    """For how many seconds Twilio may try to deliver it: never longer than it is true, nor than it is worth."""
    if message.hazard == "tsunami" or (message.severity is Severity.EXTREME and message.hazard != "earthquake"):
        limit = FLIGHT_VALIDITY_S
    elif message.severity.asks:
        limit = QUESTION_VALIDITY_S
    else:
        limit = MAX_VALIDITY_S
    return max(MIN_VALIDITY_S, min(limit, message.valid_s))


def with_digits(message: Outgoing) -> str:
    """The text, and before its link what "1" and "2" mean; where that would be too long, the text alone."""
    if len(message.actions) != 2 or not message.url or not message.body.endswith(message.url):
        return message.body
    line = ", ".join(f"{number} = {label}" for number, (_, label) in enumerate(message.actions, 1))
    text = f"{message.body.removesuffix(message.url)}SMS: {line}\n{message.url}"
    return message.body if segments(text).parts > MAX_PARTS or breaks_on_au(text) else text


def read_call_back_id(text: str) -> tuple[int, int | None] | None:
    """(message, try) of a call-back's path: "41-2", or "41" as older versions wrote it; None for anything else."""
    number, dash, attempt = text.partition("-")
    for part in (number, attempt) if dash else (number,):
        if not part.isascii() or not part.isdigit() or len(part) > 18:
            return None
    return int(number), int(attempt) if dash else None


class TwilioSms:
    """Sends SMS, reads and proves call-backs."""

    name = "sms"

    def __init__(self, settings: Settings) -> None:
        if settings.twilio_auth_token is None:
            raise ValueError("DAIJOBU_TWILIO_AUTH_TOKEN is needed to send SMS")
        self._settings = settings
        token = settings.twilio_auth_token.get_secret_value()
        self.messages = TwilioMessages(
            settings.twilio_base_url,
            settings.twilio_account_sid,
            token,
            timeout_s=settings.send_timeout_s,
            connections=settings.send_in_flight,
        )
        old = settings.twilio_auth_token_old
        self._signature = SignatureCheck(settings.site_url, [token, *([old.get_secret_value()] if old else [])])
        self.guard = SmsGuard.of(settings)
        self.buckets: Buckets = OwnBuckets()
        self._sender = (
            {"MessagingServiceSid": settings.twilio_messaging_service_sid}
            if settings.twilio_messaging_service_sid
            else {"From": settings.twilio_from or settings.sender_name}
        )

    async def send(self, message: Outgoing) -> Sent:
        await self.guard.admit(message, self.buckets)
        fields: dict[str, Any] = dict(self._sender)
        if message.message_id:
            at = f"{self._settings.site_url}/t/s/{message.message_id}-{message.attempt}"
            fields["StatusCallback"] = at + CALL_BACK_RETRIES
        return Sent(
            provider_id=await self.messages.create(
                {
                    "To": message.address,
                    "Body": self._text(message),
                    "ValidityPeriod": validity_s(message),
                    "SmartEncoded": "false",  # it would change the number of parts that we have counted
                    **fields,
                }
            )
        )

    async def taken_before(self, message: Outgoing) -> Sequence[str]:
        """Every message holds its receiver's own link: the same text to the same number is the same message.

        One that has failed is not there: it must be sent again.
        """
        text = self._text(message)
        return [
            held.sid
            for held in await self.messages.newest_to(message.address)
            if held.body == text and STATE_OF_STATUS.get(held.status) is not MessageState.FAILED
        ]

    def _text(self, message: Outgoing) -> str:
        return with_digits(message) if self._settings.twilio_two_way else message.body

    def is_signed(self, path_and_query: str, fields: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
        """Whether a call-back is Twilio's."""
        return self._signature.fits(path_and_query, fields, headers, CALL_BACK_RETRIES)

    def read_receipt(self, message_id: int, fields: Mapping[str, Any]) -> ReceiptRead | None:
        state = STATE_OF_STATUS.get(str(fields.get("MessageStatus", "")))
        if state is None:
            return None
        code = str(fields.get("ErrorCode", "") or "")
        if not code.isdigit():
            code = "canceled" if fields.get("MessageStatus") == "canceled" else ""
        said = trouble(int(code), 0) if state is MessageState.FAILED and code.isdigit() else None
        return ReceiptRead(
            message_id,
            state,
            provider_id=str(fields.get("MessageSid", "")),
            code=code,
            detail="" if said is None else said.detail,
            drop_address=None if said is None else said.drop_address,
        )

    def read_reply(self, fields: Mapping[str, Any]) -> ReplyRead | None:
        sender = str(fields.get("From", ""))
        return ReplyRead(sender, str(fields.get("Body", "")), str(fields.get("MessageSid", ""))) if sender else None

    async def close(self) -> None:
        await self.messages.close()


CHANNEL = ChannelKind(name="sms", contact="phone", configured=lambda settings: settings.sms_configured, make=TwilioSms)
