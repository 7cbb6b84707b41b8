"""Every rule file: its own examples hold, and every level it names has words in every language."""

from __future__ import annotations

import pytest

from alerts.rules import Rule, load_rules, severity_of
from core.i18n import Catalogs
from core.model import Area, Severity

RULES = load_rules()
CATALOGS = Catalogs.load()


@pytest.fixture(params=sorted(RULES))
def rule(request: pytest.FixtureRequest) -> Rule:
    return RULES[request.param]


def test_its_examples_hold(rule: Rule) -> None:
    assert len(rule.examples) >= len(rule.levels), "every level wants an example"
    assert {str(e.level) for e in rule.examples} >= set(rule.levels)
    assert any(e.severity is None for e in rule.examples), "an example of what tells nobody"
    for example in rule.examples:
        severity = severity_of(rule, Area("jma.city", "0000000", level=example.level), example.type)
        assert severity == example.severity, example
        assert bool(severity and rule.asks(severity)) is example.asks, example


def test_higher_severities_never_wait_longer(rule: Rule) -> None:
    assert rule.case_after_s[Severity.EXTREME] <= rule.case_after_s[Severity.SEVERE]
    for severity, steps in rule.ladder.items():
        assert steps[0].after_s == 0, severity


def test_every_severity_and_level_has_words(rule: Rule) -> None:
    for lang in CATALOGS.languages:
        own = CATALOGS.keys(lang)
        assert f"hazard.{rule.hazard}" in own
        for level, severity in rule.levels.items():
            assert f"do.{rule.hazard}.{severity}" in own, (lang, severity)
            if rule.hazard != "earthquake":
                assert f"term.{rule.hazard}.{level}" in own, (lang, level)
        for answer in rule.questions:
            assert f"answer.{answer}" in own, (lang, answer)
