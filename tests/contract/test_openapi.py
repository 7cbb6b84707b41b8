"""The API's document is made from its operations, complete, and the committed file is the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from checkin.api import OPERATIONS, ROUTES
from checkin.openapi_file import render
from core.db import Pool
from registry.openapi import document
from tests.api_kit import api_site

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = document(OPERATIONS)


def test_the_committed_file_is_up_to_date() -> None:
    assert (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8") == render(), "run `make docs`"


def test_every_route_is_described_and_nothing_else() -> None:
    routes = {(route.method.lower(), route.path) for route in ROUTES if route.method != "HEAD"}
    assert {(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods} == routes


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        found = {node["$ref"]} if "$ref" in node else set()
        return found.union(*(references(value) for value in node.values()))
    return set().union(*(references(value) for value in node)) if isinstance(node, list) else set()


def test_every_reference_leads_somewhere() -> None:
    schemas = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert references(DOCUMENT) <= schemas


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda op: op.name)
def test_every_operation_says_what_it_needs(operation: Any) -> None:
    told = DOCUMENT["paths"]["/api/v1" + operation.path][operation.method.lower()]
    assert told["summary"].endswith(".") and told["operationId"] == operation.name
    in_path = {p["name"] for p in told["parameters"] if p["in"] == "path"}
    assert in_path == set(re.findall(r"\{(\w+)\}", operation.path))
    assert ("security" in told) == (operation.scope is not None)
    assert str(operation.status) in told["responses"]


def test_no_field_of_a_person_that_nobody_may_be_given() -> None:
    """What comes in may hold addresses and telephones; nothing that goes out has a place for them."""
    given = DOCUMENT["components"]["schemas"]
    outgoing = {f for name, schema in given.items() if name.endswith("Out") for f in schema.get("properties", {})}
    assert not {f for f in outgoing if re.search(r"address|phone|email|postal|^needs?$|(^|_)lat$|(^|_)lon$", f)}


async def test_it_is_served_to_anybody(db: Pool) -> None:
    async with api_site(db) as there:
        reply = await there.anybody().call("GET", "/openapi.json")
    assert reply.status == 200 and reply.headers["Content-Type"].startswith("application/json")
    served = json.loads(reply.text)
    assert served.pop("servers")[0]["url"].startswith("http")
    assert served == DOCUMENT
