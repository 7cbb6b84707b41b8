"""When no telegram comes: incidents that two people open, change and end by hand. Pure; rows in manual_store.py.

An operator or coordinator passes on what an authority has said (a town office by telephone): place, hazard, severity,
who said so and when. There is no free text to residents and no forecast of our own (Meteorological Service Act,
articles 17 and 23): the text is made of approved wording and names its true source.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from core.clock import JST
from core.model import CAP_SEVERITIES, Area, Change, Event, MessageType, Status, level_rank

#: The type of a manual report and of its event.
TYPE: Final = "MANUAL"
#: Who may have said it; `source.manual.<this>` is its name in texts.
SOURCES: Final = ("town_office", "prefecture", "rescue", "river_office")
#: Longest note on who said it and how.
MAX_WORDS: Final = 200
#: A clock that goes a little ahead of ours means now, not yesterday; guard.MAX_FUTURE holds what is further ahead.
_AHEAD: Final = timedelta(minutes=2)
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3])[:：]?([0-5]\d)")


class Act(StrEnum):
    """What is done to a manual incident."""

    OPEN = "open"
    UPDATE = "update"  # raised, lowered, other areas: the whole of what holds now
    LIFT = "lift"  # it is over
    CANCEL = "cancel"  # it was wrong


_MESSAGE: Final = {
    Act.OPEN: MessageType.ISSUE,
    Act.UPDATE: MessageType.UPDATE,
    Act.LIFT: MessageType.LIFT,
    Act.CANCEL: MessageType.CANCEL,
}


class ManualProblem(ValueError):
    """What was filled in cannot be sent. `key`: the sentence for the page."""

    def __init__(self, key: str) -> None:
        super().__init__(f"a manual incident cannot be proposed: {key}")
        self.key = f"staff.manual.problem.{key}"


@dataclass(frozen=True, slots=True)
class Draft:
    """One act as a person fills it in. `picks`: what was chosen ("pref:43", "jma.class10:430010", "jis:43203").

    `number`: 1 for the act that opens the incident, one more for each that follows.
    """

    incident: UUID
    number: int
    act: Act
    hazard: str
    severity: str
    picks: tuple[str, ...]
    source_kind: str
    source_words: str
    said_at: datetime

    def to_json(self) -> dict[str, Any]:
        """As JSON values; `from_json` reverses it."""
        return asdict(self) | {
            "incident": str(self.incident),
            "act": self.act.value,
            "picks": list(self.picks),
            "said_at": self.said_at.isoformat(),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Draft:
        """Raises KeyError or ValueError if a field is missing or wrong."""
        return Draft(
            incident=UUID(data["incident"]),
            number=int(data["number"]),
            act=Act(data["act"]),
            hazard=data["hazard"],
            severity=data["severity"],
            picks=tuple(data["picks"]),
            source_kind=data["source_kind"],
            source_words=data["source_words"],
            said_at=datetime.fromisoformat(data["said_at"]),
        )

    @property
    def fingerprint(self) -> str:
        """Equal for equal drafts but for the incident's id: what was looked at is what is proposed."""
        fields = self.to_json() | {"incident": ""}
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


def read_draft(
    form: Mapping[str, str],
    picks: Sequence[str],
    *,
    incident: UUID,
    before: Draft | None,
    hazards: Collection[str],
    now: datetime,
) -> Draft:
    """The form's draft; `before`: the newest act of the incident, None for a new one. Raises ManualProblem.

    A lift and a cancellation take hazard, severity and places from the act before.
    """
    words = form.get("source_words", "").strip()[:MAX_WORDS]
    said_at = clock_time(form.get("said_at", ""), now)
    act = Act.OPEN
    if before is not None:
        try:
            act = Act(form.get("act", ""))
        except ValueError:
            raise ManualProblem("act") from None
        if act is Act.OPEN:
            raise ManualProblem("act")
    ends = before is not None and act in (Act.LIFT, Act.CANCEL)
    hazard = before.hazard if before is not None else form.get("hazard", "")
    severity = before.severity if ends and before is not None else form.get("severity", "")
    chosen = before.picks if ends and before is not None else tuple(dict.fromkeys(picks))
    if hazard not in hazards:
        raise ManualProblem("hazard")
    if severity not in CAP_SEVERITIES:
        raise ManualProblem("severity")
    if not chosen:
        raise ManualProblem("places")
    if form.get("source_kind", "") not in SOURCES:
        raise ManualProblem("source_kind")
    if not words:
        raise ManualProblem("source_words")
    if said_at is None:
        raise ManualProblem("said_at")
    if before is not None and said_at < before.said_at:
        raise ManualProblem("older")
    number = 1 if before is None else before.number + 1
    return Draft(incident, number, act, hazard, severity, chosen, form["source_kind"], words, said_at)


def clock_time(text: str, now: datetime) -> datetime | None:
    """The last moment at which clocks in Japan showed this ("21:40", "2140"); None: no time of day.

    >>> from datetime import UTC
    >>> clock_time("21:40", datetime(2026, 11, 20, 15, 0, tzinfo=UTC)).isoformat()
    '2026-11-20T21:40:00+09:00'
    """
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        return None
    local = now.astimezone(JST)
    at = local.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
    return at if at - local <= _AHEAD else at - timedelta(days=1)


def to_event(
    draft: Draft,
    cities: Mapping[str, str],
    before: Draft | None,
    cities_before: Mapping[str, str],
    now: datetime,
) -> Event:
    """The event that an approved draft becomes at `now`. `cities`: 7-digit codes of its places with their names.

    An update says the whole of what holds now: what it leaves out is lifted. `cities_before` are those of `before`.
    """
    areas: list[Area] = []
    if draft.act is Act.LIFT:
        areas = [_area(code, name, None, Change.LIFTED) for code, name in (cities_before or cities).items()]
    elif draft.act is not Act.CANCEL:
        for code, name in cities.items():
            areas.append(_area(code, name, draft.severity, _change(draft, before, code in cities_before)))
        areas += [_area(c, name, None, Change.LIFTED) for c, name in cities_before.items() if c not in cities]
    return Event(
        source="manual",
        type=TYPE,
        hazard=draft.hazard,
        status=Status.ACTUAL,
        message_type=_MESSAGE[draft.act],
        thread=f"manual:{draft.incident}",
        event_ids=(f"manual-{draft.incident}",),
        issued_at=draft.said_at,
        sent_at=now,
        office=draft.source_kind,
        serial=str(draft.number),
        areas=tuple(areas),
    )


def _area(code: str, name: str, level: str | None, change: Change) -> Area:
    return Area("jma.city", code, name=name, level=level, change=change)


def _change(draft: Draft, before: Draft | None, told: bool) -> Change:
    if before is None or not told:
        return Change.ISSUED
    step = level_rank(draft.severity) - level_rank(before.severity)
    return Change.RAISED if step > 0 else Change.LOWERED if step < 0 else Change.CONTINUED
