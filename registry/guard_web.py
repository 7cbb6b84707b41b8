"""The door: which member of staff a request comes from, and whether this page is for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from aiohttp import web

from core.db import Scope
from core.web import (
    AUDIENCES,
    FORM_TOKEN,
    SCOPE,
    STAFF,
    Audience,
    Handler,
    audience_of,
    link_gone,
    link_hash,
    render,
    see_other,
    site,
)
from registry.access import scope_of
from registry.second_factor import Demand, demand
from registry.sessions import LONGEST, STAFF_LANGUAGES, CookieRule, Staff, cookie_rule
from registry.signin_store import find_session

#: Under this key a request carries the id of its session, for signing out.
SESSION_ID: Final = web.RequestKey("session_id", str)
_LANGUAGE_COOKIE = "lang"


def session_cookie(request: web.Request) -> CookieRule | None:
    """The cookie rule of this installation; None where staff may not sign in."""
    settings = site(request).settings
    return cookie_rule(is_https=settings.is_https, is_loopback=settings.is_loopback)


def staff_language(request: web.Request, default: str = "ja") -> str:
    """Japanese or English: ?lang=, else the cookie of an earlier choice, else `default`."""
    for asked in (request.query.get("lang", ""), request.cookies.get(_LANGUAGE_COOKIE, "")):
        if asked in STAFF_LANGUAGES:
            return asked
    return default if default in STAFF_LANGUAGES else "en"


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request through to its page if its audience allows; staff pages need a session in the right role."""
    if _is_static(request):
        return await handler(request)
    if request.match_info.http_exception is not None:
        return await _unknown(request, handler)
    audience = audience_of(request)
    if audience is None:
        raise RuntimeError(f"{request.method} {request.match_info.route} has no audience: register it with add_routes")
    if audience.kind != "staff":
        request[SCOPE] = _scope_of_link(request, audience)
        return _remember_language(request, await handler(request))
    me = await _signed_in(request)
    if me is None:
        return _to_sign_in(request)
    request[STAFF] = me
    request[SCOPE] = scope_of(me.role, me.org_id, me.below)
    if me.role not in audience.roles:
        return render(request, "registry_forbidden.html", lang=me.language, status=403)
    if me.demand is not Demand.NONE and me.demand not in audience.half:
        return _to_second_factor(request, me)
    try:
        return _remember_language(request, await handler(request))
    except (web.HTTPNotFound, web.HTTPForbidden) as refusal:
        return _refused(request, me, refusal)


def _scope_of_link(request: web.Request, audience: Audience) -> Scope:
    """The rows behind a link: the people it stands for. An unknown link stands for nobody."""
    return Scope(audience.role, link=link_hash(request))


def _refused(request: web.Request, me: Staff, refusal: web.HTTPException) -> web.StreamResponse:
    """A page in the reader's language instead of one line of text; scripts keep the line."""
    if _is_script(request):
        raise refusal
    reason = "staff.refused.form" if refusal.status == web.HTTPForbidden.status_code else "staff.refused.not_found"
    return render(request, "registry_refused.html", lang=me.language, status=refusal.status, reason=reason)


async def _unknown(request: web.Request, handler: Handler) -> web.StreamResponse:
    """An address that no page has: staff are led back; anybody else may have copied half of a link."""
    refusal = request.match_info.http_exception
    if not isinstance(refusal, web.HTTPNotFound) or request.method not in ("GET", "HEAD") or _is_script(request):
        return await handler(request)
    me = await _signed_in(request)
    if me is None:
        return link_gone(request)
    request[STAFF] = me
    request[SCOPE] = scope_of(me.role, me.org_id, me.below)
    return _refused(request, me, refusal)


def _is_script(request: web.Request) -> bool:
    """Whether a script asks, not a person: a part of a page, the stream of events."""
    return "X-Fragment" in request.headers or request.headers.get("Accept") == "text/event-stream"


async def visitor(request: web.Request) -> Staff | None:
    """Whoever opens a public page that shows staff more: signed in wholly, with their rows in scope; None: anybody."""
    me = await _signed_in(request)
    if me is None or me.demand is not Demand.NONE:
        return None
    request[STAFF] = me
    request[SCOPE] = scope_of(me.role, me.org_id, me.below)
    return me


async def _signed_in(request: web.Request) -> Staff | None:
    rule = session_cookie(request)
    session_id = request.cookies.get(rule.name, "") if rule else ""
    if not session_id:
        return None
    wires = site(request)
    me = await find_session(wires.pool, session_id, wires.clock.now())
    if me is None:
        return None
    request[SESSION_ID] = session_id
    request[FORM_TOKEN] = wires.vault.form_token(session_id)
    lacks = demand(
        me.role,
        proven=me.second_factor_at is not None,
        has_password=me.has_password,
        has_factor=me.has_factor,
        has_passkey=me.has_passkey,
        fictional=wires.simulated,
    )
    return replace(me, language=staff_language(request, me.language), demand=lacks)


#: The page that mends what a session lacks.
MENDED_AT: Final = {
    Demand.PASSWORD: "/account",
    Demand.SET_UP: "/account/second-factor",
    Demand.PROVE: "/second-factor",
}


def _to_second_factor(request: web.Request, me: Staff) -> web.StreamResponse:
    if _is_script(request):
        raise web.HTTPUnauthorized(text="Please sign in again.")
    target = MENDED_AT[me.demand]
    return see_other(with_next(target, request.path_qs) if request.method == "GET" else target)


def _to_sign_in(request: web.Request) -> web.StreamResponse:
    # A script that follows a redirect would put the sign-in page into the middle of a dashboard.
    if _is_script(request):
        raise web.HTTPUnauthorized(text="Please sign in again.")
    if request.method != "GET":
        return see_other("/sign-in")
    return see_other(with_next("/sign-in", request.path_qs))


def with_next(path: str, after: str) -> str:
    """`path` with ?next=`after`, escaped."""
    return f"{path}?next={quote(after, safe='/')}"


def _remember_language(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    asked = request.query.get("lang", "")
    if asked in STAFF_LANGUAGES and not response.prepared:
        response.set_cookie(
            _LANGUAGE_COOKIE,
            asked,
            max_age=365 * 86400,
            samesite="Lax",
            httponly=True,
            secure=site(request).settings.is_https,
        )
    return response


def give_session(request: web.Request, response: web.Response, session_id: str) -> web.Response:
    """Put a new session's cookie into a response. The page has checked that staff may sign in here."""
    rule = session_cookie(request)
    if rule is None:
        raise RuntimeError("a session was opened although staff may not sign in over plain http")
    response.set_cookie(
        rule.name,
        session_id,
        path="/",
        max_age=int(LONGEST.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=rule.secure,
    )
    return response


def _is_static(request: web.Request) -> bool:
    return isinstance(request.match_info.route.resource, web.StaticResource)


def routes_without_audience(app: web.Application) -> Iterable[str]:
    """The routes that were registered without saying for whom: main refuses to start if there are any."""
    audiences = app[AUDIENCES]
    seen: set[tuple[str, str]] = set()
    for route in app.router.routes():
        resource = route.resource
        if resource is None or isinstance(resource, web.StaticResource):
            continue
        method = "GET" if route.method == "HEAD" else route.method
        if (method, resource.canonical) not in audiences and (method, resource.canonical) not in seen:
            seen.add((method, resource.canonical))
            yield f"{method} {resource.canonical}"
