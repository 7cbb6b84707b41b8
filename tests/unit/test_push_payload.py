"""What a push message says and how the push service shall treat it."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channel import Outgoing
from alerts.push_encrypt import MAX_PLAINTEXT
from alerts.push_payload import SHORT, headers, payload, topic
from core.model import Purpose, Severity

URL = "https://daijobu.example/c/abcDEF123456"


def outgoing(**more: object) -> Outgoing:
    values: dict[str, object] = {
        "message_id": 41,
        "address": "",
        "title": "DRILL: gempa",
        "body": f"Apakah Anda aman?\n{URL}",
        "language": "id",
        "severity": Severity.SEVERE,
        "purpose": Purpose.LIVE,
        "incident_id": UUID(int=7),
        "url": URL,
        "valid_s": 1800,
        "actions": (("ok", "Saya aman"), ("help", "Butuh bantuan")),
        "receipt_token": "proof",
    }
    return Outgoing(**(values | more))  # type: ignore[arg-type]


def read(message: Outgoing, limit: int = MAX_PLAINTEXT) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(payload(message, limit))
    return found


def test_a_declarative_message() -> None:
    assert read(outgoing()) == {
        "web_push": 8030,
        "notification": {
            "title": "DRILL: gempa",
            "body": "Apakah Anda aman?",
            "lang": "id",
            "dir": "ltr",
            "tag": topic(UUID(int=7)),
            "renotify": True,
            "silent": False,
            "requireInteraction": True,
            "navigate": URL,
            "actions": [
                {"action": "ok", "title": "Saya aman", "navigate": URL},
                {"action": "help", "title": "Butuh bantuan", "navigate": URL},
            ],
            "data": {"url": URL, "message": 41, "receipt": "proof"},
        },
        "mutable": True,
    }


def test_each_person_has_their_own_link_and_proof() -> None:
    one, other = read(outgoing()), read(outgoing(url=f"{URL}x", body=f"Apakah Anda aman?\n{URL}x", message_id=42))
    assert one["notification"]["actions"][0]["navigate"] == URL
    assert {action["navigate"] for action in other["notification"]["actions"]} == {f"{URL}x"}
    assert other["notification"]["navigate"] == other["notification"]["data"]["url"] == f"{URL}x"
    assert other["notification"]["data"]["message"] == 42 and other["notification"]["body"] == "Apakah Anda aman?"


def test_a_message_without_link_or_buttons() -> None:
    note = read(outgoing(url="", actions=(), body="One\nTwo"))["notification"]
    assert (note["navigate"], note["actions"], note["body"]) == ("", [], "One\nTwo")


def test_a_test_proves_its_browser() -> None:
    data = read(outgoing(message_id=0, contact="c-1"))["notification"]["data"]
    assert data == {"url": URL, "contact": "c-1", "receipt": "proof"}


@pytest.mark.parametrize(
    ("severity", "purpose", "silent"),
    [
        (Severity.INFO, Purpose.LIVE, True),
        (Severity.INFO, Purpose.CANARY, False),
        (Severity.MODERATE, Purpose.LIVE, False),
        (Severity.EXTREME, Purpose.DRILL, False),
    ],
)
def test_only_what_can_wait_is_silent(severity: Severity, purpose: Purpose, silent: bool) -> None:
    note = read(outgoing(severity=severity, purpose=purpose))["notification"]
    assert (note["silent"], note["renotify"]) == (silent, not silent)
    assert note["requireInteraction"] is severity.asks


@pytest.mark.parametrize(
    ("severity", "valid_s", "ttl", "urgency"),
    [
        (Severity.EXTREME, 1800, "1800", "high"),
        (Severity.EXTREME, 10**6, "86400", "high"),
        (Severity.SEVERE, 40_000, "40000", "high"),
        (Severity.MODERATE, 40_000, "21600", "high"),
        (Severity.INFO, 40_000, "21600", "normal"),
        (Severity.INFO, -5, "0", "normal"),
    ],
)
def test_how_long_and_how_loud(severity: Severity, valid_s: int, ttl: str, urgency: str) -> None:
    said = headers(outgoing(severity=severity, valid_s=valid_s))
    assert (said["TTL"], said["Urgency"]) == (ttl, urgency)
    assert said["Content-Encoding"] == "aes128gcm" and said["Content-Type"] == "application/notification+json"


def test_a_topic_per_incident() -> None:
    topics = {topic(UUID(int=n)) for n in range(200)}
    assert len(topics) == 200
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", one) for one in topics)
    assert headers(outgoing())["Topic"] == topic(UUID(int=7))


LONG = {
    "plain": "word " * 2_000,
    "Japanese": "大津波警報。にげてください。" * 400,
    "Burmese": "မြန်မာနိုင်ငံ" * 400,
    "quotes": '"\\\n' * 2_000,
    "faces": "👨‍👩‍👧" * 700,
    "controls": "\x01" * 2_000,
}


@pytest.mark.parametrize("limit", [MAX_PLAINTEXT, SHORT])
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_long_text_loses_its_end_never_its_link(text: str, limit: int) -> None:
    data = payload(outgoing(body=f"{text}\n{URL}"), limit)
    note = json.loads(data)["notification"]
    assert limit - 300 < len(data) <= limit
    assert note["navigate"] == URL and note["data"]["receipt"] == "proof"
    kept = note["body"].removesuffix("…")
    assert note["body"].endswith("…") and text.startswith(kept.rstrip()) and len(kept) > 50
    following = text[len(kept)]
    assert unicodedata.category(following)[0] != "M" and "\u200d" not in (following, kept[-1])


@given(st.text(max_size=3_000), st.text(max_size=40))
def test_any_text_fits(body: str, title: str) -> None:
    for limit in (MAX_PLAINTEXT, SHORT):
        message = outgoing(body=body.encode(errors="replace").decode(), title=title.encode(errors="replace").decode())
        data = payload(message, limit)
        assert len(data) <= limit and json.loads(data)["notification"]["title"] == message.title


def test_short_means_without_buttons() -> None:
    assert read(outgoing(), SHORT)["notification"]["actions"] == []
