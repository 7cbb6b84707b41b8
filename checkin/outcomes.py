"""One outcome for a whole dorm: "5 of 6 OK, Minh missing", written down in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from checkin.cases import CLOSES, Found, Outcome, choices, proxy_answer
from checkin.cases_store import INCIDENT_CHANGED, add_note, close_case, extend
from checkin.outcomes_store import lock_for_outcome, open_again_as_missing
from checkin.store import record_check_in
from core.crypto import Vault
from core.db import Connection, notify
from core.model import AnsweredBy, CaseReason


class OutcomeRefused(ValueError):
    """The outcome cannot be taken as it is. `key` names the sentence for the person, filled in with `fields`."""

    def __init__(self, key: str, **fields: object) -> None:
        super().__init__(key)
        self.key = key
        self.fields = fields


class Closed(NamedTuple):
    """How many cases of the unit were closed, and how many stay open (missing people stay as cases of their own)."""

    closed: int
    still_open: int
    missing: int


async def close_dorm(
    conn: Connection,
    vault: Vault,
    outcomes: Mapping[UUID, Found],
    *,
    staff_id: UUID,
    note: str,
    questions: Mapping[UUID, list[str]],
    now: datetime,
) -> Closed:
    """Enter what a call or visit found, person by person, all or nothing.

    `outcomes`: open case -> finding; `questions`: incident -> the answers its people are offered. Every finding about
    a person's state is stored as a check-in given by a coordinator. Raises OutcomeRefused if a case is closed already
    or claimed by somebody else, if a finding does not fit its reason, or if nothing was entered.
    """
    entered = {case_id: found for case_id, found in outcomes.items() if found is not Found.NOT_YET}
    if not entered and not note:
        raise OutcomeRefused("staff.board.refused.nothing")
    rows = {row.id: row for row in await lock_for_outcome(conn, list(outcomes))}
    for case_id, found in outcomes.items():
        case = rows.get(case_id)
        if case is None:
            raise OutcomeRefused("staff.board.refused.closed")
        if (
            case.claimed_by not in (None, staff_id)
            and case.claim_expires_at is not None
            and case.claim_expires_at > now
        ):
            raise OutcomeRefused("staff.board.refused.claimed", name=case.claimed_name)
        if found not in choices(CaseReason(case.reason), case.own_help):
            raise OutcomeRefused("staff.board.refused.own_help")
    if note:
        await add_note(conn, vault, list(outcomes), staff_id, note, now)
    closed = missing = 0
    for case_id, found in sorted(entered.items()):
        case = rows[case_id]
        if found in CLOSES:
            await close_case(conn, case_id, CLOSES[found], staff_id, now)
            closed += 1
        if CLOSES.get(found) is Outcome.MISSING:
            await open_again_as_missing(conn, case_id, staff_id, now)
            missing += 1
        answer = proxy_answer(found, questions.get(case.incident_id, []))
        if answer is not None:
            await record_check_in(
                conn,
                vault,
                incident_id=case.incident_id,
                resident_id=case.resident_id,
                answer=answer,
                answered_by=AnsweredBy.COORDINATOR,
                via="board",
                tapped_at=now,
                now=now,
                by_staff=staff_id,
            )
    await extend(conn, list(outcomes), staff_id, now)
    for incident_id in sorted({case.incident_id for case in rows.values()}):
        await notify(conn, INCIDENT_CHANGED, str(incident_id))
    return Closed(closed, len(outcomes) - closed + missing, missing)
