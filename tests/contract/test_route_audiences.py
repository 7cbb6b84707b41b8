"""Every role gets what the table says, from every page, while an incident is open and after it has closed.

The tables stand in `route_table.py`, the world in `tests/route_world.py`. Every page is visited once by everybody; the
tests below ask different questions about those visits. Actions (POST) are in `test_foreign_actions.py`, the API in
`test_api_matrix.py`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from core.db import Pool, connect
from core.model import Role
from ops.pages_web import all_routes
from tests.conftest import Server
from tests.contract.route_table import AUDIENCE_OF, CLOSED, ENDLESS, ROLES, rows
from tests.route_world import World, world
from tests.table_digest import Digest

ASKING = ("-", *ROLES)
#: Pages that say something about an incident: visited once more after it has closed.
_OF_INCIDENTS = re.compile(r"^/(dashboard|map|supervising|board|status|people|c|l|p|f)(/|$)")
#: May be kept by browsers: no personal data, and asked for often.
CACHED = {"/sw.js": "no-cache", "/api/v1/openapi.json": "max-age=300"}

#: Addresses that speak of nothing anybody could have: no such kind of page.
#: A language or text that nobody has is nobody's: there is nothing to compare it with.
NO_THINGS = {"/board/nothing/dorm/{dorm}", "/wording/xx", "/wording/vi/no.such", "/voice/my/sender.mp3"}
#: Traces of a read that are rows of their own: whom a disclosure has shown, who will be told so.
TRACES_OF = {"/board/break-glass/{glass}": ["break_glass_person"]}


@dataclass(frozen=True)
class Visit:
    """What one visitor got from one page."""

    status: int
    text: str
    headers: Mapping[str, str]


@dataclass
class Walk:
    """Every visit of a walk by path (as in the table) and visitor, and which tables a path's visits changed."""

    visits: dict[tuple[str, str], Visit] = field(default_factory=dict)
    changed: dict[str, list[str]] = field(default_factory=dict)

    def statuses(self, path: str) -> list[int]:
        return [self.visits[path, who].status for who in ASKING]


async def walk(db: Pool, there: World, paths: list[str]) -> Walk:
    """Let everybody open every path, as a page and (where it is one) as a fragment of it."""
    found = Walk()
    there.clock.advance(timedelta(minutes=2))  # so that "seen last" would be written anew
    digest = await Digest.of(db)
    for path in paths:
        url = path.format(**there.ids)
        for who in ASKING:
            status, text, headers = await there.ask_session(there.sessions.get(who, ""), url)
            found.visits[path, who] = Visit(status, _plain(text, there), headers)
        if changed := await digest.changed():
            found.changed[path] = changed
    return found


def _plain(text: str, there: World) -> str:
    """Without what differs between two addresses that say the same: the nonce, and the id that was asked for."""
    text = re.sub(r'nonce="[^"]*"', 'nonce=""', text)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|no-id", "ID", text)


@pytest.fixture(scope="module")
async def walks(server: Server, template: str) -> AsyncIterator[dict[str, Walk]]:
    """One walk while the incidents are open, one after they have closed."""
    made: dict[str, Walk] = {}
    for name in ("open", "closed"):
        async with server.copy_of(template) as dsn:
            pool = await connect(dsn, size=6)
            async with world(pool, closed=name == "closed") as there:
                paths = [path for path, _, _ in rows() if name == "open" or _OF_INCIDENTS.match(path)]
                made[name] = await walk(pool, there, paths)
            pool.terminate()
    yield made


def _all(walks: dict[str, Walk]) -> Iterator[tuple[str, Visit]]:
    for name, one in walks.items():
        for (path, who), visit in one.visits.items():
            yield f"{who} {path} ({name})", visit


def test_every_route_says_who_it_is_for() -> None:
    declared = {
        (route.method, route.path): route.audience.kind
        if route.audience.kind != "staff"
        else "".join(letter for letter, role in ROLES.items() if role in route.audience.roles)
        for route in all_routes()
    }
    assert set(ROLES.values()) == set(Role)
    assert declared == AUDIENCE_OF


def test_every_page_stands_in_the_table() -> None:
    pages = {path for method, path in AUDIENCE_OF if method == "GET"} - ENDLESS
    assert {route for _, route, _ in rows() if route != "-"} == pages
    assert set(CLOSED) <= {path for path, _, _ in rows() if _OF_INCIDENTS.match(path)}


