"""When a provider counts as down, which lane a message takes, what the settings may say."""

from __future__ import annotations

import pytest

from alerts.lanes import FAILURES, WITHIN_S, Tally, lane_of
from core.send_rates import send_rates_of
from core.settings import SettingsError, load_settings


def tally(*tries: tuple[float, bool, int]) -> Tally:
    """(second, well, how often), in order of time."""
    made = Tally()
    for at, well, times in tries:
        for _ in range(times):
            made.add(at, well=well)
    return made


@pytest.mark.parametrize(
    ("tries", "at", "down"),
    [
        ([(0.0, False, FAILURES - 1)], 0.5, False),
        ([(0.0, False, FAILURES)], 0.5, True),
        ([(0.0, False, 10), (9.0, False, 10)], 9.5, True),
        ([(0.0, False, 10), (WITHIN_S + 0.5, False, 10)], WITHIN_S + 0.9, False),
        ([(0.0, False, 500)], WITHIN_S + 1.0, False),
        # A handful of broken connections in a flood of good ones.
        ([(0.0, True, 4000), (1.0, False, 30)], 1.5, False),
        ([(0.0, True, 30), (1.0, False, 30)], 1.5, True),
        ([], 5.0, False),
    ],
)
def test_when_a_provider_is_down(tries: list[tuple[float, bool, int]], at: float, down: bool) -> None:
    assert tally(*tries).is_down(at) is down


def test_what_works_again_has_a_clean_slate() -> None:
    made = tally((0.0, False, 100))
    made.clear()
    assert not made.is_down(0.5)


def test_rate_of_the_last_seconds() -> None:
    assert tally((0.0, True, 100), (10.0, True, 40), (11.0, False, 20)).rate(11.5) == 30.0
    assert Tally().rate(3.0) == 0.0


@pytest.mark.parametrize(
    ("channel", "address", "lane"),
    [
        ("sms", "+819012345678", "sms"),
        ("console", "+819012345678", "console"),
        ("push", '{"endpoint":"https://web.push.apple.com/Q1","keys":{}}', "push:web.push.apple.com"),
        ("push", '{"endpoint": "http://127.0.0.1:8000/x/y"}', "push:127.0.0.1:8000"),
        ("push", "{}", "push"),
    ],
)
def test_each_push_service_is_a_lane_of_its_own(channel: str, address: str, lane: str) -> None:
    assert lane_of(channel, address) == lane


def test_rates_as_settings_write_them() -> None:
    assert send_rates_of("") == {}
    assert send_rates_of("sms=0.5, voice=1/3") == {"sms": (0.5, 1.0), "voice": (1.0, 3.0)}


@pytest.mark.parametrize("text", ["sms", "sms=", "sms=fast", "sms=0", "sms=-1", "=3", "sms=5/0", "sms=5/x", "sms=nan"])
def test_a_wrong_rate_stops_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="DAIJOBU_SEND_RATES"):
        load_settings({"DAIJOBU_SEND_RATES": text})
