"""/p/<token>/elsewhere: "I am somewhere else today": where, how long, and back again. Needs no script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from aiohttp import web

from core.audit import Actor, audit
from core.db import transaction
from core.web import TOKEN, Route, link_not_found, public_form, render, see_other, site
from geo.areas import Areas
from geo.store import insert_places
from registry.elsewhere import LENGTHS, ElsewhereProblem, ends_at, read_length
from registry.elsewhere_store import Elsewhere, elsewhere_now, end_elsewhere, set_elsewhere
from registry.import_read_store import seal_place
from registry.import_run import locate_offline
from registry.imports import PlaceUnknown
from registry.owner_web import owner_language, owner_of
from registry.personal_store import Owner
from registry.rows import AddressInput, read_postal_code

SELF = Actor("personal link")
#: The longest address that is looked up.
ADDRESS_LENGTH = 200


def place_names(found: Elsewhere, lang: str) -> str:
    """The municipalities of a place, for a reader of the page."""
    areas = Areas.load()
    reader = "ja" if lang.partition("-")[0] == "ja" else "en"
    said: list[str] = []
    for code in found.codes:
        wards = set(areas.wards(code)) & set(found.codes)
        city = areas.city_of_ward(code)
        # A ward says more than its city; a city whose ward nobody knows counts with all of them, and says it better.
        if (wards and len(wards) < len(areas.wards(code))) or (city in found.codes and _whole(areas, city, found)):
            continue
        said.append(code)
    return ", ".join(areas.name("jis", code, reader) for code in said)


def _whole(areas: Areas, city: str, found: Elsewhere) -> bool:
    wards = areas.wards(city)
    return len(wards) > 1 and set(wards) <= set(found.codes)


async def page(request: web.Request) -> web.Response:
    """GET /p/<token>/elsewhere: where the person says they are, and the form."""
    wires = site(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        found = await elsewhere_now(conn, owner.resident_id, wires.clock.now())
    return _show(request, owner, found)


def _show(
    request: web.Request,
    owner: Owner,
    found: Elsewhere | None,
    problem: str = "",
    form: Mapping[str, str] | None = None,
) -> web.Response:
    lang = owner_language(request, owner)
    return render(
        request,
        "person_elsewhere.html",
        lang=lang,
        status=400 if problem else 200,
        token=request.match_info["token"],
        found=found,
        place=place_names(found, lang) if found else "",
        lengths=LENGTHS,
        form=form or {},
        problem=problem,
        saved=request.query.get("saved") == "1",
    )


async def save(request: web.Request) -> web.Response:
    """POST /p/<token>/elsewhere: `do` is here (with a position, a postal code or an address, and `for`) or back."""
    wires = site(request)
    now = wires.clock.now()
    form = await public_form(request)
    async with transaction(wires.pool) as conn:
        owner = await owner_of(request, conn)
        if owner is None:
            return link_not_found(request)
        person = owner.resident_id
        if form.get("do") == "back":
            await end_elsewhere(conn, person, now)
            await audit(conn, SELF, "presence.back", at=now, subjects=[person])
            return see_other(f"/p/{request.match_info['token']}/elsewhere?saved=1")
        try:
            until = ends_at(read_length(form.get("for", "")), now)
            given = read_here(form)
            place = seal_place(wires.vault, given, locate_offline(given, wires.settings.prefectures))
        except (ElsewhereProblem, PlaceUnknown) as error:
            problem = error.key if isinstance(error, ElsewhereProblem) else "elsewhere.problem.place"
            return _show(request, owner, await elsewhere_now(conn, person, now), problem, form)
        await insert_places(conn, [place])
        await set_elsewhere(conn, person, place.id, until)
        await audit(conn, SELF, "presence.elsewhere", at=now, subjects=[person], fields=["places"])
    return see_other(f"/p/{request.match_info['token']}/elsewhere?saved=1")


def read_here(form: Mapping[str, str]) -> AddressInput:
    """The place of the form: the phone's position, else a postal code, else an address. Raises ElsewhereProblem."""
    given = AddressInput(address=form.get("address", "").strip()[:ADDRESS_LENGTH])
    if form.get("postal_code", "").strip():
        code = read_postal_code(form["postal_code"])
        if code is None:
            raise ElsewhereProblem("me.postal_wrong")
        given = replace(given, postal_code=code)
    if form.get("lat") and form.get("lon"):
        try:
            given = AddressInput(lat=float(form["lat"]), lon=float(form["lon"]))
        except ValueError:
            raise ElsewhereProblem("elsewhere.problem.place") from None
    if given == AddressInput():
        raise ElsewhereProblem("elsewhere.problem.place")
    return given


ROUTES = [
    Route("GET", "/p/{token}/elsewhere", page, TOKEN),
    Route("POST", "/p/{token}/elsewhere", save, TOKEN),
]
