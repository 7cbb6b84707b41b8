"""The pages about texts: who may do what, what is said afterwards, files in and out, and the walls of the database."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from aiohttp import FormData

from alerts.deps import Deps
from alerts.review import May, Reviewer
from alerts.wording_book import WordingBook
from alerts.wording_file_web import ROUTES as FILES
from alerts.wording_people_web import ROUTES as PEOPLE
from alerts.wording_store import grant, refresh
from alerts.wording_web import ROUTES as TEXTS
from core import po
from core.audit import Actor
from core.clock import FixedClock
from core.db import Pool, ScopedPool, StatementRefused, transaction
from core.model import OrgKind, Role
from core.po import ReviewState
from registry.access import scope_of
from tests.alerts_kit import CATALOGS, still_deps
from tests.people import NOW, Org, make_org, make_staff
from tests.staff_site import Site, Visitor, staff_site

KEY, OLD = "do.landslide.extreme", CATALOGS.entry("vi", "do.landslide.extreme").text
NEW = OLD.replace("Rời xa", "Tránh xa")
PAGE = f"/wording/vi/{KEY}"


@dataclass
class Desk:
    """An operator and three translators of Vietnamese, each with the rights in brackets."""

    pool: Pool
    site: Site
    deps: Deps
    book: WordingBook
    office: Org
    operator: Visitor
    anna: Visitor  # (translate)
    binh: Visitor  # (translate, review)
    chi: Visitor  # (approve)
    ids: dict[str, UUID]

    async def post(self, visitor: Visitor, page: str, /, **fields: str) -> tuple[int, str]:
        _, html = await visitor.get(page)
        token = re.findall(r'name="form_token" value="([^"]+)"', html)[-1]
        return await visitor.post(page, {**fields, "form_token": token}, allow_redirects=False)

    async def of(self, visitor: Visitor, page: str = PAGE) -> str:
        """The fingerprint of the text that the page offers to judge first."""
        _, html = await visitor.get(page)
        return str(re.findall(r'name="of" value="([^"]+)"', html)[0])


@asynccontextmanager
async def desk(db: Pool) -> AsyncIterator[Desk]:
    clock = FixedClock(NOW)
    book = WordingBook(CATALOGS)
    deps = replace(still_deps(db, clock), catalogs=book)
    office = await make_org(db, OrgKind.OPERATOR)
    rights = {"anna": {May.TRANSLATE}, "binh": {May.TRANSLATE, May.REVIEW}, "chi": {May.APPROVE}}
    ids = {name: await make_staff(db, office.id, Role.TRANSLATOR, name=name) for name in rights}
    async with transaction(db) as conn:
        for name, may in rights.items():
            who = Reviewer(ids[name], "vi", f"r-{name}", frozenset(may))
            assert await grant(conn, who, Actor("operator"), office.staff_id, NOW)
    routes = [*TEXTS, *FILES, *PEOPLE]
    async with staff_site(db, clock=clock, extras={"deps": deps}, more_routes=routes) as site:
        site.app_site.catalogs = book
        people = {name: await site.signed_in_as(ids[name]) for name in rights}
        yield Desk(db, site, deps, book, office, await site.signed_in(office), **people, ids=ids)


async def test_a_text_goes_from_draft_to_field_tested(db: Pool) -> None:
    async with desk(db) as at:
        status, html = await at.post(at.anna, PAGE, step="check", text=NEW)
        assert status == 200 and "mark" in html and at.book.say("vi", KEY) == OLD
        assert await at.pool.fetchval("SELECT count(*) FROM wording_review") == 0, "checking keeps nothing"
        assert (await at.post(at.anna, PAGE, step="propose", text=NEW))[0] == 303
        assert at.book.say("vi", KEY) == OLD, "one person's word is not said"
        of = await at.of(at.binh)
        status, html = await at.post(at.anna, PAGE, step="review", of=of)
        assert status == 409 and "You have not been given this" in html
        assert (await at.post(at.binh, PAGE, step="review", of=of))[0] == 303
        assert at.book.say("vi", KEY) == NEW and at.book.state("vi", KEY) is ReviewState.REVIEWED
        status, html = await at.post(at.chi, PAGE, step="approve", of=of, back_translation="")
        assert status == 409 and "back-translation first" in html
        assert (await at.post(at.chi, PAGE, step="approve", of=of, back_translation="Stay away now"))[0] == 303
        assert at.book.may_go_alone("vi", KEY)
        numbers = {"asked": "5", "understood": "4", "waited": "0"}
        assert (await at.post(at.binh, PAGE, step="field_test", of=of, **numbers))[0] == 303
        assert at.book.state("vi", KEY) is ReviewState.FIELD_TESTED
        _, html = await at.anna.get(PAGE)
        assert "Stay away now" in html and "r-chi" in html and "Understood: 4" in html
        rows = await at.pool.fetch("SELECT action FROM audit WHERE action LIKE 'wording.%' ORDER BY id")
        actions = [row["action"] for row in rows]
        assert actions[-4:] == ["wording.propose", "wording.review", "wording.approve", "wording.field_test"]


async def test_an_approved_text_stays_until_its_successor_is_approved(db: Pool) -> None:
    async with desk(db) as at:
        of = await at.of(at.binh)
        await at.post(at.binh, PAGE, step="review", of=of)
        await at.post(at.chi, PAGE, step="approve", of=of, back_translation="Leave the slope")
        assert at.book.may_go_alone("vi", KEY)
        await at.post(at.anna, PAGE, step="propose", text=NEW)
        of_new = await at.of(at.binh)
        assert of_new != of
        await at.post(at.binh, PAGE, step="review", of=of_new)
        assert at.book.say("vi", KEY) == OLD and at.book.may_go_alone("vi", KEY)
        await at.post(at.chi, PAGE, step="approve", of=of_new, back_translation="Avoid the slope")
        assert at.book.say("vi", KEY) == NEW and at.book.may_go_alone("vi", KEY)
        status, html = await at.post(at.binh, PAGE, step="send_back", of=of_new, note="reads like advice")
        assert status == 303 and at.book.state("vi", KEY) is ReviewState.DRAFT and at.book.say("vi", KEY) == NEW


async def test_a_rule_for_words_refuses_and_another_process_hears_at_its_next_look(db: Pool) -> None:
    async with desk(db) as at:
        for bad in ("Đi {place} ngay.", "避難勧告", "Đi", OLD.replace(".", " " + "rất dài " * 30, 1)):
            status, html = await at.post(at.anna, PAGE, step="propose", text=bad)
            assert status == 400 and "A rule for words forbids" in html
        await at.post(at.anna, PAGE, step="propose", text=NEW)
        await at.post(at.binh, PAGE, step="review", of=await at.of(at.binh))
        elsewhere = WordingBook(CATALOGS)
        await refresh(db, elsewhere)
        assert elsewhere.say("vi", KEY) == NEW and elsewhere.newest == at.book.newest


async def test_what_was_judged_meanwhile_is_not_judged_again(db: Pool) -> None:
    async with desk(db) as at:
        of = await at.of(at.binh)
        await at.post(at.binh, PAGE, step="review", of=of)
        status, html = await at.post(at.chi, PAGE, step="review", of=of)
        assert status == 409 and "not in the state" in html
        status, html = await at.post(at.chi, PAGE, step="approve", of="0" * 12, back_translation="x y")
        assert status == 409 and "changed meanwhile" in html


async def test_lists_show_what_one_can_do_and_find_texts(db: Pool) -> None:
    async with desk(db) as at:
        status, html = await at.binh.get("/wording/vi?show=mine&part=alerts")
        assert status == 200 and "do.before_dark" in html
        await at.post(at.binh, PAGE, step="review", of=await at.of(at.binh))
        _, html = await at.binh.get("/wording/vi?q=Rời+xa+sườn&show=all")
        assert KEY in html and "reviewed" in html
        _, html = await at.binh.get(f"/wording/vi?show=mine&prefix=do.&q={KEY}")
        assert KEY + "</code>" not in html, "the same person does not approve it"
        _, html = await at.chi.get("/wording/vi?show=reviewed")
        assert "Texts: 1" in html
        _, html = await at.anna.get("/wording")
        assert "Tiếng Việt" in html and "r-anna" in html
        assert (await at.anna.get("/wording/xx"))[0] == 404
        assert (await at.anna.get("/wording/vi/no.such"))[0] == 404
        assert (await at.anna.get("/wording/vi/staff.title"))[0] == 404
        status, html = await at.anna.get(f"/wording/ur/{KEY}")
        assert 'dir="rtl"' in html and "<textarea" not in html, "other languages are read only"


async def _upload(at: Desk, visitor: Visitor, body: str, name: str = "vi.po") -> tuple[int, str]:
    _, html = await visitor.get("/wording-file/vi")
    data = FormData()
    data.add_field("form_token", re.findall(r'name="form_token" value="([^"]+)"', html)[-1])
    data.add_field("po", body.encode(), filename=name, content_type="application/octet-stream")
    async with visitor.client.post("/wording-file/vi", data=data, allow_redirects=False) as response:
        return response.status, await response.text()


def _field(html: str, name: str) -> str:
    import html as entities

    return entities.unescape(re.findall(rf'name="{name}" value="([^"]*)"', html)[-1])


async def test_a_file_goes_out_and_comes_back_as_proposals(db: Pool) -> None:
    async with desk(db) as at:
        status, text = await at.anna.get("/wording-file/vi/export.po")
        assert status == 200 and text == po.text_of("vi", CATALOGS.entries("vi").values())
        entries = po.parse("vi.po", text.encode())
        changed = po.stamped(entries[KEY]._replace(text=NEW), ReviewState.APPROVED, by="me", on=NOW.date())
        bad = entries["do.landslide.severe"]._replace(text="避難勧告")
        entries |= {KEY: changed, bad.key: bad}
        status, html = await _upload(at, at.anna, po.text_of("vi", entries.values()))
        assert status == 200 and "new texts: 1" in html and "refused: 1" in html
        assert await at.pool.fetchval("SELECT count(*) FROM wording_review") == 0, "it was only compared"
        sent = {
            "step": "propose",
            "file": "vi.po",
            "changes": _field(html, "changes"),
            "form_token": _field(html, "form_token"),
        }
        assert (await at.anna.post("/wording-file/vi", sent, allow_redirects=False))[0] == 303
        row = await at.pool.fetchrow("SELECT * FROM wording_review")
        assert (row["text"], row["state"], row["live"], row["note"]) == (NEW, "draft", False, "vi.po")
        assert (await _upload(at, at.anna, "nonsense"))[0] == 400
        assert (await _upload(at, at.chi, text))[0] == 403, "who approves does not bring texts"


async def test_operators_say_who_works_on_what(db: Pool) -> None:
    async with desk(db) as at:
        form = {"step": "grant", "staff": str(at.ids["anna"]), "language": "my", "pseudonym": "r-anna"}
        assert (await at.post(at.operator, "/wording-people", **form))[0] == 400, "no right was chosen"
        assert (await at.post(at.operator, "/wording-people", **form, may="review"))[0] == 303
        taken = form | {"staff": str(at.ids["chi"]), "pseudonym": "R-Anna"}
        status, html = await at.post(at.operator, "/wording-people", **taken, may="review")
        assert status == 409 and "has this pseudonym" in html
        _, html = await at.anna.get("/wording")
        assert "/wording/my" in html
        assert (await at.post(at.operator, "/wording-people", **(form | {"step": "revoke"})))[0] == 303
        assert await at.pool.fetchval("SELECT revoked_at FROM wording_reviewer WHERE language = 'my'") == NOW
        status, html = await at.operator.get("/wording-people")
        assert "taken away" in html
        token = re.findall(r'name="form_token" value="([^"]+)"', html)[-1]
        status, html = await at.operator.post("/wording-people/invite", {"email": "", "form_token": token})
        assert status == 200
        join = re.findall(r"http://127\.0\.0\.1(/join/[^\"]+)", html)[0]
        invited = await at.pool.fetchval("SELECT role FROM staff_link WHERE kind = 'invitation'")
        assert invited == "translator" and (await at.site.visitor().get(join))[0] == 200
        for page in ("/wording-people", "/people", "/dashboard", "/team", "/board", "/audit"):
            assert (await at.anna.get(page))[0] in (403, 404), page


@pytest.mark.parametrize(
    ("who", "act", "said"),
    [
        ("anna", "review", "nobody judges a text of their own"),
        ("binh", "approve", "does not approve"),
    ],
)
async def test_the_database_holds_to_two_people(db: Pool, who: str, act: str, said: str) -> None:
    async with desk(db) as at:
        await at.post(at.anna, PAGE, step="propose", text=NEW)
        await at.post(at.binh, PAGE, step="review", of=await at.of(at.binh))
        sql = """
            INSERT INTO wording_review (language, key, act, text, of_text, file_of, state, live, staff_id, by_pseudonym,
                                        at, back_translation)
            SELECT language, key, $1, text, of_text, file_of, $2, true, $3, $4, at, 'back'
            FROM wording_review WHERE act = 'review'
        """
        state = {"review": "reviewed", "approve": "approved"}[act]
        with pytest.raises(StatementRefused, match=said):
            await at.pool.execute(sql, act, state, at.ids[who], f"r-{who}")


async def test_nobody_writes_under_another_name(db: Pool) -> None:
    async with desk(db) as at:
        employer = await make_org(db)
        sql = """
            INSERT INTO wording_review (language, key, act, text, of_text, file_of, state, live, staff_id,
                                        by_pseudonym, at)
            VALUES ('vi', 'k', 'review', 't', repeat('0', 12), repeat('0', 12), 'reviewed', true, $1, 'r-binh', $2)
        """
        scope = scope_of(Role.EMPLOYER, employer.id)
        values: Any
        for values in ((at.ids["binh"], NOW), (employer.staff_id, NOW)):
            with pytest.raises(StatementRefused, match="row-level security"):
                async with transaction(ScopedPool(db, scope)) as conn:
                    await conn.execute(sql, *values)
        async with transaction(ScopedPool(db, scope)) as conn:
            assert await conn.fetch("SELECT * FROM wording_reviewer") == [], (
                "whose pseudonym it is stays with operators"
            )
        with pytest.raises(StatementRefused, match="permission denied"):
            async with transaction(ScopedPool(db, scope_of(Role.OPERATOR, at.office.id))) as conn:
                await conn.execute("UPDATE wording_review SET state = 'approved'")
