"""What pages say while the official source is not heard well: silence of a feed is never an all-clear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from aiohttp import web

from core.db import Connection
from core.web import site


async def feeds_heard(request: web.Request, conn: Connection) -> list[dict[str, object]]:
    """How well each stream is heard (feeds/health_store.py); empty where this installation hears no feed."""
    ask = site(request).extras.get("feed_states")
    rows: list[dict[str, object]] = await ask(conn) if ask is not None else []
    return rows


async def silent_feeds(request: web.Request, conn: Connection) -> list[dict[str, object]]:
    """The streams of the source that decides that are late or stale."""
    return silent_among(await feeds_heard(request, conn))


def silent_among(rows: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    """Of these streams those of the source that decides that are late or stale."""
    return [row for row in rows if row.get("state") != "ok" and row.get("primary", True) is True]


def unheard_since(rows: Iterable[Mapping[str, object]]) -> datetime | None:
    """Since when the first of these streams tells nothing; None if it never told anything."""
    times = [row.get("since") or row.get("last_heard_at") for row in rows]
    return min((at for at in times if isinstance(at, datetime)), default=None)
