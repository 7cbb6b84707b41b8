"""People who are alike are decided once: for anybody, the rows are those of looking at them one by one."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from alerts import copy_rows, fanout, fanout_store
from alerts.crowd import CrowdRows
from alerts.crowd_store import write_crowd
from alerts.deps import Deps
from alerts.fanout import SliceMaker, spec_of
from alerts.rule_book import rule_at
from alerts.text_store import AlertTexts, write_texts
from core.db import Pool, WriteMismatch, transaction
from core.tokens import link_token, token_hash
from tests import people
from tests.alerts_kit import HIGASHI_KU, KASHIMA, MASHIKI, NOON, city, quake, region, store_event, wires
from tests.incidents import make_incident
from tests.people import VAULT

LANGUAGES = ("vi", "my", "en", "ja-simple", "ur", "xx")
ROWS = {
    "incident_resident": "SELECT * FROM incident_resident ORDER BY resident_id, incident_id",
    "alert_resident": "SELECT * FROM alert_resident ORDER BY resident_id",
    "link": "SELECT kind, resident_id, incident_id, created_at, expires_at FROM link WHERE kind = 'checkin' ORDER BY 2",
    "message": """
        SELECT m.purpose, m.incident_id, m.alert_id, m.resident_id, m.staff_id, m.contact_id, m.channel, m.step, t.key,
               t.body, l.resident_id AS whose_link, m.priority, m.unless, m.state, m.due_at, m.expires_at, m.attempts,
               m.created_at
        FROM message m JOIN alert_text t ON t.id = m.text_id JOIN link l ON l.id = m.link_id
        ORDER BY m.resident_id, m.step, m.contact_id""",
}


SQL_WAITS = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'transactionid' AND datname = current_database())
"""


async def anybody(db: Pool, dice: random.Random, homes: list[UUID], orgs: list[UUID], shifts: list[Any]) -> UUID:
    """A person with whatever the dice say."""
    org = dice.choice([None, *orgs])
    person = await people.make_resident(
        db,
        org,
        language=dice.choice(LANGUAGES),
        second_language=dice.choice((None, "en", "my")),
        phone=dice.choice((None, "")),
        enrolled=dice.random() < 0.8,
        home_place_id=dice.choice((None, *homes)),
        workplace=dice.choice((None, *shifts)) if org else None,
    )
    for number in range(dice.choice((0, 0, 1, 2))):
        await db.execute(
            "INSERT INTO contact (id, resident_id, channel, address_enc, address_bidx, state, created_at)"
            " VALUES (gen_random_uuid(), $1, $2, '', $3, $4, $5)",
            person.id,
            dice.choice(("push", "push", "email", "phone")),
            str(number).encode(),
            dice.choice(("proven", "unproven", "dead", "opted_out")),
            NOON - timedelta(hours=dice.randrange(3)),
        )
    if dice.random() < 0.2:
        await db.execute(
            "INSERT INTO resident_place (resident_id, kind, place_id, until) VALUES ($1, 'today', $2, $3)",
            person.id,
            dice.choice(homes),
            NOON + timedelta(hours=dice.choice((-1, 5))),
        )
    if dice.random() < 0.2:
        await db.execute(
            "INSERT INTO absence (resident_id, kind, until, said_by, created_at) VALUES ($1, 'home_leave', $2, $3, $4)",
            person.id,
            NOON.date() + timedelta(days=dice.choice((-3, 3))),
            "self",
            NOON,
        )
    if dice.random() < 0.15:
        await db.execute(
            "INSERT INTO consent (resident_id, scope, given, basis, version, language, at)"
            " VALUES ($1, 'C1', $2, 'own', '1', 'en', $3)",
            person.id,
            dice.random() < 0.3,
            NOON,
        )
    if dice.random() < 0.1:
        await db.execute(
            "UPDATE membership SET shift = $2 WHERE resident_id = $1",
            person.id,
            dice.choice(("08:00-17:00", "22:00-06:00", "night")),
        )
    if dice.random() < 0.1:
        await db.execute("UPDATE resident SET state = $2 WHERE id = $1", person.id, dice.choice(("paused", "left")))
    if dice.random() < 0.2:
        await db.execute(
            "INSERT INTO incident_resident (incident_id, resident_id, orgs, purpose, severity, asked_at, asks, told_at,"
            " last_alert_id, reachable)"
            " SELECT id, $1, '{}', 'live', 'severe', $2, $3, $2, gen_random_uuid(), true FROM incident",
            person.id,
            NOON - timedelta(hours=dice.choice((2, 30))),
            dice.choice((1, 5)),
        )
    return person.id


class _Undone(Exception):
    """Takes a transaction back."""


