"""Tells staff: once per incident and person, as soon as the people of an alert have been told. Part of the tend loop.

Beside the decide loop and not in it: whatever is wrong with a message to staff must not hold a warning to residents.
An alert is answered for in one transaction; killed anywhere, the next turn begins it again and nobody is told twice.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from alerts import staff_call_store as store
from alerts.compose import ComposedText
from alerts.deps import Deps
from alerts.outbox_store import MESSAGES_CHANNEL
from alerts.policy import priority
from alerts.staff_call_store import EMPLOYING, FOLLOWING, Group, Receiver, Uncalled
from alerts.staff_ladder import ladder, ways
from alerts.staff_texts import Happened, changed_text, place_of, staff_language, told_text
from alerts.wording import Names
from core.clock import date_in_japan
from core.db import Connection, notify, transaction
from core.ids import uuid7
from core.model import Moment, Purpose, Role
from core.tokens import link_token, token_hash
from geo.areas import Areas, UnknownArea
from geo.rivers import named
from registry.duty_store import on_duty

log = logging.getLogger(__name__)

#: What changes an alert that staff were told of.
CHANGES: Final = (Moment.CANCEL, Moment.LIFT, Moment.CORRECT)
#: A message to staff is worth sending this long, also where the warning itself is soon out of date.
WORTH_SENDING: Final = timedelta(hours=2)


async def call_staff(deps: Deps) -> int:
    """Tell staff of every alert they have not heard of; how many tellings were made."""
    made = 0
    while True:
        async with transaction(deps.pool) as conn:
            now = deps.clock.now()
            alert = await store.next_uncalled(conn, now)
            if alert is None:
                return made
            messages = await _call(deps, conn, alert, now)
            await store.mark_called(conn, alert.id, now)
            if messages:
                await notify(conn, MESSAGES_CHANNEL, str(alert.incident_id))
            made += messages
        log.info("alert %s: %d messages to staff", alert.id, messages)


async def _call(deps: Deps, conn: Connection, alert: Uncalled, now: datetime) -> int:
    changed = 0
    if alert.moment in CHANGES:
        changed = await _tell_change(deps, conn, alert, now)
        if alert.moment is not Moment.CORRECT or not alert.severity.asks:
            return changed
    told = await store.called_before(conn, alert.incident_id)
    made = 0
    employers = await store.employers_told(conn, alert, date_in_japan(now))
    for groups, roles in ((employers, EMPLOYING), (await store.networks_told(conn, alert), FOLLOWING)):
        for group in groups:
            for receiver in await on_duty_receivers(deps, conn, group.org_id, roles, now):
                if receiver.staff_id not in told:
                    await _tell(deps, conn, alert, group, receiver, roles is FOLLOWING, now)
                    told.add(receiver.staff_id)
                    made += 1
    return made + changed


async def on_duty_receivers(
    deps: Deps, conn: Connection, org_id: UUID, roles: frozenset[Role], now: datetime
) -> list[Receiver]:
    """The staff of an organisation who are on duty, or act for somebody who is, and can be reached."""
    by_contact = staff_channels(deps)
    return await store.receivers_of(conn, await on_duty(conn, org_id, now), list(by_contact), roles)


def staff_channels(deps: Deps) -> dict[str, str]:
    """Contact channel -> the configured channel that sends to it, a telephone first: it wakes people up."""
    kinds = [kind for kind in deps.channels.kinds.values() if kind.name in deps.channels.by_name]
    found = {kind.contact: kind.name for kind in kinds}
    return dict(sorted(found.items(), key=lambda pair: pair[0] == "push"))


async def _tell(
    deps: Deps, conn: Connection, alert: Uncalled, group: Group, receiver: Receiver, follows: bool, now: datetime
) -> None:
    happened = _happened(alert, group)

    def words(lang: str, channel: str) -> ComposedText:
        return told_text(
            deps.catalogs,
            names_for(deps.areas, group),
            happened,
            group.people,
            follows=follows,
            lang=lang,
            channel=channel,
            sender=deps.settings.sender_name,
        )

    await send_to_staff(deps, conn, alert, receiver, words, now)


async def _tell_change(deps: Deps, conn: Connection, alert: Uncalled, now: datetime) -> int:
    """Whoever was told of the alerts that are now cancelled, lifted or corrected hears of that, the same way."""
    receivers = await store.told_of(
        conn, alert, [UUID(one) for one in alert.context.get("of", ())], list(staff_channels(deps))
    )
    happened = _happened(alert, None)

    def words(lang: str, channel: str) -> ComposedText:
        return changed_text(
            deps.catalogs,
            lambda scheme, code, lang: code,
            happened,
            lang=lang,
            channel=channel,
            sender=deps.settings.sender_name,
        )

    for receiver in receivers:
        await send_to_staff(deps, conn, alert, receiver, words, now)
    return len(receivers)


def _happened(alert: Uncalled, group: Group | None) -> Happened:
    earlier = alert.context.get("earlier_at")
    changes = group is None
    return Happened(
        hazard=alert.context["hazard"],
        severity=alert.severity,
        announced_at=datetime.fromisoformat(alert.context["issued_at"]),
        purpose=alert.purpose,
        simulated=bool(alert.context.get("simulated")),
        place=None if group is None else place_of(group.place),
        moment=alert.moment if changes else Moment.ISSUE,
        earlier_at=datetime.fromisoformat(earlier) if earlier else alert.created_at if changes else None,
    )


def names_for(areas: Areas, group: Group) -> Names:
    """Names of areas; one that the tables lack is called what the telegram called it."""
    announced = (group.place or {}).get("name_ja") or ""

    def name(scheme: str, code: str, lang: str) -> str:
        try:
            return named(areas, scheme, code, lang)
        except UnknownArea:
            return announced or code

    return name


async def send_to_staff(
    deps: Deps,
    conn: Connection,
    alert: Uncalled,
    receiver: Receiver,
    words: Callable[[str, str], ComposedText],
    now: datetime,
) -> None:
    """A telling into the outbox, with the person's link for the incident: a message, and one for each further way.

    `words`: (language, channel) -> text.
    """
    link_id = await store.live_link(conn, receiver.staff_id, alert.incident_id, now)
    if link_id is None:
        link_id = uuid7()
        key = deps.vault.decrypt_bytes(alert.key_enc, alert.incident_id, "incident.key_enc")
        await store.new_link(conn, link_id, token_hash(link_token(key, link_id)), receiver, alert.incident_id, now)
    by_contact = staff_channels(deps)
    for way in ways(receiver.contacts, ladder(), receiver.first):
        channel = by_contact[way.contact.kind]
        text = words(staff_language(receiver.language), channel)
        shared = "\n".join((text.language, channel, text.title, text.body))
        await store.add_message(
            conn,
            alert_id=alert.id,
            incident_id=alert.incident_id,
            purpose=Purpose(alert.purpose),
            receiver=receiver,
            way=way,
            link_id=link_id,
            key="staff:" + hashlib.sha256(shared.encode()).hexdigest()[:16],
            text=text,
            channel=channel,
            priority=priority(alert.severity),
            now=now,
            expires_at=max(alert.expires_at, now + WORTH_SENDING),
        )
