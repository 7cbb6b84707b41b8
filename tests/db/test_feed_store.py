"""Reports and events in the database: kept once, with what they say, and never live when they are not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.db import Pool, transaction
from core.event_json import event_from_json
from core.model import Purpose, Status
from core.settings import load_settings
from feeds.health_store import feed_states
from feeds.schedule import StreamState
from feeds.store import forget_states, ingest, load_state, save_state, shifted, store_report
from tests.telegrams import SAMPLES, body, event, parsed

NOW = datetime(2026, 9, 1, 0, 0, tzinfo=UTC)
SQL_SOMEBODY_WAITS = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'transactionid' AND datname = current_database())
"""


async def test_a_report_and_its_event_are_kept_whole(db: Pool) -> None:
    raw = body("vxse53_first_not_received.xml")
    stored = await ingest(db, raw, url="https://feed.example/1.xml", received_at=NOW)
    assert (stored.duplicate, stored.state, stored.reason, len(stored.event_ids)) == (False, "parsed", None, 1)
    report = await db.fetchrow("SELECT * FROM report WHERE id = $1", stored.report_id)
    assert (report["body"], report["state"], report["type"], report["status"]) == (raw, "parsed", "VXSE53", "actual")
    row = await db.fetchrow("SELECT * FROM event WHERE id = $1", stored.event_ids[0])
    assert event_from_json(row["payload"]) == event("vxse53_first_not_received.xml")
    assert (row["decided_at"], row["purpose"], row["received_at"]) == (None, "live", NOW)


async def test_every_sample_survives_the_database(db: Pool) -> None:
    names = sorted(path.name for path in SAMPLES.glob("*.xml"))
    assert names
    for name in names:
        stored = await ingest(db, body(name), received_at=NOW)
        rows = await db.fetch("SELECT payload FROM event WHERE report_id = $1 ORDER BY seq", stored.report_id)
        assert tuple(event_from_json(row["payload"]) for row in rows) == parsed(name).events, name
        assert (stored.state == "ignored") == (parsed(name).ignored is not None), name


async def test_the_same_bytes_are_one_report_and_one_event(db: Pool) -> None:
    raw = body("vxse51_flash.xml")
    first = await ingest(db, raw, url="https://feed.example/1.xml", received_at=NOW)
    second = await ingest(db, raw, url="https://feed.example/2.xml", received_at=NOW)
    assert (second.report_id, second.duplicate, second.event_ids) == (first.report_id, True, ())
    assert await db.fetchval("SELECT count(*) FROM event") == 1


async def test_two_pollers_at_once_store_one_report(db: Pool) -> None:
    raw = body("vxse51_flash.xml")
    stored = await asyncio.gather(
        *(ingest(db, raw, url="https://feed.example/1.xml", received_at=NOW) for _ in range(4))
    )
    assert len({s.report_id for s in stored}) == 1
    assert sum(len(s.event_ids) for s in stored) == 1


async def test_two_bodies_of_one_address_at_once_are_both_kept(db: Pool) -> None:
    """Whoever comes second waits for the first to commit, and then finds the address taken by other bytes."""
    url = "https://feed.example/1.xml"
    async with transaction(db) as conn:
        raw = body("vxse51_flash.xml")
        one = await store_report(
            conn, source="jma", url=url, body=raw, received_at=NOW, parsed=parsed("vxse51_flash.xml")
        )
        waiting = asyncio.create_task(ingest(db, body("vxse51_cancel.xml"), url=url, received_at=NOW))
        while not await db.fetchval(SQL_SOMEBODY_WAITS):
            await asyncio.sleep(0)
    other = await waiting
    assert one.report_id != other.report_id and not other.duplicate and len(other.event_ids) == 1
    assert await db.fetchval("SELECT url FROM report WHERE id = $1", other.report_id) is None


