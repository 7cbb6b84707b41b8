"""How a call of the API is answered: token, limits, body, one transaction, and JSON or a problem document back.

Everything a call does happens in one transaction, its audit row and its repeatable answer included: what was refused
or interrupted has not happened.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ValidationError

from core.audit import Actor
from core.db import Connection, Scope, transaction
from core.web import PUBLIC, SCOPE, Audience, Handler, Route, Site, client_address, site
from registry.api_store import Earlier, keep_answer, reserve_key, use_token
from registry.api_tokens import ApiToken, bearer, budget
from registry.openapi import BASE, Operation
from registry.problems import FieldError, Problem, not_found, pointer_of
from registry.problems_web import BUDGET, KNOCKS, to_problem

log = logging.getLogger(__name__)

#: Routes that a token of a program opens, not a session.
API: Final = Audience("api")
#: Failed tokens per address, in this process.
MAX_KEY: Final = 200
#: So many wrong fields are named in one answer.
_MOST_ERRORS: Final = 50


class Call(NamedTuple):
    """What an operation works with: whose token, one connection in a transaction, the checked body."""

    request: web.Request
    site: Site
    token: ApiToken
    conn: Connection
    body: Any
    now: datetime

    @property
    def actor(self) -> Actor:
        """Who the audit log names: the token; no member of staff."""
        return Actor(self.token.actor, None, self.token.org_id)

    def path(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    def id(self, name: str) -> UUID:
        """An id of the path. Raises the same 404 for anything that is none."""
        try:
            return UUID(self.request.match_info[name])
        except ValueError:
            raise not_found() from None

    def flag(self, name: str) -> bool:
        """A yes-or-no parameter of the query."""
        value = self.request.query.get(name, "false")
        if value not in ("true", "false"):
            raise Problem(400, "bad_parameter", f"The parameter {name} must be true or false.")
        return value == "true"

    def limit(self, most: int) -> int:
        """The parameter `limit`: how many things one page holds, 1 to `most`."""
        text = self.request.query.get("limit", str(min(100, most)))
        if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= most):
            raise Problem(400, "bad_parameter", f"The parameter limit must be a number between 1 and {most}.")
        return int(text)

    def cursor(self) -> UUID | None:
        """The parameter `cursor`: where the last page ended."""
        text = self.request.query.get("cursor")
        if text is None:
            return None
        try:
            return UUID(hex=text)
        except ValueError:
            raise Problem(400, "bad_cursor", "The cursor is not one that an earlier page gave.") from None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers. `body` None: 204."""

    body: dict[str, Any] | None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def routes_of(operations: Iterable[Operation]) -> list[Route]:
    """The routes of these operations; a HEAD for every GET."""
    made = []
    for op in operations:
        audience = PUBLIC if op.scope is None else API
        handler = _handler(op)
        made.append(Route(op.method, BASE + op.path, handler, audience))
        if op.method == "GET":
            made.append(Route("HEAD", BASE + op.path, handler, audience))
    return made


def _handler(op: Operation) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            _check_query(op, request)
            if op.scope is None:
                return to_json(await op.run(request))
            return await _answer(op, request)
        except Problem as problem:
            return to_problem(problem, request)

    return handle


async def _answer(op: Operation, request: web.Request) -> web.StreamResponse:
    wires = site(request)
    now = wires.clock.now()
    token = await _authenticate(request, now)
    if op.scope not in token.scopes:
        raise Problem(403, "missing_scope", f"This token does not have the scope {op.scope}; make one that has it.")
    raw = await _read(op, request)
    body = _checked(op.body, raw) if op.body is not None else None
    key = _key(op, request)
    # From here on the database shows this organisation's rows only.
    request[SCOPE] = Scope("daijobu_web", orgs=(token.org_id,))
    wires = site(request)
    async with transaction(wires.pool) as conn:
        reserved: UUID | None = None
        if key:
            asked = b"\n".join((request.method.encode(), request.path_qs.encode(), raw))
            try:
                found = await reserve_key(conn, wires.vault, token, key, asked, now)
            except LookupError:
                raise Problem(409, "still_running", "The first call with this key has not ended; try again.") from None
            if isinstance(found, Earlier):
                if not found.same:
                    text = "This Idempotency-Key was used for another request; take a new key."
                    raise Problem(422, "key_reused", text)
                return to_json(Answer(found.body, found.status, {"Idempotency-Replayed": "true"}), request)
            reserved = found
        answer: Answer = await op.run(Call(request, wires, token, conn, body, now))
        if reserved is not None:
            await keep_answer(conn, wires.vault, reserved, answer.status, answer.body)
    return to_json(answer, request)


