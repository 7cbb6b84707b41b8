"""A telephone call by Twilio, the last automatic step: it asks, and one key answers. Off until it has a number.

A call that was taken is no proof: an answering machine takes calls too. Only a key is (checkin/voice_web.py). In
languages that Twilio does not speak a recording of ours is played (web/static/voice/<language>.mp3), else Japanese and
English are said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from alerts.buckets import Bucket, Buckets, OwnBuckets
from alerts.channel import ChannelKind, Outgoing, ReceiptRead, ReplyRead, SendError, Sent, Trouble
from alerts.policy import within_hours
from alerts.twilio_calls import RING_S, SPOKEN, Spoken, TwilioCalls, asking
from alerts.twilio_signature import SignatureCheck
from core.i18n import Catalogs, without_furigana
from core.model import MessageState, Purpose
from core.settings import Settings

RECORDINGS: Final = Path(__file__).resolve().parents[2] / "web" / "static" / "voice"
#: Which key stands for which of the two answers of a message.
KEYS: Final = ("1", "2")
DAY_S: Final = 86_400.0
#: Twilio's CallStatus of a call that nobody took.
UNANSWERED: Final = {"busy": "busy", "no-answer": "no_answer_call", "failed": "call_failed", "canceled": "canceled"}


class TwilioVoice:
    """Calls people, proves call-backs."""

    name = "voice"

    def __init__(self, settings: Settings, recordings: Path = RECORDINGS) -> None:
        if settings.twilio_auth_token is None:
            raise ValueError("DAIJOBU_TWILIO_AUTH_TOKEN is needed to call people")
        self._settings, self._recordings = settings, recordings
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
        recording = self._recordings / f"{message.language}.mp3"
        if message.purpose is Purpose.LIVE and message.language not in SPOKEN and recording.is_file():
            return (Spoken(recording=f"{self._settings.site_url}/static/voice/{recording.name}"),)
        languages = (message.language,) if message.language in SPOKEN else ("ja", "en")
        return tuple(Spoken(language, self._words(message, language)) for language in languages)

    def _words(self, message: Outgoing, language: str) -> str:
        if self._catalogs is None:
            self._catalogs = Catalogs.load()
        say = self._catalogs.sayer(language).plain
        parts = [say("frame.sentence", text=self._settings.sender_name)]
        if message.purpose is not Purpose.LIVE:
            parts.append(say("frame.sentence", text=say(f"tag.{message.purpose}.first")))
        if message.hazard:
            parts.append(say("frame.sentence", text=say(f"hazard.{message.hazard}")))
        for key, (answer, _) in zip(KEYS, message.actions, strict=False):
            parts.append(say("voice.press", label=say(f"answer.{answer}"), digit=key))
        return without_furigana(" ".join(parts))

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
