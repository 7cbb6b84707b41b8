"""What asks nobody waits through the night, and goes out in the morning as one message per person."""

from __future__ import annotations

from datetime import datetime, timedelta

from alerts.digest import join_what_waited
from core.clock import JST, FixedClock
from core.db import Pool
from core.model import Tier
from ops.tend_store import expire_messages
from registry.records import NewContact
from tests import people
from tests.alerts_kit import MASHIKI, Area, city, hear, messages, quake, rain, region, send_all, wires
from tests.fakes import FakeChannel, fake_channels
from tests.outbox_kit import states

NIGHT = datetime(2026, 11, 21, 1, 0, tzinfo=JST)
MORNING = datetime(2026, 11, 21, 7, 0, tzinfo=JST)
SHOCK = quake(region("4"), city(MASHIKI, "5-"), at=NIGHT)
WIND = rain(
    Area("jma.city", MASHIKI, name="益城町", tier=Tier.WARNING),
    at=NIGHT + timedelta(minutes=30),
    hazard="storm_wind",
    type="VPWW58",
)


async def test_one_message_in_the_morning(db: Pool, db_dsn: str) -> None:
    push, sms = FakeChannel("push"), FakeChannel("sms")
    place = await people.make_place(db)
    subscription = NewContact("push", '{"endpoint":"https://push.example/1"}', state="proven")
    for contacts in ((subscription,), ()):
        await people.make_resident(db, home_place_id=place, contacts=contacts)
    clock = FixedClock(NIGHT + timedelta(seconds=30))
    async with wires(db, db_dsn, channels=fake_channels(push, sms), clock=clock) as deps:
        await hear(deps, SHOCK)
        clock.advance(timedelta(minutes=30))
        await hear(deps, WIND)
        await send_all(deps)
        assert (push.taken, sms.taken) == ([], []), "nobody is woken for what asks nobody"
        assert {m["due_at"] for m in await messages(db)} == {MORNING}
        # The text of a quake is true for an hour, and worth knowing in the morning all the same.
        assert await join_what_waited(deps) == 0
        clock.advance(MORNING - timedelta(minutes=1) - clock.now())
        assert await expire_messages(db, clock.now()) == 0
        assert await join_what_waited(deps) == 2
        clock.advance(timedelta(minutes=1))
        assert await join_what_waited(deps) == 0
        await send_all(deps)
    assert (len(push.taken), len(sms.taken)) == (1, 1)
    assert await states(db) == {"sent": 2, "cancelled": 2}
    bodies = {m["channel"]: m["body"] for m in await messages(db) if m["state"] == "sent"}
    assert bodies["sms"].count("{link}") == 1 and bodies["sms"].endswith("{link}")
    for text in bodies.values():
        assert "01:00" in text and "01:30" in text, text


async def test_after_the_morning_it_is_not_sent_any_more(db: Pool, db_dsn: str) -> None:
    sms = FakeChannel("sms")
    await people.make_resident(db, home_place_id=await people.make_place(db))
    clock = FixedClock(NIGHT + timedelta(seconds=30))
    async with wires(db, db_dsn, channels=fake_channels(sms), clock=clock) as deps:
        await hear(deps, SHOCK)
        clock.advance(MORNING + timedelta(hours=3) - clock.now())
        assert await expire_messages(db, clock.now()) == 1, "past the morning it is not worth it any more"
        await send_all(deps)
    assert sms.taken == []
