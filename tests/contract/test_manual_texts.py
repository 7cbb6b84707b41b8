"""What people send by hand, in every language and hazard: it names its true source, never JMA, and fits into an SMS."""

from __future__ import annotations

from itertools import cycle

import pytest

from alerts.compose import MAX_PARTS, compose
from alerts.manual import SOURCES
from alerts.rules import load_rules
from alerts.wording import PlaceText, TextContext
from core.i18n import Catalogs, without_furigana
from core.model import CAP_SEVERITIES, Moment, PlaceKind
from tests.people import NOW

CATALOGS = Catalogs.load()
RULES = load_rules()


def name(scheme: str, code: str, lang: str) -> str:
    return "熊本市東区" if lang.startswith(("ja", "zh")) else "Kumamoto Higashi-ku"


@pytest.mark.parametrize("lang", CATALOGS.languages)
def test_a_text_sent_by_hand_names_who_said_so(lang: str) -> None:
    sources = cycle(SOURCES)
    for hazard, rule in RULES.items():
        told = [level for level in CAP_SEVERITIES if level in rule.levels]
        assert told, f"{hazard} could never be sent by hand"
        for level in told:
            for moment in (Moment.ISSUE, Moment.LIFT):
                source = f"manual.{next(sources)}"
                severity = rule.levels[level]
                context = TextContext(
                    hazard, severity, moment, (PlaceText(PlaceKind.HOME, "jma.city", "4310200", level),), NOW,
                    asks=rule.asks(severity) if moment is Moment.ISSUE else (), source=source, earlier_at=NOW,
                )  # fmt: skip
                page, sms = (compose(context, lang, channel, CATALOGS, name) for channel in ("page", "sms"))
                said = without_furigana(CATALOGS.say(lang, f"source.{source}"))
                assert said in without_furigana(page.body), (hazard, moment, page.body)
                for text in (page, sms):
                    assert "JMA" not in text.body and "気象庁" not in text.body, text.body
                assert 0 < sms.segments <= MAX_PARTS
