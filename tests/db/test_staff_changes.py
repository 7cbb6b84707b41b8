"""Staff who were told of a warning hear what becomes of it: corrected, lifted, cancelled; once per report. Where one of
their ways fails, the next one goes."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from alerts.channel import SendError, Trouble
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
VALUES ($1, $2, $5, $3, sha256($3), 'proven', $4, $4)
"""
SHOCK = quake(region("6-"), city(MASHIKI, "6-"))
RAIN = rain(warned(MASHIKI, 4))
LATER = NOON + timedelta(minutes=10)
FLASH = quake(region("6-"), type="VXSE51", serial="")
RIGHT = quake(region("4"), city(MASHIKI, "4"), at=LATER, message=MessageType.CORRECT, serial="2")


async def proven(db: Pool, staff: UUID, channel: str, address: str) -> UUID:
    contact = uuid7()
    sealed = people.VAULT.encrypt(address, contact, "contact.address_enc")
    await db.execute(SQL_CONTACT, contact, staff, sealed, NOON, channel)
    return contact


async def clerk_and_resident(db: Pool) -> UUID:
    org = await people.make_org(db)
    await people.make_resident(db, org.id, home_place_id=await people.make_place(db))
    return org.staff_id


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
    await proven(db, await clerk_and_resident(db), "phone", CLERK)
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


async def test_staff_who_heard_of_the_flash_report_hear_of_the_correction(db: Pool, db_dsn: str) -> None:
    """One message an incident: the detailed report's own alert told them nothing new, and is corrected."""
    await proven(db, await clerk_and_resident(db), "phone", CLERK)
    sms, clock = FakeChannel("sms"), FixedClock(NOON + timedelta(seconds=30))
    async with wires(db, db_dsn, channels=fake_channels(sms), clock=clock) as deps:
        for event in (FLASH, quake(region("6-"), city(MASHIKI, "6-"), at=NOON + timedelta(minutes=2)), RIGHT):
            clock.advance(timedelta(minutes=3))
            await hear(deps, event)
            await call_staff(deps)
            await send_all(deps)
    texts = [m.body for m in sms.taken if m.address == CLERK]
    assert len(texts) == 2 and "CORRECTED" in texts[1], texts


@pytest.mark.parametrize(
    ("error", "mail_after"),
    [(None, 300), (SendError(Trouble.DEAD_ADDRESS, "30005"), 0), (SendError(Trouble.REFUSED, "30007"), 0)],
    ids=["no receipt", "dead", "refused"],
)
async def test_the_next_proven_way_goes(db: Pool, db_dsn: str, error: SendError | None, mail_after: int) -> None:
    staff = await clerk_and_resident(db)
    await proven(db, staff, "phone", CLERK)
    await proven(db, staff, "email", "clerk@mail.example")
    await db.execute("UPDATE contact SET state = 'unproven' WHERE staff_id IS NULL")
    sms, mail, clock = FakeChannel("sms"), FakeChannel("email"), FixedClock(NOON + timedelta(seconds=30))
    sms.errors[CLERK] = [] if error is None else [error]
    async with wires(db, db_dsn, channels=fake_channels(sms, mail), clock=clock) as deps:
        await hear(deps, SHOCK)
        assert await call_staff(deps) == 1
        await send_all(deps)
        assert len([m for m in mail.taken if m.address.startswith("clerk")]) == (0 if mail_after else 1)
        clock.advance(timedelta(seconds=mail_after))
        await send_all(deps)
        (one,) = [m for m in mail.taken if m.address.startswith("clerk")]
        (text,) = [m.url for m in sms.taken if m.address == CLERK] or [one.url]
        assert one.url == text and "/a/" in one.url, "the same link"
        # What becomes of it goes where they were told.
        clock.advance(timedelta(minutes=9))
        await hear(deps, RIGHT)
        assert await call_staff(deps) == 1
        before = len(mail.taken), len(sms.taken)
        await send_all(deps)
    went = (len(mail.taken) - before[0], len([m for m in sms.taken[before[1] :] if m.address == CLERK]))
    assert went == ((0, 1) if error is None else (1, 0))
