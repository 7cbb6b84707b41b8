"""What JMA's kinds of warning mean: code tables and what their names tell. Tables, no decisions.

Source: JMA, 個別コード表 (edition of 30 April 2026): WeatherWarning, SoilWarning, TsunamiWarning, VolcanicWarning.
"""

from __future__ import annotations

import re
from typing import Final

from core.model import UNKNOWN_KIND, MessageType, Status, Tier
from feeds.jma.codes import plain

#: Only the exact value 通常 is real; a drill may say so nowhere else in the telegram.
STATUS: Final = {"通常": Status.ACTUAL, "訓練": Status.EXERCISE, "試験": Status.TEST}

#: Head/InfoType. 遅延 (sent late) is still an issue. Lifting a warning is 発表 as well: the areas tell.
INFO_TYPE: Final = {
    "発表": MessageType.ISSUE,
    "遅延": MessageType.ISSUE,
    "訂正": MessageType.CORRECT,
    "取消": MessageType.CANCEL,
}

#: Warning level -> the kind of warning it is (JMA technical note 634).
TIER_OF_LEVEL: Final = {5: Tier.SPECIAL, 4: Tier.DANGER, 3: Tier.WARNING, 2: Tier.ADVISORY, 0: Tier.NONE}

#: Kind code -> level, per hazard. The codes collide: 10 is level 2 of heavy rain here, and "lifted" in a VXKO.
WARNING_LEVEL: Final = {
    "heavy_rain": {"33": 5, "43": 4, "03": 3, "10": 2},
    "landslide": {"39": 5, "49": 4, "09": 3, "29": 2},
    "storm_surge": {"38": 5, "48": 4, "08": 3, "19": 2},
}

#: Kind code -> tier, for warnings without a level: 暴風, 暴風雪, 波浪, 大雪; then 雷, 融雪, 濃霧 and so on.
WARNING_TIER: Final = {
    **dict.fromkeys(("32", "35", "36", "37"), Tier.SPECIAL),
    **dict.fromkeys(("02", "05", "06", "07"), Tier.WARNING),
    **dict.fromkeys(("12", "13", "15", "16"), Tier.ADVISORY),
    **dict.fromkeys(("14", "17", "20", "21", "22", "23", "24", "25", "26", "27"), Tier.ADVISORY),
}

#: Tsunami kind code -> (level, tier). 50 and 60 lift a warning or advisory; 00 is no tsunami.
TSUNAMI_KIND: Final = {
    "52": ("major_warning", Tier.SPECIAL),
    "53": ("major_warning", Tier.SPECIAL),
    "51": ("warning", Tier.WARNING),
    "62": ("advisory", Tier.ADVISORY),
    "71": ("forecast", Tier.FORECAST),
    "72": ("forecast", Tier.FORECAST),
    "73": ("forecast", Tier.FORECAST),
    "50": ("none", Tier.NONE),
    "60": ("none", Tier.NONE),
    "00": ("none", Tier.NONE),
}
_TSUNAMI_WORDS: Final = (
    ("大津波", ("major_warning", Tier.SPECIAL)),
    ("特別警報", ("major_warning", Tier.SPECIAL)),
    ("津波警報", ("warning", Tier.WARNING)),
    ("津波注意報", ("advisory", Tier.ADVISORY)),
)

#: What a warning's name ends in -> (level, tier), the longest first.
_ENDINGS: Final = (
    ("特別警報", 5, Tier.SPECIAL),
    ("危険警報", 4, Tier.DANGER),
    ("警報", 3, Tier.WARNING),
    ("注意報", 2, Tier.ADVISORY),
)
_URGENT: Final = ("特別警報", "危険警報")


def level_in_name(name: str) -> int | None:
    """The level a kind's name states by its digit (full-width or ASCII), else by its last word; None if neither.

    >>> level_in_name("レベル４大雨危険警報"), level_in_name("大雨特別警報"), level_in_name("")
    (4, 5, None)
    """
    ascii_name = plain(name)
    found = re.search(r"レベル([2-5])", ascii_name)
    if found:
        return int(found.group(1))
    return next((level for word, level, _ in _ENDINGS if ascii_name.endswith(word)), None)


def tier_in_name(name: str) -> Tier:
    """The kind of warning a name states by its last word; NONE if it states none.

    >>> tier_in_name("暴風雪特別警報"), tier_in_name("濃霧注意報")
    (<Tier.SPECIAL: 'special'>, <Tier.ADVISORY: 'advisory'>)
    """
    ascii_name = plain(name)
    return next((tier for word, _, tier in _ENDINGS if ascii_name.endswith(word)), Tier.NONE)


def tsunami_in_name(name: str) -> tuple[str, Tier] | None:
    """(level, tier) a tsunami kind's name states, for a code outside the table; None if it states none.

    >>> tsunami_in_name("大津波特別警報"), tsunami_in_name("津波情報")
    (('major_warning', <Tier.SPECIAL: 'special'>), None)
    """
    ascii_name = plain(name)
    return next((meaning for word, meaning in _TSUNAMI_WORDS if word in ascii_name), None)


def is_urgent(name: str) -> bool:
    """Whether a name holds 特別警報 or 危険警報: what an operator must see even if we do not know it."""
    ascii_name = plain(name)
    return any(word in ascii_name for word in _URGENT)


def unknown_note(where: str, code: str, name: str) -> str:
    """The note (Event.notes) for a kind that our tables do not know."""
    return f"{UNKNOWN_KIND}: {where} {code or '(no code)'} {name[:60]}".rstrip()
