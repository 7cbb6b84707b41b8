"""No action without its form, from another site, or in a session that has not proved enough; programs open no page."""

from __future__ import annotations

import re

from core.db import Pool
from tests.contract.route_table import AUDIENCE_OF, ROLES
from tests.people import VAULT
from tests.route_world import World, world
from tests.table_digest import Digest

#: Pages and actions that half a session may reach: what is missing is mended there. Letter: what the session lacks
#: (w: a password, s: a second factor, p: to show the one it has).
HALF = {
    ("GET", "/account"): "ws",
    ("POST", "/account"): "ws",
    ("POST", "/sign-out"): "wsp",
    ("GET", "/second-factor"): "p",
    ("POST", "/second-factor"): "p",
    ("GET", "/account/second-factor"): "s",
    ("GET", "/account/second-factor/app"): "s",
    ("POST", "/account/second-factor/app"): "s",
    ("POST", "/account/second-factor/app/confirm"): "s",
    ("POST", "/account/second-factor/passkey"): "s",
}
#: Answers of machines: a provider's signature, a browser's push service. They carry no cookie and no form.
MACHINES = re.compile(r"^/(push/|t/)")


def _staff(method: str) -> list[tuple[str, str]]:
    return [
        (path, letters)
        for (m, path), letters in AUDIENCE_OF.items()
        if m == method and letters not in ("public", "token", "api")
    ]


def _url(there: World, path: str) -> str:
    path = path.replace("{purpose}", "live").replace("{kind}", "dorm")
    return re.sub(r"\{(?!token)\w+\}", str(there.ids["incident"]), path)


async def test_no_action_without_the_right_role_nor_without_its_form(db: Pool) -> None:
    async with world(db) as there:
        digest = await Digest.of(db)
        for path, letters in _staff("POST"):
            url = _url(there, path)
            status, _, location = await there.ask("-", url, "POST")
            assert (status, location) == (303, "/sign-in"), url
            for who in ROLES:
                status, text, _ = await there.ask(who, url, "POST")
                assert status == 403, f"{who} {url}"
                sentence = "This form has expired" if who in letters else "This page is not for your role"
                assert sentence in text, f"{who} {url}"
        assert not await digest.changed()


async def test_no_action_from_another_site(db: Pool) -> None:
    """With the right cookie and form token, but from a page of somebody else; or with another session's form token."""
    foreign: list[dict[str, str]] = [
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ]
    async with world(db) as there:
        digest = await Digest.of(db)
        for path, letters in _staff("POST"):
            who, url = letters[0], _url(there, path)
            for headers in foreign:
                status, text = await there.act(who, url, {}, **headers)
                assert status == 403 and "This form has expired" in text, f"{who} {url} {headers}"
            other = next(letter for letter in ROLES if letter != who)
            token = {"form_token": VAULT.form_token(there.sessions[other])}
            assert (await there.ask(who, url, "POST", token))[0] == 403, url
        assert not await digest.changed()


async def test_no_form_of_a_link_from_another_site(db: Pool) -> None:
    names = {"/c/": "c", "/l/": "l", "/p/": "p", "/e/": "e", "/w/": "w", "/enter/": "enter", "/join/": "join",
             "/volunteer/": "volunteer", "/a/": "a"}  # fmt: skip
    wrong = []
    async with world(db) as there:
        digest = await Digest.of(db)
        for (method, path), audience in AUDIENCE_OF.items():
            if method != "POST" or audience not in ("public", "token") or MACHINES.match(path):
                continue
            token = next((str(there.ids[name]) for begins, name in names.items() if path.startswith(begins)), "")
            url = path.replace("{token}", token)
            fields = {"answer": "ok", "do": "away", "C1": "1", "name": "X", "email": "x@x.example", "password": "x"}
            status, _, _ = await there.ask_session("", url, "POST", fields, Origin="https://evil.example")
            if status not in (403, 404):
                wrong.append(f"{url}: {status}")
            if changed := await digest.changed():
                wrong.append(f"{url} changed {changed}")
    assert not wrong, "\n".join(wrong)


async def test_half_a_session_opens_what_mends_it_and_nothing_else(db: Pool) -> None:
    """The second factor stands before every page and action, also for roles that may open them."""
    wrong = []
    async with world(db) as there:
        digest = await Digest.of(db)
        for lacks, sessions, mended_at in (
            ("w", there.no_password, "/account"),
            ("p", there.unproven, "/second-factor"),
        ):
            for method in ("GET", "POST"):
                for path, letters in _staff(method):
                    for who in letters:
                        if path == "/events/stream" or lacks in HALF.get((method, path), ""):
                            continue
                        data = {"form_token": VAULT.form_token(sessions[who])}
                        status, text, headers = await there.ask_session(sessions[who], _url(there, path), method, data)
                        location = headers.get("Location", "").partition("?")[0]
                        if (status, location, text) != (303, mended_at, ""):
                            wrong.append(f"{who} {method} {path} ({lacks}): {status} {location}")
        assert not await digest.changed()
        for who, session in there.unproven.items():
            status, _, _ = await there.ask_session(session, "/events/stream", Accept="text/event-stream")
            assert status == 401, who
    assert not wrong, "\n".join(wrong)


async def test_half_a_session_reaches_what_mends_it(db: Pool) -> None:
    async with world(db) as there:
        for who in ROLES:
            assert (await there.ask_session(there.no_password[who], "/account"))[0] == 200
            status, _, _ = await there.ask_session(there.unproven[who], "/second-factor")
            assert status == 200, who


async def test_a_programs_token_opens_no_page(db: Pool) -> None:
    """Nor does a session open the API: the two kinds of callers never mix."""
    async with world(db) as there:
        digest = await Digest.of(db)
        token = {"Authorization": f"Bearer {there.ids['api_employer']}"}
        for method in ("GET", "POST"):
            for path, _ in _staff(method):
                status, _, headers = await there.ask_session("", _url(there, path), method, {}, **token)
                wanted = headers.get("Location", "").partition("?")[0]
                assert (status, wanted) == (303, "/sign-in"), path
        for (method, path), audience in AUDIENCE_OF.items():
            if audience == "api" and method != "HEAD":
                status, _, _ = await there.ask_session(there.sessions["E"], _url(there, path), method, {})
                assert status == 401, path
        assert not await digest.changed()
