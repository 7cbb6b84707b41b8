"""Build JMA telegrams from a scenario's facts, so that demo and drills go through the real parser.

The structure follows JMA's published XML format (地震火山関連 XML 電文解説資料):
VXSE51 震度速報 and VXSE53 震源・震度情報.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from lxml import etree

from core.clock import JST
from core.model import INTENSITIES
from demo.scenario import NOT_RECEIVED, QuakeArea, Scenario

REPORT = "http://xml.kishou.go.jp/jmaxml1/"
HEAD = "http://xml.kishou.go.jp/jmaxml1/informationBasis1/"
BODY = "http://xml.kishou.go.jp/jmaxml1/body/seismology1/"
BASIS = "http://xml.kishou.go.jp/jmaxml1/elementBasis1/"

_TITLES = {"VXSE51": ("震度速報", "震度速報"), "VXSE53": ("震源・震度に関する情報", "震源・震度情報")}
_JA_INTENSITY = {
    "5-": "５弱",
    "5+": "５強",
    "6-": "６弱",
    "6+": "６強",
    "7": "７",
    "4": "４",
    "3": "３",
    "2": "２",
    "1": "１",
}
#: 震度速報 names areas from this intensity up.
_FLASH_FROM = "3"
_COMMENTS = {
    "0215": "この地震による津波の心配はありません。",
    "0217": "今後の情報に注意してください。",
    "0241": "この地震について、緊急地震速報を発表しています。",
    "0262": "＊印は気象庁以外の震度観測点についての情報です。",
}


def build_report(scenario: Scenario, report_type: str, occurred_at: datetime) -> bytes:
    """One telegram of the scenario as UTF-8 XML, as if the quake had happened at `occurred_at`.

    Raises KeyError for a type the scenario has no report of.
    """
    after = dict(scenario.reports)[report_type]
    sent = occurred_at + after
    event_id = occurred_at.astimezone(JST).strftime("%Y%m%d%H%M%S")
    root = etree.Element(f"{{{REPORT}}}Report", nsmap={None: REPORT, "jmx_eb": BASIS})
    _control(root, _TITLES[report_type][0], sent)
    _head(root, scenario, report_type, event_id, occurred_at, sent)
    body = etree.SubElement(root, f"{{{BODY}}}Body", nsmap={None: BODY})
    if report_type == "VXSE53":
        _earthquake(body, scenario, occurred_at)
    observation = _sub(_sub(body, "Intensity"), "Observation")
    _sub(observation, "MaxInt", max((a.max for a in scenario.quake_areas), key=INTENSITIES.index))
    _intensities(observation, scenario, with_cities=report_type == "VXSE53")
    comments = _sub(body, "Comments")
    _comment(comments, "ForecastComment", scenario.comments["forecast"] if report_type == "VXSE53" else ["0217"])
    if report_type == "VXSE53":
        _comment(comments, "VarComment", scenario.comments["variable"])
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _sub(
    parent: etree._Element, name: str, text: str | None = None, ns: str = BODY, **attributes: str
) -> etree._Element:
    child = etree.SubElement(parent, f"{{{ns}}}{name}", attrib=attributes)
    child.text = text
    return child


def _control(root: etree._Element, title: str, sent: datetime) -> None:
    control = _sub(root, "Control", ns=REPORT)
    _sub(control, "Title", title, ns=REPORT)
    _sub(control, "DateTime", sent.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), ns=REPORT)
    _sub(control, "Status", "通常", ns=REPORT)
    _sub(control, "EditorialOffice", "気象庁本庁", ns=REPORT)
    _sub(control, "PublishingOffice", "気象庁", ns=REPORT)


def _head(
    root: etree._Element, scenario: Scenario, report_type: str, event_id: str, occurred: datetime, sent: datetime
) -> None:
    head = etree.SubElement(root, f"{{{HEAD}}}Head", nsmap={None: HEAD})
    local = occurred.astimezone(JST)
    reported = sent.astimezone(JST).replace(second=0, microsecond=0).isoformat()
    _sub(head, "Title", _TITLES[report_type][1], ns=HEAD)
    _sub(head, "ReportDateTime", reported, ns=HEAD)
    _sub(head, "TargetDateTime", reported, ns=HEAD)
    _sub(head, "EventID", event_id, ns=HEAD)
    _sub(head, "InfoType", "発表", ns=HEAD)
    _sub(head, "Serial", "1" if report_type == "VXSE53" else "", ns=HEAD)
    _sub(head, "InfoKind", "地震情報" if report_type == "VXSE53" else "震度速報", ns=HEAD)
    _sub(head, "InfoKindVersion", "1.0_1", ns=HEAD)
    headline = _sub(head, "Headline", ns=HEAD)
    words = f"{local.day}日{local.hour}時{local.minute:02d}分ころ、地震がありました。"
    _sub(headline, "Text", words.translate(str.maketrans("0123456789", "０１２３４５６７８９")), ns=HEAD)
    information = _sub(headline, "Information", ns=HEAD, type=f"{_TITLES[report_type][0]}（細分区域）")
    by_level: dict[str, list[QuakeArea]] = defaultdict(list)
    for area in scenario.quake_areas:
        if INTENSITIES.index(area.max) >= INTENSITIES.index(_FLASH_FROM):
            by_level[area.max].append(area)
    for level in sorted(by_level, key=INTENSITIES.index, reverse=True):
        item = _sub(information, "Item", ns=HEAD)
        _sub(_sub(item, "Kind", ns=HEAD), "Name", f"震度{_JA_INTENSITY[level]}", ns=HEAD)
        areas = _sub(item, "Areas", ns=HEAD, codeType="地震情報／細分区域")
        for area in by_level[level]:
            entry = _sub(areas, "Area", ns=HEAD)
            _sub(entry, "Name", area.area[1], ns=HEAD)
            _sub(entry, "Code", area.area[0], ns=HEAD)


def _earthquake(body: etree._Element, scenario: Scenario, occurred: datetime) -> None:
    quake = _sub(body, "Earthquake")
    minute = occurred.astimezone(JST).replace(second=0, microsecond=0).isoformat()
    _sub(quake, "OriginTime", minute)
    _sub(quake, "ArrivalTime", minute)
    place = scenario.hypocenter
    area = _sub(_sub(quake, "Hypocenter"), "Area")
    _sub(area, "Name", place["name"])
    _sub(area, "Code", place["code"], type="震央地名")
    attributes = {"datum": place["datum"]} if "datum" in place else {}
    coordinate = f"{place['lat']:+g}{place['lon']:+g}-{place['depth_km'] * 1000:g}/"
    _sub(area, "Coordinate", coordinate, ns=BASIS, description="", **attributes)
    _sub(quake, "Magnitude", f"{place['magnitude']:.1f}", ns=BASIS, type="Mj", description="")


def _intensities(observation: etree._Element, scenario: Scenario, *, with_cities: bool) -> None:
    prefectures: dict[tuple[str, str], list[QuakeArea]] = defaultdict(list)
    for area in scenario.quake_areas:
        if with_cities or INTENSITIES.index(area.max) >= INTENSITIES.index(_FLASH_FROM):
            prefectures[area.pref].append(area)
    for (code, name), areas in prefectures.items():
        pref = _named(observation, "Pref", code, name)
        _sub(pref, "MaxInt", max((a.max for a in areas), key=INTENSITIES.index))
        for area in areas:
            entry = _named(pref, "Area", *area.area)
            _sub(entry, "MaxInt", area.max)
            if with_cities:
                for level, cities in area.cities.items():
                    for city_code, city_name in cities:
                        city = _named(entry, "City", city_code, city_name)
                        if level == NOT_RECEIVED:
                            _sub(city, "Condition", "震度５弱以上未入電")
                        else:
                            _sub(city, "MaxInt", level)


def _named(parent: etree._Element, tag: str, code: str, name: str) -> etree._Element:
    element = _sub(parent, tag)
    _sub(element, "Name", name)
    _sub(element, "Code", code)
    return element


def _comment(comments: etree._Element, tag: str, codes: list[str]) -> None:
    element = _sub(comments, tag, codeType="固定付加文")
    _sub(element, "Text", "\n".join(_COMMENTS[code] for code in codes))
    _sub(element, "Code", " ".join(codes))
