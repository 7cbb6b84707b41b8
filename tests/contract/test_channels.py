"""The channels, and SMS against a fake Twilio that judges like the real one. Web Push: test_web_push.py."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from alerts.channel import SendError, Trouble
from alerts.channels.console import Console
from alerts.channels.sms_twilio import TROUBLE_OF_CODE, TwilioSms, trouble
from alerts.channels_setup import channel_kinds, make_channels
from core.model import MessageState
from core.settings import Settings, load_settings
from tests.fakes import FakeTwilio, fake_twilio
from tests.outgoing import outgoing

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