async def one_by_one(deps: Deps) -> dict[str, list[Any]]:
    """The rows of the waiting alert, everybody looked at alone; taken back again."""
    found: dict[str, list[Any]] = {}
    now = deps.clock.now()
    try:
        async with transaction(deps.pool) as conn:
            alert = await fanout_store.next_alert(conn)
            assert alert is not None
            rule = rule_at(deps.rules, alert.context["hazard"], alert.context.get("rule", ""))
            ids = [row["id"] for row in await conn.fetch("SELECT id FROM resident ORDER BY id")]
            persons, links = await fanout_store.gather_people(conn, alert, ids, now)
            rows = SliceMaker(deps, alert, spec_of(rule, alert, deps)).make(persons, links)
            text_ids = await write_texts(conn, alert.id, AlertTexts(), rows.texts)
            await fanout_store.write_slice(conn, alert, rows, text_ids, now)
            for table, query in ROWS.items():
                found[table] = [dict(row) for row in await conn.fetch(query)]
            raise _Undone
    except _Undone:
        return found


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_crowd_gets_the_rows_of_one_by_one(db: Pool, db_dsn: str, seed: int) -> None:
    dice = random.Random(seed)
    homes = [
        await people.make_place(db, codes)
        for codes in (people.MASHIKI, people.KASHIMA, people.HIGASHI_KU, people.FUKUOKA_CHUO)
    ]
    orgs = [(await people.make_org(db)).id for _ in range(2)]
    shifts = [await people.make_site(db, org, kind="workplace", codes=people.KASHIMA) for org in orgs]
    await make_incident(db)
    await db.execute("UPDATE incident SET hazard = 'volcano', key = 'another'")
    for _ in range(70):
        await anybody(db, dice, homes, orgs, shifts)
    async with wires(db, db_dsn) as deps:
        await store_event(db, quake(region("7"), city(MASHIKI, "7"), city(KASHIMA, "5+"), city(HIGASHI_KU, "5-")))
        assert await fanout.decide_next_event(deps)
        alone = await one_by_one(deps)
        assert len(alone["message"]) > 10 and await db.fetchval("SELECT count(*) FROM message") == 0
        while await fanout.fan_out_slice(deps):
            pass
    for table, query in ROWS.items():
        assert [dict(row) for row in await db.fetch(query)] == alone[table], table
    incident = await db.fetchrow("SELECT id, key_enc FROM incident WHERE hazard = 'earthquake'")
    assert incident is not None
    key = VAULT.decrypt_bytes(incident["key_enc"], incident["id"], "incident.key_enc")
    for link in await db.fetch("SELECT id, token_sha256 FROM link WHERE kind = 'checkin'"):
        assert link["token_sha256"] == token_hash(link_token(key, link["id"]))


async def test_who_gets_a_standing_in_the_very_moment_is_no_reason_to_hold_the_alert(db: Pool, db_dsn: str) -> None:
    """A crowd's row that exists already breaks its COPY, and only that: the portion is done again, one by one."""
    place = await people.make_place(db)
    first, second = [await people.make_resident(db, home_place_id=place) for _ in range(2)]
    async with wires(db, db_dsn) as deps:
        await store_event(db, quake(region("7"), city(MASHIKI, "7")))
        assert await fanout.decide_next_event(deps)
        async with transaction(db) as conn:
            alert = await fanout_store.next_alert(conn)
            assert alert is not None
        async with transaction(db) as other:
            await other.execute(
                "INSERT INTO incident_resident (incident_id, resident_id, orgs, purpose, severity, told_at,"
                " last_alert_id, reachable) VALUES ($1, $2, '{}', 'live', 'info', $3, $4, true)",
                alert.incident_id,
                first.id,
                NOON,
                alert.id,
            )
            stepping = asyncio.create_task(fanout.fan_out_slice(deps))
            # It has read that nobody has a standing, and waits for this transaction with its own row of the same key.
            while not await db.fetchval(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'transactionid')"
            ):
                pass
        assert await stepping
    assert await db.fetchval("SELECT state FROM alert") == "done"
    assert await db.fetchval("SELECT people FROM alert") == 2
    rows = await db.fetch("SELECT resident_id FROM message ORDER BY 1")
    assert [row["resident_id"] for row in rows] == [first.id, second.id]


async def test_a_row_too_few_is_noticed(db: Pool) -> None:
    empty = CrowdRows(b"", b"", b"", b"", people=0, message_count=0, asked=False)
    async with transaction(db) as conn:
        await write_crowd(conn, empty)
    nothing = copy_rows.HEADER + copy_rows.TRAILER
    with pytest.raises(WriteMismatch):
        async with transaction(db) as conn:
            await write_crowd(
                conn, CrowdRows(nothing, nothing, nothing, nothing, people=1, message_count=1, asked=True)
            )
