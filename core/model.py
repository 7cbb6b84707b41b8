"""The words of the service: what a report, an event, a resident, an alert is.

Standard library only. Every type is frozen; every time is timezone-aware (naive times are refused at
construction, because a nine-hour mistake is a person not told). Area codes never travel without their scheme:
740 is Kumamoto's Aso in the quake table and the Amakusa coast in the tsunami table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple


class Status(StrEnum):
    """What the source says a report is (JMA Control/Status, CAP status). Only ACTUAL may become a live alert."""

    ACTUAL = "actual"
    EXERCISE = "exercise"
    TEST = "test"
    UNKNOWN = "unknown"


class MessageType(StrEnum):
    """What a report does to the reports before it (JMA InfoType, CAP msgType)."""

    ISSUE = "issue"
    UPDATE = "update"
    CORRECT = "correct"  # 訂正: new facts replace the earlier ones
    CANCEL = "cancel"  # 取消: the earlier report was wrong; carries no areas
    LIFT = "lift"  # 解除: the danger is over; an ordinary report whose areas are lifted


class Tier(StrEnum):
    """The source's own kind of warning, also for hazards without a level."""

    SPECIAL = "special"  # 特別警報, 大津波警報
    DANGER = "danger"  # 危険警報 (JMA: Urgent Warning)
    WARNING = "warning"  # 警報
    ADVISORY = "advisory"  # 注意報
    FORECAST = "forecast"  # 津波予報
    NONE = "none"


class Change(StrEnum):
    """How an area's level moved against the source's previous report."""

    ISSUED = "issued"
    CONTINUED = "continued"
    RAISED = "raised"
    LOWERED = "lowered"
    LIFTED = "lifted"
    NONE = "none"


class Purpose(StrEnum):
    """Part of the key of incident, alert and message, so that real and rehearsed can never mix."""

    LIVE = "live"
    DRILL = "drill"
    CANARY = "canary"


class Severity(StrEnum):
    """How hard we knock. EXTREME and SEVERE ask for a check-in; MODERATE and INFO inform (DESIGN §3)."""

    INFO = "info"
    MODERATE = "moderate"
    SEVERE = "severe"
    EXTREME = "extreme"

    @property
    def rank(self) -> int:
        """0 (info) to 3 (extreme), for comparing and for the outbox's order."""
        return _SEVERITY_ORDER.index(self)

    @property
    def asks(self) -> bool:
        """Whether people are asked to check in."""
        return self.rank >= 2


_SEVERITY_ORDER = [Severity.INFO, Severity.MODERATE, Severity.SEVERE, Severity.EXTREME]

#: JMA seismic intensity (震度) in rising order, as written in telegrams.
INTENSITIES = ("1", "2", "3", "4", "5-", "5+", "6-", "6+", "7")
#: Tsunami grades in rising order (VTSE41 Kind).
TSUNAMI_LEVELS = ("none", "forecast", "advisory", "warning", "major_warning")
#: Severity in rising order where a source states nothing finer: CAP 1.2 `info/severity`, and manual incidents.
CAP_SEVERITIES = ("minor", "moderate", "severe", "extreme")

#: How a note of an Event starts that an operator must read (`Event.notes`).
UNKNOWN_KIND = "unknown kind"

#: A level: an intensity, tsunami grade or CAP severity (str), a warning level 2-5 or 0 when lifted (int), or None.
Level = str | int | None


def level_rank(level: Level) -> int:
    """Order of a level inside its own scale; -1 for None. Levels of different hazards do not compare.

    >>> level_rank("5-") < level_rank("5+") < level_rank("6-")
    True
    """
    if level is None:
        return -1
    if isinstance(level, int):
        return level
    if level in INTENSITIES:
        return INTENSITIES.index(level) + 1
    if level in TSUNAMI_LEVELS:
        return TSUNAMI_LEVELS.index(level)
    if level in CAP_SEVERITIES:
        return CAP_SEVERITIES.index(level) + 1
    scales = f"{INTENSITIES}, {TSUNAMI_LEVELS}, {CAP_SEVERITIES}"
    raise ValueError(f"unknown level {level!r}: expected one of {scales} or an integer")


def require_aware(name: str, value: datetime | None) -> None:
    """Refuse a time without zone. Raises ValueError naming the field."""
    if value is not None and value.tzinfo is None:
        raise ValueError(f"{name} must carry a time zone, got naive {value!r}")


@dataclass(frozen=True, slots=True)
class Area:
    """One named area of an event with its level. (scheme, code) is its identity; see DESIGN §5 for the schemes."""

    scheme: str
    code: str
    name: str = ""
    #: The source's own name of the warning, e.g. レベル４大雨危険警報; "" for earthquakes.
    kind: str = ""
    #: The source's code of that kind, as text; "" where there is none.
    kind_code: str = ""
    level: Level = None
    tier: Tier = Tier.NONE
    change: Change = Change.NONE
    #: Earthquakes: "5-lower or more, not received" (震度５弱以上未入電). The level is then "5-".
    not_received: bool = False
    #: Earthquake: the code of the quake area (細分区域) this city was listed under; floods: the gauge. Else "".
    parent: str = ""
    #: Earlier level of the same area where the source tells it (LastKind); None if unknown.
    last_level: Level = None


