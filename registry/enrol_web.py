"""/e/<token>: a person enrols on their phone, one small page per step, kept on the server after each. Needs no script.

A step is one POST and one page: on one bar of signal a page of 8 kB that is kept is better than one of 30 kB that is
lost. Nothing but the audit log and the draft changes before the last step.
"""

from __future__ import annotations

import functools
from typing import Any

from aiohttp import web

from core.audit import Actor, audit
from core.db import Connection, transaction
from core.tokens import looks_like_token
from core.web import TOKEN, Route, language_of, link_not_found, public_form, render, see_other, site
from geo.areas import Areas
from registry.consent import ASKED, words_of
from registry.enrol_store import Invitation, enrol, keep_draft, owner_of_invitation, read_draft, read_invitation
from registry.enrolment import SERVICES, STEPS, Draft, EnrolmentProblem, Known, agreed, first_language, take
from registry.import_run import locate_offline
from registry.inapp import read_user_agent, way_out
from registry.phones import masked
from registry.placing import inner_jis
from registry.rows import AddressInput

#: How services write themselves.
SERVICE_NAMES = {"line": "LINE", "whatsapp": "WhatsApp", "wechat": "WeChat"}


def jis_of(given: AddressInput) -> tuple[str, ...]:
    """The municipalities of a place, wards instead of their city. Raises ValueError if there is none."""
    return inner_jis(area.code for area in locate_offline(given).codes if area.scheme == "jis")


def place_names(codes: tuple[str, ...], lang: str) -> str:
    """Names of municipalities, wards instead of cities, for a reader of `lang`: the Japanese one beside any other."""
    areas = Areas.load()
    shown = []
    for code in inner_jis(codes):
        own, japanese = areas.name("jis", code, lang), areas.name("jis", code)
        shown.append(own if own == japanese else f"{own} ({japanese})")
    return ", ".join(shown)


@functools.cache
def towns(prefectures: tuple[str, ...], lang: str) -> tuple[tuple[str, str], ...]:
    """The municipalities to choose from: (Japanese address, name for the reader), in the reader's order."""
    areas = Areas.load()
    rows = [
        (areas.prefecture_name(code) + areas.name("jis", code), areas.name("jis", code, lang))
        for prefecture in prefectures
        for code in areas.municipalities(prefecture)
    ]
    return tuple(rows if lang.startswith("ja") else sorted(rows, key=lambda row: row[1]))


async def _open(request: web.Request, conn: Connection) -> tuple[Invitation, Draft] | web.Response:
    """The invitation and its draft; else the page to show instead."""
    token = request.match_info["token"]
    owner, used = await owner_of_invitation(conn, token) if looks_like_token(token) else (None, False)
    if used:
        return render(request, "enrol_used.html", lang=language_of(request), status=410)
    if owner is None:
        return link_not_found(request)
    if owner.state != "invited":
        return see_other(f"/p/{token}")
    return await read_invitation(conn, owner), await read_draft(conn, site(request).vault, owner.resident_id)


def _language(request: web.Request, invitation: Invitation, draft: Draft) -> str:
    catalogs = site(request).catalogs
    if request.query.get("lang"):
        return language_of(request)
    if draft.language in catalogs.languages:
        return draft.language
    accepted = catalogs.negotiate(request.headers.get("Accept-Language", ""))
    return first_language(catalogs.normalise(invitation.owner.language) or "", accepted)


async def page(request: web.Request) -> web.Response:
    """GET /e/<token>: the step that is next, or ?step= one that was done."""
    wires = site(request)
    async with transaction(wires.pool) as conn:
        opened = await _open(request, conn)
        if isinstance(opened, web.Response):
            return opened
        invitation, draft = opened
        await audit(
            conn,
            Actor("personal link"),
            "person.invited",
            at=wires.clock.now(),
            subjects=[invitation.owner.resident_id],
            fields=["name", "languages", "places", "organisations"],
        )
    asked = request.query.get("step", "")
    return _show(request, invitation, draft, asked if draft.may_open(asked) else draft.step)


def _show(
    request: web.Request,
    invitation: Invitation,
    draft: Draft,
    step: str,
    *,
    problem: str = "",
    form: dict[str, str] | None = None,
) -> web.Response:
    wires = site(request)
    lang = _language(request, invitation, draft)
    browser = read_user_agent(request.headers.get("User-Agent", ""))
    token = request.match_info["token"]
    number = STEPS.index(step)
    more: dict[str, Any] = {}
    if step == "places":
        more["towns"] = towns(wires.settings.prefectures, "ja" if lang.startswith("ja") else "en")
    return render(
        request,
        f"enrol_{step}.html",
        lang=lang,
        status=400 if problem else 200,
        token=token,
        step=step,
        number=number + 1,
        steps=len(STEPS),
        back=STEPS[number - 1] if number else "",
        invitation=invitation,
        draft=draft,
        home=place_names(draft.home.jis if draft.home else invitation.home_jis, lang),
        work=place_names(draft.work.jis if draft.work else invitation.work_jis, lang),
        phone=masked(draft.phone) if draft.phone else "",
        services=[(name, SERVICE_NAMES.get(name, name.capitalize())) for name in SERVICES],
        service_names=SERVICE_NAMES,
        asked=[(scope, words_of(scope, invitation.kinds)) for scope in ASKED],
        browser=browser,
        way_out=way_out(browser, f"{wires.settings.site_url}/e/{token}"),
        problem=problem,
        form=form or {},
        **more,
    )


async def save(request: web.Request) -> web.Response:
    """POST /e/<token>: keep one step and go to the next; the last one enrols the person."""
    wires = site(request)
    now = wires.clock.now()
    form = await public_form(request)
    step = form.get("step", "")
    async with transaction(wires.pool) as conn:
        opened = await _open(request, conn)
        if isinstance(opened, web.Response):
            return opened
        invitation, draft = opened
        owner = invitation.owner
        if step == "consent" and draft.step == "consent":
            token = await enrol(conn, wires.vault, wires.catalogs, owner, draft, agreed(form, ASKED), now)
            await audit(
                conn,
                Actor("invitation link"),
                "person.enrol",
                at=now,
                subjects=[owner.resident_id],
                fields=sorted(("language", "places", "contact.address", "consent")),
            )
            return see_other(f"/p/{token}/card?new=1")
        if not draft.may_open(step):
            # Sent from a page of yesterday: what is stored decides where to go on.
            return see_other(f"/e/{request.match_info['token']}")
        known = Known(
            languages=wires.catalogs.languages,
            home=bool(invitation.home_jis),
            work=bool(invitation.work_jis),
            has_leader=invitation.has_leader,
        )
        try:
            changed = take(draft, step, form, known, jis_of)
        except EnrolmentProblem as problem:
            return _show(request, invitation, draft, step, problem=problem.key, form=form)
        await keep_draft(conn, wires.vault, owner.resident_id, changed, now)
    following = STEPS[STEPS.index(step) + 1]
    return see_other(f"/e/{request.match_info['token']}?step={following}")


ROUTES = [
    Route("GET", "/e/{token}", page, TOKEN),
    Route("POST", "/e/{token}", save, TOKEN),
]
