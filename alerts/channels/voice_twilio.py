"""A telephone call by Twilio, the last automatic step: it asks, and one key answers. Off until it has a number.

A call that was taken is no proof: an answering machine takes calls too. Only a key is (checkin/voice_web.py). What is
said, and what is recorded: alerts/voice_prompt.py and alerts/recordings.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from alerts.buckets import Bucket, Buckets, OwnBuckets
from alerts.channel import ChannelKind, Outgoing, ReceiptRead, ReplyRead, SendError, Sent, Trouble
from alerts.policy import within_hours
from alerts.recordings import Recordings
from alerts.twilio_calls import RING_S, Spoken, TwilioCalls, asking
from alerts.twilio_signature import SignatureCheck
from alerts.voice_prompt import asking_keys, heard, words_of
from core.i18n import Catalogs
from core.model import MessageState
from core.settings import Settings

DAY_S: Final = 86_400.0
#: Twilio's CallStatus of a call that nobody took.
UNANSWERED: Final = {"busy": "busy", "no-answer": "no_answer_call", "failed": "call_failed", "canceled": "canceled"}


class TwilioVoice:
    """Calls people, proves call-backs."""

    name = "voice"

    def __init__(self, settings: Settings) -> None:
        if settings.twilio_auth_token is None:
            raise ValueError("DAIJOBU_TWILIO_AUTH_TOKEN is needed to call people")
        self._settings = settings
        self._recordings = Recordings(settings.voice_recordings, settings.site_url)
        token = settings.twilio_auth_token.get_secret_value()
        self.calls = TwilioCalls(
            settings.twilio_base_url,
            settings.twilio_account_sid,
            token,
            timeout_s=settings.send_timeout_s,
            connections=16,
        )
        old = settings.twilio_auth_token_old
        self._signature = SignatureCheck(settings.site_url, [token, *([old.get_secret_value()] if old else [])])
        self.buckets: Buckets = OwnBuckets()
        self._catalogs: Catalogs | None = None

    async def send(self, message: Outgoing) -> Sent:
        await self._admit(datetime.now(UTC))
        at = f"{self._settings.site_url}/t/v/{message.message_id}-{message.attempt}"
        sid = await self.calls.create(
            To=message.address,
            From=self._settings.voice_from,
            Twiml=asking(self.prompt(message), at),
            Timeout=RING_S,
            StatusCallback=f"{at}/status",
            StatusCallbackMethod="POST",
        )
        return Sent(provider_id=sid)

    async def _admit(self, now: datetime) -> None:
        """Raises SendError outside the hours in which we may call, and beyond the calls of a day."""
        if not within_hours(now, self._settings.voice_hours_pair):
            raise SendError(Trouble.REFUSED, "outside_hours", "DAIJOBU_VOICE_HOURS")
        most = self._settings.voice_calls_a_day
        if not most or not await self.buckets.take(Bucket("calls", "", most, DAY_S)):
            raise SendError(
                Trouble.REFUSED,
                "too_many_calls",
                "DAIJOBU_VOICE_CALLS_A_DAY",
                alarm="warning",
                remedy="People are not called any more. Raise DAIJOBU_VOICE_CALLS_A_DAY, or call them yourselves",
            )

    def prompt(self, message: Outgoing) -> Sequence[Spoken]:
        """What is heard: one's own language where it can be, else Japanese and English."""
        return self._heard(asking_keys(message), message.language)

    def closing(self, language: str, *, is_help: bool) -> Sequence[Spoken]:
        """What is heard after a key."""
        return self._heard(("help" if is_help else "thanks",), language)

    def _heard(self, keys: Sequence[str], language: str) -> Sequence[Spoken]:
        return heard(keys, language, self._recordings.url, self._words)

    def _words(self, language: str, key: str) -> str:
        if self._catalogs is None:
            self._catalogs = Catalogs.load()
        return words_of(self._catalogs, self._settings.sender_name, language, key)

    def is_signed(self, path_and_query: str, fields: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
        """Whether a call-back is Twilio's."""
        return self._signature.fits(path_and_query, fields, headers, "")

    def read_receipt(self, message_id: int, fields: Mapping[str, Any]) -> ReceiptRead | None:
        status = str(fields.get("CallStatus", ""))
        if status not in UNANSWERED:
            return None  # somebody or something took it: only a key says who
        sid = str(fields.get("CallSid", ""))[:64]
        return ReceiptRead(message_id, MessageState.FAILED, provider_id=sid, code=UNANSWERED[status])

    def read_reply(self, fields: Mapping[str, Any]) -> ReplyRead | None:
        return None

    async def close(self) -> None:
        await self.calls.close()


CHANNEL = ChannelKind(
    name="voice",
    contact="voice",
    over="phone",
    configured=lambda settings: settings.voice_configured,
    make=TwilioVoice,
)
