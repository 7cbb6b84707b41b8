"""Who sees which fields: a person whose every field is a mark, and the marks found in all that each role can reach.

`golden_fields.txt` says per visitor and route exactly which marks appear, in any part, file or answer. What is not
there must not appear at all. A private answer is looked at in `tests/story/test_private_answer.py`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from checkin.cases_store import open_due_cases
from checkin.staff_alert_store import new_link
from checkin.store import record_check_in
from checkin.webhook_watch_store import watch
from core.db import Pool, transaction
from core.ids import uuid7
from core.model import Answer, AnsweredBy, Role
from core.tokens import token_hash
from registry import store
from registry.access import FIELDS
from registry.consent import Choice
from registry.consent_store import record
from registry.location import Position
from registry.location_store import share_location
from registry.needs_store import Need, set_needs
from registry.records import NewContact
from tests.alerts_kit import CATALOGS
from tests.api_kit import Program
from tests.contract.route_table import AUDIENCE_OF, ROLES, rows
from tests.incidents import TestIncident as Incident
from tests.incidents import make_link, make_message, tell
from tests.people import MASHIKI, NOW, VAULT, make_org, make_resident, make_site
from tests.route_world import World, world

GOLDEN = Path(__file__).with_name("golden_fields.txt")

#: Mark -> how it looks wherever it appears.
MARKS = {
    "name": r"Zqname",
    "phone": r"7771\D?2399",
    "email": r"zqmail",
    "handle": r"zqhandle",
    "room": r"ZqRoom7",
    "employee_id": r"ZQ-EMP-77",
    "dorm": r"Zqdorm",
    "site": r"Zqworks",
    "shift": r"zqshift",
    "landline": r"999\D?8877",
    "home_address": r"zq宮園702",
    "work_address": r"zq工業9",
    "postal_code": r"861-?2299",
    "mesh": r"32\.7906|130\.8203",
    "point": r"32\.79123|130\.82123",
    "position": r"32\.79456|130\.82456",
    "note": r"zqnote",
    "need": r"zqneed",
    "other_org": r"Zqother Foods",
    "partner": r"Zqpartner",
    "leader": r"Zqleader",
    "clerk_email": r"zqclerk@",
    "personal_token": "",  # set when it is known
    "checkin_token": "",
}
#: What no organisation that keeps a list of people may ever be shown of them, wherever it is looked for.
NEVER_EMPLOYERS = {"phone", "email", "handle", "home_address", "work_address", "postal_code", "mesh", "point", "note",
                   "position", "need", "other_org", "partner", "personal_token", "checkin_token"}  # fmt: skip
#: Marks that are no field of a person: the organisation's own site and staff.
NOT_OF_PERSON = {"landline", "clerk_email", "leader"}

SQL_PLACE = """
INSERT INTO place (id, label, postal_code, lat, lon, precision, point_enc, address_enc)
VALUES ($1, $2, '8612299', 32.7906, 130.8203, 'exact', $3, $4)
"""
SQL_PLACE_AREA = "INSERT INTO place_area (scheme, code, place_id) VALUES ($1, $2, $3)"
SQL_MEMBER = """
INSERT INTO membership (resident_id, org_id, employee_id, room, created_at) VALUES ($1, $2, 'OTHER-1', 'ZqOther9', $3)
"""
SQL_VIEW = "UPDATE resident SET orgs = array_append(orgs, $2) WHERE id = $1"
SQL_CALL = "UPDATE organisation SET name = $2 WHERE id = $1"
SQL_EMAIL = "UPDATE staff SET email = $2 WHERE id = $1"
SQL_PAYLOADS = "SELECT d.payload::text AS text, w.names FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id"


async def _place(db: Pool, address: str) -> UUID:
    place_id = uuid7()
    point = VAULT.encrypt("32.79123,130.82123", place_id, "place.point_enc")
    await db.execute(SQL_PLACE, place_id, "", point, VAULT.encrypt(address, place_id, "place.address_enc"))
    await db.executemany(SQL_PLACE_AREA, [(scheme, code, place_id) for scheme, code in MASHIKI])
    return place_id


@dataclass
class Marked:
    """The marked person and what leads to them."""

    person: UUID
    dorm: UUID
    incident: UUID
    token: str
    checkin: str


async def mark(db: Pool, there: World) -> Marked:
    """Put the marked person into the employer's open incident, and let them be told, be silent, and tell."""
    employer, partner = there.orgs["employer"], there.orgs["partner"]
    other = await make_org(db, name="Zqother Foods")
    await db.execute(SQL_CALL, partner.id, "Zqpartner")
    await db.execute(SQL_EMAIL, employer.staff_id, "zqclerk@canary.example")
    dorm = await make_site(db, employer.id, name="Zqdorm", landline="+81969998877")
    works = await make_site(db, employer.id, kind="workplace", name="Zqworks", shift="zqshift")
    home, work = await _place(db, "zq宮園702"), await _place(db, "zq工業9")
    leader = await make_resident(db, employer.id, name="Zqleader", dorm=dorm)
    person = await make_resident(
        db, employer.id, name="Zqname", language="ne", phone="+819077712399", dorm=dorm, workplace=(works[0], work),
        home_place_id=home, room="ZqRoom7", employee_id="ZQ-EMP-77", second_language="my", shift="zqshift",
        contacts=[NewContact("email", "zqmail@canary.example"), NewContact("zalo", "zqhandle", "handle")],
    )  # fmt: skip
    for org in (other.id, partner.id):
        await db.execute(SQL_MEMBER, person.id, org, NOW)
        await db.execute(SQL_VIEW, person.id, org)
    incident = Incident(there.ids["incident"], await _alert(db, there.ids["incident"]), "live", "extreme", bytes(32))
    async with transaction(db) as conn:
        await store.set_leader(conn, dorm[0], 1, resident_id=leader.id)
        given = [
            Choice("C2", True, employer.id),
            Choice("C2", True, partner.id),
            Choice("C3", True, None),
            Choice("C4", True, None),
        ]
        await record(conn, CATALOGS, person.id, given, language="ne", now=NOW)
        await set_needs(conn, VAULT, person.id, [Need("other", "zqneed")], NOW)
        for one in (person.id, leader.id):
            await tell(conn, incident, one)
        await make_message(conn, incident, person.id, state="delivered")
        _, checkin = await make_link(conn, incident, resident_id=person.id)
        token = await store.personal_token(conn, VAULT, person.id)
    assert token is not None
    await open_due_cases(db, NOW, lambda hazard, severity, night: 0)
    await watch(db, NOW)
    async with transaction(db) as conn:
        await record_check_in(
            conn, VAULT, incident_id=incident.id, resident_id=person.id, answer=Answer.HELP,
            answered_by=AnsweredBy.SELF, via="page", tapped_at=NOW, now=NOW, note="zqnote",
        )  # fmt: skip
        here = Position(32.79456, 130.82456, 12)
        await share_location(conn, VAULT, CATALOGS, person.id, incident.id, here, language="ne", now=NOW)
    await watch(db, NOW)
    return Marked(person.id, dorm[0], incident.id, token, checkin)