async def _authenticate(request: web.Request, now: datetime) -> ApiToken:
    wires = site(request)
    knocks = request.app[KNOCKS]
    address = client_address(request)
    wait = knocks.shut_for(address, now)
    if wait:
        text = f"Too many calls with a wrong token came from this address; wait {wait} seconds."
        raise Problem(429, "too_many_failures", text, headers={"Retry-After": str(wait)})
    given = bearer(request.headers.get("Authorization", ""))
    found = None
    if given is not None:
        async with transaction(wires.pool) as conn:
            found = await use_token(conn, given, now)
        if found is None:
            knocks.failed(address, now)
    if found is None:
        detail = "Send a live token as Authorization: Bearer dj_live_...; an administrator makes one on /api-tokens."
        raise Problem(401, "no_token", detail, headers={"WWW-Authenticate": 'Bearer realm="daijobu"'})
    token, calls = found
    request[BUDGET] = spent = budget(wires.settings.api_per_minute, calls, now)
    if spent.spent:
        detail = f"This token has made its {spent.limit} calls of this minute; wait {spent.resets_in_s} seconds."
        raise Problem(429, "too_many_calls", detail)
    return token


def _check_query(op: Operation, request: web.Request) -> None:
    for name in request.query:
        if name not in op.query:
            raise Problem(400, "unknown_parameter", "The query has a parameter that this call does not know.")
        if len(request.query.getall(name)) > 1:
            raise Problem(400, "repeated_parameter", f"The parameter {name} may be given once.")


async def _read(op: Operation, request: web.Request) -> bytes:
    """The body's bytes, checked for type and size before anything is read into memory."""
    if op.body is None:
        if request.can_read_body and await request.content.read(1):
            raise Problem(400, "unexpected_body", "This call takes no body.")
        return b""
    if request.content_type != "application/json" or (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise Problem(415, "not_json", "Send the body as application/json in UTF-8.")
    too_large = Problem(413, "too_large", f"The body may have at most {op.max_body} bytes; send several calls.")
    if (request.content_length or 0) > op.max_body:
        raise too_large
    raw = bytearray()
    async for chunk in request.content.iter_chunked(65_536):
        raw += chunk
        if len(raw) > op.max_body:
            raise too_large
    return bytes(raw)


def _checked(model: type[BaseModel], raw: bytes) -> BaseModel:
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        if found and found[0]["type"] == "json_invalid":
            raise Problem(400, "bad_json", "The body is not JSON that can be read.") from None
        errors = [FieldError(pointer_of(one["loc"]), one["msg"] + ".") for one in found[:_MOST_ERRORS]]
        text = f"{errors[0].pointer or 'The body'}: {errors[0].detail}"
        raise Problem(422, "bad_field", text, errors=errors) from None


def _key(op: Operation, request: web.Request) -> str:
    key = request.headers.get("Idempotency-Key")
    if op.method != "POST" or key is None:
        return ""
    if not 1 <= len(key) <= MAX_KEY:
        raise Problem(400, "bad_key", f"An Idempotency-Key has 1 to {MAX_KEY} characters.")
    return key


def to_json(answer: Answer, request: web.Request | None = None) -> web.Response:
    """The answer as a response."""
    headers = dict(answer.headers)
    if request is not None and (spent := request.get(BUDGET)) is not None:
        headers |= spent.headers()
    if answer.body is None:
        return web.Response(status=204, headers=headers)
    body = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":"))
    return web.Response(text=body, status=answer.status, headers=headers, content_type="application/json")


def after_cursor(ids: Sequence[UUID], limit: int) -> str | None:
    """The cursor of the next page, given one id more than fits; None on the last page."""
    return ids[limit - 1].hex if len(ids) > limit else None
