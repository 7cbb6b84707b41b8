"""What the API says of incidents and of where people stand in them: by role, exactly what the dashboard shows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import Field

from checkin.dashboard import Person, State
from checkin.dashboard_store import Incident
from core.model import Answer, AnsweredBy, MessageState, Purpose, Role, Severity
from registry.access import HOUSEHOLD, may_see
from registry.api_models import Shown

#: The state of who has answered and does not share it: the same word for OK and for a call for help.
PRIVATE: Final = "answered_not_shared"
StateName = Literal["help", "unreachable", "silent", "earlier", "moving", "answered_not_shared", "ok", "informed"]


class IncidentOut(Shown):
    """An incident that touched the organisation's people. Only purpose `live` and not `simulated` is real."""

    id: UUID
    purpose: Purpose
    simulated: bool
    hazard: str
    title: str = Field(description="As its source names it, in Japanese.")
    severity: Severity
    opened_at: datetime
    closed_at: datetime | None


class IncidentsOut(Shown):
    """The twenty that matter most: open before closed, live before drill, newest first."""

    incidents: list[IncidentOut]


class DeliveryOut(Shown):
    """The best that is known about getting through to the person."""

    channel: str
    state: MessageState
    at: datetime


class StatusOut(Shown):
    """Where one person stands. Only the fields that the owner's role may see are present."""

    id: UUID
    employee_id: str = ""
    name: str = ""
    state: StateName = Field(
        "silent", description="answered_not_shared: has answered, and does not tell the organisation what."
    )
    answer: Answer | None = None
    answered_at: datetime | None = None
    answered_by: AnsweredBy | None = None
    asked_at: datetime | None = None
    hurt: bool = Field(False, description="Hurt, and wants the organisation to know.")
    follow_up: str = Field("", description="What coordinators do about it: claimed, or how it ended.")
    enrolled: bool = True
    site: str = ""
    dorm: str = ""
    room: str = ""
    delivery: DeliveryOut | None = None


class StatusesOut(Shown):
    """One page of people in an incident. `next_cursor` is null on the last page."""

    incident: IncidentOut
    counts: dict[str, int] = Field(description="People per state, of all pages.")
    statuses: list[StatusOut]
    next_cursor: str | None


#: Field of an answer -> the name under which registry.access knows it.
_ACCESS_NAME: Final = {
    "employee_id": "employee_id",
    "name": "name",
    "state": "status",
    "answer": "status",
    "answered_at": "status_age",
    "answered_by": "status",
    "asked_at": "status",
    "hurt": "state",
    "follow_up": "state",
    "enrolled": "state",
    "site": "site",
    "dorm": "dorm",
    "room": "room",
    "delivery": "channel_state",
}
#: What a webhook says of a status: nothing that a person could be known by but the id.
CHANGED_FIELDS: Final = ("state", "answer", "answered_at", "answered_by")


def status_fields(role: Role) -> tuple[str, ...]:
    """The fields of a status that a token of this role's organisation is given, besides the id."""
    return tuple(field for field, known_as in _ACCESS_NAME.items() if may_see(role, known_as))


def state_name(state: State, role: Role) -> str:
    """A state as the API calls it; who may not know how messages travel is told "silent", not "unreachable"."""
    if state is State.UNREACHABLE and not may_see(role, "channel_state"):
        state = State.SILENT
    return PRIVATE if state is State.NOT_SHARED else state.value


def shown_to(role: Role, person: Person) -> bool:
    """Whether a role is told of a person at all: a partner only of who enrolled and shares answers with it."""
    return role is not Role.PARTNER or (person.standing.enrolled and person.standing.shared)


def status_out(person: Person, role: Role, employee_ids: Mapping[UUID, str]) -> dict[str, Any]:
    """A person's status as JSON values, with exactly the fields the role may see."""
    full = _full(person, role, employee_ids.get(person.id, ""))
    return {"id": str(person.id)} | {name: full[name] for name in status_fields(role)}


def changed_out(person: Person) -> dict[str, Any]:
    """What a webhook says of a status."""
    full = _full(person, Role.EMPLOYER, "")  # partners have no webhooks
    return {name: full[name] for name in CHANGED_FIELDS}


def _full(person: Person, role: Role, employee_id: str) -> dict[str, Any]:
    delivery = None
    if person.delivery is not None:
        delivery = {
            "channel": person.delivery.channel,
            "state": person.delivery.state,
            "at": person.delivery.at.isoformat(),
        }
    return {
        "employee_id": employee_id,
        "name": person.name,
        "state": state_name(person.state, role),
        "answer": person.answer.value if person.answer else None,
        "answered_at": _time(person.status_at),
        "answered_by": person.status_by if person.answer else None,
        "asked_at": _time(person.asked_at),
        "hurt": person.hurt,
        "follow_up": person.follow_up,
        "enrolled": person.standing.enrolled,
        "site": "" if person.site == HOUSEHOLD else person.site,
        "dorm": person.dorm,
        "room": person.room,
        "delivery": delivery,
    }


def incident_out(incident: Incident) -> dict[str, Any]:
    """An incident as JSON values."""
    return {
        "id": str(incident.id),
        "purpose": incident.purpose.value,
        "simulated": incident.simulated,
        "hazard": incident.hazard,
        "title": incident.title,
        "severity": incident.severity.value,
        "opened_at": incident.opened_at.isoformat(),
        "closed_at": _time(incident.closed_at),
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
