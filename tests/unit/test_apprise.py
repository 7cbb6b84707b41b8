"""Alarms by Apprise: every address is told, what fails is said without the address, nothing hangs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from ops.alarm_apprise import MISSING, is_installed, notify, tell_apprise
from ops.alarm_channel import NotTold
from tests.alarm_kit import alarm_receiver

SECRET = "tgram://123:secret/chat"


async def test_every_address_is_told() -> None:
    told: list[tuple[str, str, str]] = []

    def take(*what: str) -> bool:
        told.append((what[0], what[1], what[2]))
        return True

    await tell_apprise(["a://", "b://"], "Daijobu", "The outbox is late", notify=take)
    assert sorted(told) == [(url, "Daijobu", "The outbox is late") for url in ("a://", "b://")]


def refuse(url: str, title: str, text: str) -> bool:
    return url != SECRET


def fail(url: str, title: str, text: str) -> bool:
    raise ConnectionError(f"cannot reach {url}")


def missing(url: str, title: str, text: str) -> bool:
    raise NotTold(MISSING)


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (refuse, "1 of 2 addresses: not taken, or no address of Apprise"),
        (fail, "2 of 2 addresses: ConnectionError"),
        (missing, f"2 of 2 addresses: {MISSING}"),
    ],
)
async def test_a_failure_is_told_without_the_address(way: Callable[[str, str, str], bool], said: str) -> None:
    with pytest.raises(NotTold) as caught:
        await tell_apprise([SECRET, "b://"], "t", "x", notify=way)
    assert str(caught.value) == said and "secret" not in said


async def test_one_that_hangs_does_not_hold_the_others_up() -> None:
    free, told = threading.Event(), []

    def hang(url: str, title: str, text: str) -> bool:
        if url == SECRET:
            free.wait()
        told.append(url)
        return True

    try:
        with pytest.raises(NotTold, match="1 of 2 addresses: no answer"):
            await tell_apprise([SECRET, "b://"], "t", "x", notify=hang, timeout_s=0.05)
        assert told == ["b://"]
    finally:
        free.set()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what the package imports
@pytest.mark.skipif(not is_installed(), reason="the optional package apprise is not installed")
async def test_the_real_package_tells_a_real_address() -> None:
    async with alarm_receiver() as receiver:
        there = receiver.alarm_url.removeprefix("http://")
        assert await asyncio.to_thread(notify, f"json://{there}", "Daijobu", "The outbox is late")
        assert [one["message"] for one in receiver.told] == ["The outbox is late"]
        assert not await asyncio.to_thread(notify, "json://127.0.0.1:9/x", "Daijobu", "x")
        assert not await asyncio.to_thread(notify, "nonsense", "Daijobu", "x")


@pytest.mark.skipif(is_installed(), reason="the optional package apprise is installed")
async def test_without_the_package_it_is_said() -> None:
    with pytest.raises(NotTold, match="pip install apprise"):
        await tell_apprise(["json://127.0.0.1:9/x"], "t", "x")
