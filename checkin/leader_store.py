"""A dorm leader's page: the people of one dorm or shift in one incident, and the answers given for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from checkin.link_store import IncidentView, incident_view
from checkin.replies import LINK_AFTER_CLOSE, LINK_MAX_AGE
from checkin.store import Recorded, record_check_in
from checkin.visit_store import visits_to
from checkin.visits import Visit
from core.audit import Actor, audit
from core.clock import date_in_japan
from core.crypto import Vault
from core.db import Connection, Pool, transaction
from core.model import Answer, AnsweredBy, PlaceKind, Purpose


class SitePerson(NamedTuple):
    """One person of the dorm, as the leader may see them: name, room and how they stand. No notes, no details.

    A leader stands in for the organisation: who does not share answers with it shows here only that they have one.
    """

    resident_id: UUID
    name: str
    room: str
    language: str
    status: Answer | None
    status_by: AnsweredBy | None
    status_at: datetime | None
    #: Has answered, and does not share what; `status` is then None.
    answered_quietly: bool = False
    #: Has no device: the leader is the only way to tell them.
    by_leader: bool = False
    #: Away by their own word through this day; None for who is there.
    away_until: date | None = None

    @property
    def answered_self(self) -> bool:
        return self.status_by is AnsweredBy.SELF


class LeaderView(NamedTuple):
    """A live leader link: who leads which site, in which incident, and the people there."""

    link_id: UUID
    site_id: UUID
    site_name: str
    language: str
    leader_resident: UUID | None
    leader_staff: UUID | None
    incident: IncidentView
    people: tuple[SitePerson, ...]
    #: What touches the site itself, in the form of `standing_reason.reason`; {} if nobody there was told.
    reason: dict[str, Any]
    #: Staff of the organisation who are on their way there.
    visits: tuple[Visit, ...] = ()

    @property
    def actor(self) -> Actor:
        return Actor("leader link", staff_id=self.leader_staff)


# The same rules of life as a check-in link; besides, it ends the moment its holder is no longer leader or deputy.
SQL_OPEN_LEADER_LINK = """
WITH live AS (
    SELECT l.id, l.site_id, l.resident_id, l.staff_id, l.incident_id, i.purpose, s.name AS site_name,
           s.kind AS site_kind
    FROM link l
    JOIN incident i ON i.id = l.incident_id
    JOIN site s ON s.id = l.site_id
    WHERE l.token_sha256 = $1 AND l.kind = 'leader' AND l.revoked_at IS NULL
      AND (l.expires_at IS NULL OR l.expires_at > $2) AND l.created_at > $2 - $3::interval
      AND (i.closed_at IS NULL OR i.closed_at > $2 - $4::interval)
      AND EXISTS (SELECT FROM site_leader sl WHERE sl.site_id = l.site_id
                  AND (sl.resident_id = l.resident_id OR sl.staff_id = l.staff_id))
), target AS (
    SELECT i.id, i.purpose, i.hazard, i.severity, i.simulated, i.opened_at, i.closed_at
    FROM live JOIN incident i ON i.purpose = live.purpose AND i.id IN (
        SELECT live.incident_id
        UNION SELECT open.id
              FROM membership m
              JOIN incident_resident ir ON ir.resident_id = m.resident_id AND ir.asked_at IS NOT NULL
                                       AND NOT ir.only_today
              JOIN incident open ON open.id = ir.incident_id AND open.closed_at IS NULL
              WHERE live.site_id IN (m.dorm_id, m.workplace_id) AND m.ended_at IS NULL)
    ORDER BY (i.closed_at IS NULL) DESC, i.opened_at DESC
    LIMIT 1
)
SELECT live.id AS link_id, live.site_id, live.site_name, live.site_kind, live.resident_id, live.staff_id,
       coalesce(r.language, st.language) AS language,
       t.id AS incident_id, t.purpose, t.hazard, t.severity, t.simulated, t.opened_at, t.closed_at,
       (SELECT context FROM alert a WHERE a.incident_id = t.id ORDER BY a.created_at DESC, a.id DESC LIMIT 1) AS context
FROM live
CROSS JOIN target t
LEFT JOIN resident r ON r.id = live.resident_id
LEFT JOIN staff st ON st.id = live.staff_id
"""
# A leader sees their own answer in any case. The rules for who does not share are the dashboard's (dashboard_store).
SQL_SITE_PEOPLE = """
SELECT DISTINCT ON (m.room, r.name, r.id)
       r.id, r.name, m.room, r.language, CASE WHEN s.shared THEN ir.status END AS status,
       CASE WHEN s.shared THEN ir.status_by END AS status_by,
       CASE WHEN s.shared THEN ir.status_at ELSE quiet.at END AS status_at,
       quiet.at IS NOT NULL AS answered_quietly, sr.reason, r.reach_by <> '' AS by_leader, b.until AS away_until
