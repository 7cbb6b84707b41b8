"""Work of the CPU and work of the database side by side: the next portion is made in a thread while one is written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

_A = TypeVar("_A")
_B = TypeVar("_B")


async def one_ahead(items: Iterable[_A], make: Callable[[_A], _B], use: Callable[[_B], Awaitable[None]]) -> None:
    """`await use(make(item))` for every item, in order. `make` runs in a thread, one item ahead of `use`.

    `make` must change nothing: where a `use` fails, or the caller is cancelled, the item that is being made is waited
    for and dropped, and no thread is left behind. An error of `make` is raised where its item's turn comes; the items
    before it have been used.
    """
    waiting = iter(items)
    coming = _begin(make, waiting)
    try:
        while coming is not None:
            made = await asyncio.shield(coming)  # a thread cannot be cancelled: it is waited for below
            coming = _begin(make, waiting)
            await use(made)
    finally:
        if coming is not None:
            await asyncio.gather(coming, return_exceptions=True)


def _begin(make: Callable[[_A], _B], waiting: Iterator[_A]) -> asyncio.Task[_B] | None:
    for item in waiting:
        return asyncio.create_task(asyncio.to_thread(make, item))
    return None
