"""Several at one kind of work, each step by step: nobody waits for another's step to end. Pure; no database here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class _Floor:
    """Who is at a step now, and the event that one has ended."""

    def __init__(self) -> None:
        self.busy = 0
        self.ended = asyncio.Event()
        self.over = False
        self.worked = False

    def tell(self) -> None:
        """Whoever waits for a step to end looks again."""
        self.ended.set()
        self.ended = asyncio.Event()


async def in_turns(
    step: Callable[[], Awaitable[bool]],
    *,
    workers: int,
    turns: int,
    between: Callable[[], Awaitable[bool]],
) -> bool:
    """Let so many workers take up to `turns` steps each; whether any step did something.

    A step that finds nothing to do (False) is tried again when another's has ended, because that one may have made new
    work; when nobody is at a step any more, it is over. After each step that did something its worker asks `between`
    whether all go on. What a step raises ends the work: the others finish theirs first.
    """
    floor = _Floor()

    async def work() -> None:
        left = turns
        while left and not floor.over:
            floor.busy += 1
            try:
                did = await step()
                floor.worked = floor.worked or did
                left -= did
                if did and not await between():
                    floor.over = True
            except BaseException:
                floor.over = True
                raise
            finally:
                floor.busy -= 1
                floor.tell()
            if not did and not floor.over:
                if not floor.busy:
                    return
                await floor.ended.wait()

    results = await asyncio.gather(*(work() for _ in range(workers)), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return floor.worked
