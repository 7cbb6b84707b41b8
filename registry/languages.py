"""The languages of people: tags, and the names under which clerks write them. Pure.

A language may be named by its BCP 47 tag, in English, in Japanese or in itself. Knowing a language here does not
mean that the service speaks it: that is what the files in locales/ say.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Final

#: Tag -> names in Japanese, English, the language itself, and other tags and spellings seen in lists.
NAMES: Final[dict[str, tuple[str, ...]]] = {
    "ja": ("日本語", "Japanese", "jp", "jpn"),
    "ja-simple": ("やさしい日本語", "Easy Japanese", "Plain Japanese", "やさしいにほんご", "ja-easy", "ja-Latn"),
    "en": ("英語", "English", "eng"),
    "vi": ("ベトナム語", "Vietnamese", "Tiếng Việt", "vn", "vie", "ヴェトナム語", "越南語"),
    "id": ("インドネシア語", "Indonesian", "Bahasa Indonesia", "ind", "Bahasa"),
    "fil": ("フィリピノ語", "Filipino", "Tagalog", "タガログ語", "フィリピン語", "tl", "tgl"),
    "ne": ("ネパール語", "Nepali", "नेपाली", "Nepalese", "nep", "np"),
    "my": ("ミャンマー語", "Burmese", "မြန်မာ", "မြန်မာဘာသာ", "ビルマ語", "Myanmar", "mya", "mm"),
    "zh-Hans": ("中国語", "Chinese", "简体中文", "中国語(簡体字)", "中国語簡体字", "Simplified Chinese", "中文",
                "Chinese (Simplified)", "zh", "zh-CN", "zh-SG", "Mandarin", "cn"),
    "zh-Hant": ("中国語(繁体字)", "Traditional Chinese", "繁體中文", "中国語繁体字", "台湾華語", "台湾語",
                "Chinese (Traditional)", "zh-TW", "zh-HK", "tw"),
    "km": ("クメール語", "Khmer", "ភាសាខ្មែរ", "ខ្មែរ", "カンボジア語", "Cambodian", "Cambodia", "khm", "kh"),
    "th": ("タイ語", "Thai", "ภาษาไทย", "ไทย", "タイ国語", "Thailand", "tha"),
    "si": ("シンハラ語", "Sinhala", "සිංහල", "සිංහල භාෂාව", "Sinhalese", "Singhalese", "シンハリ語", "sin", "lk"),
    "ta": ("タミル語", "Tamil", "தமிழ்", "tam"),
    "mn": ("モンゴル語", "Mongolian", "Монгол", "Монгол хэл", "mon", "Mongol", "蒙古語", "Khalkha", "ハルハ語"),
    "bn": ("ベンガル語", "Bengali", "বাংলা", "বাংলা ভাষা", "Bangla", "Bangladeshi", "バングラ語", "バングラデシュ語",
           "バングラデッシュ語", "孟加拉語", "ben", "bd"),
    "ko": ("韓国語", "Korean", "한국어", "朝鮮語", "ハングル", "韓国・朝鮮語", "한국말", "Hangul", "kor", "kr"),
    "pt-BR": ("ポルトガル語", "Portuguese", "Português", "pt", "por", "br", "ブラジルポルトガル語",
              "ポルトガル語(ブラジル)", "Portuguese (Brazil)", "Brazilian Portuguese", "Português (Brasil)", "葡語"),
    "es": ("スペイン語", "Spanish", "Español", "spa", "Castellano", "イスパニア語", "西語"),
    "ur": ("ウルドゥー語", "Urdu", "اردو", "اُردُو", "اردو زبان", "ウルドゥ語", "ウルドウ語", "ウルドー語", "urd", "pk"),
    "hi": ("ヒンディー語", "Hindi", "हिन्दी", "ヒンディ語", "hin", "हिंदी"),
    "uz": ("ウズベク語", "Uzbek", "O‘zbekcha", "O'zbek", "uzb"),
    "lo": ("ラオス語", "Lao", "ລາວ", "ラオ語", "lao"),
    "fr": ("フランス語", "French", "Français", "fra"),
    "ru": ("ロシア語", "Russian", "Русский", "rus"),
}  # fmt: skip


def _key(text: str) -> str:
    return re.sub(r"[\s_\-・.()'’‘]", "", unicodedata.normalize("NFKC", text).casefold())


_TAGS: Final = {_key(name): tag for tag, names in NAMES.items() for name in (tag, *names)}


@functools.lru_cache(1024)
def read_language(text: str) -> str | None:
    """The tag of a language named in any of the ways above; None if the name is not known.

    >>> read_language("ベトナム語"), read_language("Tiếng Việt"), read_language("VI"), read_language("zh_TW")
    ('vi', 'vi', 'vi', 'zh-Hant')
    """
    key = _key(text)
    if key in _TAGS:
        return _TAGS[key]
    # "vi-VN", "Vietnamese / English", "ベトナム語（南部）": what stands first.
    head = re.split(r"[/／,、;（(]|[-_]", text.strip(), maxsplit=1)[0]
    return _TAGS.get(_key(head)) if head.strip() else None