@dataclass(frozen=True, slots=True)
class Polygon:
    """A shape with a level, for sources that name no codes. `geometry` is GeoJSON in WGS84 (lon, lat).

    Without a level it tells nobody anything. Level 0 or "none": it is over there.
    """

    geometry: dict[str, Any]
    level: Level = None


@dataclass(frozen=True, slots=True)
class Hypocenter:
    """Where and how strong a quake was, as its agency says. Degrees WGS84, depth in km (None: unknown)."""

    name: str
    lat: float | None = None
    lon: float | None = None
    depth_km: float | None = None
    magnitude: float | None = None
    #: The source's words where magnitude is not a number, e.g. Ｍ８を超える巨大地震.
    magnitude_text: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """One wave of a tsunami: measured at a gauge, or expected at a coast. A fact to show, never a reason to tell."""

    #: "observed", "forecast", or "estimated" at the coast from offshore gauges.
    basis: str
    #: (scheme, code) of the gauge or coast: jma.tide_gauge, jma.tsunami_area, jma.coast.
    scheme: str
    code: str
    name: str = ""
    #: Code of the forecast area (jma.tsunami_area) a gauge is listed under; "" offshore.
    area: str = ""
    #: When the first wave came or is expected, and the source's words about it: 津波到達中と推測, 押し.
    first_at: datetime | None = None
    first: str = ""
    #: The largest wave in the source's words: １ｍ, 巨大, 観測中; when it was measured, None for a forecast.
    height: str = ""
    height_at: datetime | None = None

    def __post_init__(self) -> None:
        require_aware("first_at", self.first_at)
        require_aware("height_at", self.height_at)


