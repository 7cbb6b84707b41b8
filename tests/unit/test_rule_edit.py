"""Changing a rule: which values there are, errors that name key and line, what differs, which version holds."""

from __future__ import annotations

import logging

import pytest

from alerts.rule_book import Edit, RuleBook, rule_at
from alerts.rule_edit import changes, check, in_short, line_of, plain_table, values_of, with_value
from alerts.rules import RULES, RuleError, version_of
from core.model import Severity

FLOOD = (RULES / "river_flood.toml").read_text(encoding="utf-8")
FLOOD_VERSION = version_of(FLOOD)


def test_every_rule_file_holds_and_offers_values_that_can_be_set_to_themselves() -> None:
    for path in sorted(RULES.glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        assert check(text, path.stem).version == version_of(text)
        values = values_of(text)
        paths = [value.path for value in values]
        assert {"incident_end_h", "night.case_after_s", "reminders_s"} <= set(paths) and "hazard" not in paths
        assert len(paths) == len(set(paths)) and not any(path.startswith("example") for path in paths)
        for value in values:
            assert with_value(text, value.path, value.toml) == text


@pytest.mark.parametrize(
    ("path", "typed", "line"),
    [
        ("case_after_s.severe", "3600", "severe = 3600"),
        ("levels.3", "info", '3 = "info"'),
        ("levels.3", '"info"', '3 = "info"'),
        ("reminders_s", "[900, 1800]", "reminders_s = [900, 1800]"),
        ("rise_asks_again", "false", "rise_asks_again = false"),
    ],
)
def test_one_value_changes_and_nothing_else(path: str, typed: str, line: str) -> None:
    after = with_value(FLOOD, path, typed)
    table = f"[{path.partition('.')[0]}] " if "." in path else ""
    assert [one for one in changes(FLOOD, after) if one.startswith("+")] == [f"+ {table}{line}"]
    assert len(changes(FLOOD, after)) == 2


@pytest.mark.parametrize("typed", ["", "soon", "1.5", "true", "1\nx = 2", "[1,\n2]", '"600"', "600 # [levels]\n9 = 1"])
def test_what_cannot_stand_there_is_refused(typed: str) -> None:
    with pytest.raises(RuleError, match=r"case_after_s\.severe") as told:
        with_value(FLOOD, "case_after_s.severe", typed)
    assert told.value.key == "case_after_s.severe"
    with pytest.raises(RuleError, match=r"no value levels\.9"):
        with_value(FLOOD, "levels.9", "info")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('5 = "extreme"', '5 = "loud"', r"levels\.5 says 'loud'; expected one of info"),
        ("sms_after_s = 120\nleader", "sms_after_s = -1\nleader", r"night\.sms_after_s must be a whole number"),
        ("severe = 7200\n\n[ladder]", "\n[ladder]", r"case_after_s\.severe is missing"),
        ('when = "no_receipt"', 'when = "later"', r"ladder\.extreme\[5\]\.when says 'later'"),
        ("incident_end_h = 24", "incident_end_h = 24\nfoo = 1", r"foo is not a key we know"),
        ("[night]", "[night", r"not readable as TOML .*line"),
    ],
)
def test_a_wrong_text_is_told_with_key_and_line(old: str, new: str, says: str) -> None:
    assert old in FLOOD
    text = FLOOD.replace(old, new, 1)
    with pytest.raises(RuleError, match=says) as told:
        check(text, "river_flood")
    if told.value.key:
        line = int(str(told.value).split(":")[0].removeprefix("line "))
        # The line shows the key itself, or, for what is missing, the head of its table.
        shown = text.splitlines()[line - 1]
        assert any(part.split("[")[0] in shown for part in told.value.key.split(".")), (line, shown)


def test_an_example_that_no_longer_holds_is_told_with_its_line() -> None:
    text = with_value(FLOOD, "levels.4", "moderate")
    with pytest.raises(
        RuleError, match="expects severe, asks True; with this change it is moderate, asks False"
    ) as told:
        check(text, "river_flood")
    line = int(str(told.value).split(":")[0].removeprefix("line "))
    assert text.splitlines()[line - 1] == "[[example]]" and "level = 4" in text.splitlines()[line + 1]
    with pytest.raises(RuleError, match="at most"):
        check("# " + "x" * 30_000, "river_flood")
    assert line_of(text, "") == 0 and line_of(text, "nothing.there") == 0


def test_an_edit_holds_from_its_number_on_and_old_decisions_keep_their_version(
    caplog: pytest.LogCaptureFixture,
) -> None:
    book = RuleBook({"river_flood": FLOOD})
    assert not book.differing and book["river_flood"].version == FLOOD_VERSION
    later = with_value(FLOOD, "case_after_s.severe", "3600")
    book.take_in([Edit(7, "river_flood", later)])
    assert book["river_flood"].case_after_s[Severity.SEVERE] == 3600
    assert book.newest == 7 and book.differing == ["river_flood"] and book.text("river_flood") == later
    assert rule_at(book, "river_flood", FLOOD_VERSION).case_after_s[Severity.SEVERE] == 7200
    assert rule_at(book, "river_flood", version_of(later)) is book["river_flood"]
    assert rule_at(book, "river_flood", "forgotten") is book["river_flood"]
    assert rule_at({"river_flood": book["river_flood"]}, "river_flood", "x") is book["river_flood"]
    with caplog.at_level(logging.ERROR):
        book.take_in([Edit(8, "river_flood", "hazard = 1"), Edit(9, "comet", FLOOD)])
    assert book["river_flood"].version == version_of(later) and book.newest == 9
    assert "hazard" in book.unusable["river_flood"]
    assert "rule edit 8 cannot be used" in caplog.text and "rule edit 9" in caplog.text
    book.take_in([Edit(10, "river_flood", None)])
    assert not book.unusable and book.texts == {"river_flood": FLOOD}
    assert not book.differing and book.text("river_flood") == book.file_text("river_flood") == FLOOD
    with pytest.raises(RuleError, match="no rule file"):
        RuleBook({})


def test_the_words_for_the_second_person_are_short() -> None:
    assert in_short(["- a = 1", "+ a = 2"]) == "- a = 1; + a = 2"
    assert in_short(["- a"] * 6) == "- a; - a; - a; - a (+2)"
    table = plain_table(check(FLOOD, "river_flood"))
    assert [severity for _, severity in table] == sorted((s for _, s in table), key=lambda s: -s.rank)
    assert ("5", Severity.EXTREME) in table
