"""What is said: the files, above them what people chose, and never what a rule for words forbids."""

from __future__ import annotations

from datetime import date
from itertools import count

import pytest

from alerts.compose import ALERT_PREFIXES, alert_language, compose
from alerts.lint_texts import contexts
from alerts.review import fingerprint, text_mark
from alerts.rules import load_rules
from alerts.wording_book import Said, WordingBook
from alerts.wording_lint import look_at
from alerts.wording_po import export, plan, texts_in
from alerts.wording_preview import highlight, samples_with
from alerts.wording_report import as_json, as_table, keys_for_residents, report
from core import po
from core.i18n import LOCALES, Catalogs
from core.po import Entry, ReviewState, WordingError

FILES = Catalogs.load()
DRAFT, REVIEWED, APPROVED, TESTED = ReviewState
KEY, OLD = "do.landslide.extreme", FILES.entry("vi", "do.landslide.extreme").text
NEW = OLD.replace("Rời xa", "Tránh xa")
_numbers = count(1)


def said(
    text: str,
    state: ReviewState,
    *,
    lang: str = "vi",
    key: str = KEY,
    on: date = date(2026, 11, 22),
    files: Catalogs = FILES,
    source: str = "",
) -> Said:
    of = fingerprint(lang, key, source or files.entry("en", key).text, text)
    return Said(next(_numbers), lang, key, text, of, text_mark(key, files.entry(lang, key).text), state, "r1", on)


def book(*rows: Said, files: Catalogs = FILES) -> WordingBook:
    made = WordingBook(files)
    made.take_in(rows)
    return made


def test_without_rows_it_is_the_files() -> None:
    same = book()
    assert same.entries("vi") is FILES.entries("vi") and same.languages == FILES.languages


def test_the_newest_row_is_said_whatever_order_they_are_read_in() -> None:
    first, second = said(NEW, REVIEWED), said(NEW, APPROVED)
    for rows in ((first, second), (second, first)):
        made = book(*rows)
        assert made.say("vi", KEY) == NEW and made.state("vi", KEY) is APPROVED and made.newest == second.id
        assert made.may_go_alone("vi", KEY) and not FILES.may_go_alone("vi", KEY)
        assert made.entry("vi", KEY).stamp["by"] == "r1"


def test_whoever_holds_the_book_hears_the_new_text() -> None:
    made = book()
    voice = made.sayer("vi")
    made.take_in([said(NEW, REVIEWED)])
    assert NEW.split("\n")[0] in str(voice(KEY)) and FILES.say("vi", KEY) == OLD
    assert made.edition != FILES.edition, "whoever keeps words by edition asks again"


def test_all_alert_texts_approved_is_a_language_that_goes_alone() -> None:
    rows = [
        said(FILES.entry("vi", key).text, APPROVED, key=key)
        for key in FILES.keys("en")
        if key.startswith(ALERT_PREFIXES)
    ]
    made = book(*rows)
    assert made.approved("vi", ALERT_PREFIXES) and alert_language(made, ["my", "vi"]) == "vi"
    made.take_in([said(NEW, REVIEWED)])
    assert not made.approved("vi", ALERT_PREFIXES) and alert_language(made, ["my", "vi"]) == "my"


def test_another_english_text_makes_drafts_of_its_translations_and_stays_said() -> None:
    source = FILES.entry("en", KEY).text
    made = book(said(NEW, APPROVED), said(source.replace("Move", "Get", 1), REVIEWED, lang="en"))
    assert made.say("en", KEY) != source and made.state("en", KEY) is REVIEWED
    assert made.say("vi", KEY) == NEW and made.state("vi", KEY) is DRAFT
    assert made.entry("my", KEY).source == made.say("en", KEY)
    back = said(source, REVIEWED, lang="en")
    made.take_in([back])
    assert made.state("vi", KEY) is APPROVED, "the text and its source are again those that were approved"


def _files_with(text: str, *, approved_on: date | None = None, source: str = "") -> Catalogs:
    entry = Entry(KEY, source or FILES.entry("en", KEY).text, text)
    if approved_on:
        entry = po.stamped(entry, APPROVED, by="r9", on=approved_on)
    changed = FILES.with_entries("vi", {KEY: entry})
    return changed.with_entries("en", {KEY: Entry(KEY, source, source)}) if source else changed