@dataclass(frozen=True, slots=True)
class Event:
    """What one report says about one hazard. Several events can come out of one report.

    `thread` joins the revisions of the same matter: (type family, office or event id). `order` sorts them:
    a later-arriving older report never overwrites a newer one.
    """

    source: str
    type: str
    hazard: str
    status: Status
    message_type: MessageType
    thread: str
    issued_at: datetime  # Head/ReportDateTime
    sent_at: datetime  # Control/DateTime
    event_ids: tuple[str, ...] = ()
    title: str = ""
    headline: str = ""
    office: str = ""
    serial: str = ""
    occurred_at: datetime | None = None  # origin time of a quake
    valid_until: datetime | None = None
    hypocenter: Hypocenter | None = None
    areas: tuple[Area, ...] = ()
    polygons: tuple[Polygon, ...] = ()
    #: Codes of the source's fixed comments, e.g. 0215 "no tsunami worry" (電文解説資料, ForecastComment).
    comment_codes: tuple[str, ...] = ()
    #: The source's own free text (Japanese), for operators and to show beside the translation.
    text: str = ""
    #: Tsunami: arrival times and heights, as issued.
    observations: tuple[Observation, ...] = ()
    #: What our reader wants an operator to know, one English sentence each. A note that starts with UNKNOWN_KIND must
    #: reach an operator whatever else is decided: the source warns in words that our tables do not know.
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("issued_at", "sent_at", "occurred_at", "valid_until"):
            require_aware(name, getattr(self, name))

    @property
    def order(self) -> tuple[datetime, datetime, int, int]:
        """Sort key inside a thread: report time, sending time, issue < correct < cancel, serial."""
        rank = {MessageType.CORRECT: 1, MessageType.CANCEL: 2}.get(self.message_type, 0)
        return (self.issued_at, self.sent_at, rank, int(self.serial) if self.serial.isdigit() else 0)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What `parse` makes of one document: its envelope, and its events or the reason it is ignored."""

    source: str
    type: str
    title: str
    status: Status
    message_type: MessageType
    reported_at: datetime | None
    events: tuple[Event, ...] = ()
    #: Why this document makes no event (a type we do not use); None if it does or may.
    ignored: str | None = None


class UnreadableReport(ValueError):
    """The document cannot be read. The message is one sentence naming what is wrong and where."""


class AreaCode(NamedTuple):
    """(scheme, code): the only form in which a code leaves the geo tables. A tuple: thousands are made at start."""

    scheme: str
    code: str


class Precision(StrEnum):
    """How exactly a place is known. A MUNICIPALITY point is never used for distance or polygon rules."""

    EXACT = "exact"
    STREET = "street"
    TOWN = "town"
    POSTAL = "postal"
    MUNICIPALITY = "municipality"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Located:
    """A place after geocoding: where it is and every code it lies in."""

    lat: float | None
    lon: float | None
    precision: Precision
    codes: tuple[AreaCode, ...]
    postal_code: str = ""
    address: str = ""
    source: str = ""
    #: Sentences for the clerk, e.g. "postal code and point disagree: both municipalities kept".
    notes: tuple[str, ...] = ()
    #: Of precision TOWN: within how many metres of the point the place is expected.
    radius_m: int | None = None


class PlaceKind(StrEnum):
    """What a place is to a person."""

    HOME = "home"
    WORK = "work"
    #: Where the person says they are, until a time: told of it as well, and never shown to their organisations.
    TODAY = "today"


class Moment(StrEnum):
    """Which of our messages this is, in the life of an incident."""

    ISSUE = "issue"
    UPDATE = "update"
    CORRECT = "correct"
    CANCEL = "cancel"
    LIFT = "lift"
    REMINDER = "reminder"


class MessageState(StrEnum):
    """What is physically true of a message. `MESSAGE_NEXT` lists the allowed moves."""

    PENDING = "pending"  # waits in the outbox
    LEASED = "leased"  # a worker holds it; whether it left is not known yet
    SENT = "sent"  # a provider has accepted it
    DELIVERED = "delivered"  # the provider or the phone says it arrived
    FAILED = "failed"  # it will not arrive over this contact
    EXPIRED = "expired"  # too late to be true; never sent late
    CANCELLED = "cancelled"  # no longer needed: the person answered, or the alert was withdrawn


MESSAGE_NEXT: dict[MessageState, frozenset[MessageState]] = {
    MessageState.PENDING: frozenset({MessageState.LEASED, MessageState.EXPIRED, MessageState.CANCELLED}),
    MessageState.LEASED: frozenset(
        {
            MessageState.PENDING,
            MessageState.SENT,
            MessageState.FAILED,
            MessageState.EXPIRED,
            MessageState.CANCELLED,
            MessageState.DELIVERED,
        }
    ),
    MessageState.SENT: frozenset({MessageState.DELIVERED, MessageState.FAILED}),
    MessageState.DELIVERED: frozenset(),
    MessageState.FAILED: frozenset({MessageState.DELIVERED}),  # a late receipt may still say it arrived
    MessageState.EXPIRED: frozenset(),
    MessageState.CANCELLED: frozenset(),
}


class Answer(StrEnum):
    """What a person can say. Only the safe ones are green (DESIGN §4, "what is asked")."""

    OK = "ok"  # 無事です
    HELP = "help"  # 助けが必要です
    SAFE_PLACE = "safe_place"  # I am in a safe place
    LEAVING = "leaving"  # I am leaving
    CANNOT_LEAVE = "cannot_leave"  # I cannot leave
    ON_DUTY = "on_duty"  # I am on duty
    NOT_THERE = "not_there"  # I am not there

    @property
    def is_green(self) -> bool:
        return self in (Answer.OK, Answer.SAFE_PLACE, Answer.NOT_THERE)

    @property
    def is_help(self) -> bool:
        return self in (Answer.HELP, Answer.CANNOT_LEAVE)


class AnsweredBy(StrEnum):
    """Who gave an answer. A proxy never beats an own answer (DESIGN §3, CheckIn)."""

    SELF = "self"
    LEADER = "leader"
    EMPLOYER = "employer"
    COORDINATOR = "coordinator"


class CaseReason(StrEnum):
    """Why a coordinator must follow up."""

    NEEDS_HELP = "needs_help"
    UNREACHABLE = "unreachable"  # no way to reach, or all definitively failed
    SILENT = "silent"


class OrgKind(StrEnum):
    EMPLOYER = "employer"
    SUPERVISING = "supervising"  # 監理団体
    COMMUNITY = "community"
    VOLUNTEER_NETWORK = "volunteer_network"
    PARTNER = "partner"  # sending organisation, NPO
    SCHOOL = "school"
    AUDITOR = "auditor"
    UMBRELLA = "umbrella"  # a federation or prefecture: totals over the organisations below it
    OPERATOR = "operator"


class Role(StrEnum):
    OPERATOR = "operator"
    EMPLOYER = "employer"
    SUPERVISING = "supervising"
    COMMUNITY = "community"
    COORDINATOR = "coordinator"
    VOLUNTEER = "volunteer"
    PARTNER = "partner"  # sending organisation, NPO: consented status of its own people
    AUDITOR = "auditor"  # process and samples, no personal data by default
    UMBRELLA = "umbrella"  # totals only
    TRANSLATOR = "translator"  # the words alone: no people, no numbers


@dataclass(frozen=True, slots=True)
class Answered:
    """One stored check-in as the pure rules see it."""

    answer: Answer
    by: AnsweredBy
    at: datetime  # tap time, capped at receipt
    received_at: datetime

    def __post_init__(self) -> None:
        require_aware("at", self.at)
        require_aware("received_at", self.received_at)
