"""Limits that all processes share: neither a second worker nor a restart begins them anew."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from alerts.bucket_store import SharedBuckets
from alerts.buckets import Bucket
from alerts.channel import SendError
from alerts.channels.sms_twilio import TwilioSms
from alerts.channels.voice_twilio import TwilioVoice
from alerts.channels_setup import share_limits
from core.db import Pool
from core.model import Purpose
from core.settings import load_settings
from tests.fakes import FakeChannel, fake_channels
from tests.outgoing import outgoing
from tests.people import VAULT
from tests.twilio_server import fake_twilio
from tests.twilio_voice import ACCOUNT, TOKEN, fake_voice

NUMBER = "+819012345678"
TEN = Bucket("sms", NUMBER, 10, 3600.0)
SQL_AGO = "UPDATE send_bucket SET refilled_at = refilled_at - make_interval(secs => $1)"


async def taken(buckets: SharedBuckets, number: int, bucket: Bucket = TEN) -> int:
    return sum(await asyncio.gather(*(buckets.take(bucket) for _ in range(number))))


async def test_two_workers_share_and_a_restart_forgets_nothing(db: Pool) -> None:
    first, second = SharedBuckets(db, VAULT), SharedBuckets(db, VAULT)
    assert sum(await asyncio.gather(taken(first, 8), taken(second, 8))) == 10
    assert await taken(SharedBuckets(db, VAULT), 1) == 0
    assert await taken(first, 3, Bucket("sms", "+819012345679", 10, 3600.0)) == 3, "another number"
    await db.execute(SQL_AGO, 1080.0)
    assert await taken(SharedBuckets(db, VAULT), 9) == 3, "18 minutes give back three"
    await db.execute(SQL_AGO, 1e6)
    assert await taken(second, 12) == 10, "never more than it holds"
    await db.execute(SQL_AGO, -500.0)  # the clock went back
    assert await taken(second, 1) == 0


async def test_nobody_can_tell_whose_bucket_it_is(db: Pool) -> None:
    await taken(SharedBuckets(db, VAULT), 1)
    row = await db.fetchrow("SELECT * FROM send_bucket")
    assert row is not None and row["key"] == VAULT.blind_index("bucket sms", NUMBER)
    assert NUMBER not in repr(dict(row))


async def test_while_the_database_is_away_a_process_counts_for_itself(db_dsn: str) -> None:
    pool = await asyncpg.create_pool(db_dsn, min_size=0)
    buckets = SharedBuckets(pool, VAULT)
    await pool.close()
    assert await taken(buckets, 12) == 10


def settings(**values: Any) -> Any:
    return load_settings({f"DAIJOBU_{name.upper()}": str(value) for name, value in values.items()})


async def test_sms_to_one_number_are_counted_together(db: Pool) -> None:
    drill = outgoing(NUMBER, purpose=Purpose.DRILL)
    async with fake_twilio() as twilio:
        made = settings(
            twilio_account_sid=twilio.account, twilio_auth_token=twilio.token, twilio_base_url=twilio.url,
            sms_per_number_hour=2,
        )  # fmt: skip
        workers = [TwilioSms(made), TwilioSms(made)]
        for worker in workers:
            channels = fake_channels(FakeChannel("push"))
            channels.by_name["sms"] = worker
            share_limits(channels, SharedBuckets(db, VAULT))
            await worker.send(drill)
        for worker in workers:
            with pytest.raises(SendError, match="too_many_an_hour"):
                await worker.send(drill)
            await worker.send(outgoing(NUMBER))
            await worker.close()
        assert len(twilio.taken) == 4, "a live alert goes on"


async def test_calls_of_a_day_are_counted_together(db: Pool) -> None:
    async with fake_voice() as fake:
        made = settings(
            twilio_account_sid=ACCOUNT, twilio_auth_token=TOKEN, twilio_base_url=fake.url, voice_from="+815012345678",
            voice_calls_a_day=1,
        )  # fmt: skip
        workers = [TwilioVoice(made), TwilioVoice(made)]
        for worker in workers:
            worker.buckets = SharedBuckets(db, VAULT)
        await workers[0].send(outgoing(NUMBER))
        with pytest.raises(SendError, match="too_many_calls") as refused:
            await workers[1].send(outgoing(NUMBER))
        assert refused.value.alarm == "warning"
        for worker in workers:
            await worker.close()
        assert len(fake.calls) == 1
