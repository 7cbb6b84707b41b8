"""The colours, patterns and order of levels on a map: ten steps, each darker than the one before it.

Which colour means how bad must survive every kind of colour blindness, a grey printer and sunlight, so neighbouring
steps differ in lightness (CIE L*) by at least `STEP_CONTRAST`, as seen by anybody. The hues follow JMA's order of
colours (weak: blue, then yellow, orange, red, purple), and the worst steps also have a pattern in print.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from core.model import CAP_SEVERITIES, INTENSITIES, TSUNAMI_LEVELS, Level, Tier, level_rank

#: Fill of each step, from "no level" to the worst.
FILLS: Final = (
    "#fcfcfa", "#d9e6f1", "#b4cfe2", "#d2ab3a", "#d9852f", "#c75f2e", "#ae363d", "#82205c", "#3f0f62", "#120420",
)  # fmt: skip
#: Least difference in CIE L* of neighbouring steps in normal sight, protanopia, deuteranopia, tritanopia and grey.
STEP_CONTRAST: Final = 7.0
#: Steps that carry a pattern in print.
PATTERNED: Final = (7, 8, 9)
_DARK, _LIGHT = "#111111", "#ffffff"
#: From this step on, text is white.
_WHITE_FROM: Final = 6


class Scale(StrEnum):
    """What a level is measured in. Levels of different scales never share a map."""

    INTENSITY = "intensity"  # 震度
    TSUNAMI = "tsunami"
    WARNING = "warning"  # 警戒レベル 2 to 5
    SEVERITY = "severity"  # CAP, and what people announce by hand
    TIER = "tier"  # warnings without a level: 特別警報, 警報, 注意報


#: Levels of a scale that a legend shows, in rising order, and the step of each.
_STEPS: Final[dict[Scale, dict[str, int]]] = {
    Scale.INTENSITY: {level: step for step, level in enumerate(INTENSITIES, 1)},
    Scale.TSUNAMI: dict(zip(TSUNAMI_LEVELS[1:], (2, 4, 7, 9), strict=True)),
    Scale.WARNING: {"2": 3, "3": 5, "4": 7, "5": 9},
    Scale.SEVERITY: dict(zip(CAP_SEVERITIES, (2, 4, 7, 9), strict=True)),
    Scale.TIER: {Tier.ADVISORY: 3, Tier.WARNING: 5, Tier.DANGER: 7, Tier.SPECIAL: 9},
}


class Said(NamedTuple):
    """What stands for one area: a level, in which scale, and whether it is the area's own figure."""

    scale: Scale
    level: str
    #: No figure of its own: the level is the highest of the wider area, or it is not_received.
    no_figure: bool = False
    #: "5-lower or more, not received" (震度５弱以上未入電).
    not_received: bool = False
    #: The hazards that say so, in the order found.
    hazards: tuple[str, ...] = ()
    #: Only for a part of the area: the report draws its own outline.
    partly: bool = False

    @property
    def step(self) -> int:
        """Where on the scale, 1 to 9."""
        return _STEPS[self.scale][self.level]


def scale_of(level: Level, tier: Tier = Tier.NONE) -> tuple[Scale, str] | None:
    """The scale and the level as it is written there; None for what is no warning (no level, lifted, level 1).

    Raises ValueError for a level of no scale.
    """
    if level is None:
        return (Scale.TIER, tier.value) if tier in _STEPS[Scale.TIER] else None
    if level_rank(level) <= 0:
        return None
    if isinstance(level, int):
        return (Scale.WARNING, str(min(level, 5))) if level >= 2 else None
    scale = next(s for s in (Scale.INTENSITY, Scale.TSUNAMI, Scale.SEVERITY) if level in _STEPS[s])
    return scale, level


def worst(said: Iterable[Said]) -> Said | None:
    """The worst of several; of equal ones an area's own figure, and the hazards of all that are as bad."""
    found = sorted(said, key=lambda one: (-one.step, one.no_figure, one.partly))
    if not found:
        return None
    top = found[0]
    hazards = [hazard for one in found if one.step == top.step for hazard in one.hazards]
    return top._replace(hazards=tuple(dict.fromkeys(hazards)))


def levels_of(scale: Scale) -> list[tuple[str, int]]:
    """The levels of a scale with their steps, in rising order: what a legend shows."""
    return list(_STEPS[scale].items())


def short_of(level: str) -> str:
    """A level as it fits on a map: a digit. Grades that are words speak by colour, legend and table.

    >>> short_of("5-"), short_of("major_warning")
    ('5-', '')
    """
    return level if len(level) <= 2 else ""


def ink_on(step: int) -> str:
    """The colour of text on a step's fill, of a contrast of at least 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    return _LIGHT if step >= _WHITE_FROM else _DARK
