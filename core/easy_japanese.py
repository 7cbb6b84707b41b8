"""What a text in Easy Japanese (やさしい日本語) may not do. Pure.

The rules follow 在留支援のためのやさしい日本語ガイドライン (Immigration Services Agency and Agency for Cultural Affairs, 2020): one
short sentence per fact, words of JLPT N5 and N4, no passive, no honorifics, no double negatives, every kanji with its
reading, spaces between phrases. Words that people will see and hear in a disaster stay and are explained once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from core.i18n import without_furigana

#: Letters (readings, brackets and spaces apart) that one sentence may have.
LONGEST_SENTENCE: Final = 36
#: Letters without a space or a stop: more and a learner no longer finds where a word ends.
LONGEST_RUN: Final = 12

#: Kanji that learners read in their first weeks and that stand in every date and level.
WITHOUT_READING: Final = frozenset("月日震度")

#: Words above N4 and what to write instead; the reading guides of the government name most of them as hard.
HARD_WORDS: Final = {
    "速やか": "いますぐ", "直ちに": "いますぐ", "至急": "いますぐ", "早急": "いますぐ", "迅速": "はやく",
    "警戒": "気を つける", "厳重": "とても", "恐れ": "かもしれません", "おそれ": "かもしれません", "発生": "おきる", "発表": "お知らせ",
    "発令": "お知らせ", "浸水": "水が 入る", "冠水": "水が 入る", "倒壊": "こわれる", "崩壊": "こわれる", "損壊": "こわれる", "崩落": "くずれる",
    "該当": "その", "確認": "見る", "必要": "いる", "可能": "できる", "使用": "使う", "利用": "使う", "提供": "あげる", "実施": "する",
    "開始": "始める", "終了": "終わる", "停止": "止める", "入力": "書く", "選択": "えらぶ", "記入": "書く", "返信": "返事", "送信": "送る",
    "受信": "もらう", "更新": "新しく する", "詳細": "くわしい こと", "以上": "より 多い、数を 書く", "以下": "数を 書く", "未満": "数を 書く",
    "前日": "日を 書く", "翌日": "日を 書く", "明朝": "日を 書く", "昨夜": "日を 書く", "高台": "たかい ところ", "付近": "ちかく", "周辺": "ちかく",
    "屋外": "外", "屋内": "中", "状況": "どうか", "支援": "助ける", "救助": "助ける", "援助": "助ける", "負傷": "けが", "行方不明": "どこに いるか わからない",
    "安否": "だいじょうぶか どうか", "不明": "わかりません", "不要": "いりません", "無料": "お金は いりません", "有料": "お金が いります",
    "禁止": "しないで ください", "注意して": "気を つけて", "避難して": "にげて", "避難を": "にげる", "移動して": "行って", "待機": "待つ", "退避": "にげる",
    "遮断": "止める", "搬送": "はこぶ", "居住": "住む", "在宅": "うちに いる", "外出": "外に 出る", "帰宅": "うちに 帰る", "到着": "つく", "出発": "出る",
    "対象": "その 人", "対応": "する", "変更": "かえる", "削除": "消す", "追加して": "入れて", "承認": "いいです", "拒否": "だめです", "原則": "ふつう",
    "現在": "いま", "直後": "すぐ あと", "一時的": "すこしの 間", "非常": "とても", "極めて": "とても", "若干": "すこし", "速報値": "はじめの 数",
}  # fmt: skip

#: Hard words inside these are names that are heard as they are; thanks are said as everybody says them.
_KEPT: Final = ("噴火警戒レベル", "ありがとうございます")

#: Verbs that look passive and are not: something breaks by itself, somebody can do it.
_NOT_PASSIVE: Final = frozenset({
    "こわれ", "はなれ", "うまれ", "わかれ", "よごれ", "つかれ", "くずれ", "やめられ", "変えられ", "食べられ", "出られ", "入れられ", "見られ", "寝られ", "忘れ",
    "離れ", "壊れ", "生まれ", "別れ", "分かれ", "疲れ", "汚れ", "崩れ", "流れ", "倒れ", "ながれ",
})  # fmt: skip
_PASSIVE: Final = re.compile(r"[\u3041-\u309f\u4e00-\u9fff]?[\u3041-\u309f\u4e00-\u9fff]?[さらわかがたなばま]れ(?=ます|まし|ませ|て|た|る|な)")
_HONORIFIC: Final = re.compile(r"いただ|ござい|くださいませ|なさ[いっり]|いらっしゃ|おっしゃ|申し上げ|お待ちください|いたし")
_DOUBLE_NEGATIVE: Final = re.compile(r"なければ\s*(?:なりません|いけません)|ないと\s*いけません|ない\s*ことは\s*(?:ない|ありません)|ざるを")
_GLUED: Final = re.compile(r"\w*[てで]ください")
_ERA: Final = re.compile(r"令和|平成|昭和")
_WITH_READING: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff々〆ヶ]+\[[\u3041-\u30ff・ー]+\]")
_EXPLAINED: Final = re.compile(r"[(（][^()（）]*[)）]")
_FIELD: Final = re.compile(r"\{\w+\}")


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
    for word, instead in HARD_WORDS.items():
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
