"""/map: an incident on a map, with what was issued for each municipality, the viewer's own numbers, and a table."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from aiohttp import web
from markupsafe import Markup

from checkin.dashboard_store import Incident, incidents, incidents_of, supervised_ids
from checkin.map_store import cases_by_town, standing_events, standings_by_town, told_by_town
from checkin.map_view import (
    Numbers,
    Table,
    asked_frame,
    board_numbers,
    first_frame,
    fits_shelters,
    marks_of,
    own_numbers,
    places_in,
    polygons_of,
    reports_of,
    standing,
    table,
    told_numbers,
    wards_of,
    with_drawn,
)
from checkin.map_words import map_words, said_words, title_of
from checkin.pages_web import page_language
from core.audit import audit
from core.clock import date_in_japan
from core.db import Connection, transaction
from core.model import Event, Purpose, Role
from core.web import Route, path_id, render, see_other, site, staff
from geo.areas import Areas
from geo.map_frame import REGION, Frame, full_name_of, name_of, regions
from geo.map_levels import by_region, levels_on
from geo.map_polygons import Drawn, drawn_of
from geo.map_scale import Said, Scale
from geo.map_svg import Spot, draw
from geo.shapes import Shapes
from geo.shelters import Shelter, kind_for
from geo.shelters_store import shelters_in
from registry.listening_web import silent_feeds
from registry.sessions import Staff, staff_of

_FOLLOWING: Final = (Role.COORDINATOR, Role.VOLUNTEER)
#: Lines of the table of shelters; a city has hundreds.
SHELTERS_LISTED: Final = 200


async def newest(request: web.Request) -> web.Response:
    """GET /map: the map of the incident that matters now; ?purpose=drill: of a drill."""
    me = staff_of(request)
    asked = request.query.get("purpose", "")
    async with transaction(site(request).pool) as conn:
        found = await _incidents(request, conn, me)
        found = [i for i in found if i.purpose.value == asked] or found
        if found:
            return see_other(f"/map/{found[0].id}")
        stale = await silent_feeds(request, conn)
    return render(request, "map_none.html", lang=page_language(request), stale=stale, incident=None)


async def _incidents(request: web.Request, conn: Connection, me: Staff) -> list[Incident]:
    """The incidents the viewer may see: as on the own dashboard; coordinators, those that are open."""
    if me.role is Role.OPERATOR:
        return await incidents(conn)
    if me.role in _FOLLOWING:
        return [incident for incident in await incidents(conn) if incident.closed_at is None]
    day = date_in_japan(site(request).clock.now())
    orgs = await supervised_ids(conn, me.org_id) if me.role is Role.SUPERVISING else [me.org_id]
    return await incidents_of(conn, orgs, day)


@dataclass(frozen=True, slots=True)
class _Read:
    """What a page is made of: everything that had to be read."""

    events: list[Event]
    unreadable: int
    numbers: Numbers
    #: Operator: people told in all; None also where that is hidden.
    total: int | None


async def _read(request: web.Request, conn: Connection, me: Staff, incident: Incident) -> _Read:
    """The newest reports and the viewer's own numbers, with the audit row of having read them."""
    now, areas = site(request).clock.now(), Areas.load()
    found, unreadable = await standing_events(conn, incident.id)
    total = None
    if me.role is Role.OPERATOR:
        numbers, total = told_numbers(await told_by_town(conn, incident.id), areas)
    elif me.role in _FOLLOWING:
        numbers = board_numbers(await cases_by_town(conn, incident.purpose), areas)
    else:
        orgs = await supervised_ids(conn, me.org_id) if me.role is Role.SUPERVISING else [me.org_id]
        numbers = own_numbers(await standings_by_town(conn, incident.id, orgs, date_in_japan(now)), areas)
    await audit(conn, me.actor, "map.read", at=now, incident_id=incident.id, fields=["totals"])
    return _Read(standing(found), unreadable, numbers, total)


