"""Which endpoints we send to, what a push service's answers mean, and the key it knows us by."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channel import SendError, Trouble
from alerts.channels.web_push import WebPush
from alerts.push_address import BadSubscription, Subscription, check_endpoint, read_subscription
from alerts.push_answers import BRAKE_AFTER, MAX_BRAKE_S, Answer, Brakes, retry_after_s, trouble
from alerts.vapid import TOKEN_LIFE_S, TOKEN_REUSE_S, Tokens, VapidError, load_or_make_vapid, public_key
from core.settings import Settings
from tests.outgoing import outgoing
from tests.push_server import FakePush

# ---------------------------------------------------------------- what answers mean (pure)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"code": 401, "errno": 109, "message": "secret"}', "errno 109"),
        (b'{"reason": "BadJwtToken"}', "BadJwtToken"),
        (b'{"reason": "https://push.example/abc"}', ""),
        (b'{"errno": true}', ""),
        (b"[1]", ""),
        (b"<html>no</html>", ""),
        (b"[" * 2048, ""),
        (b"\xff", ""),
    ],
)
def test_of_an_answer_only_its_own_word_is_kept(body: bytes, reason: str) -> None:
    assert Answer(400, body=body).reason == reason
    assert trouble(Answer(400, body=body), 0.0).detail == reason


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("9" * 400, None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after_s(text, 10.0) == seconds


@given(st.text(max_size=60))
def test_retry_after_is_never_a_crash(text: str) -> None:
    found = retry_after_s(text, 10.0)
    assert found is None or found >= 0


def test_one_phone_that_is_throttled_does_not_stop_the_others() -> None:
    brakes = Brakes()
    for _ in range(50):
        for _ in range(BRAKE_AFTER - 1):
            brakes.heard("https://a", Answer(429, retry_after="3600"), 0.0)
        brakes.heard("https://a", Answer(201), 0.0)
    assert brakes.wait_s("https://a", 0.0) == 0
    for _ in range(BRAKE_AFTER):
        brakes.heard("https://a", Answer(429, retry_after="3600"), 0.0)
    assert brakes.wait_s("https://a", 0.0) == MAX_BRAKE_S and brakes.wait_s("https://b", 0.0) == 0


# ---------------------------------------------------------------- whom we may ask


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/fcm/send/1",
        "https://fcm.googleapis.com:8443/1",
        "https://user@fcm.googleapis.com/1",
        "https://fcm.googleapis.com.evil.example/1",
        "https://evilfcm.googleapis.com.example/1",
        "https://127.0.0.1/1",
        "https://metadata.google.internal/1",
        "file:///etc/passwd",
        "https://fcm.googleapis.com/" + "x" * 3_000,
        "https://fcm.googleapis.com/a b",
        "nonsense",
        "https:///push",
        "https://fcm.googleapis.com",
        "https://fcm.googleapis.com\\@evil.example/1",
        "https://fcm.googleapis.com@evil.example/1",
        "https://evil.example\\.fcm.googleapis.com/1",
        "https://evil.example#.fcm.googleapis.com/1",
        "https://evil.example?.fcm.googleapis.com/1",
        "https://evil.example%2f.fcm.googleapis.com/1",
        "https://[::1]/1",
        "https://[::ffff:10.0.0.1]/1",
        "https://fcm.googleapis.com./1",
        "https://fcm.googleapis.com/\n1",
        "https://fcm.googleapis.com/é",
        "https://ｆcm.googleapis.com/1",
        "HTTPS://fcm.googleapis.com:0443x/1",
        "//fcm.googleapis.com/1",
        "javascript:alert(1)",
    ],
)
async def test_endpoint_of_a_stranger_is_refused(endpoint: str, push_service: FakePush) -> None:
    keys = json.loads(push_service.subscribe().to_json())["keys"]
    with pytest.raises(BadSubscription):
        read_subscription(json.dumps({"endpoint": endpoint, "keys": keys}), Settings())


@pytest.mark.parametrize(
    "host", ["fcm.googleapis.com", "updates.push.services.mozilla.com", "web.push.apple.com", "db5p.notify.windows.com"]
)
async def test_endpoint_of_a_push_service(host: str, push_service: FakePush) -> None:
    keys = json.loads(push_service.subscribe().to_json())["keys"]
    found = read_subscription(json.dumps({"endpoint": f"https://{host}/x", "keys": keys}), Settings())
    assert found.origin == f"https://{host}"


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[fd00::1]", "127.0.0.1", "[::ffff:192.168.0.1]"])
def test_no_setting_opens_our_own_network(host: str) -> None:
    settings = Settings(push_hosts=f"{host.strip('[]')},fcm.googleapis.com")
    with pytest.raises(BadSubscription, match="public internet"):
        check_endpoint(f"https://{host}/1", settings)


async def test_a_name_that_leads_into_our_own_network_is_not_dialled(tmp_path: Path, push_service: FakePush) -> None:
    push = WebPush(Settings(data_dir=tmp_path, push_hosts="localhost"))
    keys = json.loads(push_service.subscribe().to_json())["keys"]
    with pytest.raises(SendError) as caught:
        await push.send(outgoing(json.dumps({"endpoint": "https://localhost/1", "keys": keys})))
    assert (caught.value.kind, caught.value.code) == (Trouble.NOT_SENT, "no_connection")
    await push.close()


def test_the_same_push_service_however_it_is_written() -> None:
    for endpoint in ("https://FCM.googleapis.com/1", "https://fcm.googleapis.com:443/1"):
        check_endpoint(endpoint, Settings())
        assert Subscription(endpoint, "", "").origin == "https://fcm.googleapis.com"


HOSTILE: list[Any] = [
    "",
    "null",
    "[]",
    "7",
    '"text"',
    "[" * 100_000,
    "{}",
    {"endpoint": None, "keys": {}},
    {"endpoint": 5, "keys": {"p256dh": "A", "auth": "A"}},
    {"endpoint": "URL", "keys": None},
    {"endpoint": "URL", "keys": []},
    {"endpoint": "URL", "keys": {"p256dh": 5, "auth": None}},
    {"endpoint": "URL", "keys": {"p256dh": "", "auth": ""}},
    {"endpoint": "URL", "keys": {"p256dh": "é", "auth": "A" * 22}},
    {"endpoint": "URL", "keys": {"p256dh": "B" + "A" * 86, "auth": "A" * 22}},
    {"endpoint": "URL", "keys": {"p256dh": "A" * 100_000, "auth": "A" * 22}},
    {"endpoint": "URL\r\nX: 1", "keys": {"p256dh": "B" + "A" * 86, "auth": "A" * 22}},
    {"endpoint": {"a": 1}, "keys": {"p256dh": "B" + "A" * 86, "auth": "A" * 22}},
]


@pytest.mark.parametrize("row", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("works", [True, False])
async def test_a_hostile_row_is_a_dead_address(row: Any, works: bool, push_service: FakePush, tmp_path: Path) -> None:
    push = WebPush(Settings(data_dir=tmp_path, push_allow_http=True), works=lambda: works)
    text = row if isinstance(row, str) else json.dumps(row).replace("URL", f"{push_service.url}/push/0")
    assert await push.prepare([text]) == 0
    with pytest.raises(SendError) as caught:
        await push.send(outgoing(text))
    assert caught.value.kind is Trouble.DEAD_ADDRESS and push_service.pushes == 0
    with pytest.raises(BadSubscription):
        read_subscription(text, Settings(push_allow_http=True))
    await push.close()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["https://fcm.googleapis.com/1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["endpoint", "keys", "p256dh", "auth", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(JSON | st.text(max_size=50))
def test_any_subscription_is_read_or_refused_in_one_sentence(data: Any) -> None:
    text = data if isinstance(data, str) else json.dumps(data)
    with pytest.raises(BadSubscription, match="^[^\n]+$"):
        read_subscription(text, Settings())


@pytest.mark.parametrize("keys", [{}, {"p256dh": "AAAA", "auth": "AAAA"}, {"p256dh": 5, "auth": None}])
def test_bad_keys_are_refused(keys: dict[str, object]) -> None:
    text = json.dumps({"endpoint": "https://fcm.googleapis.com/x", "keys": keys})
    with pytest.raises(BadSubscription):
        read_subscription(text, Settings())


async def test_host_is_checked_again_when_sending(push_service: FakePush, tmp_path: Path) -> None:
    strict = WebPush(Settings(data_dir=tmp_path))
    with pytest.raises(SendError) as caught:
        await strict.send(outgoing(push_service.subscribe().to_json()))
    assert caught.value.drop_address == "dead" and push_service.shown == []
    await strict.close()


# ---------------------------------------------------------------- the VAPID key


def claims_of(header: str) -> dict[str, Any]:
    part = header.split(" t=")[1].split(",")[0].split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=="))
    return found


def test_a_token_for_each_push_service_renewed_in_time() -> None:
    now, signed = [1_000_000.0], []

    def sign(claims: dict[str, object]) -> str:
        signed.append(dict(claims))
        claims["aud"] = "spoilt"  # as libraries do
        return f"header {len(signed)}"

    tokens = Tokens(sign, "mailto:a@b.example", lambda: now[0])
    assert [tokens.header("https://a"), tokens.header("https://b"), tokens.header("https://a")] == [
        "header 1",
        "header 2",
        "header 1",
    ]
    now[0] += TOKEN_REUSE_S - 1
    assert tokens.header("https://a") == "header 1"
    now[0] += 1
    assert tokens.header("https://a") == "header 3"
    now[0] -= 5_000  # the clock was set back
    assert tokens.header("https://a") == "header 4"
    assert [one["aud"] for one in signed] == ["https://a", "https://b", "https://a", "https://a"]
    for one in signed:
        assert one["sub"] == "mailto:a@b.example"
    assert [one["exp"] for one in signed][0] == 1_000_000 + TOKEN_LIFE_S


async def test_the_signature_of_the_rfc(push_service: FakePush, push: WebPush, tmp_path: Path) -> None:
    """RFC 8292 §2 and §3: what the strict push service verified, looked at once more."""
    await push.send(outgoing(push_service.subscribe().to_json()))
    header = push_service.shown[0].headers["Authorization"]
    claims = claims_of(header)
    assert claims["aud"] == push_service.url and claims["sub"].startswith(("mailto:", "https:"))
    assert 0 < claims["exp"] - time.time() <= 86_400
    assert header.endswith("k=" + public_key(load_or_make_vapid(Settings(data_dir=tmp_path))))


def test_vapid_key_is_made_once(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    first = public_key(load_or_make_vapid(settings))
    assert public_key(load_or_make_vapid(settings)) == first and len(first) == 87
    assert (tmp_path / "keys" / "vapid.pem").stat().st_mode & 0o077 == 0


def test_vapid_key_that_is_none_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "vapid.pem").write_text("-----BEGIN NOTHING-----")
    with pytest.raises(VapidError, match=r"vapid\.pem"):
        load_or_make_vapid(Settings(data_dir=tmp_path))
