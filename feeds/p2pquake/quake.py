"""Code 551: earthquake reports of JMA (VXSE51, 52, 53) as P2PQuake relays them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.model import INTENSITIES, Area, Event, Hypocenter, MessageType, Status, level_rank
from feeds.p2pquake.item import P2PItem, mapping, objects, time_of
from feeds.p2pquake.names import Names
from feeds.untrusted import number, point, words

TYPE = "P2P551"

#: issue.type -> JMA's name of the report it relays.
TITLE = {
    "ScalePrompt": "震度速報",
    "Destination": "震源に関する情報",
    "ScaleAndDestination": "震度・震源に関する情報",
    "DetailScale": "各地の震度に関する情報",
    "Foreign": "遠地地震に関する情報",
    "Other": "その他の情報",
}
SCALE = dict(zip((10, 20, 30, 40, 45, 50, 55, 60, 70), INTENSITIES, strict=True))
#: 震度5弱以上未入電: 5-lower or more is assumed, the figure has not come in.
NOT_RECEIVED = 46
#: earthquake.domesticTsunami in JMA's words; for operators.
TSUNAMI_WORDS = {
    "None": "津波の心配なし",
    "Unknown": "津波：不明",
    "Checking": "津波：調査中",
    "NonEffective": "若干の海面変動",
    "Watch": "津波注意報",
    "Warning": "津波予報（種類不明）",
}


def parse_quake(item: P2PItem) -> Event:
    """The event of one 551. Raises UnreadableReport naming what is missing."""
    where = "P2PQuake 551"
    issue = mapping(item.data, "issue", where)
    quake = mapping(item.data, "earthquake", where)
    occurred_at = time_of(quake.get("time"), f"{where}: earthquake.time")
    kind = words(issue.get("type"), 40) or "Other"
    areas, unknown = read_points(objects(item.data, "points", where), Names.load())
    strongest = max((area.level for area in areas), key=level_rank, default=None)
    title = TITLE.get(kind, kind)
    correct = words(issue.get("correct"), 40)
    return Event(
        source="p2pquake",
        type=TYPE,
        hazard="earthquake",
        status=Status.ACTUAL,
        # A relay never takes anything back: that is for JMA's own telegram.
        message_type=MessageType.ISSUE if correct in ("", "None", "Unknown") else MessageType.UPDATE,
        # The origin minute is all that the reports of one quake share; one thread per kind, as with JMA.
        thread=f"{TYPE}:{kind}:{occurred_at:%Y%m%d%H%M}",
        event_ids=(f"p2pquake:{occurred_at:%Y%m%d%H%M}",),
        issued_at=item.issued_at,
        sent_at=item.passed_at,
        title=title,
        headline=title if strongest is None else f"{title}：最大震度{strongest}",
        office=words(issue.get("source"), 60),
        occurred_at=occurred_at,
        hypocenter=read_hypocenter(quake),
        areas=areas,
        text=_text(item.data, quake, unknown),
        notes=_notes(correct, unknown),
    )


def read_hypocenter(quake: Mapping[str, Any]) -> Hypocenter | None:
    """Where and how strong; None where nothing is known. Unknown is written as -200 (degrees) and -1."""
    place = quake.get("hypocenter")
    if not isinstance(place, dict):
        return None
    name = words(place.get("name"), 100)
    lat, lon = point(number(place.get("latitude")), number(place.get("longitude")))
    depth, magnitude = number(place.get("depth")), number(place.get("magnitude"))
    if not name and lat is None:
        return None
    return Hypocenter(
        name=name,
        lat=lat,
        lon=lon,
        depth_km=None if depth is None or depth < 0 else depth,
        magnitude=None if magnitude is None or magnitude < 0 else magnitude,
    )


def read_points(points: list[Mapping[str, Any]], names: Names) -> tuple[tuple[Area, ...], list[str]]:
    """(areas with their intensity, names without a code or a known scale). Stations become municipalities.

    A municipality counts with the strongest of its stations, a quake area (where only stations are given) with the
    strongest of its municipalities, as JMA defines both.
    """
    scales: dict[tuple[str, str], list[Any]] = {}
    unknown: list[str] = []
    for each in points:
        name, pref, scale = words(each.get("addr"), 100), words(each.get("pref"), 20), each.get("scale")
        wide = each.get("isArea") is True
        code = names.quake_area(name) if wide else names.city_of_station(pref, name)
        if not isinstance(scale, int) or (scale not in SCALE and scale != NOT_RECEIVED):
            if scale != -1:
                unknown.append(f"{pref} {name} ({scale!r:.20})")
        elif code is None:
            unknown.append(f"{pref} {name} ({SCALE.get(scale, '5弱以上未入電')})")
        else:
            scales.setdefault(("jma.quake_area" if wide else "jma.city", code), []).append(scale)
    # Only beside its municipalities: an area that is given by itself stays as it is given.
    if not any(each.get("isArea") is True for each in points):
        for (_, city), found in list(scales.items()):
            scales.setdefault(("jma.quake_area", names.area_of_city[city]), []).extend(found)
    areas = [_area(scheme, code, found, names) for (scheme, code), found in scales.items()]
    return tuple(sorted(areas, key=lambda area: (area.scheme, area.code))), unknown


def _area(scheme: str, code: str, scales: list[int], names: Names) -> Area:
    level = max((SCALE[scale] for scale in scales if scale in SCALE), key=level_rank, default=None)
    not_received = NOT_RECEIVED in scales and level_rank(level) < level_rank("5-")
    return Area(
        scheme=scheme,
        code=code,
        name=names.name_of(scheme, code),
        level="5-" if not_received else level,
        not_received=not_received,
        parent=names.area_of_city[code] if scheme == "jma.city" else "",
    )


def _text(data: Mapping[str, Any], quake: Mapping[str, Any], unknown: list[str]) -> str:
    lines = []
    tsunami = words(quake.get("domesticTsunami"), 40)
    if tsunami:
        lines.append(TSUNAMI_WORDS.get(tsunami, tsunami))
    comments = data.get("comments")
    if isinstance(comments, dict) and (free := words(comments.get("freeFormComment"), 2000)):
        lines.append(free)
    if unknown:
        lines.append(f"コード不明：{listed(unknown)}")
    return "\n".join(lines)


def _notes(correct: str, unknown: list[str]) -> tuple[str, ...]:
    notes = []
    if correct not in ("", "None", "Unknown"):
        notes.append(f"P2PQuake marks this as a correction ({correct}); only JMA's own telegram corrects.")
    if unknown:
        notes.append(f"No code of ours for {len(unknown)} names: {listed(unknown)}.")
    return tuple(notes)


def listed(names: list[str]) -> str:
    """The first twenty names, and how many more there are."""
    return "; ".join(names[:20]) + (f"; +{len(names) - 20}" if len(names) > 20 else "")
