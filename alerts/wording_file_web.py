"""A language as a PO file: down to whoever works with other tools, and back as proposals."""

from __future__ import annotations

import json
from typing import Any, Final

from aiohttp import web

from alerts.review import Act, May, Reviewer, ReviewError, Standing, Words, propose
from alerts.wording_book import WordingBook
from alerts.wording_po import MAX_BYTES, Plan, export, plan, texts_in
from alerts.wording_report import keys_for_residents
from alerts.wording_store import Done, carry_out, rights_of
from alerts.wording_web import READERS, book_of, language_in, text_typed, words
from core.audit import Actor
from core.db import transaction
from core.po import WordingError
from core.web import Route, clean_text, render, see_other, site, staff_form
from registry.sessions import staff_of

#: Lines of a comparison that a page shows; the rest is counted.
SHOWN: Final = 200


async def export_file(request: web.Request) -> web.Response:
    """GET /wording-file/<lang>/export.po: what is said now, with its states, in the format of locales/."""
    catalogs = await words(request)
    lang = language_in(request, catalogs)
    return web.Response(
        text=export(catalogs, lang),
        content_type="text/x-gettext-translation",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="{lang}.po"'},
    )


async def upload_page(request: web.Request) -> web.Response:
    """GET /wording-file/<lang>: bring a file."""
    catalogs = await words(request)
    return await _page(request, language_in(request, catalogs))


async def _page(request: web.Request, lang: str, status: int = 200, **said: Any) -> web.Response:
    me = staff_of(request)
    catalogs = site(request).catalogs
    async with transaction(site(request).pool) as conn:
        right = (await rights_of(conn, me.id)).get(lang)
    values: dict[str, Any] = {"problem": None, "why": "", "plan": None, "file": "", "changes": ""}
    return render(
        request,
        "wording_file.html",
        lang=me.language,
        status=status,
        tag=lang,
        native=catalogs.native_name(lang),
        direction=catalogs.direction(lang),
        may=right is not None and May.TRANSLATE in right.may,
        most=SHOWN,
        **(values | said),
    )


async def upload(request: web.Request) -> web.Response:
    """POST /wording-file/<lang>: a file (shows what it would change; keeps nothing), or step=propose."""
    me = staff_of(request)
    form = await staff_form(request)
    book = book_of(await words(request))
    lang = language_in(request, book)
    async with transaction(site(request).pool) as conn:
        right = (await rights_of(conn, me.id)).get(lang)
    if right is None or May.TRANSLATE not in right.may:
        return await _page(request, lang, 403, problem="staff.wording.problem.right")
    name, texts = "", dict[str, str]()
    try:
        if form.get("step") == "propose":
            name, texts = clean_text(str(form.get("file", "")), 100), _sent_again(str(form.get("changes", "")))
        else:
            sent = form.get("po")
            if not isinstance(sent, web.FileField):
                return await _page(request, lang, 400, problem="staff.wording.problem.no_file")
            name = clean_text(sent.filename, 100)
            texts = texts_in(name, sent.file.read(MAX_BYTES + 1))
    except WordingError as error:
        return await _page(request, lang, 400, problem="staff.wording.problem.file", why=str(error))
    made = plan(book, lang, {key: text_typed(text) for key, text in texts.items()}, keys_for_residents(book, lang))
    if form.get("step") != "propose" or not made.proposals:
        changes = json.dumps({line.key: line.new for line in made.proposals}, ensure_ascii=False)
        return await _page(request, lang, plan=made, file=name, changes=changes)
    actor = Actor(right.by, me.id, me.org_id)
    async with transaction(site(request).pool) as conn:
        for line in made.proposals:
            await _propose(conn, book, right, made, line.key, line.new, name, actor, site(request).clock.now())
    return see_other(f"/wording/{lang}?show=proposed")


def _sent_again(changes: str) -> dict[str, str]:
    try:
        found = json.loads(changes)
    except ValueError as error:
        raise WordingError("the comparison came back damaged: upload the file again") from error
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise WordingError("the comparison came back damaged: upload the file again")
    return found


async def _propose(
    conn: Any, book: WordingBook, who: Reviewer, made: Plan, key: str, text: str, name: str, actor: Actor, now: Any
) -> None:
    def decide(stands: Standing) -> Done:
        return Done(Act.PROPOSE, text, propose(stands, text, who), Words(note=name))

    try:
        await carry_out(conn, book, who, key, decide, actor, now)
    except ReviewError as already:  # somebody has proposed the same meanwhile
        if not already.key.endswith(".same"):
            raise


ROUTES = [
    Route("GET", "/wording-file/{lang}", upload_page, READERS),
    Route("POST", "/wording-file/{lang}", upload, READERS),
    Route("GET", "/wording-file/{lang}/export.po", export_file, READERS),
]
