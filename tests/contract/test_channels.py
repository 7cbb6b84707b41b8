"""Each channel against a provider that judges strictly: a fake Twilio and a push service that decrypts."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from alerts.channel import Outgoing, SendError, Trouble
from alerts.channels.console import Console
from alerts.channels.sms_twilio import TROUBLE_OF_CODE, TwilioSms, trouble
from alerts.channels.web_push import WebPush
from alerts.channels_setup import channel_kinds, make_channels
from alerts.push_address import BadSubscription, read_subscription
from alerts.push_encrypt import MAX_PLAINTEXT
from alerts.push_payload import payload, topic
from alerts.vapid import VapidError, load_or_make_vapid, public_key
from core.model import MessageState, Purpose, Severity
from core.settings import Settings, load_settings
from tests.fakes import FakeTwilio, fake_twilio
from tests.push_server import FakePush, fake_push

INCIDENT = UUID(int=7)


def outgoing(address: str, **more: object) -> Outgoing:
    values: dict[str, object] = {
        "message_id": 41,
        "address": address,
        "title": "ĐỘNG ĐẤT: Mashiki",
        "body": "Daijobu: ĐỘNG ĐẤT.\nhttps://daijobu.example/c/abc",
        "language": "vi",
        "severity": Severity.EXTREME,
        "purpose": Purpose.LIVE,
        "incident_id": INCIDENT,
        "url": "https://daijobu.example/c/abc",
        "valid_s": 1800,
        "actions": (("ok", "Tôi an toàn"), ("help", "Cần giúp")),
        "receipt_token": "proof",
    }
    return Outgoing(**(values | more))  # type: ignore[arg-type]


# ---------------------------------------------------------------- set-up


def test_channels_are_found_by_themselves() -> None:
    assert {name: kind.contact for name, kind in channel_kinds().items()} == {
        "console": "phone",
        "push": "push",
        "sms": "phone",
    }


async def test_console_stands_in_only_without_a_provider(tmp_path: Path) -> None:
    bare = make_channels(Settings(data_dir=tmp_path))
    assert sorted(bare) == ["console", "push"]
    wanted = bare.resolve("sms")
    assert wanted is not None and wanted.name == "console"
    env = {
        "DAIJOBU_TWILIO_ACCOUNT_SID": "AC1",
        "DAIJOBU_TWILIO_AUTH_TOKEN": "t",
        "DAIJOBU_DATA_DIR": str(tmp_path),
    }
    full = make_channels(load_settings(env))
    assert sorted(full) == ["push", "sms"]
    for channel in (*bare.values(), *full.values()):
        await channel.close()


async def test_console_prints_a_block_without_the_number() -> None:
    out = io.StringIO()
    sent = await Console(out).send(outgoing("+819012345678"))
    text = out.getvalue()
    assert "...5678 [vi] extreme" in text and "ĐỘNG ĐẤT" in text and "+8190123" not in text
    assert sent.provider_id == "console-41"


# ---------------------------------------------------------------- Twilio


@pytest.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    async with fake_twilio() as fake:
        yield fake


@pytest.fixture
async def sms(twilio: FakeTwilio) -> AsyncIterator[TwilioSms]:
    channel = TwilioSms(
        load_settings(
            {
                "DAIJOBU_TWILIO_ACCOUNT_SID": twilio.account,
                "DAIJOBU_TWILIO_AUTH_TOKEN": twilio.token,
                "DAIJOBU_TWILIO_BASE_URL": twilio.url,
                "DAIJOBU_TWILIO_MESSAGING_SERVICE_SID": "MG1",
                "DAIJOBU_PUBLIC_URL": "https://daijobu.example",
                "DAIJOBU_SEND_TIMEOUT_S": "0.5",
            }
        )
    )
    yield channel
    await channel.close()


async def test_twilio_gets_what_it_needs(twilio: FakeTwilio, sms: TwilioSms) -> None:
    sent = await sms.send(outgoing("+819012345678"))
    (form,) = twilio.taken
    assert sent.provider_id == f"SM{1:032x}"
    assert form["To"] == "+819012345678" and form["MessagingServiceSid"] == "MG1"
    assert form["StatusCallback"] == "https://daijobu.example/t/s/41"
    assert form["ValidityPeriod"] == "1800" and form["SmartEncoded"].lower() == "false"
    assert form["Body"].endswith("/c/abc")


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("429", Trouble.THROTTLED),
        ("500", Trouble.AMBIGUOUS),
        ("hang", Trouble.AMBIGUOUS),
        ("lost", Trouble.AMBIGUOUS),
    ],
)
async def test_twilio_in_trouble(twilio: FakeTwilio, sms: TwilioSms, mode: str, kind: Trouble) -> None:
    twilio.mode = mode
    with pytest.raises(SendError) as caught:
        await sms.send(outgoing("+819012345678"))
    assert caught.value.kind is kind
    assert caught.value.retry_after_s == (7 if mode == "429" else None)


async def test_twilio_is_away(sms: TwilioSms, twilio: FakeTwilio) -> None:
    away = TwilioSms(
        load_settings(
            {
                "DAIJOBU_TWILIO_ACCOUNT_SID": "AC1",
                "DAIJOBU_TWILIO_AUTH_TOKEN": "t",
                "DAIJOBU_TWILIO_BASE_URL": "http://127.0.0.1:9",
            }
        )
    )
    with pytest.raises(SendError) as caught:
        await away.send(outgoing("+819012345678"))
    assert caught.value.kind is Trouble.NOT_SENT
    await away.close()


@pytest.mark.parametrize("code", sorted(TROUBLE_OF_CODE))
async def test_twilio_error_numbers(twilio: FakeTwilio, sms: TwilioSms, code: int) -> None:
    twilio.codes["5678"] = code
    with pytest.raises(SendError) as caught:
        await sms.send(outgoing("+819012345678"))
    assert (caught.value.kind, caught.value.code) == (TROUBLE_OF_CODE[code], str(code))
    assert "+8190" not in str(caught.value), "a number must not stand in a log"


def test_unknown_error_numbers_are_refusals() -> None:
    assert trouble(99_999, 400).kind is Trouble.REFUSED
    assert trouble(500, 503).kind is Trouble.AMBIGUOUS


async def test_answers_are_never_mixed_up(twilio: FakeTwilio, sms: TwilioSms) -> None:
    numbers = [f"+8190{n:08d}" for n in range(60)]
    sent = await asyncio.gather(*[sms.send(outgoing(number)) for number in numbers])
    by_sid = {f"SM{n + 1:032x}": form["To"] for n, form in enumerate(twilio.taken)}
    assert [by_sid[s.provider_id] for s in sent] == numbers


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("queued", None),
        ("sending", None),
        ("sent", MessageState.SENT),
        ("delivered", MessageState.DELIVERED),
        ("undelivered", MessageState.FAILED),
        ("failed", MessageState.FAILED),
        ("something new", None),
    ],
)
def test_statuses(sms: TwilioSms, status: str, state: MessageState | None) -> None:
    receipt = sms.read_receipt(41, {"MessageStatus": status, "MessageSid": "SM1", "ErrorCode": "30006"})
    assert (None if receipt is None else receipt.state) == state
    if state is MessageState.FAILED:
        assert receipt is not None and receipt.drop_address == "dead"


# ---------------------------------------------------------------- Web Push


@pytest.fixture
async def push_service() -> AsyncIterator[FakePush]:
    async with fake_push() as fake:
        yield fake


@pytest.fixture
async def push(tmp_path: Path) -> AsyncIterator[WebPush]:
    channel = WebPush(Settings(data_dir=tmp_path, push_allow_http=True, send_timeout_s=1.0))
    yield channel
    await channel.close()


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
    ("status", "kind", "drop"),
    [
        (404, Trouble.DEAD_ADDRESS, "dead"),
        (410, Trouble.DEAD_ADDRESS, "dead"),
        (429, Trouble.THROTTLED, None),
        (403, Trouble.REFUSED, None),
        (413, Trouble.REFUSED, None),
        (500, Trouble.NOT_SENT, None),
        (307, Trouble.REFUSED, None),
    ],
)
async def test_push_statuses(
    push_service: FakePush, push: WebPush, status: int, kind: Trouble, drop: str | None
) -> None:
    browser = push_service.subscribe()
    push_service.modes[0] = status
    with pytest.raises(SendError) as caught:
        await push.send(outgoing(browser.to_json()))
    assert (caught.value.kind, caught.value.drop_address) == (kind, drop)
    assert caught.value.retry_after_s == (11 if status == 429 else None)


@pytest.mark.parametrize("text", ["x" * 9_000, "ああ" * 3_000, "မြန်မာ" * 900, "short"])
def test_payload_fits_what_push_services_carry(text: str) -> None:
    data = payload(outgoing("", body=text))
    assert len(data) <= MAX_PLAINTEXT
    note = json.loads(data)["notification"]
    assert note["navigate"] and (note["body"] == text or len(data) > MAX_PLAINTEXT - 40)


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
