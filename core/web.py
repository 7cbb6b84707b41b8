"""What every page shares: the site's wires, rendering, security headers, form protection, who may call what.

Every route states its audience when it is declared; a route without one cannot be built. The staff guard itself
(sessions and roles) is registry's: it reads the audience from here.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import jinja2
from aiohttp import web

from core.clock import Clock
from core.crypto import Vault
from core.db import Pool, Scope, ScopedPool
from core.i18n import Catalogs, Sayer
from core.misses import Misses
from core.model import Role
from core.settings import Settings
from core.tokens import looks_like_token, token_hash
from core.wakeups import Wakeups

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "web" / "templates"
STATIC = ROOT / "web" / "static"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Largest form body of a public page; a note is at most 500 characters.
MAX_PUBLIC_FORM_BYTES: Final = 16_384


class Audience(NamedTuple):
    """Who may call a route. `public`: anybody; `token`: the URL itself is the capability; else these staff roles.

    `half`: what a session may still lack here (registry.second_factor.Demand); elsewhere it must be whole.
    `role`: the database role of its transactions, for routes that are not staff's (migrations/0002).
    """

    kind: str
    roles: frozenset[Role] = frozenset()
    half: frozenset[str] = frozenset()
    role: str = "daijobu_door"


PUBLIC = Audience("public")
#: A resident's or leader's link: sees the people the link stands for.
TOKEN = Audience("token", role="daijobu_person")
#: A one-time link of staff: nobody is known yet.
STAFF_TOKEN = Audience("token")
#: Machines that prove themselves to their handler (a provider's signature, a receipt's token): as our own loops.
MACHINE = Audience("token", role="daijobu_worker")


def staff(*roles: Role, half: Iterable[str] = ()) -> Audience:
    """Signed-in staff in one of these roles (none given: any role); `half`: what their session may still lack."""
    return Audience("staff", frozenset(roles) or frozenset(Role), frozenset(half))


class Route(NamedTuple):
    """One page or action: method, path, handler and who may call it."""

    method: str
    path: str
    handler: Handler
    audience: Audience


@dataclass(slots=True)
class Site:
    """The wires a handler needs. One per process, under `SITE` in the application."""

    settings: Settings
    pool: Pool
    vault: Vault
    catalogs: Catalogs
    clock: Clock
    wakeups: Wakeups
    jinja: jinja2.Environment
    #: Set at start from deployment('fictional'): everything is simulated and every page says so.
    simulated: bool = False
    #: Channels, feed lists and other objects main wires in for pages that need them.
    extras: dict[str, Any] = field(default_factory=dict)


SITE: Final = web.AppKey("site", Site)
#: Audience by (method, resource path), for the staff guard and for the route tests.
AUDIENCES: Final = web.AppKey("audiences", dict[tuple[str, str], Audience])

#: Set by the staff guard: the session's anti-forgery token.
FORM_TOKEN: Final = web.RequestKey("form_token", str)
#: Set by the staff guard: the signed-in member of staff (registry.sessions.Staff).
STAFF: Final = web.RequestKey("staff", object)
#: Set by the guard: whose rows this request may touch. Until then, and without it, nobody's.
SCOPE: Final = web.RequestKey("scope", Scope)
DOOR: Final = Scope("daijobu_door")
#: The nonce that lets this answer's own inline style and script run (Content-Security-Policy).
NONCE: Final = web.RequestKey("nonce", str)


@functools.cache
def make_jinja() -> jinja2.Environment:
    """The template environment: autoescape always on, undefined names are errors, not blanks."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals["asset"] = asset_url
    return env


_asset_versions: dict[str, str] = {}


def asset_url(name: str) -> str:
    """The URL of a static file with a fingerprint, so that it may be cached for ever."""
    if name not in _asset_versions:
        _asset_versions[name] = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={_asset_versions[name]}"


def site(request: web.Request) -> Site:
    """The site's wires, with a pool that sees only what this request may see (row-level security)."""
    wires = request.app[SITE]
    return replace(wires, pool=ScopedPool(wires.pool, request.get(SCOPE, DOOR)))


def language_of(request: web.Request) -> str:
    """The page language: ?lang=, else the browser's Accept-Language, else Japanese."""
    catalogs = site(request).catalogs
    asked = request.query.get("lang", "")
    if asked:
        tag = catalogs.normalise(asked)
        if tag:
            return tag
    return catalogs.negotiate(request.headers.get("Accept-Language", "")) or "ja"


def render(request: web.Request, template: str, *, lang: str, status: int = 200, **context: Any) -> web.Response:
    """Render a page. The template gets `say` (words in `lang`), `lang`, `dir`, `form_token`, `simulated`, `me`."""
    wires = site(request)
    say: Sayer = wires.catalogs.sayer(lang)
    nonce = request.get(NONCE) or secrets.token_urlsafe(9)
    request[NONCE] = nonce
    values: dict[str, Any] = {
        "say": say,
        "lang": lang,
        "dir": wires.catalogs.direction(lang),
        "form_token": request.get(FORM_TOKEN, ""),
        "nonce": nonce,
        "simulated": wires.simulated,
        "me": request.get(STAFF),
        "path": request.path,
        "now": wires.clock.now(),
        "credit": wires.settings.sender_name,
    }
    values.update(context)
    body = wires.jinja.get_template(template).render(values)
    return web.Response(text=body, status=status, content_type="text/html", charset="utf-8")


_LEFT_OUT: Final = ("<rp>(</rp>", "<rp>)</rp>", "<head>\n", "</head>\n<body>\n", "</body>\n</html>")


