"""Pages that are open all night find each person's earlier cases by index: their cost grows with the people only."""

from __future__ import annotations

from datetime import date

import pytest

from checkin.board_store import SQL_OPEN_CASES
from checkin.dashboard_store import SQL_PEOPLE
from core.db import Pool, transaction
from tests.incidents import make_incident
from tests.people import NOW, make_org


@pytest.mark.parametrize("page", ["board", "dashboard"])
async def test_earlier_cases_are_found_by_index(db: Pool, page: str) -> None:
    org, incident = await make_org(db), await make_incident(db)
    today: date = NOW.date()
    async with transaction(db) as conn:
        # On the few rows of a test the planner would read the whole table.
        await conn.execute("SET LOCAL enable_seqscan = off")
        await conn.execute("SET LOCAL enable_bitmapscan = off")
        if page == "board":
            rows = await conn.fetch("EXPLAIN " + SQL_OPEN_CASES, "live", None, None)
        else:
            rows = await conn.fetch("EXPLAIN " + SQL_PEOPLE, incident.id, org.id, today)
    assert "case_closed" in "\n".join(row[0] for row in rows)
