"""The envelope: hostile and broken documents, ignored types."""

from __future__ import annotations

import pytest

from core.model import UNKNOWN_KIND, Change, MessageType, Status, Tier, UnreadableReport
from feeds.sources.jma import parse
from feeds.untrusted import MAX_BYTES
from tests.telegrams import body, parsed

GOOD = body("vxse53_first_not_received.xml")
HEAD = b'<?xml version="1.0" encoding="UTF-8"?>'
BOMB = (
    HEAD
    + b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    + GOOD[len(HEAD) :].replace("熊本県熊本地方".encode(), b"&b;")
)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"", "empty"),
        (b"   \n", "empty"),
        (b"<html><body>Service Unavailable</body></html>", "not a JMA Report"),
        (b"{}", "not well-formed"),
        (GOOD[: len(GOOD) // 2], "not well-formed"),
        (BOMB, "DOCTYPE"),
        ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE r><r/>'.encode("utf-16"), "DOCTYPE"),
        (b"x" * (MAX_BYTES + 1), "larger than"),
        (b"<a>" * 100 + b"</a>" * 100, "nested deeper"),
        (GOOD.replace(b"<Title>", b"<Titel>").replace(b"</Title>", b"</Titel>"), "Title is missing"),
        (GOOD.replace(b"2026-09-01T03:18:00", b"0001-01-01T00:00:00"), "year"),
        (GOOD.replace(b"20260901031500", b"9" * 5000), "EventID"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused_with_one_sentence(document: bytes, says: str) -> None:
    with pytest.raises(UnreadableReport, match=says) as caught:
        parse(document)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("status", ["<Status>通常 </Status>", "<Status>正常</Status>", "<Status/>", ""])
def test_only_the_exact_word_is_real(status: str) -> None:
    assert parse(GOOD).status is Status.ACTUAL
    assert parse(GOOD.decode().replace("<Status>通常</Status>", status).encode()).status is Status.UNKNOWN


def test_a_serial_that_is_no_number_does_not_order() -> None:
    for odd in ("²", "9" * 5000, "x"):
        text = GOOD.decode().replace("<Serial>1</Serial>", f"<Serial>{odd}</Serial>")
        (event,) = parse(text.encode()).events
        assert event.order[3] == 0


def test_old_scheme_is_ignored_and_says_why() -> None:
    old = parsed("vpww53_old_scheme.xml")
    assert (old.type, old.events) == ("VPWW53", ())
    assert old.ignored is not None and "VPWW55" in old.ignored


def test_a_new_type_of_special_warning_asks_for_an_operator() -> None:
    new = parsed("unknown_special.xml")
    assert (new.type, new.message_type, new.ignored) == ("unknown", MessageType.ISSUE, None)
    (titled,) = new.events
    assert (titled.hazard, titled.areas) == ("other", ())
    assert titled.notes == (f"{UNKNOWN_KIND}: type (no code) 新しい特別警報のお知らせ",)


def test_a_new_type_names_its_towns_but_gives_no_level_that_could_alert() -> None:
    (found,) = parsed("unknown_kind_elsewhere.xml").events
    assert found.notes == (f"{UNKNOWN_KIND}: 気象警報・注意報（Ｒ１０）（地すべり） 88 レベル４地すべり危険警報",)
    assert {(a.code, a.level, a.tier, a.change) for a in found.areas} == {
        ("4320500", None, Tier.DANGER, Change.ISSUED),
        ("4348200", None, Tier.DANGER, Change.LIFTED),
    }


def test_a_new_type_whose_grave_kinds_are_all_lifted_is_only_ignored() -> None:
    text = body("unknown_kind_elsewhere.xml").decode().replace("<Status>発表<", "<Status>解除<")
    assert parse(text.encode()).events == ()
    assert parse(text.encode()).ignored == "type not used: 気象警報・注意報（Ｒ１０）（地すべり）"


def test_title_editions_are_one_type() -> None:
    landslide = body("vpww56_landslide.xml").decode()
    for title in ("（土砂）", "（土砂災害）", "(土砂)"):
        assert parse(landslide.replace("（土砂）", title).encode()).type == "VPWW56"


def test_prefixes_do_not_matter() -> None:
    text = GOOD.decode().replace("jmx_eb:", "other:").replace("xmlns:jmx_eb", "xmlns:other")
    assert parse(text.encode()) == parse(GOOD)
