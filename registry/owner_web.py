"""What the pages behind a personal link share: whose link it is, in which language."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from core.db import Connection
from core.tokens import looks_like_token
from core.web import language_of, render, site, small
from registry.personal_store import Owner, owner_of_link


async def owner_of(request: web.Request, conn: Connection) -> Owner | None:
    """The person of /p/<token>...; None for an unknown or replaced link."""
    token = request.match_info["token"]
    return await owner_of_link(conn, token) if looks_like_token(token) else None


def owner_language(request: web.Request, owner: Owner) -> str:
    """?lang=, else the person's own choice, else (invited only, language never chosen) what the browser prefers."""
    if request.query.get("lang"):
        return language_of(request)
    return site(request).catalogs.normalise(owner.language) or language_of(request)


def own_page(
    request: web.Request, template: str, owner: Owner, *, lang: str = "", status: int = 200, **context: Any
) -> web.Response:
    """Render one page of a person's own."""
    response = render(
        request,
        template,
        lang=lang or owner_language(request, owner),
        status=status,
        owner=owner,
        token=request.match_info["token"],
        saved=request.query.get("saved", ""),
        **context,
    )
    return small(response)
