"""Rules: levels to severities, and a typo that stops the start with a sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.rules import RULES, Again, Condition, RuleError, load_rules, read_rule, severity_of
from core.model import Answer, Area, Change, Level, Severity, Tier

RULESET = load_rules()


def area(level: Level, **fields: object) -> Area:
    return Area("jma.city", "4344300", "益城町", level=level, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hazard", "type_", "level", "severity"),
    [
        ("earthquake", "VXSE53", "7", Severity.EXTREME),
        ("earthquake", "VXSE53", "6-", Severity.EXTREME),
        ("earthquake", "VXSE53", "5+", Severity.SEVERE),
        ("earthquake", "VXSE53", "5-", Severity.MODERATE),
        ("earthquake", "VXSE53", "4", None),
        ("earthquake", "VXSE51", "7", Severity.SEVERE),
        ("earthquake", "VXSE51", "5-", Severity.MODERATE),
        ("tsunami", "VTSE41", "major_warning", Severity.EXTREME),
        ("tsunami", "VTSE41", "warning", Severity.SEVERE),
        ("tsunami", "VTSE41", "advisory", Severity.MODERATE),
        ("tsunami", "VTSE41", "forecast", None),
        ("heavy_rain", "VPWW55", 5, Severity.EXTREME),
        ("landslide", "VPWW56", 4, Severity.SEVERE),
        ("storm_surge", "VPWW57", 3, Severity.MODERATE),
        ("river_flood", "VXKO", 2, None),
        ("river_flood", "VXKO", 0, None),
        ("river_flood", "VXKO", None, None),
    ],
)
def test_levels_give_severities(hazard: str, type_: str, level: Level, severity: Severity | None) -> None:
    assert severity_of(RULESET[hazard], area(level), type_) == severity


def test_a_lifted_area_tells_nobody_whatever_its_level_still_says() -> None:
    assert severity_of(RULESET["heavy_rain"], area(4, change=Change.LIFTED), "VPWW55") is None


def test_an_area_without_level_is_rated_by_its_tier_where_the_rule_says_so() -> None:
    rule = replace(RULESET["heavy_rain"], tiers={Tier.SPECIAL: Severity.EXTREME})
    assert severity_of(rule, area(None, tier=Tier.SPECIAL), "X") is Severity.EXTREME
    assert severity_of(rule, area(None, tier=Tier.WARNING), "X") is None


@pytest.mark.parametrize(
    ("hazard", "type_", "level", "tier", "severity"),
    [
        # 噴火警戒レベル: 5 and 4 concern homes, 3 and below the mountain.
        ("volcano", "VFVO50", 5, Tier.SPECIAL, Severity.EXTREME),
        ("volcano", "VFVO50", 4, Tier.SPECIAL, Severity.SEVERE),
        ("volcano", "VFVO50", 3, Tier.WARNING, None),
        ("volcano", "VFVO50", 1, Tier.NONE, None),
        # A volcano without alert levels; the tier of a mere 火口周辺警報 is that of an eruption flash.
        ("volcano", "VFVO50", None, Tier.SPECIAL, Severity.EXTREME),
        ("volcano", "VFVO50", None, Tier.WARNING, None),
        ("volcano", "VFVO56", None, Tier.WARNING, Severity.MODERATE),
        ("volcano", "VFVO52", None, Tier.NONE, None),
        ("storm_wind", "VPWW58", None, Tier.SPECIAL, Severity.EXTREME),
        ("storm_wind", "VPWW58", None, Tier.WARNING, Severity.MODERATE),
        ("storm_wind", "VPWW58", None, Tier.ADVISORY, None),
        ("high_waves", "VPWW59", None, Tier.SPECIAL, Severity.EXTREME),
        ("high_waves", "VPWW59", None, Tier.WARNING, None),
        ("heavy_snow", "VPWW60", None, Tier.SPECIAL, Severity.EXTREME),
        ("heavy_snow", "VPWW60", None, Tier.WARNING, Severity.MODERATE),
        ("tornado", "VPHW51", None, Tier.ADVISORY, Severity.INFO),
        ("other", "VPWW61", None, Tier.ADVISORY, None),
        ("other", "CAP", "severe", Tier.NONE, Severity.SEVERE),
        ("earthquake", "MANUAL", "extreme", Tier.NONE, Severity.EXTREME),
        ("river_flood", "CAP", "minor", Tier.NONE, None),
        ("tsunami", "CAP", "moderate", Tier.NONE, Severity.MODERATE),
    ],
)
def test_what_has_no_level_is_rated_by_its_tier_or_its_stated_severity(
    hazard: str, type_: str, level: Level, tier: Tier, severity: Severity | None
) -> None:
    assert severity_of(RULESET[hazard], area(level, tier=tier), type_) == severity
    assert severity_of(RULESET[hazard], area(level, tier=tier, change=Change.LIFTED), type_) is None


def test_the_aftershock_rule_is_data() -> None:
    quake = RULESET["earthquake"]
    assert quake.aftershock_window_h == 6
    assert quake.again_if == {Again.STRONGER, Again.NEW_AREA, Again.NOT_ASKED}
    assert all(rule.aftershock_window_h == 0 for hazard, rule in RULESET.items() if hazard != "earthquake")


def test_news_of_tornadoes_is_short_and_free() -> None:
    tornado = RULESET["tornado"]
    assert tornado.life_s[Severity.INFO] == 3600
    assert [step.channel for step in tornado.ladder[Severity.INFO]] == ["push"]


def test_people_are_asked_only_at_severe_and_extreme() -> None:
    quake = RULESET["earthquake"]
    assert quake.asks(Severity.EXTREME) == (Answer.OK, Answer.HELP)
    assert quake.asks(Severity.MODERATE) == ()
    assert RULESET["tsunami"].asks(Severity.SEVERE)[0] is Answer.SAFE_PLACE


def test_a_quake_is_old_after_half_an_hour_and_warnings_only_when_superseded() -> None:
    assert RULESET["earthquake"].max_age == timedelta(minutes=30)
    assert all(rule.max_age is None for hazard, rule in RULESET.items() if hazard != "earthquake")


def test_the_ladder_of_severe_waits_for_a_receipt_before_it_costs_money() -> None:
    steps = RULESET["earthquake"].ladder[Severity.SEVERE]
    assert [(s.channel, s.after_s, s.when) for s in steps] == [
        ("push", 0, Condition.ALWAYS),
        ("sms", 0, Condition.NO_PUSH),
        ("line", 0, Condition.NO_PUSH),
        ("email", 0, Condition.NO_OTHER),
        ("sms", 120, Condition.NO_RECEIPT),
        ("line", 120, Condition.NO_RECEIPT),
        ("email", 600, Condition.NO_RECEIPT),
    ]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"7" = "extreme"', '"7" = "extrem"', "levels.7 says 'extrem'"),
        ('questions = ["ok", "help"]', 'questions = ["okay"]', "questions says 'okay'"),
        ("max_age_s = 1800", "max_age_s = -1", "max_age_s must be a whole number"),
        ("max_age_s = 1800", "max_age = 1800", "max_age is not a key we know"),
        ("incident_end_h = 72", "", "incident_end_h is missing"),
        ("rise_asks_again = true", "rise_asks_again = 1", "rise_asks_again must be a bool"),
        ('channel = "push", after_s = 0', 'channel = "push", after = 0', "after_s is missing"),
        ('when = "no_push"', 'when = "nopush"', "when says 'nopush'"),
        ("after_s = 120", "after_s = 120, extra = 1", "extra is not a key we know"),
        ("reminders_s = [1800, 7200, 21600]", "reminders_s = [7200, 1800]", "reminders_s must rise"),
        ('hazard = "earthquake"', 'hazard = "quake"', "hazard says 'quake'"),
        ("[levels]", "[levels", "not readable as TOML"),
        ("moderate = 3600", "", "life_s.moderate is missing"),
        ("severe = 21600", "", "case_after_s.severe is missing"),
        ("window_h = 6", "window = 6", "aftershock.window_h is missing"),
        ('"stronger", "new_area"', '"louder", "new_area"', "aftershock.again_if says 'louder'"),
        ('"stronger", "new_area"', '"stronger"', "aftershock.again_if must name new_area"),
    ],
)
def test_a_typo_is_named_with_file_and_key(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    text = (RULES / "earthquake.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "earthquake.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RuleError) as caught:
        read_rule(path)
    assert str(caught.value).startswith("rules/earthquake.toml: ")
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('kind = "flood"', 'kind = "river"', "zone.kind says 'river'"),
        ('levels = ["3"]', 'levels = ["3", "4"]', "zone.levels names '4', which is severe: that is for everybody"),
        ('levels = ["3"]', 'levels = ["2"]', "zone.levels names '2', which is not one of the levels"),
        ('levels = ["3"]', 'level = "3"', "zone.levels is missing"),
        ('levels = ["3"]', 'levels = ["3"]\nnear = 1', "zone.near is not a key we know"),
        ("zone = true", "zone = 1", "zone must be a bool"),
    ],
)
def test_what_is_only_for_zones_is_checked(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    text = (RULES / "river_flood.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "river_flood.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RuleError) as caught:
        read_rule(path)
    assert sentence in str(caught.value)


def test_a_folder_without_rules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="nobody would be told"):
        load_rules(tmp_path)
