"""The linter for words: silent about our files, and loud about every fault it knows.

`make check` runs it over all alerts of all languages; here over one language, and over faults made on purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from alerts.compose import LINK, ComposedText, compose
from alerts.lint_strings import lint_strings
from alerts.lint_texts import contexts, lint_text, lint_texts, longest_names
from alerts.rules import load_rules
from alerts.sms_text import segments
from alerts.wording import Names, TextContext
from core import po
from core.i18n import LOCALES, Catalogs
from core.model import Moment
from core.po import Entry
from geo.areas import Areas

CATALOGS = Catalogs.load()
FILES = {lang: po.read(LOCALES / f"{lang}.po") for lang in CATALOGS.languages}
NAMES = longest_names(Areas.load())


def test_our_files_have_no_finding() -> None:
    assert [str(finding) for finding in lint_strings(FILES)] == []


def with_text(lang: str, key: str, text: str, comment: str = "state: draft") -> dict[str, dict[str, Entry]]:
    """Two languages of ours, one text changed; its source and the other's follow, as an editor would leave them."""
    made = {tag: dict(FILES[tag]) for tag in ("en", lang)}
    source = text if lang == "en" else made["en"][key].text
    made[lang][key] = Entry(key, source, text, comment)
    if lang == "en":
        made[lang][key] = made[lang][key]._replace(source=text)
    return made


@pytest.mark.parametrize(
    ("lang", "key", "text", "said"),
    [
        ("vi", "answer.ok", "Tôi an toàn {name}", "has the fields ['name'], English has []"),
        ("vi", "answer.ok", "Tôi\nan toàn", "another number of lines"),
        ("vi", "answer.ok", " Tôi an toàn", "begins or ends with a space"),
        ("vi", "answer.ok", "To\u0302i an toan", "not in Unicode form NFC"),
        ("my", "answer.ok", "ကျွန်ုပ်\u200b ဘေးကင်း", "invisible character U+200B"),
        ("th", "answer.ok", "ฉัน 安 ปลอดภัย", "holds the letter 安"),
        ("mn", "answer.ok", "Би аюулгүй cайн", "mixes Latin and Cyrillic letters"),
        ("zh-Hans", "answer.ok", "我沒事", "holds 沒 of the other Chinese script"),
        ("zh-Hant", "answer.ok", "我没事", "holds 没 of the other Chinese script"),
        ("ne", "answer.ok", "म ठिक छु १", "holds digits that are not 0-9"),
        ("es", "intensity.6_lower", "intensidad 5 débil", "has other digits than English"),
        ("ur", "answer.ok", "090-1234 ٹھیک", "shown the wrong way round"),
        ("vi", "term.heavy_rain.4", "Cảnh báo mưa lớn", "does not say the digit 4"),
        ("ko", "term.landslide.4", FILES["ko"]["term.heavy_rain.4"].text, "is the same as term.heavy_rain.4"),
        ("id", "tag.drill.first", FILES["id"]["tag.canary.first"].text, "a drill must not read like a test"),
        ("ja", "tip.call_119", "避難勧告です", "says 避難勧告, abolished"),
        ("id", "do.tsunami.severe", "Tsunami skala kecil\nLari", "says skala kecil"),
        ("en", "answer.ok", "I am OK, see www.example.org", "names an address (www.)"),
        ("en", "answer.ok", "I am OK, see bit.ly", "names an address (bit.ly)"),
        ("vi", "tag.update", "Mới 🚨", "holds an emoji"),
        ("fil", "tag.update", "Bago – ito", "which makes an SMS cost double"),
        ("en", "leader.title", "{dorm}: {count} people", "counts with {count} before a word"),
        ("ja-simple", "tip.call_119", "火事は 119", "kanji without a reading"),
    ],
)  # fmt: skip
def test_a_fault_in_a_string_is_named(lang: str, key: str, text: str, said: str) -> None:
    found = [f for f in lint_strings(with_text(lang, key, text)) if f.lang == lang]
    assert any(said in finding.said for finding in found), found
    assert str(found[0]).startswith(f"locales/{lang}.po: ")


def test_a_missing_an_old_and_a_stale_text_are_named() -> None:
    made = {tag: dict(FILES[tag]) for tag in ("en", "vi")}
    del made["vi"]["answer.ok"]
    made["vi"]["gone.key"] = Entry("gone.key", "x", "x")
    made["vi"]["answer.help"] = made["vi"]["answer.help"]._replace(source="Another text")
    said = {finding.key: finding.said for finding in lint_strings(made)}
    assert set(said) == {"answer.ok", "gone.key", "answer.help"}
    assert said["answer.ok"].startswith("is missing") and "remove it" in said["gone.key"]
    assert "read it again" in said["answer.help"]


