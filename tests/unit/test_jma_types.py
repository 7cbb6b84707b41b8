"""Every type of telegram: found by its title, read or ignored with a reason, fetched only if it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.settings import load_settings
from feeds.feed import Feed
from feeds.inspect import inspect_file
from feeds.jma.codes import TYPES, TelegramType, WarningScheme, is_repeated, type_of_title, wanted
from feeds.sources.jma import FEED, PARSERS, parse
from tests.telegrams import body

_TITLED = [(kind, title) for kind in TYPES for title in kind.titles]
_FRAME = body("unknown_special.xml").decode().replace("新しい特別警報のお知らせ", "TITLE").replace("臨時", "発表")


def _numbers(kind: TelegramType) -> list[str]:
    return [f"{kind.code}{n}" for n in kind.numbers] if kind.numbers else [kind.code]


def test_each_type_stands_once_and_says_what_becomes_of_it() -> None:
    assert len({kind.code for kind in TYPES}) == len(TYPES)
    titles = [title for _, title in _TITLED]
    assert len(set(titles)) == len(titles)
    assert all(kind.why for kind in TYPES)


@pytest.mark.parametrize(("kind", "title"), _TITLED, ids=lambda value: getattr(value, "code", ""))
def test_a_title_is_found_in_any_width_of_letters(kind: TelegramType, title: str) -> None:
    assert type_of_title(title) is kind
    assert type_of_title(title.replace("（", "(").replace("）", ")").replace("Ｒ０６", "R06")) is kind


@pytest.mark.parametrize("scheme", ["new", "old"])
@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.code)
def test_what_is_read_is_fetched_and_what_is_not_says_why(kind: TelegramType, scheme: WarningScheme) -> None:
    read = bool(kind.hazards) and kind.scheme in (None, scheme)
    assert {wanted(code, scheme) for code in _numbers(kind)} == {read}
    if read and kind.titles:
        assert kind.code in PARSERS
    elif kind.titles:
        ignored = parse(_FRAME.replace("TITLE", kind.titles[0]).encode(), scheme)
        assert (ignored.type, ignored.events) == (kind.code, ())
        assert ignored.ignored


def test_every_parser_has_a_type() -> None:
    assert set(PARSERS) <= {kind.code for kind in TYPES if kind.hazards}


@pytest.mark.parametrize(
    ("code", "yes"),
    [
        ("VPWW62", True),  # begins like a warning and is not in the table: a new one
        ("VTSE53", True),
        ("VFVO51", False),
        ("VXSE45", False),
        ("VPWS50", False),
        ("VPFD51", False),
        ("VPFG50", False),
        ("VXSU59", True),
        ("VXSU60", False),
        ("", False),
    ],
)
def test_an_unknown_type_is_fetched_if_it_may_be_a_warning(code: str, yes: bool) -> None:
    assert wanted(code) is yes


def _configured(scheme: str) -> Feed:
    assert FEED.instances is not None
    (feed,) = FEED.instances(load_settings({"DAIJOBU_JMA_WARNING_FAMILY": scheme}))
    return feed


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("vpww55_heavy_rain_mixed.xml", "new"),
        ("vpww56_landslide.xml", "new"),
        ("vpww57_storm_surge.xml", "new"),
        ("vpww54_old_scheme.xml", "old"),
        ("vxww50_old_landslide.xml", "old"),
    ],
)
def test_the_two_schemes_never_both_alert(name: str, scheme: str) -> None:
    for chosen in ("new", "old"):
        parsed = _configured(chosen).parse(body(name))
        assert bool(parsed.events) is (chosen == scheme)
        assert (parsed.ignored is None) is (chosen == scheme)
        assert _configured(chosen).wanted(parsed.type) is (chosen == scheme)


def test_a_file_is_inspected_as_the_settings_read_it(tmp_path: Path) -> None:
    file = tmp_path / "telegram.xml"
    file.write_bytes(body("vpww54_old_scheme.xml"))
    assert inspect_file(file)["events"] == []
    old = inspect_file(file, load_settings({"DAIJOBU_JMA_WARNING_FAMILY": "old"}))
    assert [event["hazard"] for event in old["events"]] == ["heavy_rain", "landslide", "storm_surge", "river_flood"]


@pytest.mark.parametrize("name", ["vxko_mixed_levels.xml", "vpww58_storm.xml", "vxse53_first_not_received.xml"])
def test_everything_else_is_the_same_in_both(name: str) -> None:
    assert _configured("old").parse(body(name)) == _configured("new").parse(body(name)) == parse(body(name))


def test_only_repeated_warnings_raise_nothing() -> None:
    # 特別警報 stands in each of these titles or kinds, and again in the telegram that carries the warning.
    for title in ("気象特別警報報知", "気象特別警報・警報・注意報", "気象警報・注意報（Ｒ０６）（集約通報）"):
        assert is_repeated(title)
    assert not is_repeated("新しい特別警報のお知らせ")
    assert not is_repeated("府県気象情報")
