"""Paper that brings people in: slips for those who are invited, and posters of groups, schools and partners."""

from __future__ import annotations

from itertools import groupby
from uuid import UUID

from aiohttp import web

from core.audit import audit
from core.db import transaction
from core.model import Role
from core.qr import qr_svg
from core.web import Route, clean_text, render, see_other, site, staff, staff_form
from registry.access import KEEPS_PEOPLE
from registry.enrol_store import enrolled_of
from registry.people_store import own_orgs
from registry.poster_store import Poster, end_poster, make_poster, poster_token, posters_of, slips_of
from registry.sessions import staff_of


async def slips(request: web.Request) -> web.Response:
    """GET /slips: a slip with a QR code for everybody who has not enrolled, a sheet per dorm; ?site= for one dorm."""
    me = staff_of(request)
    wires = site(request)
    try:
        wanted = UUID(request.query["site"]) if request.query.get("site") else None
    except ValueError:
        raise web.HTTPNotFound(text="There is no such site on your list.") from None
    async with transaction(wires.pool) as conn:
        found = await slips_of(conn, wires.vault, await own_orgs(conn, me), wanted)
        counts = await enrolled_of(conn, list({slip.dorm_id for slip in found if slip.dorm_id}))
        await audit(
            conn,
            me.actor,
            "invitation.print",
            at=wires.clock.now(),
            subjects=[slip.resident_id for slip in found],
            fields=["dorm", "language", "link", "name", "room"],
        )
    sheets = [
        (dorm, counts.get(dorm_id) if dorm_id else None, list(members))
        for (dorm, dorm_id), members in groupby(found, key=lambda slip: (slip.dorm, slip.dorm_id))
    ]
    catalogs = wires.catalogs
    return render(
        request,
        "slips.html",
        lang=me.language,
        sheets=sheets,
        # The person's own language first, then the two that somebody beside them can read.
        tongues=lambda slip: list(dict.fromkeys((catalogs.normalise(slip.language) or "en", "ja-simple", "en")))[:3],
        sayer=catalogs.sayer,
        link=lambda slip: f"{wires.settings.site_url}/e/{slip.token}",
        qr=lambda slip: qr_svg(f"{wires.settings.site_url}/e/{slip.token}", slip.name),
    )


async def posters(request: web.Request) -> web.Response:
    """GET /posters: the group's posters."""
    me = staff_of(request)
    async with transaction(site(request).pool) as conn:
        found = await posters_of(conn, me.org_id)
    return render(request, "posters.html", lang=me.language, posters=found)


async def new_poster(request: web.Request) -> web.Response:
    """POST /posters: one more poster, named after where it will hang."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    form = await staff_form(request)
    label = clean_text(str(form.get("label", "")), 100)
    async with transaction(wires.pool) as conn:
        made = await make_poster(conn, wires.vault, org_id=me.org_id, label=label, staff_id=me.id, now=now)
        await audit(conn, me.actor, "poster.new", at=now, detail={"poster": str(made)})
    return see_other(f"/posters/{made}")


async def _poster(request: web.Request) -> Poster:
    try:
        poster_id = UUID(request.match_info["id"])
    except ValueError:
        raise web.HTTPNotFound(text="There is no such poster.") from None
    async with transaction(site(request).pool) as conn:
        found = await posters_of(conn, staff_of(request).org_id, poster_id)
    if not found:
        raise web.HTTPNotFound(text="There is no such poster.")
    return found[0]


async def poster(request: web.Request) -> web.Response:
    """GET /posters/<id>: one poster, to print on A4: the same sentence in every language, and one QR code."""
    me = staff_of(request)
    wires = site(request)
    found = await _poster(request)
    url = f"{wires.settings.site_url}/w/{poster_token(wires.vault, found.id)}"
    return render(
        request,
        "poster.html",
        lang=me.language,
        poster=found,
        url=url,
        qr=qr_svg(url, found.org_name),
        languages=wires.catalogs.languages,
        sayer=wires.catalogs.sayer,
    )


async def end(request: web.Request) -> web.Response:
    """POST /posters/<id>/end: whoever scans it from now on is told that it is out of use."""
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    await staff_form(request)
    found = await _poster(request)
    async with transaction(wires.pool) as conn:
        if await end_poster(conn, found.id, me.org_id, now):
            await audit(conn, me.actor, "poster.end", at=now, detail={"poster": str(found.id)})
    return see_other("/posters")


#: Who lets people walk in: community groups and schools, and partners, whose people come by their own hand only.
_POSTERS = staff(Role.COMMUNITY, Role.PARTNER)

ROUTES = [
    Route("GET", "/slips", slips, staff(*KEEPS_PEOPLE)),
    Route("GET", "/posters", posters, _POSTERS),
    Route("POST", "/posters", new_poster, _POSTERS),
    Route("GET", "/posters/{id}", poster, _POSTERS),
    Route("POST", "/posters/{id}/end", end, _POSTERS),
]
