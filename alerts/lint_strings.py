"""What may not stand in a wording file, string by string. Pure; `alerts.lint` runs it over locales/.

Each rule is a function of one language's entries and the English ones; it yields (key, what is wrong and what to do).
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from alerts.sms_text import is_gsm7
from core import easy_japanese
from core.po import Entry, placeholders

Entries = Mapping[str, Entry]
Problem = tuple[str, str]


class Finding(NamedTuple):
    """One fault: in which language and key, and a sentence with what to do."""

    lang: str
    key: str
    said: str

    def __str__(self) -> str:
        return f"locales/{self.lang}.po: {self.key}: {self.said}"


#: Only staff read these; they are in Japanese and English.
STAFF: Final = "staff."
STAFF_LANGUAGES: Final = ("en", "ja")
#: Languages whose SMS must fit the GSM-7 alphabet: no kanji, no curly quotes, no dashes.
LATIN_SMS: Final = ("en", "id", "fil")
#: What an SMS is made of.
SMS_PREFIXES: Final = (
    "alert.", "date.", "do.", "hazard.", "intensity.", "level.", "shindo.", "source.", "tag.", "term.", "leader.sms",
    "lost.sms", "stay.",
)  # fmt: skip
#: Official names of warnings and levels, said as JMA says them.
NAME_PREFIXES: Final = ("term.", "hazard.", "level.", "shindo.", "intensity.", "source.")

_JAPANESE: Final = ("CJK", "HIRAGANA", "KATAKANA", "LATIN", "FULLWIDTH")
#: Letters a language may use besides punctuation, ASCII digits and the Latin words that are kept on purpose.
SCRIPTS: Final[Mapping[str, tuple[str, ...]]] = {
    "ja": _JAPANESE,
    "ja-simple": _JAPANESE,
    "zh-Hans": ("CJK", "LATIN"),
    "zh-Hant": ("CJK", "LATIN"),
    "ne": ("DEVANAGARI", "LATIN"),
    "my": ("MYANMAR", "LATIN"),
    "km": ("KHMER", "LATIN"),
    "th": ("THAI", "LATIN"),
    "ko": ("HANGUL", "LATIN"),
    "bn": ("BENGALI", "LATIN"),
    "si": ("SINHALA", "LATIN"),
    "ur": ("ARABIC", "LATIN"),
    "mn": ("CYRILLIC", "LATIN"),
}
#: Simplified forms that must not leak into Traditional Chinese, and the reverse, one under the other.
_SIMPLIFIED: Final = "这们发为时实报请说话关东车门风应对马边远离处灾难后还没机电联络认识"
_TRADITIONAL: Final = "這們發為時實報請說話關東車門風應對馬邊遠離處災難後還沒機電聯絡認識"

#: Never again, and why.
FORBIDDEN: Final = {
    "避難勧告": "abolished in May 2021 (災害対策基本法): 避難指示",
    "skala kecil": "calls a tsunami of up to 3 m small: leave it out",
    "避難準備": "renamed in 2021: 高齢者等避難",
    "避难劝告": "abolished in 2021: 避难指示",
    "避難勸告": "abolished in 2021: 避難指示",
}
#: An address of our own is filled in as {link}; no other is ever said.
_ADDRESS: Final = re.compile(r"https?:|www\.|\b[\w-]+\.(?:com|net|org|jp|ly|gl|info|io)\b", re.IGNORECASE)
#: Languages whose nouns change with the number beside them, of those we speak (CLDR plural rules, and gender in Urdu).
INFLECTING: Final = ("en", "es", "pt-BR", "si", "ur")
_NUMBERS: Final = ("count", "n", "ok", "people", "number")
#: What may follow a number without being counted.
_UNCOUNTED: Final = re.compile(r"\s+(?:of|de|more)\b")
_EMOJI: Final = re.compile("[\U0001f000-\U0001ffff\u2600-\u27bf\ufe0f]")


def complete(lang: str, own: Entries, english: Entries) -> Iterator[Problem]:
    """Every text of English, staff pages in Japanese and English only; nothing that English lacks."""
    wanted = {key for key in english if not key.startswith(STAFF) or lang in STAFF_LANGUAGES}
    for key in sorted(wanted - set(own)):
        yield key, "is missing: python -m core.po_edit set adds it"
    for key in sorted(set(own) - wanted):
        yield key, "is in no English file: an old text, remove it"


def source(lang: str, own: Entries, english: Entries) -> Iterator[Problem]:
    """The msgid is the English text of today."""
    for key, entry in own.items():
        if key in english and entry.source != english[key].text:
            yield key, f"was written from another English text ({entry.source!r}): read it again"


def fields(lang: str, own: Entries, english: Entries) -> Iterator[Problem]:
    """The same placeholders as English, and as many lines."""
    for key, entry in own.items():
        if key not in english:
            continue
        if entry.placeholders != english[key].placeholders:
            yield key, f"has the fields {sorted(entry.placeholders)}, English has {sorted(english[key].placeholders)}"
        if entry.text.count("\n") != english[key].text.count("\n"):
            yield key, "has another number of lines than English"
        if entry.text != entry.text.strip():
            yield key, "begins or ends with a space"
    if (months := own.get("date.months")) and months.text.count(",") != 11:
        yield "date.months", "does not name twelve months"


def normal(lang: str, own: Entries, english: Entries) -> Iterator[Problem]:
    """Unicode NFC, and no invisible characters: they cost SMS units and break search."""
    for key, entry in own.items():
        if unicodedata.normalize("NFC", entry.text) != entry.text:
            yield key, "is not in Unicode form NFC"
        # Sinhala joins r and y to the consonant before with U+200D; without it the letters fall apart.
        text = re.sub("(?<=\u0dca)\u200d(?=[\u0dba\u0dbb])", "", entry.text) if lang == "si" else entry.text
        for char in text:
            if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Co", "Zl", "Zp"):
                yield key, f"holds the invisible character U+{ord(char):04X}"


def script(lang: str, own: Entries, english: Entries) -> Iterator[Problem]:
    """Letters of its own script only; no look-alikes; Simplified and Traditional Chinese apart."""
    allowed = SCRIPTS.get(lang, ("LATIN",))
    for key, entry in own.items():
        if key == "language.name" or (key.startswith(STAFF) and lang == "en"):
            continue
        for char in dict.fromkeys(entry.text):
            if unicodedata.category(char)[0] == "L":
                name = unicodedata.name(char, "")
                if not name.startswith(allowed) and name != "KATAKANA-HIRAGANA PROLONGED SOUND MARK":
                    yield key, f"holds the letter {char} ({name}), which is not of this language"
        if lang == "mn" and re.search(r"[A-Za-z][\u0400-\u04ff]|[\u0400-\u04ff][A-Za-z]", entry.text):
            yield key, "mixes Latin and Cyrillic letters in one word: they look alike and are not"
        wrong = _wrong_han(lang) & set(entry.text)
        if wrong:
            yield key, f"holds {''.join(sorted(wrong))} of the other Chinese script"


@functools.cache
def _wrong_han(lang: str) -> frozenset[str]:
    pairs = [(s, t) for s, t in zip(_SIMPLIFIED, _TRADITIONAL, strict=True) if s != t]
    return frozenset({"zh-Hans": (t for _, t in pairs), "zh-Hant": (s for s, _ in pairs)}.get(lang, ()))


def digits(lang: str, own: Entries, english: Entries) -> Iterator[Problem]:
    """ASCII digits everywhere; in names of levels the digits of English, and the level's own first."""
    for key, entry in own.items():
        if key not in ("date.months", "detail.title") and any(c.isdigit() and not c.isascii() for c in entry.text):
            yield key, "holds digits that are not 0-9"
        if key.startswith(("term.", "means.level.", "intensity.", "shindo.")) and key in english:
            if re.findall(r"\d", entry.text) != re.findall(r"\d", english[key].text):
                yield key, f"has other digits than English ({english[key].text})"
        if lang == "ur" and re.search(r"\d-\d", entry.text):
            yield key, "has a number with hyphens, which is shown the wrong way round: write it in one"