def test_each_role_sees_its_own_and_nothing_else(walks: dict[str, Walk]) -> None:
    wrong = [
        f"{path}: got {got}, the table says {expected}"
        for path, _, expected in rows()
        if (got := walks["open"].statuses(path)) != expected
    ]
    assert not wrong, "\n".join(wrong)


def test_after_the_end_of_an_incident(walks: dict[str, Walk]) -> None:
    """The same as while it was open, but for what `CLOSED` says: coordinators no longer see the people."""
    wrong = [
        f"{path}: got {got}, expected {expected}"
        for path, _, while_open in rows()
        if _OF_INCIDENTS.match(path)
        and (got := walks["closed"].statuses(path)) != (expected := CLOSED.get(path, while_open))
    ]
    assert not wrong, "\n".join(wrong)


def test_what_is_somebody_elses_looks_like_what_does_not_exist(walks: dict[str, Walk]) -> None:
    wrong, compared = [], 0
    route_of = {path: route for path, route, _ in rows()}
    for name, one in walks.items():
        nothing = {route: path for path, route, _ in rows() if "{no_id}" in path and (path, "-") in one.visits}
        for (path, who), visit in one.visits.items():
            route = route_of[path]
            if path in NO_THINGS:
                continue
            if visit.status != 404 or route not in nothing:
                assert visit.status != 404 or "{token}" in route or "/sign-in" in route or route == "-", path
                continue
            compared += 1
            other = one.visits[nothing[route], who]
            if (visit.status, visit.text) != (other.status, other.text):
                wrong.append(f"{who} {path} ({name}):\n{visit.text[:300]}\n---\n{other.text[:300]}")
    assert not wrong, "\n".join(wrong)
    assert compared > 80


def test_looking_changes_nothing(walks: dict[str, Walk]) -> None:
    assert walks["open"].changed == TRACES_OF
    assert not walks["closed"].changed


def test_every_answer_carries_the_headers(walks: dict[str, Walk]) -> None:
    wrong = []
    for where, visit in _all(walks):
        headers, path = visit.headers, where.split(" ")[1]
        policy = headers.get("Content-Security-Policy", "")
        fine = (
            "default-src 'none'" in policy
            and "frame-ancestors 'none'" in policy
            and "unsafe" not in policy
            and "*" not in policy
            and headers.get("X-Content-Type-Options") == "nosniff"
            and headers.get("Referrer-Policy") == "no-referrer"
            and headers.get("X-Robots-Tag") == "noindex"
            and headers.get("Cache-Control") == CACHED.get(path, "no-store")
            and "Set-Cookie" not in headers
        )
        if not fine:
            wrong.append(f"{where}: {dict(headers)}")
    assert not wrong, "\n".join(wrong[:20])


def test_no_page_has_a_script_or_style_from_elsewhere(walks: dict[str, Walk]) -> None:
    for where, visit in _all(walks):
        if "text/html" in visit.headers.get("Content-Type", ""):
            assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=[\"']?(https?:)?//", visit.text), where
            assert not re.search(r"\son[a-z]+=[\"']", visit.text), where


def test_nobody_is_shown_an_error_of_ours(walks: dict[str, Walk]) -> None:
    assert not [where for where, visit in _all(walks) if visit.status >= 500]


@pytest.mark.parametrize("path", ["/dashboard/{no_id}", "/dashboard/{else_incident}", "/no/such/page"])
async def test_staff_get_a_page_in_their_language_when_there_is_nothing(db: Pool, path: str) -> None:
    async with world(db) as there:
        url = path.format(**there.ids)
        status, english, _ = await there.ask("E", url)
        _, japanese, _ = await there.ask("E", url + "?lang=ja")
        assert status == 404 and "<nav" in english and 'href="/dashboard"' in english
        assert "There is nothing here for you to see" in english
        assert "ここに表示できるものはありません" in japanese
        _, plain, _ = await there.ask("E", url, **{"X-Fragment": "1"})
        assert "<" not in plain, "a script gets no page to put into the middle of another"


async def test_half_a_link_says_so_to_a_resident(db: Pool) -> None:
    async with world(db) as there:
        status, text, _ = await there.ask("-", "/c/abc/def")
    assert status == 404 and "Check that you copied all of it" in text and "119" in text
