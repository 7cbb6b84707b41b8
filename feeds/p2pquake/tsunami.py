"""Code 552: tsunami warnings of JMA (VTSE41) as P2PQuake relays them. It can begin a warning for us, never end one."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.model import TSUNAMI_LEVELS, UNKNOWN_KIND, Area, Event, MessageType, Status, Tier, UnreadableReport
from feeds.p2pquake.item import JST, P2PItem, mapping, objects
from feeds.p2pquake.names import Names
from feeds.p2pquake.quake import listed
from feeds.untrusted import words

TYPE = "P2P552"

#: grade -> (level, tier, JMA's name of the warning).
GRADE = {
    "MajorWarning": ("major_warning", Tier.SPECIAL, "大津波警報"),
    "Warning": ("warning", Tier.WARNING, "津波警報"),
    "Watch": ("advisory", Tier.ADVISORY, "津波注意報"),
}
#: The note that operators get instead of a cancellation.
CANCELLED = "p2pquake says cancelled"


def parse_tsunami(item: P2PItem) -> Event:
    """The event of one 552: a national snapshot. Raises UnreadableReport naming what is missing."""
    where = "P2PQuake 552"
    issue = mapping(item.data, "issue", where)
    cancelled = item.data.get("cancelled")
    if not isinstance(cancelled, bool):
        raise UnreadableReport(f"{where}: cancelled is missing or neither true nor false")
    areas, unknown = _areas(item, where)
    notes = []
    if cancelled:
        # Only JMA's own telegram ends a warning: nobody is told, and whoever was told stays warned.
        areas = ()
        notes.append(f"{CANCELLED}: nothing ends before JMA's own telegram says so; look for it.")
    if unknown:
        notes.append(f"No code of ours for {len(unknown)} areas: {listed(unknown)}.")
    if strange := sorted({grade for grade in _grades(item) if grade not in (*GRADE, "Unknown", "")}):
        notes.append(f"{UNKNOWN_KIND}: tsunami grade {', '.join(strange)}")
    worst = max(areas, key=lambda area: TSUNAMI_LEVELS.index(str(area.level)), default=None)
    headline = "津波予報の解除（P2PQuakeによる）" if cancelled else "津波予報" if worst is None else worst.kind
    return Event(
        source="p2pquake",
        type=TYPE,
        hazard="tsunami",
        status=Status.ACTUAL,
        message_type=MessageType.UPDATE if cancelled else MessageType.ISSUE,
        thread=f"{TYPE}:{_day(item.issued_at)}",
        # It names no quake. The day and the one before: a warning that lasts past midnight stays one matter.
        event_ids=tuple(f"p2pquake:tsunami:{_day(item.issued_at - timedelta(days=ago))}" for ago in (0, 1)),
        issued_at=item.issued_at,
        sent_at=item.passed_at,
        title="津波予報",
        headline=headline,
        office=words(issue.get("source"), 60),
        areas=areas,
        text="" if not unknown else f"コード不明：{listed(unknown)}",
        notes=tuple(notes),
    )


def _grades(item: P2PItem) -> list[str]:
    return [words(each.get("grade"), 40) for each in objects(item.data, "areas", "P2PQuake 552")]


def _day(when: datetime) -> str:
    return f"{when.astimezone(JST):%Y%m%d}"


def _areas(item: P2PItem, where: str) -> tuple[tuple[Area, ...], list[str]]:
    """(areas with their warning, those without a code or a known grade)."""
    names = Names.load()
    found: dict[str, Area] = {}
    unknown: list[str] = []
    for each in objects(item.data, "areas", where):
        name, grade = words(each.get("name"), 100), words(each.get("grade"), 40)
        code = names.tsunami_area(name)
        if code is None or grade not in GRADE:
            unknown.append(f"{name} ({grade or '?'})")
            continue
        level, tier, kind = GRADE[grade]
        area = Area("jma.tsunami_area", code, name=name, kind=kind, level=level, tier=tier)
        before = found.get(code)
        if before is None or TSUNAMI_LEVELS.index(str(before.level)) < TSUNAMI_LEVELS.index(level):
            found[code] = area
    return tuple(sorted(found.values(), key=lambda area: area.code)), unknown