def levels(lang: str, own: Entries, english: Entries) -> Iterator[Problem]:
    """The name of every level carries its digit, and no two are the same."""
    terms = {key: entry.text for key, entry in own.items() if re.fullmatch(r"term\.\w+\.[345]", key)}
    for key, text in terms.items():
        if key[-1] not in text:
            yield key, f"does not say the digit {key[-1]}"
        same = [other for other, said in terms.items() if said == text and other != key]
        if same:
            yield key, f"is the same as {same[0]}: nobody could tell them apart"


def drills(lang: str, own: Entries, english: Entries) -> Iterator[Problem]:
    """A drill, a simulation and a test each say so, in words of their own."""
    said: dict[str, str] = {}
    for tag in ("drill", "simulated", "canary"):
        first = own.get(f"tag.{tag}.first")
        if first is None:
            continue  # `complete` says so
        if first.text in said:
            yield first.key, f"is the same as {said[first.text]}: a drill must not read like a test of the system"
        said[first.text] = first.key


def forbidden(lang: str, own: Entries, english: Entries) -> Iterator[Problem]:
    """Words that are abolished or dangerous, addresses, emoji, shouting."""
    for key, entry in own.items():
        for word, why in FORBIDDEN.items():
            if word in entry.text:
                yield key, f"says {word}, {why}"
        if key.startswith(STAFF):
            continue
        if found := _ADDRESS.search(entry.text):
            yield key, f"names an address ({found[0]}): ours is filled in as {{link}}, others are never sent"
        if key.startswith(SMS_PREFIXES) and _EMOJI.search(entry.text):
            yield key, "holds an emoji, which breaks on old phones"


