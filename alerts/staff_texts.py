"""The short messages to staff: what, where, how many of their people, the link. Pure; Japanese or English.

A Japanese SMS has one part of 70 characters, and the link takes 40 of them: the shortest wording that still says all
of it goes out where the longer one would cost a second part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from alerts import wording
from alerts.compose import LINK, NOMINAL_LINK_LENGTH, ComposedText
from alerts.sms_text import segments
from alerts.wording import Names, PlaceText, TextContext, Voice
from core.i18n import Catalogs
from core.model import Moment, Purpose, Severity, Tier

#: Languages of staff; whoever chose another reads English.
LANGUAGES: Final = ("ja", "en")
#: The wordings of one message, ever shorter: names of tsunami areas leave no room for more than a number.
_LENGTHS: Final = ("", ".short", ".bare")
#: What follows a text without one of these needs a full stop before it.
_ENDS: Final = ".:。"


@dataclass(frozen=True, slots=True)
class Happened:
    """What staff are told of: the alert's facts, without anybody's name."""

    hazard: str
    severity: Severity
    announced_at: datetime
    purpose: Purpose
    simulated: bool
    #: Where most of the hardest hit of these people live or work; None: nowhere in particular.
    place: PlaceText | None = None
    moment: Moment = Moment.ISSUE
    #: When the message that a cancellation takes back was announced.
    earlier_at: datetime | None = None

    def context(self, sender: str) -> TextContext:
        """The facts in the form in which the wording of alerts takes them."""
        return TextContext(
            hazard=self.hazard,
            severity=self.severity,
            moment=self.moment,
            places=() if self.place is None else (self.place,),
            announced_at=self.announced_at,
            purpose=self.purpose,
            simulated=self.simulated,
            sender=sender,
            earlier_at=self.earlier_at,
        )


def place_of(reason: Mapping[str, Any] | None) -> PlaceText | None:
    """One place of `standing_reason.reason` as the texts name it; None where there is none."""
    if not reason:
        return None
    town = reason.get("municipality")  # of a place reached by a polygon, which has no name
    scheme, code = ("jis", town) if town else (reason["scheme"], reason["code"])
    return PlaceText(None, scheme, code, reason["level"], reason["area_max"], Tier(reason.get("tier") or "none"))


def staff_language(language: str) -> str:
    """Japanese or English."""
    return language if language in LANGUAGES else "en"


def told_text(
    catalogs: Catalogs,
    names: Names,
    happened: Happened,
    people: int,
    *,
    follows: bool,
    lang: str,
    channel: str,
    sender: str,
) -> ComposedText:
    """ "Earthquake shindo 7, Mashiki. 12 of your people were told." `follows`: a coordinator, whose number is all."""
    key = "staff.sms.follow" if follows else "staff.sms.told"
    return _made(catalogs, names, happened, key, {"count": people}, lang, channel, sender)


#: What became of an alert -> the wording that says so.
_CHANGED: Final = {
    Moment.CANCEL: "staff.sms.cancelled",
    Moment.LIFT: "staff.sms.lifted",
    Moment.CORRECT: "staff.sms.corrected",
}


def changed_text(
    catalogs: Catalogs, names: Names, happened: Happened, *, lang: str, channel: str, sender: str
) -> ComposedText:
    """What staff were told of has been cancelled, lifted or corrected by its source."""
    return _made(catalogs, names, happened, _CHANGED[happened.moment], {}, lang, channel, sender)


def help_text(
    catalogs: Catalogs,
    people: int,
    place: str,
    *,
    purpose: Purpose,
    simulated: bool,
    lang: str,
    channel: str,
    sender: str,
) -> ComposedText:
    """ "2 people need help in Mashiki." `place`: a municipality in the reader's language; "" if none may be named."""
    say = Voice(catalogs, lang)
    one = ".one" if people == 1 else ""
    text = (
        say(f"staff.sms.help_in{one}", count=people, place=place)
        if place
        else say(f"staff.sms.help{one}", count=people)
    )
    tag = None if purpose is Purpose.LIVE and not simulated else "tag.simulated"
    if purpose is not Purpose.LIVE:
        tag = f"tag.{purpose}"
    return _framed(say, text, tag, channel, sender)


def _made(
    catalogs: Catalogs,
    names: Names,
    happened: Happened,
    key: str,
    fields: dict[str, object],
    lang: str,
    channel: str,
    sender: str,
) -> ComposedText:
    say = Voice(catalogs, lang)
    ctx = happened.context(sender)
    place = happened.place
    where = wording.place_name(say, names, place, kanji=False) if place is not None else ""
    what = wording.short_term(ctx, say)
    what = say("staff.sms.what", what=what, where=where) if where else what
    made = [
        _framed(say, say(key + length, what=what, **fields), wording.tag(ctx), channel, sender) for length in _LENGTHS
    ]
    return min(made, key=lambda text: text.segments)  # of equal ones the first, which says more


def _framed(say: Voice, text: str, tag: str | None, channel: str, sender: str) -> ComposedText:
    """The sentence with who sends it, labelled first and last unless it is real; the link alone on the last line."""
    if channel == "push":
        title, body = sender, text
        if tag:
            title, body = (
                say("frame.tagged", tag=say(f"{tag}.first"), text=sender),
                say.join([text, say(f"{tag}.last")]),
            )
        return ComposedText(title, body, say.lang, say.unreviewed, 0, "")
    if tag and text[-1] not in _ENDS:
        text = say("frame.sentence", text=text)
    framed = say("frame.sender", sender=sender, text=text)
    if tag:
        framed = say.join([say("frame.tagged", tag=say(f"{tag}.first"), text=framed), say(f"{tag}.last.sms")])
    body = f"{framed}\n{LINK}"
    counted = segments(body.replace(LINK, "x" * NOMINAL_LINK_LENGTH))
    return ComposedText("", body, say.lang, say.unreviewed, counted.parts, counted.encoding)
