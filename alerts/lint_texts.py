"""What may not be wrong in a whole alert: order, level, labels, length. Pure; `alerts.lint` runs it over every hazard,
level and moment with the longest names of places that exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import product
from typing import Final

from alerts import wording
from alerts.compose import LINK, MAX_PARTS, NOMINAL_LINK_LENGTH, TITLE_LIMIT, ComposedText, compose, fill_link
from alerts.compose import visible_length as visible
from alerts.lint_strings import LATIN_SMS, Finding
from alerts.rules import Rule
from alerts.sms_text import GSM7, breaks_on_au, segments
from alerts.wording import Names, PlaceText, TextContext, Voice
from core.clock import JST
from core.i18n import Catalogs, without_furigana
from core.model import CAP_SEVERITIES, INTENSITIES, Level, Moment, PlaceKind, Purpose, Severity, Tier
from geo.areas import Areas

CHANNELS: Final = ("sms", "push")
#: Bytes that a push service guarantees to carry are 4096 (RFC 8030 §7.2); title, link and keys want their share.
PUSH_BYTES: Final = 3000
#: Schemes by which people are matched, whose names therefore stand in texts.
_SCHEMES: Final = ("jma.city", "jma.quake_area", "jma.tsunami_area")
#: Shorter and longer links than the nominal one: a text must survive au's network with each.
_LINK_LENGTHS: Final = (24, NOMINAL_LINK_LENGTH, 60)
#: A municipality with a long name in both scripts, for the second place.
_FAR: Final = ("富士河口湖町", "Fujikawaguchiko")


def longest_names(areas: Areas) -> Names:
    """Names for the places "long" and "far": the longest Japanese and the longest Latin one in the area table."""
    rows = [row for scheme in _SCHEMES for row in areas.rows(scheme)]
    found = {"long": (max((r.name for r in rows), key=len), max((r.latin for r in rows), key=len)), "far": _FAR}

    def name(scheme: str, code: str, lang: str) -> str:
        japanese, latin = found[code]
        return japanese if lang.startswith(("ja", "zh")) else latin

    return name


def contexts(rules: Mapping[str, Rule]) -> list[TextContext]:
    """Each hazard, level and moment, with the longest labels, one and two places, and a place without a figure."""
    home, work = PlaceKind.HOME, PlaceKind.WORK
    at = datetime(2026, 11, 22, 14, 30, tzinfo=JST)
    labels = ((Purpose.LIVE, True), (Purpose.DRILL, False))
    found: list[TextContext] = []
    for hazard, rule in rules.items():
        levels: list[tuple[Level, Tier, Severity]] = [(_level(k, hazard), Tier.NONE, s) for k, s in rule.levels.items()]
        for tiers in (rule.tiers, *rule.tiers_of.values()):
            levels += [(None, tier, severity) for tier, severity in tiers.items()]
        for level, tier, severity in levels:
            one = PlaceText(home, "jma.city", "long", level, tier=tier)
            two = (one, PlaceText(work, "jma.city", "far", level, tier=tier))
            # Two places are never shorter than one.
            places: list[tuple[PlaceText, ...]] = [two]
            moments: Iterable[Moment] = Moment
            if level in CAP_SEVERITIES:  # what is over, and the label of an update, look the same for every level
                moments = (Moment.ISSUE, Moment.CORRECT, Moment.REMINDER)
            if hazard == "earthquake" and level in INTENSITIES:
                places += [(one,), (PlaceText(home, "jma.city", "long", "5-", area_maximum=level),)]
            for where, moment, (purpose, simulated) in product(places, moments, labels):
                asks = rule.asks(severity)
                found.append(TextContext(hazard, severity, moment, where, at, purpose, simulated, asks, earlier_at=at))
    return found


def _level(text: str, hazard: str) -> Level:
    return text if hazard in ("earthquake", "tsunami") or not text.isdigit() else int(text)


def lint_text(ctx: TextContext, text: ComposedText, channel: str, catalogs: Catalogs, names: Names) -> Iterator[str]:
    """What is wrong with one composed text, one sentence each."""
    say = Voice(catalogs, text.language)
    whole = f"{text.title}\n{text.body}" if text.title else text.body
    yield from _order(ctx, say, names, without_furigana(whole))
    yield from _labels(ctx, say, whole)
    yield from _level_said(ctx, text, channel)
    if found := re.search(r"https?:|www\.", whole):
        yield f"names an address ({found[0]}): only {LINK} is filled in"
    yield from (_sms(text) if channel == "sms" else _push(ctx, text))


def _order(ctx: TextContext, say: Voice, names: Names, whole: str) -> Iterator[str]:
    """What, where, when, what to do: the first of each that is said must come in this order."""
    what = [wording.term(ctx, say, scale) for scale in ("intensity", "shindo")]
    slots: list[tuple[str, list[str]]] = [
        ("what", [*what, wording.short_term(ctx, say), say(f"hazard.{ctx.hazard}")]),
        ("where", [wording.place_name(say, names, place, kanji=False) for place in ctx.places[:1]]),
        ("when", [wording.announced(ctx, say)]),
        ("do", wording.actions(ctx, say)[:1]),
    ]
    last, at = "", -1
    for slot, said in slots:
        found = [whole.find(without_furigana(one)) for one in said if one and without_furigana(one) in whole]
        if not found:
            continue
        if min(found) < at:
            yield f"says {slot} before {last}: the order is what, where, when, what to do"
        last, at = slot, min(found)


def _labels(ctx: TextContext, say: Voice, whole: str) -> Iterator[str]:
    """What is not live says so first and last, whatever else is cut."""
    tag = wording.tag(ctx)
    if tag is None:
        return
    first, last = say(f"{tag}.first"), (say(f"{tag}.last"), say(f"{tag}.last.sms"), say(f"{tag}.first"))
    plain = without_furigana(whole)
    if without_furigana(first) not in plain[: 60 + len(first)]:
        yield f"does not begin with the label {first}"
    end = plain.removesuffix(f"\n{LINK}")[-(max(map(len, last)) + 6) :]
    if not any(without_furigana(one) in end for one in last):
        yield f"does not end with the label {last[0]}"


def _level_said(ctx: TextContext, text: ComposedText, channel: str) -> Iterator[str]:
    """The digit of the level stands in an SMS and in the title of a notification, where a message announces it."""
    level = ctx.places[0].level if ctx.places else None
    if ctx.moment in (Moment.ISSUE, Moment.UPDATE) and isinstance(level, int):
        if str(level) not in (text.title if channel == "push" else text.body):
            yield f"does not say the level {level}"


def _sms(text: ComposedText) -> Iterator[str]:
    *lines, last = text.body.split("\n")
    if last != LINK or len(lines) != 1:
        yield f"must be one line and the link alone on the next: {text.body!r}"
    if text.segments > MAX_PARTS:
        yield f"has {text.segments} parts, at most {MAX_PARTS}: shorten its strings ({text.body})"
    if text.language in LATIN_SMS and text.encoding != GSM7:
        yield f"is not GSM-7: {text.body}"
    for length in _LINK_LENGTHS:
        final = fill_link(text.body, "x" * length)
        if breaks_on_au(final):
            yield f"would arrive garbled on au's network with a link of {length} letters"
        if length == NOMINAL_LINK_LENGTH and segments(final).parts > MAX_PARTS:
            yield f"has {segments(final).parts} parts after lengthening for au, at most {MAX_PARTS}"


def _push(ctx: TextContext, text: ComposedText) -> Iterator[str]:
    if ctx.moment in (Moment.ISSUE, Moment.UPDATE) and visible(text.title) > TITLE_LIMIT:
        yield f"has a title of {visible(text.title)} letters, phones show {TITLE_LIMIT}: {text.title}"
    if (size := len(text.body.encode())) > PUSH_BYTES:
        yield f"has {size} bytes, at most {PUSH_BYTES}"


def lint_texts(
    lang: str,
    catalogs: Catalogs,
    rules: Mapping[str, Rule],
    areas: Areas,
    *,
    write: Callable[[TextContext, str, str, Catalogs, Names], ComposedText] = compose,
) -> list[Finding]:
    """Every finding in the whole texts of one language. `write` composes one (ctx, lang, channel, catalogs, names)."""
    names = longest_names(areas)
    return [
        Finding(
            lang, f"{ctx.hazard} {ctx.places[0].level or ctx.places[0].tier.value}, {ctx.moment.value}, {channel}", s
        )
        for ctx in contexts(rules)
        for channel in CHANNELS
        for s in lint_text(ctx, write(ctx, lang, channel, catalogs, names), channel, catalogs, names)
    ]
