"""An answer is kept whole or not at all; help is never overwritten; what an answer makes needless stops."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from checkin.link_store import help_view, open_link
from checkin.store import Recorded, UnknownPerson, record_check_in
from core.db import Pool
from core.ids import uuid7
from core.model import Answer, AnsweredBy, Purpose
from core.tokens import token_hash
from tests.incidents import FLOOD_CONTEXT, TestIncident, make_incident, make_link, make_message, tell
from tests.people import NOW, VAULT, Person, make_org, make_resident, make_site

MINUTE = timedelta(minutes=1)


async def person_in(db: Pool, incident: TestIncident) -> Person:
    org = await make_org(db)
    person = await make_resident(db, org.id, dorm=await make_site(db, org.id))
    await tell(db, incident, person.id)
    return person


async def answer(
    db: Pool,
    incident: TestIncident,
    person: Person,
    what: str,
    by: AnsweredBy = AnsweredBy.SELF,
    after: float = 1,
    **more: object,
) -> Recorded:
    now = NOW + timedelta(minutes=after)
    values: dict[str, object] = {"tapped_at": None, "via": "test"} | more
    async with db.acquire() as conn:
        return await record_check_in(
            conn,
            VAULT,
            incident_id=incident.id,
            resident_id=person.id,
            answer=Answer(what),
            answered_by=by,
            now=now,
            **values,  # type: ignore[arg-type]
        )


async def status_of(db: Pool, incident: TestIncident, person: Person) -> tuple[str, str, str]:
    row = await db.fetchrow(
        "SELECT status, status_by, first_status FROM incident_resident WHERE incident_id = $1 AND resident_id = $2",
        incident.id,
        person.id,
    )
    return row["status"], row["status_by"], row["first_status"]


async def test_first_and_last_answer_are_kept(db: Pool) -> None:
    incident = await make_incident(db)
    person = await person_in(db, incident)
    await answer(db, incident, person, "ok", after=1)
    await answer(db, incident, person, "help", after=2, note="2階にいます", detail={"trapped": True})
    last = await answer(db, incident, person, "ok", after=3)
    assert await status_of(db, incident, person) == ("ok", "self", "ok")
    assert last.status.current is not None and last.status.current.at == NOW + 3 * MINUTE
    rows = await db.fetch("SELECT id, answer, detail, note_enc, purpose FROM check_in ORDER BY received_at")
    assert [row["answer"] for row in rows] == ["ok", "help", "ok"]
    assert rows[1]["detail"] == {"trapped": True}
    assert VAULT.decrypt(rows[1]["note_enc"], rows[1]["id"], "check_in.note_enc") == "2階にいます"
    assert {row["purpose"] for row in rows} == {"live"}


async def test_nobody_else_overwrites_help(db: Pool) -> None:
    incident = await make_incident(db)
    person = await person_in(db, incident)
    await answer(db, incident, person, "help")
    for minute, by in enumerate((AnsweredBy.LEADER, AnsweredBy.EMPLOYER, AnsweredBy.COORDINATOR), 2):
        await answer(db, incident, person, "ok", by, after=minute)
        assert await status_of(db, incident, person) == ("help", "self", "help")
    assert await db.fetchval("SELECT reason FROM case_file WHERE closed_at IS NULL") == "needs_help"
    await answer(db, incident, person, "ok", after=9)
    assert await status_of(db, incident, person) == ("ok", "self", "help")
    assert await db.fetchval("SELECT count(*) FROM case_file WHERE closed_at IS NULL") == 0


async def test_an_old_tap_that_comes_late_changes_neither_status_nor_case(db: Pool) -> None:
    incident = await make_incident(db)
    person = await person_in(db, incident)
    await answer(db, incident, person, "help", after=5)
    await answer(db, incident, person, "ok", after=9, tapped_at=NOW + 2 * MINUTE)
    assert await status_of(db, incident, person) == ("help", "self", "help")
    assert await db.fetchval("SELECT count(*) FROM case_file WHERE closed_at IS NULL") == 1
    assert await db.fetchval("SELECT count(*) FROM check_in") == 2


@pytest.mark.parametrize("claimed", [-60 * 24 * 400, 60])
async def test_an_impossible_tap_time_counts_as_the_receipt(db: Pool, claimed: int) -> None:
    incident = await make_incident(db)
    person = await person_in(db, incident)
    recorded = await answer(db, incident, person, "ok", after=3, tapped_at=NOW + claimed * MINUTE)
    assert recorded.status.current is not None and recorded.status.current.at == NOW + 3 * MINUTE


async def test_the_same_tap_again_is_the_same_answer(db: Pool) -> None:
    incident = await make_incident(db)
    person = await person_in(db, incident)
    link_id, _ = await make_link(db, incident, resident_id=person.id)
    first = await answer(db, incident, person, "ok", after=1, link_id=link_id, client_id="tap-1")
    await answer(db, incident, person, "help", after=2, link_id=link_id, client_id="tap-2")
    again = await answer(db, incident, person, "ok", after=3, link_id=link_id, client_id="tap-1")
    assert again.duplicate and again.check_in_id == first.check_in_id
    assert again.status.help_stands
    assert await db.fetchval("SELECT count(*) FROM check_in") == 2


async def test_many_taps_at_once_leave_one_true_status(db: Pool) -> None:
    incident = await make_incident(db)
    person = await person_in(db, incident)
    link_id, _ = await make_link(db, incident, resident_id=person.id)
    taps = [
        answer(
            db, incident, person, "help" if n == 4 else "ok", AnsweredBy.SELF if n == 4 else AnsweredBy.LEADER, after=n
        )
        for n in range(8)
    ]
    repeats = [answer(db, incident, person, "ok", after=1, link_id=link_id, client_id="one") for _ in range(8)]
    results = await asyncio.gather(*taps, *repeats)
    assert sum(not recorded.duplicate for recorded in results) == 9
    assert (await status_of(db, incident, person))[:2] == ("help", "self")


async def test_an_own_answer_stops_questions_but_never_a_correction(db: Pool) -> None:
    incident = await make_incident(db)
    person = await person_in(db, incident)
    needless = {
        await make_message(db, incident, person.id, step=1),
        await make_message(db, incident, person.id, moment="reminder", step=2),
        await make_message(db, incident, person.id, moment="update", step=3, unless="answered"),
    }
    needed = {
        await make_message(db, incident, person.id, moment="correct"),
        await make_message(db, incident, person.id, moment="cancel"),
        await make_message(db, incident, person.id, moment="lift"),
        await make_message(db, incident, person.id, moment="update"),
        await make_message(db, incident, person.id, step=7, state="leased"),
    }
    other = await person_in(db, incident)
    needed.add(await make_message(db, incident, other.id))
    await answer(db, incident, person, "ok")
    rows = await db.fetch("SELECT id FROM message WHERE state = 'cancelled' AND done_at IS NOT NULL")
    assert {row["id"] for row in rows} == needless
    assert await db.fetchval("SELECT count(*) FROM message WHERE id = ANY($1)", list(needed)) == len(needed)


async def test_what_a_provider_still_holds_should_be_taken_back(db: Pool) -> None:
    incident = await make_incident(db)
    person = await person_in(db, incident)
    held = await make_message(db, incident, person.id, step=1, state="sent", channel="sms")
    await make_message(db, incident, person.id, step=2, state="sent", channel="push")
    await make_message(db, incident, person.id, step=3, state="delivered", channel="sms")
    await make_message(db, incident, person.id, step=4, state="sent", channel="sms", moment="correct")
    ring = await make_message(db, incident, person.id, step=5, unless="silent", channel="voice")
    await answer(db, incident, person, "ok")
    rows = await db.fetch("SELECT id, cancel_wanted FROM message WHERE cancel_wanted IS NOT NULL")
    assert [(row["id"], row["cancel_wanted"]) for row in rows] == [(held, NOW + MINUTE)]
    assert await db.fetchval("SELECT state FROM message WHERE id = $1", ring) == "cancelled", "the telephone is silent"


async def test_a_leaders_answer_stops_reminders_but_not_the_warning(db: Pool) -> None:
    incident = await make_incident(db)
    person = await person_in(db, incident)
    warning = await make_message(db, incident, person.id, step=1)
    fallback = await make_message(db, incident, person.id, step=2, unless="answered")
    await answer(db, incident, person, "ok", AnsweredBy.LEADER)
    rows = await db.fetch("SELECT id, state FROM message")
    assert {row["id"]: row["state"] for row in rows} == {warning: "pending", fallback: "cancelled"}


async def test_somebody_who_was_not_told_can_answer_and_then_belongs(db: Pool) -> None:
    incident = await make_incident(db)
    org = await make_org(db)
    person = await make_resident(db, org.id)
    await answer(db, incident, person, "help")
    row = await db.fetchrow("SELECT orgs, severity, asked_at, status FROM incident_resident")
    assert (row["orgs"], row["severity"], row["asked_at"], row["status"]) == ([org.id], "extreme", None, "help")


async def test_an_unknown_person_or_incident_is_refused(db: Pool) -> None:
    incident = await make_incident(db)
    nobody = Person(uuid7(), "Nobody", "vi", "")
    with pytest.raises(UnknownPerson, match="cannot answer"):
        await answer(db, incident, nobody, "ok")
    assert await db.fetchval("SELECT count(*) FROM check_in") == 0


async def test_a_failure_half_way_leaves_nothing(db: Pool) -> None:
    incident = await make_incident(db)
    person = await person_in(db, incident)
    # A refused write of the case, after the answer was inserted.
    await db.execute("ALTER TABLE case_file ADD CONSTRAINT refuse CHECK (reason <> 'needs_help')")
    with pytest.raises(Exception, match="refuse"):
        await answer(db, incident, person, "help")
    assert await db.fetchval("SELECT count(*) FROM check_in") == 0
    assert (await status_of(db, incident, person))[0] is None


async def test_a_drill_keeps_to_itself(db: Pool) -> None:
    drill = await make_incident(db, purpose="drill")
    person = await person_in(db, drill)
    await answer(db, drill, person, "help")
    assert await db.fetchval("SELECT purpose FROM check_in") == "drill"
    assert await db.fetchval("SELECT purpose FROM case_file") == "drill"


async def test_a_link_answers_the_newest_incident_that_asks(db: Pool) -> None:
    quake = await make_incident(db)
    person = await person_in(db, quake)
    _, token = await make_link(db, quake, resident_id=person.id)
    later = NOW + 30 * MINUTE
    flood = await make_incident(db, context=FLOOD_CONTEXT, now=later)
    notice = await make_incident(db, severity="moderate", now=later + MINUTE)
    drill = await make_incident(db, purpose="drill", now=later + MINUTE)
    await tell(db, flood, person.id, now=later)
    await tell(db, notice, person.id, asked=False, now=later)
    await tell(db, drill, person.id, now=later)
    view = await open_link(db, token_hash(token), later + 5 * MINUTE)
    assert view is not None and view.incident.id == flood.id
    assert view.incident.offered[0] is Answer.SAFE_PLACE
    # A tap queued on the phone before the second incident answers the first one.
    queued = await open_link(db, token_hash(token), later + 5 * MINUTE, NOW + MINUTE)
    assert queued is not None and queued.incident.id == quake.id


async def test_when_a_link_ends(db: Pool) -> None:
    incident = await make_incident(db)
    person = await person_in(db, incident)
    _, token = await make_link(db, incident, resident_id=person.id)
    hashed = token_hash(token)
    assert await open_link(db, hashed, NOW + timedelta(days=13, hours=23)) is not None
    assert await open_link(db, hashed, NOW + timedelta(days=14)) is None
    await db.execute("UPDATE incident SET closed_at = $1", NOW + timedelta(hours=1))
    view = await open_link(db, hashed, NOW + timedelta(hours=72))
    assert view is not None and view.incident.closed_at is not None
    assert await open_link(db, hashed, NOW + timedelta(hours=73)) is None
    await db.execute("UPDATE link SET revoked_at = $1", NOW)
    assert await open_link(db, hashed, NOW) is None
    assert await open_link(db, token_hash("somebodyelse"), NOW) is None


async def test_what_somebody_in_need_is_shown(db: Pool) -> None:
    incident = await make_incident(db)
    org = await make_org(db)
    site = await make_site(db, org.id, name="ひばり寮")
    address = VAULT.encrypt("熊本県上益城郡益城町宮園123", site[1], "place.address_enc")
    await db.execute("UPDATE place SET address_enc = $2, postal_code = '8612295' WHERE id = $1", site[1], address)
    person = await make_resident(db, org.id, dorm=site, room="203")
    await tell(db, incident, person.id)
    view = await help_view(db, VAULT, person.id, Purpose.LIVE, NOW)
    (place,) = view.places
    assert (place.site, place.room, place.postal_code) == ("ひばり寮", "203", "8612295")
    assert place.address == "熊本県上益城郡益城町宮園123"
    assert view.helper_name == ""
    await answer(db, incident, person, "help")
    await db.execute("UPDATE case_file SET claimed_by = $1, claimed_at = $2", org.staff_id, NOW)
    view = await help_view(db, VAULT, person.id, Purpose.LIVE, NOW)
    assert view.helper_name.startswith("Clerk")
    assert (await help_view(db, VAULT, person.id, Purpose.DRILL, NOW)).helper_name == ""
