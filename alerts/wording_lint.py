"""The rules for words, asked of one text before it is kept and before it is said. Pure.

What breaks a message, or could be read as something else, is refused; what only reads badly is told to its writer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from alerts import lint_strings as rules
from alerts.compose import ALERT_PREFIXES, compose
from alerts.lint_strings import Entries, Problem
from alerts.lint_texts import CHANNELS, contexts, lint_text, longest_names
from alerts.rules import Rule
from alerts.wording import Names, TextContext, Voice, actions
from core.i18n import Catalogs
from core.model import Moment, Purpose, Severity
from core.po import placeholders
from geo.areas import Areas

_Rule = Callable[[str, Entries, Entries], Iterator[Problem]]
#: Rules about one text by itself, and rules that compare it with the others of its language.
_ALONE: Final[tuple[_Rule, ...]] = (
    rules.fields, rules.normal, rules.script, rules.digits, rules.forbidden, rules.latin_sms,
)  # fmt: skip
_TOGETHER: Final[tuple[_Rule, ...]] = (rules.levels, rules.drills)
_ADVICE: Final[tuple[_Rule, ...]] = (rules.plurals, rules.easy)
#: Texts that are not of one hazard are tried in alerts of these.
_USUAL: Final = ("earthquake", "tsunami")


class Findings(NamedTuple):
    """What is wrong with a text: what refuses it, and what its writer should think over."""

    errors: tuple[str, ...]
    advice: tuple[str, ...]


def look_at(lang: str, key: str, text: str, catalogs: Catalogs) -> Findings:
    """What the rules say about one text of a language, without composing alerts of it."""
    own = catalogs.entries(lang)
    entry = own[key]._replace(text=text)
    english = catalogs.entries("en")
    one = {key: entry}
    together = {**own, key: entry}
    if errors := _forbidden(lang, one, together, english).get(key):
        return Findings(tuple(errors), ())
    return Findings((), tuple(said for rule in _ADVICE for found, said in rule(lang, one, english) if found == key))


def forbidden_in(lang: str, texts: Entries, together: Entries, english: Entries) -> dict[str, str]:
    """Key -> why a text may not be said. `together`: all texts of the language, these among them."""
    return {key: said[0] for key, said in _forbidden(lang, texts, together, english).items()}


def _forbidden(lang: str, texts: Entries, together: Entries, english: Entries) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, entry in texts.items():
        try:
            placeholders(entry.text)
        except ValueError as error:
            found[key] = [str(error)]
    texts = {key: entry for key, entry in texts.items() if key not in found}
    for rule in _ALONE:
        for key, said in rule(lang, texts, english):
            found.setdefault(key, []).append(said)
    for rule in _TOGETHER:
        for key, said in rule(lang, together, english):
            if key in texts:
                found.setdefault(key, []).append(said)
    return found


def look_at_alerts(
    lang: str, key: str, text: str, catalogs: Catalogs, hazards: Mapping[str, Rule], areas: Areas
) -> tuple[str, ...]:
    """What would be wrong with whole alerts that say this text: length, order, labels, with the longest place names.

    Takes some tenths of a second. () for texts that no alert says.
    """
    if not key.startswith(ALERT_PREFIXES):
        return ()
    entry = catalogs.entries(lang)[key]
    changed = catalogs.with_entries(lang, {key: entry._replace(text=text)})
    names = longest_names(areas)
    part = key.split(".")[1]
    wanted = {name: rule for name, rule in hazards.items() if name == part or (part not in hazards and name in _USUAL)}
    return tuple(dict.fromkeys(_alert_problems(lang, changed, wanted, names)))


def _town(scheme: str, code: str, lang: str) -> str:
    """A town with a name of usual length."""
    return "益城町" if lang.startswith(("ja", "zh")) else "Mashiki"


def _what_to_do_is_lost(ctx: TextContext, lang: str, catalogs: Catalogs) -> Iterable[str]:
    """Of an SMS that is too long what to do is left out last: a text that makes it so is no help."""
    first = actions(ctx, Voice(catalogs, lang))[:1]
    one = replace(ctx, places=ctx.places[:1], simulated=False)
    if ctx.moment is Moment.ISSUE and ctx.purpose is Purpose.LIVE and first:
        if first[0] not in compose(one, lang, "sms", catalogs, _town).body:
            yield "is so long that an SMS has no room for what to do: shorten its first line"


def _alert_problems(lang: str, catalogs: Catalogs, hazards: Mapping[str, Rule], names: Names) -> Iterable[str]:
    for ctx in contexts(hazards):
        if len(hazards) > 1 and ctx.severity is not Severity.EXTREME:
            continue  # a text of all hazards: the longest of each moment will do
        for said in _what_to_do_is_lost(ctx, lang, catalogs):
            yield f"{ctx.hazard}, {ctx.severity.value}: {said}"
        for channel in CHANNELS:
            for said in lint_text(ctx, compose(ctx, lang, channel, catalogs, names), channel, catalogs, names):
                yield f"{ctx.hazard}, {ctx.moment.value}, {channel}: {said}"
