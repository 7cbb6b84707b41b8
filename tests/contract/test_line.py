"""LINE against a fake that judges like the real one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from alerts.channel import SendError, Trouble
from alerts.channels.line import MAX_TEXT, Line, messages_of, read_events, read_postback, retry_key
from core.model import Severity
from core.settings import Settings, load_settings
from tests.line_server import LineServer, line_server
from tests.outgoing import outgoing

USER = "U" + "4" * 32


def settings(url: str, token: str = "line-token") -> Settings:
    return load_settings(
        {
            "DAIJOBU_LINE_CHANNEL_TOKEN": token,
            "DAIJOBU_LINE_CHANNEL_SECRET": "line-secret",
            "DAIJOBU_LINE_BASE_URL": url,
            "DAIJOBU_LINE_BASIC_ID": "daijobu",
        }
    )


@pytest.fixture
async def server() -> AsyncIterator[LineServer]:
    async with line_server() as made:
        yield made


@pytest.fixture
async def line(server: LineServer) -> AsyncIterator[Line]:
    channel = Line(settings(server.url))
    yield channel
    await channel.close()


async def test_the_text_its_link_and_a_button_for_each_answer(server: LineServer, line: Line) -> None:
    assert (await line.send(outgoing(USER))).provider_id == "460001"
    (pushed,) = server.pushed
    text, buttons = pushed["messages"]
    assert pushed["to"] == USER and pushed["notificationDisabled"] is False
    assert text["text"] == "ĐỘNG ĐẤT: Mashiki\n\nDaijobu: ĐỘNG ĐẤT.\n\nhttps://daijobu.example/c/abc"
    boxes = buttons["contents"]["body"]["contents"]
    assert [read_postback(box["action"]["data"]) for box in boxes] == [("ok", "abc"), ("help", "abc")]
    assert [box["contents"][0]["text"] for box in boxes] == ["Tôi an toàn", "Cần giúp"]


async def test_information_makes_no_sound_and_asks_nothing(server: LineServer, line: Line) -> None:
    await line.send(outgoing(USER, severity=Severity.INFO, actions=(), url=""))
    assert server.pushed[0]["notificationDisabled"] is True and len(server.pushed[0]["messages"]) == 1


def test_a_long_text_keeps_its_link() -> None:
    url = "https://daijobu.example/c/abc"
    (text,) = messages_of(outgoing(USER, body="𠮷野家 " * 3000 + "\n" + url, actions=()))
    assert len(text["text"].encode("utf-16-le")) // 2 <= MAX_TEXT and text["text"].endswith(f"…\n\n{url}")


async def test_a_try_whose_answer_was_lost_is_not_sent_twice(server: LineServer, line: Line) -> None:
    server.mode = "lost"
    with pytest.raises(SendError) as caught:
        await line.send(outgoing(USER))
    assert caught.value.kind is Trouble.NOT_SENT, "the key makes another try harmless: no waiting"
    server.mode = ""
    sent = await line.send(outgoing(USER, attempt=2))
    assert (sent.provider_id, len(server.pushed)) == ("request-1", 1)


def test_the_key_belongs_to_the_message() -> None:
    key = retry_key(outgoing(USER))
    assert key == retry_key(outgoing(USER, attempt=2, body="other"))
    assert key != retry_key(outgoing(USER, message_id=42))
    assert key != retry_key(outgoing(USER, incident_id=UUID(int=8))), "a new database begins at message 1 again"
    assert retry_key(outgoing(USER, message_id=0)) != retry_key(outgoing(USER, message_id=0))


@pytest.mark.parametrize(
    ("mode", "kind", "alarm"),
    [
        ("429", Trouble.THROTTLED, ""),
        ("month", Trouble.REFUSED, "critical"),
        ("500", Trouble.NOT_SENT, ""),
        ("401", Trouble.REFUSED, "critical"),
    ],
)
async def test_line_in_trouble(server: LineServer, line: Line, mode: str, kind: Trouble, alarm: str) -> None:
    server.mode = mode
    with pytest.raises(SendError) as caught:
        await line.send(outgoing(USER))
    assert (caught.value.kind, caught.value.alarm) == (kind, alarm) and USER not in str(caught.value)


async def test_somebody_who_does_not_exist(line: Line) -> None:
    with pytest.raises(SendError) as caught:
        await line.send(outgoing("nobody"))
    assert caught.value.kind is Trouble.DEAD_ADDRESS


async def test_line_is_away() -> None:
    away = Line(settings("http://127.0.0.1:9"))
    with pytest.raises(SendError) as caught:
        await away.send(outgoing(USER))
    assert caught.value.kind is Trouble.NOT_SENT
    assert await away.reply("r", "hello") is False
    await away.close()


async def test_only_line_itself_is_believed(server: LineServer, line: Line) -> None:
    body = b'{"events": []}'
    assert line.is_signed(body, server.sign(body))
    for wrong in ("", "é", server.sign(body + b" "), server.sign(body)[:-2]):
        assert not line.is_signed(body, wrong)


def event(kind: str, **more: object) -> dict[str, object]:
    return {"type": kind, "source": {"type": "user", "userId": USER}, "webhookEventId": "e1", "timestamp": 7, **more}


def test_what_a_webhook_brings() -> None:
    events = [
        event("message", message={"type": "text", "text": "hello"}, replyToken="r"),
        event("message", message={"type": "sticker"}),
        event("postback", postback={"data": "answer=ok&token=abc"}, replyToken="r"),
        event("follow"),
        event("unfollow"),
        event("beacon"),
        event("message", message={"type": "text", "text": "hi"}, source={"type": "group", "userId": USER}),
        event("message", message={"type": "text", "text": "hi"}, mode="standby"),
        "noise",
    ]
    found = read_events(json.dumps({"destination": "x", "events": events}).encode())
    assert [(one.kind, one.text) for one in found] == [
        ("text", "hello"),
        ("postback", "answer=ok&token=abc"),
        ("follow", ""),
        ("unfollow", ""),
    ]
    assert {(one.user, one.event_id, one.at_ms) for one in found} == {(USER, "e1", 7)}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"events": 3}', b"\xff"])
def test_what_is_no_webhook(body: bytes) -> None:
    with pytest.raises(ValueError):
        read_events(body)


def test_a_button_that_is_not_ours() -> None:
    assert read_postback("") is read_postback("token=abc") is read_postback("answer=ok") is None
