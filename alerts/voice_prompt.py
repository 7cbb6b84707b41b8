"""What a call says, in parts that have names: each may be a recording, else it is spoken where the provider can. Pure.

The keys are the names of the files that people record (alerts/recordings.py): `sender`, `drill`, `canary`,
`hazard-<hazard>`, `press-<digit>-<answer>`, and at the end `thanks` or `help`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from alerts.channel import Outgoing
from alerts.rules import Rule
from alerts.twilio_calls import SPOKEN, Spoken
from alerts.words import answer_labels
from core.i18n import Catalogs, without_furigana
from core.model import Purpose

#: Which key of a telephone stands for which of the two answers of a message.
DIGITS: Final = ("1", "2")
#: What is heard after a key, and the texts it consists of.
CLOSING: Final[Mapping[str, tuple[str, ...]]] = {
    "thanks": ("page.thanks.title",),
    "help": ("help.title", "help.not_119"),
}
#: What is said where neither a recording nor the provider's voice has the person's language.
STAND_IN: Final = ("ja", "en")

#: The address of a recording: (language, key) -> URL, "" for none.
Recorded = Callable[[str, str], str]
#: The words of a part: (language, key) -> text.
Words = Callable[[str, str], str]


def asking_keys(message: Outgoing) -> tuple[str, ...]:
    """The parts of the call of a message, in the order in which they are heard."""
    keys = ["sender"]
    if message.purpose is not Purpose.LIVE:
        keys.append(message.purpose.value)
    if message.hazard:
        keys.append(f"hazard-{message.hazard}")
    return (*keys, *_presses(answer for answer, _ in message.actions))


def _presses(answers: Iterable[str]) -> list[str]:
    return [f"press-{digit}-{answer}" for digit, answer in zip(DIGITS, answers, strict=False)]


def every_key(catalogs: Catalogs, rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """Every part that a call of these rules can have: what is to be recorded in a language."""
    calling = [
        rule for rule in rules.values() if any(step.channel == "voice" for s in rule.ladder.values() for step in s)
    ]
    presses = {
        key
        for rule in calling
        for key in _presses(answer for answer, _ in answer_labels(catalogs, "en", rule.questions))
    }
    hazards = sorted(f"hazard-{rule.hazard}" for rule in calling)
    labels = [purpose.value for purpose in Purpose if purpose is not Purpose.LIVE]
    return ("sender", *labels, *hazards, *sorted(presses), *CLOSING)


def words_of(catalogs: Catalogs, sender: str, language: str, key: str) -> str:
    """What a part says in a language, as it is to be read aloud. Raises LookupError for a key that is none."""
    say = catalogs.sayer(language).plain
    kind, _, rest = key.partition("-")
    if kind == "sender":
        text = say("frame.sentence", text=sender)
    elif kind == "hazard":
        text = say("frame.sentence", text=say(f"hazard.{rest}"))
    elif kind == "press":
        digit, _, answer = rest.partition("-")
        text = say("voice.press", label=say(f"answer.{answer}"), digit=digit)
    elif kind in CLOSING:
        text = " ".join(say(one) for one in CLOSING[kind])
    else:
        text = say("frame.sentence", text=say(f"tag.{kind}.first"))
    return without_furigana(text)


def heard(keys: Sequence[str], language: str, recorded: Recorded, words: Words) -> tuple[Spoken, ...]:
    """These parts as they are heard by a person of this language.

    A language that the provider speaks: each part as a recording where there is one, else spoken. Another one: all
    parts as recordings, or, where one is missing, the languages that stand in for it.
    """
    if language not in SPOKEN and all(recorded(language, key) for key in keys):
        return tuple(Spoken(recording=recorded(language, key)) for key in keys)
    languages = (language,) if language in SPOKEN else STAND_IN
    return tuple(part for lang in languages for part in _in_one(keys, lang, recorded, words))


def _in_one(keys: Sequence[str], language: str, recorded: Recorded, words: Words) -> list[Spoken]:
    """Recordings and spoken words in turn; what is spoken without a break stands together."""
    found: list[Spoken] = []
    spoken: list[str] = []

    def say() -> None:
        if spoken:
            found.append(Spoken(language, " ".join(spoken)))
            spoken.clear()

    for key in keys:
        if address := recorded(language, key):
            say()
            found.append(Spoken(recording=address))
        else:
            spoken.append(words(language, key))
    say()
    return found
