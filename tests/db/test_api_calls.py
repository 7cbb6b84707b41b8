"""What every call of the API has in common: tokens, scopes, limits, bodies, repetition, problem documents."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from checkin.api import OPERATIONS
from core.db import Pool
from core.settings import load_settings
from registry.api_tokens import Scope
from tests.api_kit import api_site, give_token
from tests.people import make_org, make_resident

PROBLEM = "application/problem+json"
NEW = {"people": [{"employee_id": "A-1", "name": "HOSHI TEST"}]}


async def test_without_a_live_token_nothing_opens(db: Pool) -> None:
    org = await make_org(db)
    token_id, token = await give_token(db, org.id)
    async with api_site(db) as there:
        nobody = there.anybody()
        changed = token[:-1] + ("A" if token[-1] != "A" else "B")
        replies = [await nobody.call("GET", "/people")]
        for header in (f"Bearer {changed}", f"Basic {token}", "Bearer", token, f"Bearer {token} x", "Bearer dj_live_"):
            replies.append(await nobody.call("GET", "/people", Authorization=header))
        assert {(r.status, r.headers["WWW-Authenticate"], r.text) for r in replies} == {
            (401, 'Bearer realm="daijobu"', replies[0].text)
        }
        assert (await nobody.call("GET", "/people", Authorization=f"bearer {token}")).status == 200
        await db.execute("UPDATE api_token SET revoked_at = now() WHERE id = $1", token_id)
        assert (await nobody.call("GET", "/people", Authorization=f"Bearer {token}")).status == 401
    assert await db.fetchval("SELECT count(*) FROM api_token WHERE position($1 in secret_sha256::text) > 0", token) == 0


@pytest.mark.parametrize("operation", [op for op in OPERATIONS if op.scope], ids=lambda op: op.name)
async def test_each_call_needs_its_scope(db: Pool, operation: object) -> None:
    org = await make_org(db)
    method, path, scope = operation.method, operation.path, operation.scope  # type: ignore[attr-defined]
    path = path.replace("{employee_id}", "A-1").replace("{id}", "019a0000-0000-7000-8000-000000000000")
    async with api_site(db) as there:
        without = await there.program(org.id, [s for s in Scope if s is not scope])
        with_it = await there.program(org.id, [scope])
        refused, allowed = await without.call(method, path), await with_it.call(method, path)
    assert (refused.status, refused.json["code"]) == (403, "missing_scope")
    assert allowed.status != 403


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b'{"name":"A"}', {"Content-Type": "text/plain"}, 415, "not_json"),
        (b'{"name":"A"}', {"Content-Type": "application/json; charset=shift_jis"}, 415, "not_json"),
        (b"{", {}, 400, "bad_json"),
        (b'{"name":"\\ud800"}', {}, 400, "bad_json"),
        (b"\xff\xfe", {}, 400, "bad_json"),
        (b"[" * 100_00, {}, 400, "bad_json"),
        (b"", {}, 400, "bad_json"),
        (b'{"name":"' + b"A" * 20_000 + b'"}', {}, 413, "too_large"),
        ({"name": 5}, {}, 422, "bad_field"),
        ({"name": "A", "nationality": "X"}, {}, 422, "bad_field"),
        ({"name": "A\u0000B"}, {}, 422, "bad_field"),
        ({"name": "A", "start_date": "tomorrow"}, {}, 422, "bad_field"),
        ({"name": "A", "home_lat": "32"}, {}, 422, "bad_field"),
        ({"name": "  "}, {}, 422, "bad_field"),
        ({}, {}, 422, "bad_field"),
    ],
)  # fmt: skip
async def test_a_body_that_is_wrong_is_refused_with_one_sentence(
    db: Pool, body: object, headers: dict[str, str], status: int, code: str
) -> None:
    org = await make_org(db)
    async with api_site(db) as there:
        hr = await there.program(org.id)
        hr.headers = headers
        reply = await hr.call("PUT", "/people/A-1", body)
    assert (reply.status, reply.json["code"]) == (status, code), reply.text
    assert reply.headers["Content-Type"].startswith(PROBLEM)
    assert set(reply.json) - {"errors"} == {"type", "title", "status", "code", "detail"}
    assert reply.json["detail"].endswith(".")
    assert status != 422 or all(error["pointer"].startswith("/") for error in reply.json["errors"])
    assert await db.fetchval("SELECT count(*) FROM resident") == 0


async def test_a_wrong_field_of_a_batch_is_pointed_at(db: Pool) -> None:
    org = await make_org(db)
    async with api_site(db) as there:
        hr = await there.program(org.id)
        people = [{"employee_id": "A-1", "name": "A"}, {"employee_id": "A 2", "name": "B"}]
        reply = await hr.call("POST", "/people", {"people": people})
        many = await hr.call(
            "POST", "/people", {"people": [{"employee_id": f"A-{n}", "name": "A"} for n in range(1001)]}
        )
    assert [error["pointer"] for error in reply.json["errors"]] == ["/people/1/employee_id"]
    assert many.status == 422 and many.json["errors"][0]["pointer"] == "/people"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/people?limit=0", 400), ("GET", "/people?limit=501", 400), ("GET", "/people?limit=x", 400),
        ("GET", "/people?cursor=zzz", 400), ("GET", "/people?q=A", 400), ("GET", "/people?limit=1&limit=2", 400),
        ("POST", "/people?dry_run=yes", 400), ("GET", "/nothing", 404), ("GET", "/../people", 404),
        ("GET", "/people/a%2Fb", 404), ("GET", "/people/%00", 404), ("GET", "/people/" + "a" * 101, 404),
        ("DELETE", "/people", 405), ("PATCH", "/people/A-1", 405), ("POST", "/openapi.json", 405),
    ],
)  # fmt: skip
async def test_every_refusal_is_a_problem_document(db: Pool, method: str, path: str, status: int) -> None:
    org = await make_org(db)
    async with api_site(db) as there:
        hr = await there.program(org.id)
        reply = await hr.call(method, path, NEW if method == "POST" else None)
    assert reply.status == status, reply.text
    assert reply.headers["Content-Type"].startswith(PROBLEM) and reply.json["status"] == status
    assert status != 405 or "OPTIONS" in reply.headers["Allow"]


async def test_head_and_options(db: Pool) -> None:
    org = await make_org(db)
    async with api_site(db) as there:
        hr = await there.program(org.id)
        head, options = await hr.call("HEAD", "/people"), await hr.call("OPTIONS", "/people")
    assert (head.status, head.text) == (200, "") and int(head.headers["Content-Length"]) > 0
    assert (options.status, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")


async def test_a_post_sent_again_gets_the_same_answer_and_changes_nothing(db: Pool) -> None:
    org, other = await make_org(db), await make_org(db)
    hook = {"url": "https://hooks.example.com/x", "events": ["incident.opened"]}
    async with api_site(db) as there:
        hr, theirs = await there.program(org.id), await there.program(other.id)
        first = await hr.call("POST", "/webhooks", hook, Idempotency_Key="k1")
        again = await hr.call("POST", "/webhooks", hook, Idempotency_Key="k1")
        assert (first.status, first.text) == (again.status, again.text) and again.status == 201
        assert again.headers["Idempotency-Replayed"] == "true" and "Idempotency-Replayed" not in first.headers
        changed = await hr.call("POST", "/webhooks", hook | {"names": True}, Idempotency_Key="k1")
        assert (changed.status, changed.json["code"]) == (422, "key_reused")
        foreign = await theirs.call("POST", "/webhooks", hook, Idempotency_Key="k1")
        assert foreign.status == 201 and foreign.json["id"] != first.json["id"]
        there.clock.advance(timedelta(hours=24))
        later = await hr.call("POST", "/webhooks", hook, Idempotency_Key="k1")
        assert later.json["id"] != first.json["id"]
        assert (await hr.call("POST", "/webhooks", hook, Idempotency_Key="k" * 201)).status == 400
    assert await db.fetchval("SELECT count(*) FROM webhook") == 3
    stored = await db.fetchval("SELECT string_agg(encode(body_enc, 'escape'), '') FROM api_idempotency")
    assert "whsec_" not in stored


async def test_two_at_once_with_one_key_are_one(db: Pool) -> None:
    org = await make_org(db)
    hook = {"url": "https://hooks.example.com/x", "events": ["incident.opened"]}
    async with api_site(db) as there:
        hr = await there.program(org.id)
        replies = await asyncio.gather(*(hr.call("POST", "/webhooks", hook, Idempotency_Key="k") for _ in range(5)))
    assert {(r.status, r.json["id"]) for r in replies} == {(201, replies[0].json["id"])}
    assert await db.fetchval("SELECT count(*) FROM webhook") == 1


async def test_a_refused_call_may_be_repeated_with_its_key(db: Pool) -> None:
    org = await make_org(db)
    async with api_site(db) as there:
        hr = await there.program(org.id)
        missing = await hr.call("POST", "/people/A-1/invitation", Idempotency_Key="k")
        await make_resident(db, org.id, employee_id="A-1", enrolled=False)
        found = await hr.call("POST", "/people/A-1/invitation", Idempotency_Key="k")
    assert (missing.status, found.status) == (404, 200)


async def test_calls_are_limited_per_token_and_minute_over_all_processes(db: Pool) -> None:
    org = await make_org(db)
    settings = load_settings({"DAIJOBU_API_PER_MINUTE": "10"})
    async with api_site(db, settings=settings) as there, api_site(db, settings=settings) as elsewhere:
        hr = await there.program(org.id)
        other = await there.program(org.id, name="other")
        moved = await elsewhere.program(org.id)
        moved.token = hr.token
        replies = [await (hr if n % 2 else moved).call("GET", "/sites") for n in range(12)]
        assert [r.status for r in replies] == [200] * 10 + [429] * 2
        assert replies[0].headers["RateLimit"] == '"minute";r=9;t=60' and "Retry-After" not in replies[0].headers
        assert replies[0].headers["RateLimit-Policy"] == '"minute";q=10;w=60'
        assert int(replies[-1].headers["Retry-After"]) == 60 and replies[-1].json["code"] == "too_many_calls"
        assert (await other.call("GET", "/sites")).status == 200
        there.clock.advance(timedelta(minutes=1))
        assert (await hr.call("GET", "/sites")).status == 200


async def test_guessing_tokens_is_stopped_before_it_costs_the_database_anything(db: Pool) -> None:
    async with api_site(db) as there:
        nobody = there.anybody()
        statuses = []
        for n in range(102):
            guess = f"dj_live_abcdef_{n:043d}"
            statuses.append((await nobody.call("GET", "/sites", Authorization=f"Bearer {guess}")).status)
    assert statuses == [401] * 100 + [429] * 2


async def test_an_answer_is_kept_by_nobody_on_the_way(db: Pool) -> None:
    org = await make_org(db)
    async with api_site(db) as there:
        reply = await (await there.program(org.id)).call("GET", "/people")
    assert reply.headers["Cache-Control"] == "no-store" and reply.headers["X-Content-Type-Options"] == "nosniff"
