"""Alarms over a real database: opened once, told over their own ways, taken care of, over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import aiohttp
import pytest
from pydantic import SecretStr

from alerts.channel import SendError, Trouble
from alerts.deps import Deps
from core.clock import FixedClock
from core.db import Pool, Scope, ScopedPool, transaction
from core.model import Purpose
from feeds.store import ingest
from ops.alarm_loop import Watch, database_away, database_back, look_once
from ops.alarms import Alarm, Kind, Level
from ops.alarms_store import acknowledge, failing_channels, open_alarms, past_alarms
from tests.alarm_kit import AlarmReceiver, Feeds, alarm_receiver, all_alive, feed_row, make_operator
from tests.alerts_kit import MASHIKI, city, hear, quake, region, wires
from tests.fakes import FakeChannel, fake_channels
from tests.outbox_kit import fill_outbox

#: The database's own clock is one of the facts, so the tests' clock starts with it.
SINCE = datetime.now(UTC).replace(microsecond=0)
PHONE = "+819012340001"


class Scene:
    """Wires whose alarms go to a receiver, and a watch that has been looking for a while."""

    def __init__(self, deps: Deps, receiver: AlarmReceiver, watch: Watch, sms: FakeChannel) -> None:
        self.deps, self.receiver, self.watch, self.sms = deps, receiver, watch, sms
        self.feeds = Feeds()

    async def look(self, **passed: float) -> dict[str, Alarm]:
        """Time passes, and the loop looks once: the open alarms by key, without the clock that we moved ourselves."""
        self.deps.clock.advance(timedelta(**passed))  # type: ignore[attr-defined]
        found = await look_once(self.deps, self.feeds, self.watch)
        return {alarm.key: alarm for alarm in found if alarm.kind is not Kind.CLOCK}

    def deaf(self, state: str = "stale") -> None:
        self.feeds.rows = [feed_row(state=state, why="silent", since=SINCE)]

    def texts(self) -> list[str]:
        """What was told, without alarms about the clock that we moved ourselves."""
        found = []
        for told in self.receiver.told:
            if any(alarm["kind"] != "clock" for alarm in told["alarms"]):
                found.append(told["text"])
        return found


@asynccontextmanager
async def scene(db: Pool, dsn: str, *, url: bool = True, deadman: bool = True) -> AsyncIterator[Scene]:
    sms = FakeChannel("sms")
    async with (
        alarm_receiver() as receiver,
        wires(db, dsn, channels=fake_channels(sms), clock=FixedClock(SINCE)) as deps,
        aiohttp.ClientSession() as session,
    ):
        more = {"alarm_language": "en"}
        if url:
            more["alarm_url"] = SecretStr(receiver.alarm_url)
        if deadman:
            more["deadman_url"] = SecretStr(receiver.deadman_url)
        deps = replace(deps, settings=deps.settings.model_copy(update=more))
        await all_alive(db)
        yield Scene(deps, receiver, Watch(session, SINCE - timedelta(hours=1), tries=(0.0,)), sms)


async def test_a_calm_night_calls_the_dead_mans_watch_every_minute_and_nobody_else(db: Pool, db_dsn: str) -> None:
    await make_operator(db, SINCE, phone=PHONE)
    async with scene(db, db_dsn) as at:
        for _ in range(4):
            assert await at.look(seconds=20) == {}
        assert at.receiver.calls == 2 and at.texts() == [] and at.sms.taken == []


async def test_an_alarm_is_told_over_the_address_and_to_telephones_again_and_when_it_is_over(
    db: Pool, db_dsn: str
) -> None:
    await make_operator(db, SINCE, phone=PHONE)
    async with scene(db, db_dsn) as at:
        at.deaf()
        found = await at.look()
        assert found["feed:jma.eqvol"].level is Level.CRITICAL
        (text,) = at.texts()
        assert "ALARM" in text and "jma.eqvol" in text and text.endswith("/alarms")
        (sms,) = at.sms.taken
        assert sms.address == PHONE and "jma.eqvol" in sms.body and sms.body.splitlines()[-1].endswith("/alarms")
        # The outside world is told nothing reassuring meanwhile.
        assert at.receiver.calls == 0
        for minutes, told in ((1, 1), (3, 1), (1, 2), (10, 3), (45, 4), (59, 4), (1, 5)):
            await at.look(minutes=minutes)
            assert len(at.texts()) == told, minutes
        at.feeds.rows = [feed_row()]
        assert "feed:jma.eqvol" in await at.look(minutes=1)  # it may come and go
        assert await at.look(minutes=2) == {}
        assert "Over: " in at.texts()[-1] and len(at.texts()) == 6
        await at.look(minutes=2)
        assert len(at.texts()) == 6 and at.receiver.calls == 2
        async with transaction(db) as conn:
            past = [alarm for alarm in await past_alarms(conn) if alarm.kind is not Kind.CLOCK]
        assert [(alarm.key, alarm.told_count) for alarm in past] == [("feed:jma.eqvol", 5)]


async def test_whoever_takes_care_of_it_ends_the_repeats(db: Pool, db_dsn: str) -> None:
    operator = await make_operator(db, SINCE)
    async with scene(db, db_dsn) as at:
        at.deaf()
        alarm = (await at.look())["feed:jma.eqvol"]
        # As the page does it, in the operator's own database role.
        async with transaction(ScopedPool(db, Scope("daijobu_operator"))) as conn:
            assert await acknowledge(conn, alarm.id, operator.staff_id, at.deps.clock.now()) == "feed:jma.eqvol"
            assert await acknowledge(conn, alarm.id, operator.staff_id, at.deps.clock.now()) is None
        again = await at.look(hours=2)
        assert again["feed:jma.eqvol"].acknowledged_by and len(at.texts()) == 1
        # Somebody knows: the watch outside may go on watching the rest.
        assert at.receiver.calls == 1
        at.feeds.rows = [feed_row()]
        await at.look()
        assert await at.look(minutes=2) == {} and "Over: " in at.texts()[-1]


async def test_a_warning_that_gets_worse_is_told_again_at_once(db: Pool, db_dsn: str) -> None:
    await make_operator(db, SINCE, phone=PHONE)
    async with scene(db, db_dsn) as at:
        at.deaf("late")
        assert (await at.look())["feed:jma.eqvol"].level is Level.WARNING
        assert len(at.texts()) == 1 and at.sms.taken == []  # a warning does not wake anybody up
        at.deaf()
        assert (await at.look(seconds=30))["feed:jma.eqvol"].level is Level.CRITICAL
        assert len(at.texts()) == 2 and len(at.sms.taken) == 1


async def test_without_an_address_a_warning_goes_to_telephones(db: Pool, db_dsn: str) -> None:
    await make_operator(db, SINCE, phone=PHONE)
    async with scene(db, db_dsn, url=False) as at:
        at.deaf("late")
        await at.look()
        assert len(at.sms.taken) == 1


async def test_what_could_not_be_told_is_told_as_soon_as_a_way_works_and_is_an_alarm_itself(
    db: Pool, db_dsn: str
) -> None:
    async with scene(db, db_dsn) as at:
        at.receiver.answers = [500, 404]
        at.deaf()
        await at.look()
        assert list(await failing_channels(db)) == ["url"]
        # A broken way rests for a minute; then the next try.
        found = await at.look(seconds=30)
        assert at.receiver.answers == [404]
        assert found["channel:url"].detail["what"] == "HTTP 500" and found["feed:jma.eqvol"].told_count == 0
        await at.look(seconds=30)
        assert at.receiver.answers == []
        await at.look(minutes=1)
        (text,) = at.texts()
        assert "jma.eqvol" in text and "“url”" in text
        assert await failing_channels(db) == {}
        assert (await at.look(seconds=1))["feed:jma.eqvol"].told_count == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what the package imports, where it is installed
async def test_apprise_that_fails_is_an_alarm_over_the_other_ways(db: Pool, db_dsn: str) -> None:
    async with scene(db, db_dsn) as at:
        more = {"alarm_apprise_urls": SecretStr("nonsense://s3cret  json://127.0.0.1:9/s3cret")}
        at.deps = replace(at.deps, settings=at.deps.settings.model_copy(update=more))
        at.deaf()
        await at.look()
        assert len(at.texts()) == 1, "the address was told all the same"
        found = await at.look(minutes=1)
        assert found["channel:apprise"].level is Level.WARNING
        assert "2 of 2 addresses" in str(found["channel:apprise"].detail) and "s3cret" not in "".join(at.texts())


async def test_one_dead_telephone_does_not_silence_the_others(db: Pool, db_dsn: str) -> None:
    await make_operator(db, SINCE, phone=PHONE)
    await make_operator(db, SINCE, phone="+819012340002")
    async with scene(db, db_dsn) as at:
        at.sms.errors[PHONE] = [SendError(Trouble.DEAD_ADDRESS)]
        at.deaf()
        await at.look()
        assert [sms.address for sms in at.sms.taken] == ["+819012340002"] and await failing_channels(db) == {}


async def test_only_proven_telephones_of_active_operators_ring(db: Pool, db_dsn: str) -> None:
    gone = await make_operator(db, SINCE, phone=PHONE)
    await make_operator(db, SINCE, phone="+819012340003")
    await db.execute("UPDATE staff SET disabled_at = now() WHERE id = $1", gone.staff_id)
    await db.execute("UPDATE contact SET confirmed_at = NULL WHERE staff_id <> $1", gone.staff_id)
    async with scene(db, db_dsn) as at:
        at.deaf()
        await at.look()
        assert at.sms.taken == [] and len(at.texts()) == 1


async def test_a_held_alert_is_an_alarm_after_a_minute_also_while_the_outbox_is_full(db: Pool, db_dsn: str) -> None:
    await make_operator(db, SINCE, phone=PHONE)
    async with scene(db, db_dsn) as at:
        await fill_outbox(db, 500, at.deps.clock.now())
        # A report from the future is held: nobody is told.
        at_ = at.deps.clock.now() + timedelta(hours=3)
        await hear(at.deps, quake(region("7"), city(MASHIKI, "7"), at=at_))
        assert await at.look(seconds=60) == {}
        found = await at.look(seconds=10)
        assert {alarm.kind for alarm in found.values()} == {Kind.HELD, Kind.OUTBOX}
        assert "Two people must decide" in at.texts()[0] and len(at.sms.taken) == 1
        assert await db.fetchval("SELECT count(*) FROM message WHERE state = 'pending'") == 500
        await db.execute("UPDATE alert SET state = 'stopped'")
        await db.execute("UPDATE message SET state = 'sent'")
        assert await at.look(minutes=2) == {}


async def test_a_report_that_nobody_can_read_is_an_alarm_and_its_bytes_are_kept(db: Pool, db_dsn: str) -> None:
    operator = await make_operator(db, SINCE)
    async with scene(db, db_dsn) as at:
        for number in range(3):
            body = f"<html>sorry {number}</html>".encode()
            await ingest(db, body, received_at=at.deps.clock.now(), purpose=Purpose.LIVE)
        found = await at.look()
        (alarm,) = found.values()
        assert alarm.kind is Kind.UNREADABLE and alarm.detail["number"] == 3
        assert await db.fetchval("SELECT count(*) FROM report WHERE body LIKE '<html>sorry%'") == 3
        async with transaction(db) as conn:
            assert await acknowledge(conn, alarm.id, operator.staff_id, at.deps.clock.now())
        assert await at.look(seconds=10) == {}
        # The next one is news again.
        await ingest(db, b"<html>again</html>", received_at=at.deps.clock.now(), purpose=Purpose.LIVE)
        assert [alarm.kind for alarm in (await at.look(seconds=10)).values()] == [Kind.UNREADABLE]


async def test_what_an_operator_must_read_and_what_we_could_not_decide(db: Pool, db_dsn: str) -> None:
    async with scene(db, db_dsn) as at:
        await hear(at.deps, quake(region("3"), id="1"))
        await hear(at.deps, quake(region("3"), id="2"))
        ids = [row["id"] for row in await db.fetch("SELECT id FROM event ORDER BY id")]
        await db.execute("UPDATE event SET outcome = 'operator: an unknown kind of warning' WHERE id = $1", ids[0])
        await db.execute("UPDATE event SET outcome = 'error: KeyError: 741' WHERE id = $1", ids[1])
        found = await at.look()
        assert {(alarm.kind, alarm.level) for alarm in found.values()} == {
            (Kind.OPERATOR, Level.CRITICAL),
            (Kind.ERROR, Level.CRITICAL),
        }
        assert "an unknown kind of warning" in at.texts()[0] and "KeyError: 741" in at.texts()[0]


async def test_a_loop_that_is_silent_and_one_that_never_ran(db: Pool, db_dsn: str) -> None:
    async with scene(db, db_dsn) as at:
        await db.execute("UPDATE heartbeat SET at = at - interval '5 minutes' WHERE name = 'tend'")
        await db.execute("DELETE FROM heartbeat WHERE name = 'hooks'")
        found = await at.look()
        assert {key: alarm.kind for key, alarm in found.items()} == {
            "loop:tend": Kind.LOOP,
            "loop:hooks": Kind.LOOP_NEVER,
        }


async def test_our_clock_is_wrong(db: Pool, db_dsn: str) -> None:
    async with scene(db, db_dsn) as at:
        at.feeds.rows = [feed_row(clock_off_s=8.4)]
        at.deps.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
        now = at.deps.clock.now()
        most = (now - await db.fetchval("SELECT clock_timestamp()")).total_seconds()
        found = {alarm.key: alarm for alarm in await look_once(at.deps, at.feeds, at.watch)}
        least = (now - await db.fetchval("SELECT clock_timestamp()")).total_seconds()
        assert found["clock:jma.eqvol"].detail["number"] == 8
        assert round(least) <= int(found["clock:database"].detail["number"]) <= round(most)
        assert least > 3600, "a day ahead, less what the suite has taken so far"


async def test_the_database_is_away(db: Pool, db_dsn: str) -> None:
    async with scene(db, db_dsn) as at:
        for _ in range(4):
            await database_away(at.deps, at.watch, "ConnectionRefusedError")
            at.deps.clock.advance(timedelta(seconds=30))  # type: ignore[attr-defined]
        (text,) = at.receiver.texts
        assert "ConnectionRefusedError" in text
        await database_back(at.deps, at.watch)
        await database_back(at.deps, at.watch)
        assert ["Over: " in text for text in at.receiver.texts] == [False, True]


async def test_messages_to_telephones_are_limited(db: Pool, db_dsn: str) -> None:
    await make_operator(db, SINCE, phone=PHONE)
    async with scene(db, db_dsn) as at:
        for number in range(30):
            at.feeds.rows = [feed_row(f"jma.{number}", "stale", "silent", since=SINCE)]
            await at.look(seconds=10)
        assert len(at.sms.taken) == 20 and len(at.texts()) == 30


@pytest.mark.parametrize("role", ["daijobu_web", "daijobu_follow", "daijobu_person", "daijobu_door"])
async def test_alarms_are_for_operators(db: Pool, db_dsn: str, role: str) -> None:
    async with transaction(ScopedPool(db, Scope(role, orgs=(UUID(int=1),)))) as conn:
        allowed = await conn.fetchval("SELECT has_table_privilege(current_user, 'alarm', 'SELECT')")
        assert not allowed and await conn.fetchval("SELECT has_table_privilege(current_user, 'feed_day', 'SELECT')")


async def test_open_alarms_are_one_per_key(db: Pool, db_dsn: str) -> None:
    async with scene(db, db_dsn) as at:
        at.deaf()
        await at.look()
        await at.look(seconds=10)
        async with transaction(db) as conn:
            assert len([one for one in await open_alarms(conn) if one.key == "feed:jma.eqvol"]) == 1
