"""Every call of the API with every organisation's token on everybody's things: what is not theirs does not exist."""

from __future__ import annotations

import json
import re
from typing import Any

from core.db import Pool
from registry.api_tokens import Scope
from tests.api_kit import Program, give_token
from tests.contract.route_table import AUDIENCE_OF
from tests.people import NOW
from tests.route_world import World, world
from tests.table_digest import TRACES, Digest

#: Owners of tokens that see people, and the one that sees statuses only.
OWNERS = ("employer", "sibling", "group", "union", "partner")
#: Path -> the kind of thing it names.
KIND_OF = {
    "{employee_id}": "employee_id",
    "/sites/{id}": "dorm",
    "/incidents/{id}": "incident",
    "/webhooks/{id}": "webhook",
}
#: Bodies of the calls that need one.
PERSON = {"name": "Changed Name", "language": "vi"}
WEBHOOK = {"url": "https://hr.example/changed", "events": ["status.changed"]}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PUT", "/people/{employee_id}"): PERSON,
    ("POST", "/people/{employee_id}/end"): {"end_date": NOW.date().isoformat()},
    ("PUT", "/webhooks/{id}"): WEBHOOK,
}
#: Not a look-up: a PUT of an unknown number makes a person of the caller's own organisation.
MAKES = {("PUT", "/people/{employee_id}")}
#: Calls count against their token, and idempotency keys are kept.
CALLS = TRACES | {"api_usage"}


def calls() -> list[tuple[str, str]]:
    """Every call on one thing."""
    begin = "/api/v1"
    return [
        (method, path.removeprefix(begin))
        for (method, path), audience in AUDIENCE_OF.items()
        if audience == "api" and "{" in path and method != "HEAD"
    ]


def kind_of(path: str) -> str:
    return next(kind for part, kind in KIND_OF.items() if part in path)


def _url(path: str, id_: str) -> str:
    return re.sub(r"\{\w+\}", id_, path)


async def _ask(there: World, owner: str, method: str, path: str, id_: str) -> tuple[int, str]:
    program = Program(there.client, str(there.ids[f"api_{owner}"]))
    reply = await program.call(method, _url(path, id_), BODIES.get((method, path)))
    return reply.status, reply.text


async def test_foreign_things_do_not_exist_for_a_program(db: Pool) -> None:
    wrong, tried = [], 0
    async with world(db) as there:
        digest = await Digest.of(db, CALLS)
        for method, path in calls():
            if (method, path) in MAKES:
                continue
            kind = kind_of(path)
            for owner in OWNERS:
                nothing = await _ask(there, owner, method, path, str(there.ids["no_id"]))
                if nothing[0] not in (404, 403):
                    wrong.append(f"{owner} {method} {path}: what does not exist is answered with {nothing}")
                if nothing[0] == 403 and owner != "partner":
                    wrong.append(f"{owner} {method} {path}: {nothing}")
                for other, id_ in there.things[kind].items():
                    if other == owner:
                        continue
                    tried += 1
                    got = await _ask(there, owner, method, path, id_)
                    if got != nothing:
                        wrong.append(f"{owner} {method} {path} of {other}: {got}")
            if changed := await digest.changed():
                wrong.append(f"{method} {path} changed {changed}")
    assert not wrong, "\n".join(wrong)
    assert tried > 150


async def test_ones_own_things_are_really_reached(db: Pool) -> None:
    async with world(db) as there:
        for method, path in sorted(calls(), key=lambda call: (call[0] == "DELETE", call[1].endswith("/end"), call)):
            status, text = await _ask(there, "employer", method, path, there.things[kind_of(path)]["employer"])
            enrolled = path.endswith("/invitation") and status == 409  # who has enrolled needs none
            assert enrolled or status in (200, 201, 204), f"{method} {path}: {status} {text}"


async def test_a_foreign_number_makes_a_person_of_ones_own(db: Pool) -> None:
    """Employee numbers belong to each organisation: the same one elsewhere is somebody else, and stays untouched."""
    sql = "SELECT name FROM resident WHERE id = $1"
    async with world(db) as there:
        before = await db.fetchval(sql, there.ids["else_person"])
        status, text = await _ask(there, "employer", "PUT", "/people/{employee_id}", "else-1")
        assert status == 201, text
        assert await db.fetchval(sql, there.ids["else_person"]) == before
        listed = (await Program(there.client, str(there.ids["api_else"])).call("GET", "/people")).json["people"]
        assert "Changed Name" not in json.dumps(listed)


async def test_lists_hold_ones_own_only(db: Pool) -> None:
    names = "SELECT r.name, m.org_id FROM resident r JOIN membership m ON m.resident_id = r.id"
    async with world(db) as there:
        people = {row["name"]: row["org_id"] for row in await db.fetch(names)}
        for owner in ("employer", "sibling", "group", "else"):
            program = Program(there.client, str(there.ids[f"api_{owner}"]))
            for path in ("/people", "/sites", "/incidents", "/webhooks",
                         f"/incidents/{there.things['incident'][owner]}/statuses"):  # fmt: skip
                reply = await program.call("GET", path)
                assert reply.status == 200, path
                for kind in ("person", "dorm", "incident", "webhook"):
                    for other, id_ in there.things[kind].items():
                        assert (id_ not in reply.text) or other == owner, f"{owner} {path}"
                for name, org in people.items():
                    pattern = rf"{re.escape(name)}(?!\d)"
                    assert org == there.orgs[owner].id or not re.search(pattern, reply.text), f"{owner} {path}"


async def test_a_scope_that_is_missing_refuses_before_anything_is_looked_for(db: Pool) -> None:
    async with world(db) as there:
        _, token = await give_token(db, there.orgs["employer"].id, [Scope.STATUS_READ])
        program = Program(there.client, token)
        digest = await Digest.of(db, CALLS)
        for method, path in calls():
            if "incidents" in path:
                continue
            for id_ in (there.things[kind_of(path)]["employer"], str(there.ids["no_id"])):
                reply = await program.call(method, _url(path, id_), BODIES.get((method, path)))
                assert reply.status == 403, f"{method} {path}: {reply.text}"
        assert not await digest.changed()
