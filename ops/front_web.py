"""The front page, and the answer to "are you up?"."""

from __future__ import annotations

from aiohttp import web

from core.web import PUBLIC, Route, language_of, render


async def healthz(request: web.Request) -> web.Response:
    """200 as soon as the website is up."""
    return web.Response(text="ok\n")


async def landing(request: web.Request) -> web.Response:
    """The front page: what this is, in the visitor's language, and the staff's way in."""
    return render(request, "landing.html", lang=language_of(request))


ROUTES = [Route("GET", "/healthz", healthz, PUBLIC), Route("GET", "/", landing, PUBLIC)]
