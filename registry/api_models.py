"""What the API takes and gives, as pydantic models: strict, no unknown field, every size limited. Pure.

The OpenAPI document is made from these. Which of a person's fields an answer really carries is decided by
`access.FIELDS` for the role of the token's owner, never here.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from core.model import Role
from registry.access import may_see
from registry.imports import Fate
from registry.people_store import PersonLine, SiteLine

#: No control character, no line or paragraph separator: these texts become cells of a list.
_PRINTABLE: Final = "^[^\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]*$"
#: A name has a first character that can be seen.
_VISIBLE: Final = "[^\\s\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]"
MAX_BATCH: Final = 1000


Text50 = Annotated[str, StringConstraints(max_length=50, pattern=_PRINTABLE)]
Text100 = Annotated[str, StringConstraints(max_length=100, pattern=_PRINTABLE)]
Text300 = Annotated[str, StringConstraints(max_length=300, pattern=_PRINTABLE)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern="^" + _VISIBLE + _PRINTABLE[1:])]
Text200 = Annotated[str, StringConstraints(max_length=200, pattern=_PRINTABLE)]

EmployeeId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, pattern="^[^\\s\\x00-\\x1f\\x7f-\\x9f/?#%]+$"),
    Field(description="The organisation's own number of the person: the key of every call about a person."),
]


class Strict(BaseModel):
    """Base of everything that comes in. Validators are built at the first use, not while the service starts."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class Shown(BaseModel):
    """Base of everything that goes out."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


class PersonIn(Strict):
    """One person as an HR system knows them. What is left out or empty is left as it is."""

    name: Name = Field(description="Full name as the person writes it.", examples=["NGUYEN VAN HOSHI"])
    language: Text50 = Field("", description="First language, as a tag or in words.", examples=["vi"])
    second_language: Text50 = ""
    phone: Text100 = Field("", description="Mobile number in any usual writing.", examples=["090-0000-0000"])
    email: Text200 = ""
    contact: Text200 = Field("", description="Another way to reach the person, e.g. a LINE ID.")
    site: Text200 = Field("", description="Name of the workplace; made if it is new.")
    dorm: Text200 = Field("", description="Name of the dorm; made if it is new.")
    room: Text50 = ""
    shift: Text100 = ""
    start_date: date | None = None
    end_date: date | None = Field(None, description="Last day. Today or earlier ends the organisation's view at once.")
    home_postal_code: Text50 = ""
    home_address: Text300 = Field("", description="Stored encrypted; no call ever gives it back.")
    home_lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    home_lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    work_postal_code: Text50 = ""
    work_address: Text300 = ""
    work_lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    work_lon: Annotated[float, Field(ge=-180, le=180)] | None = None


class NumberedPersonIn(PersonIn):
    """One person of a batch."""

    employee_id: EmployeeId


class BatchIn(Strict):
    """Up to 1,000 people. A person who is not named here is left alone: a batch never ends a membership by silence."""

    people: Annotated[list[NumberedPersonIn], Field(min_length=1, max_length=MAX_BATCH)]


class EndIn(Strict):
    """The end of employment."""

    end_date: date = Field(description="Last day; today or earlier ends the organisation's view of the person at once.")


class SiteIn(Strict):
    """A new workplace or dorm, with a postal code, an address, or both."""

    kind: Literal["workplace", "dorm"]
    name: Name
    postal_code: Text50 = ""
    address: Text300 = ""


class Note(Shown):
    """Something about a row that somebody should look at, in one sentence."""

    code: str
    weight: Literal["note", "doubt", "refuse"]
    pointer: str
    detail: str


class RowFate(Shown):
    """What became of one person of a batch, or would become of them in a dry run."""

    index: int
    employee_id: str
    fate: Fate
    changes: list[str] = Field(description="Names of the fields that differ from what was known.")
    notes: list[Note]


class BatchOut(Shown):
    """The fate of every row, in the order of the request."""

    dry_run: bool
    counts: dict[str, int] = Field(description="Rows per fate.")
    rows: list[RowFate]


class PersonOut(Shown):
    """One person of the own organisation. Only the fields that the owner's role may see are present."""

    id: str
    employee_id: str = ""
    name: str = ""
    language: str = ""
    second_language: str | None = None
    state: Literal["invited", "enrolled", "paused"] = "invited"
    reach: str = Field("", description="Best way that is not known to be dead: push, phone, handle, dead or none.")
    site: str = ""
    dorm: str = ""
    room: str = ""
    shift: str = ""
    start_date: date | None = None
    end_date: date | None = None


class SavedPerson(Shown):
    """What became of one person who was put."""

    fate: Fate
    changes: list[str]
    notes: list[Note]
    person: PersonOut | None = Field(description="null once the last day has come: the view has ended.")


class PeopleOut(Shown):
    """One page of people. `next_cursor` is null on the last page."""

    people: list[PersonOut]
    next_cursor: str | None


class InvitationOut(Shown):
    """What to hand to a person who has not enrolled yet. The link is theirs alone: never keep it."""

    link: str
    language: str
    text: str


class SiteOut(Shown):
    """A workplace or dorm of the organisation."""

    id: str
    kind: str
    name: str
    people: int
    has_place: bool = Field(description="False: its people are not told by address until it has one.")
    has_leader: bool


class SitesOut(Shown):
    """All sites of the organisation."""

    sites: list[SiteOut]


class ProblemOut(Shown):
    """RFC 9457: why a call was refused."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldErrorOut] = []


class FieldErrorOut(Shown):
    """A field of the request's body (RFC 6901) and what is wrong with it."""

    pointer: str
    detail: str


ProblemOut.model_rebuild()

#: Field of an answer -> the name under which registry.access knows it.
_ACCESS_NAME: Final = {
    "employee_id": "employee_id",
    "name": "name",
    "language": "language",
    "second_language": "second_language",
    "state": "state",
    "reach": "channel_state",
    "site": "site",
    "dorm": "dorm",
    "room": "room",
    "shift": "shift",
    "start_date": "start_date",
    "end_date": "end_date",
}


def person_fields(role: Role) -> tuple[str, ...]:
    """The fields of a person that a token of this role's organisation is given, besides the id."""
    return tuple(field for field, known_as in _ACCESS_NAME.items() if may_see(role, known_as))


def person_out(line: PersonLine, role: Role) -> dict[str, Any]:
    """A person as JSON values, with exactly the fields the role may see."""
    made: dict[str, Any] = {"id": str(line.id)}
    for field in person_fields(role):
        value = getattr(line, field)
        made[field] = value.isoformat() if isinstance(value, date | datetime) else value
    return made


def site_out(line: SiteLine) -> dict[str, Any]:
    """A site as JSON values: no address, no telephone, no leader's name."""
    return SiteOut(
        id=str(line.id),
        kind=line.kind,
        name=line.name,
        people=line.people,
        has_place=line.place_id is not None,
        has_leader=bool(line.leader),
    ).model_dump()
