"""The world of the route tests: one thing of every kind for every kind of organisation, all of it real."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from alerts.staff_contacts_store import add_contact
from checkin.cases_store import open_due_cases
from checkin.family_store import make_link as make_family_link
from checkin.family_store import own_link as own_family_link
from checkin.staff_alert_store import new_link, own_links
from core.audit import Actor
from core.audit_chain import canonical
from core.clock import FixedClock
from core.db import Connection, Pool, transaction
from core.i18n import Catalogs
from core.model import OrgKind, Role
from core.tokens import token_hash
from core.verify_store import Verdict
from core.web import SITE
from ops.audit_report import document
from ops.auditor import Pseudonyms
from ops.auditor_store import Report, add_report
from ops.process import process_of
from ops.site_web import build_app
from registry import store
from registry.api_tokens import ApiToken, Scope
from registry.approvals import Kind
from registry.approvals_store import approve, propose
from registry.break_glass_store import open_glass
from registry.import_run_store import new_run
from registry.poster_store import make_poster, poster_token
from registry.signin_store import make_invitation, make_signin_link, open_session
from registry.volunteer_store import make_pass
from registry.webhook_store import create_webhook
from registry.webhooks import Event
from tests.alerts_kit import still_deps
from tests.api_kit import give_token
from tests.contract.route_table import ROLES
from tests.incidents import make_incident, make_link, tell
from tests.pages import make_app
from tests.people import (
    MASHIKI,
    NOW,
    VAULT,
    Org,
    make_org,
    make_place,
    make_resident,
    make_site,
    make_staff,
    whole_session,
)

SQL_SUPERVISES = "INSERT INTO org_relation (org_id, other_id, kind) VALUES ($1, $2, 'supervises')"
SQL_PASSKEY = """
INSERT INTO passkey (id, staff_id, credential_id, public_key, sign_count, name, created_at)
VALUES ($1, $2, $3, '\\x00', 0, 'Key', $4)
"""
SQL_AUDIT_KEY = "INSERT INTO audit_key (id, public_key, since) VALUES ('00000000000000aa', $1, $2)"
SQL_DEPUTY = """
INSERT INTO deputy (id, org_id, staff_id, deputy_id, from_day, until_day, created_at)
VALUES ($1, $2, $3, $4, '2026-12-01', '2026-12-05', $5)
"""
SQL_DUTY = """
INSERT INTO duty (id, org_id, staff_id, starts_at, ends_at, created_at)
VALUES ($1, $2, $3, $4::timestamptz + interval '1 day', $4::timestamptz + interval '2 days', $4)
"""
SQL_BY_PASS = "UPDATE staff SET volunteer_pass_id = (SELECT id FROM volunteer_pass WHERE org_id = $2) WHERE id = $1"
SQL_SESSION_HANDLE = "SELECT id FROM session WHERE staff_id = $1 ORDER BY created_at DESC, id LIMIT 1"
SQL_CASES = "SELECT c.id, c.resident_id, m.dorm_id FROM case_file c JOIN membership m USING (resident_id)"
SQL_TOTP = "INSERT INTO totp (staff_id, secret_enc, confirmed_at) VALUES ($1, 'x', $2)"
SQL_CLOSE = "UPDATE incident SET closed_at = $1, key_enc = NULL WHERE closed_at IS NULL"

#: What a disclosure in an emergency asks for.
GLASS = {
    "scope": "Mashiki",
    "purpose": "search",
    "recipient": "Fire service",
    "fields": ["name"],
    "municipality": "43443",
    "person": None,
}


@dataclass
class World:
    """A running website, a session of each role, and the ids and tokens that the tables speak of."""

    client: TestClient[web.Request, web.Application]
    clock: FixedClock
    sessions: dict[str, str]
    ids: dict[str, Any]
    #: Kind of thing -> whose (a name of `orgs`) -> its id, as it stands in a path.
    things: Mapping[str, dict[str, str]]
    orgs: dict[str, Org]
    #: Role -> a session that came by a one-time link and has set nothing up; one that has not shown its second factor.
    no_password: dict[str, str] = field(default_factory=dict)
    unproven: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, who: str, path: str, method: str = "GET", data: Mapping[str, str] | None = None, **headers: str
    ) -> tuple[int, str, str]:
        """Status, text and Location for a role's letter, or "-" for anybody who is not signed in."""
        status, text, got = await self.ask_session(
            self.sessions.get(who, ""), path, method, {"form_token": "wrong"} if data is None else data, **headers
        )
        return status, text, got.get("Location", "")

    async def ask_session(
        self, session: str, path: str, method: str = "GET", data: Mapping[str, str] | None = None, **headers: str
    ) -> tuple[int, str, Mapping[str, str]]:
        """Status, text and headers for a session ("" for none). A POST sends `data` as a form."""
        sent = {"Accept-Language": "en"} | headers
        if session:
            sent["Cookie"] = f"daijobu={session}"
        # Three kinds of wrong links in one minute would meet the brake for guessers: not what these tests are about.
        self.client.server.app[SITE].extras.pop("link_misses", None)  # type: ignore[attr-defined]
        body = data if method == "POST" else None
        async with self.client.request(method, path, headers=sent, data=body, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer.headers.copy()

    async def act(self, who: str, path: str, fields: Mapping[str, str], **headers: str) -> tuple[int, str]:
        """Send a form of a role's own page, with its valid form token: (status, text)."""
        session = self.sessions[who]
        form = dict(fields) | {"form_token": VAULT.form_token(session)}
        status, text, _ = await self.ask_session(session, path, "POST", form, **headers)
        return status, text


async def _organisations(db: Pool) -> dict[str, Org]:
    kinds = {
        "employer": OrgKind.EMPLOYER,
        "sibling": OrgKind.EMPLOYER,
        "else": OrgKind.EMPLOYER,
        "group": OrgKind.COMMUNITY,
        "other_group": OrgKind.COMMUNITY,
        "union": OrgKind.SUPERVISING,
        "other_union": OrgKind.SUPERVISING,
        "network": OrgKind.VOLUNTEER_NETWORK,
        "other_network": OrgKind.VOLUNTEER_NETWORK,
        "operator": OrgKind.OPERATOR,
        "partner": OrgKind.PARTNER,
        "other_partner": OrgKind.PARTNER,
        "auditor": OrgKind.AUDITOR,
        "other_auditor": OrgKind.AUDITOR,
        "umbrella": OrgKind.UMBRELLA,
    }
    orgs = {name: await make_org(db, kind) for name, kind in kinds.items()}
    for above, below in (("union", "employer"), ("union", "sibling"), ("other_union", "else")):
        await db.execute(SQL_SUPERVISES, orgs[above].id, orgs[below].id)
    return orgs


#: Prefix of an organisation's ids in the tables of pages.
PREFIX = {"employer": "", "sibling": "sibling_", "group": "group_", "else": "else_"}
#: The organisation behind each role's letter.
HOME = {
    "O": "operator", "E": "employer", "S": "union", "C": "group", "K": "network", "V": "network", "P": "partner",
    "A": "auditor", "U": "umbrella", "T": "operator",
}  # fmt: skip


async def _things(conn: Connection, orgs: dict[str, Org], *, reports: bool) -> dict[str, dict[str, str]]:
    """What every organisation keeps for itself."""
    made: dict[str, dict[str, str]] = defaultdict(dict)
    key = bytes(32)
    if reports:
        await conn.execute(SQL_AUDIT_KEY, key, NOW)
    for name, org in orgs.items():
        role = next((role for letter, role in ROLES.items() if orgs[HOME[letter]].kind is org.kind), Role.EMPLOYER)
        made["org"][name] = str(org.id)
        colleague = await make_staff(conn, org.id, role)
        made["colleague"][name] = str(colleague)
        await open_session(conn, colleague, NOW, "test")
        made["session"][name] = str(await conn.fetchval(SQL_SESSION_HANDLE, colleague))
        passkey = uuid4()
        await conn.execute(SQL_PASSKEY, passkey, colleague, passkey.bytes, NOW)
        made["passkey"][name] = str(passkey)
        made["deputy"][name] = str(uuid4())
        await conn.execute(SQL_DEPUTY, UUID(made["deputy"][name]), org.id, org.staff_id, colleague, NOW)
        if org.kind in (OrgKind.EMPLOYER, OrgKind.COMMUNITY, OrgKind.SUPERVISING):
            run = await new_run(conn, VAULT, org.id, org.staff_id, file_name="people.csv", body=b"name\nA\n", now=NOW)
            made["run"][name] = str(run)
        if org.kind is OrgKind.COMMUNITY:
            poster = await make_poster(conn, VAULT, org_id=org.id, label="Hall", staff_id=org.staff_id, now=NOW)
            made["poster"][name] = str(poster)
        if org.kind is OrgKind.VOLUNTEER_NETWORK:
            made |= await _of_network(conn, org, colleague, name, made)
        if reports and org.kind is OrgKind.AUDITOR:
            report = _report(uuid4(), key)
            await add_report(conn, report, org_id=org.id, staff_id=org.staff_id)
            made["report"][name] = str(report.id)
    return made


def _report(report_id: UUID, key: bytes) -> Report:
    """A report of an auditor, with nothing in it."""
    begin = NOW.replace(day=1)
    made = document(
        report_id=report_id,
        auditor="Auditor",
        organisation="Office",
        remarks="",
        made_at=NOW,
        period=(begin, NOW),
        seed="",
        process=process_of(Catalogs.load()),
        counted=[],
        decisions=[],
        rows=[],
        names=Pseudonyms(bytes(32)),
        verdict=Verdict(None, 0, 0, 0, 0, 0, 0, 0, None, {}),
    )
    return Report(report_id, begin, NOW, NOW, canonical(made).decode(), "00000000000000aa", bytes(64), key)


async def _of_network(
    conn: Connection, org: Org, second: UUID, name: str, made: Mapping[str, dict[str, str]]
) -> Mapping[str, dict[str, str]]:
    """A volunteer who came by the leader's QR code, a disclosure that is open, and one that waits."""
    leader = Actor("Leader", org.staff_id, org.id)
    volunteer = await make_staff(conn, org.id, Role.VOLUNTEER)
    await make_pass(conn, VAULT, leader, 5, NOW)
    await conn.execute(SQL_BY_PASS, volunteer, org.id)
    made["volunteer"][name] = str(volunteer)
    made["duty"][name] = str(uuid4())
    await conn.execute(SQL_DUTY, UUID(made["duty"][name]), org.id, second, NOW)
    first = await propose(conn, Kind.BREAK_GLASS, GLASS, org.staff_id, NOW)
    await approve(conn, first, second, NOW)
    made["glass"][name] = str(await open_glass(conn, first, leader, NOW))
    made["approval"][name] = str(await propose(conn, Kind.BREAK_GLASS, GLASS, second, NOW))
    return made


async def _people(db: Pool, orgs: dict[str, Org], ids: dict[str, Any], made: dict[str, dict[str, str]]) -> None:
    """For each list of people: a dorm with somebody in it, somebody who lives alone, and an incident about both."""
    for name, prefix in PREFIX.items():
        org = orgs[name]
        dorm = await make_site(db, org.id)
        person = await make_resident(db, org.id, dorm=dorm, employee_id=f"{name}-1")
        alone = await make_resident(db, org.id, home_place_id=await make_place(db, MASHIKI), employee_id=f"{name}-2")
        invited = await make_resident(db, org.id, dorm=dorm, enrolled=False, employee_id=f"{name}-3")
        incident = await make_incident(db)
        for one in (person, alone, invited):
            await tell(db, incident, one.id)
        ids |= {
            f"{prefix}dorm": dorm[0],
            f"{prefix}person": person.id,
            f"{prefix}incident": incident.id,
            f"{prefix}alone": alone.id,
        }
        made["person"][name], made["dorm"][name] = str(person.id), str(dorm[0])
        made["incident"][name], made["employee_id"][name] = str(incident.id), f"{name}-1"
        async with transaction(db) as conn:
            await _links(conn, ids, prefix, incident, person.id, invited.id, dorm[0])
    await open_due_cases(db, NOW, lambda hazard, severity, night: 0)
    alone_ids = {str(ids[f"{prefix}alone"]): name for name, prefix in PREFIX.items()}
    for row in await db.fetch(SQL_CASES):
        if str(row["resident_id"]) in alone_ids:
            made["case"][alone_ids[str(row["resident_id"])]] = str(row["id"])


async def _links(
    conn: Connection, ids: dict[str, Any], prefix: str, incident: Any, person: UUID, invited: UUID, dorm: UUID
) -> None:
    """One link of each kind: check-in, leader, personal, enrolment, family."""
    await store.set_leader(conn, dorm, 1, resident_id=person)
    _, ids[f"{prefix}c"] = await make_link(conn, incident, resident_id=person)
    _, ids[f"{prefix}l"] = await make_link(conn, incident, kind="leader", site_id=dorm, resident_id=person)
    ids[f"{prefix}p"] = await store.personal_token(conn, VAULT, person)
    ids[f"{prefix}e"] = await store.personal_token(conn, VAULT, invited)
    await make_family_link(conn, VAULT, person, NOW)
    family = await own_family_link(conn, VAULT, person, NOW)
    assert family is not None
    ids[f"{prefix}f"] = family.token


async def _staff_links(conn: Connection, orgs: dict[str, Org], ids: dict[str, Any], made: Mapping[str, Any]) -> None:
    ids["enter"] = await make_signin_link(conn, UUID(made["colleague"]["employer"]), NOW)
    ids["join"] = await make_invitation(conn, org_id=orgs["employer"].id, role=Role.EMPLOYER, now=NOW)
    network = orgs["network"]
    ids["volunteer"] = await make_pass(conn, VAULT, Actor("Leader", network.staff_id, network.id), 5, NOW)
    ids["w"] = poster_token(VAULT, UUID(made["poster"]["group"]))
    for n, (name, org) in enumerate(orgs.items()):
        colleague = UUID(made["colleague"][name])
        contact = await add_contact(conn, VAULT, colleague, "phone", f"+8190{20_000_000 + n}", NOW)
        made["staff_contact"][name] = str(contact)
        link = {"org_id": org.id, "staff_id": colleague, "incident_id": ids["incident"]}
        ids[f"{name}_a"] = await new_link(conn, **link, device_sha256=token_hash("device"), now=NOW)
        made["staff_link"][name] = str((await own_links(conn, colleague, NOW))[0].id)
    ids["a"] = ids["employer_a"]
    await conn.execute("UPDATE staff_alert SET device_sha256 = NULL, opened_at = NULL WHERE id = $1",
                       UUID(made["staff_link"]["employer"]))  # fmt: skip


async def _programs(db: Pool, orgs: dict[str, Org], ids: dict[str, Any], made: dict[str, dict[str, str]]) -> None:
    roles = {"employer": Role.EMPLOYER, "sibling": Role.EMPLOYER, "else": Role.EMPLOYER, "group": Role.COMMUNITY,
             "union": Role.SUPERVISING, "other_union": Role.SUPERVISING, "partner": Role.PARTNER,
             "other_partner": Role.PARTNER}  # fmt: skip
    for name, role in roles.items():
        org = orgs[name]
        scopes = [Scope.STATUS_READ] if role is Role.PARTNER else list(Scope)
        token_id, ids[f"api_{name}"] = await give_token(db, org.id, scopes, role=role)
        made["token"][name] = str(token_id)
        token = ApiToken(token_id, org.id, org.id, role, "HR", frozenset(scopes))
        async with transaction(db) as conn:
            events = [Event.STATUS_CHANGED]
            made["webhook"][name] = str(
                await create_webhook(
                    conn, VAULT, token, url="https://hr.example/x", events=events, names=False, secret="s", now=NOW
                )
            )


async def build(db: Pool, *, reports: bool = True) -> tuple[dict[str, Org], dict[str, Any], dict[str, dict[str, str]]]:
    """Write the world: its organisations, the ids and tokens by name, and the things by kind and owner."""
    orgs = await _organisations(db)
    ids: dict[str, Any] = {"no_id": uuid4(), "no_token": "4yuJqXkYwzTb"}
    ids |= {"employer": orgs["employer"].id, "sibling": orgs["sibling"].id, "group": orgs["group"].id}
    ids["else_org"] = orgs["else"].id
    made: dict[str, dict[str, str]] = defaultdict(dict)
    await _people(db, orgs, ids, made)
    async with transaction(db) as conn:
        made |= await _things(conn, orgs, reports=reports)
        await _staff_links(conn, orgs, ids, made)
    await _programs(db, orgs, ids, made)
    for kind, key in (("run", "run"), ("poster", "poster"), ("glass", "glass"), ("report", "report"), ("case", "case")):
        for letter in ROLES:
            if HOME[letter] in made[kind]:
                ids.setdefault(key, made[kind][HOME[letter]])
        for owner, id_ in made[kind].items():
            ids.setdefault(f"{owner}_{key}", id_)
    ids["report"] = made["report"].get("auditor", ids["no_id"])
    ids["else_report"] = made["report"].get("other_auditor", ids["no_id"])
    return orgs, ids, made


async def _sessions(conn: Connection, orgs: dict[str, Org]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    whole, no_password, unproven = {}, {}, {}
    for letter, role in ROLES.items():
        org = orgs[HOME[letter]]
        own = await make_staff(conn, org.id, role) if role in (Role.VOLUNTEER, Role.TRANSLATOR) else org.staff_id
        whole[letter] = await whole_session(conn, own)
        half = await make_staff(conn, org.id, role)
        no_password[letter] = await open_session(conn, half, NOW, "test")
        careful = await make_staff(conn, org.id, role, password_hash="x")
        await conn.execute(SQL_TOTP, careful, NOW)
        unproven[letter] = await open_session(conn, careful, NOW, "test")
    return whole, no_password, unproven


@asynccontextmanager
async def world(db: Pool, *, closed: bool = False, reports: bool = True) -> AsyncIterator[World]:
    """The website on that world. `closed`: every incident has just ended; `reports`: the auditors have signed some."""
    orgs, ids, made = await build(db, reports=reports)
    clock = FixedClock(NOW)
    if closed:
        await db.execute(SQL_CLOSE, NOW)
    wired = make_app(db, [], clock)[SITE]
    wired.extras["deps"] = still_deps(db, clock)
    app = build_app(wired)
    async with TestClient(TestServer(app)) as client:
        async with transaction(db) as conn:
            whole, no_password, unproven = await _sessions(conn, orgs)
        yield World(client, clock, whole, ids, made, orgs, no_password, unproven)
