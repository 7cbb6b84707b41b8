"""Short words around a message: the buttons of a notification. The alert texts are composed in compose.py."""

from __future__ import annotations

from collections.abc import Sequence

from core.i18n import Catalogs, without_furigana
from core.model import Answer


def answer_labels(catalogs: Catalogs, lang: str, questions: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """At most two (answer, label) pairs for a notification: the first "all is well" and the first call for help.

    Browsers show two actions; whoever has another answer opens the page.
    """
    answers = [Answer(question) for question in questions]
    green = next((a for a in answers if a.is_green), None)
    call = next((a for a in answers if a.is_help), None)
    return tuple(
        (answer.value, without_furigana(catalogs.say(lang, f"answer.{answer.value}")))
        for answer in (green, call)
        if answer is not None
    )