async def incident_map(request: web.Request) -> web.Response:
    """GET /map/<incident>: the map and its table. `?area=` codes (map_view.asked_frame), `?scale=`, `?shelters=1`."""
    me = staff_of(request)
    incident_id = path_id(request, "incident_id")
    area = request.query.get("area", "")
    frame = await asyncio.to_thread(asked_frame, area) if area else None
    if area and frame is None:
        raise web.HTTPNotFound(text="There is no such area. Go back to the map and choose one there.")
    async with transaction(site(request).pool) as conn:
        found = await _incidents(request, conn, me)
        incident = next((i for i in found if i.id == incident_id), None)
        if incident is None:
            raise web.HTTPNotFound(text="There is no such incident among yours.")
        read = await _read(request, conn, me, incident)
        stale = await silent_feeds(request, conn)
        said = await asyncio.to_thread(_said, read.events)
        scale = _scale(request.query.get("scale", ""), said.anywhere, incident)
        if frame is None:
            first = with_drawn(said.levels, said.drawn, touched=False)
            frame = await asyncio.to_thread(first_frame, _of(first, scale), list(read.numbers.towns))
        shelters = None
        if "shelters" in request.query and fits_shelters(frame):
            shelters = await shelters_in(conn, {code[:5] for code in frame.codes}, kind_for(incident.hazard))
    return await _page(request, me, incident, found, read, said, scale, frame, stale, shelters)


@dataclass(frozen=True, slots=True)
class _Said:
    """What stands on every municipality's polygon of the country, in every scale."""

    #: For the whole of it: its colour.
    levels: dict[str, list[Said]]
    #: Areas that reports draw themselves, and how many of these cannot be drawn.
    drawn: list[Drawn]
    undrawable: int
    #: For the whole of it or for a part: what the table says.
    anywhere: dict[str, list[Said]]


def _said(events: list[Event]) -> _Said:
    levels = levels_on(Shapes.load().codes(), reports_of(events), Areas.load())
    drawn, undrawable = drawn_of(polygons_of(events))
    return _Said(levels, drawn, undrawable, with_drawn(levels, drawn))


def _of(levels: Mapping[str, list[Said]], scale: Scale | None) -> dict[str, Said]:
    return {code: one for code, said in levels.items() for one in said if one.scale is scale}


def _scale(asked: str, levels: Mapping[str, list[Said]], incident: Incident) -> Scale | None:
    """The scale to show: the one asked for, else that of the newest alert's hazard, else whatever there is."""
    there = {said.scale: None for some in levels.values() for said in some}
    if asked in {scale.value for scale in there}:
        return Scale(asked)
    hazard = str(incident.context.get("hazard") or incident.hazard)
    first = {"earthquake": Scale.INTENSITY, "tsunami": Scale.TSUNAMI}.get(hazard, Scale.WARNING)
    return first if first in there else next((scale for scale in Scale if scale in there), None)


async def _page(
    request: web.Request,
    me: Staff,
    incident: Incident,
    found: list[Incident],
    read: _Read,
    said: _Said,
    scale: Scale | None,
    frame: Frame,
    stale: list[dict[str, object]],
    shelters: list[Shelter] | None,
) -> web.Response:
    lang, areas = page_language(request), Areas.load()
    say = site(request).catalogs.sayer(lang)
    shown, anywhere = _framed(said.levels, frame, scale), _framed(said.anywhere, frame, scale)
    rows = table(frame, {code: anywhere[code] for code in frame.codes if code in anywhere}, read.numbers, areas)
    there = [s for s in Scale if any(one.scale is s for some in said.anywhere.values() for one in some)]
    links = _Links(frame, scale, "shelters" in request.query)
    viewer = "told" if me.role is Role.OPERATOR else "board" if me.role in _FOLLOWING else "own"
    title = title_of(frame, areas, lang, say)
    used = [e for e in read.events if e.areas or e.polygons]
    words = map_words(say, title, viewer, scale, max(used, key=lambda e: e.issued_at, default=None))
    spots = [Spot(s.lat, s.lon, s.name, "shelter" if s.is_shelter else "emergency") for s in shelters or ()]
    marks = marks_of(frame, rows, shown, read.numbers, links.to, areas)
    drawn = [one for one in said.drawn if one.said.scale is scale]
    drawing = functools.partial(draw, frame, marks, words, scale=scale, spots=spots, drawn=drawn)
    made = await asyncio.to_thread(drawing)
    return render(
        request,
        "map.html",
        lang=lang,
        incident=incident,
        others=[i for i in found if i.id != incident.id and i.closed_at is None],
        stale=stale,
        picture=Markup(made.svg),  # every text in it is escaped
        unlabelled=len(made.unlabelled),
        left_out=[full_name_of(frame.scheme, code, areas, lang) for code in made.left_out],
        rows=rows,
        names={place: _name(place, frame, areas, lang) for place in places_in(frame, areas)},
        wards=_wards(rows, read.events, areas, lang) if scale is Scale.INTENSITY and not frame.by_region else {},
        numbers=read.numbers,
        total=read.total,
        viewer=viewer,
        said_words=said_words,
        words=words,
        title=title,
        scale=scale,
        scales=there if len(there) > 1 else [],
        links=links,
        outward=_outward(frame, areas, lang),
        shelters=shelters,
        listed=SHELTERS_LISTED,
        may_shelters=fits_shelters(frame),
        unreadable=read.unreadable + said.undrawable,
        back=_back(me, incident),
    )


