"""The SMS counter against the alphabets' own edges, and the au rule."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from alerts.sms_text import Segments, breaks_on_au, is_gsm7, pad_for_au, segments

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "terminology" / "sample_messages.csv"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments("GSM-7", 0, 1)),
        ("a" * 160, Segments("GSM-7", 160, 1)),
        ("a" * 161, Segments("GSM-7", 161, 2)),
        ("a" * 306, Segments("GSM-7", 306, 2)),
        ("a" * 307, Segments("GSM-7", 307, 3)),
        ("€" * 80, Segments("GSM-7", 160, 1)),
        ("€" * 81, Segments("GSM-7", 162, 2)),
        # The escape would start at unit 153: it moves whole to the next part, and one unit of the first stays empty.
        ("a" * 152 + "€" + "a" * 152, Segments("GSM-7", 306, 3)),
        ("a" * 151 + "€" + "a" * 153, Segments("GSM-7", 306, 2)),
        ("é\n¿ÄÖÑ§à", Segments("GSM-7", 8, 1)),
        ("ç", Segments("UCS-2", 1, 1)),
        ("’", Segments("UCS-2", 1, 1)),
        ("あ" * 70, Segments("UCS-2", 70, 1)),
        ("あ" * 71, Segments("UCS-2", 71, 2)),
        ("あ" * 134, Segments("UCS-2", 134, 2)),
        ("あ" * 135, Segments("UCS-2", 135, 3)),
        ("😀" * 35, Segments("UCS-2", 70, 1)),
        ("😀" * 36, Segments("UCS-2", 72, 2)),
        # What costs two in one alphabet costs one in the other.
        ("😀" + "€" * 68, Segments("UCS-2", 70, 1)),
        ("あ" + "€" * 69, Segments("UCS-2", 70, 1)),
        # 67 is odd: a pair never straddles two parts, so 33 pairs fit in each.
        ("😀" * 66, Segments("UCS-2", 132, 2)),
        ("😀" * 67, Segments("UCS-2", 134, 3)),
    ],
)
def test_counts_units_and_parts(text: str, expected: Segments) -> None:
    assert segments(text) == expected


def test_agrees_with_the_recorded_sample_messages() -> None:
    if not SAMPLES.exists():
        pytest.skip(f"{SAMPLES.name} is not beside the repository")
    with SAMPLES.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 20
    for row in rows:
        expected = Segments(row["encoding"], int(row["units"]), int(row["segments"]))
        assert segments(row["text"]) == expected, row["lang"]


def test_gsm7_has_no_kanji_curly_quotes_or_backtick() -> None:
    assert is_gsm7("LEVEL 4 - Peringatan [darurat] ~ {x} | ^")
    assert not any(is_gsm7(c) for c in "`’“–çあ")


@pytest.mark.parametrize(
    ("text", "breaks"),
    [
        ("Are you OK?", False),  # GSM-7 is not touched
        ("無事ですか", False),  # Shift_JIS can carry it
        ("您平安吗？", True),
        ("무사합니까", True),
        ("کیا آپ محفوظ ہیں", True),
        ("1〜2", True),  # encodable, and garbled all the same
        ("您" * 70, True),
        ("您" * 71, False),  # goes as Unicode
    ],
)
def test_au_garbles_short_texts_that_shift_jis_lacks(text: str, breaks: bool) -> None:
    assert breaks_on_au(text) is breaks


def test_padding_keeps_the_link_alone_on_the_last_line() -> None:
    padded = pad_for_au("您平安吗？\nhttps://d.example/c/1", "Daijobu")
    assert not breaks_on_au(padded)
    assert segments(padded).units > 70
    assert padded.startswith("您平安吗？\n")
    assert padded.splitlines()[-1] == "https://d.example/c/1"
    assert set(padded.splitlines()[1:-1]) == {"Daijobu"}


def test_padding_leaves_sound_texts_alone_and_refuses_an_empty_filler() -> None:
    assert pad_for_au("無事ですか", "Daijobu") == "無事ですか"
    with pytest.raises(ValueError, match="filler"):
        pad_for_au("您平安吗？", " ")
