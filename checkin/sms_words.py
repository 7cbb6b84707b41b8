"""What somebody means who answers an SMS: digits first, then the words that each language gives us. Pure.

"OK" must be said with nothing beside it: a question ("safe?") or a sentence is for people to read, and never counts as
safe. A word for help counts wherever it stands: a false alarm costs a call, a missed one may cost a life.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from core.i18n import Catalogs


class Meaning(StrEnum):
    """What a reply is."""

    FIRST = "1"  # the first answer that was offered: all is well
    SECOND = "2"  # the second: the call for help
    OK = "ok"
    HELP = "help"
    STOP = "stop"
    START = "start"
    NOTE = "note"  # for people to read


#: Words by which a person stops and restarts messages at Twilio (its default keywords; it answers them itself).
STOP_WORDS: Final = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"})
START_WORDS: Final = frozenset({"start", "unstop"})
OK_SIGNS: Final = frozenset("👍👌🙆🆗✅⭕")
HELP_SIGNS: Final = frozenset("🆘")
#: Variation selectors, keycaps, skin tones, joiners: they change how a sign looks.
_DRESS: Final = re.compile("[\ufe0e\ufe0f\u20e3\u200b-\u200f\u2060\U0001f3fb-\U0001f3ff]|\u200d[♀♂]")
_QUESTION: Final = re.compile("[?¿？؟⁇]")
#: Scripts that put no space between words: there a word is found inside others.
_NO_SPACES: Final = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "KHMER", "MYANMAR", "HANGUL")


class Words(NamedTuple):
    """The words of all languages together: people answer in whichever they think."""

    ok: frozenset[str]
    help: re.Pattern[str]


def plain(text: str) -> str:
    """A text as it is compared: NFKC (full-width letters, circled digits), lower case, single blanks."""
    return " ".join(unicodedata.normalize("NFKC", _DRESS.sub("", text)).casefold().split())


def _bare(said: str) -> str:
    """Without punctuation and signs around it; vowel signs of Indic scripts belong to the word."""
    kept = [index for index, char in enumerate(said) if unicodedata.category(char)[0] in "LMN"]
    return said[kept[0] : kept[-1] + 1] if kept else ""


def read_words(catalogs: Catalogs) -> Words:
    """The reply words of every language (`reply.ok` and `reply.help`, separated by commas)."""
    found = {
        key: {
            word for lang in catalogs.languages for part in catalogs.say(lang, key).split(",") if (word := plain(part))
        }
        for key in ("reply.ok", "reply.help")
    }
    calls = "|".join(_in_text(word) for word in sorted(found["reply.help"]))
    return Words(frozenset(found["reply.ok"]), re.compile(calls))


def _in_text(word: str) -> str:
    alone = not unicodedata.name(word[0], "").startswith(_NO_SPACES)
    return rf"(?<!\w){re.escape(word)}(?!\w)" if alone else re.escape(word)


def read_meaning(text: str, words: Words, opt_out: str = "") -> Meaning:
    """What a text means. `opt_out`: what the provider made of it ("STOP", "START", "HELP"; "": nothing).

    The provider's HELP asks for its own instructions; from somebody whom we asked "are you OK?" it is a call for help.
    """
    said = plain(text)
    bare = _bare(said)
    if opt_out.upper() == "STOP" or bare in STOP_WORDS:
        return Meaning.STOP
    if opt_out.upper() == "START" or bare in START_WORDS:
        return Meaning.START
    if words.help.search(said) or any(sign in said for sign in HELP_SIGNS):
        return Meaning.HELP
    if _QUESTION.search(said):
        return Meaning.NOTE
    if len(bare) == 1 and (digit := unicodedata.digit(bare, None)) in (1, 2):
        return Meaning.FIRST if digit == 1 else Meaning.SECOND
    if bare in words.ok or (said and all(sign in OK_SIGNS for sign in said.replace(" ", ""))):
        return Meaning.OK
    return Meaning.NOTE


def is_bare(text: str, words: Words) -> bool:
    """Whether a call for help says nothing more than that."""
    said = _bare(plain(text))
    return words.help.fullmatch(said) is not None or len(said) <= 1


def overlap(ok: Iterable[str], words: Words) -> Sequence[str]:
    """Words that would be both: there must be none."""
    return sorted(word for word in ok if words.help.search(word))
