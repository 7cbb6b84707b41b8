"""LINE by its Messaging API: push messages out, and what its webhook brings back.

A push carries `X-Line-Retry-Key`: LINE takes a request with the same key once, so that a try whose answer was lost can
be repeated without a second message. LINE never says that a message was shown; an answer proves it.
Source: developers.line.biz, Messaging API reference, and "Retry failed API requests".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID, uuid4, uuid5

import aiohttp

from alerts.channel import ChannelKind, Outgoing, ReceiptRead, ReplyRead, SendError, Sent, Trouble
from core.model import Severity
from core.settings import Settings

#: Limits of a text message and of a Flex message's alternative text, in UTF-16 units.
MAX_TEXT: Final = 5000
MAX_ALT_TEXT: Final = 400
#: Longest request for a connection.
CONNECT_S: Final = 3.0
#: Seconds for the answer to somebody who has written: the webhook waits for it.
REPLY_S: Final = 3.0
_RETRY_SPACE: Final = UUID("8f1d2f0e-6d0b-5c53-9b0a-0d4f0f1f5c11")
#: What LINE says when the month's messages are used up (429 as well, but waiting does not help).
_MONTH_USED: Final = "monthly limit"


class LineEvent(NamedTuple):
    """One thing that somebody did in their chat with us. `kind`: "text", "postback", "follow" or "unfollow"."""

    kind: str
    user: str
    event_id: str
    reply_token: str = ""
    text: str = ""
    #: Milliseconds since 1970, when it was done; 0: unknown.
    at_ms: int = 0


class Line:
    """Pushes messages, answers people, proves that a webhook call is LINE's."""

    name = "line"

    def __init__(self, settings: Settings) -> None:
        if settings.line_channel_token is None or settings.line_channel_secret is None:
            raise ValueError("DAIJOBU_LINE_CHANNEL_TOKEN and DAIJOBU_LINE_CHANNEL_SECRET are needed for LINE")
        self._secret = settings.line_channel_secret.get_secret_value().encode()
        self._base = settings.line_base_url
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=settings.send_in_flight, ttl_dns_cache=60),
            timeout=aiohttp.ClientTimeout(
                total=settings.send_timeout_s, sock_connect=min(CONNECT_S, settings.send_timeout_s)
            ),
            headers={"Authorization": f"Bearer {settings.line_channel_token.get_secret_value()}"},
        )

    async def send(self, message: Outgoing) -> Sent:
        body = {
            "to": message.address,
            "messages": messages_of(message),
            "notificationDisabled": message.severity is Severity.INFO,
        }
        try:
            async with self._session.post(
                f"{self._base}/v2/bot/message/push",
                json=body,
                headers={"X-Line-Retry-Key": str(retry_key(message))},
                allow_redirects=False,
            ) as answer:
                raw = await answer.content.read(10_000)
                if answer.status in (200, 409):  # 409: an earlier try with this key was taken
                    accepted = answer.headers.get("X-Line-Accepted-Request-Id", "")
                    return Sent(_sent_id(raw) or accepted or answer.headers.get("X-Line-Request-Id", ""))
                raise _refused(answer.status, raw, answer.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, TimeoutError) as error:
            # Perhaps LINE has it. The key makes another try harmless, so none of the waiting for doubtful ones.
            raise SendError(Trouble.NOT_SENT, "line_no_answer", type(error).__name__) from error

    async def reply(self, reply_token: str, text: str) -> bool:
        """Answer somebody who has just written or tapped; whether LINE took it. An answer is a courtesy: what the
        person did is stored already."""
        body = {"replyToken": reply_token, "messages": [{"type": "text", "text": _short(text, MAX_TEXT)}]}
        try:
            async with self._session.post(
                f"{self._base}/v2/bot/message/reply",
                json=body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=REPLY_S),
            ) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def is_signed(self, body: bytes, signature: str) -> bool:
        """Whether a webhook's raw body is LINE's (`X-Line-Signature`: HMAC-SHA256 with the channel secret, base64)."""
        expected = base64.b64encode(hmac.digest(self._secret, body, hashlib.sha256))
        return hmac.compare_digest(expected, signature.encode("ascii", "replace"))

    def read_receipt(self, message_id: int, fields: Mapping[str, Any]) -> ReceiptRead | None:
        return None

    def read_reply(self, fields: Mapping[str, Any]) -> ReplyRead | None:
        found = read_event(fields)
        return ReplyRead(found.user, found.text, found.event_id) if found and found.kind == "text" else None

    async def close(self) -> None:
        await self._session.close()


def retry_key(message: Outgoing) -> UUID:
    """Equal for every try of one message over one address. Numbers of messages begin again in a new database: the
    incident makes the key its own."""
    if not message.message_id:
        return uuid4()
    return uuid5(_RETRY_SPACE, f"{message.incident_id} {message.message_id} {message.address}")


