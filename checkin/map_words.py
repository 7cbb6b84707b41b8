"""The texts of a map in the language of its page, as geo.map_svg wants them. Pure."""

from __future__ import annotations

from typing import Final

from core.i18n import Sayer
from core.model import Event
from geo.areas import Areas
from geo.map_frame import Frame, name_of
from geo.map_legend import Words
from geo.map_scale import Said, Scale, levels_of

#: JMA's intensities as the catalogue names them.
_SHINDO: Final = {"5-": "5_lower", "5+": "5_upper", "6-": "6_lower", "6+": "6_upper"}
#: A title names at most so many places.
_NAMED: Final = 3


def level_words(say: Sayer, scale: Scale, level: str) -> str:
    """A level in words: "震度6弱", "Level 4", "Tsunami Warning"."""
    if scale is Scale.INTENSITY:
        return say.plain(f"shindo.{_SHINDO.get(level, level)}")
    if scale is Scale.WARNING:
        return say.plain("level.number", level=level)
    return say.plain(f"staff.map.{scale.value}.{level}")


def said_words(say: Sayer, said: Said | None) -> str:
    """What a table says of one place: its level, or why there is no figure of its own."""
    if said is None:
        return say.plain("staff.map.no_level")
    level = level_words(say, said.scale, said.level)
    if said.partly:
        return say.plain("staff.map.partly", level=level)
    if said.not_received:
        return say.plain("staff.map.not_received", level=level)
    return say.plain("staff.map.area_max", level=level) if said.no_figure else level


def title_of(frame: Frame, areas: Areas, lang: str, say: Sayer) -> str:
    """The name of what a map shows."""
    if frame.by_region:
        return say.plain("staff.map.japan")
    towns = list(dict.fromkeys(code[:5] for code in frame.codes))
    if len(towns) <= _NAMED:
        return " · ".join(name_of("jis", town, areas, lang)[0] for town in towns)
    prefs = sorted({town[:2] for town in towns})
    names = [areas.name("jma.quake_pref", pref, lang) for pref in prefs[:_NAMED]]
    return " · ".join(names) + (" …" if len(prefs) > _NAMED else "")


def source_line(say: Sayer, event: Event | None) -> str:
    """Who issued what is shown, and when; that nobody issued anything."""
    if event is None:
        return say.plain("staff.map.nothing")
    source = event.source.partition(".")[0]
    key = f"source.{event.source}" if say.catalogs.has(f"source.{event.source}") else f"source.{source}"
    name = say.plain(key) if say.catalogs.has(key) else event.office or event.source
    if source == "jma" and say.lang != "ja":
        name = f"気象庁 ({name})"
    return say.plain("staff.map.source", source=name, time=say.time(event.issued_at))


def map_words(say: Sayer, title: str, viewer: str, scale: Scale | None, newest: Event | None) -> Words:
    """All texts of one map. `viewer`: "own", "board" or "told", whose numbers stand on it."""
    levels = levels_of(scale) if scale is not None else []
    shorts = {level: say.plain(f"staff.map.short.{level}") for level, _ in levels if scale is Scale.TSUNAMI}
    what = say.plain(f"staff.map.scale.{scale.value}") if scale is not None else say.plain("staff.map.scale.none")
    return Words(
        title=f"{title}: {what}",
        description=say.plain("staff.map.describe"),
        source=source_line(say, newest),
        no_level=say.plain("staff.map.no_level"),
        no_figure=say.plain("staff.map.no_figure"),
        around=say.plain("staff.map.around"),
        north=say.plain("staff.map.north"),
        emergency_site=say.plain("staff.map.emergency_site"),
        shelter=say.plain("staff.map.shelter"),
        outlined=say.plain("staff.map.outlined"),
        lang=say.lang,
        # Digits explain themselves; what is a word stands in the legend.
        levels={level: level_words(say, scale, level) for level, _ in levels if scale and scale not in _DIGITS},
        shorts=shorts,
        count=say.plain(f"staff.map.number.{viewer}"),
    )


_DIGITS: Final = (Scale.INTENSITY, Scale.WARNING)
