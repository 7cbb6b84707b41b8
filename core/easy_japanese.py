"""What a text in Easy Japanese (やさしい日本語) may not do. Pure.

The rules follow 在留支援のためのやさしい日本語ガイドライン (Immigration Services Agency, Agency for Cultural Affairs
2020): one short sentence per fact, words of JLPT N5 and N4, no passive, no honorifics, no double negatives, every kanji
with its reading, spaces between phrases. Words that people will see and hear in a disaster stay and are explained once.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from core.i18n import without_furigana

#: Letters (readings, brackets and spaces apart) that one sentence may have.
LONGEST_SENTENCE: Final = 36
#: Letters without a space or a stop: more and a learner no longer finds where a word ends.
LONGEST_RUN: Final = 12

#: Kanji that learners read in their first weeks and that stand in every date and level.
WITHOUT_READING: Final = frozenset("月日震度")

#: Hard words inside these are names that are heard as they are; thanks are said as everybody says them.
_KEPT: Final = ("噴火警戒レベル", "ありがとうございます")

#: Verbs that look passive and are not: something breaks by itself, somebody can do it.
_NOT_PASSIVE: Final = (
    "こわれ", "はなれ", "うまれ", "わかれ", "よごれ", "つかれ", "くずれ", "ながれ", "忘れ", "離れ", "壊れ", "生まれ",
    "別れ", "分かれ", "疲れ", "汚れ", "崩れ", "流れ", "倒れ",
    "やめられ", "変えられ", "食べられ", "出られ", "入れられ", "見られ", "寝られ",
)  # fmt: skip
_LETTER: Final = "[\u3041-\u309f\u4e00-\u9fff]"
_PASSIVE: Final = re.compile(rf"{_LETTER}?{_LETTER}?[さらわかがたなばま]れ(?=ます|まし|ませ|て|た|る|な)")
_HONORIFIC: Final = re.compile(
    "いただ|ござい|くださいませ|なさ[いっり]|いらっしゃ|おっしゃ|申し上げ|お待ちください|いたし"
)
_DOUBLE_NEGATIVE: Final = re.compile(
    r"なければ\s*(?:なりません|いけません)|ないと\s*いけません|ない\s*ことは\s*(?:ない|ありません)|ざるを"
)
_GLUED: Final = re.compile(r"\w*[てで]ください")
_ERA: Final = re.compile(r"令和|平成|昭和")
_WITH_READING: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff々〆ヶ]+\[[\u3041-\u30ff・ー]+\]")
_EXPLAINED: Final = re.compile(r"[(（][^()（）]*[)）]")
_FIELD: Final = re.compile(r"\{\w+\}")


@functools.cache
def hard_words() -> dict[str, str]:
    """Words above N4 and what to write instead (hard_words.tsv: our own list, one pair a line)."""
    lines = (Path(__file__).parent / "hard_words.tsv").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {word: instead for word, instead in pairs}


def problems(text: str, *, name: bool = False) -> Iterator[str]:
    """What makes this text hard to read, one sentence each. `name`: the official name of a warning, which stays as it
    is heard on the radio, however hard: only its readings are looked at."""
    yield from _unread(text)
    if name:
        return
    plain = _FIELD.sub("○", without_furigana(text))
    for kept in _KEPT:
        plain = plain.replace(kept, "○")
    bare = _EXPLAINED.sub("", plain)
    for sentence in re.split(r"[。\n:：;]", bare):
        length = len(re.sub(r"[\s、・「」,]", "", sentence))
        if length > LONGEST_SENTENCE:
            yield f"a sentence of {length} letters, at most {LONGEST_SENTENCE}: make two ({sentence.strip()})"
    for run in re.split(r"[\s。、「」・,:：/|…（）()○\d A-Za-z]+", plain):
        if len(run) > LONGEST_RUN:
            yield f"{len(run)} letters without a space: put one between the words ({run})"
    together = re.sub(r"\s", "", plain)
    for word, instead in hard_words().items():
        if word in together:
            yield f"{word} is above N4: write {instead}"
    for found in _PASSIVE.finditer(together):
        if not any(found[0].endswith(fine) for fine in _NOT_PASSIVE):
            yield f"{found[0]}… is a passive: say who does it"
    for match in _GLUED.finditer(plain):
        yield f"{match[0]}: put a space before ください"
    for rule, why in ((_HONORIFIC, "is honorific: です, ます, ください are enough"),
                      (_DOUBLE_NEGATIVE, "says no twice: say it with yes"),
                      (_ERA, "is an era: write the year in figures")):  # fmt: skip
        for match in rule.finditer(plain):
            yield f"{match[0]} {why}"


def _unread(text: str) -> Iterator[str]:
    bare = _WITH_READING.sub("", text)
    missing = sorted({c for c in bare if "\u4e00" <= c <= "\u9fff" or c == "々"} - WITHOUT_READING)
    if missing:
        yield f"kanji without a reading: {''.join(missing)} (write 漢字[かんじ])"
