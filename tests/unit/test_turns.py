"""Several workers at one kind of work: none waits for another's step, and none leaves while there may be more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from alerts.turns import in_turns


class Work:
    """So many portions; a portion's length and what it brings with it, by its number."""

    def __init__(self, portions: int, *, more: dict[int, int] | None = None) -> None:
        self.waiting = list(range(portions))
        self.more = more or {}
        self.at_once = self.most_at_once = 0
        self.done: list[int] = []
        self.gate: dict[int, asyncio.Event] = {}

    async def step(self) -> bool:
        if not self.waiting:
            return False
        number = self.waiting.pop(0)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if number in self.gate:
            await self.gate[number].wait()
        await asyncio.sleep(0)
        self.at_once -= 1
        self.done.append(number)
        self.waiting += [100 + n for n in range(self.more.get(number, 0))]
        return True


async def always() -> bool:
    return True


async def test_nothing_to_do_ends_at_once() -> None:
    assert not await in_turns(Work(0).step, workers=3, turns=5, between=always)


async def test_a_slow_step_stops_nobody_else() -> None:
    work = Work(9)
    work.gate[0] = asyncio.Event()

    async def between() -> bool:
        if len(work.done) == 8:
            work.gate[0].set()  # all others have been done beside it
        return True

    assert await in_turns(work.step, workers=2, turns=20, between=between)
    assert work.done == [*range(1, 9), 0] and work.most_at_once == 2


async def test_who_finds_nothing_comes_back_when_a_step_brings_more() -> None:
    work = Work(1, more={0: 6})
    work.gate[0] = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, work.gate[0].set)
    assert await in_turns(work.step, workers=2, turns=20, between=always)
    assert sorted(work.done) == [0, *range(100, 106)] and work.most_at_once == 2


@pytest.mark.parametrize(("workers", "turns", "done"), [(1, 4, 4), (2, 4, 8), (3, 1, 3), (2, 99, 30)])
async def test_each_takes_so_many_turns_and_no_more(workers: int, turns: int, done: int) -> None:
    work = Work(30)
    assert await in_turns(work.step, workers=workers, turns=turns, between=always)
    assert len(work.done) == done


async def test_all_stop_when_one_is_told_to_and_steps_at_work_are_finished() -> None:
    work = Work(30)

    async def between() -> bool:
        return len(work.done) < 5

    assert await in_turns(work.step, workers=3, turns=99, between=between)
    assert 5 <= len(work.done) <= 7 and work.at_once == 0


@pytest.mark.parametrize("where", ["step", "between"])
async def test_an_error_is_raised_after_the_others_have_finished_their_step(where: str) -> None:
    work = Work(6)
    work.gate[1] = asyncio.Event()

    def fail(text: str) -> Callable[[], bool]:
        raise ConnectionError(text)

    async def step() -> bool:
        if where == "step" and work.done == [0]:
            asyncio.get_running_loop().call_later(0.01, work.gate[1].set)
            fail("gone")
        return await work.step()

    async def between() -> bool:
        if where == "between":
            asyncio.get_running_loop().call_later(0.01, work.gate[1].set)
            fail("gone")
        return True

    with pytest.raises(ConnectionError, match="gone"):
        await in_turns(step, workers=2, turns=9, between=between)
    assert sorted(work.done) == [0, 1] and work.at_once == 0


async def test_whoever_waits_is_cancelled_with_the_others() -> None:
    work = Work(1)
    work.gate[0] = asyncio.Event()
    task = asyncio.create_task(in_turns(work.step, workers=3, turns=9, between=always))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.done == []
