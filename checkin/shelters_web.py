"""/c/<token>/shelters: where to go, with what each place is designated for and a way to open it in the phone's map.

Works without a script. With one, the phone can sort the list by its own position, which goes nowhere.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from checkin.alert_view import alert_view
from checkin.drills import HELP_HAZARD
from checkin.link_store import open_link
from checkin.shelter_store import shelters_for
from checkin.shelter_view import MANY, distance_words
from checkin.web import page_address, page_language
from core.i18n import Sayer
from core.web import TOKEN, Route, link_hash, link_not_found, render, site
from geo.areas import Areas
from geo.shelters import COMPASS


def script_words(say: Sayer) -> dict[str, str | list[str]]:
    """What the script of the page needs to say a distance of its own."""
    return {
        "about": say.plain("shelter.about", distance="{distance}", direction="{direction}"),
        "within": say.plain("shelter.within", distance="{distance}"),
        "directions": [say.plain(f"direction.{point}") for point in COMPASS],
    }


async def shelters_page(request: web.Request) -> web.Response:
    """GET /c/{token}/shelters: up to ten places to go from home and work, and others that are not for this danger."""
    wires = site(request)
    now = wires.clock.now()
    hashed = link_hash(request)
    view = None if hashed is None else await open_link(wires.pool, hashed, now)
    if view is None:
        return link_not_found(request)
    lang = page_language(request, view.language)
    alert = None
    if view.incident.hazard != HELP_HAZARD:
        names = Areas.load().name
        alert = alert_view(
            wires.catalogs, view.incident, view.severity, view.reason, lang, names, simulated=wires.simulated
        )
    response = render(
        request,
        "checkin_shelters.html",
        lang=lang,
        alert=alert,
        places=[] if alert is None else await shelters_for(wires.pool, view, now, MANY),
        distance_words=distance_words,
        words=script_words(wires.catalogs.sayer(lang)),
        back=page_address(request),
    )
    response.enable_compression()
    return response


ROUTES: Final = [Route("GET", "/c/{token}/shelters", shelters_page, TOKEN)]