def messages_of(message: Outgoing) -> list[dict[str, Any]]:
    """The text with its link, and under it a button for each answer (one request, counted as one message)."""
    lines = [line for line in message.body.splitlines() if line.strip() != message.url]
    parts = [message.title, "\n".join(lines).strip(), message.url]
    room = MAX_TEXT - _units(message.url) - 4
    text = _short("\n\n".join(part for part in parts[:2] if part), room)
    found: list[dict[str, Any]] = [{"type": "text", "text": f"{text}\n\n{message.url}" if message.url else text}]
    token = urlsplit(message.url).path.rpartition("/")[2]
    if message.actions and token:
        found.append(_buttons(message, token))
    return found


def _buttons(message: Outgoing, token: str) -> dict[str, Any]:
    """A Flex message: a template's buttons hold 20 characters, "I am in a safe place" has more in most languages."""
    boxes = [
        {
            "type": "box",
            "layout": "vertical",
            "paddingAll": "16px",
            "cornerRadius": "8px",
            "backgroundColor": "#B00020" if answer == "help" else "#146C2E",
            "action": {
                "type": "postback",
                "data": urlencode({"answer": answer, "token": token}),
                "displayText": _short(label, 300),
            },
            "contents": [
                {"type": "text", "text": label, "wrap": True, "align": "center", "weight": "bold", "color": "#FFFFFF"}
            ],
        }
        for answer, label in message.actions
    ]
    return {
        "type": "flex",
        "altText": _short(message.title or message.body.partition("\n")[0], MAX_ALT_TEXT),
        "contents": {
            "type": "bubble",
            "direction": message.direction,
            "body": {"type": "box", "layout": "vertical", "spacing": "md", "contents": boxes},
        },
    }


def read_postback(data: str) -> tuple[str, str] | None:
    """(answer, token of its check-in link) of a button's data; None where it is not one of ours."""
    fields = parse_qs(data[:300])
    answer, token = fields.get("answer", [""])[0], fields.get("token", [""])[0]
    return (answer, token) if answer and token else None


def read_events(body: bytes) -> list[LineEvent]:
    """What a webhook call brings. What is not from one person's chat, or of a kind we do not know, is left out. Raises
    ValueError for a body that is no webhook's."""
    fields = json.loads(body)
    events = fields.get("events") if isinstance(fields, dict) else None
    if not isinstance(events, list):
        raise ValueError("a webhook of LINE has a list of events")
    return [found for event in events if isinstance(event, dict) and (found := read_event(event)) is not None]


def read_event(event: Mapping[str, Any]) -> LineEvent | None:
    """One event; None where it is not for us."""
    source = event.get("source")
    user = source.get("userId") if isinstance(source, dict) and source.get("type") == "user" else None
    if not isinstance(user, str) or not user or event.get("mode") == "standby":
        return None
    kind, text = str(event.get("type", "")), ""
    if kind == "message":
        said = event.get("message")
        if not isinstance(said, dict) or said.get("type") != "text":
            return None
        kind, text = "text", str(said.get("text", ""))
    elif kind == "postback":
        pressed = event.get("postback")
        text = str(pressed.get("data", "")) if isinstance(pressed, dict) else ""
    elif kind not in ("follow", "unfollow"):
        return None
    at = event.get("timestamp")
    return LineEvent(
        kind=kind,
        user=user[:64],
        event_id=str(event.get("webhookEventId", ""))[:64],
        reply_token=str(event.get("replyToken", ""))[:100],
        text=text[:MAX_TEXT],
        at_ms=at if isinstance(at, int) else 0,
    )


def _refused(status: int, raw: bytes, retry_after: str) -> SendError:
    said = _words(raw)
    code = f"line_{status}"
    if status == 429 and _MONTH_USED in said.lower():
        return SendError(
            Trouble.REFUSED,
            "line_month_used",
            alarm="critical",
            remedy="The month's messages of the LINE account are used up: raise its plan in LINE Official Account "
            "Manager.",
        )
    if status == 429:
        wait = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None
        return SendError(Trouble.THROTTLED, code, retry_after_s=wait)
    if status >= 500:
        # Perhaps LINE has it: the retry key makes another try harmless.
        return SendError(Trouble.NOT_SENT, code)
    if status in (401, 403):
        return SendError(
            Trouble.REFUSED, code, alarm="critical", remedy="LINE refuses DAIJOBU_LINE_CHANNEL_TOKEN: issue a new one."
        )
    if status == 400 and "'to'" in said:
        return SendError(Trouble.DEAD_ADDRESS, code)
    return SendError(
        Trouble.REFUSED, code, alarm="warning", remedy="LINE refuses what we send: report this as a fault."
    )


def _words(raw: bytes) -> str:
    try:
        fields = json.loads(raw)
    except ValueError:
        return ""
    return str(fields.get("message", "")) if isinstance(fields, dict) else ""


def _sent_id(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["sentMessages"][0]["id"])[:64]
    except (ValueError, KeyError, IndexError, TypeError):
        return ""


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _short(text: str, limit: int) -> str:
    """The beginning of a text in at most `limit` UTF-16 units, ended by "…" where it is cut."""
    if _units(text) <= limit:
        return text
    return text.encode("utf-16-le")[: (limit - 1) * 2].decode("utf-16-le", "ignore").rstrip() + "…"


CHANNEL = ChannelKind(name="line", contact="line", configured=lambda settings: settings.line_configured, make=Line)
