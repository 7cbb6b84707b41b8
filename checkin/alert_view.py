"""What the check-in page says about the alert: level, where, when, what it means, what to do. Pure.

The same facts and the same sentences as the message that led here (alerts/wording.py), slot by slot, because a page has
room to set each one apart, to put the Japanese beside it, and Easy Japanese and English under a wording that people
have not approved yet (DESIGN §4, promise 10).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup

from alerts import wording
from alerts.texts import source_of
from alerts.wording import PlaceText, TextContext, Voice
from checkin.link_store import IncidentView
from core.i18n import Catalogs, ruby
from core.model import Moment, PlaceKind, Severity, Tier

#: Easy Japanese stands under every foreign text: it is also what a neighbour can read out.
EASY: Final = "ja-simple"


@dataclass(frozen=True, slots=True)
class Words:
    """One language's words for the alert, as safe HTML. Empty where there is nothing to say."""

    lang: str
    title: Markup
    where: Markup
    when: Markup
    changes: Markup
    means: Markup
    do: Markup


@dataclass(frozen=True, slots=True)
class AlertView:
    """The alert in the page's language, in Japanese, and in the languages that stand beside unapproved wording."""

    own: Words
    #: The Japanese headline to stand beside the page's; None if that is the same.
    title_ja: Markup | None
    #: None if the page is in Japanese already, or in Easy Japanese.
    japanese: Words | None
    beside: tuple[Words, ...]
    #: The page's own wording has not been approved by people yet: the page says so.
    unreviewed: bool
    #: The danger was withdrawn or lifted.
    over: bool
    urgent: bool
    #: The source's own headline, as issued; "" if it has none.
    original: str
    #: Who issued it, in Japanese.
    office: str
    #: The line that names a source that is not JMA itself; None: JMA.
    source: Markup | None
    unreviewed_key: str
    #: Keys of the words that say what this is not (a drill, a simulation); None for a real alert.
    tag_first: str | None
    tag_last: str | None


def alert_view(
    catalogs: Catalogs,
    incident: IncidentView,
    severity: Severity,
    reason: Mapping[str, Any],
    lang: str,
    names: wording.Names,
    *,
    simulated: bool = False,
) -> AlertView:
    """The words of an incident for one person.

    `severity` and `reason` are that person's row in the incident; `reason` is {} for somebody whose places it does
    not touch. `simulated`: everything in this deployment is fictional.
    """
    context = text_context(incident, severity, reason, simulated=simulated)
    names = _with_fallback(names, reason)
    own, unreviewed = _words(context, Voice(catalogs, lang, readings=True), names)
    beside = [EASY] if lang != EASY else []
    if unreviewed and lang != "en":
        beside.append("en")
    tag = wording.tag(context)
    japanese = _words(context, Voice(catalogs, "ja"), names)[0]
    return AlertView(
        own=own,
        title_ja=japanese.title if japanese.title != own.title else None,
        japanese=None if lang in ("ja", EASY) else japanese,
        beside=tuple(_words(context, Voice(catalogs, other, readings=True), names)[0] for other in beside),
        unreviewed=unreviewed and lang != "ja",
        over=incident.moment in (Moment.CANCEL, Moment.LIFT),
        urgent=severity.asks,
        original=str(incident.context.get("headline") or ""),
        office=_office(context, catalogs),
        source=None if context.source == "jma" else _source(context, Voice(catalogs, lang)),
        unreviewed_key=wording.unreviewed_key(context.source),
        tag_first=f"{tag}.first" if tag else None,
        tag_last=f"{tag}.last" if tag else None,
    )


def _source(context: TextContext, say: Voice) -> Markup:
    return ruby(say("page.source.other", source=wording.source_name(context, say)))


def _office(context: TextContext, catalogs: Catalogs) -> str:
    """JMA's own office; of any other source its name."""
    return context.agency if context.source == "jma" else wording.source_name(context, Voice(catalogs, "ja"))


def text_context(
    incident: IncidentView, severity: Severity, reason: Mapping[str, Any], *, simulated: bool = False
) -> TextContext:
    """The facts of an incident for one person as the wording needs them."""
    moment = incident.moment
    earlier = _time(incident.context.get("earlier_at"))
    if earlier is None and moment in (Moment.CORRECT, Moment.CANCEL):
        earlier = incident.opened_at
    return TextContext(
        # A tsunami joins the incident of its quake: what the newest alert is about decides.
        hazard=str(incident.context.get("hazard") or incident.hazard),
        severity=severity,
        moment=moment,
        places=_places(reason),
        announced_at=_time(incident.context.get("issued_at")) or incident.opened_at,
        purpose=incident.purpose,
        simulated=simulated or incident.simulated,
        asks=incident.offered if severity.asks else (),
        source=source_of(incident.context),
        agency=str(incident.context.get("office") or ""),
        earlier_at=earlier,
    )


def _places(reason: Mapping[str, Any]) -> tuple[PlaceText, ...]:
    order = sorted(PlaceKind, key=lambda kind: kind != reason.get("worse"))
    return tuple(
        PlaceText(
            kind,
            *_named(place),
            place.get("level"),
            place.get("area_max"),
            Tier(place.get("tier") or "none"),
        )
        for kind in order
        if (place := reason.get(kind))
    )


def _named(place: Mapping[str, Any]) -> tuple[str, str]:
    """(scheme, code) by which a place is named: a polygon has no name, so that the place's municipality stands in."""
    if municipality := place.get("municipality"):
        return "jis", str(municipality)
    return str(place["scheme"]), str(place["code"])


def _words(context: TextContext, say: Voice, names: wording.Names) -> tuple[Words, bool]:
    """The words in one language, and whether any of them is unapproved."""
    tag = wording.moment_tag(context, say)
    title = _or(lambda: wording.term(context, say), say(f"hazard.{context.hazard}"))
    if tag:
        title = say("frame.tagged", tag=tag, text=title)
    words = Words(
        lang=say.lang,
        title=ruby(title),
        where=ruby(wording.where(context, say, names, kanji=True)),
        when=ruby(wording.announced(context, say)),
        changes=ruby(wording.changes(context, say)),
        means=ruby(_or(lambda: wording.meaning(context, say), "")),
        do=ruby(say.join(wording.actions(context, say))),
    )
    return words, say.unreviewed


def _or(text: Callable[[], str], otherwise: str) -> str:
    """A page without one sentence is better than no page: a level nobody has words for yet falls back."""
    try:
        return text()
    except LookupError:
        return otherwise


def _with_fallback(names: wording.Names, reason: Mapping[str, Any]) -> wording.Names:
    """Names of areas; one that is newer than our table has the telegram's own name in every language."""
    own = {
        _named(place): str(place.get("name_ja") or place["code"]) for kind in PlaceKind if (place := reason.get(kind))
    }

    def name(scheme: str, code: str, lang: str) -> str:
        try:
            return names(scheme, code, lang)
        except LookupError:
            return own.get((scheme, code), code)

    return name


def _time(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None
