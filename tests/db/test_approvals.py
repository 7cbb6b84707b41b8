"""Two people: proposals in the database, and the page on which the second one decides."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from core.clock import FixedClock
from core.db import Pool, transaction
from core.model import OrgKind, Role
from registry.approvals import LIFE, ApprovalError, Kind
from registry.approvals_store import approve, propose, refuse, take
from tests.pages import forms_of
from tests.people import NOW, make_org, make_staff
from tests.staff_site import Visitor, staff_site

SEND = {"what": "Flood", "people": 312, "source": "Town office", "text": "Boil tap water"}


async def two(db: Pool) -> tuple[UUID, UUID]:
    """Two coordinators of one network."""
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    return network.staff_id, await make_staff(db, network.id, Role.COORDINATOR)


async def proposed(db: Pool, by: UUID) -> UUID:
    async with transaction(db) as conn:
        return await propose(conn, "manual_send", SEND, by, NOW)


async def said_yes(db: Pool, approval: UUID, by: UUID) -> bool:
    try:
        async with transaction(db) as conn:
            await approve(conn, approval, by, NOW)
    except ApprovalError:
        return False
    return True


async def test_proposed_approved_and_taken_once(db: Pool) -> None:
    maker, second = await two(db)
    approval = await proposed(db, maker)
    assert not await said_yes(db, approval, maker)
    assert await said_yes(db, approval, second)

    async def take_it() -> bool:
        try:
            async with transaction(db) as conn:
                return await take(conn, approval, Kind.MANUAL_SEND, NOW) == SEND
        except ApprovalError:
            return False

    assert sorted(await asyncio.gather(*(take_it() for _ in range(5)))) == [False] * 4 + [True]
    actions = [r["action"] for r in await db.fetch("SELECT action FROM audit ORDER BY at, action")]
    assert actions.count("propose") == actions.count("decide") == 1


async def test_of_two_who_approve_at_once_one_does(db: Pool) -> None:
    maker, second = await two(db)
    third = (await make_org(db, OrgKind.OPERATOR)).staff_id
    approval = await proposed(db, maker)
    answers = await asyncio.gather(*(said_yes(db, approval, by) for by in (second, third, maker, second, third)))
    assert sorted(answers) == [False] * 4 + [True]
    assert await db.fetchval("SELECT decided_by FROM approval") in (second, third)


async def test_the_database_itself_refuses_that_the_maker_approves(db: Pool) -> None:
    maker, _ = await two(db)
    approval = await proposed(db, maker)
    with pytest.raises(Exception, match="approval_check"):
        await db.execute(
            "UPDATE approval SET state = 'approved', decided_by = made_by, decided_at = $2 WHERE id = $1", approval, NOW
        )


async def test_what_is_not_approved_is_not_carried_out(db: Pool) -> None:
    maker, second = await two(db)
    refused, waiting, late = [await proposed(db, maker) for _ in range(3)]
    async with transaction(db) as conn:
        await refuse(conn, refused, second, NOW)
    assert await said_yes(db, late, second)
    for approval, at in ((refused, NOW), (waiting, NOW), (late, NOW + LIFE), (uuid4(), NOW)):
        with pytest.raises(ApprovalError):
            async with transaction(db) as conn:
                await take(conn, approval, "manual_send", at)


async def test_an_ended_account_neither_proposes_nor_approves(db: Pool) -> None:
    maker, second = await two(db)
    approval = await proposed(db, maker)
    await db.execute("UPDATE staff SET disabled_at = $1", NOW)
    assert not await said_yes(db, approval, second)
    with pytest.raises(ApprovalError):
        await proposed(db, maker)


async def press(visitor: Visitor, answer: str) -> tuple[int, str]:
    """Press a button of the first proposal on the page."""
    _, html = await visitor.get("/approvals")
    form = next(f for f in forms_of(html) if f.action.startswith("/approvals/"))
    assert answer in form.offers["answer"]
    return await visitor.post(form.action, form.values | {"answer": answer})


async def test_the_page_says_what_happens_and_the_maker_only_takes_back(db: Pool) -> None:
    maker, second = await two(db)
    approval = await proposed(db, maker)
    async with staff_site(db) as site:
        mine, theirs = await site.signed_in_as(maker), await site.signed_in_as(second)
        _, html = await theirs.get("/approvals")
        assert "Flood This goes to 312. Source: Town office. Text: Boil tap water" in html
        _, html = await mine.get("/approvals")
        form = next(f for f in forms_of(html) if f.action.startswith("/approvals/"))
        assert form.offers["answer"] == ["refuse"]
        other_session = await site.signed_in_as(maker)
        status, html = await other_session.post(form.action, form.values | {"answer": "approve"})
        assert status == 403  # the form belongs to the other session
        token = next(f for f in forms_of((await other_session.get("/approvals"))[1])).values
        status, html = await other_session.post(form.action, token | {"answer": "approve"})
        assert status == 409 and "cannot approve your own proposal" in html
        assert (await press(theirs, "approve"))[0] == 200
        assert await db.fetchval("SELECT state FROM approval WHERE id = $1", approval) == "approved"


async def test_an_operator_decides_on_the_proposal_of_a_network(db: Pool) -> None:
    maker, _ = await two(db)
    await proposed(db, maker)
    async with staff_site(db) as site:
        operator = await site.signed_in(await make_org(db, OrgKind.OPERATOR))
        assert (await press(operator, "refuse"))[0] == 200
        assert await db.fetchval("SELECT state FROM approval") == "refused"


async def test_deciding_asks_for_the_second_factor_again(db: Pool) -> None:
    maker, second = await two(db)
    await proposed(db, maker)
    await db.execute("INSERT INTO totp (staff_id, secret_enc, confirmed_at) VALUES ($1, 'x', $2)", second, NOW)
    clock = FixedClock(NOW)
    async with staff_site(db, clock=clock) as site:
        theirs = await site.signed_in_as(second)
        clock.advance(timedelta(minutes=10))
        _, html = await theirs.get("/approvals")
        form = next(f for f in forms_of(html) if f.action.startswith("/approvals/"))
        async with theirs.client.post(
            form.action, data=form.values | {"answer": "approve"}, allow_redirects=False
        ) as answer:
            assert answer.headers["Location"].startswith("/step-up?held=")
        assert await db.fetchval("SELECT state FROM approval") == "proposed"
