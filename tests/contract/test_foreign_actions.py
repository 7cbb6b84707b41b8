"""Actions (POST) with a valid form on somebody else's things: answered as if they did not exist, and nothing changes.

Which routes there are comes from `AUDIENCE_OF`; an action on a thing that is not described here fails the first test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from core.db import Pool
from core.model import Answer
from tests.contract.route_table import AUDIENCE_OF, ROLES
from tests.route_world import HOME, World, world
from tests.table_digest import TRACES, Digest

#: Action -> the kind of thing its path names, and what a filled-in form says besides.
ACTS: dict[str, tuple[str, dict[str, str]]] = {
    "/account/sessions/{id}/end": ("session", {}),
    "/account/second-factor/passkey/{id}/remove": ("passkey", {}),
    "/account/contacts/{id}/send": ("staff_contact", {}),
    "/account/contacts/{id}/confirm": ("staff_contact", {"code": "000000"}),
    "/account/contacts/{id}/remove": ("staff_contact", {}),
    "/account/alert-links/{id}/end": ("staff_link", {}),
    "/sign-in-help/{id}": ("colleague", {}),
    "/sign-in-help/{id}/end": ("colleague", {}),
    "/team/qr/remove/{id}": ("volunteer", {}),
    "/team/deputies/{id}/end": ("deputy", {}),
    "/duty/{id}/end": ("duty", {}),
    "/team/{id}/disable": ("colleague", {}),
    "/import/{run}": ("run", {}),
    "/import/{run}/columns": ("run", {}),
    "/import/{run}/undo": ("run", {}),
    "/import/{run}/discard": ("run", {}),
    "/people/{id}/invitation": ("person", {}),
    "/people/{id}/end": ("person", {"end_date": "2026-11-20"}),
    "/people/{id}/new-link": ("person", {}),
    "/people/{id}/household": ("person", {"household": "1"}),
    "/people/{id}/away": ("person", {"do": "propose", "kind": "away", "until": "2026-11-28"}),
    "/posters/{id}/end": ("poster", {}),
    "/sites/{id}": ("dorm", {"landline": "096-312-0000", "shift": "night"}),
    "/sites/{id}/landline": ("dorm", {}),
    "/dashboard/{incident_id}/answer": ("incident", {"said": "ok"}),
    "/board/{purpose}/{kind}/{id}/claim": ("dorm", {}),
    "/board/{purpose}/{kind}/{id}/release": ("dorm", {}),
    "/board/{purpose}/{kind}/{id}/outcome": ("dorm", {"note": "went there"}),
    "/board/{purpose}/{kind}/{id}/note": ("dorm", {"note": "going there"}),
    "/board/{purpose}/{kind}/{id}/reveal": ("dorm", {"why": "call", "who": "resident:{person}"}),
    "/board/break-glass/{id}/open": ("approval", {}),
    "/board/break-glass/{id}/end": ("glass", {}),
    "/board/protect/{id}": ("case", {}),
    "/api-tokens/{id}/revoke": ("token", {}),
    "/api-tokens/webhooks/{id}/again": ("webhook", {}),
    "/api-tokens/webhooks/{id}/end": ("webhook", {}),
}
#: Actions whose id names no organisation's thing: any second person of the right role may decide.
OF_NOBODY = {"/approvals/{id}", "/alarms/{id}", "/manual/{id}", "/held/{id}", "/rules/{hazard}", "/sending/{id}/stop",
             "/sending/{id}/cancel", "/wording/{lang}/{key}", "/wording-file/{lang}"}  # fmt: skip

#: Whose things a role may act on besides its own organisation's; coordinators: everybody's, while an incident is open.
ALSO: dict[tuple[str, str], set[str]] = {
    ("S", "person"): {"employer", "sibling"},
    ("S", "dorm"): {"employer", "sibling"},
    ("S", "colleague"): {"employer", "sibling"},
    ("O", "colleague"): {"*"},
    ("K", "dorm"): {"*"},
    ("V", "dorm"): {"*"},
    ("K", "case"): {"*"},
}
#: Ending an account is the organisation's own matter: a supervising one helps people back in, it ends nobody.
NARROWER = {"/team/{id}/disable": {("S", "colleague"): set[str]()}}
#: One's own session and passkey: not even a colleague's.
PERSONAL = {"session", "passkey", "staff_contact", "staff_link"}
#: What does not exist is answered with 404, but here: the refusal comes before the thing is looked for.
REFUSED = {
    "/board/break-glass/{id}/open": {409},
    "/account/second-factor/passkey/{id}/remove": {400, 404},
}
#: Things of staff exist in every organisation: these are enough to try.
TRIED = {"employer", "sibling", "else", "operator", "network", "union"}


def acts() -> Iterator[tuple[str, str]]:
    """Every action of staff on a thing, and the letters of the roles it is for."""
    for (method, path), letters in AUDIENCE_OF.items():
        if method == "POST" and "{" in path and letters not in ("public", "token", "api"):
            yield path, letters


def reachable(there: World, who: str, route: str, kind: str) -> set[str]:
    """The owners whose things of this kind a role may act on."""
    if kind in PERSONAL:
        return set()
    also = NARROWER.get(route, {}).get((who, kind), ALSO.get((who, kind), set()))
    own = {HOME[who]} & set(there.things[kind])
    return set(there.things[kind]) if "*" in also else own | also


def url_of(route: str, id_: str) -> str:
    url = route.replace("{purpose}", "live").replace("{kind}", "dorm")
    return re.sub(r"\{(id|run|incident_id)\}", id_, url)


def form_of(there: World, fields: dict[str, str], owner: str = "else") -> dict[str, str]:
    person = there.things["person"].get(owner, there.things["person"]["else"])
    filled = {name: value.format(person=person) for name, value in fields.items()}
    return filled | ({"resident": person} if filled.get("said") else {})


def _plain(text: str, *ids: str) -> str:
    text = re.sub(r'nonce="[^"]*"', 'nonce=""', text)
    for id_ in ids:
        text = text.replace(id_, "ID")
    return text


def test_every_action_on_a_thing_is_described() -> None:
    assert {path for path, _ in acts()} == set(ACTS) | OF_NOBODY


async def _foreign(there: World, digest: Digest) -> tuple[list[str], int]:
    """Every role, every action, everything that is not theirs: (what went wrong, how many were tried)."""
    wrong, tried = [], 0
    for route, letters in acts():
        kind, fields = ACTS.get(route, ("", {}))
        for who in letters if kind else "":
            nothing = str(there.ids["no_id"])
            said = await there.act(who, url_of(route, nothing), form_of(there, fields))
            expected = (said[0], _plain(said[1], nothing))
            if said[0] not in REFUSED.get(route, {404}):
                wrong.append(f"{who} {route}: what does not exist is answered with {said[0]}")
            mine = reachable(there, who, route, kind)
            for owner, id_ in there.things[kind].items():
                if owner in mine or (kind in PERSONAL | {"colleague", "deputy"} and owner not in TRIED | {HOME[who]}):
                    continue
                tried += 1
                status, text = await there.act(who, url_of(route, id_), form_of(there, fields, owner))
                if (status, _plain(text, id_)) != expected:
                    wrong.append(f"{who} {route} of {owner}: {status} instead of {expected[0]}\n{text[:300]}")
        if changed := await digest.changed():
            wrong.append(f"{route} on foreign things changed {changed}")
    return wrong, tried


async def test_foreign_things_do_not_exist_and_nothing_changes(db: Pool) -> None:
    async with world(db) as there:
        wrong, tried = await _foreign(there, await Digest.of(db))
    assert not wrong, "\n".join(wrong)
    assert tried > 250


async def test_after_the_end_coordinators_can_do_nothing_to_people(db: Pool) -> None:
    async with world(db, closed=True) as there:
        digest = await Digest.of(db)
        for route, letters in acts():
            kind, fields = ACTS.get(route, ("", {}))
            if kind not in ("dorm", "case") or not route.startswith("/board"):
                continue
            for who in letters:
                for owner, id_ in there.things[kind].items():
                    status, _ = await there.act(who, url_of(route, id_), form_of(there, fields, owner))
                    assert status == 404, f"{who} {route} of {owner}: {status}"
        assert not await digest.changed()
        # An employer keeps its list; an answer comes too late.
        incident = there.ids["incident"]
        values = {"resident": str(there.ids["person"]), "said": "ok"}
        assert (await there.act("E", f"/dashboard/{incident}/answer", values))[0] == 409
        assert not await digest.changed()


async def test_own_things_are_really_reached(db: Pool) -> None:
    """Else the test above would prove nothing: the same actions on one's own things do not answer "not found"."""
    wrong, tried = [], 0
    async with world(db) as there:
        last = re.compile(r"/(end|remove|disable|discard|revoke|protect)(/|$)|sign-in-help|outcome")
        for route, letters in sorted(acts(), key=lambda act: (bool(last.search(act[0])), act[0])):
            kind, fields = ACTS.get(route, ("", {}))
            for who in letters if kind else "":
                for owner in sorted(reachable(there, who, route, kind)):
                    if kind == "colleague" and (owner == "operator" or route.startswith("/sign-in-help")):
                        continue  # whoever lost access would be out of the rest of this walk
                    status, text = await there.act(
                        who, url_of(route, there.things[kind][owner]), form_of(there, fields, owner)
                    )
                    tried += 1
                    if status in (404, 500, 403) and (who, route, owner) not in GONE_MEANWHILE:
                        wrong.append(f"{who} {route} of {owner}: {status}\n{text[:200]}")
    assert not wrong, "\n".join(wrong)
    assert tried > 60


