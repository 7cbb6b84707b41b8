"""From an empty database to a finished set-up, through pages and forms alone."""

from __future__ import annotations

from typing import Any

from core.db import Connection, Pool
from registry.setup import ensure_first_operator
from tests.imports_kit import Clerk
from tests.pages import forms_of
from tests.people import NOW
from tests.staff_site import Visitor, form_to, staff_site

PASSWORD = "mountain river lamp"
HEARD: list[dict[str, object]] = [
    {"feed": "jma.eqvol", "last_heard_at": NOW, "newest_report_at": None, "state": "ok", "error": None},
    {"feed": "jma.extra", "last_heard_at": None, "newest_report_at": None, "state": "stale", "error": "timed out"},
]


async def feed_states(conn: Connection) -> list[dict[str, object]]:
    return HEARD


class Outbox:
    """What the test message went through."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []

    async def __call__(self, channel: str, address: str, lang: str) -> str:
        if address.endswith("0000"):
            raise RuntimeError("21211: not a valid number")
        self.sent.append((channel, address, lang))
        return "SM123"


def steps_left(html: str) -> int:
    return html.count('class="tag wait"') + html.count('class="tag off"')


def join_link(html: str) -> str:
    return html.split('id="link" value="')[1].split('"')[0].removeprefix("http://127.0.0.1")


async def join(visitor: Visitor, path: str, name: str, email: str) -> str:
    """Accept an invitation; the path of the page one lands on."""
    values = {"name": name, "email": email, "password": PASSWORD, "password_again": PASSWORD}
    response = await visitor.submit(path, "", values, allow_redirects=False)
    assert response.status == 303, await response.text()
    return response.headers["Location"]


async def test_the_operator_sets_everything_up(db: Pool) -> None:
    outbox = Outbox()
    extras: dict[str, Any] = {"feed_states": feed_states, "channels": {"console": object()}, "test_send": outbox}
    token = await ensure_first_operator(db, NOW)
    async with staff_site(db, extras=extras) as site:
        operator = site.visitor()
        async with operator.client.post(f"/enter/{token}", allow_redirects=False) as response:
            assert response.headers["Location"] == "/account"
        account = {"name": "Kei", "email": "kei@kumamoto.example", "password": PASSWORD, "password_again": PASSWORD}
        await operator.submit("/account", "/account", account | {"language": "en"})
        _, html = await operator.get("/operator")
        assert "a password alone is not enough" in html
        await operator.add_app()
        _, html = await operator.get("/operator")
        assert steps_left(html) == 6  # account and feeds are done

        _, html = await operator.get("/operator")
        form = form_to(html, "/operator/region")
        await operator.post("/operator/region", {"form_token": form.values["form_token"], "prefecture": "43"})
        assert await db.fetchval("SELECT value FROM deployment WHERE key = 'region'") == ["43"]

        response = await operator.submit(
            "/operator", "/operator/organisation", {"kind": "employer", "name": "青空食品", "slug": ""}
        )
        assert response.status == 400 and "short name" in await response.text()
        response = await operator.submit(
            "/operator", "/operator/organisation", {"kind": "employer", "name": "青空食品", "slug": "aozora"}
        )
        invitation = join_link(await response.text())
        response = await operator.submit(
            "/operator", "/operator/organisation", {"kind": "employer", "name": "Other", "slug": "aozora"}
        )
        assert response.status == 409

        clerk = site.visitor()
        assert await join(clerk, invitation, "Hanako", "hanako@aozora.example") == "/dashboard"
        await clerk.add_app()
        await Clerk(clerk).take_over("氏名,言語,電話番号,自宅郵便番号\nThu,vi,09012345678,8612242\n")

        response = await operator.submit("/operator", "/operator/test", {"channel": "console", "address": "nonsense"})
        assert response.status == 400
        response = await operator.submit(
            "/operator", "/operator/test", {"channel": "console", "address": "09012340000"}
        )
        assert response.status == 502 and "21211" in await response.text()
        _, html = await operator.get("/operator")
        assert steps_left(html) == 2  # sending and coordinators
        response = await operator.submit(
            "/operator", "/operator/test", {"channel": "console", "address": "09012345678"}
        )
        assert "SM123" in await response.text()
        assert outbox.sent == [("console", "+819012345678", "en")]

        _, html = await operator.get("/operator")
        network = [f for f in forms_of(html) if f.values.get("kind") == "volunteer_network"][0]
        _, html = await operator.post("/operator/organisation", network.values | {"slug": "kvoad"})
        coordinator = site.visitor()
        assert await join(coordinator, join_link(html), "Jun", "jun@kvoad.example") == "/board"

        _, html = await operator.get("/operator")
        assert steps_left(html) == 0 and "Set-up is complete" in html
        assert "Thu" not in html  # the operator sees numbers, not people
        assert (await operator.get("/people"))[0] == 403
        assert await ensure_first_operator(db, NOW) is None


async def test_a_volunteer_is_invited_as_volunteer_and_an_employer_never(db: Pool) -> None:
    token = await ensure_first_operator(db, NOW)
    async with staff_site(db) as site:
        operator = site.visitor()
        await operator.client.post(f"/enter/{token}")
        account = {"name": "Kei", "email": "kei@kumamoto.example", "password": PASSWORD, "password_again": PASSWORD}
        await operator.submit("/account", "/account", account)
        await operator.add_app()
        for slug, kind in (("kvoad", "volunteer_network"), ("aozora", "employer")):
            _, html = await operator.get("/operator?lang=en")
            form = form_to(html, "/operator/organisation")
            await operator.post("/operator/organisation", form.values | {"name": slug, "slug": slug, "kind": kind})
        for slug, role in (("kvoad", "volunteer"), ("aozora", "employer")):
            org = await db.fetchval("SELECT id FROM organisation WHERE slug = $1", slug)
            values = {"org": str(org), "role": "volunteer"}
            response = await operator.submit("/operator", "/operator/invitation", values)
            visitor = site.visitor()
            await join(visitor, join_link(await response.text()), slug, f"{slug}@example.jp")
            assert await db.fetchval("SELECT role FROM staff WHERE email = $1", f"{slug}@example.jp") == role
