"""Answers by SMS, from the provider's webhook to the person's standing, their case and the text back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, unused_port

from alerts.channel import Channels
from alerts.channels.sms_twilio import TwilioSms
from alerts.channels_setup import channel_kinds
from alerts.deps import Deps
from checkin.board_store import history
from checkin.sms_reply_web import EMPTY, ROUTES
from checkin.store import record_check_in
from core.clock import FixedClock
from core.db import Pool, transaction
from core.model import Answer, AnsweredBy
from core.settings import load_settings
from core.web import SITE, Site, add_routes, security_headers
from registry.guard_web import guard
from tests import people
from tests.alerts_kit import MASHIKI, NOON, city, hear, quake, rain, region, send_all, warned, wires
from tests.pages import JINJA
from tests.people import VAULT, Person
from tests.twilio_server import FakeTwilio, fake_twilio

THANKS = "Thank you. We have your answer."


@dataclass(slots=True)
class World:
    """A website with an SMS sender that can receive."""

    deps: Deps
    twilio: FakeTwilio
    url: str
    numbers: count[int]

    async def write(self, phone: str, text: str, *, sid: str = "", **more: str) -> str:
        """Somebody sends an SMS: the text we answer with, "" for none."""
        fields = {"MessageSid": sid or f"SM{next(self.numbers)}", "From": phone, "To": "+12025550100", "Body": text}
        status, body = await self.twilio.post(f"{self.url}/t/r#rc=5&rp=all", fields | {"NumMedia": "0"} | more)
        assert status == 200
        return (
            body.removeprefix(EMPTY.replace("<Response/>", "<Response><Message>"))
            .removesuffix("</Message></Response>")
            .replace(EMPTY, "")
        )

    async def standing(self, person: Person) -> str | None:
        sql = "SELECT status FROM incident_resident WHERE resident_id = $1 ORDER BY told_at DESC LIMIT 1"
        status: str | None = await self.deps.pool.fetchval(sql, person.id)
        return status

    async def notes(self, person: Person) -> list[str]:
        async with self.deps.pool.acquire() as conn:
            ids: list[UUID] = [
                r["id"] for r in await conn.fetch("SELECT id FROM case_file WHERE resident_id = $1", person.id)
            ]
            return [entry.note for entry in await history(conn, VAULT, ids) if entry.note]


async def a_world(db: Pool, db_dsn: str, tmp_path: Path, *, two_way: bool = True) -> AsyncIterator[World]:
    port = unused_port()
    async with fake_twilio() as twilio:
        settings = load_settings(
            {
                "DAIJOBU_TWILIO_ACCOUNT_SID": twilio.account,
                "DAIJOBU_TWILIO_AUTH_TOKEN": twilio.token,
                "DAIJOBU_TWILIO_BASE_URL": twilio.url,
                "DAIJOBU_TWILIO_TWO_WAY": str(two_way),
                "DAIJOBU_PUBLIC_URL": f"http://127.0.0.1:{port}",
                "DAIJOBU_DATA_DIR": str(tmp_path),
                "DAIJOBU_SMS_PER_NUMBER_HOUR": "6",
            }
        )
        sms = TwilioSms(settings)
        channels = Channels({"sms": sms}, channel_kinds())
        async with wires(db, db_dsn, channels=channels, clock=FixedClock(NOON)) as bare:
            deps = replace(bare, settings=settings)
            app = web.Application(middlewares=[security_headers, guard])
            app[SITE] = Site(
                settings=settings,
                pool=db,
                vault=VAULT,
                catalogs=deps.catalogs,
                clock=deps.clock,
                wakeups=deps.wakeups,
                jinja=JINJA,
                extras={"channels": channels},
            )
            add_routes(app, ROUTES)
            async with TestClient(TestServer(app, host="127.0.0.1", port=port)):
                yield World(deps, twilio, settings.site_url, count(1))
        await sms.close()


@pytest.fixture
async def world(db: Pool, db_dsn: str, tmp_path: Path) -> AsyncIterator[World]:
    async for made in a_world(db, db_dsn, tmp_path):
        yield made


@pytest.fixture
async def deaf(db: Pool, db_dsn: str, tmp_path: Path) -> AsyncIterator[World]:
    async for made in a_world(db, db_dsn, tmp_path, two_way=False):
        yield made


async def shaken(world: World, **more: object) -> Person:
    """A person in Mashiki who has just been asked by SMS."""
    pool = world.deps.pool
    person = await people.make_resident(pool, home_place_id=await people.make_place(pool), language="en", **more)  # type: ignore[arg-type]
    await hear(world.deps, quake(region("7"), city(MASHIKI, "7")))
    await send_all(world.deps)
    return person


async def test_the_text_says_what_the_digits_mean(world: World) -> None:
    await shaken(world)
    *_, digits, link = world.twilio.taken[0]["Body"].split("\n")
    assert digits == "SMS: 1 = I'm OK, 2 = I need help" and link.startswith(world.url)


async def test_one_is_ok_and_two_is_help(world: World) -> None:
    person = await shaken(world)
    assert await world.write(person.phone, "１") == THANKS
    assert await world.standing(person) == "ok"
    answer = await world.write(person.phone, "2")
    assert answer.startswith("We have your call for help.") and "/c/" in answer
    assert await world.standing(person) == "help"
    assert await world.deps.pool.fetchval("SELECT reason FROM case_file") == "needs_help"
    assert await world.write(person.phone, "OK") == THANKS
    assert await world.standing(person) == "ok"
    via = {row["via"] for row in await world.deps.pool.fetch("SELECT via FROM check_in")}
    assert via == {"sms"}


async def test_a_reply_that_comes_twice_counts_once(world: World) -> None:
    person = await shaken(world)
    assert await world.write(person.phone, "1", sid="SM9") == THANKS
    assert await world.write(person.phone, "1", sid="SM9") == ""
    assert await world.deps.pool.fetchval("SELECT count(*) FROM check_in") == 1


async def test_words_around_a_call_for_help_are_kept(world: World) -> None:
    person = await shaken(world)
    await world.write(person.phone, "help, the stairs are <gone> & dark")
    row = await world.deps.pool.fetchrow("SELECT id, note_enc FROM check_in")
    assert row is not None
    assert VAULT.decrypt(row["note_enc"], row["id"], "check_in.note_enc") == "help, the stairs are <gone> & dark"


async def test_what_nobody_understands_goes_to_people_and_is_not_safe(world: World) -> None:
    person = await shaken(world)
    answer = await world.write(person.phone, "ok but water comes in")
    assert answer.startswith("We could not read your answer.") and "/c/" in answer
    assert await world.standing(person) is None
    assert await world.deps.pool.fetchval("SELECT reason FROM case_file WHERE closed_at IS NULL") == "silent"
    await world.write(person.phone, "second floor")
    assert sorted(await world.notes(person)) == ["SMS: ok but water comes in", "SMS: second floor"]
    await world.write(person.phone, "1")
    assert await world.deps.pool.fetchval("SELECT count(*) FROM case_file WHERE closed_at IS NULL") == 0


async def test_more_words_after_an_answer_stand_beside_it(world: World) -> None:
    person = await shaken(world)
    await world.write(person.phone, "1")
    await world.write(person.phone, "thank you")
    assert await world.standing(person) == "ok"
    assert await world.deps.pool.fetchval("SELECT count(*) FROM check_in WHERE note_enc IS NOT NULL") == 1
    assert await world.deps.pool.fetchval("SELECT count(*) FROM case_file") == 0


async def test_words_after_a_new_question_are_no_answer_to_it(world: World) -> None:
    """An OK from before the second shock is as old as it was, and closes no case that the silence since has opened."""
    person, pool = await shaken(world), world.deps.pool
    await world.write(person.phone, "1")
    before = await pool.fetchval("SELECT status_at FROM incident_resident")
    await pool.execute("UPDATE incident_resident SET asked_at = status_at + interval '1 minute'")
    for text in ("water in the room", "still here"):
        await world.write(person.phone, text)
    assert sorted(await world.notes(person)) == ["SMS: still here", "SMS: water in the room"]
    assert await pool.fetchval("SELECT count(*) FROM case_file WHERE closed_at IS NULL AND reason = 'silent'") == 1
    assert await pool.fetchval("SELECT status_at FROM incident_resident") == before
    assert await pool.fetchval("SELECT count(*) FROM check_in") == 1


async def test_words_close_no_case_that_a_colleague_has_opened(world: World) -> None:
    person, pool = await shaken(world), world.deps.pool
    await world.write(person.phone, "1")
    incident = await pool.fetchval("SELECT incident_id FROM incident_resident")
    async with transaction(pool) as conn:
        await record_check_in(
            conn,
            VAULT,
            incident_id=incident,
            resident_id=person.id,
            answer=Answer.HELP,
            answered_by=AnsweredBy.LEADER,
            via="leader page",
            tapped_at=None,
            now=world.deps.clock.now(),
        )
    await world.write(person.phone, "thank you")
    assert await world.notes(person) == ["SMS: thank you"]
    assert await pool.fetchval("SELECT reason FROM case_file WHERE closed_at IS NULL") == "needs_help"


async def test_ok_does_not_answer_another_question(world: World) -> None:
    """ "Are you in a safe place?" is answered by 1, and not by OK."""
    pool = world.deps.pool
    person = await people.make_resident(pool, home_place_id=await people.make_place(pool), language="en")
    await hear(world.deps, rain(warned(MASHIKI, 5)))
    await send_all(world.deps)
    assert (await world.write(person.phone, "OK")).startswith("We could not read your answer.")
    assert await world.standing(person) is None
    assert await world.write(person.phone, "1") == THANKS
    assert await world.standing(person) == "safe_place"


async def test_an_unknown_number_gets_nothing(world: World) -> None:
    await shaken(world)
    for text in ("1", "help", "hello", "STOP"):
        assert await world.write("+819099999999", text) == ""
    assert await world.deps.pool.fetchval("SELECT count(*) FROM check_in") == 0


async def test_where_nothing_is_open(world: World) -> None:
    pool = world.deps.pool
    person = await people.make_resident(pool, home_place_id=await people.make_place(pool), language="en")
    assert (await world.write(person.phone, "1")).startswith("In an emergency call 119")
    assert await pool.fetchval("SELECT count(*) FROM check_in") == 0
    assert (await world.write(person.phone, "help me")).startswith("We have your call for help.")
    assert await world.standing(person) == "help"


async def test_two_people_with_one_telephone(world: World) -> None:
    first = await shaken(world)
    pool = world.deps.pool
    second = await people.make_resident(
        pool, home_place_id=await people.make_place(pool), language="en", phone=first.phone
    )
    await hear(world.deps, quake(region("7"), city(MASHIKI, "7"), serial="2"))
    assert (await world.write(first.phone, "1")).startswith("We could not read your answer.")
    assert await world.standing(first) is None and await world.standing(second) is None
    await world.write(first.phone, "help")
    assert {await world.standing(first), await world.standing(second)} == {"help"}


async def test_stop_and_start(world: World) -> None:
    person = await shaken(world)
    sql = "SELECT state FROM contact"
    assert await world.write(person.phone, "STOP", OptOutType="STOP") == ""
    assert await world.deps.pool.fetchval(sql) == "opted_out"
    assert await world.write(person.phone, "START", OptOutType="START") == ""
    assert await world.deps.pool.fetchval(sql) == "unproven"


async def test_two_machines_do_not_talk_for_ever(world: World) -> None:
    person = await shaken(world)
    answers = [await world.write(person.phone, f"I am driving {n}") for n in range(9)]
    assert all(answers[:4]) and not any(answers[-2:])
    assert len(await world.notes(person)) == 9, "what was written is kept all the same"


async def test_where_the_sender_cannot_receive(deaf: World) -> None:
    """No text offers an answer by SMS; if one comes all the same, it counts."""
    person = await shaken(deaf)
    assert "1 =" not in deaf.twilio.taken[0]["Body"]
    assert await deaf.write(person.phone, "2") == ""
    assert await deaf.standing(person) == "help"


async def test_unsigned_replies_are_refused(world: World) -> None:
    person = await shaken(world)
    fields = {"MessageSid": "SM1", "From": person.phone, "Body": "1"}
    status, _ = await world.twilio.post(f"{world.url}/t/r", fields, token="another")
    assert status == 403 and await world.standing(person) is None
