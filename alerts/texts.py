"""The texts of one alert, composed once per group of people who get the same words. No database here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alerts.compose import LINK, NOMINAL_LINK_LENGTH, ComposedText, alert_language, compose, text_key
from alerts.decision import RatedArea
from alerts.people import Spec, Telling
from alerts.sms_text import segments
from alerts.wording import Names, PlaceText, TextContext, Voice, tag
from core.i18n import Catalogs
from core.model import Answer, Moment, PlaceKind, Purpose, Severity
from geo.areas import Areas, UnknownArea
from geo.rivers import named


@dataclass(frozen=True, slots=True)
class Text:
    """A composed text and the key under which the alert stores it once."""

    key: str
    composed: ComposedText


@dataclass(slots=True)
class Texts:
    """The texts of one alert. `context` is the alert's context column."""

    catalogs: Catalogs
    names: Names
    spec: Spec
    context: dict[str, Any]
    purpose: Purpose
    sender: str
    #: By their key: one alert composes a text once, however many slices of people it goes through.
    shared: dict[str, Text] = field(default_factory=dict)
    _texts: dict[tuple[object, ...], Text] = field(default_factory=dict)
    _languages: dict[tuple[str, ...], str] = field(default_factory=dict)

    def language(self, languages: tuple[str, ...]) -> str:
        """The language in which somebody with these languages is told."""
        if languages not in self._languages:
            self._languages[languages] = alert_language(self.catalogs, languages)
        return self._languages[languages]

    def of(self, telling: Telling, channel: str) -> Text:
        """The text for this person over this channel."""
        lang = self.language(telling.person.languages)
        moment = self._moment(telling)
        where = (telling.home, telling.work, telling.today, telling.worse)
        group = (*where, moment, telling.severity, telling.asked, lang, channel)
        found = self._texts.get(group)
        if found is None:
            context = self._context(telling, moment)
            key = text_key(context, lang, channel)
            found = self.shared.get(key)
            if found is None:
                found = self.shared[key] = Text(key, compose(context, lang, channel, self.catalogs, self.names))
            self._texts[group] = found
        return found

    def _moment(self, telling: Telling) -> Moment:
        """A second report is an update only for people who heard the first."""
        standing = telling.person.standing
        if self.spec.moment is Moment.UPDATE and (standing is None or standing.told(self.spec.hazard) is None):
            return Moment.ISSUE
        return self.spec.moment

    def _context(self, telling: Telling, moment: Moment) -> TextContext:
        places = []
        found = {PlaceKind.HOME: telling.home, PlaceKind.WORK: telling.work, PlaceKind.TODAY: telling.today}
        for kind in sorted(found, key=lambda kind: kind != telling.worse):
            if (index := found[kind]) is not None:
                places.append(place_text(kind, self.spec.areas[index]))
        questions = tuple(Answer(question) for question in self.context["questions"])
        earlier = self.context.get("earlier_at")
        announced = datetime.fromisoformat(self.context["issued_at"])
        return TextContext(
            hazard=self.spec.hazard,
            severity=telling.severity,
            moment=moment,
            places=tuple(places),
            announced_at=announced,
            purpose=self.purpose,
            simulated=self.context["simulated"],
            asks=questions if telling.asked else (),
            sender=self.sender,
            source=source_of(self.context),
            agency=str(self.context.get("office") or ""),
            earlier_at=datetime.fromisoformat(earlier) if earlier else None,
        )

    def leader(self, languages: tuple[str, ...], dorm: str, people: int) -> ComposedText:
        """The one message to who answers for a dorm: "your 6 people"."""
        lang = self.language(languages)
        say = Voice(self.catalogs, lang)
        what = say("frame.sentence", text=say(f"hazard.{self.spec.hazard}"))
        text = say.join([what, say("leader.sms", dorm=dorm, count=people)])
        if say.unreviewed:
            text = say.join([text, say("alert.unreviewed.short")])
        text = say("frame.sender", sender=self.sender, text=text)
        label = tag(
            TextContext(
                hazard=self.spec.hazard,
                severity=Severity.SEVERE,
                moment=Moment.ISSUE,
                places=(),
                announced_at=datetime.fromisoformat(self.context["issued_at"]),
                purpose=self.purpose,
                simulated=self.context["simulated"],
            )
        )
        title = say("leader.title", dorm=dorm, count=people)
        if label is not None:
            title = say("frame.tagged", tag=say(f"{label}.first"), text=title)
            text = say.join([say("frame.tagged", tag=say(f"{label}.first"), text=text), say(f"{label}.last.sms")])
        body = f"{text}\n{LINK}"
        counted = segments(body.replace(LINK, "x" * NOMINAL_LINK_LENGTH))
        return ComposedText(
            title=title,
            body=body,
            language=lang,
            unreviewed=say.unreviewed,
            segments=counted.parts,
            encoding=counted.encoding,
        )


def source_of(context: Mapping[str, Any]) -> str:
    """Who said what an alert tells (TextContext.source), by the alert's context."""
    source = str(context.get("source") or "jma")
    return f"manual.{context.get('office') or ''}" if source == "manual" else source


def place_text(kind: PlaceKind | None, rated: RatedArea) -> PlaceText:
    """A rated area as the texts name it."""
    area = rated.area
    return PlaceText(kind, area.scheme, area.code, area.level, rated.area_max, area.tier)


def names_of(areas: Areas, spec_areas: tuple[RatedArea, ...]) -> Names:
    """Area names from the area tables; a code they lack is called what the telegram calls it."""
    own = {(r.area.scheme, r.area.code): r.area.name for r in spec_areas}

    def name(scheme: str, code: str, lang: str) -> str:
        try:
            return named(areas, scheme, code, lang)
        except UnknownArea:
            return own.get((scheme, code)) or code

    return name
