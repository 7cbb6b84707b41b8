"""The catalogue: fall-backs, placeholders, review states, tags, ruby, and the tool that edits the files."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import jinja2
import pytest
from markupsafe import Markup

from core import po, po_edit
from core.i18n import Catalogs, install, ruby, without_furigana
from core.po import Entry, ReviewState, WordingError

HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'


def entry(key: str, source: str, text: str, comment: str = "state: draft", extra: str = "") -> str:
    return f'# {comment}\n{extra}msgctxt "{key}"\nmsgid "{source}"\nmsgstr "{text}"\n\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    months = "1,2,3,4,5,6,7,8,9,10,11,12"
    for tag, name in (("ja", "日本語"), ("en", "English"), ("vi", "Tiếng Việt"), ("ja-simple", "やさしい日本語")):
        text = HEADER + entry("language.name", "English", name)
        if tag in ("ja", "en"):
            text += entry("staff.only", "Staff", "職員" if tag == "ja" else "Staff")
            text += entry("hello", "Hello {name}", "こんにちは {name}" if tag == "ja" else "Hello {name}")
            text += entry("date.months", months, months)
            text += entry("date.short", "{day} {month} {time}", "{day}/{month} {time}")
        if tag == "ja-simple":
            text += entry("shelter", "Shelter of {name}", "避難所[ひなんじょ] {name}")
        if tag == "en":
            text += entry("shelter", "Shelter of {name}", "Shelter of {name}")
        (tmp_path / f"{tag}.po").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def catalogs(folder: Path) -> Catalogs:
    return Catalogs.load(folder)


def test_languages_are_the_files_in_the_order_of_the_pick_list(catalogs: Catalogs) -> None:
    assert catalogs.languages == ("ja", "ja-simple", "en", "vi")
    assert [catalogs.native_name(tag) for tag in ("ja", "vi")] == ["日本語", "Tiếng Việt"]


def test_a_missing_text_falls_back_to_a_language_that_has_it(catalogs: Catalogs) -> None:
    assert catalogs.say("vi", "hello", name="An") == "Hello An"
    assert catalogs.say("ja-simple", "hello", name="An") == "こんにちは An"
    assert catalogs.say("ja", "shelter", name="A") == "Shelter of A"  # Japanese itself lacks it: then English
    assert catalogs.state("vi", "hello") is ReviewState.DRAFT


def test_an_unknown_key_and_a_missing_field_are_named(catalogs: Catalogs) -> None:
    with pytest.raises(LookupError, match=r"no\.such\.key"):
        catalogs.say("vi", "no.such.key")
    with pytest.raises(LookupError, match="hello needs name"):
        catalogs.say("en", "hello")
    with pytest.raises(LookupError, match="hello needs name"):
        catalogs.sayer("en")("hello")


@pytest.mark.parametrize(
    ("tag", "ours"),
    [
        ("vi_VN", "vi"),
        ("EN-us", "en"),
        ("ja-JP", "ja"),
        ("ja-easy", "ja-simple"),
        ("ja-simple", "ja-simple"),
        ("zh-TW", None),  # not among the files of this test
        ("xx", None),
        ("", None),
    ],
)
def test_foreign_tags_become_ours(catalogs: Catalogs, tag: str, ours: str | None) -> None:
    assert catalogs.normalise(tag) == ours


@pytest.mark.parametrize(
    ("header", "ours"),
    [
        ("vi-VN,vi;q=0.9,en;q=0.8", "vi"),
        ("en;q=0.5, ja;q=0.9", "ja"),
        ("de, fr;q=0.5", None),
        ("en;q=0, vi;q=0.1", "vi"),
        ("", None),
        (";;;,,q=,", None),
    ],
)
def test_accept_language_picks_the_best_of_ours(catalogs: Catalogs, header: str, ours: str | None) -> None:
    assert catalogs.negotiate(header) == ours


def test_chinese_and_filipino_tags_with_the_real_files() -> None:
    real = Catalogs.load()
    wanted = {
        "zh-TW": "zh-Hant",
        "zh-HK": "zh-Hant",
        "zh-CN": "zh-Hans",
        "zh": "zh-Hans",
        "tl": "fil",
        "zh-Hant-TW": "zh-Hant",
    }
    assert {tag: real.normalise(tag) for tag in wanted} == wanted
    assert {tag for tag in real.languages if real.direction(tag) == "rtl"} == {"ur"}


def test_ruby_and_its_absence() -> None:
    assert ruby("取[と]り消[け]し") == (
        "<ruby>取<rp>(</rp><rt>と</rt><rp>)</rp></ruby>り<ruby>消<rp>(</rp><rt>け</rt><rp>)</rp></ruby>し"
    )
    assert ruby("<b>[x] 1[いち]") == "&lt;b&gt;[x] 1[いち]"  # only kanji carry readings; HTML is escaped
    assert without_furigana("避難所[ひなんじょ]へ") == "避難所へ"


def test_pages_escape_fields_and_keep_markup(catalogs: Catalogs) -> None:
    say = catalogs.sayer("ja-simple")
    assert str(say("shelter", name="<An>")).endswith("</ruby> &lt;An&gt;")
    assert str(say("shelter", name=Markup("<i>An</i>"))).endswith("</ruby> <i>An</i>")
    assert say.plain("shelter", name="<An>") == "避難所 <An>"
    assert say.bi("hello", name="A") == '<span lang="ja">こんにちは A</span>'
    assert catalogs.sayer("vi").bi("hello", name="A") == ('Hello A <span lang="ja" class="ja">こんにちは A</span>')


def test_templates_speak_with_the_pages_voice(catalogs: Catalogs) -> None:
    env = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    install(env)
    page = env.from_string('{{ _t("hello", name=who) }}|{{ "川[かわ]" | ruby }}')
    html = page.render(say=catalogs.sayer("en"), who="<x>")
    assert html == "Hello &lt;x&gt;|<ruby>川<rp>(</rp><rt>かわ</rt><rp>)</rp></ruby>"


def test_times_are_in_japan_and_24_hours(catalogs: Catalogs) -> None:
    assert catalogs.time("en", datetime(2016, 4, 14, 15, 5, tzinfo=UTC)) == "15/4 00:05"


def test_a_review_state_belongs_to_exactly_one_text(tmp_path: Path) -> None:
    fresh = Entry("a", "Text", "Texto")
    stamp = f"state: approved; by: r1; on: 2026-11-01; of: {fresh.fingerprint}"
    assert Entry("a", "Text", "Texto", stamp).state is ReviewState.APPROVED
    assert Entry("a", "Text", "Texto!", stamp).state is ReviewState.DRAFT
    assert Entry("a", "Text changed", "Texto", stamp).state is ReviewState.DRAFT
    assert Entry("b", "Text", "Texto", stamp).state is ReviewState.DRAFT
    assert Entry("a", "Text", "Texto", stamp, fuzzy=True).state is ReviewState.DRAFT
    assert Entry("a", "Text", "Texto", "state: approved").state is ReviewState.DRAFT
    assert Entry("a", "Text", "Texto", "").state is ReviewState.DRAFT


def test_approval_by_people_counts_until_the_text_changes(folder: Path) -> None:
    count = po_edit.approve(folder, "vi", "language.", by="r1", on=date(2026, 11, 1), state=ReviewState.APPROVED)
    assert count == 1
    approved = Catalogs.load(folder)
    assert approved.state("vi", "language.name") is ReviewState.APPROVED
    assert approved.may_go_alone("vi", "language.name")
    assert approved.approved("vi", ("language.",))
    assert not approved.approved("vi", ("language.", "hello"))
    po_edit.set_text(folder, "language.name", {"vi": "Việt"})
    assert Catalogs.load(folder).state("vi", "language.name") is ReviewState.DRAFT
    with pytest.raises(WordingError, match=r"vi\.po has no key"):
        po_edit.approve(folder, "vi", "zzz", by="r1", on=date(2026, 11, 1), state=ReviewState.APPROVED)


def test_a_changed_english_source_reaches_every_language(folder: Path) -> None:
    po_edit.set_text(folder, "hello", {"en": "Good day {name}", "ja": "やあ {name}"})
    assert po.read(folder / "ja.po")["hello"] == Entry("hello", "Good day {name}", "やあ {name}")
    po_edit.set_text(folder, "language.name", {"en": "English (UK)"})
    assert po.read(folder / "vi.po")["language.name"].source == "English (UK)"
    with pytest.raises(WordingError, match="--en"):
        po_edit.set_text(folder, "new.key", {"ja": "新"})


def test_writing_and_reading_again_changes_nothing(folder: Path) -> None:
    entries = {
        "b": Entry("b", 'Say "x"\nnow', 'さあ "x"\nいま'),
        "a": Entry("a", "One", "いち", "state: reviewed; by: r2; on: 2026-11-01; of: 0123456789ab", fuzzy=True),
    }
    po.write(folder / "xx.po", "xx", entries.values())
    assert po.read(folder / "xx.po") == entries
    first = (folder / "xx.po").read_bytes()
    po.write(folder / "xx.po", "xx", po.read(folder / "xx.po").values())
    assert (folder / "xx.po").read_bytes() == first
    assert list(po.read(folder / "xx.po")) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (entry("a", "A", "A") + entry("a", "B", "B"), "the key a appears twice"),
        (entry("a", "A", ""), "a has no text"),
        (entry("a", "A {x}", "A {x.secret}"), "plain placeholder"),
        (entry("a", "A {x}", "A {x!r}"), "plain placeholder"),
        (entry("a", "A", "A {"), "a: "),
        ('msgid "A"\nmsgstr "A"\n', "needs a msgctxt"),
        ("msgctxt a\nmsgid b", "not a readable PO file"),
    ],
)
def test_a_broken_file_stops_the_start_with_its_name(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "vi.po").write_text(HEADER + text, encoding="utf-8")
    with pytest.raises(WordingError, match=r"^vi\.po") as caught:
        po.read(tmp_path / "vi.po")
    assert problem in str(caught.value)


def test_japanese_and_english_must_be_there(folder: Path) -> None:
    (folder / "en.po").unlink()
    with pytest.raises(WordingError, match=r"en\.po"):
        Catalogs.load(folder)
