"""Each rule of Easy Japanese finds its fault, and leaves alone what only looks like it."""

from __future__ import annotations

import pytest

from core.easy_japanese import problems


@pytest.mark.parametrize(
    "text",
    [
        "あたまを まもって ください。",
        "避難所[ひなんじょ]か たかい ところへ 行[い]って ください。",
        "この リンクは {time}まで 使[つか]えます。",
        "こわれた たてものから はなれて ください。",
        "ここで いつでも やめられます。",
        "ありがとうございます。答[こた]えが とどきました。",
        "余震[よしん](あとから 来[く]る 地震[じしん])に 気[き]を つけて ください。",
        "噴火警戒[ふんかけいかい]レベル4です。",
        "11月22日",
        "震度5弱[じゃく]",
    ],
)
def test_easy_texts_pass(text: str) -> None:
    assert list(problems(text)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("避難所へ 行[い]って ください。", "kanji without a reading: 所避難"),
        ("速[すみ]やかに にげて ください。", "速やか is above N4: write いますぐ"),
        ("川[かわ]の 水位[すいい]を 確認[かくにん]します。", "確認 is above N4: write 見る"),
        ("明朝[みょうちょう] 来[き]ます。", "明朝 is above N4"),
        ("お知[し]らせが 出[だ]されました。", "is a passive: say who does it"),
        ("あなたの 名前[なまえ]が 言[い]われます。", "is a passive"),
        ("ご連絡[れんらく] いただきます。", "いただ is honorific"),
        ("書[か]かなければ なりません。", "says no twice"),
        ("令和[れいわ] 8年[ねん]です。", "is an era"),
        ("名前[なまえ]を 書[か]いてください。", "put a space before ください"),
        ("かわのちかくにすんでいるひとは", "letters without a space"),
        (
            "川[かわ]の ちかくや ひくい ところに いて、にげるのに とても 時間[じかん]が かかる "
            "人[ひと]や 子[こ]どもは いま にげて ください。",
            "make two",
        ),
    ],
)
def test_hard_texts_are_named(text: str, said: str) -> None:
    assert any(said in one for one in problems(text)), list(problems(text))


def test_an_official_name_is_only_asked_for_its_reading() -> None:
    assert list(problems("大雨危険警報[おおあめきけんけいほう] 警戒[けいかい]", name=True)) == []
    assert list(problems("大雨危険警報", name=True)) == ["kanji without a reading: 危報大警険雨 (write 漢字[かんじ])"]
