"""/p/<token>/consent: every consent as a switch, two shields, and what the person needs. Needs no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web

from core.audit import Actor, audit
from core.db import transaction
from core.web import TOKEN, Route, link_not_found, public_form, see_other, site
from registry.consent import Choice, ConsentLine, choices, current, line_for_org, to_ask_again, words_of
from registry.consent_store import consent_lines, record, set_shields
from registry.needs_store import KINDS, Need, read_needs, set_needs
from registry.own_data_store import viewers_of
from registry.owner_web import own_page, owner_language, owner_of
from registry.personal_store import save_person
from registry.seen import Viewer

#: Lines that have one switch; C2 has one for each organisation, C5 is asked for in an incident.
_SINGLE: Final = ("C1", "C3", "C4", "C6")
#: Longest need in a person's own words.
_WORDS: Final = 200


def switches(lines: Sequence[ConsentLine], viewers: Sequence[Viewer]) -> dict[Choice, bool]:
    """Every switch of the page and how it stands: by the person's own word, never by an invitation."""
    newest = current(lines)
    stands = {
        Choice(scope, True): scope in newest and newest[scope].given and newest[scope].basis == "own"
        for scope in _SINGLE
    }
    for viewer in viewers:
        line = line_for_org(lines, viewer.org_id, viewer.member_since)
        stands[Choice("C2", True, viewer.org_id)] = line is not None and line.given
    return stands


def _field(choice: Choice) -> str:
    """The name of a switch in the form."""
    return choice.scope if choice.viewer_org is None else f"{choice.scope}-{choice.viewer_org}"


async def page(request: web.Request) -> web.Response:
    """GET /p/<token>/consent: the switches as they stand."""
    async with transaction(site(request).pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        lines = await consent_lines(conn, owner.resident_id)
        viewers = await viewers_of(conn, owner.resident_id)
        needs = (await read_needs(conn, site(request).vault, [owner.resident_id])).get(owner.resident_id, [])
    stands = switches(lines, viewers)
    names = {viewer.org_id: viewer.name for viewer in viewers}
    kinds = {viewer.org_id: viewer.kind for viewer in viewers}
    return own_page(
        request,
        "personal_consent.html",
        owner,
        rows=[
            (
                _field(c),
                c.scope,
                names.get(c.viewer_org) if c.viewer_org else "",
                on,
                words_of(c.scope, [kinds[c.viewer_org]] if c.viewer_org else ()),
            )
            for c, on in _ordered(stands)
        ],
        again=to_ask_again(lines),
        kinds=[kind for kind in KINDS if kind != "other"],
        needs={need.kind: need.note for need in needs},
    )


def _ordered(stands: Mapping[Choice, bool]) -> list[tuple[Choice, bool]]:
    return sorted(stands.items(), key=lambda pair: pair[0].scope)


async def save(request: web.Request) -> web.Response:
    """POST /p/<token>/consent: what is ticked is given, what is not is taken back; only what moved is stored."""
    wires = site(request)
    now = wires.clock.now()
    form = await public_form(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        person = owner.resident_id
        language = owner_language(request, owner)
        lines = await consent_lines(conn, person)
        viewers = await viewers_of(conn, person)
        stands = switches(lines, viewers)
        kinds = {viewer.org_id: viewer.kind for viewer in viewers}
        wanted = [Choice(c.scope, form.get(_field(c)) == "1", c.viewer_org) for c in stands]
        again = to_ask_again(lines)
        # A line whose meaning has changed is given anew even where its switch does not move.
        made = [c for c in wanted if c.scope in again and c.given] + [
            c for c in choices(stands, wanted) if not (c.scope in again and c.given)
        ]
        await record(conn, wires.catalogs, person, made, language=language, now=now, viewers=kinds)
        await set_shields(conn, person, hide_answer=form.get("hide") == "1", protected=form.get("protected") == "1")
        await set_needs(conn, wires.vault, person, _needs(form), now)
        if owner.state in ("enrolled", "paused", "invited"):
            await save_person(
                conn,
                person,
                language=owner.language,
                second_language=owner.second_language,
                state=_state(owner.state, owner.paused_until is not None, form.get("C1") == "1"),
                now=now,
            )
        await audit(conn, Actor("personal link"), "consent.save", at=now, subjects=[person], fields=_changed(made))
    return see_other(f"/p/{request.match_info['token']}/consent?saved=1{_lang(request)}")


def _state(state: str, pausing: bool, alerts: bool) -> str:
    """Alerts follow C1; a pause with an end goes on until it."""
    return "enrolled" if alerts and not pausing else "paused" if state != "invited" or alerts else state


def _needs(form: Mapping[str, str]) -> list[Need]:
    """The needs of the form; without their consent (C4) none is kept."""
    if form.get("C4") != "1":
        return []
    needs = [Need(kind) for kind in KINDS if kind != "other" and form.get(f"need-{kind}") == "1"]
    other = form.get("need-other", "")[:_WORDS]
    return [*needs, Need("other", other)] if other else needs


def _changed(made: Sequence[Choice]) -> list[str]:
    return sorted({choice.scope for choice in made})


def _lang(request: web.Request) -> str:
    lang = site(request).catalogs.normalise(request.query.get("lang", ""))
    return f"&lang={lang}" if lang else ""


ROUTES = [
    Route("GET", "/p/{token}/consent", page, TOKEN),
    Route("POST", "/p/{token}/consent", save, TOKEN),
]
