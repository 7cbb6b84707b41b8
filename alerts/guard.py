"""What must not go out before a person has looked at it. Pure; what is held waits for two people.

An official telegram that is matched by its own codes is never held for how many people it reaches: on 16 April 2016 at
01:25 that was nearly everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from alerts.decision import MANUAL, POLYGON, AlertPlan, Geography, RatedArea, Tell
from core.model import AreaCode, Event
from geo.rivers import SCHEME, river_of

#: A report from the future by more than this is held: a clock or a document is wrong.
MAX_FUTURE: Final = timedelta(minutes=2)
#: A warning this old is not news to anybody; it is held for a person to look at.
MAX_WARNING_AGE: Final = timedelta(hours=48)
#: So few people are never "a large share": in a registry of ten, one family is.
FEW_PEOPLE: Final = 10


def why_held(event: Event, plans: Iterable[AlertPlan], now: datetime, geography: Geography) -> str | None:
    """Why these alerts must wait for people, as far as the event itself shows; None: they may go."""
    plans = tuple(plans)
    return why_impossible(event, now) or why_outside(event, plans, geography) or _why_polygons(plans, geography)


def why_impossible(event: Event, now: datetime) -> str | None:
    """A time that cannot be: in the future, or so long ago that it warns of nothing."""
    if event.issued_at - now > MAX_FUTURE or event.sent_at - now > MAX_FUTURE:
        return f"impossible time: issued {event.issued_at.isoformat()}, which is in the future"
    if now - event.issued_at > MAX_WARNING_AGE:
        return f"impossible time: issued {event.issued_at.isoformat()}, more than {MAX_WARNING_AGE} ago"
    return None


def why_outside(event: Event, plans: Iterable[AlertPlan], geography: Geography) -> str | None:
    """An area that the report does not name, nor holds as a silent municipality of a quake area that it names, nor as
    the flood areas of a river that it names.

    Only for people who are newly told: a correction goes to those who were told, wherever they are.
    """
    named = {AreaCode(a.scheme, a.code) for a in event.areas}
    for rated in (r for plan in plans if plan.tell is Tell.MATCHED for r in plan.areas):
        area, silent_in = rated.area, AreaCode("jma.quake_area", rated.area.parent)
        if area.scheme == POLYGON or AreaCode(area.scheme, area.code) in named:
            continue
        if area.scheme == SCHEME and AreaCode("jma.river", river_of(area.code)) in named:
            continue
        if not rated.announced and silent_in in named and area.code in geography.cities_of(area.parent):
            continue
        return f"outside the telegram: {area.scheme} {area.code} {area.name} is no area of it".replace("  ", " ")
    return None


def shapes_of(areas: Iterable[RatedArea]) -> list[Mapping[str, Any]]:
    """The polygons among these areas (GeoJSON, WGS84)."""
    return [rated.shape for rated in areas if rated.shape is not None]


def _why_polygons(plans: Sequence[AlertPlan], geography: Geography) -> str | None:
    """A polygon that is too large or broken would call the wrong people."""
    for plan in plans:
        shapes = shapes_of(plan.areas)
        reason = geography.why_unusable(shapes) if shapes else None
        if reason is not None:
            return reason
    return None


def must_count(event: Event, plans: Iterable[AlertPlan]) -> bool:
    """Whether how many people are reached decides: for what people send by hand, and for polygons without codes."""
    return any(
        plan.tell is Tell.MATCHED and (event.source == MANUAL or any(r.shape is not None for r in plan.areas))
        for plan in plans
    )


def why_share(event: Event, reached: int, registry: int, share: float) -> str | None:
    """Why an alert waits that would reach `reached` of the `registry` people we may tell; None: it may go.

    `share`: setting DAIJOBU_MANUAL_SHARE, 0 to 1.
    """
    if reached < FEW_PEOPLE or reached <= share * registry:
        return None
    what = "a manual alert" if event.source == MANUAL else "polygons without area codes"
    return f"{what} would reach {reached} of {registry} people, more than {share:.0%}"
