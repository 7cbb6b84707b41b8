"""The API described as an OpenAPI 3.1 document, made from the operations themselves. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, NamedTuple

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from registry.api_models import ProblemOut
from registry.api_tokens import Scope
from registry.problems import PROBLEM_TYPE, phrase

VERSION: Final = "1.0.0"
BASE: Final = "/api/v1"
_TEMPLATE: Final = "#/components/schemas/{model}"

_INTRODUCTION: Final = """\
An organisation's own list of people, and where they stand in an incident, for HR systems and other programs.

* A token speaks for one organisation. Its administrator makes it on the page /api-tokens; it is sent as
  `Authorization: Bearer dj_live_...`. What does not belong to the organisation does not exist for it (404).
* An upload makes invitations: what a person sees of their data, whom they let see their answers and which language they
  want is theirs to say. Answers that a person does not share are `answered_not_shared`, whatever they are.
* A POST may carry an `Idempotency-Key`; sent again within 24 hours it gets the same answer and changes nothing.
* Errors are problem documents (RFC 9457) with one sentence in `detail` and, for fields, JSON pointers in `errors`.
* Calls are limited per token and minute: see `RateLimit`, `RateLimit-Policy` and `Retry-After`.
"""


class Parameter(NamedTuple):
    """One parameter of a path or a query. `schema`: JSON Schema (OpenAPI 3.1)."""

    name: str
    where: str  # "path", "query" or "header"
    schema: dict[str, Any]
    description: str = ""


class Operation(NamedTuple):
    """One call of the API: what it is for, what it takes and gives, and the coroutine that does it.

    `path` is relative to /api/v1. `scope` None: for anybody. `refuses`: statuses besides those every call may answer.
    """

    method: str
    path: str
    run: Callable[..., Awaitable[Any]]
    scope: Scope | None
    name: str
    summary: str
    tag: str
    body: type[BaseModel] | None = None
    gives: type[BaseModel] | None = None
    status: int = 200
    also: tuple[int, ...] = ()  # other statuses of success
    parameters: tuple[Parameter, ...] = ()
    refuses: tuple[int, ...] = ()
    max_body: int = 16_384

    @property
    def query(self) -> frozenset[str]:
        """Names of the parameters it takes in the query."""
        return frozenset(p.name for p in self.parameters if p.where == "query")


IDEMPOTENCY_KEY: Final = Parameter(
    "Idempotency-Key",
    "header",
    {"type": "string", "minLength": 1, "maxLength": 200},
    "Sent again within 24 hours, the call gets the same answer and changes nothing.",
)


def document(operations: Iterable[Operation], *, server: str = "") -> dict[str, Any]:
    """The OpenAPI 3.1 document. `server`: the website's address; "" leaves it to the reader."""
    operations = list(operations)
    incoming = {op.body for op in operations if op.body}
    outgoing = {op.gives for op in operations if op.gives} | {ProblemOut}
    models = sorted(incoming | outgoing, key=lambda model: model.__name__)
    _, found = models_json_schema(
        [(model, "validation" if model in incoming else "serialization") for model in models],
        ref_template=_TEMPLATE,
    )
    paths: dict[str, Any] = {}
    for op in operations:
        paths.setdefault(BASE + op.path, {})[op.method.lower()] = _described(op)
    made: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Daijobu", "version": VERSION, "description": _INTRODUCTION},
        "paths": paths,
        "components": {
            "schemas": found["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Made on the page /api-tokens."}
            },
        },
    }
    if server:
        made["servers"] = [{"url": server}]
    return made


def _described(op: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": op.name,
        "summary": op.summary,
        "tags": [op.tag],
        "parameters": [_parameter(p) for p in _parameters(op)],
        "responses": {str(status): _success(op, status) for status in (op.status, *op.also)},
    }
    if op.scope is not None:
        told["security"] = [{"token": []}]
        told["x-scope"] = op.scope.value
        told["description"] = f"Needs the scope `{op.scope.value}`."
    if op.body is not None:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(op.body)}}}
    for status in _refusals(op):
        told["responses"][str(status)] = {
            "description": phrase(status),
            "content": {PROBLEM_TYPE: {"schema": _ref(ProblemOut)}},
        }
    return told


def _parameters(op: Operation) -> tuple[Parameter, ...]:
    return (*op.parameters, IDEMPOTENCY_KEY) if op.method == "POST" else op.parameters


def _parameter(given: Parameter) -> dict[str, Any]:
    made = {"name": given.name, "in": given.where, "required": given.where == "path", "schema": given.schema}
    return made | ({"description": given.description} if given.description else {})


def _refusals(op: Operation) -> list[int]:
    """Every status with which the call may be refused."""
    refused = {400, 503, *op.refuses}
    if op.scope is not None:
        refused |= {401, 403, 429}
    if op.body is not None:
        refused |= {413, 415, 422}
    if op.method == "POST":
        refused |= {409, 422}
    if "{" in op.path:
        refused.add(404)
    return sorted(refused)


def _success(op: Operation, status: int) -> dict[str, Any]:
    told: dict[str, Any] = {"description": phrase(status)}
    if op.gives is not None and status != 204:
        told["content"] = {"application/json": {"schema": _ref(op.gives)}}
    return told


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _TEMPLATE.format(model=model.__name__)}
