"""Who answers for a dorm is called when its people stay silent: at night, and where the leader has not looked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from alerts.deps import Deps
from alerts.site_calls import call_sites
from checkin.leader_store import open_leader_link
from core.clock import JST, FixedClock
from core.db import Pool, transaction
from core.tokens import token_hash
from registry.store import set_leader
from tests import people
from tests.alerts_kit import MASHIKI, NOON, city, hear, quake, region, send_all, wires
from tests.fakes import FakeChannel, fake_channels
from tests.people import Person
from tests.staff_site import staff_site

NIGHT = datetime(2026, 11, 21, 1, 0, tzinfo=JST)


SQL_AWAY = """
INSERT INTO absence (resident_id, said_by, kind, until, created_at) VALUES ($1, 'self', 'home_leave', $2, now())
"""


@dataclass(slots=True)
class Dorm:
    """A dorm of two silent people and of those who answer for it, an alert just sent."""

    deps: Deps
    clock: FixedClock
    sms: FakeChannel
    site_id: UUID
    leader: Person
    deputy: Person
    night_contact: Person
    silent: list[Person]

    async def after(self, minutes: float) -> list[tuple[str, str]]:
        """What is sent when so many minutes have passed: (who, kind of link)."""
        self.clock.advance(timedelta(minutes=minutes))
        self.sms.taken.clear()
        await call_sites(self.deps)
        await send_all(self.deps)
        names = {p.phone: who for who, p in (("leader", self.leader), ("deputy", self.deputy),
                                             ("night", self.night_contact))}  # fmt: skip
        return sorted((names[m.address], m.url.rsplit("/", 2)[1]) for m in self.sms.taken if m.address in names)


@asynccontextmanager
async def dorm_at(
    db: Pool, dsn: str, at: datetime, *, deputies: bool = True, away: Sequence[int] = ()
) -> AsyncIterator[Dorm]:
    org = await people.make_org(db)
    dorm = await people.make_site(db, org.id)
    elsewhere = await people.make_place(db, (("jis", "40133"),))
    named = [await people.make_resident(db, org.id, home_place_id=elsewhere, language="ja") for _ in range(3)]
    silent = [await people.make_resident(db, org.id, dorm=dorm, home_place_id=dorm[1]) for _ in range(2)]
    async with db.acquire() as conn:
        for rank, person in enumerate(named[: 3 if deputies else 1], 1):
            await set_leader(conn, dorm[0], rank, resident_id=person.id)
        for rank in away:
            await conn.execute(SQL_AWAY, named[rank - 1].id, at.date())
    sms, clock = FakeChannel("sms"), FixedClock(at + timedelta(seconds=30))
    async with wires(db, dsn, channels=fake_channels(sms), clock=clock) as deps:
        await hear(deps, quake(region("4"), city(MASHIKI, "5+"), at=at))
        await send_all(deps)
        yield Dorm(deps, clock, sms, dorm[0], *named, silent)


async def test_at_night_leader_and_night_contact_after_five_minutes(db: Pool, db_dsn: str) -> None:
    async with dorm_at(db, db_dsn, NIGHT) as dorm:
        assert [m.url.rsplit("/", 2)[1] for m in dorm.sms.taken if m.address == dorm.leader.phone] == ["l"]
        first = next(m.url for m in dorm.sms.taken if m.address == dorm.leader.phone)
        assert await dorm.after(4) == []
        assert await dorm.after(1) == [("leader", "l"), ("night", "l")]
        urls = {m.address: m.url for m in dorm.sms.taken}
        assert urls[dorm.leader.phone] == first, "one link, whichever message it stands in"
        async with transaction(db) as conn:  # the night contact's link opens the same page
            token = urls[dorm.night_contact.phone].rsplit("/", 1)[1]
            view = await open_leader_link(conn, token_hash(token), dorm.clock.now())
        assert view is not None and view.site_id == dorm.site_id
        assert await dorm.after(1) == [], "a step is taken once"
        assert await dorm.after(5) == [], "the page has been opened: no deputy is needed"


async def test_by_day_only_a_deputy_and_only_for_a_page_nobody_has_opened(db: Pool, db_dsn: str) -> None:
    async with dorm_at(db, db_dsn, NOON) as dorm:
        assert await dorm.after(9) == []
        assert await dorm.after(1) == [("deputy", "l")]
        assert await dorm.after(1) == []


@pytest.mark.parametrize(
    ("away", "first", "later"),
    [((1,), "deputy", "deputy"), ((2,), "leader", "leader"), ((1, 2), "leader", "leader")],
)
async def test_a_leader_who_is_away_is_stood_in_for(
    db: Pool, db_dsn: str, away: tuple[int, ...], first: str, later: str
) -> None:
    async with dorm_at(db, db_dsn, NIGHT, away=away) as dorm:
        numbers = {dorm.leader.phone: "leader", dorm.deputy.phone: "deputy"}
        told = [numbers[m.address] for m in dorm.sms.taken if m.address in numbers and "/l/" in m.url]
        assert told == [first], "the one message at the start"
        assert await dorm.after(5) == sorted([(later, "l"), ("night", "l")])


async def test_a_leader_without_a_number_is_stood_in_for_at_night(db: Pool, db_dsn: str) -> None:
    async with dorm_at(db, db_dsn, NIGHT) as dorm:
        await db.execute("UPDATE contact SET state = 'dead' WHERE resident_id = $1", dorm.leader.id)
        assert await dorm.after(5) == [("deputy", "l"), ("night", "l")]


async def test_whose_people_have_answered_is_left_in_peace(db: Pool, db_dsn: str) -> None:
    async with dorm_at(db, db_dsn, NIGHT) as dorm:
        await db.execute(
            "UPDATE incident_resident SET status = 'ok', status_by = 'self', status_at = $1", dorm.clock.now()
        )
        assert await dorm.after(5) == [] and await dorm.after(5) == []


async def test_where_nobody_can_be_called_it_is_written_down_once(db: Pool, db_dsn: str) -> None:
    async with dorm_at(db, db_dsn, NIGHT, deputies=False) as dorm:
        assert await dorm.after(5) == [("leader", "l")]
        assert await dorm.after(5) == []
        rows = await db.fetch("SELECT step, reached FROM site_call ORDER BY step")
    assert [tuple(row) for row in rows] == [("deputy:600", False), ("leader:300", True), ("night_contact:300", False)]


@pytest.mark.parametrize(("hours", "calls"), [(0.9, 2), (1.5, 0)])
async def test_what_was_missed_is_made_up_for_within_the_hour(db: Pool, db_dsn: str, hours: float, calls: int) -> None:
    async with dorm_at(db, db_dsn, NIGHT) as dorm:
        made = await dorm.after(hours * 60)
        assert len([who for who, _ in made if who != "deputy"]) == calls


async def test_with_the_night_contact_on_the_site_page(db: Pool) -> None:

    org = await people.make_org(db)
    dorm = await people.make_site(db, org.id)
    person = await people.make_resident(db, org.id, dorm=dorm)
    async with staff_site(db) as site:
        visitor = await site.signed_in(org)
        page = f"/sites/{dorm[0]}"
        answer = await visitor.submit(page, page, {"night_contact": f"r:{person.id}"})
        assert answer.status == 200 and "Night contact" in await answer.text()
    rows = await db.fetch("SELECT rank, resident_id FROM site_leader")
    assert [tuple(row) for row in rows] == [(3, person.id)]
