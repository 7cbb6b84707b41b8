"""No telegram comes: an operator and a coordinator tell Hitoyoshi of a flood by hand, change it, and end it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from alerts.fanout import decide_once
from core.db import Pool
from core.model import OrgKind
from tests.alerts_kit import send_all, told
from tests.people import Org, make_org
from tests.staff_site import Visitor
from tests.story.stage import Stage, link_in, stage

HITOYOSHI, YATSUSHIRO, OSAKA = "43203", "43202", "27128"
FLOOD = {
    "hazard": "river_flood",
    "severity": "severe",
    "pick": "jis:43203",
    "source_kind": "town_office",
    "source_words": "Hitoyoshi city office, by phone 11:50",
    "said_at": "11:50",
}


async def proposed(visitor: Visitor, path: str, fields: dict[str, Any]) -> str:
    """Look, then propose what was looked at; the page that was looked at."""
    form_token = await token_of(visitor, path)
    status, page = await visitor.post(path, fields | {"form_token": form_token, "step": "look"})
    assert status == 200, page
    (seen,) = re.findall(r'name="seen" value="([0-9a-f]+)"', page)
    status, after = await visitor.post(
        path, fields | {"form_token": form_token, "step": "propose", "seen": seen}, allow_redirects=False
    )
    assert status == 303, after
    return page


async def token_of(visitor: Visitor, path: str) -> str:
    status, page = await visitor.get(path)
    assert status == 200, page
    return str(re.findall(r'name="form_token" value="([^"]+)"', page)[-1])


async def decided(s: Stage, visitor: Visitor, answer: str = "approve") -> int:
    """Answer the newest proposal on the page of approvals; people are told."""
    approval = await s.pool.fetchval("SELECT id FROM approval ORDER BY made_at DESC, id DESC LIMIT 1")
    fields = {"form_token": await token_of(visitor, "/approvals"), "answer": answer}
    status, _ = await visitor.post(f"/approvals/{approval}", fields, allow_redirects=False)
    while await decide_once(s.deps):
        pass
    await send_all(s.deps)
    return status


async def operator_and_coordinator(s: Stage) -> tuple[Visitor, Visitor, Org]:
    operator = await make_org(s.pool, OrgKind.OPERATOR)
    network = await make_org(s.pool, OrgKind.VOLUNTEER_NETWORK)
    return await s.signed_in(operator), await s.signed_in(network), network


async def test_a_flood_told_by_hand_reaches_hitoyoshi_and_ends_for_exactly_those_told(
    db: Pool, db_dsn: str, tmp_path: Path
) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        farm = await make_org(db, name="Hoshizora Farm")
        here = [await s.resident(farm, HITOYOSHI, language) for language in ("vi", "en", "ja-simple")]
        later = await s.resident(farm, YATSUSHIRO, "id")
        elsewhere = await s.resident(farm, OSAKA, "en")
        operator, coordinator, _ = await operator_and_coordinator(s)

        page = await proposed(coordinator, "/manual", FLOOD)
        assert "Hoshizora Farm" in page and "3 people (60 %" in page
        assert not any(s.sms_to(person) for person in here), "nothing leaves before a second person has agreed"
        assert await decided(s, coordinator) == 409, "nobody approves their own proposal"
        assert await decided(s, operator) == 303
        for person in here:
            (text,) = s.sms_to(person)
            assert "JMA" not in text and "気象庁" not in text and "phone" not in text
        assert "Town office" in s.sms_to(here[1])[0]
        assert "11:50" in s.sms_to(here[1])[0] and "Hitoyoshi" in s.sms_to(here[1])[0]
        assert not s.sms_to(later) and not s.sms_to(elsewhere)
        async with s.browser.get(link_in(s.sms_to(here[1])[0])) as answer:
            shown = await answer.text()
            assert "Town office" in shown and "jma.go.jp" not in shown
        assert "safe_place" in await s.tap(link_in(s.sms_to(here[1])[0]), "safe_place")
        report = await db.fetchrow("SELECT * FROM report WHERE source = 'manual'")
        assert report["type"] == "MANUAL" and b"by phone 11:50" in report["body"]
        event = await db.fetchrow("SELECT * FROM event WHERE source = 'manual'")
        assert event["rule_version"] == s.deps.rules["river_flood"].version
        incident: UUID = await db.fetchval("SELECT incident FROM manual_act")
        assert event["thread"] == f"manual:{incident}" and event["outcome"].startswith("issue")

        # --- more places: only those who were not told hear of it
        s.clock.advance(timedelta(minutes=20))
        operator, coordinator = await again(s, "operator"), await again(s, "volunteer_network")
        update = {"act": "update", "severity": "severe", "pick": "pref:43", "source_kind": "prefecture",
                  "source_words": "prefecture, fax", "said_at": "12:15"}  # fmt: skip
        await proposed(operator, f"/manual/{incident}", update)
        assert await decided(s, coordinator) == 303
        assert len(s.sms_to(later)) == 1 and [len(s.sms_to(person)) for person in here] == [1, 1, 1]

        # --- it is over
        s.clock.advance(timedelta(minutes=20))
        operator, coordinator = await again(s, "operator"), await again(s, "volunteer_network")
        lift = {"act": "lift", "source_kind": "town_office", "source_words": "city office, phone", "said_at": "12:39"}
        await proposed(coordinator, f"/manual/{incident}", lift)
        assert await decided(s, operator) == 303
        everybody = {person.id for person in (*here, later)}
        assert await told(db, "lift") == everybody
        assert all("Town office" in s.sms_to(here[1])[i] for i in (0, 1))
        assert [len(s.sms_to(person)) for person in (*here, later)] == [2, 2, 2, 2]
        assert not s.sms_to(elsewhere)
        status, page = await operator.get(f"/manual/{incident}")
        assert status == 200 and 'name="step"' not in page, "what has ended is not changed any more"
        assert (await db.fetchval("SELECT count(*) FROM audit WHERE action = 'manual.send'")) == 3


async def again(s: Stage, kind: str) -> Visitor:
    """Sign the staff of the organisation of this kind in anew: their second factor is old by now."""
    row = await s.pool.fetchrow(
        "SELECT o.id, o.slug, t.id AS staff FROM organisation o JOIN staff t ON t.org_id = o.id WHERE o.kind = $1", kind
    )
    return await s.signed_in(Org(row["id"], row["slug"], OrgKind(kind), row["staff"], ""))


async def test_it_was_wrong_goes_to_those_told_and_a_wide_send_is_held_until_two_let_it_go(
    db: Pool, db_dsn: str, tmp_path: Path
) -> None:
    async with stage(db, db_dsn, tmp_path) as s:
        farm = await make_org(db, name="Hoshizora Farm")
        people = [await s.resident(farm, HITOYOSHI, "en") for _ in range(12)]
        operator, coordinator, _ = await operator_and_coordinator(s)
        page = await proposed(operator, "/manual", FLOOD)
        assert "12 people (100 %" in page and "held once more" in page
        assert await decided(s, coordinator) == 303
        assert not any(s.sms_to(person) for person in people)
        status, page = await coordinator.get("/held")
        assert status == 200 and "12 people (100 %" in page and "manual alert would reach 12 of 12" in page
        assert "Hitoyoshi" in page and people[0].name not in page
        for visitor, home in ((operator, "/operator"), (coordinator, "/board")):
            assert "wait for two people: 1" in (await visitor.get(home))[1]
        alert = await db.fetchval("SELECT id FROM alert WHERE state = 'held'")
        fields = {"form_token": await token_of(coordinator, "/held"), "answer": "release"}
        status, page = await coordinator.post(f"/held/{alert}", fields, allow_redirects=False)
        assert status == 303, page
        assert await decided(s, coordinator) == 409 and not any(s.sms_to(person) for person in people)
        assert await decided(s, operator) == 303
        assert [len(s.sms_to(person)) for person in people] == [1] * 12
        incident = await db.fetchval("SELECT incident FROM manual_act")
        wrong = {"act": "cancel", "source_kind": "town_office", "source_words": "they called back", "said_at": "12:00"}
        await proposed(operator, f"/manual/{incident}", wrong)
        assert await decided(s, coordinator) == 303
        assert await told(db, "cancel") == {person.id for person in people}
        assert [len(s.sms_to(person)) for person in people] == [2] * 12
