"""What a month of SMS costs, counted from the messages; numbers of countries that were refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from alerts.channel import Channels
from alerts.channels.sms_twilio import TwilioSms
from alerts.channels_setup import channel_kinds
from alerts.sms_budget import tend_budget
from alerts.sms_budget_store import count_parts, parts_of_month
from core.clock import FixedClock
from core.db import Pool
from core.settings import load_settings
from tests.alerts_kit import NOON, send_all, wires
from tests.outbox_kit import fill_outbox, states
from tests.twilio_server import fake_twilio

#: Half an hour before and after the last midnight of November in Japan.
BEFORE, AFTER = datetime(2026, 11, 30, 14, 30, tzinfo=UTC), datetime(2026, 11, 30, 15, 30, tzinfo=UTC)


async def sent(db: Pool, count: int, at: datetime, *, parts: int = 1) -> None:
    incident, *_ = await fill_outbox(db, count, at)
    await db.execute(
        "UPDATE message SET state = 'sent', provider_id = 'SM' || id, sent_at = $2 WHERE incident_id = $1", incident, at
    )
    await db.execute(
        "UPDATE alert_text SET segments = $2 FROM alert a WHERE a.id = alert_id AND a.incident_id = $1", incident, parts
    )


async def test_days_and_months_are_japans(db: Pool) -> None:
    await sent(db, 3, BEFORE, parts=2)
    await count_parts(db, BEFORE)
    assert await parts_of_month(db, BEFORE) == (date(2026, 11, 1), 6)
    await sent(db, 1, AFTER)
    await count_parts(db, AFTER)
    assert await parts_of_month(db, AFTER) == (date(2026, 12, 1), 1)
    await db.execute("DELETE FROM message")
    await count_parts(db, AFTER)
    assert await parts_of_month(db, BEFORE) == (date(2026, 11, 1), 6), "what the purge deletes was still paid for"


async def test_the_month_is_spent(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    """Live alerts go on, a drill gets no SMS any more, and operators hear of it once."""
    async with fake_twilio() as twilio:
        settings = {
            "twilio_account_sid": twilio.account,
            "twilio_base_url": twilio.url,
            "data_dir": tmp_path,
            "sms_month_cap_jpy": 24,
            "sms_price_jpy": 12.0,
        }
        sms = TwilioSms(load_settings({"DAIJOBU_TWILIO_AUTH_TOKEN": twilio.token}, **settings))
        clock = FixedClock(NOON)
        channels = Channels({"sms": sms}, channel_kinds())
        async with wires(db, db_dsn, channels=channels, clock=clock, **settings) as deps:
            await fill_outbox(db, 2, NOON)
            await send_all(deps)
            for _ in range(2):
                assert await tend_budget(deps) == 2
            assert sms.guard.over_budget
            row = await db.fetchrow("SELECT code, level, number FROM provider_trouble")
            assert row is not None and tuple(row) == ("month_cap 2026-11", "critical", 2)
            await fill_outbox(db, 1, NOON)
            await fill_outbox(db, 1, NOON)
            newest = await db.fetchval("SELECT max(id) FROM message")
            await db.execute("UPDATE message SET purpose = 'drill' WHERE id = $1", newest)
            await send_all(deps)
            assert await states(db) == {"sent": 3, "failed": 1} and len(twilio.taken) == 3
            assert await db.fetchval("SELECT error_code FROM message WHERE id = $1", newest) == "month_cap"
            clock.advance(timedelta(days=11))
            assert await tend_budget(deps) == 0 and not sms.guard.over_budget
        await sms.close()


async def test_a_number_that_was_refused_for_its_country(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    async with fake_twilio() as twilio:
        settings = {"twilio_account_sid": twilio.account, "twilio_base_url": twilio.url, "data_dir": tmp_path}
        for countries, state in (("KR", "dead"), ("KR", "dead"), ("JP,KR", "unproven")):
            own = settings | {"sms_countries": countries}
            sms = TwilioSms(load_settings({"DAIJOBU_TWILIO_AUTH_TOKEN": twilio.token}, **own))
            async with wires(db, db_dsn, channels=Channels({"sms": sms}, channel_kinds()), **own) as deps:
                await tend_budget(deps)
                if not await db.fetchval("SELECT count(*) FROM message"):
                    await fill_outbox(db, 1, NOON)
                    await send_all(deps)
                assert await db.fetchval("SELECT state FROM contact") == state
            await sms.close()
        assert not twilio.taken
        assert await db.fetchval("SELECT code FROM provider_trouble") == "country_not_allowed"