@pytest.mark.parametrize(
    ("files", "expected", "state"),
    [
        (FILES, NEW, REVIEWED),
        (_files_with("Đi ngay."), NEW, REVIEWED),  # a new draft of the makers is less than a reviewed text
        (_files_with("Đi ngay.", approved_on=date(2026, 11, 21)), NEW, REVIEWED),
        (_files_with("Đi ngay.", approved_on=date(2026, 11, 23)), "Đi ngay.", APPROVED),
        (_files_with(OLD, source="Run.\nNow."), NEW, DRAFT),  # only the English was changed
        (_files_with("Chạy.\nNgay.", source="Run.\nNow."), "Chạy.\nNgay.", DRAFT),  # both were
    ],
)  # fmt: skip
def test_a_new_version_of_the_program_brings_other_files(files: Catalogs, expected: str, state: ReviewState) -> None:
    made = book(said(NEW, REVIEWED), files=files)
    assert (made.say("vi", KEY), made.state("vi", KEY)) == (expected, state)


@pytest.mark.parametrize(
    "bad", ["Đi {now} ngay.", "Đi {a.b}", "避難勧告", "Go https://evil.example", "Đi\nngay\nđi\nđi\nđi"]
)
def test_what_a_rule_forbids_is_never_said(bad: str) -> None:
    made = book(said(bad, APPROVED))
    assert made.say("vi", KEY) == OLD and made.state("vi", KEY) is DRAFT
    assert ("vi", KEY) in made.refused
    assert look_at("vi", KEY, bad, FILES).errors


def test_rows_of_languages_and_keys_that_are_no_more_are_left_out() -> None:
    gone = Said(1, "xx", KEY, "a", "0" * 12, "0" * 12, APPROVED, "r", date(2026, 1, 1))
    made = book(gone, Said(2, "vi", "no.such", "a", "0" * 12, "0" * 12, APPROVED, "r", date(2026, 1, 1)))
    assert made.keys("vi") == FILES.keys("vi") and not made.refused


def test_advice_does_not_refuse() -> None:
    found = look_at("ja-simple", "me.title", "避難", FILES)
    assert not found.errors and found.advice


def test_the_report_counts_states() -> None:
    made = book(said(NEW, REVIEWED))
    line = next(one for one in report(made, {"vi": {KEY, "staff.title"}}) if one.language == "vi")
    assert line.alerts[REVIEWED] == 1 and line.proposals == 1 and not line.alone
    assert sum(line.everything.values()) == len(keys_for_residents(made, "vi"))
    assert keys_for_residents(made, "vi")[0].startswith(ALERT_PREFIXES)
    data = {row["language"]: row for row in as_json(report(made))}
    assert data["vi"]["alerts"]["reviewed"] == 1 and data["my"]["alerts"]["reviewed"] == 0
    assert "| vi | " in as_table(report(made))


def test_an_export_comes_back_as_it_was() -> None:
    made = book(said(NEW, APPROVED))
    text = export(made, "vi")
    assert text == export(made, "vi") and "state: approved; by: r1; on: 2026-11-22" in text
    entries = po.parse("vi.po", text.encode())
    assert entries[KEY].state is APPROVED and entries[KEY].text == NEW
    assert export(FILES, "vi") == (LOCALES / "vi.po").read_text(encoding="utf-8")


def test_an_upload_is_compared_with_what_is_said() -> None:
    texts = texts_in("vi.po", export(FILES, "vi").encode())
    texts |= {KEY: NEW, "do.landslide.severe": "Go www.evil.example", "no.such": "?"}
    made = plan(FILES, "vi", texts, keys_for_residents(FILES, "vi"))
    assert [line.key for line in made.proposals] == [KEY]
    assert [line.key for line in made.refused] == ["do.landslide.severe"] and made.unknown == ("no.such",)
    assert made.same == len(FILES.keys("vi")) - 2
    with pytest.raises(WordingError, match=r"x\.po"):
        texts_in("x.po", b"msgid nonsense")


def test_every_word_of_an_alert_is_one_that_must_be_approved() -> None:
    """Else a language could be "approved", and its alerts would still be marked."""
    keys = [key for key in FILES.keys("vi") if key.startswith(ALERT_PREFIXES)]
    done = {key: po.stamped(FILES.entry("vi", key), APPROVED, by="r", on=date(2026, 11, 1)) for key in keys}
    approved = FILES.with_entries("vi", done)
    for ctx in contexts(load_rules())[::5]:
        for channel in ("sms", "push", "page"):
            assert not compose(ctx, "vi", channel, approved, lambda *place: "Mashiki").unreviewed, (ctx, channel)


def test_where_a_text_is_said() -> None:
    assert samples_with(FILES, "vi", KEY) == ("landslide level 5",)
    assert samples_with(FILES, "vi", "me.title") == ()
    assert highlight("a Đi ngay. b", "Đi ngay.\nChạy") == (("a ", False), ("Đi ngay.", True), (" b", False))
    assert highlight("nothing", "{name}") == (("nothing", False),)