def test_nobody_approves_without_a_name() -> None:
    made = with_text("vi", "answer.ok", "Tôi an toàn", "state: approved; by: ; on: today; of: 1")
    assert [f.said.startswith("has a review state nobody can read") for f in lint_strings(made)] == [True]


# --- whole alerts


def test_the_alerts_of_a_language_have_no_finding() -> None:
    assert lint_texts("ja-simple", CATALOGS, load_rules(), Areas.load()) == []


CONTEXTS = contexts(load_rules())
LEVEL_4 = next(c for c in CONTEXTS if c.hazard == "heavy_rain" and c.places[0].level == 4 and not c.simulated)
DRILL = next(c for c in CONTEXTS if c.hazard == "heavy_rain" and c.places[0].level == 4 and c.purpose.value == "drill")
Change = Callable[[ComposedText], ComposedText]


def body(change: Callable[[str], str]) -> Change:
    def changed(text: ComposedText) -> ComposedText:
        new = change(text.body)
        counted = segments(new)
        return replace(text, body=new, segments=counted.parts, encoding=counted.encoding)

    return changed


def live(ctx: TextContext) -> TextContext:
    return replace(ctx, moment=Moment.ISSUE)


@pytest.mark.parametrize(
    ("lang", "channel", "ctx", "change", "said"),
    [
        ("en", "sms", LEVEL_4, body(lambda b: b.replace("4", "four")), "does not say the level 4"),
        ("en", "sms", LEVEL_4, body(lambda b: b.replace(f"\n{LINK}", f" {LINK}")), "the link alone on the next"),
        ("en", "sms", LEVEL_4, body(lambda b: "x" * 500 + b), "parts, at most 3"),
        ("en", "sms", LEVEL_4, body(lambda b: "…" + b), "is not GSM-7"),
        ("en", "sms", LEVEL_4, body(lambda b: "https://example.org " + b), "names an address"),
        ("zh-Hans", "sms", LEVEL_4, body(lambda b: f"您安全吗?\n{LINK}"), None),
        ("en", "push", LEVEL_4, lambda t: replace(t, title="x" * 60), "phones show 40"),
        ("en", "push", LEVEL_4, lambda t: replace(t, title="Warning"), "does not say the level 4"),
        ("en", "push", LEVEL_4, lambda t: replace(t, body=t.body + "x" * 3000), "bytes, at most 3000"),
        ("en", "sms", DRILL, body(lambda b: b.replace("DRILL", "Note", 1)), "does not begin with the label"),
        ("en", "push", DRILL, lambda t: replace(t, body=t.body.rpartition("\n")[0] + "\nGo now."), "does not end with"),
    ],
)
def test_a_fault_in_an_alert_is_named(
    lang: str, channel: str, ctx: TextContext, change: Change, said: str | None
) -> None:
    ctx = live(ctx)
    good = compose(ctx, lang, channel, CATALOGS, NAMES)
    assert list(lint_text(ctx, good, channel, CATALOGS, NAMES)) == []
    found = list(lint_text(ctx, change(good), channel, CATALOGS, NAMES))
    if said is None:  # a short Chinese text is lengthened before it leaves: nothing garbled reaches au
        assert not any("garbled" in one for one in found)
    else:
        assert any(said in one for one in found), found


def test_where_before_what_is_named() -> None:
    ctx = live(LEVEL_4)
    names: Names = NAMES
    good = compose(ctx, "en", "sms", CATALOGS, names)
    place = names("jma.city", "long", "en")
    turned = replace(good, body=f"{place}: {good.body}")
    assert any("before" in one for one in lint_text(ctx, turned, "sms", CATALOGS, names))


def test_the_linter_asks_every_hazard_level_and_moment() -> None:
    asked = {(c.hazard, c.places[0].level or c.places[0].tier.value) for c in CONTEXTS}
    for hazard, rule in load_rules().items():
        for level in rule.levels:
            assert (
                hazard,
                int(level) if level.isdigit() and hazard not in ("earthquake", "tsunami") else level,
            ) in asked
    assert {c.moment for c in CONTEXTS} == set(Moment)
