"""What an operator must read, though no resident is told of it: rare guidance, bulletins, words that we do not know.

The outcome of such an event starts with "operator: ", which raises an alarm. Pure.
"""

from __future__ import annotations

from typing import Final

from alerts.decision import FactsOnly, Geography, Ignored, Known
from alerts.joining import is_of, key_of, quake_of, same_quake
from core.model import UNKNOWN_KIND, Event, MessageType

#: Hazards that inform operators and tell no resident: rare, nationwide guidance, and flash bulletins.
OPERATOR_HAZARDS: Final = ("nankai_trough", "quake_notice", "weather_bulletin")

#: A strong quake near Japan of which JMA has said nothing, as a source for the whole world reports it.
STRONG_MAGNITUDE: Final = 6.5
#: Degrees: south, west, north, east of what counts as near Japan.
NEAR_JAPAN: Final = (20.0, 118.0, 50.0, 155.0)


def tells_operators(event: Event) -> bool:
    """Whether this event is for operators only."""
    return event.hazard in OPERATOR_HAZARDS


def to_operators(event: Event, known: Known, geography: Geography) -> Ignored | FactsOnly:
    """For operators; a weather bulletin also belongs to the open incident of its forecast office."""
    if known.newest is not None and event.order == known.newest and known.operator_told:
        return Ignored("the same report again")
    sentence = _sentence(event)
    if event.hazard == "weather_bulletin":
        key = key_of(event, geography)
        for incident in known.incidents:
            if incident.key == key:
                return FactsOnly(incident.id, "bulletin added to the incident of its office", operator=sentence)
    return Ignored("information that tells no resident", operator=sentence)


def _sentence(event: Event) -> str:
    withdrawn = "CANCELLED: " if event.message_type is MessageType.CANCEL else ""
    title = event.title or event.type
    said = event.headline or event.text
    return f"{withdrawn}{title}: {said}"[:300].rstrip(": \n")


def notes_of(event: Event) -> str:
    """What our reader could not place and an operator must see, as one line; "": nothing."""
    found = [note for note in event.notes if note.startswith(UNKNOWN_KIND)]
    return f"{event.type} {event.title}: {'; '.join(found)}"[:300] if found else ""


def of_background(event: Event, known: Known) -> Ignored | FactsOnly:
    """A quake as a source for the whole world has it (USGS): facts for an incident of the same quake, else for
    operators where it is strong, near Japan, and JMA has not said a word. It never tells a resident anything."""
    if event.message_type is MessageType.CANCEL:
        return Ignored("deleted by its source")
    this = quake_of(event)
    for incident in known.incidents:
        if is_of(incident, this):
            return FactsOnly(incident.id)
    if any(same_quake(this, one) for one in known.originals):
        return Ignored("JMA reports this quake itself")
    place = event.hypocenter
    strong = place is not None and place.magnitude is not None and place.magnitude >= STRONG_MAGNITUDE
    if not strong or known.operator_told or not _near_japan(event):
        return Ignored("background only: no incident of ours is about this quake")
    assert place is not None
    return Ignored(
        "background only",
        operator=f"M{place.magnitude} {place.name} reported by {event.source.upper()}, and nothing about it from JMA",
    )


def _near_japan(event: Event) -> bool:
    place = event.hypocenter
    if place is None or place.lat is None or place.lon is None:
        return False
    south, west, north, east = NEAR_JAPAN
    return south <= place.lat <= north and west <= place.lon <= east
