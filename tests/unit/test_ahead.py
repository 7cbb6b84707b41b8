"""Making the next portion in a thread while one is used: order, errors, and that nothing runs on afterwards."""

from __future__ import annotations

import asyncio
import threading

import pytest

from core.ahead import one_ahead


class Portions:
    """A maker and a user that note what they do. `block`: the number whose making waits until it is let go."""

    def __init__(self, *, bad_make: int = -1, bad_use: int = -1, block: int = -1) -> None:
        self.bad_make, self.bad_use, self.block = bad_make, bad_use, block
        self.begun: dict[int, threading.Event] = {n: threading.Event() for n in range(5)}
        self.go = threading.Event()
        self.made: list[int] = []
        self.used: list[str] = []

    def make(self, number: int) -> str:
        self.begun[number].set()
        if number == self.block:
            self.go.wait()
        if number == self.bad_make:
            raise ValueError(f"cannot make {number}")
        self.made.append(number)
        return str(number)

    async def use(self, portion: str) -> None:
        if int(portion) == self.bad_use:
            raise RuntimeError(f"cannot use {portion}")
        self.used.append(portion)


async def test_everything_is_used_once_and_in_order() -> None:
    portions = Portions()
    await one_ahead(range(5), portions.make, portions.use)
    assert portions.used == ["0", "1", "2", "3", "4"] and portions.made == [0, 1, 2, 3, 4]
    await one_ahead([], portions.make, portions.use)
    assert len(portions.used) == 5


async def test_the_next_is_made_while_one_is_used() -> None:
    portions = Portions()

    async def use(portion: str) -> None:
        # Would wait for ever if the next one began only after this.
        await asyncio.to_thread(portions.begun[min(int(portion) + 1, 4)].wait)
        portions.used.append(portion)

    await one_ahead(range(5), portions.make, use)
    assert portions.used == ["0", "1", "2", "3", "4"]


async def test_after_a_failed_use_nothing_is_used_and_the_one_in_the_making_has_ended() -> None:
    portions = Portions(bad_use=1)
    with pytest.raises(RuntimeError, match="cannot use 1"):
        await one_ahead(range(5), portions.make, portions.use)
    assert portions.used == ["0"]
    assert portions.made == [0, 1, 2] and not portions.begun[3].is_set()


async def test_what_cannot_be_made_is_raised_in_its_turn() -> None:
    portions = Portions(bad_make=2)
    with pytest.raises(ValueError, match="cannot make 2"):
        await one_ahead(range(5), portions.make, portions.use)
    assert portions.used == ["0", "1"] and not portions.begun[3].is_set()


async def test_a_cancelled_caller_waits_for_the_thread_and_uses_nothing_more() -> None:
    portions = Portions(block=1)
    task = asyncio.create_task(one_ahead(range(5), portions.make, portions.use))
    await asyncio.to_thread(portions.begun[1].wait)
    while not portions.used:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done()
    portions.go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert portions.used == ["0"] and portions.made == [0, 1] and not portions.begun[2].is_set()
