"""Who came after an alert had been to everybody: told at once what holds there now, and asked if others are.

Called by the decide loop when nothing else is to be done, so that no alert waits for it, and never beside a fan-out. It
tells by the fan-out's own step (alerts/tell.py): the same rules, texts, links and standings.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from alerts import fanout_store, newcomer_store, rule_store, slice_store, wording_store
from alerts.deps import Deps
from alerts.fanout_store import AlertRow
from alerts.newcomer import Said, holding, text_ends_at
from alerts.newcomer_store import Newcomers
from alerts.people import consider
from alerts.polygons import Prepared, prepare
from alerts.rule_book import rule_at
from alerts.rules import Rule
from alerts.slice_maker import SliceMaker, spec_of
from alerts.store import DEFAULT_LIFE
from alerts.tell import call_leaders, tell
from alerts.zone_store import asks_zones, within_zones
from core.db import CONNECTION_ERRORS, Connection, transaction

log = logging.getLogger(__name__)

#: Notes taken at a time, each of up to 500 people (migrations/0034): few, so that an event never waits long.
NOTES: Final = 4
#: People told at a time: as many as a portion of a fan-out.
AT_ONCE: Final = 10_000


async def tell_newcomers(deps: Deps) -> bool:
    """Tell the next people who have come what holds where they are; whether there may be more to do at once.

    Their notes go in the transaction that tells them: killed anywhere, they are told at the next start. Whatever goes
    wrong here, alerts are still decided.
    """
    try:
        return await _tell_next(deps)
    except CONNECTION_ERRORS:
        raise
    except Exception:
        log.exception("people who came after an alert cannot be told of it; an operator must look")
        return False


async def _tell_next(deps: Deps) -> bool:
    async with transaction(deps.pool) as conn:
        taken = await newcomer_store.take(conn, NOTES)
        if taken is None:
            return False
        now = deps.clock.now()
        told, waiting = 0, set[UUID]()
        if taken.ids:
            said = holding(await newcomer_store.said_now(conn), now)
            if said:
                await slice_store.begin(conn)
                await rule_store.refresh(conn, deps.rules)
                await wording_store.refresh(conn, deps.catalogs)
            for one in said:
                told += await _tell_of(deps, conn, one, taken, waiting, now)
        if waiting:
            await newcomer_store.put_back(conn, waiting, taken.since)
    if told:
        log.info("%d people who came after an alert were told what holds where they are", told)
    return not waiting


async def _tell_of(
    deps: Deps, conn: Connection, said: Said, taken: Newcomers, waiting: set[UUID], now: datetime
) -> int:
    """Tell them of one alert; how many. Who must wait for the hazard zones is added to `waiting`.

    An alert our code cannot handle keeps nobody from the others: it is logged, and told to nobody here.
    """
    try:
        async with conn.transaction():
            alert = await newcomer_store.lock_alert(conn, said.id)
            if alert is None:
                return 0
            rule = rule_at(deps.rules, said.hazard, alert.context.get("rule", ""))
            life = timedelta(seconds=rule.life_s[said.severity]) if said.severity in rule.life_s else DEFAULT_LIFE
            alert = replace(alert, expires_at=text_ends_at(said, life, now))
            polygons = await prepare(conn, alert, deps.areas, deps.places)
            ids = await newcomer_store.concerned(conn, alert if polygons is None else polygons.alert, taken.ids, now)
            if ids and asks_zones(alert, rule):
                later = await newcomer_store.uncompared(conn, ids, taken.since)
                waiting |= later
                ids = [person for person in ids if person not in later]
            told = 0
            for start in range(0, len(ids), AT_ONCE):
                told += await _tell_these(deps, conn, alert, rule, polygons, ids[start : start + AT_ONCE], now)
            await newcomer_store.count_more(conn, alert, told)
            if ids:
                maker = SliceMaker(deps, alert, spec_of(rule, alert, deps), deps.composed.of(alert.id).texts)
                await call_leaders(deps, conn, alert, maker.texts)
            return told
    except CONNECTION_ERRORS:
        raise
    except Exception:
        log.exception("alert %s cannot be told to people who came after it; an operator must look", said.id)
        return 0


async def _tell_these(
    deps: Deps,
    conn: Connection,
    alert: AlertRow,
    rule: Rule,
    polygons: Prepared | None,
    ids: list[UUID],
    now: datetime,
) -> int:
    """Tell those of these people to whom it is news; how many more this alert has told now.

    Who could not be reached by it so far is told all of it. Who was told, and moved to where the same report says
    worse, is told by an alert of their own, because an alert tells nobody twice.
    """
    contacts = sorted({kind.contact for kind in deps.channels.kinds.values() if kind.name in deps.channels.by_name})
    before = await newcomer_store.told_by(conn, alert, ids)
    at_last = await newcomer_store.reachable_at_last(conn, alert, ids, contacts)
    told = 0
    if new := [person for person in ids if person not in before or person in at_last]:
        again = await newcomer_store.forget_told(conn, alert, at_last)
        told = await tell(deps, conn, alert, rule, polygons, new, now, afresh=at_last)
        told += await newcomer_store.remember_told(conn, alert, again) - len(again)
    if movers := sorted(before - at_last):
        await _tell_movers(deps, conn, alert, rule, polygons, movers, now)
    return told


async def _tell_movers(
    deps: Deps,
    conn: Connection,
    alert: AlertRow,
    rule: Rule,
    polygons: Prepared | None,
    ids: list[UUID],
    now: datetime,
) -> None:
    """The same report again, to those to whom it says something worse where they are now; an alert only if any."""
    ids = await _news_to(deps, conn, alert, rule, polygons, ids, now)
    if not ids:
        return
    # At once, because texts are written beside this transaction; killed now, it has told nobody.
    further = await newcomer_store.say_again(deps.pool, alert, now)
    mine = None if polygons is None else replace(polygons, alert=replace(further, inside=polygons.alert.inside))
    await newcomer_store.count_more(conn, further, await tell(deps, conn, further, rule, mine, ids, now))


async def _news_to(
    deps: Deps,
    conn: Connection,
    alert: AlertRow,
    rule: Rule,
    polygons: Prepared | None,
    ids: list[UUID],
    now: datetime,
) -> list[UUID]:
    if polygons is not None:
        alert = await polygons.slice(conn, ids)
    people, _ = await fanout_store.gather_people(conn, alert, ids, now)
    maker = SliceMaker(deps, alert, spec_of(rule, alert, deps))
    people = await within_zones(conn, alert, rule, people)
    return [person.id for person in people if consider(person, maker.spec, maker.channels) is not None]
