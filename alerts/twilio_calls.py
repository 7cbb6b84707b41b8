"""What a call says, and Twilio's Calls API as much of it as we use.

TwiML: twilio.com/docs/voice/twiml. Calls: twilio.com/docs/voice/api/call-resource (the document of a call, given with
the request, may have 4000 characters).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from alerts.channel import SendError, Trouble
from alerts.twilio_errors import trouble
from alerts.twilio_http import HttpClient

#: Languages that Twilio speaks: our tag -> (language, voice; "" for the usual one). Others hear a recording, or
#: Japanese and English.
SPOKEN: Final[Mapping[str, tuple[str, str]]] = {
    "ja": ("ja-JP", ""),
    "ja-simple": ("ja-JP", ""),
    "en": ("en-US", ""),
    "zh-Hans": ("zh-CN", ""),
    "zh-Hant": ("zh-TW", ""),
    "ko": ("ko-KR", ""),
    "es": ("es-MX", ""),
    "pt-BR": ("pt-BR", ""),
    "vi": ("vi-VN", "Google.vi-VN-Standard-A"),
    "id": ("id-ID", "Google.id-ID-Standard-A"),
    "fil": ("fil-PH", "Google.fil-PH-Standard-A"),
}
#: Seconds a telephone rings, and that we wait for a key after the words.
RING_S: Final = 40
KEY_S: Final = 10
#: The words are said so often: whoever was asleep has not heard them the first time.
TIMES: Final = 2
MAX_TWIML: Final = 4_000


@dataclass(frozen=True, slots=True)
class Spoken:
    """Something to hear: words in a language that Twilio speaks, or the address of a recording."""

    language: str = ""
    words: str = ""
    recording: str = ""

    def twiml(self) -> str:
        """The verb."""
        if self.recording:
            return f"<Play>{escape(self.recording)}</Play>"
        language, voice = SPOKEN[self.language]
        said = f" voice={quoteattr(voice)}" if voice else ""
        return f"<Say language={quoteattr(language)}{said}>{escape(self.words)}</Say>"


def asking(parts: Sequence[Spoken], answer_to: str) -> str:
    """A call that says these parts and waits for one key, which is posted to `answer_to`.

    Without a key the call ends: a machine that answered has pressed none.
    """
    words = "".join(part.twiml() for part in parts)
    gather = f'<Gather numDigits="1" timeout="{KEY_S}" method="POST" action={quoteattr(answer_to)}>'
    times = TIMES if len(words) * TIMES + len(gather) < MAX_TWIML - 200 else 1
    return f"<Response>{gather}{words * times}</Gather><Hangup/></Response>"


def saying(parts: Sequence[Spoken]) -> str:
    """A call that says these parts and ends."""
    return f"<Response>{''.join(part.twiml() for part in parts)}<Hangup/></Response>"


class TwilioCalls:
    """The Calls of one account. Make it inside a running loop; `close` lets go of its connections."""

    def __init__(self, base_url: str, account: str, token: str, *, timeout_s: float, connections: int) -> None:
        self._http = HttpClient(base_url, account, token, timeout_s, connections)
        self._path = f"{base_url}/2010-04-01/Accounts/{account}/Calls"

    async def create(self, **fields: Any) -> str:
        """Begin a call; its SID. `fields`: as the API names them. Raises SendError."""
        return str((await self._ask("POST", ".json", fields)).get("sid", ""))

    async def status(self, sid: str) -> str:
        """How a call stands: queued, ringing, in-progress, completed, busy, failed, no-answer or canceled.

        Raises SendError: REFUSED 20404 for one that is not there.
        """
        return str((await self._ask("GET", f"/{sid}.json")).get("status", ""))

    async def cancel(self, sid: str) -> str:
        """End a call that nobody has taken yet; one that somebody has goes on. How it stands then. Raises SendError:
        REFUSED for one that is over."""
        return str((await self._ask("POST", f"/{sid}.json", {"Status": "canceled"})).get("status", ""))

    async def hang_up(self, sid: str) -> None:
        """End a call, also while somebody listens. Raises SendError: REFUSED for one that is over."""
        await self._ask("POST", f"/{sid}.json", {"Status": "completed"})

    async def _ask(self, method: str, end: str, fields: Mapping[str, Any] | None = None) -> dict[str, Any]:
        answer = await self._http.request(method, self._path + end, data=fields)
        try:
            said = json.loads(answer.text)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise SendError(Trouble.AMBIGUOUS, "no_json")
        if answer.status_code >= 400:
            code = said.get("code")
            raise trouble(code if isinstance(code, int) else answer.status_code, answer.status_code)
        return said

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.close()
