"""Notifications name the nearest shelter; SMS do not, and an alert never waits for it."""

from __future__ import annotations

import pytest

from alerts.shelter_lines import ShelterLines
from core.db import Pool
from core.model import Precision
from registry.records import NewContact
from tests import people
from tests.alerts_kit import MASHIKI, city, hear, quake, region, send_all, wires
from tests.fakes import FakeChannel, fake_channels
from tests.shelter_kit import make_shelters

PUSH = NewContact("push", '{"endpoint":"https://push.example/1"}', state="proven")


async def make_person(db: Pool, *contacts: NewContact, precision: Precision = Precision.EXACT) -> None:
    place = await people.make_place(db)
    await db.execute("UPDATE place SET lat = 32.79, lon = 130.82, precision = $2 WHERE id = $1", place, precision.value)
    await people.make_resident(db, home_place_id=place, language="en", contacts=contacts)


async def sent(db: Pool, dsn: str, before_sending: str = "SELECT 1") -> tuple[list[str], list[str]]:
    """(texts of notifications, texts of SMS) after a strong quake."""
    push, sms = FakeChannel("push"), FakeChannel("sms")
    async with wires(db, dsn, channels=fake_channels(push, sms)) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7")))
        await db.execute("UPDATE message SET due_at = created_at, unless = 'never'")
        await db.execute(before_sending)
        await send_all(deps, shelters=True)
    return [m.body for m in push.taken], [m.body for m in sms.taken]


async def test_a_notification_names_the_nearest_shelter(db: Pool, db_dsn: str) -> None:
    await make_shelters(db)
    await make_person(db, PUSH, NewContact("sms", "+819000000001", state="proven"))
    (notification,), (sms,) = await sent(db, db_dsn)
    line = "Nearest evacuation site: 架空公園, about 600 m, east. It may not be open."
    assert notification.split("\n")[1] == line
    assert "架空" not in sms


async def test_without_lists_nothing_is_named(db: Pool, db_dsn: str) -> None:
    await make_person(db, PUSH)
    (notification,), _ = await sent(db, db_dsn)
    assert "Nearest" not in notification


async def test_not_where_only_the_town_is_known(db: Pool, db_dsn: str) -> None:
    await make_shelters(db)
    await make_person(db, PUSH, precision=Precision.MUNICIPALITY)
    (notification,), _ = await sent(db, db_dsn)
    assert "Nearest" not in notification


async def test_an_alert_goes_without_the_line_if_it_cannot_be_had(
    db: Pool, db_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    await make_shelters(db)
    await make_person(db, PUSH)
    (notification,), _ = await sent(db, db_dsn, "ALTER TABLE resident_place RENAME TO lost")
    assert "Nearest" not in notification
    assert "no shelters are named in 1 messages" in caplog.text


async def test_a_new_list_is_noticed(db: Pool, db_dsn: str) -> None:
    async with wires(db, db_dsn) as deps:
        lines = ShelterLines(deps)
        await lines.refresh()
        assert lines.known == 0
        await make_shelters(db)
        await lines.refresh()
        assert lines.known == 5  # the house that is for a few people is not among them
        assert await lines.of([]) == {}
