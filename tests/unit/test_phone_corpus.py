"""Three hundred ways to write a phone number: each becomes E.164 or gets a named reason, never anything else."""

from __future__ import annotations

import itertools

import phonenumbers
import pytest

from registry.phones import Line, PhoneProblem, read_phone

HYPHENS = "-‐‑‒–—―−ーｰ─－﹘﹣˗"
PARTS = ("090", "1234", "5678")
#: What stands before and after a number in a cell.
AROUND = (
    "{}",
    " {} ",
    "\t{}",
    "'{}",
    "tel:{}",
    "TEL {}",
    "携帯：{}",
    "携帯 {}",
    "電話 {}",
    "{} (mobile)",
    "{}（本人）",
)
#: The country in front: what it does to the rest.
COUNTRY = (
    "+81{rest}",
    "+81 {rest}",
    "+81-{rest}",
    "+81(0){rest}",
    "+81 (0) {rest}",
    "+810{rest}",
    "81{rest}",
    "0081{rest}",
    "0081 {rest}",
    "010-81-{rest}",
    "＋８１{rest}",
    "+81 0{rest}",
)
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
KANJI = str.maketrans("0123456789", "〇一二三四五六七八九")


def mobile_writings() -> list[str]:
    """090-1234-5678 in every combination that the patterns give."""
    joined = ["".join(PARTS), *(sign.join(PARTS) for sign in (*HYPHENS, " ", "　", ".", "/", " - ", "－ "))]
    joined += ["(090)1234-5678", "(090) 1234-5678", "090(1234)5678", "（０９０）１２３４－５６７８", "090 (1234) 5678"]
    found = [form.format(text) for form, text in itertools.product(AROUND, joined[:13])]
    found += joined
    found += [text.translate(WIDE) for text in joined]
    found += ["".join(PARTS).translate(KANJI), "〇九〇ー一二三四ー五六七八"]
    # A spreadsheet took the number for a number.
    found += [
        "9012345678",
        "9012345678.0",
        "9012345678.00",
        "9.012345678E+09",
        "90-1234-5678",
        "+819012345678.0",
        "90 1234 5678",
    ]
    rests = ["9012345678", "90-1234-5678", "90 1234 5678"]
    found += [form.replace("{rest}", rest) for form, rest in itertools.product(COUNTRY, rests)]
    return list(dict.fromkeys(found))


MOBILE = mobile_writings()

#: (text, E.164, what it can do)
OTHERS = [
    *(
        (f"{p}-1234-56{n:02d}", f"+81{p[1:]}123456{n:02d}", Line.MOBILE)
        for p, n in itertools.product(("060", "070", "080", "090"), range(8))
    ),
    ("096-328-1111", "+81963281111", Line.FIXED),
    ("0963281111", "+81963281111", Line.FIXED),
    ("(096)328-1111", "+81963281111", Line.FIXED),
    ("03-3212-8341", "+81332128341", Line.FIXED),
    ("050-1234-5678", "+815012345678", Line.FIXED),
    ("＋８１－９６－３２８－１１１１", "+81963281111", Line.FIXED),
    ("+84 912 345 678", "+84912345678", Line.FOREIGN),
    ("0084912345678", "+84912345678", Line.FOREIGN),
    ("+62 812-3456-7890", "+6281234567890", Line.FOREIGN),
    ("+63 917 123 4567", "+639171234567", Line.FOREIGN),
    ("+977 984-1234567", "+9779841234567", Line.FOREIGN),
    ("+95 9 212 3456", "+9592123456", Line.FOREIGN),
    ("+1 212 555 0100", "+12125550100", Line.FOREIGN),
]

#: (text, why not)
REFUSED = [
    *(
        (text, "unreadable")
        for text in (
            "なし",
            "無し",
            "-",
            "―",
            "×",
            "？",
            "不明",
            "未定",
            "n/a",
            "N/A",
            "none",
            "no phone",
            "寮の電話",
            "LINEのみ",
            "@",
            "#REF!",
            "同上",
            "〃",
            "本人に確認",
            "later",
            "あり",
            "9.01234567E+09",
        )
    ),
    *(
        (text, "invalid")
        for text in (
            "090-1234-567",
            "090-1234-56789",
            "090-0000-0000",
            "119",
            "110",
            "123",
            "0901234",
            "99999999999",
            "1234567890123456",
            "090-1234-5678-9",
            "+81 90 1234 567",
            "2026/4/1",
            "862-0950",
            "+84 12",
        )
    ),
    *(
        (text, "service_number")
        for text in (
            "0120-123-456",
            "0120123456",
            "０１２０－１２３－４５６",
            "080-0123-4567",
            "0800-123-4567",
            "020-1234-5678",
            "0990-512-345",
            "0570-012-345",
        )
    ),
]


def test_there_are_three_hundred() -> None:
    assert len(MOBILE) + len(OTHERS) + len(REFUSED) >= 300
    assert len({*MOBILE, *(t for t, *_ in OTHERS), *(t for t, _ in REFUSED)}) >= 300


@pytest.mark.parametrize("text", MOBILE)
def test_a_mobile_number(text: str) -> None:
    phone = read_phone(text)
    assert (phone.e164, phone.line) == ("+819012345678", Line.MOBILE)


@pytest.mark.parametrize(("text", "e164", "line"), OTHERS)
def test_other_numbers(text: str, e164: str, line: Line) -> None:
    phone = read_phone(text)
    assert (phone.e164, phone.line) == (e164, line)


@pytest.mark.parametrize(("text", "code"), REFUSED)
def test_what_is_no_number(text: str, code: str) -> None:
    with pytest.raises(PhoneProblem) as caught:
        read_phone(text)
    assert caught.value.code == code


def test_the_short_way_agrees_with_the_numbering_plan() -> None:
    """Plain mobile numbers are not looked up: every head that could pass is compared here with the numbering plan."""
    heads = [f"{n:04d}" for n in range(10_000) if str(n)[-4:][:1] in "06789"]
    for head, length in itertools.product(heads[::3], (10, 11)):
        text = head.ljust(length, "5")
        try:
            quick = read_phone(text).e164
        except PhoneProblem:
            continue
        number = phonenumbers.parse(text, "JP")
        assert phonenumbers.is_valid_number(number)
        assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == quick
