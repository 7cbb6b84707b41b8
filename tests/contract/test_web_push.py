"""Web Push against a push service that judges as strictly as a real one, and what follows from each of its answers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alerts.channel import Prepares, SendError, Trouble
from alerts.channels.web_push import WARM_EVERY_S, WebPush
from alerts.push_answers import BRAKE_AFTER
from alerts.push_encrypt import PAD_TO
from alerts.push_payload import topic
from core.settings import Settings
from tests.outgoing import INCIDENT, outgoing
from tests.push_server import FakePush, fake_push


async def until(check: Callable[[], bool]) -> None:
    while not check():
        await asyncio.sleep(0.01)


async def test_push_arrives_decrypted(push_service: FakePush, push: WebPush) -> None:
    browser = push_service.subscribe()
    await push.send(outgoing(browser.to_json()))
    (shown,) = push_service.shown
    note = shown.payload["notification"]
    assert shown.payload["web_push"] == 8030
    assert (note["title"], note["lang"]) == ("ĐỘNG ĐẤT: Mashiki", "vi")
    assert note["body"] == "Daijobu: ĐỘNG ĐẤT."
    assert [a["action"] for a in note["actions"]] == ["ok", "help"]
    assert note["navigate"] == "https://daijobu.example/c/abc"
    assert note["data"]["receipt"] == "proof"
    assert shown.headers["TTL"] == "1800" and shown.headers["Urgency"] == "high"
    assert shown.headers["Topic"] == topic(INCIDENT) and len(shown.headers["Topic"]) == 32


async def test_each_push_service_gets_its_own_claims(push: WebPush) -> None:
    async with fake_push() as one, fake_push() as two:
        for service in (one, two, one):
            await push.send(outgoing(service.subscribe().to_json()))
        assert (len(one.shown), len(two.shown)) == (2, 1)


@pytest.mark.parametrize(
    ("mode", "kind", "code", "drop"),
    [
        (400, Trouble.REFUSED, "http_400", None),
        (401, Trouble.REFUSED, "http_401", None),
        (403, Trouble.REFUSED, "http_403", None),
        (404, Trouble.DEAD_ADDRESS, "http_404", "dead"),
        (408, Trouble.NOT_SENT, "http_408", None),
        (410, Trouble.DEAD_ADDRESS, "http_410", "dead"),
        (413, Trouble.REFUSED, "http_413", None),
        (429, Trouble.THROTTLED, "http_429", None),
        (500, Trouble.NOT_SENT, "http_500", None),
        (503, Trouble.NOT_SENT, "http_503", None),
        (307, Trouble.REFUSED, "http_307", None),
        ("hang", Trouble.AMBIGUOUS, "no_answer", None),
        ("drop", Trouble.AMBIGUOUS, "no_answer", None),
    ],
)
async def test_answers(
    push_service: FakePush, tmp_path: Path, mode: int | str, kind: Trouble, code: str, drop: str | None
) -> None:
    push = WebPush(Settings(data_dir=tmp_path, push_allow_http=True, send_timeout_s=0.2))
    browser = push_service.subscribe()
    push_service.modes[0] = mode
    with pytest.raises(SendError) as caught:
        await push.send(outgoing(browser.to_json()))
    error = caught.value
    assert (error.kind, error.code, error.drop_address) == (kind, code, drop)
    assert error.retry_after_s == (11 if mode == 429 else None)
    assert error.detail == ("errno 999" if isinstance(mode, int) and mode != 307 else error.detail)
    assert browser.endpoint not in str(error) and push_service.shown == []
    await push.close()


async def test_a_push_service_that_is_away(push: WebPush, push_service: FakePush) -> None:
    keys = json.loads(push_service.subscribe().to_json())["keys"]
    with pytest.raises(SendError) as caught:
        await push.send(outgoing(json.dumps({"endpoint": "http://127.0.0.1:9/push/1", "keys": keys})))
    assert caught.value.kind is Trouble.NOT_SENT


async def test_a_connection_that_was_closed_meanwhile_is_opened_anew(push_service: FakePush, push: WebPush) -> None:
    browser = push_service.subscribe()
    await push.send(outgoing(browser.to_json()))
    push_service.modes[0] = "drop once"
    await push.send(outgoing(browser.to_json()))
    assert (len(push_service.shown), push_service.pushes) == (2, 3)


async def test_a_redirect_is_not_followed(push_service: FakePush, push: WebPush) -> None:
    browser = push_service.subscribe()
    push_service.modes[0] = 307
    with pytest.raises(SendError):
        await push.send(outgoing(browser.to_json()))
    assert push_service.pushes == 1


async def test_too_large_is_sent_once_more_and_shorter(push_service: FakePush, push: WebPush) -> None:
    browser = push_service.subscribe()
    push_service.limit = 2048
    await push.send(outgoing(browser.to_json(), body="မြန်မာ " * 900))
    (shown,) = push_service.shown
    note = shown.payload["notification"]
    assert push_service.pushes == 2 and note["actions"] == [] and note["body"].endswith("…")
    assert note["navigate"] == "https://daijobu.example/c/abc" and note["data"]["receipt"] == "proof"


async def test_a_push_service_that_slows_us_down_is_left_in_peace(push_service: FakePush, tmp_path: Path) -> None:
    now = [time.time()]
    push = WebPush(Settings(data_dir=tmp_path, push_allow_http=True), now=lambda: now[0])
    browsers = [push_service.subscribe() for _ in range(BRAKE_AFTER + 1)]
    for number, browser in enumerate(browsers):
        push_service.modes[number] = 429
        with pytest.raises(SendError) as caught:
            await push.send(outgoing(browser.to_json()))
        assert caught.value.kind is Trouble.THROTTLED and caught.value.retry_after_s == 11
    assert push_service.pushes == BRAKE_AFTER, "the last one was not even tried"
    now[0] += 11
    push_service.modes.clear()
    await push.send(outgoing(browsers[0].to_json()))
    await push.send(outgoing(browsers[1].to_json()))
    await push.close()


async def test_whoever_measures_the_length_learns_little(push_service: FakePush, push: WebPush) -> None:
    browser = push_service.subscribe()
    for text in ("", "A", "မြန်မာ"):
        await push.send(outgoing(browser.to_json(), body=text))
    lengths = {int(one.headers["Content-Length"]) for one in push_service.shown}
    assert len(lengths) == 1 and (lengths.pop() - 86 - 17) % PAD_TO == 0


# ---------------------------------------------------------------- pywebpush stands in


async def test_where_our_encoder_fails_pywebpush_encrypts(push_service: FakePush, tmp_path: Path, caplog: Any) -> None:
    push = WebPush(Settings(data_dir=tmp_path, push_allow_http=True), works=lambda: False)
    assert "pywebpush" in caplog.text
    browser = push_service.subscribe()
    assert await push.prepare([browser.to_json()]) == 0
    await push.send(outgoing(browser.to_json()))
    assert push_service.shown[0].payload["notification"]["lang"] == "vi"
    await push.close()


# ---------------------------------------------------------------- ahead of time


async def test_what_was_prepared_is_used_once(push_service: FakePush, push: WebPush) -> None:
    assert isinstance(push, Prepares)
    addresses = [push_service.subscribe().to_json() for _ in range(3)]
    push.begin_preparing()
    assert await push.prepare([*addresses, "nonsense", "{}"]) == 3
    push.end_preparing()
    assert not push.wants_preparing()
    for _ in range(2):
        for address in addresses:
            await push.send(outgoing(address))
    assert len(push_service.shown) == 6 and push.wants_preparing()
    push.begin_preparing()
    assert await push.prepare(addresses) == 3
    push.end_preparing()
    assert not push.wants_preparing()


async def test_envelopes_are_thrown_away_after_a_day(push_service: FakePush, tmp_path: Path) -> None:
    now = [time.time()]
    push = WebPush(Settings(data_dir=tmp_path, push_allow_http=True), now=lambda: now[0])
    address = push_service.subscribe().to_json()
    for expected in (1, 0):
        push.begin_preparing()
        assert await push.prepare([address]) == expected
        push.end_preparing()
    now[0] += 24 * 3600
    assert push.wants_preparing()
    push.begin_preparing()
    assert await push.prepare([address]) == 1
    push.end_preparing()
    assert not push.wants_preparing()
    await push.close()


async def test_connections_are_open_before_anybody_must_be_told(push_service: FakePush, tmp_path: Path) -> None:
    now = [time.time()]
    push = WebPush(Settings(data_dir=tmp_path, push_allow_http=True), now=lambda: now[0])
    await push.warm()
    assert push_service.connections() == 0, "nobody is subscribed"
    now[0] += WARM_EVERY_S
    addresses = [push_service.subscribe().to_json() for _ in range(4)]
    push.begin_preparing()
    await push.prepare(addresses)
    push.end_preparing()
    await push.warm()
    await push.warm()
    await until(lambda: push_service.connections() == 4)
    assert push_service.pushes == 0
    await asyncio.gather(*[push.send(outgoing(address)) for address in addresses])
    assert len(push_service.shown) == 4 and push_service.connections() == 4, "no new connection was needed"
    await push.close()


async def test_a_push_service_that_is_away_does_not_stop_the_warm_up(tmp_path: Path, push_service: FakePush) -> None:
    push = WebPush(Settings(data_dir=tmp_path, push_allow_http=True))
    keys = json.loads(push_service.subscribe().to_json())["keys"]
    push.begin_preparing()
    await push.prepare([json.dumps({"endpoint": "http://127.0.0.1:9/1", "keys": keys})])
    push.end_preparing()
    await push.warm()
    await push.close()
