"""A person with a row in every table that can hold one, and the search for what is left of them."""

from __future__ import annotations

import io
from datetime import datetime
from uuid import UUID

from checkin.store import record_check_in
from core.db import Pool, transaction
from core.model import Answer, AnsweredBy
from registry.records import NewContact
from tests import people
from tests.incidents import TestIncident, make_incident, make_link, make_message, tell
from tests.people import NOW, VAULT


async def traces(db: Pool, needle: str) -> set[str]:
    """The tables in whose rows `needle` stands, as PostgreSQL writes them out (bytea as hex)."""
    found = set()
    for row in await db.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        out = io.BytesIO()
        await db.copy_from_table(row["tablename"], output=out, schema_name="public")
        if needle.encode() in out.getvalue():
            found.add(row["tablename"])
    return found


async def a_full_life(
    db: Pool, org_id: UUID, name: str, dorm: tuple[UUID, UUID], purpose: str = "live"
) -> tuple[people.Person, TestIncident]:
    """A person with a row in every table that can hold one, in an incident that is still open."""
    home = await people.make_place(db, label=f"home of {name}")
    person = await people.make_resident(
        db, org_id, name=name, dorm=dorm, home_place_id=home, contacts=[NewContact("push", f'{{"endpoint":"{name}"}}')]
    )
    incident = await make_incident(db, purpose=purpose)
    await tell(db, incident, person.id)
    link_id, _ = await make_link(db, incident, resident_id=person.id)
    message = await make_message(db, incident, person.id, state="delivered")
    await db.execute("INSERT INTO receipt (message_id, state, at) VALUES ($1, 'delivered', $2)", message, NOW)
    await db.execute("INSERT INTO alert_resident VALUES ($1, $2)", incident.alert_id, person.id)
    await db.execute("INSERT INTO site_leader (site_id, rank, resident_id) VALUES ($1, 1, $2)", dorm[0], person.id)
    async with transaction(db) as conn:
        await record_check_in(
            conn,
            VAULT,
            incident_id=incident.id,
            resident_id=person.id,
            answer=Answer.HELP,
            answered_by=AnsweredBy.SELF,
            via="page",
            tapped_at=None,
            now=NOW,
            link_id=link_id,
            note=f"note of {name}",
            detail={"hurt": True, "where": name},
        )
    return person, incident


async def close(db: Pool, incident: TestIncident, at: datetime) -> None:
    """Close an incident and its cases, as the tend loop does."""
    await db.execute(
        "UPDATE case_file SET outcome = 'ok', closed_at = $2 WHERE incident_id = $1 AND closed_at IS NULL",
        incident.id,
        at,
    )
    await db.execute("UPDATE incident SET closed_at = $2, key_enc = NULL WHERE id = $1", incident.id, at)
