"""The page of an organisation's programs: who may make which token, and what one sees of it afterwards."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from core.db import Pool, transaction
from core.model import OrgKind
from registry.api_store import use_token
from registry.api_tokens import Scope
from registry.webhooks import Event
from tests.api_kit import give_token
from tests.hooks_kit import subscribe
from tests.people import NOW, make_org
from tests.staff_site import staff_site

SUPERVISES = "INSERT INTO org_relation (org_id, other_id, kind) VALUES ($1, $2, 'supervises')"
DEAD = """
INSERT INTO webhook_delivery (event_id, webhook_id, org_id, event, payload, state, due_at, created_at, give_up_at,
                              done_at, last_code)
VALUES (gen_random_uuid(), $1, $2, 'incident.opened', '{}', 'dead', $3, $3, $3, $3, 503)
"""


def token_in(html: str) -> str:
    found = re.search(r"dj_live_[0-9a-z]{6}_[\w-]{43}", html)
    assert found, "the page shows a token"
    return found[0]


async def test_a_token_is_shown_once_and_can_be_ended(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as there:
        clerk = await there.signed_in(org)
        made = await clerk.submit(
            "/api-tokens", "/api-tokens", {"name": "Payroll", "scope people:write": "1", "days": "365"}
        )
        page = await made.text()
        token = token_in(page)
        assert made.status == 200 and "Payroll" in page
        async with transaction(db) as conn:
            found = await use_token(conn, token, NOW)
        assert found is not None
        assert found[0].scopes == {Scope.PEOPLE_READ, Scope.PEOPLE_WRITE} and found[0].org_id == org.id
        _, later = await clerk.get("/api-tokens")
        assert token not in later and token[:14] in later
        assert (NOW + timedelta(days=365)).date().isoformat() in later
        ended = await clerk.submit("/api-tokens", f"/api-tokens/{found[0].id}/revoke")
        assert ended.status == 200
        async with transaction(db) as conn:
            assert await use_token(conn, token, NOW) is None
    actions = await db.fetch("SELECT action, detail FROM audit WHERE action LIKE 'api_token%' ORDER BY id")
    assert [row["action"] for row in actions] == ["api_token.new", "api_token.revoke"]
    assert not any(token in str(row["detail"]) for row in actions)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"name": "", "scope people:read": "1"}, "Write which program"),
        ({"name": "Payroll"}, "Choose at least one thing"),
    ],
)
async def test_what_is_missing_is_asked_for(db: Pool, values: dict[str, str], sentence: str) -> None:
    org = await make_org(db)
    async with staff_site(db) as there:
        clerk = await there.signed_in(org)
        answer = await clerk.submit("/api-tokens", "/api-tokens", values)
        assert answer.status == 400 and sentence in await answer.text()
    assert await db.fetchval("SELECT count(*) FROM api_token") == 0


async def test_a_supervising_organisation_names_one_of_its_employers_and_nobody_elses(db: Pool) -> None:
    union, mine, other = await make_org(db, OrgKind.SUPERVISING), await make_org(db), await make_org(db)
    await db.execute(SUPERVISES, union.id, mine.id)
    async with staff_site(db) as there:
        clerk = await there.signed_in(union)
        for org in (mine, other):
            values = {"name": "HR", "scope people:read": "1", "org": str(org.id)}
            assert (await clerk.submit("/api-tokens", "/api-tokens", values)).status == 200
    rows = await db.fetch("SELECT org_id, owner_id, role FROM api_token ORDER BY id")
    assert [(row["org_id"], row["owner_id"], row["role"]) for row in rows] == [
        (mine.id, union.id, "supervising"), (union.id, union.id, "supervising"),
    ]  # fmt: skip


async def test_a_partner_gets_status_only_whatever_it_asks_for(db: Pool) -> None:
    partner = await make_org(db, OrgKind.PARTNER)
    async with staff_site(db) as there:
        clerk = await there.signed_in(partner)
        _, page = await clerk.get("/api-tokens")
        assert "scope status:read" in page and "scope people:read" not in page
        form_token = re.search(r'name="form_token" value="(\w+)"', page)
        assert form_token
        sent = {"form_token": form_token[1], "name": "X", "scope people:write": "1", "scope status:read": "1"}
        assert (await clerk.post("/api-tokens", sent))[0] == 200
    assert await db.fetchval("SELECT scopes FROM api_token") == ["status:read"]


async def test_others_tokens_and_webhooks_cannot_be_touched(db: Pool) -> None:
    mine, theirs = await make_org(db), await make_org(db)
    token_id, _ = await give_token(db, theirs.id)
    hook = await subscribe(db, theirs.id, "https://hooks.example.com/x", [Event.INCIDENT_OPENED])
    async with staff_site(db) as there:
        clerk = await there.signed_in(mine)
        _, page = await clerk.get("/api-tokens")
        form_token = re.search(r'name="form_token" value="(\w+)"', page)
        assert form_token and "hooks.example.com" not in page
        for path in (f"{token_id}/revoke", f"webhooks/{hook}/again", f"webhooks/{hook}/end", "no-id/revoke"):
            assert (await clerk.post(f"/api-tokens/{path}", {"form_token": form_token[1]}))[0] == 404
    assert await db.fetchval("SELECT count(*) FROM api_token WHERE revoked_at IS NOT NULL") == 0
    assert await db.fetchval("SELECT count(*) FROM webhook WHERE deleted_at IS NOT NULL") == 0


async def test_a_webhook_that_was_switched_off_says_so_and_is_sent_again(db: Pool) -> None:
    org = await make_org(db)
    hook = await subscribe(db, org.id, "https://hooks.example.com/x", [Event.INCIDENT_OPENED])
    await db.execute("UPDATE webhook SET disabled_at = $1, failing_since = $1", NOW)
    await db.execute(DEAD, hook, org.id, NOW)
    async with staff_site(db) as there:
        clerk = await there.signed_in(org)
        _, page = await clerk.get("/api-tokens")
        assert "we stopped sending" in page and "answered with error 503" in page
        assert (await clerk.submit("/api-tokens", f"/api-tokens/webhooks/{hook}/again")).status == 200
        assert await db.fetchval("SELECT state FROM webhook_delivery") == "pending"
        assert await db.fetchval("SELECT disabled_at FROM webhook") is None
        assert (await clerk.submit("/api-tokens", f"/api-tokens/webhooks/{hook}/end")).status == 200
        _, page = await clerk.get("/api-tokens")
        assert "hooks.example.com" not in page
