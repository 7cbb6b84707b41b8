"""One alert, one language, one channel -> the text. Pure: names of areas come in as a function, times as data.

Channels: "sms" (and "console", the same words): short, the link alone on the last line. "push": a title of at most 40
characters and a body with an Easy Japanese line. "page": what it means and what to do, one line each.
A language whose wording people have not approved yet says so, and carries its level digit, the Japanese term, Easy
Japanese and English beside it; an SMS carries a short mark, the rest is behind the link.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast

from alerts import wording
from alerts.sms_text import Segments, is_gsm7, pad_for_au, segments
from alerts.wording import Names, TextContext, Voice
from core.i18n import Catalogs, without_furigana
from core.model import Moment

#: Where the link comes in; filled at sending time, because it is the person's own.
LINK: Final = "{link}"
#: Length that the segment count assumes for a link.
NOMINAL_LINK_LENGTH: Final = 40
#: A push title is cut by phones after about this many visible characters.
TITLE_LIMIT: Final = 40
#: Units of the first of several parts of a UCS-2 text.
UCS2_FIRST_PART: Final = 67
#: The hard limit for parts of an SMS, and what we normally keep to.
MAX_PARTS: Final = 3
NORMAL_PARTS: Final = 2

#: Keys of the texts an alert is made of: a language is approved when all of these are.
ALERT_PREFIXES: Final = (
    "alert.",
    "answer.",  # the buttons of a notification
    "date.",
    "do.",
    "frame.",
    "hazard.",
    "intensity.",
    "level.",
    "means.",
    "page.checkin.ask_",
    "shindo.",
    "source.",
    "tag.",
    "term.",
)

CHANNELS: Final = ("sms", "console", "push", "email", "line", "voice", "page")
#: Channels whose texts have a title, and room: they say what a notification says.
TITLED: Final = frozenset({"push", "email", "line", "voice"})

_Piece = TypeVar("_Piece")


@dataclass(frozen=True, slots=True)
class ComposedText:
    """A text ready for sending but for its link. `segments` and `encoding` are 0 and "" where nothing is billed."""

    title: str
    body: str
    language: str
    unreviewed: bool
    segments: int
    encoding: str


@dataclass(frozen=True, slots=True)
class _Cut:
    """How much an SMS says. What is left out stands on the page behind the link."""

    kanji: bool = True  # the places' Japanese names
    scale: str = "intensity"  # the long words for an intensity
    actions: int = 3  # how many imperatives
    only_first: bool = False  # only the worst place
    japanese: bool = True  # the Japanese term
    notice: bool = True  # "This is only a drill", else only the label again
    when: bool = True
    full_term: bool = True  # the warning's official name, else its level and hazard
    ask: bool = True
    no_figure: bool = True  # that the place itself has no figure yet, and the most in its area; else its bare name
    changes: bool = True  # what became of the earlier message, where the label says it too and what to do is at stake
    where: bool = True


def _cuts() -> tuple[tuple[_Cut, ...], tuple[_Cut, ...]]:
    """Ever shorter ways to say it: those for the normal length, and all, to keep the hard limit for any place name."""
    cuts = [_Cut()]
    for shorter in (
        {"kanji": False},
        {"scale": "shindo", "actions": 2},
        {"actions": 1},
        {"only_first": True},
        {"japanese": False},
        {"notice": False},
        {"when": False},
        {"full_term": False},
        {"ask": False},
        {"no_figure": False},
        {"changes": False},
        {"actions": 0},
        {"where": False},
    ):
        cuts.append(replace(cuts[-1], **shorter))
    return tuple(cuts[:4]), tuple(cuts)


_MILD, _HARD = _cuts()


def alert_language(catalogs: Catalogs, languages: Sequence[str]) -> str:
    """The language of a person's alerts: their first approved one, else the first that we have, else English."""
    ours = [tag for wish in languages if wish and (tag := catalogs.normalise(wish))]
    return next((tag for tag in ours if catalogs.approved(tag, ALERT_PREFIXES)), ours[0] if ours else "en")


