"""How each stream was heard, over a real database: numbers by day, the judgement, what another source knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from core.db import Pool
from core.settings import Settings
from feeds.health_store import PollNote, feed_states, note_poll
from feeds.store import load_state, save_state
from tests.alerts_kit import quake, region, store_event

NOW = datetime(2026, 9, 1, 0, 30, tzinfo=UTC)
EQVOL = "jma.eqvol"
MINUTE = timedelta(minutes=1)


async def state_of(db: Pool, now: datetime = NOW, feed: str = EQVOL) -> dict[str, Any]:
    rows = await feed_states(db, Settings(), now)
    return next(row for row in rows if row["feed"] == feed)


async def heard(db: Pool, at: datetime, newest: datetime | None = None) -> None:
    state = await load_state(db, EQVOL)
    await save_state(db, EQVOL, replace(state, last_heard_at=at, newest_report_at=newest or at))


async def test_polls_are_added_up_by_utc_day_and_week(db: Pool) -> None:
    yesterday = NOW - timedelta(hours=1)
    await note_poll(db, PollNote(EQVOL, yesterday, heard=True, bytes=100, reports=2, heard_before=None))
    await note_poll(db, PollNote(EQVOL, NOW, heard=True, unchanged=True, heard_before=NOW - timedelta(minutes=40)))
    await note_poll(db, PollNote(EQVOL, NOW, heard=False, bytes=7))
    await note_poll(db, PollNote(EQVOL, NOW, heard=False, asked=False))
    await note_poll(db, PollNote(EQVOL, NOW - timedelta(days=8), heard=True))
    await heard(db, NOW)
    found = await state_of(db)
    assert found["today"] == {
        "polls": 2,
        "unchanged": 1,
        "failures": 1,
        "reports": 0,
        "unreadable": 0,
        "gaps": 1,
        "longest_gap_s": 2400.0,
        "bytes": 7,
    }
    assert (found["week"]["polls"], found["week"]["reports"], found["week"]["bytes"]) == (3, 2, 107)


async def test_a_silence_that_lasts_counts_already(db: Pool) -> None:
    await heard(db, NOW - 20 * MINUTE)
    found = await state_of(db)
    assert (found["today"]["gaps"], found["today"]["longest_gap_s"]) == (1, 1200)
    assert (found["state"], found["why"], found["since"]) == ("stale", "silent", NOW - 20 * MINUTE)


async def test_since_when_it_has_been_failing(db: Pool) -> None:
    await heard(db, NOW - 5 * MINUTE)
    state = await load_state(db, EQVOL)
    await save_state(db, EQVOL, replace(state, error="HTTP 403", error_at=NOW))
    for minutes in (4, 3, 2):
        await note_poll(db, PollNote(EQVOL, NOW - minutes * MINUTE, heard=False))
    found = await state_of(db)
    assert (found["state"], found["why"], found["since"]) == ("late", "failing", NOW - 4 * MINUTE)
    assert found["detail"] == "HTTP 403"
    await note_poll(db, PollNote(EQVOL, NOW, heard=True, clock_off_s=-6.5))
    await heard(db, NOW)
    found = await state_of(db)
    assert (found["state"], found["why"], found["clock_off_s"]) == ("ok", None, -6.5)
    # A server that says no time leaves what is known of the clock.
    await note_poll(db, PollNote(EQVOL, NOW, heard=True))
    assert (await state_of(db))["clock_off_s"] == -6.5


async def test_every_stream_that_is_switched_on_is_there_and_never_heard_is_not_ok(db: Pool) -> None:
    rows = await feed_states(db, Settings(), NOW)
    assert {row["state"] for row in rows} == {"stale"} and {row["why"] for row in rows} == {"never"}
    primary = {row["feed"] for row in rows if row["primary"]}
    assert primary == {"jma.eqvol", "jma.extra"} and len(rows) > len(primary)
    off = Settings(p2pquake_url="", p2pquake_ws_url="", usgs_url="")
    assert {row["feed"] for row in await feed_states(db, off, NOW)} == primary


async def test_a_quake_that_only_a_relay_knows(db: Pool) -> None:
    await heard(db, NOW)
    shaken = NOW - 8 * MINUTE
    relayed = replace(quake(region("3"), at=shaken, occurred_at=shaken), source="p2pquake")
    await store_event(db, relayed, received_at=NOW - 6 * MINUTE)
    found = await state_of(db)
    assert (found["state"], found["why"], found["since"], found["detail"]) == ("late", "missed", shaken, "p2pquake")
    # Once the source itself has told of it, nothing is wrong.
    await store_event(db, quake(region("3"), at=shaken, occurred_at=shaken), received_at=NOW)
    assert (await state_of(db))["state"] == "ok"