def latin_sms(lang: str, own: Entries, english: Entries) -> Iterator[Problem]:
    """English, Indonesian and Filipino stay within GSM-7 in an SMS."""
    if lang in LATIN_SMS:
        for key, entry in own.items():
            if key.startswith(SMS_PREFIXES) and not is_gsm7(entry.text):
                bad = "".join(sorted({c for c in entry.text if not is_gsm7(c)}))
                yield key, f"holds {bad}, which makes an SMS cost double: use plain letters and quotes"


def plurals(lang: str, own: Entries, english: Entries) -> Iterator[Problem]:
    """What residents read counts as "people: 3": a noun after the number would be wrong for one, or for many."""
    if lang not in INFLECTING:
        return
    for key, entry in own.items():
        if key.startswith(STAFF):
            continue
        for name in placeholders(entry.text) & set(_NUMBERS):
            after = entry.text.split(f"{{{name}}}", 1)[1]
            if re.match(r"\s+\w", after) and not _UNCOUNTED.match(after):
                yield key, f"counts with {{{name}}} before a word: write the word, a colon, the number"


def easy(lang: str, own: Entries, english: Entries) -> Iterator[Problem]:
    """Easy Japanese is easy."""
    if lang == "ja-simple":
        for key, entry in own.items():
            if key not in ("language.name", "date.months"):
                for said in easy_japanese.problems(entry.text, name=key.startswith(NAME_PREFIXES)):
                    yield key, said


def states(lang: str, own: Entries, english: Entries) -> Iterator[Problem]:
    """A stamp names its reviewer, its day and its text; software only ever writes `draft`."""
    stamp = re.compile(r"state: (reviewed|approved|field-tested); by: \S+; on: \d{4}-\d\d-\d\d; of: [0-9a-f]{12}")
    for key, entry in own.items():
        if entry.comment != "state: draft" and not stamp.fullmatch(entry.comment):
            yield key, f"has a review state nobody can read: {entry.comment!r}"


RULES: Final[tuple[Callable[[str, Entries, Entries], Iterator[Problem]], ...]] = (
    complete, source, fields, normal, script, digits, levels, drills, forbidden, latin_sms, plurals, easy, states,
)  # fmt: skip


def lint_strings(files: Mapping[str, Entries]) -> list[Finding]:
    """Every finding in every language, in the order of files, rules and keys. `files` must hold "en"."""
    english = files["en"]
    return [Finding(lang, key, said) for lang, own in files.items() for rule in RULES
            for key, said in rule(lang, own, english)]  # fmt: skip