#: What the employer itself has ended a moment earlier in the same walk.
GONE_MEANWHILE = {("S", "/people/{id}/end", "employer")}


# ---------------------------------------------------------------- ids inside forms

#: Who, path, fields: foreign ids in the form of one's own page. The foreign rows stay as they are.
FORMS = (
    ("E", "/dashboard/{incident}/answer", {"resident": "{else_person}", "said": "help"}),
    ("E", "/dashboard/{incident}/answer", {"resident": "{sibling_person}", "said": "help"}),
    ("C", "/dashboard/{group_incident}/answer", {"resident": "{person}", "said": "ok"}),
    ("E", "/dashboard/{else_incident}/answer", {"resident": "{person}", "said": "ok"}),
    ("E", "/sites/{dorm}", {"leader": "r:{else_person}", "deputy": "s:{else_clerk}"}),
    ("E", "/sites/{dorm}", {"leader": "r:{sibling_person}", "deputy": "r:{else_person}"}),
    ("S", "/sites/{dorm}", {"leader": "r:{sibling_person}", "deputy": "s:{else_clerk}"}),
    ("E", "/sites", {"name": "New", "kind": "dorm", "org": "{else_org}", "postal_code": "861-2242"}),
    ("S", "/sites", {"name": "New", "kind": "dorm", "org": "{else_org}", "postal_code": "861-2242"}),
    ("E", "/people/new", {"org": "{else_org}", "name": "New Person", "language": "vi", "dorm": "{else_dorm_name}"}),
    ("S", "/people/new", {"org": "{else_org}", "name": "New Person", "language": "vi", "employer": "{else_org_name}"}),
    ("E", "/people/new", {"org": "{employer}", "name": "X", "language": "vi", "employee_id": "else-1"}),
    ("E", "/team/invite", {"org": "{else_org}", "email": ""}),
    ("S", "/team/invite", {"org": "{else_org}", "email": ""}),
    ("K", "/team/invite", {"org": "{else_org}", "role": "operator"}),
    ("S", "/team/employer", {"name": "{else_org_name}"}),
    ("E", "/api-tokens", {"org": "{else_org}", "name": "HR", "days": "90", "scope people:read": "1"}),
    ("S", "/api-tokens", {"org": "{else_org}", "name": "HR", "days": "90", "scope people:read": "1"}),
    ("P", "/api-tokens", {"org": "{else_org}", "name": "HR", "days": "90", "scope status:read": "1"}),
    ("K", "/board/live/dorm/{dorm}/outcome", {"case-{else_case}": "ok"}),
    ("K", "/board/live/dorm/{dorm}/reveal", {"why": "call", "who": "resident:{else_person}"}),
    ("K", "/board/live/dorm/{dorm}/reveal", {"why": "call", "who": "staff:{else_clerk}"}),
    ("V", "/board/live/dorm/{dorm}/reveal", {"why": "visit", "who": "resident:{else_person}"}),
)

