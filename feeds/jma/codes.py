"""What JMA's titles, codes and words mean: tables, no decisions.

Sources: JMA, 気象庁防災情報XMLフォーマット 電文解説資料 and 個別コード表 (edition of 30 April 2026); for the
five-level scheme in force since 28 May 2026 13:00 JST, JMA technical notes 634 and 665.
"""

from __future__ import annotations

import re
import unicodedata

from core.model import MessageType, Status, Tier

#: Only the exact value 通常 is real; a drill may say so nowhere else in the telegram.
STATUS = {"通常": Status.ACTUAL, "訓練": Status.EXERCISE, "試験": Status.TEST}

#: Head/InfoType. 遅延 (sent late) is still an issue. Lifting a warning is 発表 as well: the areas tell.
INFO_TYPE = {
    "発表": MessageType.ISSUE,
    "遅延": MessageType.ISSUE,
    "訂正": MessageType.CORRECT,
    "取消": MessageType.CANCEL,
}

#: Control/Title -> type code, for the types that become events. VXKO50..VXKO89 cannot be told apart from the body.
USED = {
    "震度速報": "VXSE51",
    "震源に関する情報": "VXSE52",
    "震源・震度に関する情報": "VXSE53",
    "顕著な地震の震源要素更新のお知らせ": "VXSE61",
    "津波警報・注意報・予報a": "VTSE41",
    "気象警報・注意報(R06)(大雨)": "VPWW55",
    "気象警報・注意報(R06)(土砂)": "VPWW56",
    "気象警報・注意報(R06)(土砂災害)": "VPWW56",
    "気象警報・注意報(R06)(高潮)": "VPWW57",
    "指定河川洪水予報": "VXKO",
}

_OLD = "old warning scheme, sent in parallel until about 2028: the same hazard arrives as VPWW55-57 or VXKO"
_EEW = "earthquake early warning: cannot reach people in time by message, and relaying it needs a contract"
_UPDATE = "tsunami observation or arrival time: VTSE41 carries the warning itself"
_NO_LEVEL = "warning without a level (wind, waves, snow, other): not used for alerts"
_VOLCANO = "volcano report: not used for alerts"
_QUAKE_NOTE = "earthquake note without new intensities: not used for alerts"
_RARE = "nationwide earthquake guidance without areas: for operators to read"
_BULLETIN = "weather bulletin without a warning level: not used for alerts"
_OUTLOOK = "outlook or forecast, not a warning in force"

#: Control/Title -> (type code, why it makes no event).
IGNORED = {
    "気象特別警報・警報・注意報": ("VPWW53", _OLD),
    "気象警報・注意報(H27)": ("VPWW54", _OLD),
    "土砂災害警戒情報": ("VXWW50", _OLD),
    "記録的短時間大雨情報": ("VPOA50", _OLD),
    "気象特別警報報知": ("VPNO50", _OLD),
    "緊急地震速報配信テスト": ("VXSE42", _EEW),
    "緊急地震速報(警報)": ("VXSE43", _EEW),
    "緊急地震速報(予報)": ("VXSE44", _EEW),
    "緊急地震速報(地震動予報)": ("VXSE45", _EEW),
    "地震の活動状況等に関する情報": ("VXSE56", _QUAKE_NOTE),
    "地震回数に関する情報": ("VXSE60", _QUAKE_NOTE),
    "長周期地震動に関する観測情報": ("VXSE62", _QUAKE_NOTE),
    "地震・津波に関するお知らせ": ("VZSE40", _QUAKE_NOTE),
    "津波情報a": ("VTSE51", _UPDATE),
    "沖合の津波観測に関する情報": ("VTSE52", _UPDATE),
    "南海トラフ地震臨時情報": ("VYSE50", _RARE),
    "南海トラフ地震関連解説情報": ("VYSE51", _RARE),
    "北海道・三陸沖後発地震注意情報": ("VYSE60", _RARE),
    "気象警報・注意報(R06)(暴風)": ("VPWW58", _NO_LEVEL),
    "気象警報・注意報(R06)(波浪)": ("VPWW59", _NO_LEVEL),
    "気象警報・注意報(R06)(大雪)": ("VPWW60", _NO_LEVEL),
    "気象警報・注意報(R06)(その他注意報)": ("VPWW61", _NO_LEVEL),
    "気象警報・注意報時系列情報(R06)": ("VPWP50", _OUTLOOK),
    "水位周知河川に関する情報": ("VXSU", "rivers with water-level notices: JMA has not decided when these start"),
    "府県気象防災速報": ("VPBS50", _BULLETIN),
    "府県気象情報": ("VPFJ50", _BULLETIN),
    "府県気象解説情報": ("VPFJ51", _BULLETIN),
    "全般気象解説情報": ("VPZJ51", _BULLETIN),
    "竜巻注意情報": ("VPHW50", _BULLETIN),
    "竜巻注意情報(目撃情報付き)": ("VPHW51", _BULLETIN),
    "噴火警報・予報": ("VFVO50", _VOLCANO),
    "火山の状況に関する解説情報": ("VFVO51", _VOLCANO),
    "噴火に関する火山観測報": ("VFVO52", _VOLCANO),
    "噴火速報": ("VFVO56", _VOLCANO),
}

