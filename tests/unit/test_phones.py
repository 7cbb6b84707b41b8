"""Every way a clerk writes a phone number."""

from __future__ import annotations

import pytest

from registry.phones import Line, PhoneProblem, display, masked, read_phone

MOBILE = "+819012345678"

WRITINGS = [
    "09012345678",
    "090-1234-5678",
    "090 1234 5678",
    "090.1234.5678",
    "090/1234/5678",
    "(090)1234-5678",
    "(090) 1234-5678",
    "090(1234)5678",
    "０９０１２３４５６７８",
    "０９０－１２３４－５６７８",
    "０９０　１２３４　５６７８",
    "０９０（１２３４）５６７８",
    "090−1234−5678",  # U+2212 minus
    "090‐1234‐5678",  # U+2010 hyphen
    "090‑1234‑5678",  # U+2011 non-breaking hyphen
    "090‒1234‒5678",
    "090–1234–5678",
    "090—1234—5678",
    "090―1234―5678",
    "090ー1234ー5678",  # the long-vowel sign of a Japanese keyboard
    "090ｰ1234ｰ5678",
    "090─1234─5678",
    "9012345678",  # a spreadsheet ate the zero
    "9012345678.0",
    "90-1234-5678",
    "+819012345678",
    "+81 90 1234 5678",
    "+81-90-1234-5678",
    "+81(0)90-1234-5678",
    "+81 (0) 90-1234-5678",
    "+8109012345678",
    "＋８１ー９０ー１２３４ー５６７８",
    "819012345678",
    "81-90-1234-5678",
    "0081 90 1234 5678",
    "010-81-90-1234-5678",
    "'09012345678",
    " 090-1234-5678 ",
    "\t090-1234-5678",
    "tel:090-1234-5678",
    "TEL 090-1234-5678",
    "携帯：090-1234-5678",
    "携帯 090-1234-5678",
    "090-1234-5678 (mobile)",
    "090-1234-5678（本人）",
    "〇九〇ー一二三四ー五六七八",
]


@pytest.mark.parametrize("text", WRITINGS)
def test_one_number_in_many_writings(text: str) -> None:
    phone = read_phone(text)
    assert (phone.e164, phone.line) == (MOBILE, Line.MOBILE)


@pytest.mark.parametrize(
    ("text", "e164", "line"),
    [
        ("070-1234-5678", "+817012345678", Line.MOBILE),
        ("080-1234-5678", "+818012345678", Line.MOBILE),
        ("096-328-1111", "+81963281111", Line.FIXED),
        ("03-3212-8341", "+81332128341", Line.FIXED),
        ("050-1234-5678", "+815012345678", Line.FIXED),
        ("+84 912 345 678", "+84912345678", Line.FOREIGN),
    ],
)
def test_what_a_number_can_do(text: str, e164: str, line: Line) -> None:
    phone = read_phone(text)
    assert (phone.e164, phone.line) == (e164, line)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("なし", "unreadable"),
        ("-", "unreadable"),
        ("090-1234-567", "invalid"),
        ("090-1234-56789", "invalid"),
        ("119", "invalid"),
        ("123", "invalid"),
        ("0120-123-456", "service_number"),
        ("020-1234-5678", "service_number"),
        ("0990-512-345", "service_number"),
    ],
)
def test_what_is_no_persons_phone_is_refused(text: str, code: str) -> None:
    with pytest.raises(PhoneProblem) as caught:
        read_phone(text)
    assert caught.value.code == code


def test_a_number_is_shown_as_people_dial_it() -> None:
    assert display(MOBILE) == "090-1234-5678"
    assert display("+84912345678") == "+84 912 345 678"


def test_a_masked_number_keeps_two_digits() -> None:
    assert masked(MOBILE) == "•••• 78"
