"""The sentences of an alert in one language: what, where, when, what to do. Pure; the words come from the catalogue.

Slots follow a fixed order (who sends, drill or correction, what with its level, where, when, what to do), so that the
first part of a long SMS already says what matters. Every sentence stands whole in the wording files; only the slots
are joined.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.clock import JST
from core.i18n import Catalogs
from core.model import (
    CAP_SEVERITIES,
    TSUNAMI_LEVELS,
    Answer,
    Level,
    Moment,
    PlaceKind,
    Purpose,
    Severity,
    Tier,
    level_rank,
    require_aware,
)

#: (scheme, code, language) -> the area's name for a reader of that language.
Names = Callable[[str, str, str], str]

#: The "language" in which `Names` gives the kana reading of an area (BCP 47: Japanese in hiragana).
KANA: Final = "ja-Hira"

_ALL_KANJI: Final = re.compile(r"[\u4e00-\u9fff\u3005]+")

#: Intensity as in telegrams -> the end of its key in the wording files; "6-" itself is never shown to anybody.
_INTENSITY_KEYS = {"5-": "5_lower", "5+": "5_upper", "6-": "6_lower", "6+": "6_upper"}
#: Level 3 of these is announced early enough to leave before dark.
_LEAVE_BEFORE_DARK = ("heavy_rain", "landslide", "river_flood", "storm_surge")
#: Sources whose words are JMA's: the Japanese text that is official is JMA's.
_JMA = ("jma", "p2pquake")
_TIERS = list(Tier)  # the worst first
#: An agency's name is somebody else's text in a message of ours: at most so long, without anything like a link.
_AGENCY_LENGTH = 60
#: What phones turn into a link, or what we fill in.
_LIKE_A_LINK = re.compile(r"[@{}<>]|://|\w\.\w{2}")


@dataclass(frozen=True, slots=True)
class PlaceText:
    """One warned area that holds a place of the person."""

    #: None where it is neither home nor work, e.g. the district of a manual message.
    kind: PlaceKind | None
    scheme: str
    code: str
    level: Level = None
    #: The place itself has no figure; `area_maximum` is the announced maximum of its quake area.
    area_maximum: Level = None
    #: The kind of warning; it is named where there is no level (暴風特別警報).
    tier: Tier = Tier.NONE

    @property
    def worst(self) -> Level:
        """The level that counts for this place."""
        return self.level if self.area_maximum is None else self.area_maximum


@dataclass(frozen=True, slots=True)
class TextContext:
    """Everything a text depends on besides its language and channel. Two people with equal contexts get equal texts."""

    hazard: str
    severity: Severity
    moment: Moment
    #: The person's warned places in the order in which the text names them: worst first, the workplace during a shift.
    places: tuple[PlaceText, ...]
    #: When the source announced it.
    announced_at: datetime
    purpose: Purpose = Purpose.LIVE
    #: A fictional registry: the text says that it is a simulation.
    simulated: bool = False
    #: What is asked; empty: the text only informs.
    asks: tuple[Answer, ...] = ()
    #: Who sends, as the person knows us; kept short and in Latin letters for SMS.
    sender: str = "Daijobu"
    #: Who said it: jma, p2pquake, usgs, cap.<name>, manual.<kind of authority>.
    source: str = "jma"
    #: The own name of the agency behind a CAP alert.
    agency: str = ""
    #: When our message that this one corrects, cancels or lifts was announced.
    earlier_at: datetime | None = None

    def __post_init__(self) -> None:
        require_aware("announced_at", self.announced_at)
        require_aware("earlier_at", self.earlier_at)
        if self.moment in (Moment.CORRECT, Moment.CANCEL) and self.earlier_at is None:
            raise ValueError(f"a text of the moment {self.moment} must name the time of the message it changes")

    @property
    def worst(self) -> PlaceText | None:
        """The place with the highest level, or without levels the gravest warning; None if no place is named."""
        return max(self.places, key=lambda p: (level_rank(p.worst), -_TIERS.index(p.tier)), default=None)


class Voice:
    """Says texts in one language and remembers whether all of them were approved by people."""

    def __init__(self, catalogs: Catalogs, lang: str, *, readings: bool = False) -> None:
        """`readings`: names of places carry furigana where the language is Easy Japanese (pages and notifications;
        an SMS has no room for them)."""
        self._catalogs = catalogs
        self.lang = lang
        self.readings = readings and lang == "ja-simple"
        self.unreviewed = False

    def __call__(self, key: str, **fields: object) -> str:
        if not self._catalogs.may_go_alone(self.lang, key):
            self.unreviewed = True
        return self._catalogs.say(self.lang, key, **fields)

    def has(self, key: str) -> bool:
        """Whether there is such a text at all."""
        return self._catalogs.has(key)

    def join(self, parts: list[str], frame: str = "frame.pair") -> str:
        """Texts joined the way this language does it."""
        kept = [part for part in parts if part]
        text = kept[0] if kept else ""
        for part in kept[1:]:
            text = self(frame, a=text, b=part)
        return text

    def time(self, when: datetime) -> str:
        """Date and time in Japan, 24 hours."""
        local = when.astimezone(JST)
        month = self("date.months").split(",")[local.month - 1]
        return self("date.short", day=local.day, month=month, time=f"{local:%H:%M}")

    @property
    def is_japanese(self) -> bool:
        return self.lang.partition("-")[0] == "ja"

    @property
    def reads_kanji(self) -> bool:
        """Whether the Japanese term beside the native one would only repeat it."""
        return self.lang.partition("-")[0] in ("ja", "zh")


def level_words(say: Voice, level: Level, scale: str = "shindo", *, hazard: str = "", tier: Tier = Tier.NONE) -> str:
    """A level in words: "shindo 6 Lower" (or, with `scale` "intensity", the long form), "Level 4", a tsunami grade,
    "serious danger", "Volcanic alert level 5" (噴火警戒レベル: another scale than that of warnings); without a level
    the kind of warning."""
    if isinstance(level, int):
        return say("level.volcano" if hazard == "volcano" else "level.number", level=level)
    if level is None and say.has(f"level.{tier}"):
        return say(f"level.{tier}")
    if level is None or level == "none":
        return say("level.none")
    if level in CAP_SEVERITIES:
        return say(f"level.{level}")
    if level in TSUNAMI_LEVELS:
        return say(f"term.tsunami.{level}")
    return say(f"{scale}.{_INTENSITY_KEYS.get(level, level)}")


def term(ctx: TextContext, say: Voice, scale: str = "intensity") -> str:
    """What it is, with its level: "LEVEL 4 Landslide Urgent Warning", "EARTHQUAKE Intensity 6 Lower".

    Nobody but JMA names warnings (Meteorological Service Act, article 23): what another agency or a person says goes
    by the hazard's bare name.
    """
    place = ctx.worst
    if ctx.moment in (Moment.CANCEL, Moment.LIFT) or place is None or place.worst in CAP_SEVERITIES:
        return say(f"hazard.{ctx.hazard}")
    if place.worst is None:
        key = f"term.{ctx.hazard}.{place.tier}"
        return say(key if say.has(key) else f"hazard.{ctx.hazard}")
    if ctx.hazard == "volcano":
        return level_words(say, place.worst, hazard=ctx.hazard)
    if ctx.hazard == "earthquake":
        if place.area_maximum is not None:
            return say("term.earthquake.unknown")
        return say("term.earthquake", intensity=level_words(say, place.level, scale))
    return say(f"term.{ctx.hazard}.{place.worst}")


def short_term(ctx: TextContext, say: Voice) -> str:
    """The shortest that still says what it is: level digit and hazard, or the tsunami grade."""
    place = ctx.worst
    over = ctx.moment in (Moment.CANCEL, Moment.LIFT)
    if over or place is None or not isinstance(place.worst, int) or ctx.hazard == "volcano":
        return term(ctx, say, "shindo")
    return say.join([level_words(say, place.worst), say(f"hazard.{ctx.hazard}")])


def place_name(say: Voice, names: Names, place: PlaceText, *, kanji: bool) -> str:
    """The area's name; with `kanji` the Japanese one in brackets, as it stands on signs and on television, or, for a
    voice with `readings`, its furigana."""
    own = names(place.scheme, place.code, say.lang)
    if not kanji:
        return own
    if say.readings:
        return _with_reading(own, names(place.scheme, place.code, KANA))
    japanese = names(place.scheme, place.code, "ja")
    if say.is_japanese or own == japanese:
        return own
    return say("frame.with_ja", text=own, ja=japanese)


def _with_reading(name: str, kana: str) -> str:
    """Furigana over the whole name: "益城町[ましきまち]". A name partly in kana would be read twice: left alone."""
    return f"{name}[{kana}]" if kana != name and _ALL_KANJI.fullmatch(name) else name


def where(ctx: TextContext, say: Voice, names: Names, *, kanji: bool, only_first: bool = False) -> str:
    """The person's places, home and work, each with its level if there are several; or only the first one's name."""
    groups: dict[tuple[str, str], list[PlaceText]] = {}
    for place in ctx.places:
        groups.setdefault((place.scheme, place.code), []).append(place)
    over = ctx.moment in (Moment.CANCEL, Moment.LIFT)
    texts = []
    for row in list(groups.values())[: 1 if only_first else None]:
        place, kinds = row[0], {p.kind for p in row}
        text = place_name(say, names, place, kanji=kanji)
        if only_first:
            pass  # a bare name: "home" or "work" is clear from the name itself
        elif kinds >= {PlaceKind.HOME, PlaceKind.WORK}:
            text = say("alert.where.both", place=text)
        elif place.kind is not None:
            text = say(f"alert.where.{place.kind}", place=text)
        if place.area_maximum is not None and not over:
            text = say("alert.where.not_received", where=text, intensity=level_words(say, place.area_maximum))
        elif len(groups) > 1 and not over and not only_first:
            level = level_words(say, place.level, hazard=ctx.hazard, tier=place.tier)
            text = say("alert.where.level", where=text, level=level)
        texts.append(text)
    return say("frame.sentence", text=say.join(texts, "frame.list")) if texts else ""


def announced(ctx: TextContext, say: Voice) -> str:
    """Who announced it, and when."""
    return say("alert.when", source=source_name(ctx, say), time=say.time(ctx.announced_at))


def source_name(ctx: TextContext, say: Voice) -> str:
    """Who said it, by its true name: JMA, P2PQuake, the agency of a CAP alert, the town office."""
    family = ctx.source.partition(".")[0]
    if family == "cap" and (name := _clean(ctx.agency)):
        return name
    own = f"source.{ctx.source}"
    return say(own if say.has(own) else f"source.{family}")


def _clean(agency: str) -> str:
    """The name as it may stand in a message: one line, short; "" if it could be taken for a link."""
    name = " ".join(agency.split())
    return name if name.isprintable() and len(name) <= _AGENCY_LENGTH and not _LIKE_A_LINK.search(name) else ""


def unreviewed(ctx: TextContext, say: Voice) -> str:
    """That nobody has checked the translation, and whose text is official."""
    return say(unreviewed_key(ctx.source))


def unreviewed_key(source: str) -> str:
    """The key of `unreviewed`."""
    return "alert.unreviewed" if source in _JMA else "alert.unreviewed.other"


def actions(ctx: TextContext, say: Voice) -> list[str]:
    """What to do, the most important first."""
    if ctx.moment is Moment.CANCEL:
        return []
    if ctx.moment is Moment.LIFT:
        return say("alert.do.lift").split("\n")
    key = f"do.{ctx.hazard}.{ctx.severity}"
    if ctx.severity is Severity.INFO and not say.has(key):
        return []
    todo = say(key).split("\n")
    if before_dark(ctx):
        todo.append(say("do.before_dark"))  # last: it holds for those who leave now and for those who get ready
    return todo


def before_dark(ctx: TextContext) -> bool:
    """Level 3 of rain, slopes, sea and rivers, announced from 05:00 to 21:00: there is time to leave before dark."""
    if ctx.hazard not in _LEAVE_BEFORE_DARK or ctx.worst is None or not isinstance(ctx.worst.worst, int):
        return False
    return ctx.severity is Severity.MODERATE and 5 <= ctx.announced_at.astimezone(JST).hour < 21


def changes(ctx: TextContext, say: Voice) -> str:
    """What became of our earlier message, or that an answer is missing; "" for a first message."""
    earlier = "" if ctx.earlier_at is None else say.time(ctx.earlier_at)
    match ctx.moment:
        case Moment.CORRECT:
            return say("alert.replaces", earlier=earlier)
        case Moment.CANCEL:
            return say("alert.cancelled", earlier=earlier)
        case Moment.LIFT:
            return say("alert.lifted", earlier=earlier) if earlier else say("alert.lifted_plain")
        case Moment.REMINDER:
            return say("alert.reminder")
        case _:
            return ""


def meaning(ctx: TextContext, say: Voice) -> str:
    """What the level means, as its source explains it; "" once it is over. Of a stated severity no more than that."""
    place = ctx.worst
    if ctx.moment in (Moment.CANCEL, Moment.LIFT) or place is None:
        return ""
    level = place.worst
    if level in CAP_SEVERITIES:
        # A manual incident's severity is our own staff's: the authority it names did not say so.
        says_so = not ctx.source.startswith("manual") and say.has(f"means.{level}")
        return say(f"means.{level}") if says_so else ""
    if level is None:
        own = (f"means.{ctx.hazard}.{place.tier}", f"means.{place.tier}")
        return next((say(key) for key in own if say.has(key)), "")
    if isinstance(level, int):
        return say(f"means.volcano.{level}" if ctx.hazard == "volcano" else f"means.level.{level}")
    if ctx.severity is Severity.INFO:
        return ""
    return say(f"means.{ctx.hazard}.{ctx.severity}")


def question(ctx: TextContext, say: Voice, prefix: str) -> str:
    """The question under `prefix` that fits what is asked: .quake, .evac or .none."""
    if not ctx.asks or ctx.moment in (Moment.CANCEL, Moment.LIFT):
        return say(f"{prefix}.none") if prefix == "alert.ask" else ""
    kind = "quake" if Answer.OK in ctx.asks else "evac"
    return say(f"{prefix}.{kind}" if prefix == "alert.ask" else f"{prefix}.ask_{kind}")


def tag(ctx: TextContext) -> str | None:
    """The key of the label for everything that is not a live alert about a real disaster."""
    if ctx.purpose is not Purpose.LIVE:
        return f"tag.{ctx.purpose}"
    return "tag.simulated" if ctx.simulated else None


def moment_tag(ctx: TextContext, say: Voice) -> str:
    """CORRECTED, CANCELLED, WARNING LIFTED, UPDATE, REMINDER; "" for a first message."""
    return "" if ctx.moment is Moment.ISSUE else say(f"tag.{ctx.moment}")