#: Hazard of each type that becomes an event.
HAZARD = {
    "VXSE51": "earthquake",
    "VXSE52": "earthquake",
    "VXSE53": "earthquake",
    "VXSE61": "earthquake",
    "VTSE41": "tsunami",
    "VPWW55": "heavy_rain",
    "VPWW56": "landslide",
    "VPWW57": "storm_surge",
    "VXKO": "river_flood",
}

#: Warning level -> the kind of warning it is (JMA technical note 634).
TIER_OF_LEVEL = {5: Tier.SPECIAL, 4: Tier.DANGER, 3: Tier.WARNING, 2: Tier.ADVISORY, 0: Tier.NONE}

#: Kind code -> level, per hazard. The codes collide: 10 is level 2 of heavy rain here, and "lifted" in a VXKO.
WARNING_LEVEL = {
    "heavy_rain": {"33": 5, "43": 4, "03": 3, "10": 2},
    "landslide": {"39": 5, "49": 4, "09": 3, "29": 2},
    "storm_surge": {"38": 5, "48": 4, "08": 3, "19": 2},
}

#: Tsunami kind code -> (level, tier). 50 and 60 lift a warning or advisory; 00 is no tsunami.
TSUNAMI_KIND = {
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

_FILE_TYPE = re.compile(r"_([A-Z]{4}\d{2})_")
_USED_FILE_TYPES = frozenset(USED.values()) - {"VXKO"} | {f"VXKO{n}" for n in range(50, 90)}


def plain(title: str) -> str:
    """A title with full-width letters, digits and brackets made ASCII and without blanks, for table look-up.

    >>> plain("気象警報・注意報（Ｒ０６）（大雨）")
    '気象警報・注意報(R06)(大雨)'
    """
    return "".join(unicodedata.normalize("NFKC", title).split())


def type_of_url(url: str) -> str | None:
    """The type code in a body's file name (YYYYMMDDhhmmss_N_TTTTii_OOOOOO.xml), or None if it has none."""
    found = _FILE_TYPE.search(url.rsplit("/", 1)[-1])
    return found.group(1) if found else None


def wanted(type_code: str) -> bool:
    """Whether a body of this type code (as in file names, e.g. VXKO52) is worth fetching."""
    return type_code in _USED_FILE_TYPES


def level_in_name(name: str) -> int | None:
    """The level a kind's name states by its digit (full-width or ASCII), else by its last word; None if neither.

    >>> level_in_name("レベル４大雨危険警報"), level_in_name("大雨特別警報"), level_in_name("")
    (4, 5, None)
    """
    ascii_name = plain(name)
    found = re.search(r"レベル([2-5])", ascii_name)
    if found:
        return int(found.group(1))
    for word, level in (("特別警報", 5), ("危険警報", 4), ("警報", 3), ("注意報", 2)):
        if ascii_name.endswith(word):
            return level
    return None
