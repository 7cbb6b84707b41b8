"""Latin readings: what JMA and road signs write."""

from __future__ import annotations

import pytest

from geo.romaji import romaji, title, to_hiragana


@pytest.mark.parametrize(
    ("kana", "latin"),
    [
        ("くまもと", "kumamoto"),
        ("ましき", "mashiki"),
        ("やつしろ", "yatsushiro"),
        ("ひとよし", "hitoyoshi"),
        ("ちゅうおうく", "chuoku"),
        ("こうし", "koshi"),
        ("おおづ", "ozu"),
        ("とおの", "tono"),
        ("ほっかいどう", "hokkaido"),
        ("ゆうばり", "yubari"),
        ("まつうら", "matsuura"),
        ("にいがた", "niigata"),
        ("ぎょくとう", "gyokuto"),
        ("はっちょう", "hatcho"),
        ("いっし", "isshi"),
        ("じょうえつ", "joetsu"),
        ("たんば", "tanba"),
        ("ニセコ", "niseko"),
        ("スーパー", "suupaa"),
        ("きたく", "kitaku"),
        ("", ""),
    ],
)
def test_kana_is_read_as_on_signs(kana: str, latin: str) -> None:
    assert romaji(kana) == latin


def test_half_width_katakana_reads_like_hiragana() -> None:
    assert to_hiragana("ｸﾏﾓﾄ") == "くまもと"
    assert romaji("ｸﾏﾓﾄ") == "kumamoto"


def test_capitals_leave_what_follows_a_hyphen_alone() -> None:
    assert title("kumamoto higashi-ku") == "Kumamoto Higashi-ku"
