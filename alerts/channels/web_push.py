"""Web Push (RFC 8030, 8188, 8291, 8292) to browsers and phones, encrypted by pywebpush.

pywebpush alone would send with TTL 0, follow redirects, accept any host and any size, and wait for hours; so we use its
encryption and py_vapid's signature, and do the request ourselves.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from py_vapid import Vapid02

from alerts.channel import ChannelKind, Outgoing, ReceiptRead, ReplyRead, SendError, Sent, Trouble
from alerts.push_address import BadSubscription, Subscription, check_endpoint
from alerts.vapid import load_or_make_vapid
from core.later import Later
from core.model import MessageState, Severity
from core.settings import Settings

if TYPE_CHECKING:
    import pywebpush
else:
    pywebpush = Later("pywebpush")

#: What push services guarantee to carry: 4096 bytes of body, 3993 of text.
MAX_PLAINTEXT: Final = 3993
#: A VAPID token is signed for half a day and used for half of that; services refuse more than a day.
TOKEN_LIFE_S: Final = 12 * 3600
TOKEN_REUSE_S: Final = 6 * 3600
#: Longest time a push service may keep a message for a phone that is off.
MAX_TTL_S: Final = 24 * 3600

#: HTTP status -> what it means. 400, 401, 403 and 413 are our fault or a key mismatch: the row is kept.
TROUBLE_OF_STATUS: Final = {
    400: Trouble.REFUSED,
    401: Trouble.REFUSED,
    403: Trouble.REFUSED,
    404: Trouble.DEAD_ADDRESS,
    410: Trouble.DEAD_ADDRESS,
    413: Trouble.REFUSED,
    429: Trouble.THROTTLED,
}


class WebPush:
    """Sends notifications, reads receipts that our service worker posts."""

    name = "push"

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._now = now
        key = load_or_make_vapid(settings)
        # py_vapid's own check refuses an https address with a path, which RFC 8292 §2.1 allows.
        self._vapid = Vapid02(key, conf={"no-strict": True})
        self._subject = subject(settings.vapid_subject or settings.contact)
        self._tokens: dict[str, tuple[float, str]] = {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=settings.send_in_flight),
            timeout=aiohttp.ClientTimeout(
                total=settings.send_timeout_s, sock_connect=min(3.0, settings.send_timeout_s)
            ),
        )

    async def send(self, message: Outgoing) -> Sent:
        subscription = self._subscription(message.address)
        body = _encrypt(subscription, payload(message))
        headers = {
            "TTL": str(min(MAX_TTL_S, max(0, message.valid_s))),
            "Urgency": "high" if message.severity.rank >= Severity.MODERATE.rank else "normal",
            # While a phone is off only the newest text of an incident waits for it.
            "Topic": topic(message),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "Authorization": self._authorization(subscription.origin),
        }
        try:
            async with self._session.post(
                subscription.endpoint, data=body, headers=headers, allow_redirects=False
            ) as answer:
                status = answer.status
                retry_after = answer.headers.get("Retry-After", "")
                location = answer.headers.get("Location", "")
                await answer.content.read(2048)
        except aiohttp.ClientConnectorError as error:
            raise SendError(Trouble.NOT_SENT, "no_connection", type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SendError(Trouble.AMBIGUOUS, "no_answer", type(error).__name__) from error
        if 200 <= status < 300:
            return Sent(provider_id=location[-200:])
        kind = TROUBLE_OF_STATUS.get(status, Trouble.NOT_SENT if status >= 500 else Trouble.REFUSED)
        wait = float(retry_after) if retry_after.isdigit() else None
        raise SendError(kind, f"http_{status}", retry_after_s=wait)

    def _subscription(self, address: str) -> Subscription:
        try:
            data = json.loads(address)
            found = Subscription(data["endpoint"], data["keys"]["p256dh"], data["keys"]["auth"])
            check_endpoint(found.endpoint, self._settings)
        except (BadSubscription, ValueError, KeyError, TypeError) as error:
            # Only our own sentences are kept: other errors quote what they could not read.
            why = str(error) if isinstance(error, BadSubscription) else type(error).__name__
            raise SendError(Trouble.DEAD_ADDRESS, "subscription", why) from error
        return found

    def _authorization(self, origin: str) -> str:
        now = self._now()
        signed_at, header = self._tokens.get(origin, (0.0, ""))
        if not header or now - signed_at > TOKEN_REUSE_S:
            # Fresh claims each time: py_vapid and pywebpush write into the mapping they are given.
            claims = {"aud": origin, "exp": int(now) + TOKEN_LIFE_S, "sub": self._subject}
            header = str(self._vapid.sign(claims)["Authorization"])
            self._tokens[origin] = (now, header)
        return header

    def read_receipt(self, message_id: int, fields: Mapping[str, Any]) -> ReceiptRead | None:
        shown = fields.get("shown")
        if shown is True:
            return ReceiptRead(message_id, MessageState.DELIVERED)
        return None

    def read_reply(self, fields: Mapping[str, Any]) -> ReplyRead | None:
        return None

    async def close(self) -> None:
        await self._session.close()


def subject(contact: str) -> str:
    """The `sub` of our VAPID claims: a mailto: or https: address (RFC 8292 §2.1)."""
    return contact if contact.startswith(("mailto:", "https:")) else f"mailto:{contact}"


def topic(message: Outgoing) -> str:
    """At most 32 characters of base64url (RFC 8030 §5.4), equal for all messages of an incident."""
    digest = hashlib.sha256(message.incident_id.bytes).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")[:32]


def payload(message: Outgoing) -> bytes:
    """The notification as JSON: a declarative push message (Safari shows it by itself), which our service worker reads.

    Cut to what push services carry: first the body loses its end, never the link.
    """
    body = message.body
    lines = body.split("\n")
    if message.url and lines and lines[-1].strip() == message.url:
        body = "\n".join(lines[:-1]).rstrip()  # the notification itself is the link
    while True:
        data = json.dumps(
            {
                "web_push": 8030,
                "notification": {
                    "title": message.title,
                    "body": body,
                    "lang": message.language,
                    "dir": message.direction,
                    "navigate": message.url,
                    "tag": topic(message),
                    "renotify": True,
                    "requireInteraction": message.severity.asks,
                    "actions": [
                        {"action": answer, "title": label, "navigate": message.url} for answer, label in message.actions
                    ],
                    "data": {"message": message.message_id, "receipt": message.receipt_token, "url": message.url},
                },
            },
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        if len(data) <= MAX_PLAINTEXT or not body:
            return data
        over = len(data) - MAX_PLAINTEXT
        body = body[: max(0, len(body) - max(1, over // 4) - 1)].rstrip() + "…" if len(body) > over // 4 + 2 else ""


def _encrypt(subscription: Subscription, plain: bytes) -> bytes:
    try:
        pusher = pywebpush.WebPusher(
            {"endpoint": subscription.endpoint, "keys": {"p256dh": subscription.p256dh, "auth": subscription.auth}}
        )
        return bytes(pusher.encode(plain)["body"])
    except (pywebpush.WebPushException, ValueError) as error:
        raise SendError(Trouble.DEAD_ADDRESS, "keys", type(error).__name__) from error


CHANNEL = ChannelKind(name="push", contact="push", configured=lambda settings: True, make=WebPush)
