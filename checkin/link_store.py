"""What a check-in link opens: the newest incident in which its holder is asked, and what they have answered there."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from checkin.replies import LINK_AFTER_CLOSE, LINK_MAX_AGE, StatusView, allowed_answers, current_status
from core.crypto import Vault
from core.db import Connection, Pool, Record
from core.model import Answer, Answered, AnsweredBy, Moment, PlaceKind, Purpose, Severity


class IncidentView(NamedTuple):
    """The incident a link leads to, as far as a page needs it."""

    id: UUID
    purpose: Purpose
    hazard: str
    severity: Severity
    simulated: bool
    opened_at: datetime
    closed_at: datetime | None
    #: `alert.context` of the newest alert: event type, moment, title, office, issued_at, questions, ...
    context: dict[str, Any]

    @property
    def moment(self) -> Moment:
        return Moment(self.context.get("moment", Moment.ISSUE))

    @property
    def offered(self) -> tuple[Answer, ...]:
        """The answers people may give."""
        return allowed_answers(self.context.get("questions", ()), self.moment)


class LinkView(NamedTuple):
    """A live check-in link: whose, for which incident, and how its holder stands."""

    link_id: UUID
    created_at: datetime
    resident_id: UUID
    language: str
    second_language: str | None
    incident: IncidentView
    #: How hard this person was told; the incident's for somebody who was not.
    severity: Severity
    #: `standing_reason.reason`: the areas that touch home and work; {} for somebody who was not told.
    reason: dict[str, Any]
    asked_at: datetime | None
    status: StatusView


# One round trip. Unknown, revoked and expired links all run this statement and all return no row. The incident is the
# newest open one of the same purpose, those that asked first; for a tap that was queued on a phone, none that opened
# after it: an "I'm OK" from before a stronger shock must not answer for that shock.
SQL_OPEN_LINK = """
WITH live AS (
    SELECT l.id, l.created_at, l.resident_id, l.incident_id, i.purpose
    FROM link l JOIN incident i ON i.id = l.incident_id
    WHERE l.token_sha256 = $1 AND l.kind = 'checkin' AND l.revoked_at IS NULL
      AND (l.expires_at IS NULL OR l.expires_at > $2) AND l.created_at > $2 - $4::interval
      AND (i.closed_at IS NULL OR i.closed_at > $2 - $5::interval)
), target AS (
    SELECT i.id, i.purpose, i.hazard, i.severity, i.simulated, i.opened_at, i.closed_at,
           ir.severity AS own_severity, sr.reason, ir.asked_at, ir.last_alert_id
    FROM live
    JOIN incident i ON i.purpose = live.purpose AND i.id IN (
        SELECT live.incident_id
        UNION SELECT open.id FROM incident_resident mine JOIN incident open ON open.id = mine.incident_id
              WHERE mine.resident_id = live.resident_id AND open.closed_at IS NULL)
    LEFT JOIN incident_resident ir ON ir.incident_id = i.id AND ir.resident_id = live.resident_id
    LEFT JOIN standing_reason sr ON sr.id = ir.reason_id
    ORDER BY (i.opened_at <= coalesce($3, i.opened_at)) DESC, (i.closed_at IS NULL) DESC,
             (ir.asked_at IS NOT NULL) DESC, i.opened_at DESC
    LIMIT 1
)
SELECT live.id AS link_id, live.created_at, live.resident_id, r.language, r.second_language,
       t.id AS incident_id, t.purpose, t.hazard, t.severity, t.simulated, t.opened_at, t.closed_at,
       coalesce(t.own_severity, t.severity) AS own_severity, t.reason, t.asked_at,
       (SELECT a.context FROM alert a WHERE a.id = t.last_alert_id) AS context,
       answers.answers, answers.answered_by, answers.tapped_at, answers.received_at
