"""What we say, in every language: the wording files of `locales/`, their fall-backs, and words for pages.

A language is one file, `locales/<tag>.po` (BCP 47 tag), found by itself. Texts are looked up by key; what a
language lacks is said in the next one of its chain: ja-simple -> ja; others -> en -> ja. Easy Japanese carries
furigana as 漢字[かんじ]: pages turn it into ruby, messages keep the brackets.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import jinja2
from babel import Locale
from babel.core import UnknownLocaleError
from markupsafe import Markup, escape

from core.clock import JST
from core.po import NEW, Entry, ReviewState, WordingError
from core.po_cache import read_folder

LOCALES: Final = Path(__file__).resolve().parents[1] / "locales"

#: Order of the language pick list; languages not named here follow in alphabetical order.
_ORDER: Final = (
    "ja", "ja-simple", "en", "vi", "id", "fil", "ne", "my", "km", "th",
    "zh-Hans", "zh-Hant", "ko", "pt-BR", "es", "mn", "bn", "si", "ur",
)  # fmt: skip

#: Tags other systems use for our languages, in lower case.
_ALIASES: Final = {
    "tl": "fil",
    "in": "id",
    "pt": "pt-BR",
    "ja-easy": "ja-simple",
    "ja-hira": "ja-simple",
    "zh": "zh-Hans",
    "zh-cn": "zh-Hans",
    "zh-sg": "zh-Hans",
    "zh-my": "zh-Hans",
    "zh-tw": "zh-Hant",
    "zh-hk": "zh-Hant",
    "zh-mo": "zh-Hant",
}

_RUBY: Final = re.compile(r"([\u3400-\u4dbf\u4e00-\u9fff々〆ヶ]+)\[([\u3041-\u3096\u30a1-\u30fa・ー]+)\]")


def ruby(text: str) -> Markup:
    """Escaped HTML with furigana as ruby.

    >>> str(ruby("避難所[ひなんじょ]へ"))
    '<ruby>避難所<rp>(</rp><rt>ひなんじょ</rt><rp>)</rp></ruby>へ'
    """
    drawn = _RUBY.sub(r"<ruby>\1<rp>(</rp><rt>\2</rt><rp>)</rp></ruby>", str(escape(text)))
    return Markup(drawn)  # nosec B704 # nosemgrep: markup-of-a-variable - escaped above, before the tags came in


def without_furigana(text: str) -> str:
    """The text with its readings in brackets left out: 避難所[ひなんじょ] -> 避難所."""
    return _RUBY.sub(r"\1", text)


class _Words:
    """What Catalogs answer from: made at once, never changed, replaced as a whole."""

    __slots__ = ("alone", "approved", "by_tag", "files", "languages")

    def __init__(self, files: Mapping[str, Mapping[str, Entry]]) -> None:
        if not files.get("ja") or not files.get("en"):
            raise WordingError("locales/: ja.po and en.po must be there, all other languages fall back to them")
        self.files = files
        known = [tag for tag in _ORDER if tag in files]
        self.languages: tuple[str, ...] = (*known, *sorted(set(files) - set(known)))
        self.alone = {
            tag: {key for key, e in own.items() if e.comment != NEW and e.state.may_go_alone}
            for tag, own in files.items()
        }
        self.approved: dict[tuple[str, tuple[str, ...]], bool] = {}  # filled as it is asked
        self.by_tag = {tag.lower(): tag for tag in files} | {a: t for a, t in _ALIASES.items() if t in files}


class Catalogs:
    """The texts of all languages, read once and then immutable; safe to share.

    (alerts.wording_book.WordingBook is the one that follows what people approve while the service runs.)
    """

    def __init__(self, files: Mapping[str, Mapping[str, Entry]]) -> None:
        self._words = _Words(files)

    @property
    def edition(self) -> int:
        """A number that changes when what is said changes: for whoever keeps words that were said before."""
        return 0

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages we have, in the order of the pick list."""
        return self._words.languages

    def entries(self, lang: str) -> Mapping[str, Entry]:
        """The language's own texts by key. Raises KeyError for a language we lack."""
        return self._words.files[lang]

    def with_entries(self, lang: str, changed: Mapping[str, Entry]) -> Catalogs:
        """The same with some texts of one language replaced, to see what would become of them."""
        return Catalogs({**self._words.files, lang: {**self._words.files[lang], **changed}})

    @classmethod
    def load(cls, folder: Path = LOCALES) -> Catalogs:
        """Read every `<tag>.po` of a folder. Raises WordingError naming the file and the key that is wrong.

        Our own files are read once per process: they do not change under a running service.
        """
        return _own_catalogs() if folder == LOCALES else cls.read(folder)

    @classmethod
    def read(cls, folder: Path) -> Catalogs:
        """Read a folder now. Raises WordingError."""
        return cls(read_folder(folder, cached=False))

    # --- languages

    def normalise(self, tag: str) -> str | None:
        """Our tag for somebody else's ("zh-TW" -> "zh-Hant", "vi_VN" -> "vi", "tl" -> "fil"); None if we lack it."""
        parts = tag.strip().replace("_", "-").lower().split("-")
        for end in range(len(parts), 0, -1):
            if found := self._words.by_tag.get("-".join(parts[:end])):
                return found
        return None

    def negotiate(self, accept_language: str) -> str | None:
        """The best of our languages for an Accept-Language header (RFC 9110 §12.5.4); None if none fits."""
        wishes: list[tuple[float, int, str]] = []
        for index, part in enumerate(accept_language.split(",")[:20]):
            tag, _, parameter = part.partition(";")
            weight = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", parameter)
            quality = float(weight[1]) if weight else 1.0
            found = self.normalise(tag) if tag.strip() else None
            if found and quality > 0:
                wishes.append((-quality, index, found))
        return min(wishes)[2] if wishes else None

    def native_name(self, lang: str) -> str:
        """The language's name in itself, e.g. Tiếng Việt."""
        return self.say(lang, "language.name")

    def direction(self, lang: str) -> str:
        """ "ltr" or "rtl", for the HTML attribute dir."""
        locale = _locale(lang)
        return "rtl" if locale is not None and locale.character_order == "right-to-left" else "ltr"

    def chain(self, lang: str) -> tuple[str, ...]:
        """Where a text is looked for, in order."""
        rest = ("ja", "en") if lang.partition("-")[0] == "ja" else ("en", "ja")
        return tuple(dict.fromkeys(tag for tag in (lang, *rest) if tag in self._words.files))

    # --- texts

    def keys(self, lang: str) -> frozenset[str]:
        """The keys this language's own file has."""
        return frozenset(self._words.files.get(lang, ()))

    def has(self, key: str) -> bool:
        """Whether there is such a text at all; English has every one."""
        return key in self._words.files["en"]

    def entry(self, lang: str, key: str) -> Entry:
        """The text of this language or of the first one in its chain that has it. Raises LookupError naming the key."""
        files = self._words.files
        own = files[lang].get(key) if lang in files else None
        if own is not None:
            return own
        for tag in self.chain(lang):
            if found := files[tag].get(key):
                return found
        raise LookupError(f"no language file has the key {key} (asked for {lang})")

    def say(self, lang: str, key: str, **fields: object) -> str:
        """The plain text with its placeholders filled. Raises LookupError for an unknown key or a missing field."""
        return _fill(self.entry(lang, key), fields)

    def state(self, lang: str, key: str) -> ReviewState:
        """How far people have checked this text; DRAFT where the language itself lacks it and falls back."""
        own = self._words.files[lang].get(key) if lang in self._words.files else None
        return own.state if own else ReviewState.DRAFT

    def may_go_alone(self, lang: str, key: str) -> bool:
        """Whether people have approved this text in this language."""
        return key in self._words.alone.get(lang, ())

    def approved(self, lang: str, prefixes: tuple[str, ...]) -> bool:
        """Whether people have approved, in this language, every text whose key starts with one of the prefixes."""
        words, asked = self._words, (lang, prefixes)
        if asked not in words.approved:
            alone = words.alone.get(lang, set())
            words.approved[asked] = all(key in alone for key in words.files["en"] if key.startswith(prefixes))
        return words.approved[asked]

    def time(self, lang: str, when: datetime) -> str:
        """Date and time in Japan, always 24 hours and ASCII digits: "22 Nov 14:30", "11月22日 14:30"."""
        local = when.astimezone(JST)
        month = self.say(lang, "date.months").split(",")[local.month - 1]
        return self.say(lang, "date.short", day=local.day, month=month, time=f"{local:%H:%M}")

    def sayer(self, lang: str) -> Sayer:
        """The voice of a page in one language."""
        return Sayer(self, lang)


