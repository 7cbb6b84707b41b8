"""Every language file: complete, well formed, in its own script, short enough, and honest about drills.

The tests are the translators' editor: each failure names the file and the key.
"""

from __future__ import annotations

import csv
import functools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import product
from pathlib import Path

import pytest

from alerts.compose import LINK, MAX_PARTS, TITLE_LIMIT, ComposedText, compose, visible_length
from alerts.rules import load_rules
from alerts.samples import SAMPLES, markdown, sample_names
from alerts.sms_text import is_gsm7
from alerts.wording import PlaceText, TextContext
from core import po
from core.clock import JST
from core.i18n import LOCALES, Catalogs
from core.model import CAP_SEVERITIES, INTENSITIES, Level, Moment, PlaceKind, Purpose, Severity, Tier
from geo.areas import Areas
from registry.languages import read_language

ROOT = Path(__file__).resolve().parents[2]
TERMINOLOGY = ROOT.parent / "shared" / "terminology"
CATALOGS = Catalogs.load()
FILES = {lang: po.read(LOCALES / f"{lang}.po") for lang in CATALOGS.languages}
RULES = load_rules()
ENGLISH = FILES["en"]

#: Only staff read these; they are in Japanese and English.
STAFF = "staff."
#: Languages whose SMS must fit the GSM-7 alphabet: no kanji, no curly quotes, no dashes.
LATIN_SMS = ("en", "id", "fil")
#: What an SMS is made of.
SMS_PREFIXES = (
    "alert.",
    "date.",
    "do.",
    "hazard.",
    "intensity.",
    "level.",
    "shindo.",
    "source.",
    "tag.",
    "term.",
    "leader.sms",
)

#: Letters a language may use besides punctuation, ASCII digits and the Latin words that are kept on purpose.
SCRIPTS = {
    "ja": ("CJK", "HIRAGANA", "KATAKANA", "LATIN", "FULLWIDTH"),
    "ja-simple": ("CJK", "HIRAGANA", "KATAKANA", "LATIN", "FULLWIDTH"),
    "zh-Hans": ("CJK", "LATIN"),
    "zh-Hant": ("CJK", "LATIN"),
    "ne": ("DEVANAGARI", "LATIN"),
    "my": ("MYANMAR", "LATIN"),
    "km": ("KHMER", "LATIN"),
    "th": ("THAI", "LATIN"),
    "ko": ("HANGUL", "LATIN"),
    "bn": ("BENGALI", "LATIN"),
    "si": ("SINHALA", "LATIN"),
    "ur": ("ARABIC", "LATIN"),
    "mn": ("CYRILLIC", "LATIN"),
}
#: Simplified forms that must not leak into Traditional Chinese, and the reverse.
SIMPLIFIED_ONLY = "这们发为时实报请说话关东车门风应对马边远离处灾难后还没机电联络认识"
TRADITIONAL_ONLY = "這們發為時實報請說話關東車門風應對馬邊遠離處災難後還沒機電聯絡認識"

#: Told in 2021 that it no longer exists (避難勧告); "small scale" of the old Indonesian term for a 3 m tsunami.
FORBIDDEN = ("避難勧告", "skala kecil")


def own_keys(lang: str) -> set[str]:
    return {key for key in FILES[lang] if not key.startswith(STAFF)}


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


def test_every_language_has_every_text(lang: str) -> None:
    assert own_keys("en") ^ own_keys(lang) == set()
    staff = {key for key in FILES[lang] if key.startswith(STAFF)}
    wanted = {key for key in ENGLISH if key.startswith(STAFF)} if lang in ("en", "ja") else set()
    assert staff == wanted


def test_sources_are_the_english_texts(lang: str) -> None:
    for key, entry in FILES[lang].items():
        assert entry.source == ENGLISH[key].text, key


def test_placeholders_agree_with_english(lang: str) -> None:
    for key, entry in FILES[lang].items():
        assert entry.placeholders == ENGLISH[key].placeholders, key


def test_lists_have_the_same_number_of_lines(lang: str) -> None:
    for key, entry in FILES[lang].items():
        assert entry.text.count("\n") == ENGLISH[key].text.count("\n"), key
        assert entry.text == entry.text.strip(), key
    assert FILES[lang]["date.months"].text.count(",") == 11


