"""/w/<token>: somebody scans a community group's poster and registers: a name, a tap, and on to /e/<token>."""

from __future__ import annotations

import secrets

from aiohttp import web

from core.audit import Actor, audit
from core.clock import date_in_japan
from core.db import Scope, transaction
from core.tokens import looks_like_token
from core.web import (
    SCOPE,
    STAFF_TOKEN,
    Route,
    client_address,
    language_of,
    link_gone,
    link_not_found,
    public_form,
    render,
    see_other,
    site,
)
from registry.poster_store import Poster, TooMany, open_poster, walk_in
from registry.presence import AbsenceProblem, read_stay

_NAME_LENGTH = 100


async def page(request: web.Request) -> web.Response:
    """GET /w/<token>: who invites, and the form. Looking makes nobody."""
    token = request.match_info["token"]
    async with transaction(site(request).pool) as conn:
        poster = await open_poster(conn, token) if looks_like_token(token) else None
    return link_not_found(request) if poster is None else _show(request, poster)


def _show(request: web.Request, poster: Poster, problem: str = "", form: dict[str, str] | None = None) -> web.Response:
    ended = poster.ended_at is not None
    return render(
        request,
        "walk_in.html",
        lang=language_of(request),
        status=410 if ended else 400 if problem else 200,
        poster=poster,
        token=request.match_info["token"],
        ended=ended,
        today=date_in_japan(site(request).clock.now()),
        problem=problem,
        nonce_of_form=(form or {}).get("once") or secrets.token_urlsafe(12),
        form=form or {},
    )


async def register(request: web.Request) -> web.Response:
    """POST /w/<token>: a new resident of the group. Sent twice, it is the same person."""
    wires = site(request)
    now = wires.clock.now()
    form = await public_form(request)
    token = request.match_info["token"]
    name = " ".join(form.get("name", "").split())[:_NAME_LENGTH]
    language = wires.catalogs.normalise(form.get("language", "")) or language_of(request)
    async with transaction(wires.pool) as conn:
        poster = await open_poster(conn, token) if looks_like_token(token) else None
    if poster is None:
        return link_not_found(request)
    if poster.ended_at is not None:
        return _show(request, poster)
    if not name:
        return _show(request, poster, "walk.no_name", form)
    # The poster stands for its group: from here on rows of this organisation may be written, and no others.
    request[SCOPE] = Scope("daijobu_web", orgs=(poster.org_id,))
    async with transaction(site(request).pool) as conn:
        try:
            stay = read_stay(form.get("stay", ""), date_in_japan(now))
            made = await walk_in(
                conn,
                wires.vault,
                poster,
                name=name,
                language=language,
                stay_until=stay,
                nonce=form.get("once", "")[:64] or secrets.token_urlsafe(12),
                address=client_address(request),
                now=now,
            )
        except AbsenceProblem as problem:
            return _show(request, poster, problem.key, form)
        except TooMany:
            return link_gone(request, status=429, too_many=True)
        await audit(conn, Actor("poster", org_id=poster.org_id), "person.walk_in", at=now)
    return see_other(f"/e/{made}?lang={language}")


ROUTES = [Route("GET", "/w/{token}", page, STAFF_TOKEN), Route("POST", "/w/{token}", register, STAFF_TOKEN)]
