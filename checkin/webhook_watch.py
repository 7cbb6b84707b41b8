"""What is news for an organisation's webhooks: what its dashboard would show now against what was said last. Pure.

News is made by comparing two readings of what the organisation may see. What it may not see cannot become news, nor
can the moment at which it happened.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from checkin.api_models import changed_out, incident_out, shown_to
from checkin.dashboard import Person
from checkin.dashboard_store import Incident
from core.model import Role
from registry.webhook_store import News
from registry.webhooks import Event

#: kind, incident, resident -> value: what was said last (webhook_seen).
Key = tuple[str, UUID | None, UUID | None]


def current(
    incidents: Iterable[tuple[Incident, Iterable[Person]]], members: Mapping[UUID, str], role: Role
) -> dict[Key, str]:
    """Everything there is to say now. `members`: the state of each live member of the organisation."""
    found: dict[Key, str] = {("person", None, person): _word(state) for person, state in members.items()}
    for incident, people in incidents:
        found["incident", incident.id, None] = "open" if incident.closed_at is None else "closed"
        for person in people:
            if shown_to(role, person):
                found["status", incident.id, person.id] = json.dumps(changed_out(person), sort_keys=True)
    return found


def _word(state: str) -> str:
    return "invited" if state == "invited" else "enrolled"


def news(before: Mapping[Key, str], now: Mapping[Key, str], incidents: Mapping[UUID, Incident]) -> list[News]:
    """What to tell. A first status that is no answer is no news: the incident's own opening says it."""
    made = [one for key, value in now.items() if (one := _one(key, before.get(key), value, incidents)) is not None]
    gone = [key for key in before if key[0] == "person" and key not in now]
    left = [News(Event.PERSON_LEFT, _who(person), resident_id=None) for _, _, person in gone]
    return sorted(made + left, key=lambda one: one.event is not Event.INCIDENT_OPENED)


def _one(key: Key, old: str | None, new: str, incidents: Mapping[UUID, Incident]) -> News | None:
    kind, incident_id, person = key
    if old == new:
        return None
    if kind == "person":
        return News(Event.PERSON_ENROLLED, _who(person), resident_id=person) if new == "enrolled" else None
    assert incident_id is not None
    incident = incident_out(incidents[incident_id])
    if kind == "incident":
        event = Event.INCIDENT_OPENED if new == "open" else Event.INCIDENT_CLOSED
        return None if old is None and new == "closed" else News(event, {"incident": incident}, incident_id=incident_id)
    status: dict[str, Any] = json.loads(new)
    if old is None and status["answered_at"] is None and status["state"] != "unreachable":
        return None
    about = {key: incident[key] for key in ("id", "purpose", "simulated", "hazard", "severity")}
    data = {"incident": about, **_who(person), "status": status}
    return News(Event.STATUS_CHANGED, data, incident_id=incident_id, resident_id=person)


def _who(person: UUID | None) -> dict[str, Any]:
    return {"person": {"id": str(person)}}