async def test_other_bytes_under_a_known_address_are_kept_as_well(db: Pool) -> None:
    await ingest(db, body("vxse51_flash.xml"), url="https://feed.example/1.xml", received_at=NOW)
    other = await ingest(db, body("vxse51_cancel.xml"), url="https://feed.example/1.xml", received_at=NOW)
    assert len(other.event_ids) == 1
    assert await db.fetchval("SELECT url FROM report WHERE id = $1", other.report_id) is None


@pytest.mark.parametrize(
    ("name", "status"), [("vxse53_exercise.xml", Status.EXERCISE), ("vxse53_unknown_status.xml", Status.UNKNOWN)]
)
@pytest.mark.parametrize("purpose", [Purpose.LIVE, Purpose.DRILL])
async def test_what_is_not_actual_is_never_left_to_decide(
    db: Pool, name: str, status: Status, purpose: Purpose
) -> None:
    await ingest(db, body(name), received_at=NOW, purpose=purpose)
    row = await db.fetchrow("SELECT status, decided_at, outcome FROM event")
    assert tuple(row) == (status, NOW, "not_live")


async def test_unreadable_is_kept_with_the_reason_and_leaves_the_address_free(db: Pool) -> None:
    stored = await ingest(db, b"<html>503</html>", url="https://feed.example/1.xml", received_at=NOW)
    assert (stored.state, stored.event_ids) == ("unreadable", ())
    row = await db.fetchrow("SELECT state, reason, url, body FROM report")
    assert row["state"] == "unreadable" and row["url"] is None and row["body"] == b"<html>503</html>"
    assert "https://feed.example/1.xml" in row["reason"]
    good = await ingest(db, body("vxse51_flash.xml"), url="https://feed.example/1.xml", received_at=NOW)
    assert await db.fetchval("SELECT url FROM report WHERE id = $1", good.report_id) == "https://feed.example/1.xml"


async def test_a_replay_shifts_the_events_and_never_the_bytes(db: Pool) -> None:
    raw = body("vxse53_first_not_received.xml")
    live = await ingest(db, raw, received_at=NOW)
    hours = timedelta(hours=5)
    first = await ingest(db, raw, received_at=NOW, purpose=Purpose.DRILL, shift=hours)
    again = await ingest(db, raw, received_at=NOW, purpose=Purpose.DRILL, shift=2 * hours)
    assert {s.report_id for s in (first, again)} == {live.report_id}
    assert len(first.event_ids) == len(again.event_ids) == 1
    row = await db.fetchrow("SELECT issued_at, purpose, payload FROM event WHERE id = $1", first.event_ids[0])
    original = event("vxse53_first_not_received.xml")
    assert row["purpose"] == "drill"
    assert row["issued_at"] == original.issued_at + hours
    assert event_from_json(row["payload"]) == shifted(original, hours)
    assert await db.fetchval("SELECT body FROM report") == raw


async def test_the_decide_loop_is_woken_only_for_something_to_decide(db: Pool) -> None:
    heard: list[str] = []

    def on_notify(conn: object, pid: int, channel: str, payload: str) -> None:
        heard.append(channel)

    async with db.acquire() as listener:
        await listener.add_listener("daijobu_events", on_notify)
        await ingest(db, body("vxse53_exercise.xml"), received_at=NOW)
        await ingest(db, body("vpww53_old_scheme.xml"), received_at=NOW)
        await listener.fetchval("SELECT 1")
        assert heard == []
        await ingest(db, body("vxse51_flash.xml"), received_at=NOW)
        async with asyncio.timeout(60):
            while not heard:
                await listener.fetchval("SELECT 1")
        await listener.remove_listener("daijobu_events", on_notify)


async def test_nothing_is_half_stored(db: Pool) -> None:
    with pytest.raises(RuntimeError, match="crash"):
        async with transaction(db) as conn:
            name = "vxse51_flash.xml"
            await store_report(conn, source="jma", url=None, body=body(name), received_at=NOW, parsed=parsed(name))
            raise RuntimeError("crash")
    assert await db.fetchval("SELECT (SELECT count(*) FROM report) + (SELECT count(*) FROM event)") == 0