FROM live
JOIN resident r ON r.id = live.resident_id
CROSS JOIN target t
CROSS JOIN LATERAL (
    SELECT array_agg(c.answer ORDER BY c.received_at, c.id) AS answers,
           array_agg(c.answered_by ORDER BY c.received_at, c.id) AS answered_by,
           array_agg(c.tapped_at ORDER BY c.received_at, c.id) AS tapped_at,
           array_agg(c.received_at ORDER BY c.received_at, c.id) AS received_at
    FROM check_in c WHERE c.incident_id = t.id AND c.resident_id = live.resident_id
) answers
"""


async def open_link(
    conn: Connection | Pool, token_sha256: bytes, now: datetime, tapped_at: datetime | None = None
) -> LinkView | None:
    """What a token opens; None if it is unknown, revoked or expired (which look the same from outside).

    `tapped_at`: when a queued answer was tapped; the incident is then one that was already open at that time.
    """
    row = await conn.fetchrow(SQL_OPEN_LINK, token_sha256, now, tapped_at, LINK_MAX_AGE, LINK_AFTER_CLOSE)
    if row is None:
        return None
    return LinkView(
        link_id=row["link_id"],
        created_at=row["created_at"],
        resident_id=row["resident_id"],
        language=row["language"],
        second_language=row["second_language"],
        incident=incident_view(row),
        severity=Severity(row["own_severity"]),
        reason=row["reason"] or {},
        asked_at=row["asked_at"],
        status=current_status(answers_of(row)),
    )


def incident_view(row: Record) -> IncidentView:
    """The incident of a row: incident_id, purpose, hazard, severity, simulated, opened_at, closed_at, context."""
    return IncidentView(
        id=row["incident_id"],
        purpose=Purpose(row["purpose"]),
        hazard=row["hazard"],
        severity=Severity(row["severity"]),
        simulated=row["simulated"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        context=row["context"] or {},
    )


def answers_of(row: Record) -> list[Answered]:
    """The answers that stand in a row as four arrays of equal length (None: no answers)."""
    columns = (row["answers"] or (), row["answered_by"] or (), row["tapped_at"] or (), row["received_at"] or ())
    return [
        Answered(Answer(answer), AnsweredBy(by), tapped, received)
        for answer, by, tapped, received in zip(*columns, strict=True)
    ]


class CardPlace(NamedTuple):
    """One place to name to 119: what it is called, its postal code, and its address as far as we know it."""

    kind: PlaceKind
    site: str
    room: str
    postal_code: str
    address: str


class HelpView(NamedTuple):
    """What somebody who called for help is shown: where to send help, and who is coming to them."""

    places: tuple[CardPlace, ...]
    #: Name and languages of the coordinator who has taken the case; "" while nobody has.
    helper_name: str
    helper_language: str
    helper_since: datetime | None


SQL_CARD_PLACES = """
SELECT rp.kind, p.id, p.label, p.postal_code, p.address_enc, s.name AS site,
       CASE WHEN rp.kind = 'home' THEN m.room ELSE '' END AS room
FROM resident_place rp
JOIN place p ON p.id = rp.place_id
LEFT JOIN LATERAL (
    SELECT dorm_id, workplace_id, room FROM membership
    WHERE resident_id = rp.resident_id AND ended_at IS NULL
      AND EXISTS (SELECT FROM site WHERE id IN (dorm_id, workplace_id) AND place_id = p.id)
    ORDER BY created_at DESC LIMIT 1
) m ON true
LEFT JOIN site s ON s.place_id = p.id AND s.id = CASE WHEN rp.kind = 'home' THEN m.dorm_id ELSE m.workplace_id END
WHERE rp.resident_id = $1 AND (rp.until IS NULL OR rp.until > $2)
ORDER BY rp.kind <> 'today', rp.kind
"""
SQL_HELPER = """
SELECT s.name, s.language, c.claimed_at FROM case_file c JOIN staff s ON s.id = c.claimed_by
WHERE c.resident_id = $1 AND c.purpose = $2 AND c.closed_at IS NULL
"""


async def help_view(
    conn: Connection | Pool, vault: Vault, resident_id: UUID, purpose: Purpose, now: datetime
) -> HelpView:
    """The places to show or read out to 119, and the coordinator who is on the case."""
    rows = await conn.fetch(SQL_CARD_PLACES, resident_id, now)
    helper = await conn.fetchrow(SQL_HELPER, resident_id, purpose)
    places = tuple(
        CardPlace(
            kind=PlaceKind(row["kind"]),
            site=row["site"] or "",
            room=row["room"] or "",
            postal_code=row["postal_code"],
            address=vault.decrypt(row["address_enc"], row["id"], "place.address_enc")
            if row["address_enc"]
            else row["label"],
        )
        for row in rows
    )
    if helper is None:
        return HelpView(places, "", "", None)
    return HelpView(places, helper["name"], helper["language"], helper["claimed_at"])
