"""What people write back by SMS, and what it counts as."""

from __future__ import annotations

import pytest

from checkin.sms_words import Meaning, is_bare, overlap, plain, read_meaning, read_words
from core.i18n import Catalogs

CATALOGS = Catalogs.load()
WORDS = read_words(CATALOGS)


@pytest.mark.parametrize("text", ["1", " 1\n", "１", "①", "1️⃣", "၁", "१", "1.", "(1)", "១"])
def test_one(text: str) -> None:
    assert read_meaning(text, WORDS) is Meaning.FIRST


@pytest.mark.parametrize("text", ["2", "２", "②", "2️⃣", "၂", "२!"])
def test_two(text: str) -> None:
    assert read_meaning(text, WORDS) is Meaning.SECOND


@pytest.mark.parametrize(
    "text", ["OK", "ok!", "ＯＫ", "I'm OK", "大丈夫です。", "だいじょうぶ", "👍🏽", "👌 👍", "Estoy bien.", "An toàn"]
)
def test_safe(text: str) -> None:
    assert read_meaning(text, WORDS) is Meaning.OK


@pytest.mark.parametrize(
    "text",
    ["HELP", "Please help, my leg", "助けてください", "🆘", "tolong!", "ช่วยด้วยค่ะ", "TULONG po", "no help needed"],
)
def test_help_wherever_it_stands(text: str) -> None:
    assert read_meaning(text, WORDS) is Meaning.HELP


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "OK?",
        "大丈夫？",
        "محفوظ ہوں؟",
        "不安全",
        "not ok",
        "ok but the roof is gone",
        "1 2",
        "11",
        "3",
        "yes",
        "helpful",
        "🙏",
    ],
)
def test_anything_else_is_never_safe(text: str) -> None:
    assert read_meaning(text, WORDS) is Meaning.NOTE


@pytest.mark.parametrize(
    ("text", "opt_out", "meaning"),
    [
        ("STOP", "", Meaning.STOP),
        ("Stop.", "", Meaning.STOP),
        ("yamete", "STOP", Meaning.STOP),
        ("START", "", Meaning.START),
        ("yes", "START", Meaning.START),
        ("please stop the water", "", Meaning.NOTE),
        # The provider takes it for a question about its service; we had asked whether all is well.
        ("HELP", "HELP", Meaning.HELP),
        ("INFO", "HELP", Meaning.NOTE),
    ],
)
def test_stop_and_start(text: str, opt_out: str, meaning: Meaning) -> None:
    assert read_meaning(text, WORDS, opt_out) is meaning


@pytest.mark.parametrize("lang", CATALOGS.languages)
def test_every_word_of_every_language_means_what_it_says(lang: str) -> None:
    for key, meaning in (("reply.ok", Meaning.OK), ("reply.help", Meaning.HELP)):
        for word in CATALOGS.say(lang, key).split(","):
            assert read_meaning(word, WORDS) is meaning, word
            assert read_meaning(word.strip().upper(), WORDS) is meaning, word
            assert meaning is Meaning.OK or is_bare(word, WORDS)


def test_no_word_is_both() -> None:
    assert overlap(WORDS.ok, WORDS) == []


def test_the_answer_on_the_button_is_understood() -> None:
    for lang in CATALOGS.languages:
        label = CATALOGS.say(lang, "answer.help")
        assert read_meaning(label, WORDS) in (Meaning.HELP, Meaning.NOTE), label
        assert read_meaning(CATALOGS.say(lang, "answer.cannot_leave"), WORDS) is not Meaning.OK


def test_plain() -> None:
    assert plain(" ＯＫ\u200b \n １") == "ok 1"
