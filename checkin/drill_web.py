"""Help in a drill: the answer to "is this real?"."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from checkin.drills import HELP_IN_DRILL, asks_if_real
from checkin.help_store import check_in_token, live_incident_for_help
from checkin.link_store import open_link
from checkin.replies import all_well_answer
from checkin.store import record_check_in
from checkin.web import done, offers_retry
from core.db import transaction
from core.model import Answer, AnsweredBy
from core.web import TOKEN, Route, link_hash, link_not_found, public_form, site


@offers_retry
async def is_it_real(request: web.Request) -> web.Response:
    """POST /c/{token}/real with real=yes or no: a live call for help, on the coordinators' board at once; or practice.

    303 to the page of the live call, or back to the drill. Where nothing was asked, nothing changes.
    """
    wires = site(request)
    real = (await public_form(request)).get("real", "")
    hashed, now = link_hash(request), wires.clock.now()
    async with transaction(wires.pool) as conn:
        view = None if hashed is None else await open_link(conn, hashed, now)
        if view is None:
            return link_not_found(request)
        if real not in ("yes", "no") or not asks_if_real(view.incident.purpose, view.status):
            return done(request)
        incident_id, answer = view.incident.id, all_well_answer(view.incident.offered)
        if real == "yes":
            incident_id = await live_incident_for_help(conn, wires.vault, view.resident_id, HELP_IN_DRILL, now)
            answer = Answer.HELP
        await record_check_in(
            conn,
            wires.vault,
            incident_id=incident_id,
            resident_id=view.resident_id,
            answer=answer,
            answered_by=AnsweredBy.SELF,
            via="page",
            tapped_at=None,
            now=now,
            link_id=view.link_id,
        )
        if real == "no":
            return done(request)
        return done(request, await check_in_token(conn, wires.vault, incident_id, view.resident_id, now))


ROUTES: Final = [Route("POST", "/c/{token}/real", is_it_real, TOKEN)]
