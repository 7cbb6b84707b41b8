"""Whoever reads a name leaves a row: every page that shows a resident's name wrote an audit row with that resident."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from alerts.preview import preview
from checkin.cases_store import open_due_cases
from checkin.family_store import make_link as make_family_link
from checkin.family_store import own_link as own_family_link
from core.db import Pool, Scope, ScopedPool, transaction
from registry import store
from tests.alerts_kit import MASHIKI, city, hear, quake, region, send_all, told, wires
from tests.contract.route_table import AUDIENCE_OF, ROLES, rows
from tests.incidents import make_incident, make_link, tell
from tests.people import NOW, VAULT, make_org, make_place, make_resident
from tests.route_world import World, world

SQL_AGREE = """
INSERT INTO consent (resident_id, scope, given, basis, version, language, at)
SELECT id, 'C3', true, 'own', 'test', 'en', $1 FROM resident
"""
#: Pages of `PAGES` that show residents' names in this world; one that falls out would make this test prove nothing.
SHOW_NAMES = {
    "/people",
    "/people/{id}",
    "/sites",
    "/sites/{id}",
    "/dashboard/{incident_id}",
    "/dashboard/{incident_id}/people.csv",
    "/supervising/{org_id}",
    "/board",
    "/board/{purpose}/{kind}/{id}",
    "/e/{token}",
    "/f/{token}",
    "/l/{token}",
    "/p/{token}",
    "/p/{token}/card",
    "/p/{token}/data.json",
    "/slips",
}


@asynccontextmanager
async def peopled(db: Pool, *, reports: bool = True) -> AsyncIterator[tuple[World, dict[str, str]]]:
    """The world of the route table, in which people agreed to be named and lead dorms, and pages reached by links."""
    async with world(db, reports=reports) as there:
        links: dict[str, str] = {}
        async with transaction(db) as conn:
            await conn.execute("UPDATE session SET second_factor_at = $1", NOW)
            for prefix in ("", "group_", "else_"):
                await store.set_leader(conn, there.ids[f"{prefix}dorm"], 1, resident_id=there.ids[f"{prefix}person"])
            # A leader who is no case herself is still named to whoever calls the dorm.
            second = await make_resident(conn, there.ids["employer"], dorm=(there.ids["dorm"], await make_place(conn)))
            await store.set_leader(conn, there.ids["dorm"], 2, resident_id=second.id)
            token = await store.personal_token(conn, VAULT, there.ids["person"])
            links["/p/{token}"] = f"/p/{token}"
            invited = await make_resident(conn, there.ids["employer"], enrolled=False)
            links["/e/{token}"] = f"/e/{await store.personal_token(conn, VAULT, invited.id)}"
            incident = await make_incident(conn)
            await tell(conn, incident, there.ids["person"])
            # Somebody who lives in no dorm: the board names them in its list.
            alone = await make_resident(conn, there.ids["employer"], home_place_id=await make_place(conn))
            await tell(conn, incident, alone.id)
            await conn.execute(SQL_AGREE, NOW)
            _, token = await make_link(
                conn, incident, kind="leader", site_id=there.ids["dorm"], resident_id=there.ids["person"]
            )
            links["/l/{token}"] = f"/l/{token}"
            await make_family_link(conn, VAULT, there.ids["person"], NOW)
            family = await own_family_link(conn, VAULT, there.ids["person"], NOW)
            assert family is not None
            links["/f/{token}"] = f"/f/{family.token}"
            _, token = await make_link(conn, incident, resident_id=there.ids["person"])
            links["/c/{token}"] = f"/c/{token}"
        await open_due_cases(db, NOW, lambda hazard, severity, night: 0)
        # Every further page behind the same link.
        for method, path in AUDIENCE_OF:
            first = next(
                (one for one in ("/p/{token}", "/l/{token}", "/c/{token}") if path.startswith(one + "/")), None
            )
            if method == "GET" and first is not None:
                links[path] = links[first] + path.removeprefix(first)
        yield there, links


async def named_without_a_row(db: Pool, there: World, names: dict[UUID, str], who: str, url: str) -> tuple[bool, str]:
    """Whether the page names a resident, and of whom no row was written ("" if all is well)."""
    before = await db.fetchval("SELECT coalesce(max(id), 0) FROM audit")
    status, text, _ = await there.ask(who, url)
    shown = {id_ for id_, name in names.items() if re.search(rf"{re.escape(name)}(?!\d)", text)}
    if status != 200 or not shown:
        return False, ""
    written = await db.fetch("SELECT subjects, fields FROM audit WHERE id > $1", before)
    subjects = {subject for row in written if "name" in row["fields"] for subject in row["subjects"]}
    missing = shown - subjects
    return True, f"{who} {url}: no audit row for {len(missing)} of {len(shown)} people named" if missing else ""


async def test_every_page_that_names_somebody_writes_who_was_read(db: Pool) -> None:
    wrong, naming = [], set()
    async with peopled(db) as (there, links):
        names = {row["id"]: row["name"] for row in await db.fetch("SELECT id, name FROM resident")}
        asked = [(who, path.format(**there.ids), route) for path, route, _ in rows() for who in ("-", *ROLES)]
        asked += [("-", url, route) for route, url in links.items()]
        for who, url, route in asked:
            named, complaint = await named_without_a_row(db, there, names, who, url)
            naming |= {route} if named else set()
            wrong += [complaint] if complaint else []
    assert not wrong, "\n".join(wrong)
    assert naming >= SHOW_NAMES


async def test_a_preview_on_the_command_line_writes_whom_it_names(db: Pool, db_dsn: str) -> None:
    person = await make_resident(db, home_place_id=await make_place(db))
    async with wires(db, db_dsn) as deps, transaction(db) as conn:
        told_of = await preview(deps, conn, quake(region("6-"), city(MASHIKI, "6-")))
    assert [p["name"] for p in told_of["people"]] == [person.name]
    row = await db.fetchrow("SELECT action, subjects, fields FROM audit")
    assert row is not None and (row["action"], row["subjects"]) == ("preview.read", [person.id])
    assert "name" in row["fields"]


# ---------------------------------------------------------------- the log cannot be written

#: Everybody who may write it, but for the owner.
SQL_NO_AUDIT = """
REVOKE INSERT ON audit FROM daijobu_web, daijobu_follow, daijobu_operator, daijobu_person, daijobu_door, daijobu_worker
"""


async def test_people_are_not_shown_while_the_log_cannot_be_written(db: Pool) -> None:
    async with peopled(db) as (there, links):
        names = [row["name"] for row in await db.fetch("SELECT name FROM resident")]
        before = await db.fetchval("SELECT count(*) FROM audit")
        await db.execute(SQL_NO_AUDIT)
        pages = [("E", "/people"), ("S", f"/supervising/{there.ids['employer']}"), ("K", "/board")]
        pages += [("E", f"/dashboard/{there.ids['incident']}"), ("C", "/sites"), ("-", links["/l/{token}"])]
        for who, url in pages:
            status, text, _ = await there.ask(who, url)
            assert status == 503, f"{who} {url}: {status}"
            assert not [name for name in names if name in text], url
            assert ("audit log cannot be written" in text) == (who != "-"), url
        # Whoever must answer, or is only shown numbers, is not held up.
        assert (await there.ask("-", links["/c/{token}"]))[0] == 200
        assert (await there.ask("O", f"/dashboard/{there.ids['incident']}"))[0] == 200
        assert await db.fetchval("SELECT count(*) FROM audit") == before


async def test_alerts_go_out_while_the_log_cannot_be_written(db: Pool, db_dsn: str) -> None:
    person = await make_resident(db, (await make_org(db)).id, home_place_id=await make_place(db))
    await db.execute(SQL_NO_AUDIT)
    async with wires(ScopedPool(db, Scope("daijobu_worker")), db_dsn) as deps:
        await hear(deps, quake(region("6-"), city(MASHIKI, "6-")))
        await send_all(deps)
    assert await told(db, "issue") == {person.id}
    sent = await db.fetchval("SELECT count(*) FROM message WHERE resident_id = $1 AND state = 'sent'", person.id)
    assert sent == 1