def test_texts_are_normalised_and_carry_no_invisible_characters(lang: str) -> None:
    for key, entry in FILES[lang].items():
        assert unicodedata.normalize("NFC", entry.text) == entry.text, key
        # Sinhala joins r and y to the consonant before with U+200D; without it the letters fall apart.
        for char in re.sub("(?<=\u0dca)\u200d(?=[\u0dba\u0dbb])", "", entry.text) if lang == "si" else entry.text:
            assert char == "\n" or unicodedata.category(char) not in ("Cc", "Cf", "Co", "Zl", "Zp"), (key, char)


def test_each_language_keeps_to_its_script(lang: str) -> None:
    allowed = SCRIPTS.get(lang, ("LATIN",))
    for key in own_keys(lang) - {"language.name"}:
        for char in FILES[lang][key].text:
            name = unicodedata.name(char, "")
            if unicodedata.category(char)[0] == "L":
                assert name.startswith(allowed) or name == "KATAKANA-HIRAGANA PROLONGED SOUND MARK", (key, char, name)


def test_no_cyrillic_word_hides_a_latin_letter() -> None:
    """Latin a, c, e, o, p, x look like Cyrillic ones and break search, reading aloud and the font of a word."""
    for key in own_keys("mn"):
        text = FILES["mn"][key].text
        assert not re.search(r"[A-Za-z][\u0400-\u04ff]|[\u0400-\u04ff][A-Za-z]", text), (key, text)


def test_digits_are_ascii_and_those_of_the_english_text(lang: str) -> None:
    for key in own_keys(lang) - {"date.months", "detail.title"}:
        text = FILES[lang][key].text
        assert not [c for c in text if c.isdigit() and not c.isascii()], key
        if key.startswith(("term.", "means.level.", "intensity.", "shindo.")):
            assert re.findall(r"\d", text) == re.findall(r"\d", ENGLISH[key].text), key


def test_simplified_and_traditional_do_not_leak_into_each_other() -> None:
    simplified = {s for s, t in zip(SIMPLIFIED_ONLY, TRADITIONAL_ONLY, strict=True) if s != t}
    traditional = {t for s, t in zip(SIMPLIFIED_ONLY, TRADITIONAL_ONLY, strict=True) if s != t}
    for key in own_keys("zh-Hans") - {"language.name"}:
        assert not traditional & set(FILES["zh-Hans"][key].text), key
        assert not simplified & set(FILES["zh-Hant"][key].text), key


def test_level_names_carry_their_digit_and_differ(lang: str) -> None:
    terms = {key: entry.text for key, entry in FILES[lang].items() if re.fullmatch(r"term\.\w+\.[345]", key)}
    assert len(terms) == 12
    for key, text in terms.items():
        assert key[-1] in text[: text.index(key[-1]) + 1], key
        assert visible_length(text.partition(" ")[0]) < 20, key
    assert len(set(terms.values())) == 12


def test_no_forbidden_words(lang: str) -> None:
    for key, entry in FILES[lang].items():
        for word in FORBIDDEN:
            assert word not in entry.text, key


def test_latin_sms_words_are_gsm7() -> None:
    for lang in LATIN_SMS:
        for key, entry in FILES[lang].items():
            if key.startswith(SMS_PREFIXES):
                assert is_gsm7(entry.text), (lang, key)


def test_every_kanji_of_easy_japanese_of_an_alert_can_be_read() -> None:
    known = {"月", "日", "震", "度"}  # dates; 震度 carries its reading in the longer form beside it
    for key in own_keys("ja-simple"):
        if not key.startswith(("alert.", "do.", "hazard.", "means.", "tag.", "term.", "answer.", "help.")):
            continue
        text = FILES["ja-simple"][key].text
        bare = re.sub(r"[\u4e00-\u9fff々]+\[[\u3041-\u30ff]+\]", "", text)
        unread = {c for c in bare if "\u4e00" <= c <= "\u9fff"} - known
        assert not unread, (key, unread)


def test_a_drill_says_so_in_every_language_in_its_own_words(lang: str) -> None:
    for tag in ("drill", "simulated", "canary"):
        for end in ("first", "last", "last.sms"):
            assert FILES[lang][f"tag.{tag}.{end}"].text
    tags = {FILES[lang][f"tag.{tag}.first"].text for tag in ("drill", "simulated", "canary")}
    assert len(tags) == 3


