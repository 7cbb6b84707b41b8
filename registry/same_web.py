"""/p/<token>/same: "Is this you?" answered on the person's own page; or another card of theirs given as proof."""

from __future__ import annotations

import re
from uuid import UUID

from aiohttp import web

from core.audit import Actor, audit
from core.db import transaction
from core.tokens import looks_like_token, token_hash
from core.web import TOKEN, Route, link_not_found, public_form, render, see_other, site
from registry.owner_web import owner_language, owner_of
from registry.same_store import ANSWERS, answer, claim, own_questions


def token_in(text: str) -> str:
    """The token of a personal link in what somebody pasted or typed; "" if there is none.

    >>> token_in("https://daijobu.example.jp/p/AbCdEfGhJkLm?lang=vi"), token_in("AbCdEfGhJkLm"), token_in("hello")
    ('AbCdEfGhJkLm', 'AbCdEfGhJkLm', '')
    """
    found = re.search(r"(?:^|/[pe]/)([1-9A-HJ-NP-Za-km-z]{12})(?:$|[/?#\s])", text.strip())
    return found[1] if found and looks_like_token(found[1]) else ""


async def page(request: web.Request) -> web.Response:
    """GET /p/<token>/same: the open questions, and a field for another card."""
    wires = site(request)
    token = request.match_info["token"]
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        questions = await own_questions(conn, owner.resident_id, wires.clock.now())
    return render(
        request,
        "person_same.html",
        lang=owner_language(request, owner),
        token=token,
        questions=questions,
        sent=request.query.get("sent") == "1",
    )


async def save(request: web.Request) -> web.Response:
    """POST /p/<token>/same: yes, no, undo, or another card. The answer is the same whatever is known elsewhere."""
    wires = site(request)
    now = wires.clock.now()
    token = request.match_info["token"]
    form = await public_form(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        said = form.get("said", "")
        if said in ANSWERS:
            try:
                await answer(conn, owner.resident_id, UUID(form.get("id", "")), said, now)
            except ValueError:
                said = ""  # no id of ours: nothing to answer
        elif other := token_in(form.get("other", "")):
            said = "other"
            await claim(conn, owner.resident_id, token_hash(other), now)
        else:
            said = ""
        if said:
            await audit(conn, Actor("personal link"), f"same_person.{said}", at=now, subjects=[owner.resident_id])
    return see_other(f"/p/{token}/same?sent=1")


ROUTES = [Route("GET", "/p/{token}/same", page, TOKEN), Route("POST", "/p/{token}/same", save, TOKEN)]
