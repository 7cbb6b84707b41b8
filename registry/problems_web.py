"""Under /api/ every answer is JSON: the problem document as a response, and what turns every refusal into one.

Apart from registry/api.py, which brings the models of every operation: the website starts without them.
"""

from __future__ import annotations

import json
import logging
from typing import Final

from aiohttp import web

from core.audit import AuditUnwritable
from core.db import CONNECTION_ERRORS
from core.web import Handler
from registry.api_tokens import Budget, Knocks
from registry.problems import PROBLEM_TYPE, Problem, not_found

log = logging.getLogger(__name__)

#: Wrong tokens per address, of the process.
KNOCKS: Final = web.AppKey("api_knocks", Knocks)
#: What the token of this call may still spend.
BUDGET: Final = web.RequestKey("api_budget", Budget)


def to_problem(problem: Problem, request: web.Request | None = None) -> web.Response:
    """The problem document as a response."""
    headers = dict(problem.headers)
    if request is not None and (spent := request.get(BUDGET)) is not None:
        headers = spent.headers() | headers
    body = json.dumps(problem.document(), ensure_ascii=False, separators=(",", ":"))
    return web.Response(text=body, status=problem.status, headers=headers, content_type=PROBLEM_TYPE)


@web.middleware
async def api_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Under /api/ every answer is JSON: unknown addresses and methods, an absent database, and our own mistakes too."""
    if not request.path.startswith("/api/"):
        return await handler(request)
    refusal = request.match_info.http_exception
    if isinstance(refusal, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted({*refusal.allowed_methods, "OPTIONS"}))
        if request.method == "OPTIONS":
            return web.Response(status=204, headers={"Allow": allowed})
        text = f"This address does not take {refusal.method}; it takes {allowed}."
        return to_problem(Problem(405, "wrong_method", text, headers={"Allow": allowed}))
    if refusal is not None:
        return to_problem(not_found())
    try:
        return await handler(request)
    except CONNECTION_ERRORS as error:
        if isinstance(error, ConnectionResetError):  # the caller left, not the database
            raise
        log.error("api %s: the database is away: %s", request.method, type(error).__name__)
        text = "The service cannot reach its database; try again in a few seconds."
        return to_problem(Problem(503, "unavailable", text, headers={"Retry-After": "5"}))
    except AuditUnwritable as error:
        log.error("api %s: nothing about people is given: %s", request.method, error)
        text = "What is read cannot be written down at the moment, so nothing is given; try again later."
        return to_problem(Problem(503, "unavailable", text, headers={"Retry-After": "60"}))
    except web.HTTPException:
        raise
    except Exception:
        log.exception("api %s %s failed", request.method, getattr(request.match_info.route.resource, "canonical", "?"))
        return to_problem(Problem(500, "our_mistake", "Something went wrong here; it has been recorded. Try again."))
