"""A volunteer joins by a group leader's QR code: a few times, for a short while, and never as anything else."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.clock import FixedClock
from core.db import Pool
from core.model import OrgKind, Role
from core.tokens import token_hash
from registry.volunteers import PASS_LIFE, sign_in_name_problem
from tests.authenticator import Authenticator, options_on
from tests.people import NOW, Org, make_org, make_staff
from tests.staff_site import Site, Visitor, staff_site

PASSWORD = "mountain river lamp"


async def leader_with_code(db: Pool, site: Site, uses: str = "5") -> tuple[Org, Visitor, str]:
    """A group leader whose page shows a QR code, and the path it opens."""
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    leader = await site.signed_in(network)
    html = await (await leader.submit("/team/qr", "/team/qr", {"uses": uses})).text()
    assert "<svg" in html
    return network, leader, await path_of(db, site, network)


async def path_of(db: Pool, site: Site, network: Org) -> str:
    row = await db.fetchrow(
        "SELECT id, token_enc, token_sha256 FROM volunteer_pass WHERE org_id = $1"
        " ORDER BY created_at DESC, id DESC LIMIT 1",
        network.id,
    )
    token = site.app_site.vault.decrypt(row["token_enc"], row["id"], "volunteer_pass.token_enc")
    assert token_hash(token) == row["token_sha256"]
    return f"/volunteer/{token}"


async def join(site: Site, path: str, **values: str) -> tuple[int, str, Visitor]:
    visitor = site.visitor()
    sent = {"name": "Mika", "email": "mika", "password": PASSWORD, "password_again": PASSWORD} | values
    async with visitor.client.post(path, data=sent, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location", ""), visitor


async def test_with_a_passkey_the_board_is_one_tap_away(db: Pool) -> None:
    async with staff_site(db) as site:
        network, leader, path = await leader_with_code(db, site)
        host = {"Host": f"localhost:{site.server.port}"}
        visitor = site.visitor()
        _, html = await visitor.get(path, headers=host)
        key = Authenticator(f"http://localhost:{site.server.port}")
        sent = {
            "name": "Mika",
            "email": "mika",
            "new_id": html.split('name="new_id" value="')[1].split('"')[0],
            "passkey": key.create(options_on(html, "create")),
        }
        async with visitor.client.post(path, data=sent, headers=host, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/board")
        async with visitor.client.get("/account/sessions", allow_redirects=False) as answer:
            assert answer.status == 200  # a whole session, without a password
        row = await db.fetchrow("SELECT org_id, role, password_hash FROM staff WHERE email = 'mika'")
        assert (row["org_id"], row["role"], row["password_hash"]) == (network.id, "volunteer", None)
        _, html = await leader.get("/team/qr")
        assert "Mika" in html
        async with visitor.client.post(path, data=sent, headers=host, allow_redirects=False) as answer:
            assert answer.status == 400  # the same answer a second time
        # Leaving the account without a password is not asked of who has a passkey.
        async with visitor.client.get("/account", allow_redirects=False) as answer:
            assert answer.status == 200


async def test_a_passkey_answer_for_another_account_makes_none(db: Pool) -> None:
    async with staff_site(db) as site:
        _, _, path = await leader_with_code(db, site)
        victim = await make_staff(db, (await make_org(db)).id, Role.EMPLOYER)
        host = {"Host": f"localhost:{site.server.port}"}
        _, html = await site.visitor().get(path, headers=host)
        answer = Authenticator(f"http://localhost:{site.server.port}").create(options_on(html, "create"))
        for new_id in (str(victim), "no-id", ""):
            sent = {"name": "Mika", "email": "mika", "new_id": new_id, "passkey": answer}
            async with site.visitor().client.post(path, data=sent, headers=host, allow_redirects=False) as response:
                assert response.status == 400
        assert await db.fetchval("SELECT count(*) FROM passkey") == 0


async def test_with_a_password_the_second_factor_comes_next(db: Pool) -> None:
    async with staff_site(db) as site:
        _, _, path = await leader_with_code(db, site)
        status, location, visitor = await join(site, path)
        assert (status, location) == (303, "/board")
        async with visitor.client.get("/account/sessions", allow_redirects=False) as answer:
            assert answer.headers["Location"].startswith("/account/second-factor?")
        response = await visitor.client.post(
            "/sign-in", data={"email": "MIKA", "password": PASSWORD}, allow_redirects=False
        )
        assert response.status == 303


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": " "}, 400),
        ({"email": "m k"}, 400),
        ({"email": "mika@"}, 400),
        ({"email": ""}, 400),
        ({"password": "short", "password_again": "short"}, 400),
        ({"password_again": "another long one"}, 400),
        ({"passkey": "{}"}, 400),
        ({"email": "mika@north.example"}, 303),
        ({"role": "operator", "org": "x"}, 303),
    ],
)
async def test_what_a_volunteer_types(db: Pool, change: dict[str, str], status: int) -> None:
    async with staff_site(db) as site:
        _, _, path = await leader_with_code(db, site)
        assert (await join(site, path, **change))[0] == status
        roles = [r["role"] for r in await db.fetch("SELECT role FROM staff WHERE name = 'Mika'")]
        assert roles == (["volunteer"] if status == 303 else [])
        assert await db.fetchval("SELECT uses_left FROM volunteer_pass") == (4 if status == 303 else 5)


async def test_a_name_that_is_taken_uses_nothing_up(db: Pool) -> None:
    async with staff_site(db) as site:
        _, _, path = await leader_with_code(db, site)
        assert (await join(site, path))[0] == 303
        assert (await join(site, path, email="Mika"))[0] == 409
        assert await db.fetchval("SELECT uses_left FROM volunteer_pass") == 4


async def test_six_at_once_on_a_code_for_five(db: Pool) -> None:
    async with staff_site(db) as site:
        _, _, path = await leader_with_code(db, site)
        answers = await asyncio.gather(*(join(site, path, email=f"mika{n}") for n in range(6)))
        assert sorted(status for status, _, _ in answers) == [303] * 5 + [404]
        assert (await site.visitor().get(path))[0] == 404


async def test_the_code_ends_by_time_by_the_leader_by_a_new_one_and_with_the_leader(db: Pool) -> None:
    clock = FixedClock(NOW)
    async with staff_site(db, clock=clock) as site:
        network, leader, first = await leader_with_code(db, site)
        await leader.submit("/team/qr", "/team/qr/end")
        assert (await join(site, first))[0] == 404
        await leader.submit("/team/qr", "/team/qr", {"uses": "10"})
        second = await path_of(db, site, network)
        assert (await site.visitor().get(second))[0] == 200
        clock.advance(PASS_LIFE)
        assert (await join(site, second))[0] == 404
        network, _, third = await leader_with_code(db, site)
        await db.execute("UPDATE staff SET disabled_at = $1 WHERE id = $2", NOW, network.staff_id)
        assert (await join(site, third))[0] == 404


async def test_the_leader_removes_in_one_tap_and_only_their_own(db: Pool) -> None:
    async with staff_site(db) as site:
        _, leader, path = await leader_with_code(db, site)
        _, _, visitor = await join(site, path)
        mika = await db.fetchval("SELECT id FROM staff WHERE name = 'Mika'")
        _, other, _ = await leader_with_code(db, site)
        _, html = await other.get("/team/qr")
        token = {"form_token": html.split('name="form_token" value="')[1].split('"')[0]}
        assert (await other.post(f"/team/qr/remove/{mika}", token))[0] == 404
        assert (await leader.submit("/team/qr", f"/team/qr/remove/{mika}")).status == 200
        async with visitor.client.get("/account", allow_redirects=False) as answer:
            assert answer.headers["Location"].startswith("/sign-in")


async def test_making_a_code_asks_for_the_second_factor_again(db: Pool) -> None:
    clock = FixedClock(NOW)
    async with staff_site(db, clock=clock) as site:
        network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
        await db.execute("INSERT INTO totp VALUES ($1, 'x', NULL, 0, $2)", network.staff_id, NOW)
        leader = await site.signed_in(network)
        clock.advance(timedelta(minutes=10))
        response = await leader.submit("/team/qr", "/team/qr", {"uses": "5"}, allow_redirects=False)
        assert response.headers["Location"].startswith("/step-up?held=")
        assert await db.fetchval("SELECT count(*) FROM volunteer_pass") == 0


@pytest.mark.parametrize(
    ("name", "good"),
    [("mika", True), ("ミカ_2", True), ("mi", False), ("m" * 31, False), ("a b c", False), ("<b>x</b>", False),
     ("mika@north.example", True), ("mika@north", False)],
)  # fmt: skip
def test_names_to_sign_in_with(name: str, good: bool) -> None:
    assert (sign_in_name_problem(name) is None) is good
