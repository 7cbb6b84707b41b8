"""Which SMS may leave: countries, one number in an hour, the month's yen."""

from __future__ import annotations

import pytest

from alerts.buckets import Bucket, Buckets, OwnBuckets, refilled
from alerts.channel import Outgoing, SendError, Trouble
from alerts.sms_budget import is_over
from alerts.sms_guard import SmsGuard, country_of, is_urgent
from core.model import Purpose, Severity
from core.settings import Settings, SettingsError, load_settings
from tests.outgoing import outgoing

NUMBER = "+819012345678"
DRILL = outgoing(NUMBER, purpose=Purpose.DRILL)
LIVE = outgoing(NUMBER)
CODE = outgoing(NUMBER, message_id=0, purpose=Purpose.CANARY, severity=Severity.INFO)
ALARM = outgoing(NUMBER, message_id=0, severity=Severity.SEVERE)


@pytest.mark.parametrize(
    ("number", "country"),
    [("+819012345678", "JP"), ("+821012345678", "KR"), ("+84912345678", "VN"), ("+9990", ""), ("090", "")],
)
def test_countries(number: str, country: str) -> None:
    assert country_of(number) == country


async def code_of(guard: SmsGuard, message: Outgoing, buckets: Buckets | None = None) -> str:
    try:
        await guard.admit(message, buckets or OwnBuckets())
    except SendError as error:
        return error.code
    return ""


async def test_a_foreign_number_is_refused_and_named() -> None:
    guard = SmsGuard.of(load_settings({"DAIJOBU_SMS_COUNTRIES": "jp, kr"}))
    assert await code_of(guard, outgoing("+821012345678")) == ""
    with pytest.raises(SendError) as caught:
        await guard.admit(outgoing("+84912345678"), OwnBuckets())
    error = caught.value
    assert (error.kind, error.code, error.alarm) == (Trouble.DEAD_ADDRESS, "country_not_allowed", "warning")
    assert "VN" in error.remedy and "912345678" not in str(error) + error.remedy


@pytest.mark.parametrize(
    ("message", "urgent"),
    [(LIVE, True), (outgoing(NUMBER, severity=Severity.INFO), True), (ALARM, True), (DRILL, False), (CODE, False)],
)
def test_what_is_urgent(message: Outgoing, urgent: bool) -> None:
    assert is_urgent(message) is urgent


async def test_the_month_stops_all_but_what_is_live() -> None:
    guard = SmsGuard(frozenset({"JP"}), 100)
    assert await code_of(guard, DRILL) == ""
    guard.over_budget = True
    assert [await code_of(guard, one) for one in (LIVE, ALARM, DRILL, CODE)] == ["", "", "month_cap", "month_cap"]


async def test_one_number_in_an_hour() -> None:
    guard, now = SmsGuard(frozenset({"JP"}), 2), [0.0]
    buckets = OwnBuckets(lambda: now[0])
    assert [await code_of(guard, DRILL, buckets) for _ in range(3)] == ["", "", "too_many_an_hour"]
    assert await code_of(guard, outgoing("+819012345679", purpose=Purpose.DRILL), buckets) == "", "another number"
    assert not guard.faults
    assert await code_of(guard, LIVE, buckets) == "" and [fault.code for fault in guard.faults] == ["too_many_an_hour"]
    now[0] = 1799.0
    assert await code_of(guard, DRILL, buckets) == "too_many_an_hour", "half an hour gives back one of two"
    now[0] = 1801.0
    assert [await code_of(guard, DRILL, buckets) for _ in range(2)] == ["", "too_many_an_hour"]


@pytest.mark.parametrize(
    ("tokens", "elapsed", "expected"),
    [(0.0, 0.0, 0.0), (0.0, 180.0, 1.0), (19.5, 3600.0, 20.0), (3.0, -50.0, 3.0), (20.0, 1e9, 20.0)],
)
def test_a_bucket_fills_up_evenly(tokens: float, elapsed: float, expected: float) -> None:
    assert refilled(tokens, Bucket("sms", NUMBER, 20, 3600.0), elapsed) == pytest.approx(expected)


@pytest.mark.parametrize(("cap", "parts", "over"), [(0, 10**9, False), (1200, 99, False), (1200, 100, True)])
def test_yen(cap: int, parts: int, over: bool) -> None:
    assert is_over(parts, Settings(sms_month_cap_jpy=cap, sms_price_jpy=12.0)) is over


@pytest.mark.parametrize("value", ["JPN", "J1", "日本", ","])
def test_settings_that_are_no_countries(value: str) -> None:
    with pytest.raises(SettingsError, match="two-letter"):
        load_settings({"DAIJOBU_SMS_COUNTRIES": value})
