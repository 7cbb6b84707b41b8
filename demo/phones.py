"""The simulated residents' phones: they show messages and some of their owners answer, over HTTP like anybody.

What is simulated: who answers, what, and when. What is real: everything the service does with it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TextIO

import aiohttp

from alerts.channel import Outgoing, ReceiptRead, ReplyRead, Sent

log = logging.getLogger(__name__)

#: Spread of the log-normal answering delay: most answer soon, some much later (Toyokumo's drills: the most common time
#: is two minutes; the curve here is the same shape, faster).
_SIGMA = 0.9


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the simulated residents behave: shares that add up to at most 1, the rest stays silent."""

    ok: float = 0.78
    help: float = 0.05
    median_s: float = 20.0


class DemoPhones:
    """A channel: every message lands on a simulated phone. Prints the first text of each language, then counts."""

    name = "console"

    def __init__(self, behaviour: Behaviour, seed: int, out: TextIO = sys.stdout) -> None:
        self._behaviour = behaviour
        self._rng = random.Random(seed)
        self._out = out
        self._shown: set[str] = set()
        self._answering: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self.sent = 0
        self.answers: Counter[str] = Counter()
        #: Set when the first message has been handed over.
        self.first = asyncio.Event()
        #: Set when the first message to a member of staff has arrived, and the link in it.
        self.staff = asyncio.Event()
        self.staff_link = ""

    async def send(self, message: Outgoing) -> Sent:
        """Show the message on the phone; decide once per person whether and when its owner answers."""
        self.sent += 1
        self.first.set()
        if message.language not in self._shown:
            self._shown.add(message.language)
            self._print(message)
        if "/a/" in message.url and not self.staff_link:
            self.staff_link = message.url
            self._print(message)
            self.staff.set()
        # One decision per person, not per message: the reminder finds the same person.
        if "/c/" in message.url and message.url not in self._answering:
            self._answering.add(message.url)
            task = asyncio.create_task(self._answer_later(message.url))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return Sent(provider_id=f"demo-{message.message_id}")

    def _print(self, message: Outgoing) -> None:
        rule = "─" * 72
        title = f"{message.title}\n" if message.title else ""
        print(f"{rule}\n[{message.language}] to a simulated phone\n{title}{message.body}", file=self._out, flush=True)

    async def _answer_later(self, url: str) -> None:
        draw = self._rng.random()
        if draw < self._behaviour.ok:
            kind = "ok"
        elif draw < self._behaviour.ok + self._behaviour.help:
            kind = "help"
        else:
            self.answers["silent"] += 1
            return
        await asyncio.sleep(self._rng.lognormvariate(math.log(self._behaviour.median_s), _SIGMA))
        try:
            await self._answer(url, kind)
            self.answers[kind] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("a simulated answer failed: %s", type(error).__name__)

    async def _answer(self, url: str, kind: str) -> None:
        """Open the page, then press one of its buttons, as a browser without JavaScript does."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))
        async with self._session.get(url) as page:
            html = await page.text()
            page.raise_for_status()
        answer = _button(html, kind)
        async with self._session.post(url, data={"answer": answer}, allow_redirects=False) as reply:
            if reply.status not in (200, 204, 303):
                raise aiohttp.ClientResponseError(reply.request_info, (), status=reply.status)

    def read_receipt(self, message_id: int, fields: Mapping[str, Any]) -> ReceiptRead | None:
        """Simulated phones send no receipts."""
        return None

    def read_reply(self, fields: Mapping[str, Any]) -> ReplyRead | None:
        """Simulated residents answer on the page only."""
        return None

    async def close(self) -> None:
        """Stop answering."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()


def _button(html: str, kind: str) -> str:
    """The value of the page's button for this kind of answer; floods and tsunami have other buttons than quakes."""
    wanted = ("ok", "safe_place") if kind == "ok" else ("help", "cannot_leave")
    for value in wanted:
        if f'value="{value}"' in html:
            return value
    raise ValueError(f"the check-in page has no button for {kind}")
