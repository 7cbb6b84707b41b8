"""One spelling for what varies in Japanese place names: characters, kana, romaji, numbers of town blocks. Pure.

Both sides of every comparison pass through the same function, so that a rule that joins two letters (づ and ず) costs
at most a name that two places then share, which is refused, never a name that is not found.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from geo.romaji import romaji, to_hiragana

#: Pairs: a simplified or traditional Chinese form, or an older Japanese one, and the form in place names.
_FORMS: Final = (
    "县県縣県區区东東阳陽苏蘇泽沢澤沢广広廣広滨浜濱浜岛島嶋島长長关関關関龙竜龍竜嶽岳溪渓齐斎齋斎齊斎边辺邊辺邉辺國国冈岡气気氣気绳縄繩縄儿児兒児"
    "宫宮贺賀见見马馬鸟鳥冲沖冰氷丰豊豐豊户戸戶戸凤鳳蓝藍盐塩鹽塩铁鉄鐵鉄银銀钱銭锦錦镜鏡黑黒壹壱荣栄榮栄营営營営带帯帶帯德徳樱桜櫻桜瀨瀬濑瀬桥橋"
    "涌湧仓倉條条叶葉乡郷鄉郷云雲众衆會会转転轉転驿駅驛駅应応應応惠恵萬万亩畝尔爾实実實実穗穂鹤鶴鹰鷹纪紀细細绫綾蘆芦苇葦靜静领領须須饭飯饿餓枥栃"
    "梼檮壶壺泷滝瀧滝灣湾渊淵渕淵连連达達迁遷门門间間闻聞佛仏拂払挾挟潴瀦头頭嚴厳严厳冨富觉覚买買贝貝车車轻軽过過远遠进進鉴鑑兰蘭鱼魚麥麦髙高﨑崎"
    "碕崎势勢爱愛库庫泻潟汤湯产産臺台"
)
_TRANSLATE: Final = str.maketrans({_FORMS[i]: _FORMS[i + 1] for i in range(0, len(_FORMS), 2)})
_KANJI: Final = r"[一-鿿々〆]"
_BETWEEN: Final = (
    (re.compile(rf"(?<={_KANJI})[ヶケがゖけ](?={_KANJI})"), "け"),  # 龍ヶ岳, 龍ケ岳, 龍が岳
    (re.compile(rf"(?<={_KANJI})[ノの之](?={_KANJI})"), "の"),  # 一の宮, 一ノ宮
)
_BLOCK: Final = re.compile(r"([一二三四五六七八九十]{1,3})(?=丁目|条)")
_DIGITS: Final = {c: n for n, c in enumerate("〇一二三四五六七八九")}
_DASH: Final = r"[-‐‑‒–—―−ー－ｰ~〜]"


def unify(text: str) -> str:
    """Japanese text without spaces; full-width, katakana, Chinese and older character forms written one way.

    >>> unify("熊本縣　龍ケ岳町"), unify("マシキ町"), unify("阿苏市")
    ('熊本県竜け岳町', 'ましき町', '阿蘇市')
    """
    plain = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).translate(_TRANSLATE)
    for pattern, letter in _BETWEEN:
        plain = pattern.sub(letter, plain)
    return to_hiragana(plain)


def town_key(text: str) -> str:
    """The name of a town (大字, 町丁目) as it is compared: 大字 and 字 left out, blocks in digits.

    >>> town_key("大字宮園"), town_key("帯山三丁目"), town_key("帯山3-12"), town_key("画図町大字上無田")
    ('宮園', '帯山3丁目', '帯山3丁目-12', '画図町上無田')
    """
    name = re.sub(r"^字|大字", "", unify(text))
    name = _BLOCK.sub(lambda match: str(_number(match[1])), name)
    return re.sub(rf"^(\D+?)(\d{{1,2}})(?={_DASH}|の\d|$)", r"\1\2丁目", name, count=1)


def _number(kanji: str) -> int:
    tens, ten, ones = kanji.rpartition("十")
    if not ten:
        return _DIGITS.get(kanji[-1], 0) if len(kanji) == 1 else int("".join(str(_DIGITS[c]) for c in kanji))
    return 10 * (_DIGITS.get(tens, 1) if tens else 1) + (_DIGITS[ones] if ones else 0)


def strip_accents(text: str) -> str:
    """Latin text without macrons and other marks, NFKC before: "Ｃｈūō" -> "Chuo"."""
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


#: To one system (Kunrei without long vowels): Hepburn, Kunrei, word-processor spellings and passports all end here.
_ROMAJI: Final = tuple(
    (re.compile(pattern), to)
    for pattern, to in (
        (r"['’`\- ]", ""),
        (r"t?ch(?=i)", "t"),
        (r"t?ch(?=[auo])", "ty"),
        (r"cy(?=[auo])", "ty"),
        (r"sh(?=i)", "s"),
        (r"sh(?=[auo])", "sy"),
        (r"jy?(?=[auo])", "zy"),
        (r"j(?=i)", "z"),
        (r"d(?=i)", "z"),
        (r"dz?(?=u)", "z"),
        (r"tsu", "tu"),
        (r"fu", "hu"),
        (r"wo", "o"),
        (r"o[ouh](?![aiueoy])", "o"),
        (r"o[ou](?=[aiueoy])", "o"),
        (r"u[uh](?![aiueoy])", "u"),
        (r"([aiu])\1", r"\1"),
        (r"m(?=[bpm])", "n"),
        (r"nn", "n"),
    )
)


def fold(latin: str) -> str:
    """Romaji without the differences between its systems: long vowels, n before b and p, tsu and tu, hyphens.

    >>> {fold(word) for word in ("Oozu", "Ozu", "Ōzu", "Ohzu", "Ōdu")}, fold("Chūō"), fold("Simabara")
    ({'ozu'}, 'tyuo', 'simabara')
    """
    text = strip_accents(latin).lower()
    for pattern, to in _ROMAJI:
        text = pattern.sub(to, text)
    return text


def fold_kana(kana: str) -> str:
    """`fold` of a kana text: おおづまち and おおずまち alike."""
    return fold(romaji(kana))
