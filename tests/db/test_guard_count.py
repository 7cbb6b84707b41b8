"""How many people the guard rails count: where somebody said they are counts while it runs, and no longer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.decision import AlertPlan, RatedArea, Tell
from alerts.guard_store import SQL_COUNT_INSIDE, count_reached
from core.db import Pool, transaction
from core.model import Moment, Severity
from geo.areas import Areas
from geo.place_index_store import LivePlaces
from registry.elsewhere_store import set_elsewhere
from tests.alerts_kit import NOON, city
from tests.people import FUKUOKA_CHUO, make_place, make_resident

HOUR = timedelta(hours=1)
PLAN = AlertPlan(Moment.ISSUE, Severity.SEVERE, (RatedArea(city("4013300", "6-"), Severity.SEVERE),), Tell.MATCHED)


@pytest.mark.parametrize(("later", "reached"), [(HOUR, 2), (12 * HOUR, 1), (48 * HOUR, 1)])
async def test_a_place_of_today_counts_until_it_ends(db: Pool, later: timedelta, reached: int) -> None:
    async with transaction(db) as conn:
        place = await make_place(conn, FUKUOKA_CHUO)
        await make_resident(conn, home_place_id=place)
        visitor = await make_resident(conn, home_place_id=await make_place(conn))
        await set_elsewhere(conn, visitor.id, place, NOON + 12 * HOUR)
        assert await count_reached(conn, [PLAN], Areas.load(), LivePlaces(), NOON + later) == reached
        assert await conn.fetchval(SQL_COUNT_INSIDE, [place], NOON + later) == reached
