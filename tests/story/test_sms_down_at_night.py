"""02:00, shindo 6-lower, and the SMS provider is down: who was reached how, who is looked for, and nobody twice."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from alerts import lane_store
from alerts.channel import SendError, Trouble
from alerts.site_calls import call_sites
from checkin.cases_store import open_due_cases
from core.clock import JST, FixedClock
from core.db import Pool
from registry.records import NewContact
from registry.store import set_leader
from tests import people
from tests.alerts_kit import MASHIKI, RULES, city, hear, quake, region, send_all, wires
from tests.fakes import FakeChannel, fake_channels
from tests.outbox_kit import states

AT = datetime(2026, 11, 21, 2, 0, tzinfo=JST)
DOWN = 200


async def test_nobody_is_forgotten_and_nobody_told_twice(db: Pool, db_dsn: str) -> None:
    push, sms = FakeChannel("push"), FakeChannel("sms")
    sms.errors["*"] = [SendError(Trouble.NOT_SENT, "no_connection") for _ in range(DOWN)]
    org = await people.make_org(db)
    dorm = await people.make_site(db, org.id)
    phone_only = [await people.make_resident(db, org.id, dorm=dorm, home_place_id=dorm[1]) for _ in range(24)]
    both = []
    for n in range(6):
        subscription = NewContact("push", f'{{"endpoint":"https://push.example/{n}"}}', state="proven")
        both.append(await people.make_resident(db, org.id, dorm=dorm, home_place_id=dorm[1], contacts=(subscription,)))
    async with db.acquire() as conn:
        await set_leader(conn, dorm[0], 1, resident_id=both[0].id)  # the leader has a browser and a telephone
    clock = FixedClock(AT + timedelta(seconds=30))

    def case_after(hazard: str, severity: object, night: bool) -> int:
        return RULES[hazard].night.case_after_s

    async with wires(db, db_dsn, channels=fake_channels(push, sms), clock=clock, send_in_flight=6) as deps:
        await hear(deps, quake(region("6-"), city(MASHIKI, "6-"), at=AT))
        await send_all(deps)
        told = Counter(m.address for m in push.taken)
        assert len(told) == 6 and set(told.values()) == {1}, "whoever has a browser is told at once, and once"
        assert sms.taken == []
        [lane] = await lane_store.lanes(db)
        assert lane.lane == "sms" and lane.is_open
        asked = DOWN - len(sms.errors["*"])
        # Five minutes of silence: the leader is called; the SMS waits, nobody asks a dead provider sixty times more.
        clock.advance(timedelta(minutes=5))
        await call_sites(deps)
        await send_all(deps)
        assert DOWN - len(sms.errors["*"]) <= asked + 2
        # Twenty minutes: volunteers look for everybody, the provider is still away.
        clock.advance(timedelta(minutes=15, seconds=1))
        assert await open_due_cases(db, clock.now(), case_after) == 30
        # It works again: one message tries, the rest follows, each once; nothing was lost.
        sms.errors.clear()
        await db.execute("UPDATE send_lane SET probe_at = now()")
        for _ in range(3):
            clock.advance(timedelta(minutes=1))
            await send_all(deps)
    to_people = Counter(m.address for m in sms.taken if "/c/" in m.url)
    assert set(to_people) == {p.phone for p in (*phone_only, *both)} and set(to_people.values()) == {1}
    assert set(await states(db)) == {"sent"}
    assert not (await lane_store.lanes(db))[0].is_open