def compose(ctx: TextContext, lang: str, channel: str, catalogs: Catalogs, names: Names) -> ComposedText:
    """The text of an alert. `lang` is a tag of ours. Raises ValueError for an unknown channel, LookupError for a hazard
    or level that has no words."""
    if channel in ("sms", "console"):
        return _sms(ctx, lang, catalogs, names)
    if channel in TITLED:
        return _push(ctx, lang, catalogs, names)
    if channel == "page":
        return _page(ctx, lang, catalogs, names)
    raise ValueError(f"no wording for the channel {channel!r}: expected one of {', '.join(CHANNELS)}")


def text_key(ctx: TextContext, lang: str, channel: str) -> str:
    """16 hex digits that are equal exactly for texts that are equal: the key under which a text is stored once."""
    raw = json.dumps([asdict(ctx), lang, channel], default=_plain, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(raw.encode()).hexdigest()[:16]


def fill_link(body: str, link: str, filler: str = "Daijobu") -> str:
    """The final SMS: the link in its place, and lengthened by `filler` lines where au's network would garble it."""
    return pad_for_au(body.replace(LINK, link), filler)


# --- SMS


class _Once:
    """What the cuts of one SMS choose from: each piece is said once, whichever of them take it."""

    def __init__(self, catalogs: Catalogs, lang: str) -> None:
        self.catalogs, self.lang = catalogs, lang
        self._said: dict[tuple[object, ...], tuple[Any, bool]] = {}

    def __call__(self, say: Voice, piece: Callable[[Voice], _Piece], *name: object) -> _Piece:
        """The piece of this name, said by a voice like `say`, which takes over whether people have approved it."""
        if name not in self._said:
            own = Voice(self.catalogs, self.lang)
            self._said[name] = piece(own), own.unreviewed
        said, unreviewed = self._said[name]
        say.unreviewed = say.unreviewed or unreviewed
        return cast(_Piece, said)


def _sms(ctx: TextContext, lang: str, catalogs: Catalogs, names: Names) -> ComposedText:
    once, texts = _Once(catalogs, lang), list[ComposedText]()
    for limit, cuts in ((NORMAL_PARTS, _MILD), (MAX_PARTS, _HARD)):
        for place, cut in enumerate(cuts):  # _HARD begins with _MILD
            if place == len(texts):
                texts.append(_sms_with(ctx, once, names, cut))
            if texts[place].segments <= limit:
                return texts[place]
    return texts[-1]


def _sms_with(ctx: TextContext, once: _Once, names: Names, cut: _Cut) -> ComposedText:
    say = Voice(once.catalogs, once.lang)
    if cut.full_term:
        what = once(say, lambda say: wording.term(ctx, say, cut.scale), "term", cut.scale)
    else:
        what = once(say, lambda say: wording.short_term(ctx, say), "short term")
    where = _where(ctx, once, say, names, cut, kanji=False)
    rest = []
    if cut.when:
        rest.append(once(say, lambda say: wording.announced(ctx, say), "when"))
    if cut.changes or ctx.moment in (Moment.CANCEL, Moment.LIFT):
        rest.append(once(say, lambda say: wording.changes(ctx, say), "changes"))
    rest += once(say, lambda say: wording.actions(ctx, say), "actions")[: cut.actions]
    ask = once(say, lambda say: wording.question(ctx, say, "alert.ask"), "ask") if cut.ask else ""
    # Kanji in a text that fits GSM-7 would double its price and help nobody who reads Latin letters.
    if not is_gsm7(what + where + ask + "".join(rest)):
        where = _where(ctx, once, say, names, cut, kanji=cut.kanji)
        if cut.japanese and not say.reads_kanji:
            what = once(say, lambda say: _what_with_japanese(ctx, say, names, what, once, cut), "ja", what, cut.scale)
    parts = [once(say, lambda say: _headline(ctx, say, what), "headline", what), where, *rest]
    if say.unreviewed:
        parts.append(say("alert.unreviewed.short"))
    text = say.join([*parts, ask])
    text = say("frame.sender", sender=_sender(ctx, text), text=text)
    if tag := wording.tag(ctx):
        last = say(f"{tag}.last.sms") if cut.notice else say("frame.sentence", text=say(f"{tag}.first"))
        text = say.join([_tagged(say, say(f"{tag}.first"), text), last])
    counted = _count(f"{text}\n{LINK}")
    return ComposedText("", f"{text}\n{LINK}", once.lang, say.unreviewed, counted.parts, counted.encoding)


def _what_with_japanese(ctx: TextContext, say: Voice, names: Names, what: str, once: _Once, cut: _Cut) -> str:
    """With the Japanese term, where the place still finds room in the first part."""
    longer = _with_japanese(ctx, say, what, once.catalogs, cut.scale, full=False)
    return longer if _place_in_first_part(ctx, say, names, longer) else what


def _headline(ctx: TextContext, say: Voice, what: str) -> str:
    return say("frame.sentence", text=_tagged(say, wording.moment_tag(ctx, say), what))


def _where(ctx: TextContext, once: _Once, say: Voice, names: Names, cut: _Cut, *, kanji: bool) -> str:
    if not cut.where:
        return ""
    if not cut.no_figure:
        return once(say, lambda say: _bare_name(ctx, say, names), "bare name") if ctx.places else ""
    name = ("where", kanji, cut.only_first)
    return once(say, lambda say: wording.where(ctx, say, names, kanji=kanji, only_first=cut.only_first), *name)


def _bare_name(ctx: TextContext, say: Voice, names: Names) -> str:
    return say("frame.sentence", text=wording.place_name(say, names, ctx.places[0], kanji=False))


def _place_in_first_part(ctx: TextContext, say: Voice, names: Names, what: str) -> bool:
    """Whether the first place still stands in the first part of a UCS-2 text: phones may show the parts apart."""
    first = [wording.place_name(say, names, place, kanji=False) for place in ctx.places[:1]]
    head = say("frame.sender", sender=ctx.sender, text=say.join([_headline(ctx, say, what), *first]))
    if tag := wording.tag(ctx):
        head = _tagged(say, say(f"{tag}.first"), head)
    return len(head) <= UCS2_FIRST_PART


def _count(body: str) -> Segments:
    return segments(body.replace(LINK, "x" * NOMINAL_LINK_LENGTH))


def _sender(ctx: TextContext, text: str) -> str:
    """The sender's name; ours if theirs alone would turn a GSM-7 text into an expensive one."""
    return "Daijobu" if is_gsm7(text) and not is_gsm7(ctx.sender) else ctx.sender


# --- push and page


def _push(ctx: TextContext, lang: str, catalogs: Catalogs, names: Names) -> ComposedText:
    say = Voice(catalogs, lang, readings=True)
    native = [
        wording.where(ctx, say, names, kanji=True),
        wording.announced(ctx, say),
        wording.changes(ctx, say),
        *wording.actions(ctx, say),
        wording.question(ctx, say, "page.checkin"),
    ]
    title = _title(ctx, say, names)
    lines = [say.join(native), *_beside(ctx, lang, catalogs, names, unreviewed=say.unreviewed)]
    if tag := wording.tag(ctx):
        lines.append(say(f"{tag}.last"))
    return ComposedText(title, "\n".join(lines), lang, say.unreviewed, 0, "")


def _page(ctx: TextContext, lang: str, catalogs: Catalogs, names: Names) -> ComposedText:
    say = Voice(catalogs, lang, readings=True)
    what = _with_japanese(ctx, say, wording.term(ctx, say), catalogs)
    title = _tagged(say, wording.moment_tag(ctx, say), what)
    lines = [
        wording.where(ctx, say, names, kanji=True),
        wording.announced(ctx, say),
        wording.changes(ctx, say),
        wording.meaning(ctx, say),
        *wording.actions(ctx, say),
        *_beside(ctx, lang, catalogs, names, unreviewed=say.unreviewed),
    ]
    if tag := wording.tag(ctx):
        title = _tagged(say, say(f"{tag}.first"), title)
        lines.append(say(f"{tag}.last"))
    return ComposedText(title, "\n".join(line for line in lines if line), lang, say.unreviewed, 0, "")


def _beside(ctx: TextContext, lang: str, catalogs: Catalogs, names: Names, *, unreviewed: bool) -> list[str]:
    """The lines under the native text: Easy Japanese for everybody; Japanese and English too while unreviewed."""
    lines = [] if lang in ("ja", "ja-simple") else [_short(ctx, Voice(catalogs, "ja-simple", readings=True), names)]
    if unreviewed:
        lines += [_short(ctx, Voice(catalogs, other), names) for other in ("ja", "en") if other != lang]
        if lang == "ja":
            lines.insert(0, _short(ctx, Voice(catalogs, "ja-simple", readings=True), names))
        lines.append(wording.unreviewed(ctx, Voice(catalogs, lang)))
    return lines


def _short(ctx: TextContext, say: Voice, names: Names) -> str:
    """What, where and the first imperative."""
    what = say("frame.sentence", text=_tagged(say, wording.moment_tag(ctx, say), wording.term(ctx, say)))
    return say.join([what, wording.where(ctx, say, names, kanji=say.readings), *wording.actions(ctx, say)[:1]])


def _title(ctx: TextContext, say: Voice, names: Names) -> str:
    """The first of these that phones show whole: with place, without, and last only the level and the hazard.

    A title that says that something is over stays whole, even where a phone cuts its end."""
    what = wording.term(ctx, say)
    tags = [wording.moment_tag(ctx, say)]
    if tag := wording.tag(ctx):
        tags.append(say(f"{tag}.first"))
    choices = [what, wording.short_term(ctx, say)]
    if ctx.worst is not None:
        place = wording.place_name(say, names, ctx.worst, kanji=False)
        choices.insert(0, say("frame.title", term=what, place=place))
    titles = [_tags(say, tags, choice) for choice in choices]
    # An update may be called by its new level alone; what is over must never look like a new warning.
    if ctx.moment not in (Moment.CANCEL, Moment.LIFT):
        titles += [_tags(say, tags[1:], choice) for choice in choices]
    titles += [without_furigana(title) for title in titles]
    # A long label and a long grade together (Mongolian): the label of a drill stays, the lines below say the grade.
    if tags[1:] and ctx.moment not in (Moment.CANCEL, Moment.LIFT):
        titles.append(_tags(say, tags[1:], say(f"hazard.{ctx.hazard}")))
    return next((title for title in titles if visible_length(title) <= TITLE_LIMIT), titles[-1])


def visible_length(text: str) -> int:
    """Characters as the eye counts them: signs that sit on others (accents, vowel signs) take no room of their own."""
    return sum(1 for c in text if unicodedata.category(c) not in ("Mn", "Mc", "Me", "Cf"))


def _tags(say: Voice, tags: Sequence[str], text: str) -> str:
    for one in tags:
        text = _tagged(say, one, text)
    return text


def _tagged(say: Voice, tag: str, text: str) -> str:
    return say("frame.tagged", tag=tag, text=text) if tag else text


def _with_japanese(
    ctx: TextContext, say: Voice, text: str, catalogs: Catalogs, scale: str = "intensity", *, full: bool = True
) -> str:
    """The native term with the Japanese one in brackets, as it is on television and on loudspeakers."""
    japanese = wording.term(ctx, Voice(catalogs, "ja"), scale)
    if not full:
        japanese = japanese.rpartition(" ")[2]  # the digit stands in the native term already
    if say.is_japanese or text == japanese:
        return text
    return say("frame.with_ja", text=text, ja=japanese)


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"{value!r} cannot be part of a text key")
