"""A person without a phone number is a full citizen: push, e-mail, the dorm's leader, paper; and who is away."""

from __future__ import annotations

from datetime import date, timedelta

from checkin.board_store import open_cases
from checkin.cases_store import open_due_cases
from checkin.dashboard_store import people_of
from checkin.leader_store import open_leader_link
from core.db import Pool, transaction
from core.model import CaseReason, Purpose
from core.tokens import link_token, token_hash
from registry import presence_store, store
from registry.presence import Absence, Kind
from registry.records import EMAIL, PUSH, NewContact
from tests.alerts_kit import MASHIKI, city, hear, messages, quake, region, wires
from tests.people import NOW, VAULT, make_org, make_resident, make_site

TODAY = date(2026, 11, 20)


async def test_push_email_leader_and_paper(db: Pool, db_dsn: str) -> None:
    org = await make_org(db)
    dorm = await make_site(db, org.id, name="Hikari Dorm")
    leader = await make_resident(db, org.id, dorm=dorm, name="Leader")
    push = await make_resident(db, org.id, dorm=dorm, phone="", name="Push", contacts=[NewContact(PUSH, "{}")])
    email = await make_resident(
        db, org.id, dorm=dorm, phone="", name="Mail", contacts=[NewContact(EMAIL, "a@b.example")]
    )
    by_leader = await make_resident(db, org.id, dorm=dorm, phone="", name="ByLeader")
    paper = await make_resident(db, org.id, dorm=dorm, phone="", name="Paper")
    async with transaction(db) as conn:
        await store.set_leader(conn, dorm[0], 1, resident_id=leader.id)
        for person, way in ((by_leader, "leader"), (paper, "paper")):
            await conn.execute("UPDATE resident SET reach_by = $2 WHERE id = $1", person.id, way)
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7")))
        await open_due_cases(db, deps.clock.now(), lambda hazard, severity, night: 3600)
    # Everybody is asked, whatever they own.
    asked = await db.fetch("SELECT resident_id, reachable FROM incident_resident WHERE asked_at IS NOT NULL")
    reach = {row["resident_id"]: row["reachable"] for row in asked}
    assert reach == {leader.id: True, push.id: True, email.id: False, by_leader.id: False, paper.id: False}
    sent = {(m["resident_id"], m["channel"]) for m in await messages(db) if m["resident_id"] != leader.id}
    assert sent == {(push.id, "push")}
    # Whom no message reaches is a coordinator's case at once, not after an hour of silence, and says how to reach them.
    async with transaction(db) as conn:
        cases = {case.resident_id: case for case in await open_cases(conn, Purpose.LIVE)}
        assert set(cases) == {email.id, by_leader.id, paper.id}
        assert {case.reason for case in cases.values()} == {CaseReason.UNREACHABLE}
        assert {who: case.reach_by for who, case in cases.items()} == {
            email.id: "", by_leader.id: "leader", paper.id: "paper"
        }  # fmt: skip
        # The leader got one link to all of them, and sees who has nobody else.
        row = await conn.fetchrow(
            "SELECT l.id, i.id AS incident, i.key_enc FROM link l JOIN incident i ON i.id = l.incident_id "
            "WHERE l.kind = 'leader'"
        )
        key = VAULT.decrypt_bytes(row["key_enc"], row["incident"], "incident.key_enc")
        view = await open_leader_link(conn, token_hash(link_token(key, row["id"])), NOW + timedelta(minutes=1))
        assert view is not None and {p.name for p in view.people if p.by_leader} == {"ByLeader", "Paper"}
        shown = {p.name: p.reach_by for p in await people_of(conn, row["incident"], org.id, TODAY)}
        assert shown["Paper"] == "paper" and shown["ByLeader"] == "leader" and shown["Push"] == ""


async def test_who_is_on_home_leave_is_told_and_not_asked(db: Pool, db_dsn: str) -> None:
    org = await make_org(db)
    dorm = await make_site(db, org.id)
    here = await make_resident(db, org.id, dorm=dorm)
    away = await make_resident(db, org.id, dorm=dorm)
    proposed = await make_resident(db, org.id, dorm=dorm)
    back = await make_resident(db, org.id, dorm=dorm)
    unreached = await make_resident(db, org.id, dorm=dorm, phone="")
    async with transaction(db) as conn:
        leave = Absence(Kind.HOME_LEAVE, date(2026, 12, 3))
        for person in (away, unreached):
            await presence_store.set_own(conn, person.id, leave, NOW)
        await presence_store.set_own(conn, back.id, Absence(Kind.AWAY, date(2026, 11, 19)), NOW)
        await presence_store.propose(conn, proposed.id, org.id, Absence(Kind.AWAY, date(2026, 12, 3), own=False), NOW)
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7")))
        await open_due_cases(db, deps.clock.now() + timedelta(hours=8), lambda hazard, severity, night: 3600)
    rows = {
        r["resident_id"]: r for r in await db.fetch("SELECT resident_id, asked_at, severity FROM incident_resident")
    }
    assert {who for who, row in rows.items() if row["asked_at"] is not None} == {here.id, proposed.id, back.id}
    assert {row["severity"] for row in rows.values()} == {"extreme"}
    assert away.id in {m["resident_id"] for m in await messages(db)}
    silent = await db.fetch("SELECT resident_id FROM case_file")
    assert {r["resident_id"] for r in silent} == {here.id, proposed.id, back.id}, "nobody looks for who is not there"
    incident = await db.fetchval("SELECT id FROM incident")
    async with transaction(db) as conn:
        shown = {p.id: (p.away, p.away_until, p.state.value) for p in await people_of(conn, incident, org.id, TODAY)}
    assert shown[away.id] == shown[unreached.id] == ("home_leave", date(2026, 12, 3), "informed")
    assert shown[proposed.id] == shown[back.id] == ("", None, "silent")
