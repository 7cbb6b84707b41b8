"""Every language: there, found by the names people give it, in agreement with the glossary, and true to its direction.

What single texts and whole alerts must obey is the linter's (test_word_lint.py).
"""

from __future__ import annotations

import csv
import functools
import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.compose import ComposedText, compose, visible_length
from alerts.lint_texts import contexts, longest_names
from alerts.rules import load_rules
from alerts.samples import SAMPLES, markdown, sample_names
from alerts.wording import TextContext
from core import po
from core.i18n import LOCALES, Catalogs
from core.model import Severity
from geo.areas import Areas
from registry.languages import read_language

ROOT = Path(__file__).resolve().parents[2]
TERMINOLOGY = ROOT.parent / "shared" / "terminology"
CATALOGS = Catalogs.load()
FILES = {lang: po.read(LOCALES / f"{lang}.po") for lang in CATALOGS.languages}
RULES = load_rules()
ENGLISH = FILES["en"]


@pytest.fixture(params=CATALOGS.languages)
def lang(request: pytest.FixtureRequest) -> str:
    return str(request.param)


#: The languages of the pick list, in its order.
LANGUAGES = "ja ja-simple en vi id fil ne my km th zh-Hans zh-Hant ko pt-BR es mn bn si ur".split()


def test_all_nineteen_languages_are_there_in_the_order_of_the_pick_list() -> None:
    assert CATALOGS.languages[: len(LANGUAGES)] == tuple(LANGUAGES)
    names = [CATALOGS.native_name(tag) for tag in CATALOGS.languages]
    assert len(set(names)) == len(names)


def test_a_spreadsheet_may_name_a_language_as_it_names_itself(lang: str) -> None:
    assert read_language(CATALOGS.native_name(lang)) == lang


def test_level_names_carry_their_digit_and_differ(lang: str) -> None:
    terms = {key: entry.text for key, entry in FILES[lang].items() if re.fullmatch(r"term\.\w+\.[345]", key)}
    assert len(terms) == 12
    for key, text in terms.items():
        assert key[-1] in text[: text.index(key[-1]) + 1], key
        assert visible_length(text.partition(" ")[0]) < 20, key
    assert len(set(terms.values())) == 12


# --- whole texts, with the longest names of places

NAMES = longest_names(Areas.load())


@functools.cache
def composed(lang: str, channel: str) -> list[tuple[TextContext, ComposedText]]:
    """Each of them in one language, for one channel."""
    return [(ctx, compose(ctx, lang, channel, CATALOGS, NAMES)) for ctx in contexts(load_rules())]


def test_two_sentences_are_never_glued_without_a_stop(lang: str) -> None:
    text = compose(SAMPLES["earthquake, home and work"], lang, "page", CATALOGS, sample_names).body
    assert not re.search(r"[.。।။។۔]{2}|\s[.,。।۔،]", text), text


def test_a_phone_writes_right_to_left_what_is_written_so() -> None:
    """A phone takes the direction of a message from its first letter (Unicode Bidirectional Algorithm, rule P2)."""
    right_to_left = [tag for tag in CATALOGS.languages if CATALOGS.direction(tag) == "rtl"]
    assert right_to_left == ["ur"]
    for _, text in (*composed("ur", "sms"), *composed("ur", "push")):
        for line in (text.title, text.body.splitlines()[0]):
            strong = [c for c in line if unicodedata.bidirectional(c) in ("L", "R", "AL")]
            assert not strong or unicodedata.bidirectional(strong[0]) == "AL", line


def test_corrections_repeat_what_matters(lang: str) -> None:
    issue = compose(SAMPLES["earthquake 6-lower"], lang, "page", CATALOGS, sample_names)
    correction = compose(SAMPLES["correction"], lang, "page", CATALOGS, sample_names)
    for line in issue.body.splitlines()[:2]:
        assert line in correction.body


def test_reminder_of_a_severe_alert_still_says_which_place() -> None:
    ctx = replace(SAMPLES["reminder"], severity=Severity.SEVERE)
    assert "Mashiki" in compose(ctx, "en", "sms", CATALOGS, sample_names).body


# --- agreement with what is written elsewhere


def test_glossary_terms_are_used_as_they_are() -> None:
    path = TERMINOLOGY / "glossary.csv"
    if not path.exists():
        pytest.skip("the shared glossary is not beside the repository")
    same = {
        "intensity.6_lower": "intensity.6_lower",
        "intensity.7": "intensity.7",
        "tip.take_documents": "act.take_documents",
        "tip.shelter_for_all": "evac.shelter_for_all",
        "detail.hurt": "checkin.injured",
        "answer.help": "checkin.need_help",
    }
    with path.open(encoding="utf-8") as file:
        glossary = {row["key"]: row for row in csv.DictReader(file)}
    for lang in CATALOGS.languages:
        column = "ja-easy" if lang == "ja-simple" else lang
        for ours, theirs in same.items():
            assert FILES[lang][ours].text == glossary[theirs][column], (lang, ours)
        for grade, theirs in (("major_warning", "warn.tsunami_major"), ("warning", "warn.tsunami_warning")):
            if lang != "ja-simple":
                assert FILES[lang][f"term.tsunami.{grade}"].text.lower() == glossary[theirs][column].lower(), lang


def test_every_key_that_code_and_templates_name_exists() -> None:
    call = re.compile(
        r"""\b(?:say|say\.(?:bi|ja|plain)|_t|catalogs\.say)\(\s*(?:lang,\s*)?["']([a-z_]+(?:\.[a-z0-9_]+)+)["']\s*[,)]"""
    )
    folders = ("alerts", "checkin", "core", "demo", "ops", "registry", "web")
    files = [path for folder in folders for ending in ("py", "html") for path in (ROOT / folder).rglob(f"*.{ending}")]
    used = {(path.name, key) for path in files for key in call.findall(path.read_text(encoding="utf-8"))}
    assert len(used) > 50
    assert sorted((name, key) for name, key in used if key not in ENGLISH) == []


def test_the_table_in_the_documents_is_the_one_the_program_prints() -> None:
    page = (ROOT / "docs" / "languages.md").read_text(encoding="utf-8")
    assert markdown(CATALOGS) in page, "run: python -m alerts.samples, and paste the table into docs/languages.md"