FROM membership m
JOIN resident r ON r.id = m.resident_id AND r.state <> 'left'
JOIN site ON site.id = $1
JOIN incident i ON i.id = $2
LEFT JOIN incident_resident ir ON ir.incident_id = $2 AND ir.resident_id = r.id AND NOT ir.only_today
LEFT JOIN standing_reason sr ON sr.id = ir.reason_id
LEFT JOIN absence b ON b.resident_id = r.id AND b.said_by = 'self' AND b.until >= $4::date
CROSS JOIN LATERAL (SELECT r.id IS NOT DISTINCT FROM $3 OR answer_shared(r.id, site.org_id) AS shared) s
LEFT JOIN LATERAL (SELECT min(k.received_at) AS at FROM check_in k
                   WHERE NOT s.shared AND k.incident_id = ir.incident_id AND k.resident_id = r.id
                     AND k.answered_by <> 'coordinator' AND k.received_at >= coalesce(ir.asked_at, ir.told_at)
                     AND (i.closed_at IS NULL OR k.received_at <= i.closed_at)) quiet ON true
WHERE $1 IN (m.dorm_id, m.workplace_id) AND m.ended_at IS NULL
ORDER BY m.room, r.name, r.id
"""


async def open_leader_link(conn: Connection, token_sha256: bytes, now: datetime) -> LeaderView | None:
    """What a leader's token opens, with its row in the audit log; None if unknown, ended, or no longer the leader's.

    Call it inside a transaction: names are read only where the reading is written down.
    """
    row = await conn.fetchrow(SQL_OPEN_LEADER_LINK, token_sha256, now, LINK_MAX_AGE, LINK_AFTER_CLOSE)
    if row is None:
        return None
    today = date_in_japan(now)
    rows = await conn.fetch(SQL_SITE_PEOPLE, row["site_id"], row["incident_id"], row["resident_id"], today)
    people = tuple(
        SitePerson(
            resident_id=person["id"],
            name=person["name"],
            room=person["room"],
            language=person["language"],
            status=Answer(person["status"]) if person["status"] else None,
            status_by=AnsweredBy(person["status_by"]) if person["status_by"] else None,
            status_at=person["status_at"],
            answered_quietly=person["answered_quietly"],
            by_leader=person["by_leader"],
            away_until=person["away_until"],
        )
        for person in rows
    )
    kind = PlaceKind.HOME if row["site_kind"] == "dorm" else PlaceKind.WORK
    touches = next((p["reason"][kind] for p in rows if p["reason"] and p["reason"].get(kind)), None)
    view = LeaderView(
        link_id=row["link_id"],
        site_id=row["site_id"],
        site_name=row["site_name"],
        language=row["language"],
        leader_resident=row["resident_id"],
        leader_staff=row["staff_id"],
        incident=incident_view(row),
        people=people,
        reason={kind: touches, "worse": kind} if touches else {},
        visits=tuple(await visits_to(conn, [row["site_id"]], Purpose(row["purpose"]), now)),
    )
    await audit(
        conn,
        view.actor,
        "leader.read",
        at=now,
        subjects=[person.resident_id for person in people],
        fields=("name", "room", "status"),
        incident_id=view.incident.id,
        detail={"site": str(view.site_id), "link": str(view.link_id)},
    )
    return view


async def record_for_site(
    pool: Pool, vault: Vault, token_sha256: bytes, given: Mapping[UUID, Answer], now: datetime
) -> list[Recorded] | None:
    """Store a leader's answers, all or none; None if the link is not live.

    People of other sites are left out silently: the form can only have been tampered with. The leader's own line is
    the leader's own answer. What stands already, said by a leader, is not stored again.
    """
    async with transaction(pool) as conn:
        view = await open_leader_link(conn, token_sha256, now)
        if view is None:
            return None
        recorded: list[Recorded] = []
        # In the order of ids, so that two leaders of one dorm wait for each other and never deadlock.
        for person in sorted(view.people, key=lambda person: person.resident_id):
            answer = given.get(person.resident_id)
            if answer is None or (person.status is answer and person.status_by is AnsweredBy.LEADER):
                continue
            own = person.resident_id == view.leader_resident
            recorded.append(
                await record_check_in(
                    conn,
                    vault,
                    incident_id=view.incident.id,
                    resident_id=person.resident_id,
                    answer=answer,
                    answered_by=AnsweredBy.SELF if own else AnsweredBy.LEADER,
                    via="leader page",
                    tapped_at=None,
                    now=now,
                    link_id=view.link_id,
                    by_resident=None if own else view.leader_resident,
                    by_staff=view.leader_staff,
                )
            )
        if recorded:
            await audit(
                conn,
                view.actor,
                "leader.answer",
                at=now,
                subjects=sorted(person.resident_id for person in view.people if person.resident_id in given),
                fields=("status",),
                incident_id=view.incident.id,
                detail={"site": str(view.site_id), "link": str(view.link_id), "answers": len(recorded)},
            )
        return recorded