def test_software_approves_nothing_of_its_own(lang: str) -> None:
    """A stamp in the repository names a reviewer and belongs to exactly its text."""
    for key, entry in FILES[lang].items():
        if entry.comment != "state: draft":
            assert re.fullmatch(
                r"state: (reviewed|approved|field-tested); by: \S+; on: \d{4}-\d\d-\d\d; of: [0-9a-f]{12}",
                entry.comment,
            ), key


# --- whole texts, with the longest names of places

AREAS = Areas.load()
#: The longest names, Japanese and Latin, that a person's place can have in the schemes by which people are matched.
MATCHED = [row for scheme in ("jma.city", "jma.quake_area", "jma.tsunami_area") for row in AREAS.rows(scheme)]
LONGEST = {
    "long": (max((r.name for r in MATCHED), key=len), max((r.latin for r in MATCHED), key=len)),
    "far": ("富士河口湖町", "Fujikawaguchiko"),
}


def long_names(scheme: str, code: str, lang: str) -> str:
    japanese, latin = LONGEST[code]
    return japanese if lang.startswith(("ja", "zh")) else latin


def _level(text: str, hazard: str) -> Level:
    return text if hazard in ("earthquake", "tsunami") or not text.isdigit() else int(text)


@functools.cache
def contexts() -> list[TextContext]:
    """Each hazard, level and moment, with the longest labels, one and two places, and a place without a figure."""
    home, work = PlaceKind.HOME, PlaceKind.WORK
    at = datetime(2026, 11, 22, 14, 30, tzinfo=JST)
    labels = ((Purpose.LIVE, True), (Purpose.DRILL, False))
    found: list[TextContext] = []
    for hazard, rule in RULES.items():
        levels: list[tuple[Level, Tier, Severity]] = [(_level(k, hazard), Tier.NONE, s) for k, s in rule.levels.items()]
        for tiers in (rule.tiers, *rule.tiers_of.values()):
            levels += [(None, tier, severity) for tier, severity in tiers.items()]
        for level, tier, severity in levels:
            one = PlaceText(home, "jma.city", "long", level, tier=tier)
            two = (one, PlaceText(work, "jma.city", "far", level, tier=tier))
            # Two places are never shorter than one.
            places: list[tuple[PlaceText, ...]] = [two]
            moments: Iterable[Moment] = Moment
            if level in CAP_SEVERITIES:  # what is over, and the label of an update, look the same for every level
                moments = (Moment.ISSUE, Moment.CORRECT, Moment.REMINDER)
            if hazard == "earthquake" and level in INTENSITIES:
                places += [(one,), (PlaceText(home, "jma.city", "long", "5-", area_maximum=level),)]
            for where, moment, (purpose, simulated) in product(places, moments, labels):
                asks = rule.asks(severity)
                found.append(TextContext(hazard, severity, moment, where, at, purpose, simulated, asks, earlier_at=at))
    return found


@functools.cache
def composed(lang: str, channel: str) -> list[tuple[TextContext, ComposedText]]:
    """Each of them in one language, for one channel."""
    return [(ctx, compose(ctx, lang, channel, CATALOGS, long_names)) for ctx in contexts()]


def test_no_sms_is_longer_than_three_parts_whatever_the_place_is_called(lang: str) -> None:
    for ctx, text in composed(lang, "sms"):
        assert text.segments <= MAX_PARTS, (ctx, text.body)
        if lang in LATIN_SMS:
            assert text.encoding == "GSM-7", text.body
        assert text.body.splitlines()[-1] == LINK
        assert text.body.count("\n") == 1, text.body


def test_no_push_title_is_cut_and_a_level_is_always_in_it(lang: str) -> None:
    for ctx, text in composed(lang, "push"):
        if ctx.moment in (Moment.ISSUE, Moment.UPDATE):
            title = text.title
            assert visible_length(title) <= TITLE_LIMIT, title
            level = ctx.places[0].level
            if isinstance(level, int):
                assert str(level) in title, title


def test_a_push_fits_the_smallest_guaranteed_payload(lang: str) -> None:
    """Push services guarantee 4096 bytes of body; title, link and keys want their share (RFC 8030 §7.2)."""
    longest = max(len(text.body.encode()) for _, text in composed(lang, "push"))
    assert longest <= 3000


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


def test_numbers_with_hyphens_are_not_turned_round() -> None:
    """After an Arabic letter 090-1234-5678 would be shown as 5678-1234-090: such numbers are written in one."""
    for key, entry in FILES["ur"].items():
        assert not re.search(r"\d-\d", entry.text), key


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
