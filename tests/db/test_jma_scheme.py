"""JMA's two warning schemes in the database: the one that is chosen becomes events, the other a reason."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.db import Pool
from core.event_json import event_from_json
from core.settings import load_settings
from feeds.known import feeds_for
from feeds.store import ingest
from tests.telegrams import body

NOW = datetime(2026, 7, 3, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("scheme", "name", "hazards"),
    [
        ("old", "vpww54_old_scheme.xml", ["heavy_rain", "landslide", "storm_surge", "river_flood"]),
        ("old", "vpww55_heavy_rain_mixed.xml", []),
        ("new", "vpww54_old_scheme.xml", []),
        ("new", "vpww55_heavy_rain_mixed.xml", ["heavy_rain"]),
    ],
)
async def test_one_report_makes_an_event_per_hazard_of_the_chosen_scheme(
    db: Pool, scheme: str, name: str, hazards: list[str]
) -> None:
    (jma,) = [feed for feed in feeds_for(load_settings({"DAIJOBU_JMA_WARNING_FAMILY": scheme})) if feed.name == "jma"]
    stored = await ingest(db, body(name), feed=jma, received_at=NOW)
    rows = await db.fetch("SELECT hazard, payload FROM event WHERE report_id = $1 ORDER BY seq", stored.report_id)
    assert [row["hazard"] for row in rows] == hazards
    assert tuple(event_from_json(row["payload"]) for row in rows) == jma.parse(body(name)).events
    report = await db.fetchrow("SELECT state, reason FROM report WHERE id = $1", stored.report_id)
    assert (report["state"], report["reason"] is None) == (("parsed", True) if hazards else ("ignored", False))