SQL_ROWS_ABOUT = """
SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM (
    SELECT to_jsonb(t)::text AS line FROM {table} t) AS lines
WHERE line LIKE ANY($1::text[])
"""


async def rows_about(db: Pool, tables: list[str], ids: list[str]) -> dict[str, str]:
    """A fingerprint per table of the rows in which one of these ids stands."""
    patterns = [f"%{id_}%" for id_ in ids]
    found = {}
    for table in tables:
        found[table] = await db.fetchval(SQL_ROWS_ABOUT.format(table=table), patterns)
    return found


@pytest.mark.parametrize("start", range(0, len(FORMS), 12))
async def test_foreign_ids_in_ones_own_form_touch_nothing_foreign(db: Pool, start: int) -> None:
    async with world(db) as there:
        foreign = there.orgs["else"]
        names = {str(row["id"]): row["name"] for row in await db.fetch("SELECT id, name FROM organisation")}
        dorm_name = await db.fetchval("SELECT name FROM site WHERE id = $1", there.ids["else_dorm"])
        ids = there.ids | {
            "else_clerk": foreign.staff_id,
            "else_dorm_name": dorm_name,
            "else_org_name": names[str(foreign.id)],
        }
        tables = [
            row["relname"]
            for row in await db.fetch(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
            if row["relname"] not in TRACES
        ]
        theirs = [str(foreign.id), str(foreign.staff_id), str(ids["else_person"]), str(ids["else_dorm"])]
        before = await rows_about(db, tables, theirs)
        for who, path, fields in FORMS[start : start + 12]:
            filled = {name.format(**ids): value.format(**ids) for name, value in fields.items()}
            status, text = await there.act(who, path.format(**ids), filled)
            assert status < 500, f"{who} {path}: {text[:300]}"
            after = await rows_about(db, tables, theirs)
            changed = [table for table in tables if before[table] != after[table]]
            assert not changed, f"{who} {path} {fields} changed {changed}"


# ---------------------------------------------------------------- links of people

#: Kind of link -> the first part of its pages' paths.
LINKS = {"c": "/c/", "l": "/l/", "p": "/p/", "e": "/e/", "f": "/f/", "w": "/w/", "enter": "/enter/", "join": "/join/",
         "volunteer": "/volunteer/"}  # fmt: skip
#: A personal link opens the invitation's page until the person has enrolled, and their own page always.
SAME_LINK = {("p", "e"), ("e", "p")}


async def test_a_link_opens_its_own_kind_of_page_only(db: Pool) -> None:
    """A family's or a leader's link is worth nothing on a person's own page, and so on; nor do forms sent there."""
    wrong = []
    async with world(db) as there:
        digest = await Digest.of(db)
        for method, path in AUDIENCE_OF:
            kind = next((kind for kind, begins in LINKS.items() if path.startswith(f"{begins}{{token}}")), None)
            if kind is None or method == "HEAD":
                continue
            for other in LINKS:
                if other == kind or (kind, other) in SAME_LINK:
                    continue
                url = path.replace("{token}", str(there.ids[other]))
                fields = {"answer": Answer.OK.value, "do": "back", "resident": str(there.ids["person"])}
                status, text, _ = await there.ask_session("", url, method, fields)
                gone = await there.ask_session("", path.replace("{token}", str(there.ids["no_token"])), method, fields)
                if (status, _plain(text, str(there.ids[other]))) != (gone[0], _plain(gone[1], there.ids["no_token"])):
                    wrong.append(f"{method} {path} with the link {other}: {status}")
                if status not in (404, 410):
                    wrong.append(f"{method} {path} with the link {other}: {status}")
            if changed := await digest.changed():
                wrong.append(f"{method} {path} changed {changed}")
    assert not wrong, "\n".join(wrong)


async def test_a_role_is_worth_nothing_on_a_persons_link(db: Pool) -> None:
    """Signed in or not, in whatever role: a link page is the same page."""
    async with world(db) as there:
        for kind in ("c", "l", "p", "e", "f", "w"):
            url = f"{LINKS[kind]}{there.ids[kind]}"
            fresh = r'(nonce|name="new_id" value|name="form_id" value|name="once" value)="[^"]*"'
            seen = {re.sub(fresh, "", (await there.ask(who, url))[1]) for who in ("-", *ROLES)}
            assert len(seen) == 1, url
