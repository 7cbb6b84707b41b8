"""A page that cannot be read while the database is away: in the visitor's language, with the way to 119."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from checkin.web import ROUTES
from core.clock import FixedClock
from core.db import Pool, connect
from core.web import PUBLIC, Route, security_headers
from ops.site_web import database_away
from tests.pages import make_app
from tests.people import NOW


@pytest.mark.parametrize(("header", "lang"), [("ne", "ne"), ("my-MM,en;q=0.5", "my"), ("xx", "ja")])
async def test_the_page_speaks_the_visitors_language(db_dsn: str, header: str, lang: str) -> None:
    broken: Pool = await connect(db_dsn, size=1)
    app = make_app(broken, ROUTES, FixedClock(NOW))
    app.middlewares[:] = [security_headers, database_away]
    broken.terminate()
    async with TestClient[web.Request, web.Application](TestServer(app)) as client:
        response = await client.get("/c/123456789ABC", headers={"Accept-Language": header})
        html = await response.text()
        refused = await client.post("/c/123456789ABC", data={"answer": "ok"})
    assert (response.status, response.headers["Retry-After"]) == (503, "5")
    assert response.headers["Refresh"] == "10", "a page that was only looked at comes back by itself"
    assert refused.status == 503 and "Refresh" not in refused.headers, "an answer is never sent again unasked"
    assert f'<html lang="{lang}"' in html and 'href="tel:119"' in html
    assert '<link rel="stylesheet' not in html and len(html.encode()) < 10_000


async def test_our_own_mistake_is_a_page_with_all_headers_and_without_its_reason(
    db: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(request: web.Request) -> web.Response:
        raise RuntimeError("a secret reason")

    app = make_app(db, [Route("GET", "/broken", broken, PUBLIC)], FixedClock(NOW))
    app.middlewares[:] = [security_headers, database_away]
    async with TestClient[web.Request, web.Application](TestServer(app)) as client:
        response = await client.get("/broken", headers={"Accept-Language": "vi"})
        html = await response.text()
    assert response.status == 500 and 'href="tel:119"' in html and "secret" not in html
    assert response.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "GET /broken failed" in caplog.text
