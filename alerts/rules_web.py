"""/rules: what we decided about each hazard, in plain words; a change is checked and needs a second operator."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from alerts.deps import Deps
from alerts.rule_book import RuleBook
from alerts.rule_edit import changes, check, in_short, plain_table, values_of, with_value
from alerts.rule_store import PastEdit, past_edits, refresh
from alerts.rules import RuleError
from core.db import transaction
from core.model import Role
from core.web import Route, clean_text, render, see_other, site, staff, staff_form
from registry.approvals import ApprovalError, Kind
from registry.approvals_store import propose
from registry.sessions import STAFF_LANGUAGES, staff_of
from registry.step_up_web import require_step_up


async def rules_page(request: web.Request) -> web.Response:
    """GET /rules: every hazard's rule in plain words, and which ones differ from their file."""
    me = staff_of(request)
    book = await _book(request)
    say = site(request).catalogs.sayer(me.language)
    hazards = sorted(book, key=lambda hazard: say.plain(f"hazard.{hazard}"))
    return render(
        request,
        "rules.html",
        lang=me.language,
        rules=[(book[hazard], plain_table(book[hazard])) for hazard in hazards],
        differing=book.differing,
    )


async def _book(request: web.Request) -> RuleBook:
    """The book of this process, up to date."""
    deps: Deps = site(request).extras["deps"]
    if not isinstance(deps.rules, RuleBook):
        raise web.HTTPNotFound(text="This process follows fixed rules: there is nothing to change.")
    await refresh(deps.pool, deps.rules)
    return deps.rules


async def rule_page(request: web.Request) -> web.Response:
    """GET /rules/<hazard>: one rule, its values to change, its text, what was changed before."""
    return await _page(request, await _book(request))


def _hazard(request: web.Request, book: RuleBook) -> str:
    hazard = request.match_info["hazard"]
    if hazard not in book:
        raise web.HTTPNotFound(text="There is no such rule.")
    return hazard


async def _page(request: web.Request, book: RuleBook, status: int = 200, **said: Any) -> web.Response:
    me = staff_of(request)
    hazard = _hazard(request, book)
    past: list[PastEdit]
    async with transaction(site(request).pool) as conn:
        past = await past_edits(conn, hazard)
    text = book.text(hazard)
    values: dict[str, Any] = {"problem": None, "wrong": "", "toml": text, "diff": [], "path_asked": "", "typed": ""}
    return render(
        request,
        "rule.html",
        lang=me.language,
        status=status,
        rule=book[hazard],
        table=plain_table(book[hazard]),
        values=values_of(text),
        differs=hazard in book.differing,
        past=past,
        **(values | said),
    )


async def change_rule(request: web.Request) -> web.Response:
    """POST /rules/<hazard>: step=value (one value), text (the whole text), file (back to the file), propose."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    book = await _book(request)
    hazard = _hazard(request, book)
    step = str(form.get("step", ""))
    old = book.text(hazard)
    typed: dict[str, Any] = {
        "path_asked": clean_text(str(form.get("path", "")), 100),
        "typed": clean_text(str(form.get("value", "")), 200),
    }
    new: str | None = clean_text(str(form.get("toml", "")), 40_000).replace("\r\n", "\n") + "\n"
    if step == "propose":
        await require_step_up(request)
    try:
        if step == "value":
            new = with_value(old, typed["path_asked"], typed["typed"])
        elif step == "file" or (step == "propose" and form.get("file") == "1"):
            new = None
        text = book.file_text(hazard) if new is None else new
        lines = changes(old, text)
        typed |= {"toml": text}
        if not lines:
            return await _page(request, book, 400, problem="staff.rules.problem.same", **typed)
        check(text, hazard)
    except RuleError as wrong:
        shown = {"toml": new or old}
        return await _page(request, book, 400, problem="staff.rules.problem.wrong", wrong=str(wrong), **(typed | shown))
    if step != "propose":
        return await _page(request, book, diff=lines, to_file=new is None, **typed)
    say = wires.catalogs.sayer(me.language)
    payload = {
        "rule": say.plain(f"hazard.{hazard}"),
        "in": {lang: {"rule": wires.catalogs.say(lang, f"hazard.{hazard}")} for lang in STAFF_LANGUAGES},
        "change": in_short(lines),
        "details": [[say.plain("staff.rules.diff"), "\n".join(lines)]],
        "hazard": hazard,
        "toml": new,
        "base": book[hazard].version,
    }
    try:
        async with transaction(wires.pool) as conn:
            await propose(conn, Kind.RULE_EDIT, payload, me.id, wires.clock.now())
    except ApprovalError as wrong_role:
        return await _page(request, book, 409, problem=wrong_role.key, **typed)
    return see_other("/approvals?proposed=rule_edit")


OPERATOR = staff(Role.OPERATOR)
ROUTES = [
    Route("GET", "/rules", rules_page, OPERATOR),
    Route("GET", "/rules/{hazard}", rule_page, OPERATOR),
    Route("POST", "/rules/{hazard}", change_rule, OPERATOR),
]
