"""Staff who were told of a warning hear what becomes of it: corrected, lifted, cancelled; once per report."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.staff_calls import call_staff
from core.clock import FixedClock
from core.db import Pool
from core.ids import uuid7
from core.model import Change, Event, MessageType
from tests import people
from tests.alerts_kit import MASHIKI, NOON, city, hear, quake, rain, region, send_all, warned, wires
from tests.fakes import FakeChannel, fake_channels

CLERK = "+819011112222"
SQL_CONTACT = """
INSERT INTO contact (id, staff_id, channel, address_enc, address_bidx, state, created_at, confirmed_at)
VALUES ($1, $2, 'phone', $3, sha256($3), 'proven', $4, $4)
"""
SHOCK = quake(region("6-"), city(MASHIKI, "6-"))
RAIN = rain(warned(MASHIKI, 4))
LATER = NOON + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("first", "then", "says"),
    [
        (RAIN, rain(warned(MASHIKI, 0, Change.LIFTED), at=LATER), "LIFTED"),
        (
            SHOCK,
            quake(region("6-"), city(MASHIKI, "6-"), at=LATER, message=MessageType.CANCEL, serial="2"),
            "CANCELLED",
        ),
        (SHOCK, quake(region("4"), city(MASHIKI, "4"), at=LATER, message=MessageType.CORRECT, serial="2"), "CORRECTED"),
    ],
    ids=["lift", "cancel", "correct"],
)
async def test_what_becomes_of_it(db: Pool, db_dsn: str, first: Event, then: Event, says: str) -> None:
    org = await people.make_org(db)
    await people.make_resident(db, org.id, home_place_id=await people.make_place(db))
    contact = uuid7()
    sealed = people.VAULT.encrypt(CLERK, contact, "contact.address_enc")
    await db.execute(SQL_CONTACT, contact, org.staff_id, sealed, NOON)
    sms, clock = FakeChannel("sms"), FixedClock(NOON + timedelta(seconds=30))

    def texts() -> list[str]:
        return [m.body for m in sms.taken if m.address == CLERK]

    async with wires(db, db_dsn, channels=fake_channels(sms), clock=clock) as deps:
        await hear(deps, first)
        assert await call_staff(deps) == 1
        await send_all(deps)
        assert len(texts()) == 1 and says not in texts()[0]
        clock.advance(timedelta(minutes=10))
        await hear(deps, then)
        await call_staff(deps)
        await call_staff(deps)
        await send_all(deps)
    assert len(texts()) == 2 and says in texts()[1], texts()
