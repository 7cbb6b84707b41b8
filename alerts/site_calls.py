"""Calls who answers for a dorm whose people stay silent: its leader and night contact at night, a deputy where the
leader has not looked. Part of the tend loop; which steps, after how long and in which hours is data (rules/*.toml).

A step is taken once per dorm and incident, in one transaction with its message.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from alerts import site_call_store as store
from alerts.decision import Tell
from alerts.deps import Deps
from alerts.outbox_store import MESSAGES_CHANNEL
from alerts.people import Spec
from alerts.policy import priority, within_hours
from alerts.rules import Condition, Rule, Step
from alerts.site_call_store import MAX_LATE, Asking, Called
from alerts.staff_calls import WORTH_SENDING, staff_channels
from alerts.texts import Texts
from core.db import Connection, notify, transaction
from core.ids import uuid7
from core.model import Moment
from core.tokens import link_token, token_hash

log = logging.getLogger(__name__)

#: No step is later than this after its alert.
LATEST: Final = timedelta(hours=6)


def steps_due(rule: Rule, alert: Asking, now: datetime) -> list[Step]:
    """The steps to others whose time has come and not long passed; the hours are those of the alert."""
    return [
        step
        for step in rule.calls.get(alert.severity, ())
        if alert.created_at + timedelta(seconds=step.after_s) <= now
        and now - alert.created_at <= timedelta(seconds=step.after_s) + MAX_LATE
        and (step.hours is None or within_hours(alert.created_at, step.hours))
    ]


def name_of(step: Step) -> str:
    """What a step is called in `site_call`: whom it calls, and after how long."""
    return f"{step.to}:{step.after_s}"


async def call_sites(deps: Deps) -> int:
    """Take the steps that are due; how many messages were made."""
    made = 0
    async with transaction(deps.pool) as conn:
        now = deps.clock.now()
        for alert in await store.asking(conn, now - LATEST - MAX_LATE):
            rule = deps.rules.get(alert.context["hazard"])
            if rule is not None:
                for step in steps_due(rule, alert, now):
                    made += await _take(deps, conn, alert, rule, step, now)
    if made:
        log.info("%d calls to who answers for a dorm", made)
    return made


async def _take(deps: Deps, conn: Connection, alert: Asking, rule: Rule, step: Step, now: datetime) -> int:
    by_contact = staff_channels(deps)
    unread_since = alert.created_at if step.when is Condition.NOT_OPENED else None
    called = await store.due(conn, alert, step.to, name_of(step), list(by_contact), unread_since)
    if not called:
        return 0
    key = deps.vault.decrypt_bytes(alert.key_enc, alert.incident_id, "incident.key_enc")
    texts = _texts(deps, alert, rule, now)
    reached = [one for one in called if one.contact_id is not None]
    for one in reached:
        await _call(conn, alert, one, name_of(step), texts, by_contact, key, now)
    await store.note(conn, alert.incident_id, name_of(step), called, now)
    if reached:
        await notify(conn, MESSAGES_CHANNEL, str(alert.incident_id))
    return len(reached)


async def _call(
    conn: Connection,
    alert: Asking,
    one: Called,
    step: str,
    texts: Texts,
    by_contact: Mapping[str, str],
    key: bytes,
    now: datetime,
) -> None:
    link = one.link_id
    if link is None:
        link = uuid7()
        await store.new_link(conn, link, token_hash(link_token(key, link)), one, alert.incident_id, now)
    assert one.contact_channel is not None
    await store.add_message(
        conn,
        alert,
        one,
        step=step,
        text=texts.leader(one.languages, one.dorm, one.silent),
        channel=by_contact[one.contact_channel],
        link_id=link,
        priority=priority(alert.severity),
        now=now,
        expires_at=max(alert.expires_at, now + WORTH_SENDING),
    )


def _texts(deps: Deps, alert: Asking, rule: Rule, now: datetime) -> Texts:
    spec = Spec(
        moment=Moment.ISSUE,
        hazard=rule.hazard,
        tell=Tell.MATCHED,
        severity=alert.severity,
        areas=(),
        again_if_stronger=False,
        rise_asks_again=rule.rise_asks_again,
        ladder=rule.ladder,
        night=rule.night,
        now=now,
    )
    sender = deps.settings.sender_name
    return Texts(deps.catalogs, lambda scheme, code, lang: code, spec, alert.context, alert.purpose, sender)
