"""What a push message says, and how the push service shall treat it. Pure.

The text is a declarative push message (W3C Push API, "declarative push message"): browsers that know it show it by
themselves, even where our service worker is gone; to all others it is the JSON that our service worker reads. `mutable`
lets the worker see it there too, because the worker is what tells us that it was shown.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import unicodedata
from typing import Final
from uuid import UUID

from alerts.channel import Outgoing
from alerts.push_encrypt import MAX_PLAINTEXT
from core.model import Purpose, Severity

#: What tells declarative messages from others (Push API; 8030 is the RFC of the protocol).
CONTENT_TYPE: Final = "application/notification+json"
#: What the rest of a text is worth where a push service carries less than it promised (413).
SHORT: Final = 1024
#: Longest time a push service may keep a message for a phone that is off: a question is worth answering for a day,
#: other news for six hours. Never longer than the text is true.
ASKING_TTL_S: Final = 24 * 3600
TELLING_TTL_S: Final = 6 * 3600
#: How far back from the cut a line or a word may end.
_BACK: Final = 60


def headers(message: Outgoing) -> dict[str, str]:
    """TTL, Urgency and Topic (RFC 8030 §5), encoding and type; all but the signature."""
    return {
        "TTL": str(ttl_s(message)),
        "Urgency": urgency(message.severity),
        "Topic": topic(message.incident_id),
        "Content-Encoding": "aes128gcm",
        "Content-Type": CONTENT_TYPE,
    }


def head(endpoint: str, origin: str, fields: dict[str, str], authorization: str, length: int) -> bytes:
    """The head of the POST (RFC 9112). `endpoint` must have passed push_address.check_endpoint: no blank, no line
    end."""
    path = endpoint.split("/", 3)[3].partition("#")[0]
    lines = "".join([f"{name}: {value}\r\n" for name, value in fields.items()])
    return (
        f"POST /{path} HTTP/1.1\r\nHost: {origin.partition('//')[2]}\r\n{lines}"
        f"Authorization: {authorization}\r\nContent-Length: {length}\r\n\r\n"
    ).encode("ascii")


def ttl_s(message: Outgoing) -> int:
    """Seconds for which the push service may keep it."""
    return min(ASKING_TTL_S if message.severity.asks else TELLING_TTL_S, max(0, message.valid_s))


def urgency(severity: Severity) -> str:
    """`high` wakes a phone that saves its battery (RFC 8030 §5.3): for what people must know now."""
    return "high" if severity.rank >= Severity.MODERATE.rank else "normal"


@functools.lru_cache(maxsize=4096)
def topic(incident_id: UUID) -> str:
    """32 characters of base64url (RFC 8030 §5.4), equal for all messages of an incident: while a phone is off only the
    newest waits for it, and on the phone the newest stands in the place of the older ones."""
    return base64.urlsafe_b64encode(hashlib.sha256(incident_id.bytes).digest()).decode()[:32]


def payload(message: Outgoing, limit: int = MAX_PLAINTEXT) -> bytes:
    """The notification as JSON of at most `limit` bytes: a body that is too long loses its end, never the link.

    Below what push services promise to carry (`limit` < MAX_PLAINTEXT) the buttons go first.
    """
    url = _quoted(message.url)
    lines, _, last = message.body.rpartition("\n")
    # The notification itself is the link.
    body = lines.rstrip() if message.url and last.strip() == message.url else message.body
    proof = f'"message":{message.message_id}' if message.message_id else f'"contact":{_quoted(message.contact)}'
    tail = f'{proof},"receipt":{_quoted(message.receipt_token)}}}}},"mutable":true}}'
    shared = (
        message.title,
        message.language,
        message.direction,
        topic(message.incident_id),
        message.severity,
        message.purpose,
        message.actions if limit == MAX_PLAINTEXT else (),
    )
    data = url.join(_frame(body, *shared)).encode() + tail.encode()
    if len(data) <= limit:
        return data
    room = limit - (len(data) - _weight(body))
    return url.join(_frame(_cut(body, room), *shared)).encode() + tail.encode()


@functools.lru_cache(maxsize=1024)
def _frame(
    body: str,
    title: str,
    language: str,
    direction: str,
    tag: str,
    severity: Severity,
    purpose: Purpose,
    actions: tuple[tuple[str, str], ...],
) -> tuple[str, ...]:
    """The JSON that thousands of people share, in pieces: between them stands the person's own link."""
    silent = severity is Severity.INFO and purpose is Purpose.LIVE  # read it when you look at your phone
    note = {
        "title": title,
        "body": body,
        "lang": language,
        "dir": direction,
        "tag": tag,
        "renotify": not silent,
        "silent": silent,
        "requireInteraction": severity.asks,
    }
    pieces = [f'{{"web_push":8030,"notification":{_json(note)[:-1]},"navigate":']
    ending = ',"actions":['
    for answer, label in actions:
        pieces.append(f'{ending}{_json({"action": answer, "title": label})[:-1]},"navigate":')
        ending = "},"
    close = "}]" if actions else ending + "]"
    return (*pieces, f'{close},"data":{{"url":', ",")


#: A text as JSON, in ASCII.
_quoted: Final = json.encoder.encode_basestring_ascii


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _weight(text: str) -> int:
    """Bytes of a text inside JSON, without its quotation marks."""
    return len(_json(text).encode()) - 2


def _cut(text: str, room: int) -> str:
    """The beginning of a text in at most `room` bytes of JSON, ended by "…": at a line or a word where one ends near,
    never between a letter and its signs."""
    mark = "…"
    if room < len(mark.encode()):
        return ""
    low, high = 0, len(text)
    while low < high:  # the most characters that fit
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _weight(text[:middle]) <= room - len(mark.encode()) else (low, middle - 1)
    ends = max(text.rfind("\n", 0, low + 1), text.rfind(" ", 0, low + 1))
    end = ends if ends > max(0, low - _BACK) else low
    while 0 < end < len(text) and (unicodedata.category(text[end])[0] == "M" or "\u200d" in text[end - 1 : end + 1]):
        end -= 1
    return text[:end].rstrip() + mark if end else ""