def _framed(levels: dict[str, list[Said]], frame: Frame, scale: Scale | None) -> dict[str, Said]:
    """What stands on the areas that a frame draws, in one scale."""
    return _of(by_region(levels, {c: regions()[c] for c in frame.codes}) if frame.by_region else levels, scale)


def _wards(rows: Table, events: list[Event], areas: Areas, lang: str) -> dict[str, list[tuple[str, str]]]:
    """Place -> its wards by name with their intensities: JMA draws most designated cities whole."""
    reports = reports_of(event for event in events if event.hazard == "earthquake")
    found = {}
    for row in rows.rows:
        city = name_of("jis", row.place, areas, lang)[0].removesuffix("-shi")
        wards = wards_of(row.place, reports, areas)
        found[row.place] = [
            (name_of("jis", ward, areas, lang)[0].removeprefix(city).strip(), level) for ward, level in wards
        ]
    return found


def _outward(frame: Frame, areas: Areas, lang: str) -> list[tuple[str, str]]:
    """(`?area=`, name) of the prefectures that a map of some of their municipalities lies in."""
    prefs = sorted({code[:2] for code in frame.codes})
    if frame.by_region or len(places_in(frame, areas)) >= sum(len(areas.municipalities(pref)) for pref in prefs) // 2:
        return []
    return [(pref, areas.name("jma.quake_pref", pref, lang)) for pref in prefs[:3]]


def _name(place: str, frame: Frame, areas: Areas, lang: str) -> tuple[str, str]:
    return full_name_of(REGION if frame.by_region else "jis", place, areas, lang)


def _back(me: Staff, incident: Incident) -> str:
    """The page the viewer works on."""
    if me.role in _FOLLOWING:
        return f"/board?purpose={incident.purpose.value}" if incident.purpose is not Purpose.LIVE else "/board"
    return f"/supervising?incident={incident.id}" if me.role is Role.SUPERVISING else f"/dashboard/{incident.id}"


@dataclass(frozen=True, slots=True)
class _Links:
    """Addresses of the maps one can go to from here: plain links, so that they work everywhere."""

    frame: Frame
    of: Scale | None
    with_shelters: bool

    def to(self, area: str, *, scale: str = "", shelters: bool | None = None) -> str:
        """The map of an area; the scale stays unless another is named, shelters stay where they were on."""
        query = {"area": area, "scale": scale or (self.of.value if self.of else "")}
        if self.with_shelters if shelters is None else shelters:
            query["shelters"] = "1"
        return "?" + urlencode({k: v for k, v in query.items() if v}, safe=",")

    @property
    def here(self) -> str:
        """`?area=` of this map; whole prefectures are named shortly."""
        if self.frame.by_region:
            return "jp"
        codes = list(dict.fromkeys(code[:5] for code in self.frame.codes))
        return ",".join(codes) if len(codes) <= 12 else ",".join(sorted({code[:2] for code in codes}))


LOOKING = staff(Role.OPERATOR, Role.EMPLOYER, Role.SUPERVISING, Role.COMMUNITY, *_FOLLOWING)

ROUTES = [
    Route("GET", "/map", newest, LOOKING),
    Route("GET", "/map/{incident_id}", incident_map, LOOKING),
]