async def test_exactly_one_of_parsed_and_error(db: Pool) -> None:
    async with transaction(db) as conn:
        with pytest.raises(ValueError, match="either"):
            await store_report(conn, source="jma", url=None, body=b"", received_at=NOW, parsed=None)


async def test_every_stream_that_is_switched_on_is_judged_and_silence_is_never_ok(db: Pool) -> None:
    settings = load_settings({"DAIJOBU_USGS_URL": "", "DAIJOBU_CAP_FEEDS": "rivers=https://rivers.example/cap"})
    names = ["cap.rivers.alerts", "jma.eqvol", "jma.extra", "p2pquake.history", "p2pquake.ws"]
    before = await feed_states(db, settings, NOW)
    assert [(r["feed"], r["state"]) for r in before] == [(name, "stale") for name in names]
    state = await load_state(db, "jma.eqvol")
    await save_state(db, "jma.eqvol", replace(state, last_heard_at=NOW, newest_report_at=NOW, error="cut"))
    after = {r["feed"]: (r["state"], r["error"]) for r in await feed_states(db, settings, NOW + timedelta(seconds=20))}
    assert after["jma.eqvol"] == ("ok", "cut") and after["jma.extra"] == ("stale", None)


async def test_a_feed_that_was_switched_off_has_no_state(db: Pool) -> None:
    for name in ("jma.eqvol", "cap.rivers.alerts"):
        await save_state(db, name, StreamState(last_heard_at=NOW))
    await forget_states(db, ["jma.eqvol", "jma.extra"])
    assert [row["feed"] for row in await db.fetch("SELECT feed FROM feed_state")] == ["jma.eqvol"]


async def test_events_of_a_relay_wait_and_others_do_not(db: Pool) -> None:
    flash = (SAMPLES.parent / "p2pquake" / "scale_prompt.json").read_bytes()
    await ingest(db, flash, source="p2pquake", url="p2pquake:1", received_at=NOW)
    await ingest(db, body("vxse51_flash.xml"), received_at=NOW)
    rows = await db.fetch("SELECT source, decide_after FROM event ORDER BY id")
    assert [tuple(row) for row in rows] == [("p2pquake", NOW + timedelta(seconds=60)), ("jma", None)]


async def test_a_bare_cancellation_takes_back_every_thread_it_refers_to(db: Pool) -> None:
    folder = SAMPLES.parent / "cap"
    flood = (folder / "flood_polygon.xml").read_text()
    second = flood[flood.index("<info>") : flood.index("</alert>")].replace("River flood", "Tsunami warning")
    await ingest(db, flood.replace("</alert>", f"{second}</alert>").encode(), source="cap.rivers", received_at=NOW)
    await ingest(db, (folder / "cancel.xml").read_bytes(), source="cap.rivers", received_at=NOW)
    rows = await db.fetch("SELECT hazard, thread, message_type FROM event ORDER BY id")
    threads = {row["hazard"]: row["thread"] for row in rows[:2]}
    assert {(r["hazard"], r["thread"], r["message_type"]) for r in rows[2:]} == {
        (hazard, thread, "cancel") for hazard, thread in threads.items()
    }
    assert set(threads) == {"river_flood", "tsunami"}


async def test_an_agency_cancels_nothing_of_another(db: Pool) -> None:
    folder = SAMPLES.parent / "cap"
    await ingest(db, (folder / "flood_polygon.xml").read_bytes(), source="cap.rivers", received_at=NOW)
    await ingest(db, (folder / "cancel.xml").read_bytes(), source="cap.other", received_at=NOW)
    threads = [row["thread"] for row in await db.fetch("SELECT thread FROM event ORDER BY id")]
    assert threads[0].startswith("cap.rivers:") and threads[1].startswith("cap.other:")
