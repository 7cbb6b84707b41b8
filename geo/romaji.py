"""Latin readings of Japanese place names: kana to Hepburn without macrons, as JMA and road signs write them.

くまもと → "Kumamoto", ちゅうおうく → "Chuoku". Long o (おう, おお) is one o, long yu (ゆう, ゅう) is one u; other
doubled vowels stay (まつうら "Matsuura", にいがた "Niigata"); ん is always n (たんば "Tanba"). Pure.
"""

from __future__ import annotations

import unicodedata

_BASE = {
    **dict(zip("あいうえお", ["a", "i", "u", "e", "o"], strict=True)),
    **dict(zip("かきくけこ", ["ka", "ki", "ku", "ke", "ko"], strict=True)),
    **dict(zip("がぎぐげご", ["ga", "gi", "gu", "ge", "go"], strict=True)),
    **dict(zip("さしすせそ", ["sa", "shi", "su", "se", "so"], strict=True)),
    **dict(zip("ざじずぜぞ", ["za", "ji", "zu", "ze", "zo"], strict=True)),
    **dict(zip("たちつてと", ["ta", "chi", "tsu", "te", "to"], strict=True)),
    **dict(zip("だぢづでど", ["da", "ji", "zu", "de", "do"], strict=True)),
    **dict(zip("なにぬねの", ["na", "ni", "nu", "ne", "no"], strict=True)),
    **dict(zip("はひふへほ", ["ha", "hi", "fu", "he", "ho"], strict=True)),
    **dict(zip("ばびぶべぼ", ["ba", "bi", "bu", "be", "bo"], strict=True)),
    **dict(zip("ぱぴぷぺぽ", ["pa", "pi", "pu", "pe", "po"], strict=True)),
    **dict(zip("まみむめも", ["ma", "mi", "mu", "me", "mo"], strict=True)),
    **dict(zip("やゆよわゐゑをん", ["ya", "yu", "yo", "wa", "i", "e", "o", "n"], strict=True)),
    **dict(zip("らりるれろ", ["ra", "ri", "ru", "re", "ro"], strict=True)),
    **dict(zip("ぁぃぅぇぉゔ", ["a", "i", "u", "e", "o", "vu"], strict=True)),
}
_SMALL_Y = {"ゃ": "a", "ゅ": "u", "ょ": "o"}


def to_hiragana(text: str) -> str:
    """Katakana (full or half width) to hiragana; everything else unchanged.

    >>> to_hiragana("クマモトシ")
    'くまもとし'
    """
    normal = unicodedata.normalize("NFKC", text)
    return "".join(chr(ord(c) - 0x60) if "ァ" <= c <= "ヶ" else c for c in normal)


def romaji(kana: str) -> str:
    """The Hepburn reading of a kana text, lower case; characters that are not kana pass through unchanged.

    >>> romaji("ましき"), romaji("こうし"), romaji("おおづ"), romaji("ゆうばり"), romaji("ほっかいどう")
    ('mashiki', 'koshi', 'ozu', 'yubari', 'hokkaido')
    """
    text = to_hiragana(kana)
    out = ""
    double = False  # a small っ doubles the next consonant
    previous = ""
    for char in text:
        if char in _SMALL_Y and out.endswith("i"):
            stem = out[:-1]
            out = stem + ("" if stem.endswith(("sh", "ch", "j")) else "y") + _SMALL_Y[char]
        elif char in ("ー", "う") and out.endswith("o") and (char == "ー" or previous not in ("", "・")):
            pass  # long o
        elif (char == "お" and out.endswith("o") and previous in "おこごそぞとどのほぼぽもよろ") or (
            char in ("ー", "う") and out.endswith("yu")
        ):
            pass
        elif char in ("う", "ー") and previous == "ゅ":
            pass  # しゅう, ちゅう, じゅう
        elif char == "ー":
            out += out[-1:]
        elif char == "っ":
            double = True
            previous = char
            continue
        else:
            syllable = _BASE.get(char, _SMALL_Y.get(char, char))
            if double and syllable[:1].isalpha():
                syllable = ("t" if syllable.startswith("ch") else syllable[0]) + syllable
            out += syllable
        double = False
        previous = char
    return out


def title(latin: str) -> str:
    """Capital first letter of every word, leaving what follows a hyphen alone: "higashi-ku" -> "Higashi-ku"."""
    return " ".join(word[:1].upper() + word[1:] for word in latin.split(" "))