async def _alert(db: Pool, incident: UUID) -> UUID:
    found: UUID = await db.fetchval("SELECT id FROM alert WHERE incident_id = $1", incident)
    return found


def marks_in(text: str, marked: Marked) -> set[str]:
    patterns = MARKS | {"personal_token": marked.token, "checkin_token": marked.checkin}
    return {mark for mark, pattern in patterns.items() if re.search(pattern, text)}


async def everything(db: Pool, there: World, marked: Marked) -> dict[tuple[str, str], set[str]]:
    """(visitor, route) -> the marks found in all that this visitor gets from this route."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    ids = there.ids | {"person": marked.person, "dorm": marked.dorm, "alone": marked.person}
    for who in ("-", *ROLES):
        for path, route, _ in rows():
            if "{token}" in route:
                continue
            for header in ({}, {"X-Fragment": "1"}):
                _, text, _ = await there.ask(who, path.format(**ids), **header)
                found[who, route] |= marks_in(text, marked)
    for who in ("K", "V"):
        for why in ("call", "visit"):
            fields = {"why": why, "who": f"resident:{marked.person}"}
            status, text = await there.act(who, f"/board/live/dorm/{marked.dorm}/reveal", fields)
            assert status == 200, text
            found[who, f"reveal to {why}"] |= marks_in(text, marked)
    for owner in ("employer", "sibling", "union", "group", "partner", "else"):
        await _program(there, marked, owner, found)
    for begin, token in (("/c/", marked.checkin), ("/p/", marked.token)):
        for method, path in AUDIENCE_OF:
            if method == "GET" and path.startswith(begin):
                _, text, _ = await there.ask("-", path.replace("{token}", token))
                found["link", path] |= marks_in(text, marked)
    for owner, path in (await _staff_links(db, there, marked)).items():
        status, text, _ = await there.ask("-", path, Cookie="alert=golden")
        assert status == 200, f"{owner}: {text}"
        found[f"night {owner}", "/a/{token}"] |= marks_in(text, marked)
    return {key: marks for key, marks in found.items() if marks}


async def _staff_links(db: Pool, there: World, marked: Marked) -> dict[str, str]:
    """Who is called at night, and the way of their link, opened on their device already."""
    links = {}
    for owner in ("employer", "sibling", "union", "group", "partner", "network"):
        org = there.orgs[owner]
        async with transaction(db) as conn:
            token = await new_link(
                conn, org_id=org.id, staff_id=org.staff_id, incident_id=marked.incident,
                device_sha256=token_hash("golden"), now=NOW,
            )  # fmt: skip
        links[owner] = f"/a/{token}"
    return links


async def _program(there: World, marked: Marked, owner: str, found: dict[tuple[str, str], set[str]]) -> None:
    program = Program(there.client, str(there.ids[f"api_{owner}"]))
    for (method, path), audience in AUDIENCE_OF.items():
        if audience != "api" or method != "GET":
            continue
        url = path.removeprefix("/api/v1").replace("{employee_id}", "ZQ-EMP-77")
        id_ = marked.dorm if "sites" in url else marked.incident
        reply = await program.call("GET", url.replace("{id}", str(id_)))
        found[f"api {owner}", path] |= marks_in(reply.text, marked)


def golden() -> dict[tuple[str, str], set[str]]:
    """The table: visitor, " | ", route, " | ", marks."""
    table = {}
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            who, route, marks = (part.strip() for part in line.split("|"))
            table[who, route] = set(marks.split())
    return table


def _lines(table: dict[tuple[str, str], set[str]]) -> list[str]:
    return [f"{who} | {route} | {' '.join(sorted(marks))}" for (who, route), marks in sorted(table.items())]


async def test_exactly_these_fields_appear(db: Pool) -> None:
    async with world(db) as there:
        marked = await mark(db, there)
        found = await everything(db, there, marked)
        payloads = [row for row in await db.fetch(SQL_PAYLOADS)]
        assert payloads, "the answer was news for the employer's webhook"
        assert set().union(*(marks_in(row["text"], marked) for row in payloads)) == set(), "ids only"
    wanted = golden()
    unexpected = sorted(set(_lines(found)) - set(_lines(wanted)))
    missing = sorted(set(_lines(wanted)) - set(_lines(found)))
    assert not unexpected and not missing, "found:\n" + "\n".join(unexpected) + "\nin the table:\n" + "\n".join(missing)


def test_the_table_keeps_to_the_field_lists() -> None:
    """The table itself is bound by `registry.access.FIELDS`: a mistake in it cannot be written down as right."""
    same: dict[str, Any] = {"phone": "phone_on_request", "email": "phone_on_request", "handle": "phone_on_request",
                            "position": "location"}  # fmt: skip
    for (who, route), marks in golden().items():
        role = ROLES.get(who)
        if role is None:
            continue
        seen = marks - NOT_OF_PERSON
        if who == "O":  # names of organisations, on pages that speak of no person
            seen -= {"other_org", "partner"}
        if who == "P":  # its own name
            seen -= {"partner"}
        assert who not in "OAU" or not seen, f"{who} {route}: sees numbers only, not {seen}"
        if who in "ESCP":
            assert not seen & NEVER_EMPLOYERS, f"{who} {route}"
        assert who != "V" or "need" not in marks, f"{who} {route}: special care is for coordinators"
        if who in "KV" and route.startswith("reveal"):
            seen -= {"home_address", "work_address"}  # to whoever is on the way: asked for with a reason, written down
        if who in "KV":  # whom to call about the person
            seen -= {"other_org", "partner"}
        assert {same.get(mark, mark) for mark in seen} <= FIELDS[role] | {"shift"}, f"{who} {route}"


def test_programs_are_given_no_more_than_pages() -> None:
    table = golden()
    for who, letter in (("api employer", "E"), ("api group", "C"), ("api union", "S"), ("api partner", "P")):
        by_api = set().union(*(marks for (one, _), marks in table.items() if one == who), set())
        by_page = set().union(*(marks for (one, _), marks in table.items() if one == letter), set())
        assert by_api <= by_page | set(FIELDS[Role.EMPLOYER] if letter == "E" else ()), who
