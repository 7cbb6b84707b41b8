"""The status page shows what an operator must look at: held alerts and unreadable reports, with the reason."""

from __future__ import annotations

from datetime import timedelta

from checkin.status_store import attention
from core.db import Pool, transaction
from core.model import Purpose
from feeds.store import ingest
from tests.alerts_kit import MASHIKI, NOON, city, hear, quake, region, wires
from tests.people import make_org, make_place, make_resident


async def test_a_held_alert_and_an_unreadable_report_are_shown_with_their_reason(db: Pool, db_dsn: str) -> None:
    await make_resident(db, (await make_org(db)).id, home_place_id=await make_place(db))
    async with wires(db, db_dsn) as deps:
        now = deps.clock.now()
        async with transaction(db) as conn:
            assert await attention(conn, now) == []
        # A report from the future is held: nobody is told.
        await hear(deps, quake(region("7"), city(MASHIKI, "7"), at=NOON + timedelta(hours=3)))
        await ingest(db, b"<html>sorry</html>", received_at=now, purpose=Purpose.LIVE)
        async with transaction(db) as conn:
            found = {item.kind: item for item in await attention(conn, now)}
            assert await conn.fetchval("SELECT count(*) FROM message") == 0
            # A day later the unreadable report is history; what is held still waits.
            later = await attention(conn, now + timedelta(days=2))
    assert "future" in found["held"].reason and found["held"].what
    assert found["unreadable"].reason
    assert [item.kind for item in later] == ["held"]
