"""What two people decide, through the pages: sending by hand, held alerts, rules. One person alone changes nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest

from alerts.carry_out import carry_outs
from alerts.deps import Deps
from alerts.fanout import decide_once
from alerts.held_store import list_held
from alerts.held_web import ROUTES as HELD
from alerts.manual_web import ROUTES as MANUAL
from alerts.rule_book import RuleBook
from alerts.rule_edit import with_value
from alerts.rule_store import refresh
from alerts.rules_web import ROUTES as RULES
from core.clock import FixedClock
from core.db import Pool, transaction
from core.model import OrgKind, Role, Severity
from ops.process import process_of
from tests.alerts_kit import CATALOGS, NOON, at, quake, still_deps, store_event, told
from tests.alerts_kit import city as town
from tests.people import MASHIKI, make_org, make_place, make_resident, make_staff
from tests.staff_site import Site, Visitor, staff_site

FLOOD = {
    "hazard": "river_flood",
    "severity": "severe",
    "pick": "jis:43443",
    "source_kind": "rescue",
    "source_words": "Mashiki fire station, phone",
    "said_at": "11:50",
}


@dataclass
class Desk:
    """Two operators and a coordinator, each signed in, over one clock."""

    pool: Pool
    site: Site
    clock: FixedClock
    deps: Deps
    operator: Visitor
    second: Visitor
    coordinator: Visitor

    async def token(self, visitor: Visitor) -> str:
        _, page = await visitor.get("/approvals")
        return str(re.findall(r'name="form_token" value="([^"]+)"', page)[-1])

    async def post(self, visitor: Visitor, page: str, /, **fields: str) -> tuple[int, str]:
        return await visitor.post(page, {**fields, "form_token": await self.token(visitor)}, allow_redirects=False)

    async def propose(self, visitor: Visitor, path: str, fields: dict[str, str]) -> None:
        """Look at what would happen, then propose exactly that."""
        status, page = await self.post(visitor, path, **fields, step="look")
        assert status == 200, page
        (seen,) = re.findall(r'name="seen" value="([0-9a-f]+)"', page)
        status, page = await self.post(visitor, path, **fields, step="propose", seen=seen)
        assert status == 303, page

    async def answer(self, visitor: Visitor, answer: str = "approve", newest: int = 0) -> tuple[int, str]:
        approval = await self.pool.fetchval(
            "SELECT id FROM approval ORDER BY made_at DESC, id DESC LIMIT 1 OFFSET $1", newest
        )
        return await self.post(visitor, f"/approvals/{approval}", answer=answer)

    async def tell_people(self) -> None:
        while await decide_once(self.deps):
            pass


@asynccontextmanager
async def desk(db: Pool) -> AsyncIterator[Desk]:
    clock = FixedClock(NOON)
    deps = still_deps(db, clock)
    operators = await make_org(db, OrgKind.OPERATOR)
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    second = await make_staff(db, operators.id, Role.OPERATOR)
    extras = {"deps": deps, "carry_out": carry_outs(deps)}
    async with staff_site(db, clock=clock, extras=extras, more_routes=[*MANUAL, *HELD, *RULES]) as site:
        yield Desk(
            db, site, clock, deps,
            await site.signed_in(operators), await site.signed_in_as(second), await site.signed_in(network),
        )  # fmt: skip


async def reports(db: Pool) -> int:
    return int(await db.fetchval("SELECT count(*) FROM event WHERE source = 'manual'"))


# ---------------------------------------------------------------- by hand


async def test_one_person_alone_sends_nothing(db: Pool) -> None:
    person = await make_resident(db, home_place_id=await make_place(db, MASHIKI))
    async with desk(db) as d:
        await d.propose(d.coordinator, "/manual", FLOOD)
        status, page = await d.answer(d.coordinator)
        assert status == 409 and "cannot approve your own" in page
        assert await reports(db) == 0
        status, _ = await d.answer(d.operator)
        assert status == 303 and await reports(db) == 1
        status, page = await d.answer(d.second)
        assert status == 409 and "already decided" in page and await reports(db) == 1
        await d.tell_people()
        assert await told(db, "issue") == {person.id}


async def test_what_is_old_refused_or_overtaken_is_not_sent(db: Pool) -> None:
    async with desk(db) as d:
        await make_resident(db, home_place_id=await make_place(db, MASHIKI))
        await d.propose(d.operator, "/manual", FLOOD)
        assert (await d.answer(d.coordinator, "refuse"))[0] == 303
        await d.propose(d.operator, "/manual", FLOOD)
        d.clock.advance(timedelta(minutes=31))
        d.coordinator = await again(d, Role.COORDINATOR)
        status, page = await d.answer(d.coordinator)
        assert status == 409 and "older than 30 minutes" in page and await reports(db) == 0
        d.operator = await again(d, Role.OPERATOR)
        await d.propose(d.operator, "/manual", FLOOD)
        assert (await d.answer(d.coordinator))[0] == 303
        await d.tell_people()
        incident = await db.fetchval("SELECT incident FROM manual_act")
        end = {"source_kind": "rescue", "source_words": "phone", "said_at": "12:31"}
        await d.propose(d.operator, f"/manual/{incident}", {**end, "act": "lift"})
        await d.propose(d.operator, f"/manual/{incident}", {**end, "act": "cancel"})
        assert (await d.answer(d.coordinator))[0] == 303
        status, page = await d.answer(d.coordinator, newest=1)
        assert status == 409 and "Something has changed" in page
        assert await db.fetchval("SELECT array_agg(act ORDER BY number) FROM manual_act") == ["open", "cancel"]
        assert (
            await db.fetchval("SELECT state FROM approval ORDER BY made_at DESC, id DESC LIMIT 1 OFFSET 1")
            == "proposed"
        )


async def again(d: Desk, role: Role) -> Visitor:
    """Their second factor is old by now: sign in anew."""
    staff_id = await d.pool.fetchval("SELECT id FROM staff WHERE role = $1 ORDER BY id LIMIT 1", role.value)
    return await d.site.signed_in_as(staff_id)


async def test_each_proposal_asks_for_the_second_factor_again(db: Pool) -> None:
    async with desk(db) as d:
        await held_quake(d)
        d.clock.advance(timedelta(minutes=11))
        alert = await db.fetchval("SELECT id FROM alert")
        for page, fields in (
            ("/manual", FLOOD | {"step": "propose"}),
            (f"/held/{alert}", {"answer": "release"}),
            ("/rules/tsunami", {"step": "propose", "file": "1"}),
        ):
            fields |= {"form_token": await d.token(d.operator)}
            async with d.operator.client.post(page, data=fields, allow_redirects=False) as response:
                # These accounts have no second factor: they must set one up first.
                assert (response.status, response.headers["Location"]) == (303, "/account/second-factor"), page
        assert await db.fetchval("SELECT count(*) FROM approval") == 0


async def test_what_was_not_looked_at_is_not_proposed(db: Pool) -> None:
    await make_resident(db, home_place_id=await make_place(db, MASHIKI))
    async with desk(db) as d:
        status, page = await d.post(d.operator, "/manual", **FLOOD, step="propose", seen="0" * 16)
        assert status == 200 and "changed since you looked" in page
        for wrong, says in (
            ({"hazard": "comet"}, "Choose what it is"),
            ({"pick": "jis:99999", "severity": ""}, "how severe"),
            ({"source_words": "  "}, "Write which office"),
            ({"source_kind": "rumour"}, "Choose who said so"),
            ({"said_at": "25:00"}, "Give the time"),
        ):
            status, page = await d.post(d.operator, "/manual", **(FLOOD | wrong), step="look")
            assert status == 400 and says in page, wrong
        status, page = await d.post(d.operator, "/manual", **(FLOOD | {"severity": "minor"}), step="look")
        assert status == 200 and "Nobody would be told" in page and 'value="propose"' not in page
        status, page = await d.post(d.operator, "/manual", q="mashi", step="search")
        assert status == 200 and "Mashiki, Kumamoto" in page
        assert await db.fetchval("SELECT count(*) FROM approval") == 0
        assert (await d.operator.get(f"/manual/{uuid4()}"))[0] == 404


async def test_the_database_itself_writes_nothing_without_two(db: Pool) -> None:
    async with desk(db) as d:
        await make_resident(db, home_place_id=await make_place(db, MASHIKI))
        await d.propose(d.operator, "/manual", FLOOD)
        approval = await db.fetchval("SELECT id FROM approval")
        for role in ("daijobu_operator", "daijobu_follow"):
            for statement in (
                "INSERT INTO rule_edit (approval_id, hazard, made_by, approved_by, at) "
                "SELECT $1, 'x', made_by, made_by, now() FROM approval",
                "SELECT write_rule($1, now())",
                "SELECT write_manual($1, 'x', '{}', '{}', now())",
                "INSERT INTO report (source, sha256, received_at, body, state) "
                "SELECT 'manual', sha256('x'), now(), 'x', 'parsed' FROM approval WHERE id = $1",
            ):
                with pytest.raises(Exception, match=r"permission denied|second person|row-level security"):
                    async with transaction(db) as conn:
                        await conn.execute(f"SET LOCAL ROLE {role}")
                        await conn.execute(statement, approval)


# ---------------------------------------------------------------- held


async def held_quake(d: Desk) -> None:
    """A quake whose time cannot be."""
    strong = at(quake(town("4344300", "6+")), issued_at=NOON + timedelta(hours=3), sent_at=NOON)
    async with transaction(d.pool) as conn:
        await store_event(conn, strong, received_at=NOON)
    await d.tell_people()


async def test_a_held_alert_is_let_go_by_two(db: Pool) -> None:
    person = await make_resident(db, home_place_id=await make_place(db, MASHIKI), name="Secret Name")
    async with desk(db) as d:
        await held_quake(d)
        async with db.acquire() as conn:
            (waiting,) = await list_held(conn)
        status, page = await d.coordinator.get("/held")
        assert status == 200 and all(
            part in page for part in ("cannot be right", "impossible time", "1-2 people", "Mashiki")
        )
        assert "Secret Name" not in page and person.phone not in page
        path = f"/held/{waiting.alert.id}"
        assert (await d.post(d.coordinator, path, answer="perhaps"))[0] == 400
        assert (await d.post(d.coordinator, f"/held/{uuid4()}", answer="drop"))[0] == 404
        assert (await d.post(d.coordinator, path, answer="release"))[0] == 303
        assert (await d.answer(d.coordinator))[0] == 409
        await d.tell_people()
        assert await told(db, "issue") == set()
        d.clock.advance(timedelta(minutes=5))
        assert (await d.answer(d.operator))[0] == 303
        await d.tell_people()
        assert await told(db, "issue") == {person.id}
        row = await db.fetchrow("SELECT state, created_at, expires_at FROM alert WHERE id = $1", waiting.alert.id)
        assert row["state"] == "done" and row["created_at"] == d.clock.now() < row["expires_at"]
        assert "Nothing is held" in (await d.operator.get("/held"))[1]


async def test_a_dropped_alert_reaches_nobody_and_is_not_let_go_by_an_older_proposal(db: Pool) -> None:
    await make_resident(db, home_place_id=await make_place(db, MASHIKI))
    async with desk(db) as d:
        await held_quake(d)
        alert = await db.fetchval("SELECT id FROM alert")
        await d.post(d.operator, f"/held/{alert}", answer="release")
        await d.post(d.coordinator, f"/held/{alert}", answer="drop")
        assert (await d.answer(d.second))[0] == 303
        status, page = await d.answer(d.second, newest=1)
        assert status == 409 and "Something has changed" in page
        await d.tell_people()
        assert await db.fetchval("SELECT state FROM alert") == "stopped" and await told(db, "issue") == set()
        actions = {row["action"] for row in await db.fetch("SELECT action FROM audit")}
        assert "held.drop" in actions and "held.release" not in actions


# ---------------------------------------------------------------- rules


async def test_a_rule_is_changed_by_two_operators_and_holds_at_once(db: Pool) -> None:
    person = await make_resident(db, home_place_id=await make_place(db, MASHIKI))
    async with desk(db) as d:
        book = d.deps.rules
        assert isinstance(book, RuleBook)
        before = book["earthquake"].version
        status, page = await d.operator.get("/rules/earthquake")
        assert status == 200 and "case_after_s.severe = 21600" in page.replace("&#34;", '"')
        assert (await d.coordinator.get("/rules"))[0] == 403
        status, page = await d.post(d.operator, "/rules/earthquake", step="value", path="levels.4", value="info")
        assert status == 400 and "no value levels.4" in page
        status, page = await d.post(d.operator, "/rules/earthquake", step="value", path="levels.5-", value="severe")
        assert status == 400 and "line" in page and "example" in page
        text = with_value(book.text("earthquake"), "case_after_s.severe", "7200")
        status, page = await d.post(
            d.operator, "/rules/earthquake", step="value", path="case_after_s.severe", value="7200"
        )
        assert status == 200 and "+ [case_after_s] severe = 7200" in page
        assert (await d.post(d.operator, "/rules/earthquake", step="propose", toml=text))[0] == 303
        assert (await d.answer(d.operator))[0] == 409 and (await d.answer(d.coordinator))[0] == 409
        assert book["earthquake"].version == before
        assert (await d.answer(d.second))[0] == 303
        event = quake(town("4344300", "5+"))
        async with transaction(db) as conn:
            event_id = await store_event(conn, event)
        await d.tell_people()
        now = book["earthquake"]
        assert now.case_after_s[Severity.SEVERE] == 7200 and now.version != before
        assert await db.fetchval("SELECT rule_version FROM event WHERE id = $1", event_id) == now.version
        assert await db.fetchval("SELECT context ->> 'rule' FROM alert") == now.version
        assert await told(db, "issue") == {person.id}
        assert process_of(CATALOGS, book.texts).rules["earthquake"].startswith(now.version), "what auditors read"
        other = RuleBook.load()
        await refresh(db, other)
        assert other["earthquake"].version == now.version and other.differing == ["earthquake"]


async def test_a_proposal_for_a_rule_that_has_changed_since_is_refused_and_the_way_back_is_an_edit(db: Pool) -> None:
    async with desk(db) as d:
        book = d.deps.rules
        assert isinstance(book, RuleBook)
        for hours in ("48", "36"):
            text = with_value(book.text("tsunami"), "incident_end_h", hours)
            assert (await d.post(d.operator, "/rules/tsunami", step="propose", toml=text))[0] == 303
        assert (await d.answer(d.second))[0] == 303
        status, page = await d.answer(d.second, newest=1)
        assert status == 409 and "Something has changed" in page
        status, page = await d.operator.get("/rules/tsunami")
        assert "Back to the file" in page and book["tsunami"].incident_end_h == 36
        assert (await d.post(d.operator, "/rules/tsunami", step="propose", file="1"))[0] == 303
        assert (await d.answer(d.second))[0] == 303
        await refresh(db, book)
        assert not book.differing
        assert await db.fetchval("SELECT array_agg(toml IS NULL ORDER BY id) FROM rule_edit") == [False, True]
        status, page = await d.post(d.operator, "/rules/tsunami", step="propose", file="1")
        assert status == 400 and "Nothing would change" in page
        assert (await d.operator.get("/rules/comet"))[0] == 404


async def test_an_approved_text_that_this_version_cannot_use_is_refused(db: Pool) -> None:
    async with desk(db) as d:
        text = with_value(d.deps.rules.text("tsunami"), "incident_end_h", "48")  # type: ignore[attr-defined]
        await d.post(d.operator, "/rules/tsunami", step="propose", toml=text)
        await db.execute("UPDATE approval SET payload = jsonb_set(payload, '{toml}', '\"hazard = 1\"')")
        status, page = await d.answer(d.second)
        assert status == 409 and "Something has changed" in page
        assert await db.fetchval("SELECT count(*) FROM rule_edit") == 0