@functools.cache
def _own_catalogs() -> Catalogs:
    return Catalogs(read_folder(LOCALES))


class Sayer:
    """Words for one page: `say("key", place=name)` is safe HTML with ruby; `say.plain` is text for attributes."""

    def __init__(self, catalogs: Catalogs, lang: str) -> None:
        self.catalogs = catalogs
        self.lang = lang

    def __call__(self, key: str, **fields: object) -> Markup:
        """Escaped HTML in the page's language; fields are escaped unless they are Markup themselves."""
        return self._html(self.lang, key, fields)

    def plain(self, key: str, **fields: object) -> str:
        """Plain text without furigana, for attributes, titles and scripts."""
        return without_furigana(self.catalogs.say(self.lang, key, **fields))

    def ja(self, key: str, **fields: object) -> Markup:
        """The same in Japanese, to show to somebody beside you."""
        return self._html("ja", key, fields)

    def bi(self, key: str, **fields: object) -> Markup:
        """The native text and the Japanese one under it, marked as Japanese; one text if they are equal.

        The native one carries no mark: it is in the language of the page (every byte counts on one bar of signal).
        """
        own, japanese = self(key, **fields), self.ja(key, **fields)
        if own == japanese:
            return Markup('<span lang="ja">{}</span>').format(own)
        return Markup('{} <span lang="ja" class="ja">{}</span>').format(own, japanese)

    def time(self, when: datetime) -> str:
        """Date and time in Japan, 24 hours."""
        return self.catalogs.time(self.lang, when)

    def _html(self, lang: str, key: str, fields: dict[str, object]) -> Markup:
        entry = self.catalogs.entry(lang, key)
        _require(entry, fields)
        return ruby(entry.text).format(**fields)


def install(env: jinja2.Environment) -> None:
    """Give templates `_t("key", field=...)`, which speaks with the page's `say`, and the filter `ruby`."""

    @jinja2.pass_context
    def _t(context: jinja2.runtime.Context, key: str, **fields: Any) -> Markup:
        say: Sayer = context["say"]
        return say(key, **fields)

    env.globals["_t"] = _t
    env.filters["ruby"] = ruby


def _fill(entry: Entry, fields: dict[str, object]) -> str:
    try:
        return entry.text.format_map(fields)
    except KeyError:
        _require(entry, fields)
        raise


def _require(entry: Entry, fields: dict[str, object]) -> None:
    if missing := entry.placeholders - fields.keys():
        raise LookupError(f"the text {entry.key} needs {', '.join(sorted(missing))}")


@functools.cache
def _locale(tag: str) -> Locale | None:
    """CLDR's data for a tag; ja-simple is formatted as ja. None for a language CLDR does not know."""
    try:
        return Locale.parse("ja" if tag == "ja-simple" else tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return None
