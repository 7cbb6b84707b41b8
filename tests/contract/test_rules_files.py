"""Every rule file: its own examples hold, and every level it names has words in every language."""

from __future__ import annotations

from datetime import datetime

import pytest

from alerts.compose import compose
from alerts.rules import Example, Rule, load_rules, severity_of
from alerts.wording import PlaceText, TextContext, Voice, level_words
from core.clock import JST
from core.i18n import Catalogs
from core.model import CAP_SEVERITIES, Answer, Area, Moment, PlaceKind, Severity, Tier

RULES = load_rules()
CATALOGS = Catalogs.load()


@pytest.fixture(params=sorted(RULES))
def rule(request: pytest.FixtureRequest) -> Rule:
    return RULES[request.param]


def test_its_examples_hold(rule: Rule) -> None:
    assert len(rule.examples) >= len(rule.levels), "every level wants an example"
    assert {str(e.level) for e in rule.examples} >= set(rule.levels)
    of_tiers = {(e.tier, e.severity) for e in rule.examples if e.level is None}
    for tiers in (rule.tiers, *rule.tiers_of.values()):
        assert of_tiers >= set(tiers.items())
    assert any(e.severity is None for e in rule.examples), "an example of what tells nobody"
    for example in rule.examples:
        severity = severity_of(rule, Area("jma.city", "0000000", level=example.level, tier=example.tier), example.type)
        assert severity == example.severity, example
        assert bool(severity and rule.asks(severity)) is example.asks, example
        assert rule.only_in_zone(example.level) is example.zone, example
    limited = rule.zone.levels if rule.zone is not None else frozenset()
    assert {str(example.level) for example in rule.examples if example.zone} == limited


def test_higher_severities_never_wait_longer(rule: Rule) -> None:
    assert rule.case_after_s[Severity.EXTREME] <= rule.case_after_s[Severity.SEVERE]
    for severity, steps in rule.ladder.items():
        assert steps[0].after_s == 0, severity


def test_stated_severities_mean_the_same_for_every_hazard(rule: Rule) -> None:
    """CAP alerts and manual incidents: any hazard, any region, the same three words."""
    for level in CAP_SEVERITIES:
        severity = None if level == "minor" else Severity(level)
        assert severity_of(rule, Area("jma.city", "0000000", level=level, tier=Tier.WARNING), "CAP") is severity


def test_every_hazard_has_its_words(rule: Rule) -> None:
    for lang in CATALOGS.languages:
        own = CATALOGS.keys(lang)
        assert f"hazard.{rule.hazard}" in own
        for severity in {*rule.levels.values(), *rule.tiers.values()}:
            assert f"do.{rule.hazard}.{severity}" in own, (lang, severity)
        for answer in rule.questions:
            assert f"answer.{answer}" in own, (lang, answer)


TELLING = [(hazard, one) for hazard, rule in sorted(RULES.items()) for one in rule.examples if one.severity is not None]


@pytest.mark.parametrize(("hazard", "example"), TELLING, ids=lambda value: value if isinstance(value, str) else "")
def test_whatever_tells_somebody_has_words_in_every_language(hazard: str, example: Example) -> None:
    """What, what it means and what to do, by the place's own level or kind of warning."""
    severity = example.severity
    assert severity is not None
    place = PlaceText(PlaceKind.HOME, "jma.city", "x", example.level, tier=example.tier)
    other = PlaceText(PlaceKind.WORK, "jma.city", "y", example.level, tier=example.tier)
    asks = RULES[hazard].asks(severity)
    at = datetime(2026, 11, 22, 14, 30, tzinfo=JST)
    ctx = TextContext(hazard, severity, Moment.ISSUE, (place, other), at, asks=asks)
    for lang in CATALOGS.languages:
        say = Voice(CATALOGS, lang)
        page = compose(ctx, lang, "page", CATALOGS, lambda scheme, code, lang: code)
        lines = page.body.splitlines()
        assert CATALOGS.say(lang, f"do.{hazard}.{severity}").splitlines()[0] in lines, lang
        assert len(lines) > 4, (lang, lines)  # what it means stands there as well
        words = level_words(say, example.level, hazard=hazard, tier=example.tier)
        assert words != say("level.none"), lang
        assert lines[0].count(words) == 2, (lang, lines[0])


def test_a_rule_of_evacuation_offers_every_answer_of_one() -> None:
    evacuation = (Answer.SAFE_PLACE, Answer.LEAVING, Answer.CANNOT_LEAVE, Answer.ON_DUTY, Answer.NOT_THERE)
    for hazard in ("tsunami", "heavy_rain", "landslide", "river_flood", "storm_surge", "volcano"):
        assert RULES[hazard].questions == evacuation
    for hazard in ("earthquake", "storm_wind", "high_waves", "heavy_snow", "tornado", "other"):
        assert RULES[hazard].questions == (Answer.OK, Answer.HELP)
