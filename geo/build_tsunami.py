"""Which coastal municipality belongs to which tsunami forecast area (津波予報区). Build time only; pure.

JMA flags the municipalities with a storm-surge or wave criterion, which is every one with a coast, but publishes no
machine-readable table municipality -> tsunami area. Prefectures with one area need none; the others are cut here by
JMA's own sub-prefecture areas (class10) and, for islands and capes, by municipality. Where a municipality may touch two
areas it gets both: an alert too many is repaired by reading it, one too few is not.
"""

from __future__ import annotations

#: Prefectures with exactly one tsunami area.
_WHOLE: dict[str, str] = {
    "03": "210", "04": "220", "05": "230", "06": "240", "07": "250", "08": "300", "16": "350", "18": "370", "22": "380",
    "26": "500", "27": "510", "30": "530", "31": "540", "33": "560", "34": "570", "36": "580", "37": "590", "39": "610",
    "45": "760",
}  # fmt: skip

#: class10 -> areas, for prefectures cut by sub-prefecture area.
_BY_CLASS10: dict[str, tuple[str, ...]] = {
    "011000": ("110", "120"),  # 宗谷: Sea of Japan and Okhotsk
    "012010": ("110",), "012020": ("110",),
    "013010": ("120",), "013020": ("120",), "013030": ("120",),
    "014010": ("100", "120"),  # 根室: the strait coast is near the Okhotsk border
    "014020": ("100",), "014030": ("101",),
    "015010": ("101", "102"),  # 胆振
    "015020": ("101",),
    "016010": ("110",), "016020": ("110",), "016030": ("110", "111"),
    "017010": ("102", "111"),  # 渡島: Pacific and Sea of Japan
    "017020": ("111",),
    "020010": ("200", "202"), "020020": ("200", "201", "202"), "020030": ("201", "202"),
    "120010": ("312",), "120020": ("310",), "120030": ("310", "311", "312"),
    "130010": ("312",), "130020": ("320",), "130030": ("320",), "130040": ("321",),
    "140010": ("312", "330"), "140020": ("330",),
    "150010": ("340",), "150020": ("340",), "150030": ("340",), "150040": ("341",),
    "170010": ("361",), "170020": ("360",),
    "230010": ("391",), "230020": ("391",),
    "240010": ("391",), "240020": ("391", "400"),
    "280010": ("521",), "280020": ("520",),
    "320010": ("550",), "320020": ("550",), "320030": ("551",),
    "350010": ("700", "701"), "350020": ("701",), "350030": ("701",), "350040": ("700",),
    "380010": ("601",), "380020": ("601",), "380030": ("600", "601"),
    "400010": ("711",), "400020": ("710", "711"), "400030": ("710",), "400040": ("712",),
    "410010": ("712",), "410020": ("720",),
    "420010": ("712", "730"), "420020": ("730",), "420030": ("731",), "420040": ("730",),
    "430010": ("712",), "430030": ("712",),
    "440010": ("750", "751"), "440020": ("750",), "440040": ("751",),
    "460010": ("770", "773"), "460020": ("770",), "460030": ("771",), "460040": ("772",),
    "471010": ("800",), "471020": ("800",), "471030": ("800",), "472000": ("801",),
    "473000": ("802",), "474010": ("802",), "474020": ("802",),
}  # fmt: skip

#: Municipalities (JIS) that differ from their class10.
_BY_JIS: dict[str, tuple[str, ...]] = {
    "23201": ("390", "391"), "23231": ("390", "391"),  # 豊橋, 田原: open sea and Mikawa bay
    "28205": ("521", "522"), "28224": ("521", "522"), "28226": ("521", "522"),  # Awaji island
    "43215": ("712", "740"), "43531": ("712", "740"),  # 天草, 苓北
    "46303": ("770", "771", "773"),  # 三島村: islands south of Satsuma
}  # fmt: skip

#: Prefectures that touch the sea nowhere: a surge flag there is a tidal river.
_INLAND = frozenset({"09", "10", "11", "19", "20", "21", "25", "29"})

