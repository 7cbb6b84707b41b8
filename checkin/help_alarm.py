"""Tells coordinators on duty of calls for help, with a number and never a name. Part of the tend loop.

What an employer may know of an answer plays no part here: a call that is hidden from it reaches coordinators as any
other, and no employer's staff ever get this message.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from alerts.compose import ComposedText
from alerts.deps import Deps
from alerts.outbox_store import MESSAGES_CHANNEL
from alerts.staff_call_store import FOLLOWING, Receiver, networks
from alerts.staff_calls import on_duty_receivers, send_to_staff
from alerts.staff_texts import help_text
from checkin.help_calls import PAUSE, Call, place_of_calls, to_tell
from checkin.help_calls_store import Heard, alert_of, any_call, heard_by, keep_told, open_calls
from core.db import Connection, notify, transaction
from geo.areas import UnknownArea

log = logging.getLogger(__name__)


async def tell_of_help(deps: Deps) -> int:
    """Message every coordinator on duty about calls for help they have not heard of; how many messages were made."""
    if not await any_call(deps.pool):
        return 0
    now = deps.clock.now()
    made = 0
    async with transaction(deps.pool) as conn:
        calls = await open_calls(conn, now)
        if not calls:
            return 0
        receivers: dict[UUID, Receiver] = {}
        for network in await networks(conn):
            for receiver in await on_duty_receivers(deps, conn, network, FOLLOWING, now):
                receivers.setdefault(receiver.staff_id, receiver)
        heard = await heard_by(conn, list(receivers), [call.case_id for call in calls], now - PAUSE)
        nothing = Heard(frozenset(), None)
        for receiver in receivers.values():
            known = heard.get(receiver.staff_id, nothing)
            for group in to_tell(calls, known.cases, known.last_at, now):
                await _tell(deps, conn, receiver, group, now)
                made += 1
        if made:
            await notify(conn, MESSAGES_CHANNEL, str(calls[0].incident_id))
    if made:
        log.info("%d coordinators are told of calls for help", made)
    return made


async def _tell(deps: Deps, conn: Connection, receiver: Receiver, calls: Sequence[Call], now: datetime) -> None:
    alert = await alert_of(conn, calls[-1].incident_id)
    code = place_of_calls(calls)

    def words(lang: str, channel: str) -> ComposedText:
        return help_text(
            deps.catalogs,
            len(calls),
            _town(deps, code, lang),
            purpose=alert.purpose,
            simulated=bool(alert.context["simulated"]),
            lang=lang,
            channel=channel,
            sender=deps.settings.sender_name,
        )

    await send_to_staff(deps, conn, alert, receiver, words, now)
    await keep_told(conn, receiver.staff_id, [call.case_id for call in calls], now)


def _town(deps: Deps, code: str, lang: str) -> str:
    if not code:
        return ""
    try:
        return deps.areas.name("jis", code, lang)
    except UnknownArea:
        return ""
