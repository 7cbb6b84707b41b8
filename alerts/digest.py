"""In the morning: what waited through the night goes to each person as one message. Part of the tend loop.

Only what asks nobody waits (rules/*.toml, [quiet]). If this task does not run, the messages go out one by one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from alerts import digest_store as store
from alerts.compose import LINK, NOMINAL_LINK_LENGTH, TITLED
from alerts.deps import Deps
from alerts.digest_store import StoredText
from alerts.sms_text import segments
from core.db import transaction

#: Messages are joined so long before they are due: twice as long as this task's own period, and more.
AHEAD: Final = timedelta(minutes=2)


async def join_what_waited(deps: Deps) -> int:
    """Make one of what each person will be told in the morning; how many people had more than one."""
    await store.keep_until_morning(deps.pool)
    now = deps.clock.now()
    joined = 0
    while True:
        async with transaction(deps.pool) as conn:
            people = await store.waiting(conn, now + AHEAD)
            if not people:
                return joined
            groups = {one.texts for one in people}
            known = await store.texts(conn, sorted({number for group in groups for number in group}))
            made: dict[tuple[int, ...], int] = {}
            for group in sorted(groups):
                text = joined_text([known[number] for number in group])
                key = "digest:" + hashlib.sha256(repr(group).encode()).hexdigest()[:16]
                made[group] = await store.add_text(conn, key, text, _parts(text))
            await store.join(conn, people, made, now)
            joined += len(people)


def joined_text(texts: Sequence[StoredText]) -> StoredText:
    """All of them in one, the first first, with its link (at the end where a link stands on a line of its own)."""
    first = texts[0]
    titled = first.channel in TITLED
    parts = [first.body if titled else _without_link(first.body)]
    for text in texts[1:]:
        body = _without_link(text.body)
        parts.append(f"{text.title}\n{body}" if titled and text.title else body)
    body = ("\n\n" if titled else "\n").join(dict.fromkeys(parts))
    if not titled and LINK in first.body:
        body = f"{body}\n{LINK}"
    return replace(first, body=body, unreviewed=any(text.unreviewed for text in texts))


def _without_link(body: str) -> str:
    return "\n".join(line for line in body.splitlines() if LINK not in line)


def _parts(text: StoredText) -> int:
    if text.channel in TITLED:
        return 0
    return segments(text.body.replace(LINK, "x" * NOMINAL_LINK_LENGTH)).parts
