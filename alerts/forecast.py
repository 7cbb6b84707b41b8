"""What an alert would do, in numbers: counted over everybody it concerns, by the same rules as fan-out. Writes nothing.

A very large audience is sampled: a half, a third ... of the people is looked at, drawn at random but always the same,
and the numbers are multiplied; `Forecast.every` says by what.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

from alerts import fanout_store
from alerts.deps import Deps
from alerts.dorm_forecast import DormForecast, count_dorms
from alerts.fanout import SliceMaker, spec_of
from alerts.fanout_store import AlertRow
from alerts.people import Person, Telling, consider
from alerts.polygons import prepare
from alerts.rules import Rule
from alerts.zone_store import within_zones
from core.db import Connection
from core.model import Severity
from geo.match import UnusablePolygon

#: Billed by the part; what the console prints is what SMS would send.
SMS: Final = ("sms", "console")
#: Minutes that a call costs: the words twice and the time for a key; providers bill minutes that have begun.
CALL_MINUTES: Final = 2
#: People looked at in one go.
PORTION: Final = 5_000
#: More people than this are sampled where numbers are all that is wanted.
MOST: Final = 20_000

#: Called as it goes: (people looked at, people in the alert's areas).
Progress = Callable[[int, int], None]


class StepKey(NamedTuple):
    """One kind of message: over which way, when, and what makes it unnecessary."""

    channel: str
    after_s: int
    unless: str


@dataclass(slots=True)
class Forecast:
    """Counts of people and of messages; every fall-back counts as used, so parts and yen are the most it can cost."""

    #: Of at least one alert only one of so many people was looked at.
    every: int = 1
    people: int = 0
    asked: int = 0
    unreachable: int = 0
    sms_parts: int = 0
    severities: Counter[Severity] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    #: People of each language whose text goes out with the mark that nobody has approved it.
    unreviewed: Counter[str] = field(default_factory=Counter)
    parts: Counter[str] = field(default_factory=Counter)
    channels: Counter[str] = field(default_factory=Counter)
    steps: Counter[StepKey] = field(default_factory=Counter)
    orgs: Counter[str] = field(default_factory=Counter)
    #: Messages to who answers for the people's dorms; not multiplied where people are sampled.
    dorms: DormForecast = field(default_factory=DormForecast)
    _seen: set[UUID] = field(default_factory=set)

    def add(self, person: Person, maker: SliceMaker, weight: int = 1) -> Telling | None:
        """Count a person (for `weight` people) if the alert tells them; nobody is counted twice. None: not anew."""
        telling = consider(person, maker.spec, maker.channels)
        if telling is None or telling.quiet:
            return None
        language = maker.texts.language(person.languages)
        unreviewed = False
        for message in telling.messages:
            composed = maker.texts.of(telling, message.channel).composed
            unreviewed = unreviewed or composed.unreviewed
            self.channels[message.channel] += weight
            self.steps[StepKey(message.channel, message.after_s, message.unless)] += weight
            if message.channel in SMS:
                self.sms_parts += composed.segments * weight
                self.parts[language] += composed.segments * weight
        if person.id in self._seen:
            return None
        self._seen.add(person.id)
        self.people += weight
        self.asked += weight * telling.asked
        self.unreachable += weight * (not telling.reachable)
        self.severities[telling.severity] += weight
        self.languages[language] += weight
        if unreviewed:
            self.unreviewed[language] += weight
        return telling


SQL_ORGS_OF = """
SELECT o.name, count(DISTINCT m.resident_id) AS people FROM membership m JOIN organisation o ON o.id = m.org_id
WHERE m.resident_id = ANY($1::uuid[]) AND m.ended_at IS NULL GROUP BY o.id, o.name
"""


async def count_alert(
    deps: Deps,
    conn: Connection,
    alert: AlertRow,
    rule: Rule,
    forecast: Forecast,
    now: datetime,
    progress: Progress | None = None,
    most: int = MOST,
) -> None:
    """Add whom one alert tells. `conn` sees every row. An alert whose polygons cannot be used is held: it tells nobody.

    More people than `most` are sampled, except where `progress` is told how far the count is.
    """
    try:
        polygons = await prepare(conn, alert, deps.areas, deps.places)
    except UnusablePolygon:
        return
    alert = alert if polygons is None else polygons.alert
    everybody = await fanout_store.slice_ids(conn, alert, 1_000_000_000)
    every = max(1, -(-len(everybody) // most)) if progress is None else 1
    forecast.every = max(forecast.every, every)
    ids = everybody if every == 1 else Random(0).sample(everybody, len(everybody) // every)
    asked: list[UUID] = []
    for begin in range(0, len(ids), PORTION):
        portion = ids[begin : begin + PORTION]
        part = alert if polygons is None else await polygons.slice(conn, portion)
        maker = SliceMaker(deps, part, spec_of(rule, part, deps))
        people, _ = await fanout_store.gather_people(conn, part, portion, now)
        people = await within_zones(conn, part, rule, people)
        new = await asyncio.to_thread(_add, forecast, people, maker, every)
        for row in await conn.fetch(SQL_ORGS_OF, [telling.person.id for telling in new]):
            forecast.orgs[row["name"]] += row["people"] * every
        asked += [telling.person.id for telling in new if telling.asked and not telling.only_today]
        if progress is not None:
            progress(begin + len(portion), len(ids))
    if asked:
        await count_dorms(deps, conn, alert, rule, maker.texts, asked, forecast.dorms)


def _add(forecast: Forecast, people: Sequence[Person], maker: SliceMaker, weight: int) -> list[Telling]:
    return [new for person in people if (new := forecast.add(person, maker, weight)) is not None]
