"""A website for tests: real routes and middleware, a standing clock, and a reader of its forms."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from core.clock import FixedClock
from core.db import Pool
from core.i18n import Catalogs
from core.settings import load_settings
from core.wakeups import Wakeups
from core.web import SITE, STATIC, Route, Site, add_routes, make_jinja, security_headers
from registry.guard_web import guard
from registry.passwords import Passwords
from tests.people import NOW, VAULT

#: One for all websites of a run, as a service has one: what is compiled once is compiled.
JINJA = make_jinja()
#: A hundredth of the work: what is proved here is who gets in. The real amount stands in `test_signin.py`.
PASSWORDS = Passwords(passes=1, memory_kib=64)


def make_app(pool: Pool, routes: Iterable[Route], clock: FixedClock, *, simulated: bool = False) -> web.Application:
    """The routes of one part behind the middleware every page has."""
    app = web.Application(middlewares=[security_headers, guard])
    app[SITE] = Site(
        settings=load_settings({}),
        pool=pool,
        vault=VAULT,
        catalogs=Catalogs.load(),
        clock=clock,
        wakeups=Wakeups(""),
        jinja=JINJA,
        simulated=simulated,
        extras={"passwords": PASSWORDS},
    )
    add_routes(app, routes)
    app.router.add_static("/static", STATIC)
    return app


@asynccontextmanager
async def website(
    pool: Pool, routes: Iterable[Route], *, clock: FixedClock | None = None, simulated: bool = False
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """A running website and a client without cookies or redirects of its own."""
    app = make_app(pool, routes, clock or FixedClock(NOW), simulated=simulated)
    async with TestClient(TestServer(app)) as client:
        yield client


@dataclass
class Form:
    """A form as a browser without JavaScript sees it."""

    method: str
    action: str
    #: Values that are sent if nothing is touched.
    values: dict[str, str] = field(default_factory=dict)
    #: Every field's name, and the values a radio, checkbox or button offers.
    offers: dict[str, list[str]] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values: dict[str, Any] = dict(attrs)
        if tag == "form":
            self.forms.append(Form(str(values.get("method", "get")), str(values.get("action", ""))))
        elif tag in ("input", "button", "textarea") and values.get("name") and self.forms:
            form, name, value = self.forms[-1], str(values["name"]), str(values.get("value", ""))
            form.offers.setdefault(name, []).append(value)
            ticked = values.get("type") not in ("checkbox", "radio") or "checked" in values
            if tag != "button" and ticked:
                form.values[name] = value


def forms_of(html: str) -> list[Form]:
    """The forms of a page, in order."""
    parser = _Forms()
    parser.feed(html)
    return parser.forms
