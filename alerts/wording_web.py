"""/wording: how far our texts are checked, and the pages on which people translate, read and approve them."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, TypeVar

from aiohttp import web

from alerts.deps import Deps
from alerts.review import (
    Act,
    Reviewer,
    ReviewError,
    Standing,
    Words,
    judge,
    open_acts,
    propose,
    standing,
    tells_to_leave,
)
from alerts.wording_book import WordingBook
from alerts.wording_lint import Findings, look_at, look_at_alerts
from alerts.wording_preview import pages_with, previews
from alerts.wording_report import keys_for_residents, report
from alerts.wording_store import Done, carry_out, refresh, rights_of, steps_of, waiting
from alerts.wording_view import PAGE, Part, Show, Wish, chosen, lines, next_after
from core.audit import Actor
from core.db import transaction
from core.i18n import Catalogs, ruby
from core.model import Role
from core.po import ReviewState
from core.web import TEMPLATES, Route, clean_text, render, see_other, site, staff, staff_form
from registry.sessions import Staff, staff_of
from registry.step_up_web import require_step_up

#: Longest text that a form takes; the longest of ours has some 700 characters.
MAX_TEXT: Final = 3000
#: Languages shown beside the one that is worked on.
BESIDE: Final = ("en", "ja", "ja-simple")
#: Whose approval cannot be taken lightly: the second factor is asked once more.
PROVED: Final = frozenset({Act.APPROVE, Act.FIELD_TEST})

_Choice = TypeVar("_Choice", bound=StrEnum)


async def wording_page(request: web.Request) -> web.Response:
    """GET /wording: every language with how many of its texts are in which state, alert texts first."""
    me = staff_of(request)
    catalogs = await words(request)
    async with transaction(site(request).pool) as conn:
        mine = await rights_of(conn, me.id)
        proposals = await waiting(conn, catalogs)
    rows = report(catalogs, proposals)
    return render(
        request,
        "wording.html",
        lang=me.language,
        rows=sorted(rows, key=lambda row: row.language not in mine),
        mine=mine,
        states=list(ReviewState),
        catalogs=catalogs,
        operator=me.role is Role.OPERATOR,
    )


async def words(request: web.Request) -> Catalogs:
    """What is said now, up to date."""
    catalogs = site(request).catalogs
    await refresh(site(request).pool, catalogs)
    return catalogs


def language_in(request: web.Request, catalogs: Catalogs) -> str:
    """The language in the path. Raises HTTPNotFound."""
    lang = request.match_info["lang"]
    if lang not in catalogs.languages:
        raise web.HTTPNotFound(text="There is no such language.")
    return lang


async def list_page(request: web.Request) -> web.Response:
    """GET /wording/<lang>?show=&part=&prefix=&q=&from=: the texts of a language."""
    me = staff_of(request)
    catalogs = await words(request)
    tag = language_in(request, catalogs)
    async with transaction(site(request).pool) as conn:
        right = (await rights_of(conn, me.id)).get(tag)
        steps = await steps_of(conn, tag)
    asked = request.query
    wish = Wish(
        _choice(Show, asked.get("show", ""), Show.MINE if right else Show.ALL),
        _choice(Part, asked.get("part", ""), Part.ALL),
        clean_text(asked.get("prefix", ""), 60),
        clean_text(asked.get("q", ""), 100),
    )
    keys = keys_for_residents(catalogs, tag)
    found = chosen(lines(catalogs, tag, keys, steps, right), wish)
    first = min(int(asked["from"]), len(found)) if asked.get("from", "").isdecimal() else 0
    return render(
        request,
        "wording_list.html",
        lang=me.language,
        tag=tag,
        direction=catalogs.direction(tag),
        native=catalogs.native_name(tag),
        ruby=ruby,
        found=found[first : first + PAGE],
        total=len(found),
        first=first,
        following=first + PAGE if first + PAGE < len(found) else None,
        wish=wish,
        shows=list(Show) if right else [show for show in Show if show is not Show.MINE],
        parts_of=list(Part),
        prefixes=sorted({key.split(".")[0] + "." for key in keys}),
        right=right,
    )


def _choice(kind: type[_Choice], typed: str, default: _Choice) -> _Choice:
    return kind(typed) if typed in list(kind) else default


async def text_page(request: web.Request) -> web.Response:
    """GET /wording/<lang>/<key>: one text beside English and Japanese, where it is said, and what can be done."""
    return await _text(request, await words(request))


def _key(request: web.Request, catalogs: Catalogs, tag: str) -> str:
    key = request.match_info["key"]
    if key not in keys_for_residents(catalogs, tag):
        raise web.HTTPNotFound(text="There is no such text.")
    return key


async def _text(request: web.Request, catalogs: Catalogs, status: int = 200, **said: Any) -> web.Response:
    me = staff_of(request)
    deps: Deps = site(request).extras["deps"]
    tag = language_in(request, catalogs)
    key = _key(request, catalogs, tag)
    async with transaction(site(request).pool) as conn:
        right = (await rights_of(conn, me.id)).get(tag)
        everything = await steps_of(conn, tag)
    steps = everything.get(key, [])
    entry = catalogs.entry(tag, key)
    stands = standing(tag, entry, steps)
    values: dict[str, Any] = {"problem": None, "findings": Findings((), ()), "typed": None, "looked": False}
    values["form"] = dict.fromkeys(_FORM, "")
    values |= said
    shown = values["typed"] or (stands.proposal.text if stands.proposal else entry.text)
    files = catalogs.files if isinstance(catalogs, WordingBook) else catalogs
    samples = await asyncio.to_thread(previews, files, catalogs, deps.areas, tag, key, shown) if _sayable(
        catalogs, tag, key, shown) else []  # fmt: skip
    all_lines = lines(catalogs, tag, keys_for_residents(catalogs, tag), everything, right)
    return render(
        request,
        "wording_text.html",
        lang=me.language,
        status=status,
        tag=tag,
        direction=catalogs.direction(tag),
        native=catalogs.native_name(tag),
        ruby=ruby,
        key=key,
        entry=entry,
        stands=stands,
        texts=[one for one in (stands.proposal, stands.live) if one is not None],
        acts={one.of: open_acts(stands, one, right) if right else () for one in (stands.live, stands.proposal) if one},
        beside=[
            (other, catalogs.entry(other, key)) for other in BESIDE if other != tag and key in catalogs.keys(other)
        ],
        shown=shown,
        samples=samples,
        pages=pages_with(key, TEMPLATES),
        right=right,
        leaving=tells_to_leave(key),
        steps=list(reversed(steps)),
        refused=catalogs.refused.get((tag, key)) if isinstance(catalogs, WordingBook) else None,
        following=next_after(all_lines, key),
        did=request.query.get("did", "") if request.query.get("did", "") in list(Act) else "",
        **values,
    )


def _sayable(catalogs: Catalogs, tag: str, key: str, text: str) -> bool:
    """Whether sample alerts can be composed of a text at all: its fields are those that are filled in."""
    return not look_at(tag, key, text, catalogs).errors


async def change_text(request: web.Request) -> web.Response:
    """POST /wording/<lang>/<key>: step=check (nothing is kept), propose, review, approve, field_test, send_back."""
    me = staff_of(request)
    form = await staff_form(request)
    book = book_of(await words(request))
    tag = language_in(request, book)
    key = _key(request, book, tag)
    step = str(form.get("step", ""))
    typed = text_typed(str(form.get("text", "")))
    if step != "check" and step not in list(Act):
        raise web.HTTPBadRequest(text="This form says nothing that can be done.")
    if step == "check" or step == Act.PROPOSE:
        findings = await findings_of(request, book, tag, key, typed)
        if step == "check" or findings.errors:
            status = 400 if findings.errors else 200
            return await _text(request, book, status, findings=findings, typed=typed, looked=True)
    elif Act(step) in PROVED:
        await require_step_up(request)
    kept = {name: str(form.get(name, "")) for name in _FORM}
    try:
        if step == Act.PROPOSE:
            note = clean_text(kept["note"], 500)
            await _carry_out(request, me, book, key, lambda stands, who: _proposed(stands, typed, note, who))
        else:
            await _judged(request, me, book, key, Act(step), str(form.get("of", "")), _words(kept))
    except ReviewError as problem:
        return await _text(request, book, 409, problem=problem.key, typed=typed or None, form=kept)
    except _Forbidden as forbidden:
        return await _text(request, book, 409, findings=forbidden.findings, looked=True, form=kept)
    return see_other(f"/wording/{tag}/{key}?did={step}")


def text_typed(text: str) -> str:
    """A text as it is kept: composed letters (NFC), single line ends, nothing invisible."""
    return unicodedata.normalize("NFC", clean_text(text.replace("\r\n", "\n"), MAX_TEXT))


def book_of(catalogs: Catalogs) -> WordingBook:
    """The book in which texts can be changed. Raises HTTPNotFound in a process that follows its files alone."""
    if not isinstance(catalogs, WordingBook):
        raise web.HTTPNotFound(text="This process says what its files say: there is nothing to change.")
    return catalogs


class _Forbidden(Exception):
    """A rule for words forbids what was about to be said."""

    def __init__(self, findings: Findings) -> None:
        super().__init__()
        self.findings = findings


async def findings_of(request: web.Request, book: WordingBook, tag: str, key: str, text: str) -> Findings:
    """What the rules for words say about a text and about whole alerts that would say it."""
    deps: Deps = site(request).extras["deps"]
    findings = look_at(tag, key, text, book)
    if findings.errors or not text:
        return findings
    errors = await asyncio.to_thread(look_at_alerts, tag, key, text, book, deps.rules, deps.areas)
    return Findings(errors[:5], findings.advice)


def _words(kept: dict[str, str]) -> Words:
    numbers = (int(kept[name]) if kept[name].isdecimal() and len(kept[name]) < 5 else -1 for name in _NUMBERS)
    return Words(clean_text(kept["back_translation"], MAX_TEXT), clean_text(kept["note"], 500), *numbers)


_NUMBERS: Final = ("asked", "understood", "waited")
_FORM: Final = ("back_translation", "note", *_NUMBERS)


def _proposed(stands: Standing, text: str, note: str, who: Reviewer) -> Done:
    return Done(Act.PROPOSE, text, propose(stands, text, who), Words(note=note))


async def _judged(request: web.Request, me: Staff, book: WordingBook, key: str, act: Act, of: str, said: Words) -> None:
    """Judge a text that stands. What would be said from then on keeps to the rules for words."""
    tag = request.match_info["lang"]
    async with transaction(site(request).pool) as conn:
        steps = (await steps_of(conn, tag, key)).get(key, [])
    text = standing(tag, book.entry(tag, key), steps).find(of)
    if text is not None and act is not Act.SEND_BACK:
        findings = await findings_of(request, book, tag, key, text.text)
        if findings.errors:
            raise _Forbidden(findings)

    def decide(stands: Standing, who: Reviewer) -> Done:
        outcome = judge(stands, of, act, said, who, key=key)
        found = stands.find(of)
        assert found is not None  # judge has found it
        numbers = said if act is Act.FIELD_TEST else Words(said.back_translation, said.note)
        return Done(act, found.text, outcome, numbers)

    await _carry_out(request, me, book, key, decide)


async def _carry_out(
    request: web.Request, me: Staff, book: WordingBook, key: str, decide: Callable[[Standing, Reviewer], Done]
) -> None:
    wires = site(request)
    tag = request.match_info["lang"]
    async with transaction(wires.pool) as conn:
        right = (await rights_of(conn, me.id)).get(tag)
        if right is None:
            raise ReviewError("right")
        actor = Actor(right.by, me.id, me.org_id)
        await carry_out(conn, book, right, key, lambda stands: decide(stands, right), actor, wires.clock.now())
    await refresh(wires.pool, book)


READERS = staff()
ROUTES = [
    Route("GET", "/wording", wording_page, READERS),
    Route("GET", "/wording/{lang}", list_page, READERS),
    Route("GET", "/wording/{lang}/{key}", text_page, READERS),
    Route("POST", "/wording/{lang}/{key}", change_text, READERS),
]
