"""Whose next way begins when one has failed: of one person there may be several matters under one alert."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from alerts import outbox_store
from alerts.channel import ReceiptRead
from alerts.outbox import Sender
from alerts.outbox_store import Outcome
from alerts.wording_book import WordingBook
from core.db import Pool, transaction
from core.ids import uuid7
from core.model import MessageState
from core.po import ReviewState
from tests import people
from tests.alerts_kit import CATALOGS, NOON, wires
from tests.fakes import FakeChannel, fake_channels
from tests.outbox_kit import fill_outbox
from tests.unit.test_wording_book import said

LATER = NOON + timedelta(minutes=2)
LEASE = timedelta(seconds=30)
SQL_STEP = """
INSERT INTO message (purpose, incident_id, alert_id, resident_id, staff_id, contact_id, channel, step, text_id, link_id,
                     priority, unless, due_at, expires_at, created_at)
SELECT purpose, incident_id, alert_id, $1, $2, contact_id, channel, $3, text_id, $4, priority, $5, $6, expires_at, $7
FROM message WHERE id = $8 RETURNING id
"""
#: How a message fails for good: its provider says so at once, or afterwards, or its last try never ended.
FAILS = ("acknowledged", "receipt", "reaped")


class Outbox:
    """Steps made by hand, all of one alert; `first` goes, the others wait for their time."""

    def __init__(self, db: Pool, model: int, resident: UUID) -> None:
        self.db, self.model, self.resident = db, model, resident

    async def step(
        self, step: int, link: UUID | None, *, staff: UUID | None = None, unless: str = "received",
        due: datetime = LATER, made: datetime = NOON,
    ) -> int:  # fmt: skip
        whose = (None, staff) if staff is not None else (self.resident, None)
        found: int = await self.db.fetchval(SQL_STEP, *whose, step, link, unless, due, made, self.model)
        return found

    async def fail(self, message_id: int, how: str) -> None:
        token = uuid4()
        await self.db.execute(
            "UPDATE message SET state = 'leased', lease_token = $2, attempts = 5, lease_until = now() - interval '1 s' "
            "WHERE id = $1",
            message_id,
            token,
        )
        if how == "acknowledged":
            await outbox_store.acknowledge(self.db, [Outcome(message_id, token, MessageState.FAILED, code="x")], NOON)
        elif how == "receipt":
            async with transaction(self.db) as conn:
                await outbox_store.take_receipt(conn, ReceiptRead(message_id, MessageState.FAILED, code="x"), NOON)
        else:
            assert await outbox_store.reap(self.db, max_attempts=4, now=NOON) == 1

    async def now_due(self, *ids: int) -> list[bool]:
        rows = {r["id"]: r["due_at"] for r in await self.db.fetch("SELECT id, due_at FROM message")}
        return [rows[one] <= NOON for one in ids]


@pytest.fixture
async def outbox(db: Pool) -> Outbox:
    _, _, resident = await fill_outbox(db, 1, NOON)
    model = await db.fetchval("UPDATE message SET state = 'sent', channel = 'sms', step = 99 RETURNING id")
    return Outbox(db, model, resident)


@pytest.mark.parametrize("how", FAILS)
async def test_a_leaders_own_alert_and_the_one_for_the_dorm_are_two(outbox: Outbox, how: str) -> None:
    own, dorm = uuid7(), uuid7()
    first = await outbox.step(1, own, unless="never")
    next_own, last_own = await outbox.step(2, own), await outbox.step(3, own)
    call = await outbox.step(4, own, unless="silent")
    # The dorm's steps lie between: neither brought forward, nor taken for one's own next.
    dorm_next, dorm_last = await outbox.step(2, dorm), await outbox.step(3, dorm)
    await outbox.fail(first, how)
    assert await outbox.now_due(next_own, last_own, call, dorm_next, dorm_last) == [True, False, False, False, False]
    dorm_first = await outbox.step(1, dorm, unless="never")
    await outbox.fail(dorm_first, how)
    assert await outbox.now_due(last_own, call, dorm_next, dorm_last) == [False, False, True, False]


@pytest.mark.parametrize("how", FAILS)
async def test_a_step_of_the_other_matter_does_not_stand_in_the_way(outbox: Outbox, how: str) -> None:
    """The lowest step that waits belongs to the dorm: the own one of a higher number goes all the same."""
    own, dorm = uuid7(), uuid7()
    first, dorm_next, own_next = await outbox.step(1, own), await outbox.step(2, dorm), await outbox.step(3, own)
    await outbox.fail(first, how)
    assert await outbox.now_due(dorm_next, own_next) == [False, True]


@pytest.mark.parametrize("how", FAILS)
async def test_staff_have_a_next_way_too_and_each_call_its_own(outbox: Outbox, how: str) -> None:
    org = await people.make_org(outbox.db)
    link, minute = uuid7(), timedelta(minutes=1)
    first = await outbox.step(0, link, staff=org.staff_id, unless="never")
    nexts = [await outbox.step(n, link, staff=org.staff_id) for n in (1, 2)]
    help_next = await outbox.step(3, link, staff=org.staff_id, made=NOON + minute)
    await outbox.fail(first, how)
    assert await outbox.now_due(*nexts, help_next) == [True, False, False]


@pytest.mark.parametrize(
    ("state", "opened", "needless"),
    [("sent", None, False), ("delivered", None, True), ("sent", NOON + timedelta(seconds=9), True)],
)
async def test_staff_who_have_it_get_it_no_other_way(
    outbox: Outbox, state: str, opened: datetime | None, needless: bool
) -> None:
    db, org, link = outbox.db, await people.make_org(outbox.db), uuid7()
    incident = await db.fetchval("SELECT incident_id FROM message LIMIT 1")
    await db.execute(
        "INSERT INTO staff_alert (id, token_sha256, org_id, staff_id, incident_id, created_at, expires_at, opened_at, "
        "device_sha256) VALUES ($1, $2::bytea, $3, $4, $5, $6, $6, $7::timestamptz, "
        "CASE WHEN $7 IS NOT NULL THEN $2::bytea END)",
        link, bytes(32), org.id, org.staff_id, incident, NOON, opened,
    )  # fmt: skip
    first = await outbox.step(0, link, staff=org.staff_id, unless="never")
    await db.execute("UPDATE message SET state = $2 WHERE id = $1", first, state)
    second = await outbox.step(1, link, staff=org.staff_id, due=NOON)
    help_call = await outbox.step(2, link, staff=org.staff_id, due=NOON, made=NOON + timedelta(minutes=1))
    claimed = await outbox_store.claim(db, limit=9, token=uuid4(), lease=LEASE, now=NOON)
    found = {message.id: message.needless for message in claimed}
    assert found == {second: needless, help_call: False}


async def test_staff_whose_provider_is_down_get_it_once(outbox: Outbox) -> None:
    """The next way goes at once; the first, which stood back, is needless as soon as that one was taken."""
    db, org, link, token = outbox.db, await people.make_org(outbox.db), uuid7(), uuid4()
    first = await outbox.step(0, link, staff=org.staff_id, unless="never", due=NOON)
    second = await outbox.step(1, link, staff=org.staff_id)
    await outbox_store.claim(db, limit=9, token=token, lease=LEASE, now=NOON)
    back = Outcome(first, token, MessageState.PENDING, code="held", due_at=NOON, held=True, fail_over=True)
    await outbox_store.acknowledge(db, [back], NOON)
    assert await outbox.now_due(second) == [True]
    assert await db.fetchval("SELECT unless FROM message WHERE id = $1", first) == "covered"
    await db.execute("UPDATE message SET state = 'sent' WHERE id = $1", second)
    (again,) = await outbox_store.claim(db, limit=9, token=uuid4(), lease=LEASE, now=NOON)
    assert (again.id, again.needless) == (first, True)


async def test_words_of_mails_follow_what_people_change(db: Pool, db_dsn: str) -> None:
    """While the service runs, and without a restart."""
    await fill_outbox(db, 1, NOON)
    await db.execute("UPDATE message SET channel = 'email'")
    book = WordingBook(CATALOGS)
    async with wires(db, db_dsn, channels=fake_channels(FakeChannel("email"))) as deps:
        sender = Sender(replace(deps, catalogs=book))
        (message,) = await outbox_store.claim(db, limit=1, token=uuid4(), lease=LEASE, now=NOON)
        before = sender._prepare(message, "")[1].way_out[0]
        words = "No more mails to me"
        book.take_in([said(words, ReviewState.APPROVED, lang="en", key="mail.stop", source=words)])
        after = sender._prepare(message, "")[1].way_out[0]
    assert (before, after) == (CATALOGS.say("en", "mail.stop"), words)
