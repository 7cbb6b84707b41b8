"""What the dashboard and the board share: page language, live fragments, the banner of silent feeds, page state."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from core.web import render, site
from registry.sessions import staff_of

#: A page asks for its live part only, with this header; the answer carries it too.
FRAGMENT = "X-Fragment"

#: Channel names as people know them; others are shown as they are called.
CHANNEL_WORDS = {
    "sms": "SMS",
    "phone": "SMS",
    "push": "Push",
    "email": "E-mail",
    "console": "Console",
    "line": "LINE",
    "messenger": "Messenger",
    "zalo": "Zalo",
    "whatsapp": "WhatsApp",
    "viber": "Viber",
}


def page_language(request: web.Request) -> str:
    """Staff pages speak Japanese and English; the guard has settled which."""
    return staff_of(request).language


def wants_fragment(request: web.Request) -> bool:
    """Whether only the live part of the page is asked for."""
    return request.headers.get(FRAGMENT) == "1"


def respond(request: web.Request, page: str, *, status: int = 200, **context: Any) -> web.Response:
    """Render `<page>.html`, or only its live part `<page>_live.html` when the page asks for that."""
    name = f"{page}_live.html" if wants_fragment(request) else f"{page}.html"
    response = render(request, name, lang=page_language(request), status=status, words=CHANNEL_WORDS, **context)
    response.headers["Vary"] = FRAGMENT
    if wants_fragment(request):
        response.headers[FRAGMENT] = "1"
    return response


def message_page(request: web.Request, key: str, *, status: int, back: str = "", **fields: object) -> web.Response:
    """A page that says one sentence and leads back."""
    lang = page_language(request)
    sentence = site(request).catalogs.sayer(lang)(key, **fields)
    return render(request, "staff_message.html", lang=lang, status=status, sentence=sentence, back=back)


def municipality_name(request: web.Request, jis: str) -> str:
    """The name of a municipality in the page's language; "" without a code."""
    areas = site(request).extras.get("areas") or getattr(site(request).extras.get("deps"), "areas", None)
    if not jis or areas is None:
        return jis
    try:
        name: str = areas.name("jis", jis, page_language(request))
    except LookupError:
        return jis
    return name