#: English names of the tsunami forecast areas, after JMA's wording in its English tsunami bulletins.
ENGLISH: dict[str, str] = {
    "100": "Eastern part of Hokkaido Pacific Coast", "101": "Central part of Hokkaido Pacific Coast",
    "102": "Western part of Hokkaido Pacific Coast", "110": "Northern part of Hokkaido Japan Sea Coast",
    "111": "Southern part of Hokkaido Japan Sea Coast", "120": "Okhotsk Sea Coast",
    "191": "Hokkaido Pacific Coast", "192": "Hokkaido Japan Sea Coast",
    "200": "Japan Sea Coast of Aomori", "201": "Pacific Coast of Aomori", "202": "Mutsu Bay",
    "291": "Tohoku Pacific Coast", "292": "Tohoku Japan Sea Coast",
    "310": "Kujukuri and Sotobo Area, Chiba", "311": "Uchibo Area, Chiba", "312": "Tokyo Bay",
    "320": "Izu Islands", "321": "Ogasawara Islands", "330": "Sagami Bay and Miura Peninsula",
    "340": "Joetsu, Chuetsu and Kaetsu Areas, Niigata", "341": "Sado Island",
    "360": "Noto, Ishikawa", "361": "Kaga, Ishikawa", "390": "Pacific Coast of Aichi", "391": "Ise and Mikawa Bays",
    "400": "Southern part of Mie", "491": "Kanto Area", "492": "Izu and Ogasawara Islands", "493": "Hokuriku Area",
    "494": "Tokai Area", "520": "Northern part of Hyogo", "521": "Seto Inland Sea Coast of Hyogo",
    "522": "Southern part of Awaji Island", "550": "Izumo and Iwami, Shimane", "551": "Oki Islands",
    "600": "Uwakai Coast, Ehime", "601": "Seto Inland Sea Coast of Ehime",
    "691": "Pacific Coast of Kinki and Shikoku", "692": "Japan Sea Coast of Kinki and Chugoku",
    "693": "Seto Inland Sea Coast", "700": "Japan Sea Coast of Yamaguchi",
    "701": "Seto Inland Sea Coast of Yamaguchi", "710": "Seto Inland Sea Coast of Fukuoka",
    "711": "Japan Sea Coast of Fukuoka", "712": "Ariake and Yatsushiro Seas", "720": "Northern part of Saga",
    "730": "Western part of Nagasaki", "731": "Iki and Tsushima Islands", "740": "Amakusanada Coast of Kumamoto",
    "750": "Seto Inland Sea Coast of Oita", "751": "Bungo Channel Coast of Oita",
    "770": "Eastern part of Kagoshima", "771": "Tanegashima and Yakushima Area",
    "772": "Amami and Tokara Islands", "773": "Western part of Kagoshima", "791": "Eastern Kyushu",
    "792": "Western Kyushu", "793": "Satsunan Islands", "800": "Okinawa Main Island Area",
    "801": "Daitojima Area", "802": "Miyakojima and Yaeyama Area", "891": "Okinawa",
}  # fmt: skip


def tsunami_areas(jis: str, class10s: frozenset[str]) -> tuple[str, ...]:
    """Tsunami forecast areas of a coastal municipality, sorted.

    `jis` has five digits, `class10s` are the sub-prefecture areas it lies in (several where it is split). Raises
    ValueError for a coast this table does not cover, so that a new code stops the build instead of losing people.
    """
    prefecture = jis[:2]
    if prefecture in _INLAND:
        return ()
    if jis in _BY_JIS:
        return _BY_JIS[jis]
    if prefecture in _WHOLE:
        return (_WHOLE[prefecture],)
    missing = sorted(c for c in class10s if c not in _BY_CLASS10)
    if missing or not class10s:
        raise ValueError(f"municipality {jis}: no tsunami area is known for the coast of class10 {missing or 'none'}")
    return tuple(sorted({area for c in class10s for area in _BY_CLASS10[c]}))
