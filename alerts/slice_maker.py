"""One slice of people, one by one: what each is told becomes rows. No database here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from alerts.decision import Tell
from alerts.deps import Deps
from alerts.fanout_store import AlertRow, Slice
from alerts.people import Person, Spec, Telling, consider, reason_of
from alerts.policy import priority
from alerts.reasons import reason_id, reason_text
from alerts.rules import Rule
from alerts.texts import Text, Texts, names_of
from core.ids import uuid7
from core.tokens import LinkTokens, token_hash


def spec_of(rule: Rule, alert: AlertRow, deps: Deps) -> Spec:
    """What the pure rules need of an alert and its hazard."""
    return Spec(
        moment=alert.moment,
        hazard=rule.hazard,
        tell=alert.tell,
        severity=alert.severity,
        areas=alert.areas,
        again_if_stronger=bool(alert.context.get("again_if_stronger")),
        rise_asks_again=rule.rise_asks_again,
        ladder=rule.ladder,
        night=rule.night,
        now=deps.clock.now(),
        again_if=rule.again_if,
        quiet=rule.quiet,
        valid_until=None if (until := alert.context.get("valid_until")) is None else datetime.fromisoformat(until),
    )


class SliceMaker:
    """Turns people into rows. Pure but for the random part of new link ids."""

    def __init__(self, deps: Deps, alert: AlertRow, spec: Spec, shared: dict[str, Text] | None = None) -> None:
        """`shared`: texts of the alert by their key, composed before and to be composed now."""
        self.alert = alert
        self.spec = spec
        names = {step.channel for steps in spec.ladder.values() for step in steps}
        self.channels = {name: kind for name in sorted(names) if (kind := deps.channels.resolve(name)) is not None}
        self.texts = Texts(
            deps.catalogs,
            names_of(deps.areas, alert.areas),
            spec,
            alert.context,
            alert.purpose,
            deps.settings.sender_name,
            {} if shared is None else shared,
        )
        self.tokens = LinkTokens(
            b""
            if alert.key_enc is None
            else deps.vault.decrypt_bytes(alert.key_enc, alert.incident_id, "incident.key_enc")
        )
        #: Those of the people so far, by the id of their row.
        self.reasons: dict[UUID, str] = {}
        self._reasons: dict[tuple[Any, ...], UUID] = {}

    def make(self, people: Sequence[Person], links: dict[UUID, UUID]) -> Slice:
        """The rows of these people. `links`: check-in links that exist already."""
        rows = Slice([], [], {}, [], [], [])
        for person in people:
            telling = consider(person, self.spec, self.channels)
            if telling is not None:
                self._add(rows, telling, links.get(person.id))
        return rows

    def _add(self, rows: Slice, telling: Telling, link: UUID | None) -> None:
        person = telling.person
        rows.standings.append(
            (
                person.id,
                telling.severity.value,
                telling.asked,
                self.reason(telling),
                telling.reachable,
                telling.only_today,
            )
        )
        if telling.quiet:
            return
        if telling.settled:
            rows.settled.append(person.id)
        if person.standing is not None and self.spec.tell is not Tell.SILENT:
            rows.superseded.append(person.id)
        if link is None:
            link = uuid7()
            rows.links.append((link, token_hash(self.tokens.of(link)), person.id))
        for message in telling.messages:
            text = self.texts.of(telling, message.channel)
            rows.texts[text.key] = (message.channel, text)
            rows.messages.append(
                (
                    person.id,
                    message.contact_id,
                    message.channel,
                    message.step,
                    text.key,
                    link,
                    priority(telling.severity),
                    message.unless,
                    self.spec.now + timedelta(seconds=message.after_s),
                )
            )

    def reason(self, telling: Telling) -> UUID:
        """The id of the reason, which is kept in `reasons`; people without an earlier standing share theirs."""
        if telling.person.standing is not None:
            return self._reason(telling)
        group = (telling.home, telling.work, telling.today, telling.worse, telling.severity)
        found = self._reasons.get(group)
        if found is None:
            found = self._reasons[group] = self._reason(telling)
        return found

    def _reason(self, telling: Telling) -> UUID:
        text = reason_text(reason_of(telling, self.spec))
        found = reason_id(self.alert.incident_id, text)
        self.reasons[found] = text
        return found
