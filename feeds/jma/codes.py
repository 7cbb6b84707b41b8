"""Which telegrams there are, by Control/Title and type code, and what we do with each: a table, no decisions.

Sources: JMA, 気象庁防災情報XMLフォーマット 電文解説資料; for the five-level scheme (since 28 May 2026, 13:00 JST) JMA
technical notes 634 and 665. docs/feeds.md shows this table (feeds.jma.types_doc).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

#: Two warning schemes describe the same rain, landslides and surges until about 2028: only one of them may alert.
WarningScheme = Literal["new", "old"]


@dataclass(frozen=True, slots=True)
class TelegramType:
    """One type of telegram and what becomes of it."""

    #: VXSE53; VXKO and VXSU stand for all their numbers, which the body does not tell.
    code: str
    #: Control/Title in all its editions, first the current one.
    titles: tuple[str, ...]
    #: Hazards of its events; none: it makes no event.
    hazards: tuple[str, ...]
    #: What we do with it and why, for docs/feeds.md; of an ignored type the reason that operators see.
    why: str
    #: Only read when this scheme is chosen.
    scheme: WarningScheme | None = None
    #: The numbers that file names carry behind the code, where it stands for many types.
    numbers: range | None = None
    #: It repeats warnings that other types carry: a word it uses that we do not know is theirs to raise.
    repeats: bool = False


_EEW = "earthquake early warning: it cannot reach people in time by message, and relaying it needs a contract"
_NOTE = "earthquake note without new intensities: nothing to tell people"
_ASH = "ash or plume forecast, not a warning in force"
_OUTLOOK = "outlook or forecast, not a warning in force"
_TEXT = "weather information without a warning level: the warning itself arrives as VPWW55-61 or VXKO"
_REPEATED = "old warning scheme, sent in parallel until about 2028: the same hazard arrives as VPBS50 or VPWW55-57"
_LEVELS = "levels 2 to 5 per municipality; levels 3 to 5 tell people, level 2 nobody"
_GUIDANCE = "guidance for a whole region without areas or levels: operators read it, nobody is told by us"
_OLD = "Old scheme in parallel until about 2028, read only with DAIJOBU_JMA_WARNING_FAMILY=old: "

TYPES: Final = (
    TelegramType("VXSE51", ("震度速報",), ("earthquake",), "First shaking, wide areas: tells people, at most severe"),
    TelegramType("VXSE52", ("震源に関する情報",), ("earthquake",), "Epicentre: facts of the incident, tells nobody"),
    TelegramType(
        "VXSE53",
        ("震源・震度に関する情報",),
        ("earthquake",),
        "Intensity per municipality: tells people; a silent station counts as 5-lower or more, not received",
    ),
    TelegramType("VXSE56", ("地震の活動状況等に関する情報",), (), _NOTE),
    TelegramType("VXSE60", ("地震回数に関する情報",), (), _NOTE),
    TelegramType(
        "VXSE61", ("顕著な地震の震源要素更新のお知らせ",), ("earthquake",), "Better epicentre: facts, tells nobody"
    ),
    TelegramType("VXSE62", ("長周期地震動に関する観測情報",), (), _NOTE),
    TelegramType("VXSE42", ("緊急地震速報配信テスト",), (), _EEW),
    TelegramType("VXSE43", ("緊急地震速報（警報）",), (), _EEW),
    TelegramType("VXSE44", ("緊急地震速報（予報）",), (), _EEW),
    TelegramType("VXSE45", ("緊急地震速報（地震動予報）",), (), _EEW),
    TelegramType("VTSE41", ("津波警報・注意報・予報a",), ("tsunami",), "Warning per coast: tells people"),
    TelegramType(
        "VTSE51", ("津波情報a",), ("tsunami",), "Arrival times and heights: facts, tells nobody whom VTSE41 did not"
    ),
    TelegramType("VTSE52", ("沖合の津波観測に関する情報",), ("tsunami",), "Waves offshore: facts, as VTSE51"),
    TelegramType("VYSE50", ("南海トラフ地震臨時情報",), ("nankai_trough",), _GUIDANCE),
    TelegramType("VYSE51", ("南海トラフ地震関連解説情報",), ("nankai_trough",), _GUIDANCE),
    TelegramType(
        "VYSE52", (), ("nankai_trough",), "Monthly explanation, with the title of VYSE51 and the number 200: as VYSE51"
    ),
    TelegramType("VYSE60", ("北海道・三陸沖後発地震注意情報",), ("nankai_trough",), _GUIDANCE),
    TelegramType(
        "VZSE40",
        ("地震・津波に関するお知らせ",),
        ("quake_notice",),
        "Outages of JMA's own network: operators read it, since silence may then mean nothing",
    ),
    TelegramType(
        "VPWW55",
        ("気象警報・注意報（Ｒ０６）（大雨）",),
        ("heavy_rain",),
        f"Heavy rain, with rivers that have no forecast of their own: {_LEVELS}",
        scheme="new",
    ),
    TelegramType(
        "VPWW56",
        ("気象警報・注意報（Ｒ０６）（土砂）", "気象警報・注意報（Ｒ０６）（土砂災害）"),
        ("landslide",),
        f"Landslide: {_LEVELS}",
        scheme="new",
    ),
    TelegramType(
        "VPWW57",
        ("気象警報・注意報（Ｒ０６）（高潮）",),
        ("storm_surge",),
        f"Storm surge: {_LEVELS}",
        scheme="new",
    ),
    TelegramType(
        "VPWW58",
        ("気象警報・注意報（Ｒ０６）（暴風）",),
        ("storm_wind",),
        "Storm and snowstorm, without a level: 特別警報 asks people, 警報 informs them, 注意報 tells nobody",
    ),
    TelegramType(
        "VPWW59", ("気象警報・注意報（Ｒ０６）（波浪）",), ("high_waves",), "High waves: only 特別警報 tells people"
    ),
    TelegramType("VPWW60", ("気象警報・注意報（Ｒ０６）（大雪）",), ("heavy_snow",), "Heavy snow: as VPWW58"),
    TelegramType(
        "VPWW61",
        ("気象警報・注意報（Ｒ０６）（その他注意報）",),
        ("other",),
        "Thunder, fog, frost and other advisories: kept, they tell nobody",
    ),
    TelegramType(
        "VPWS50",
        ("気象警報・注意報（Ｒ０６）（集約通報）",),
        (),
        "national summary of warnings that arrive one by one; over 4 MB each, never fetched",
        repeats=True,
    ),
    TelegramType("VPWP50", ("気象警報・注意報時系列情報（Ｒ０６）",), (), _OUTLOOK, repeats=True),
    TelegramType(
        "VPBS50",
        ("府県気象防災速報",),
        ("weather_bulletin",),
        "Rain bands, record rain, sudden snow: operators read it, and it is a fact of the open weather incident",
    ),
    TelegramType("VPBS51", ("府県気象防災速報（潮位）",), ("weather_bulletin",), "High tide, not sent yet: as VPBS50"),
    TelegramType(
        "VXKO",
        ("指定河川洪水予報",),
        ("river_flood",),
        "Designated rivers: each municipality of the expected inundation takes the level of its own gauge",
        numbers=range(50, 90),
    ),
    TelegramType(
        "VXSU",
        ("水位周知河川に関する情報",),
        ("river_flood",),
        "Rivers with water-level notices, not sent yet: read like VXKO",
        numbers=range(50, 60),
    ),
    TelegramType(
        "VFVO50",
        ("噴火警報・予報",),
        ("volcano",),
        "Alert level 1 to 5 per municipality: 5 and 4 tell people, below that only the mountain is closed",
    ),
    TelegramType(
        "VFVO51",
        ("火山の状況に関する解説情報",),
        (),
        "commentary on a volcano: a change of its level arrives as VFVO50",
        repeats=True,
    ),
    TelegramType("VFVO52", ("噴火に関する火山観測報",), ("volcano",), "An eruption seen: facts, no municipality"),
    TelegramType("VFVO53", ("降灰予報（定時）",), (), _ASH),
    TelegramType("VFVO54", ("降灰予報（速報）",), (), _ASH),
    TelegramType("VFVO55", ("降灰予報（詳細）",), (), _ASH),
    TelegramType("VFVO56", ("噴火速報",), ("volcano",), "It has erupted: informs the municipalities named, no level"),
    TelegramType("VFVO60", ("推定噴煙流向報",), (), _ASH),
    TelegramType("VPHW50", ("竜巻注意情報",), ("tornado",), "Tornado watch: informs people for about an hour"),
    TelegramType("VPHW51", ("竜巻注意情報（目撃情報付き）",), ("tornado",), "With a sighting: a revision of VPHW50"),
    TelegramType(
        "VPWW53",
        ("気象特別警報・警報・注意報",),
        ("heavy_rain", "landslide", "storm_surge", "river_flood"),
        _OLD + "特別警報 is level 5, 警報 3, 注意報 2; a 危険警報 hides in it as 警報",
        scheme="old",
        repeats=True,
    ),
    TelegramType(
        "VPWW54",
        ("気象警報・注意報（Ｈ２７）",),
        ("heavy_rain", "landslide", "storm_surge", "river_flood"),
        _OLD + "the same warnings once more, one thread with VPWW53",
        scheme="old",
        repeats=True,
    ),
    TelegramType(
        "VXWW50", ("土砂災害警戒情報",), ("landslide",), _OLD + "landslide level 4", scheme="old", repeats=True
    ),
    TelegramType("VPOA50", ("記録的短時間大雨情報",), (), _REPEATED, repeats=True),
    TelegramType("VPNO50", ("気象特別警報報知",), (), _REPEATED, repeats=True),
    TelegramType("VPRN50", ("大雨危険度通知",), (), "ended on 28 May 2026", repeats=True),
    TelegramType("VPZJ50", ("全般気象情報",), (), _TEXT),
    TelegramType("VPCJ50", ("地方気象情報",), (), _TEXT),
    TelegramType("VPFJ50", ("府県気象情報",), (), _TEXT),
    TelegramType("VPZJ51", ("全般気象解説情報",), (), _TEXT),
    TelegramType("VPCJ51", ("地方気象解説情報",), (), _TEXT),
    TelegramType("VPFJ51", ("府県気象解説情報",), (), _TEXT),
    TelegramType("VPTI51", ("全般台風情報（定型）",), (), _OUTLOOK),
    TelegramType("VPTW60", ("台風解析・予報情報（５日予報）（Ｈ３０）",), (), _OUTLOOK),
    TelegramType("VPFD51", ("府県天気予報（Ｒ１）",), (), _OUTLOOK),
    TelegramType("VPFW50", ("府県週間天気予報",), (), _OUTLOOK),
    TelegramType("VPCU51", ("地方海上警報（Ｈ２８）",), (), "warning for ships at sea: nobody lives there"),
    TelegramType("VGSK55", ("生物季節観測",), (), "blossoms and first swallows: no hazard"),
)  # fmt: skip

#: A type with one of these prefixes that the table does not know may be a new kind of warning: it is fetched.
_WARNING_PREFIXES: Final = frozenset({"VXSE", "VTSE", "VYSE", "VZSE", "VPWW", "VXWW", "VPBS", "VPHW", "VPNO", "VFVO"})
_NOT_CHOSEN: Final = {
    "old": "old warning scheme, sent in parallel until about 2028: the same hazard arrives as VPWW55-57 or VXKO",
    "new": "new warning scheme, not read with DAIJOBU_JMA_WARNING_FAMILY=old: the same arrives as VPWW53/54 or VXWW50",
}
_FILE_TYPE: Final = re.compile(r"_([A-Z]{4}\d{2})_")


def plain(title: str) -> str:
    """A title with full-width letters, digits and brackets made ASCII and without blanks, for table look-up.

    >>> plain("気象警報・注意報（Ｒ０６）（大雨）")
    '気象警報・注意報(R06)(大雨)'
    """
    return "".join(unicodedata.normalize("NFKC", title).split())


_BY_TITLE: Final = {plain(title): kind for kind in TYPES for title in kind.titles}
_BY_FILE: Final = {
    code: kind
    for kind in TYPES
    for code in ([f"{kind.code}{n}" for n in kind.numbers] if kind.numbers else [kind.code])
}


def type_of_title(title: str) -> TelegramType | None:
    """The type of a Control/Title, whatever its letters' width; None if we have never heard of it."""
    return _BY_TITLE.get(plain(title))


def why_ignored(kind: TelegramType, scheme: WarningScheme) -> str | None:
    """Why a type makes no event under the chosen warning scheme; None if it does."""
    if not kind.hazards:
        return kind.why
    if kind.scheme is not None and kind.scheme != scheme:
        return _NOT_CHOSEN[kind.scheme]
    return None


def is_repeated(title: str) -> bool:
    """Whether the warnings of a telegram that we ignore reach us by another type: then it has nothing to raise."""
    kind = type_of_title(title)
    return kind is not None and (kind.repeats or kind.scheme is not None)


def type_of_url(url: str) -> str | None:
    """The type code in a body's file name (YYYYMMDDhhmmss_N_TTTTii_OOOOOO.xml), or None if it has none."""
    found = _FILE_TYPE.search(url.rsplit("/", 1)[-1])
    return found.group(1) if found else None


def wanted(type_code: str, scheme: WarningScheme = "new") -> bool:
    """Whether a body of this type code (as in file names, e.g. VXKO52) is worth fetching.

    A type that we do not know is, if its name begins like a warning's: new types come without notice.
    """
    kind = _BY_FILE.get(type_code)
    if kind is None:
        return type_code[:4] in _WARNING_PREFIXES
    return why_ignored(kind, scheme) is None
