"""SMS against a Twilio of our own that behaves as the real one (tests/twilio_server.py)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from alerts.channel import SendError, Trouble
from alerts.channels.sms_twilio import TwilioSms, read_call_back_id, validity_s
from alerts.twilio_errors import COLUMNS, read_table, table, trouble
from alerts.twilio_http import AnswerHeaders, answer_headers, read_headers
from alerts.twilio_signature import SignatureCheck
from core.model import MessageState, Severity
from core.settings import load_settings
from tests.outgoing import outgoing
from tests.twilio_server import FakeTwilio, fake_twilio

NUMBER = "+819012345678"


@pytest.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    async with fake_twilio() as fake:
        yield fake


def channel(twilio: FakeTwilio, **more: str) -> TwilioSms:
    return TwilioSms(
        load_settings(
            {
                "DAIJOBU_TWILIO_ACCOUNT_SID": twilio.account,
                "DAIJOBU_TWILIO_AUTH_TOKEN": twilio.token,
                "DAIJOBU_TWILIO_BASE_URL": twilio.url,
                "DAIJOBU_TWILIO_MESSAGING_SERVICE_SID": "MG1",
                "DAIJOBU_PUBLIC_URL": "https://daijobu.example",
                "DAIJOBU_SEND_TIMEOUT_S": "20",
                **more,
            }
        )
    )


@pytest.fixture
async def sms(twilio: FakeTwilio) -> AsyncIterator[TwilioSms]:
    made = channel(twilio)
    yield made
    await made.close()


async def test_twilio_gets_what_it_needs(twilio: FakeTwilio, sms: TwilioSms) -> None:
    sent = await sms.send(outgoing(NUMBER, attempt=2))
    (form,) = twilio.taken
    assert sent.provider_id == twilio.sid(0)
    assert form["To"] == NUMBER and form["MessagingServiceSid"] == "MG1"
    assert form["StatusCallback"] == "https://daijobu.example/t/s/41-2#rc=5&rp=all"
    assert form["ValidityPeriod"] == "1800" and form["SmartEncoded"].lower() == "false"
    assert form["Body"].endswith("/c/abc")
    said = answer_headers.get()
    assert said is not None and said.request_id == "RQ1"


async def test_a_message_that_is_not_stored_has_no_call_back(twilio: FakeTwilio, sms: TwilioSms) -> None:
    await sms.send(outgoing(NUMBER, message_id=0))
    assert "StatusCallback" not in twilio.taken[0]


@pytest.mark.parametrize(
    ("mode", "kind", "code", "taken"),
    [
        ("429", Trouble.THROTTLED, "20429", 0),
        ("500", Trouble.AMBIGUOUS, "http_503", 0),
        ("taken_500", Trouble.AMBIGUOUS, "http_503", 1),
        ("hang", Trouble.AMBIGUOUS, "no_answer", 0),
        ("late", Trouble.AMBIGUOUS, "no_answer", 1),
        ("lost", Trouble.AMBIGUOUS, "no_answer", 1),
        ("problem", Trouble.REFUSED, "21408", 0),
        ("portal", Trouble.AMBIGUOUS, "no_json", 0),
    ],
)
async def test_twilio_in_trouble(twilio: FakeTwilio, mode: str, kind: Trouble, code: str, taken: int) -> None:
    twilio.mode = mode
    sms = channel(twilio, DAIJOBU_SEND_TIMEOUT_S="0.4" if mode in ("hang", "late") else "20")
    with pytest.raises(SendError) as caught:
        await sms.send(outgoing(NUMBER))
    assert (caught.value.kind, caught.value.code, len(twilio.taken)) == (kind, code, taken)
    assert caught.value.retry_after_s == (7 if mode == "429" else None)
    if mode == "429":
        assert caught.value.detail == "RQ7, 101 under way"
    await sms.close()


async def test_twilio_is_away() -> None:
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
        await away.send(outgoing(NUMBER))
    assert caught.value.kind is Trouble.NOT_SENT
    await away.close()


async def test_every_error_number(twilio: FakeTwilio, sms: TwilioSms) -> None:
    for code, known in table().items():
        twilio.codes["5678"] = code
        with pytest.raises(SendError) as caught:
            await sms.send(outgoing(NUMBER))
        error = caught.value
        assert (error.kind, error.code, error.alarm) == (known.trouble, str(code), known.alarm)
        assert known.meaning in str(error) and error.remedy == known.action
        assert "+8190" not in str(error), "a number must not stand in a log"
        receipt = sms.read_receipt(41, {"MessageStatus": "undelivered", "MessageSid": "SM1", "ErrorCode": str(code)})
        assert receipt is not None and receipt.state is MessageState.FAILED
        assert receipt.drop_address == error.drop_address


async def test_wrong_token(twilio: FakeTwilio) -> None:
    wrong = channel(twilio, DAIJOBU_TWILIO_AUTH_TOKEN="other")
    with pytest.raises(SendError) as caught:
        await wrong.send(outgoing(NUMBER))
    assert (caught.value.kind, caught.value.code, caught.value.alarm) == (Trouble.REFUSED, "20003", "critical")
    await wrong.close()


@pytest.mark.parametrize(
    ("number", "status", "kind"),
    [
        (99_999, 400, Trouble.REFUSED),
        (503, 503, Trouble.AMBIGUOUS),
        (408, 408, Trouble.AMBIGUOUS),
        (99_999, 429, Trouble.THROTTLED),
        (99_999, 0, Trouble.REFUSED),
    ],
)
def test_unknown_numbers_go_by_the_status(number: int, status: int, kind: Trouble) -> None:
    error = trouble(number, status)
    assert (error.kind, error.code, error.alarm) == (kind, str(number), "")


@pytest.mark.parametrize(
    "row",
    [
        "20003\tno\trefused\tcritical\tmeaning",
        "x\tno\trefused\t\tmeaning\taction",
        "20003\tperhaps\trefused\t\tmeaning\taction",
        "20003\tno\tbad\t\tmeaning\taction",
        "20003\tno\trefused\tloud\tmeaning\taction",
        "20003\tno\trefused\t\t\taction",
    ],
)
def test_a_bad_row_is_named(row: str) -> None:
    with pytest.raises(ValueError, match=r"twilio_errors.tsv line 2"):
        read_table("\t".join(COLUMNS) + "\n" + row)


async def test_answers_are_never_mixed_up(twilio: FakeTwilio, sms: TwilioSms) -> None:
    numbers = [f"+8190{n:08d}" for n in range(60)]
    sent = await asyncio.gather(*[sms.send(outgoing(number)) for number in numbers])
    by_sid = {twilio.sid(n): form["To"] for n, form in enumerate(twilio.taken)}
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
        ("canceled", MessageState.FAILED),
        ("something new", None),
    ],
)
def test_statuses(sms: TwilioSms, status: str, state: MessageState | None) -> None:
    receipt = sms.read_receipt(41, {"MessageStatus": status, "MessageSid": "SM1", "New": "field"})
    assert (None if receipt is None else receipt.state) == state


@pytest.mark.parametrize(
    ("severity", "hazard", "valid_s", "expected"),
    [
        ("extreme", "tsunami", 1_800, 1_800),
        ("severe", "tsunami", 5_000, 1_800),
        ("extreme", "river_flood", 7_200, 1_800),
        ("extreme", "earthquake", 10_800, 7_200),
        ("severe", "heavy_rain", 10_800, 7_200),
        ("severe", "earthquake", 300, 300),
        ("moderate", "earthquake", 86_400, 36_000),
        ("info", "", 0, 1),
    ],
)
def test_validity(severity: str, hazard: str, valid_s: int, expected: int) -> None:
    assert validity_s(outgoing("", severity=Severity(severity), hazard=hazard, valid_s=valid_s)) == expected


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("41-2", (41, 2)),
        ("41", (41, None)),
        ("41-", None),
        ("-2", None),
        ("41-2-3", None),
        ("٤١-2", None),
        ("4" * 19, None),
        ("", None),
    ],
)
def test_call_back_ids(text: str, read: object) -> None:
    assert read_call_back_id(text) == read


@pytest.mark.parametrize(
    ("headers", "read"),
    [
        ({"Retry-After": "7"}, AnswerHeaders("", 7.0)),
        ({"Retry-After": "Fri, 20 Nov 2026 03:00:30 GMT"}, AnswerHeaders("", 30.0)),
        ({"Retry-After": "Fri, 20 Nov 2026 02:00:30 GMT"}, AnswerHeaders("", 0.0)),
        ({"Retry-After": "soon"}, AnswerHeaders()),
        ({"Twilio-Concurrent-Requests": "12", "Twilio-Request-Id": "RQ"}, AnswerHeaders("RQ", None, 12)),
        ({"Twilio-Concurrent-Requests": "many"}, AnswerHeaders()),
    ],
)
def test_headers(headers: dict[str, str], read: AnswerHeaders) -> None:
    assert read_headers(headers, datetime(2026, 11, 20, 3, 0, tzinfo=UTC)) == read


# ---------------------------------------------------------------- signatures

SITE = "https://daijobu.example"
PATH = "/t/s/41-1?a=%31&b="
FIELDS = MultiDict([("MessageSid", "SM1"), ("To", ""), ("Media", "b"), ("Media", "a")])


def signed(url: str, token: str = "new") -> dict[str, str]:
    return {"X-Twilio-Signature": RequestValidator(token).compute_signature(url, FIELDS)}


@pytest.mark.parametrize(
    ("headers", "fits"),
    [
        (signed(SITE + PATH), True),
        (signed("https://daijobu.example:443" + PATH), True),
        (signed(SITE + PATH + "#rc=5"), True),
        (signed(SITE + PATH, "old"), True),
        (signed(SITE + PATH, "stolen"), False),
        (signed("http://daijobu.example" + PATH), False),
        (signed(SITE + PATH.replace("%31", "1")), False),
        (signed(SITE + "/" + PATH), False),
        ({"X-Twilio-Signature": ""}, False),
        ({}, False),
        (signed(SITE + PATH) | {"X-Twilio-Webhooks-Signature-Settings": "key=k,algorithm=HMAC_MD5"}, False),
    ],
)
def test_signatures(headers: dict[str, str], fits: bool) -> None:
    assert SignatureCheck(SITE, ["new", "old"]).fits(PATH, FIELDS, headers, "#rc=5") is fits


@pytest.mark.parametrize("fields", [MultiDict([*FIELDS.items()][1:]), MultiDict([*FIELDS.items()][:-1])])
def test_every_field_is_signed(fields: MultiDict[str]) -> None:
    assert not SignatureCheck(SITE, ["new"]).fits(PATH, fields, signed(SITE + PATH), "")


def test_an_empty_field_counts() -> None:
    without = MultiDict((key, value) for key, value in FIELDS.items() if value)
    headers = {"X-Twilio-Signature": RequestValidator("new").compute_signature(SITE + PATH, {**without, "To": ""})}
    assert not SignatureCheck(SITE, ["new"]).fits(PATH, without, headers, "")