def small(response: web.Response) -> web.Response:
    """A page of text for one bar of signal: compressed, without tags that HTML lets out.

    A fifth of an Easy Japanese page would be such tags: brackets for browsers without <ruby> (all have had it since
    2015), and the end of a reading that ends its ruby.
    """
    text = str(response.text)
    for tag in _LEFT_OUT:
        text = text.replace(tag, "")
    response.text = text.replace("</rt></ruby>", "</ruby>")
    response.enable_compression()
    return response


@web.middleware
async def security_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Headers of every answer: no foreign script, framing, referrer (tokens stand in URLs) or caching of pages."""
    request[NONCE] = secrets.token_urlsafe(9)
    try:
        response = await handler(request)
    except web.HTTPException as error:
        _set_headers(request, error)
        raise
    if not response.prepared:
        _set_headers(request, response)
    return response


def _set_headers(request: web.Request, response: web.StreamResponse) -> None:
    headers = response.headers
    nonce = request[NONCE]
    headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; "
        f"style-src 'self' 'nonce-{nonce}'; script-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    )
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Robots-Tag", "noindex")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cache-Control", "no-store")
    if site(request).settings.is_https:
        headers.setdefault("Strict-Transport-Security", "max-age=63072000; includeSubDomains")


def same_origin(request: web.Request) -> bool:
    """Whether the browser says this POST comes from our own pages (Sec-Fetch-Site, Origin); silent browsers pass."""
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if fetch_site and fetch_site not in ("same-origin", "none"):
        return False
    origin = request.headers.get("Origin")
    if origin and origin != "null":
        ours = urlsplit(site(request).settings.site_url)
        theirs = urlsplit(origin)
        return theirs.netloc in (ours.netloc, request.host)
    # "null" comes from no-referrer pages of our own: then the form token decides.
    return True


async def staff_form(request: web.Request) -> Mapping[str, Any]:
    """The fields of a staff POST, after the forgery checks. Raises HTTPForbidden with the next step."""
    form = await request.post()
    sent = str(form.get("form_token", "") or request.headers.get("X-Form-Token", ""))
    expected = str(request.get(FORM_TOKEN, ""))
    if not expected or not hmac.compare_digest(sent, expected) or not same_origin(request):
        raise web.HTTPForbidden(text="This form has expired. Open the page again and repeat the step.")
    return form


async def public_form(request: web.Request) -> dict[str, str]:
    """The text fields of a public POST, at most 16 kB, control characters removed. Raises HTTPRequestEntityTooLarge."""
    if request.content_length is not None and request.content_length > MAX_PUBLIC_FORM_BYTES:
        raise web.HTTPRequestEntityTooLarge(MAX_PUBLIC_FORM_BYTES, request.content_length)
    if not same_origin(request):
        raise web.HTTPForbidden(text="Please open the link again and answer there.")
    form = await request.post()
    return {k: clean_text(v) for k, v in form.items() if isinstance(v, str)}


def clean_text(text: str, limit: int = 500) -> str:
    """Text from outside: control and bidi-override characters removed, trimmed, cut to `limit` characters."""
    kept = "".join(
        c for c in text if (c in "\n\t" or c.isprintable() or c in "\u200c\u200d") and c not in _BIDI_CONTROLS
    )
    return kept.strip()[:limit]


_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def client_address(request: web.Request) -> str:
    """The peer's address; behind the documented local proxy, the last X-Forwarded-For entry it added."""
    peer = request.remote or ""
    if peer in ("127.0.0.1", "::1"):
        forwarded = request.headers.get("X-Forwarded-For", "")
        if forwarded:
            return forwarded.split(",")[-1].strip()
    return peer


def path_id(request: web.Request, name: str = "id") -> UUID:
    """An id in the path. Raises HTTPNotFound for anything that is none: nobody learns more from a wrong address."""
    try:
        return UUID(request.match_info[name])
    except ValueError:
        raise web.HTTPNotFound(text="There is no such page.") from None


def link_hash(request: web.Request) -> bytes | None:
    """The hash of the link that was called; None where there is none, or what stands there cannot be a link at all."""
    token = request.match_info.get("token", "")
    return token_hash(token) if looks_like_token(token) else None


def link_gone(request: web.Request, *, status: int = 404, too_many: bool = False) -> web.Response:
    """The one page for links that open nothing: unknown, revoked or over, with nothing said about which."""
    return render(request, "link_gone.html", lang=language_of(request), status=status, too_many=too_many)


def link_not_found(request: web.Request) -> web.Response:
    """`link_gone` for a link that was tried: braked per address, so that nobody can guess at links."""
    wires = request.app[SITE]
    brake = wires.extras.setdefault("link_misses", Misses())
    assert isinstance(brake, Misses)
    if brake.allow(client_address(request), wires.clock.now()):
        return link_gone(request)
    response = link_gone(request, status=429, too_many=True)
    response.headers["Retry-After"] = "60"
    return response


def see_other(location: str) -> web.Response:
    """After a POST: go and look there (303)."""
    return web.Response(status=303, headers={"Location": location})


def add_routes(app: web.Application, routes: Iterable[Route]) -> None:
    """Register routes with their audience."""
    audiences = app.setdefault(AUDIENCES, {}) if AUDIENCES in app else None
    if audiences is None:
        audiences = {}
        app[AUDIENCES] = audiences
    for route in routes:
        app.router.add_route(route.method, route.path, route.handler)
        audiences[(route.method, route.path)] = route.audience


def audience_of(request: web.Request) -> Audience | None:
    """The audience of the matched route; None for static files and unknown paths."""
    resource = request.match_info.route.resource
    if resource is None:
        return None
    method = "GET" if request.method == "HEAD" else request.method
    return request.app[AUDIENCES].get((method, resource.canonical))
