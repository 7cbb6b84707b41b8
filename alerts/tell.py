"""One portion of an alert's people: gathered, decided, written in the caller's transaction; then the dorms' leaders."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from alerts import fanout_store, leader_store
from alerts.crowd import CrowdRows, crowd_rows, decide_crowd
from alerts.crowd_store import gather_crowd, write_crowd
from alerts.decision import Tell
from alerts.deps import Deps
from alerts.fanout_store import AlertRow
from alerts.outbox_store import INCIDENT_CHANNEL, MESSAGES_CHANNEL
from alerts.policy import priority
from alerts.polygons import Prepared
from alerts.reason_store import write_reasons
from alerts.rules import Rule
from alerts.slice_maker import SliceMaker, spec_of
from alerts.text_store import write_texts
from alerts.texts import Texts
from alerts.zone_store import asks_zones, within_zones
from core.db import Connection, UniqueViolation, notify
from core.ids import uuid7
from core.model import Moment, Purpose
from core.tokens import link_token, token_hash

log = logging.getLogger(__name__)


async def tell(
    deps: Deps,
    conn: Connection,
    alert: AlertRow,
    rule: Rule,
    polygons: Prepared | None,
    ids: list[UUID],
    now: datetime,
    afresh: Collection[UUID] = (),
) -> int:
    """Tell those of these people whom the alert concerns; how many. `afresh`: who stands in the incident, but to whom
    nothing of it could be sent so far: all of it is news to them."""
    if polygons is not None:
        alert = await polygons.slice(conn, ids)
    texts = deps.composed.of(alert.id)
    maker = SliceMaker(deps, alert, spec_of(rule, alert, deps), texts.texts)
    told, asked = 0, False
    if alert.tell is Tell.MATCHED and not asks_zones(alert, rule):
        try:
            async with conn.transaction():
                crowd, ids = await _tell_crowd(deps, conn, alert, maker, ids, now)
        except UniqueViolation:
            log.info("alert %s: somebody answered in this very moment: the portion goes one by one", alert.id)
        else:
            told, asked = crowd.people, crowd.asked
            if crowd.message_count:
                await notify(conn, MESSAGES_CHANNEL, str(alert.incident_id))
    if ids:
        people, links = await fanout_store.gather_people(conn, alert, ids, now)
        if afresh:
            people = [replace(person, standing=None) if person.id in afresh else person for person in people]
        people = await within_zones(conn, alert, rule, people)
        # Pure work on thousands of people: in a thread, so that pages answer meanwhile.
        rows = await asyncio.to_thread(maker.make, people, links)
        text_ids = await write_texts(deps.pool, alert.id, texts, rows.texts)
        await write_reasons(deps.pool, alert.incident_id, texts.reasons, maker.reasons)
        await fanout_store.write_slice(conn, alert, rows, text_ids, now)
        if alert.tell is not Tell.LOWERED:
            told += len(rows.standings)
        asked = asked or any(standing[2] for standing in rows.standings)
        if rows.messages:
            await notify(conn, MESSAGES_CHANNEL, str(alert.incident_id))
    if asked:
        await fanout_store.note_round(conn, alert)
    await notify(conn, INCIDENT_CHANNEL, str(alert.incident_id))
    return told


async def _tell_crowd(
    deps: Deps, conn: Connection, alert: AlertRow, maker: SliceMaker, ids: Sequence[UUID], now: datetime
) -> tuple[CrowdRows, list[UUID]]:
    """Tell those without a standing, kind by kind; what was written, and who is left to be looked at one by one."""
    groups, known = await gather_crowd(conn, alert, ids, now)
    decided = await asyncio.to_thread(decide_crowd, groups, maker)
    wanted = {
        text.key: (message.channel, text)
        for group in decided
        for message, text in zip(group.telling.messages, group.texts, strict=True)
    }
    text_ids = await write_texts(deps.pool, alert.id, deps.composed.of(alert.id), wanted)
    rows = await asyncio.to_thread(crowd_rows, decided, maker, text_ids, now)
    await write_reasons(deps.pool, alert.incident_id, deps.composed.of(alert.id).reasons, maker.reasons)
    await write_crowd(conn, rows)
    return rows, known


async def call_leaders(deps: Deps, conn: Connection, alert: AlertRow, texts: Texts) -> None:
    """Once per dorm and incident: whoever answers for it gets one link to all its people."""
    if alert.moment not in (Moment.ISSUE, Moment.UPDATE, Moment.CORRECT) or not alert.severity.asks:
        return
    if alert.key_enc is None or alert.purpose is Purpose.CANARY:
        return
    key = deps.vault.decrypt_bytes(alert.key_enc, alert.incident_id, "incident.key_enc")
    kinds = [k for k in deps.channels.kinds.values() if k.name in deps.channels.by_name]
    by_contact = {kind.contact: kind.name for kind in kinds if kind.over is None}
    # An SMS wakes a leader up more surely than a notification, and an e-mail wakes nobody.
    preferred = sorted(by_contact, key=lambda contact: ("phone", "line", "push", "email").index(contact))
    now = deps.clock.now()
    for leader in await leader_store.leaders_of(conn, alert, preferred):
        link = uuid7()
        await leader_store.insert_leader_message(
            conn,
            alert,
            leader,
            link_id=link,
            token_sha256=token_hash(link_token(key, link)),
            text=texts.leader(leader.languages, leader.dorm, leader.people),
            channel=by_contact[leader.contact_channel],
            priority=priority(alert.severity),
            now=now,
        )
