"""Who may call what, written down by hand: every route has an audience, and every role gets what the table says.

A new route fails the first test until it stands in `AUDIENCE_OF`; a new page for staff fails the second until `PAGES`
says what each role sees there, for its own things and for somebody else's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from checkin.cases_store import open_due_cases
from core.clock import FixedClock
from core.db import Pool
from core.model import OrgKind, Role
from core.web import SITE
from ops.site_web import ALL_ROUTES, build_app
from tests.incidents import make_incident, tell
from tests.pages import make_app
from tests.people import NOW, make_org, make_resident, make_site, make_staff, whole_session

#: Letters of the tables below.
ROLES = {
    "O": Role.OPERATOR,
    "E": Role.EMPLOYER,
    "S": Role.SUPERVISING,
    "C": Role.COMMUNITY,
    "K": Role.COORDINATOR,
    "V": Role.VOLUNTEER,
    "P": Role.PARTNER,
    "A": Role.AUDITOR,
    "U": Role.UMBRELLA,
}
ANYBODY = "".join(ROLES)

#: Method and path -> "public", "token", "api" or the letters of the roles it is for.
AUDIENCE_OF = {
    ("GET", "/"): "public",
    ("GET", "/healthz"): "public",
    ("GET", "/sw.js"): "public",
    ("GET", "/push/key"): "public",
    ("GET", "/sign-in"): "public",
    ("POST", "/sign-in"): "public",
    ("GET", "/sign-in/oidc"): "public",
    ("GET", "/sign-in/oidc/done"): "public",
    ("POST", "/sign-in/oidc/done"): "public",
    ("GET", "/enter/{token}"): "token",
    ("POST", "/enter/{token}"): "token",
    ("GET", "/join/{token}"): "token",
    ("POST", "/join/{token}"): "token",
    ("GET", "/c/{token}"): "token",
    ("HEAD", "/c/{token}"): "token",
    ("POST", "/c/{token}"): "token",
    ("POST", "/c/{token}/detail"): "token",
    ("POST", "/c/{token}/real"): "token",
    ("GET", "/l/{token}"): "token",
    ("HEAD", "/l/{token}"): "token",
    ("POST", "/l/{token}"): "token",
    ("GET", "/p/{token}"): "token",
    ("POST", "/p/{token}"): "token",
    ("GET", "/p/{token}/stop"): "token",
    ("POST", "/p/{token}/stop"): "token",
    ("GET", "/p/{token}/consent"): "token",
    ("POST", "/p/{token}/consent"): "token",
    ("GET", "/p/{token}/seen"): "token",
    ("GET", "/p/{token}/data.json"): "token",
    ("GET", "/p/{token}/pause"): "token",
    ("POST", "/p/{token}/pause"): "token",
    ("POST", "/p/{token}/stay"): "token",
    ("POST", "/p/{token}/read"): "token",
    ("GET", "/p/{token}/delete"): "token",
    ("POST", "/p/{token}/delete"): "token",
    ("GET", "/p/{token}/family"): "token",
    ("POST", "/p/{token}/family"): "token",
    ("GET", "/f/{token}"): "token",
    ("GET", "/p/{token}/card"): "token",
    ("GET", "/p/{token}/away"): "token",
    ("POST", "/p/{token}/away"): "token",
    ("GET", "/p/{token}/same"): "token",
    ("POST", "/p/{token}/same"): "token",
    ("GET", "/e/{token}"): "token",
    ("POST", "/e/{token}"): "token",
    ("GET", "/w/{token}"): "token",
    ("POST", "/w/{token}"): "token",
    ("POST", "/push/test"): "token",
    ("POST", "/t/s/{message_id}"): "token",
    ("POST", "/push/subscribe"): "token",
    ("POST", "/push/unsubscribe"): "token",
    ("POST", "/push/receipt"): "token",
    ("POST", "/sign-out"): ANYBODY,
    ("GET", "/account"): ANYBODY,
    ("POST", "/account"): ANYBODY,
    ("GET", "/account/sessions"): ANYBODY,
    ("POST", "/account/sessions/end-others"): ANYBODY,
    ("POST", "/account/sessions/{id}/end"): ANYBODY,
    ("GET", "/account/second-factor"): ANYBODY,
    ("GET", "/account/second-factor/app"): ANYBODY,
    ("POST", "/account/second-factor/app"): ANYBODY,
    ("POST", "/account/second-factor/app/confirm"): ANYBODY,
    ("POST", "/account/second-factor/app/remove"): ANYBODY,
    ("POST", "/account/second-factor/passkey"): ANYBODY,
    ("POST", "/account/second-factor/passkey/{id}/remove"): ANYBODY,
    ("POST", "/account/second-factor/codes"): ANYBODY,
    ("GET", "/second-factor"): ANYBODY,
    ("POST", "/second-factor"): ANYBODY,
    ("GET", "/step-up"): ANYBODY,
    ("POST", "/step-up"): ANYBODY,
    ("GET", "/sign-in-help"): "OESCKP",
    ("POST", "/sign-in-help/{id}"): "OESCKP",
    ("POST", "/sign-in-help/{id}/end"): "OESCKP",
    ("GET", "/approvals"): "OK",
    ("POST", "/approvals/{id}"): "OK",
    ("GET", "/team/qr"): "K",
    ("POST", "/team/qr"): "K",
    ("POST", "/team/qr/end"): "K",
    ("POST", "/team/qr/remove/{id}"): "K",
    ("GET", "/volunteer/{token}"): "token",
    ("POST", "/volunteer/{token}"): "token",
    ("GET", "/status"): ANYBODY,
    ("GET", "/events/stream"): ANYBODY,
    ("GET", "/operator"): "O",
    ("POST", "/operator/region"): "O",
    ("POST", "/operator/organisation"): "O",
    ("POST", "/operator/invitation"): "O",
    ("POST", "/operator/test"): "O",
    ("GET", "/import"): "ESC",
    ("POST", "/import"): "ESC",
    ("GET", "/import/template.csv"): "ESC",
    ("POST", "/import/{run}"): "ESC",
    ("GET", "/import/{run}"): "ESC",
    ("POST", "/import/{run}/columns"): "ESC",
    ("GET", "/import/{run}/undo"): "ESC",
    ("POST", "/import/{run}/undo"): "ESC",
    ("POST", "/import/{run}/discard"): "ESC",
    ("GET", "/people"): "ESC",
    ("GET", "/people/unreached"): "ESC",
    ("GET", "/people/unreached.csv"): "ESC",
    ("GET", "/people/new"): "ESC",
    ("POST", "/people/new"): "ESC",
    ("GET", "/people/{id}"): "ESC",
    ("POST", "/people/{id}/invitation"): "ESC",
    ("POST", "/people/{id}/end"): "ESC",
    ("POST", "/people/{id}/away"): "ESC",
    ("GET", "/slips"): "ESC",
    ("GET", "/posters"): "C",
    ("POST", "/posters"): "C",
    ("GET", "/posters/{id}"): "C",
    ("POST", "/posters/{id}/end"): "C",
    ("GET", "/sites"): "ESC",
    ("POST", "/sites"): "ESC",
    ("GET", "/sites/{id}"): "ESC",
    ("POST", "/sites/{id}"): "ESC",
    ("GET", "/team"): "ESCK",
    ("POST", "/team/invite"): "ESCK",
    ("POST", "/team/{id}/disable"): "ESCK",
    ("POST", "/team/employer"): "S",
    ("GET", "/dashboard"): "OEC",
    ("GET", "/dashboard/{incident_id}"): "OEC",
    ("POST", "/dashboard/{incident_id}/answer"): "EC",
    ("GET", "/dashboard/{incident_id}/people.csv"): "EC",
    ("GET", "/supervising"): "S",
    ("GET", "/supervising/{org_id}"): "S",
    ("GET", "/board"): "KV",
    ("GET", "/board/break-glass"): "K",
    ("POST", "/board/break-glass"): "K",
    ("GET", "/board/break-glass/{id}"): "K",
    ("POST", "/board/break-glass/{id}/open"): "K",
    ("POST", "/board/break-glass/{id}/end"): "K",
    ("POST", "/board/protect/{id}"): "K",
    ("GET", "/board/{purpose}/{kind}/{id}"): "KV",
    ("POST", "/board/{purpose}/{kind}/{id}/claim"): "KV",
    ("POST", "/board/{purpose}/{kind}/{id}/release"): "KV",
    ("POST", "/board/{purpose}/{kind}/{id}/outcome"): "KV",
    ("POST", "/board/{purpose}/{kind}/{id}/note"): "KV",
    ("POST", "/board/{purpose}/{kind}/{id}/reveal"): "KV",
    ("GET", "/audit"): "A",
    ("GET", "/audit/numbers"): "A",
    ("GET", "/audit/samples"): "A",
    ("GET", "/audit/chain"): "A",
    ("POST", "/audit/chain"): "A",
    ("GET", "/audit/reports"): "A",
    ("POST", "/audit/reports"): "A",
    ("GET", "/audit/reports/{id}"): "A",
    ("GET", "/audit/reports/{id}/report.json"): "A",
    ("GET", "/api-tokens"): "ESCP",
    ("POST", "/api-tokens"): "ESCP",
    ("POST", "/api-tokens/{id}/revoke"): "ESCP",
    ("POST", "/api-tokens/webhooks/{id}/again"): "ESCP",
    ("POST", "/api-tokens/webhooks/{id}/end"): "ESCP",
    # Programs: a token, not a session. What each scope and organisation gets: test_api_people.py, test_api_matrix.py.
    ("GET", "/api/v1/people"): "api",
    ("HEAD", "/api/v1/people"): "api",
    ("POST", "/api/v1/people"): "api",
    ("GET", "/api/v1/people/{employee_id}"): "api",
    ("HEAD", "/api/v1/people/{employee_id}"): "api",
    ("PUT", "/api/v1/people/{employee_id}"): "api",
    ("POST", "/api/v1/people/{employee_id}/end"): "api",
    ("POST", "/api/v1/people/{employee_id}/invitation"): "api",
    ("GET", "/api/v1/sites"): "api",
    ("HEAD", "/api/v1/sites"): "api",
    ("POST", "/api/v1/sites"): "api",
    ("GET", "/api/v1/sites/{id}"): "api",
    ("HEAD", "/api/v1/sites/{id}"): "api",
    ("GET", "/api/v1/incidents"): "api",
    ("HEAD", "/api/v1/incidents"): "api",
    ("GET", "/api/v1/incidents/{id}"): "api",
    ("HEAD", "/api/v1/incidents/{id}"): "api",
    ("GET", "/api/v1/incidents/{id}/statuses"): "api",
    ("HEAD", "/api/v1/incidents/{id}/statuses"): "api",
    ("GET", "/api/v1/webhooks"): "api",
    ("HEAD", "/api/v1/webhooks"): "api",
    ("POST", "/api/v1/webhooks"): "api",
    ("GET", "/api/v1/webhooks/{id}"): "api",
    ("HEAD", "/api/v1/webhooks/{id}"): "api",
    ("PUT", "/api/v1/webhooks/{id}"): "api",
    ("DELETE", "/api/v1/webhooks/{id}"): "api",
    ("POST", "/api/v1/webhooks/{id}/secret"): "api",
    ("GET", "/api/v1/webhooks/{id}/dead"): "api",
    ("HEAD", "/api/v1/webhooks/{id}/dead"): "api",
    ("POST", "/api/v1/webhooks/{id}/again"): "api",
    ("GET", "/api/v1/openapi.json"): "public",
    ("HEAD", "/api/v1/openapi.json"): "public",
}

# Rows: path as asked for, its route, and the status for anonymous, O, E, S, C, K, V, P, A, U. The employer and the
# community group each have a person, a dorm and an incident of their own; the supervising organisation supervises that
# employer; {else_*} belongs to an employer nobody here has to do with; {no_id} to nobody.
PAGES = """
/                                 /                                    200 200 200 200 200 200 200 200 200 200
/healthz                          /healthz                             200 200 200 200 200 200 200 200 200 200
/sw.js                            /sw.js                               200 200 200 200 200 200 200 200 200 200
/push/key                         /push/key                            200 200 200 200 200 200 200 200 200 200
/sign-in                          /sign-in                             200 200 200 200 200 200 200 200 200 200
/sign-in/oidc                     /sign-in/oidc                        404 404 404 404 404 404 404 404 404 404
/sign-in/oidc/done                /sign-in/oidc/done                   404 404 404 404 404 404 404 404 404 404
/enter/nothing                    /enter/{token}                       404 404 404 404 404 404 404 404 404 404
/join/nothing                     /join/{token}                        404 404 404 404 404 404 404 404 404 404
/c/nothing                        /c/{token}                           404 404 404 404 404 404 404 404 404 404
/l/nothing                        /l/{token}                           404 404 404 404 404 404 404 404 404 404
/p/nothing                        /p/{token}                           404 404 404 404 404 404 404 404 404 404
/p/nothing/stop                   /p/{token}/stop                      404 404 404 404 404 404 404 404 404 404
/p/nothing/consent                /p/{token}/consent                   404 404 404 404 404 404 404 404 404 404
/p/nothing/seen                   /p/{token}/seen                      404 404 404 404 404 404 404 404 404 404
/p/nothing/data.json              /p/{token}/data.json                 404 404 404 404 404 404 404 404 404 404
/p/nothing/pause                  /p/{token}/pause                     404 404 404 404 404 404 404 404 404 404
/p/nothing/delete                 /p/{token}/delete                    404 404 404 404 404 404 404 404 404 404
/p/nothing/family                 /p/{token}/family                    404 404 404 404 404 404 404 404 404 404
/f/nothing                        /f/{token}                           404 404 404 404 404 404 404 404 404 404
/p/nothing/card                   /p/{token}/card                      404 404 404 404 404 404 404 404 404 404
/p/nothing/away                   /p/{token}/away                      404 404 404 404 404 404 404 404 404 404
/p/nothing/same                   /p/{token}/same                      404 404 404 404 404 404 404 404 404 404
/e/nothing                        /e/{token}                           404 404 404 404 404 404 404 404 404 404
/w/nothing                        /w/{token}                           404 404 404 404 404 404 404 404 404 404
/account                          /account                             303 200 200 200 200 200 200 200 200 200
/account/sessions                 /account/sessions                    303 200 200 200 200 200 200 200 200 200
/account/second-factor            /account/second-factor               303 200 200 200 200 200 200 200 200 200
/account/second-factor/app        /account/second-factor/app           303 303 303 303 303 303 303 303 303 303
/second-factor                    /second-factor                       303 303 303 303 303 303 303 303 303 303
/step-up                          /step-up                             303 303 303 303 303 303 303 303 303 303
/sign-in-help                     /sign-in-help                        303 200 200 200 200 200 403 200 403 403
/approvals                        /approvals                           303 200 403 403 403 200 403 403 403 403
/team/qr                          /team/qr                             303 403 403 403 403 200 403 403 403 403
/volunteer/nothing                /volunteer/{token}                   404 404 404 404 404 404 404 404 404 404
/status                           /status                              303 200 200 200 200 200 200 200 200 200
/operator                         /operator                            303 200 403 403 403 403 403 403 403 403
/import                           /import                              303 403 200 200 200 403 403 403 403 403
/import/template.csv              /import/template.csv                 303 403 200 200 200 403 403 403 403 403
/import/{no_id}                   /import/{run}                        303 403 404 404 404 403 403 403 403 403
/import/{no_id}/undo              /import/{run}/undo                   303 403 404 404 404 403 403 403 403 403
/people                           /people                              303 403 200 200 200 403 403 403 403 403
/people/unreached                 /people/unreached                    303 403 200 200 200 403 403 403 403 403
/people/unreached.csv             /people/unreached.csv                303 403 200 200 200 403 403 403 403 403
/people/new                       /people/new                          303 403 200 200 200 403 403 403 403 403
/people/{person}                  /people/{id}                         303 403 200 200 404 403 403 403 403 403
/people/{group_person}            /people/{id}                         303 403 404 404 200 403 403 403 403 403
/people/{else_person}             /people/{id}                         303 403 404 404 404 403 403 403 403 403
/people/{no_id}                   /people/{id}                         303 403 404 404 404 403 403 403 403 403
/people/no-id                     /people/{id}                         303 403 404 404 404 403 403 403 403 403
/sites                            /sites                               303 403 200 200 200 403 403 403 403 403
/sites/{dorm}                     /sites/{id}                          303 403 200 200 404 403 403 403 403 403
/sites/{else_dorm}                /sites/{id}                          303 403 404 404 404 403 403 403 403 403
/sites/{no_id}                    /sites/{id}                          303 403 404 404 404 403 403 403 403 403
/team                             /team                                303 403 200 200 200 200 403 403 403 403
/slips                            /slips                               303 403 200 200 200 403 403 403 403 403
/slips?site={else_dorm}           /slips                               303 403 200 200 200 403 403 403 403 403
/posters                          /posters                             303 403 403 403 200 403 403 403 403 403
/posters/{no_id}                  /posters/{id}                        303 403 403 403 404 403 403 403 403 403
/dashboard                        /dashboard                           303 303 303 403 303 403 403 403 403 403
/dashboard/{incident}             /dashboard/{incident_id}             303 200 200 403 404 403 403 403 403 403
/dashboard/{group_incident}       /dashboard/{incident_id}             303 200 404 403 200 403 403 403 403 403
/dashboard/{else_incident}        /dashboard/{incident_id}             303 200 404 403 404 403 403 403 403 403
/dashboard/{no_id}                /dashboard/{incident_id}             303 404 404 403 404 403 403 403 403 403
/dashboard/no-id                  /dashboard/{incident_id}             303 404 404 403 404 403 403 403 403 403
/dashboard/{incident}/people.csv  /dashboard/{incident_id}/people.csv  303 403 200 403 404 403 403 403 403 403
/dashboard/{else_incident}/people.csv /dashboard/{incident_id}/people.csv 303 403 404 403 404 403 403 403 403 403
/supervising                      /supervising                         303 403 403 200 403 403 403 403 403 403
/supervising/{employer}           /supervising/{org_id}                303 403 403 200 403 403 403 403 403 403
/supervising/{employer}?incident={else_incident} /supervising/{org_id} 303 403 403 200 403 403 403 403 403 403
/supervising/{group}              /supervising/{org_id}                303 403 403 404 403 403 403 403 403 403
/supervising/{else_org}           /supervising/{org_id}                303 403 403 404 403 403 403 403 403 403
/supervising/{no_id}              /supervising/{org_id}                303 403 403 404 403 403 403 403 403 403
/board                            /board                               303 403 403 403 403 200 200 403 403 403
/board/break-glass                /board/break-glass                   303 403 403 403 403 200 403 403 403 403
/board/break-glass/{no_id}        /board/break-glass/{id}              303 403 403 403 403 404 403 403 403 403
/board/break-glass/no-id          /board/break-glass/{id}              303 403 403 403 403 404 403 403 403 403
/board/live/dorm/{dorm}           /board/{purpose}/{kind}/{id}         303 403 403 403 403 200 200 403 403 403
/board/drill/dorm/{dorm}          /board/{purpose}/{kind}/{id}         303 403 403 403 403 404 404 403 403 403
/board/live/person/{no_id}        /board/{purpose}/{kind}/{id}         303 403 403 403 403 404 404 403 403 403
/board/canary/dorm/{dorm}         /board/{purpose}/{kind}/{id}         303 403 403 403 403 404 404 403 403 403
/board/nothing/dorm/{dorm}        /board/{purpose}/{kind}/{id}         303 403 403 403 403 404 404 403 403 403
/api-tokens                       /api-tokens                          303 403 200 200 200 403 403 200 403 403
/api/v1/people                    /api/v1/people                       401 401 401 401 401 401 401 401 401 401
/api/v1/people/A-1                /api/v1/people/{employee_id}         401 401 401 401 401 401 401 401 401 401
/api/v1/sites                     /api/v1/sites                        401 401 401 401 401 401 401 401 401 401
/api/v1/sites/{dorm}              /api/v1/sites/{id}                   401 401 401 401 401 401 401 401 401 401
/api/v1/incidents                 /api/v1/incidents                    401 401 401 401 401 401 401 401 401 401
/api/v1/incidents/{incident}      /api/v1/incidents/{id}               401 401 401 401 401 401 401 401 401 401
/api/v1/incidents/{incident}/statuses /api/v1/incidents/{id}/statuses      401 401 401 401 401 401 401 401 401 401
/api/v1/webhooks                  /api/v1/webhooks                     401 401 401 401 401 401 401 401 401 401
/api/v1/webhooks/{no_id}          /api/v1/webhooks/{id}                401 401 401 401 401 401 401 401 401 401
/api/v1/webhooks/{no_id}/dead     /api/v1/webhooks/{id}/dead           401 401 401 401 401 401 401 401 401 401
/api/v1/openapi.json              /api/v1/openapi.json                 200 200 200 200 200 200 200 200 200 200
/audit                            /audit                               303 403 403 403 403 403 403 403 200 403
/audit/numbers                    /audit/numbers                       303 403 403 403 403 403 403 403 200 403
/audit/samples                    /audit/samples                       303 403 403 403 403 403 403 403 200 403
/audit/chain                      /audit/chain                         303 403 403 403 403 403 403 403 200 403
/audit/reports                    /audit/reports                       303 403 403 403 403 403 403 403 200 403
/audit/reports/{no_id}            /audit/reports/{id}                  303 403 403 403 403 403 403 403 404 403
/audit/reports/{no_id}/report.json /audit/reports/{id}/report.json     303 403 403 403 403 403 403 403 404 403
/no/such/page                     -                                    404 404 404 404 404 404 404 404 404 404
"""

#: Answers without end: what a caller gets is looked at in test_live_stream.py.
ENDLESS = {"/events/stream"}


@dataclass
class World:
    """A running website, the session of each role, and the ids the table speaks of."""

    client: TestClient[web.Request, web.Application]
    sessions: dict[str, str]
    ids: dict[str, UUID]

    async def ask(self, who: str, path: str, method: str = "GET", **headers: str) -> tuple[int, str, str]:
        """Status, text and Location for a role's letter, or "-" for anybody who is not signed in."""
        sent = {"Accept-Language": "en"} | headers
        if who != "-":
            sent["Cookie"] = f"daijobu={self.sessions[who]}"
        data = {"form_token": "wrong"} if method == "POST" else None
        async with self.client.request(method, path, headers=sent, data=data, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer.headers.get("Location", "")


SQL_SUPERVISES = "INSERT INTO org_relation (org_id, other_id, kind) VALUES ($1, $2, 'supervises')"


@asynccontextmanager
async def world(db: Pool) -> AsyncIterator[World]:
    """Two employers, a community group, a supervising organisation, a volunteer network and an operator."""
    ids: dict[str, UUID] = {"no_id": uuid4()}
    staff_ids: dict[str, UUID] = {}
    orgs = {
        "E": ("employer", "", await make_org(db)),
        "C": ("group", "group_", await make_org(db, OrgKind.COMMUNITY)),
        "else": ("else_org", "else_", await make_org(db)),
    }
    for letter, (org_key, prefix, org) in orgs.items():
        dorm = await make_site(db, org.id)
        person = await make_resident(db, org.id, dorm=dorm)
        incident = await make_incident(db)
        await tell(db, incident, person.id)
        ids |= {org_key: org.id, f"{prefix}dorm": dorm[0], f"{prefix}person": person.id}
        ids[f"{prefix}incident"] = incident.id
        staff_ids[letter] = org.staff_id
    await open_due_cases(db, NOW, lambda hazard, severity, night: 0)
    supervising = await make_org(db, OrgKind.SUPERVISING)
    await db.execute(SQL_SUPERVISES, supervising.id, ids["employer"])
    network = await make_org(db, OrgKind.VOLUNTEER_NETWORK)
    staff_ids |= {
        "S": supervising.staff_id,
        "K": network.staff_id,
        "V": await make_staff(db, network.id, Role.VOLUNTEER),
        "O": (await make_org(db, OrgKind.OPERATOR)).staff_id,
        "P": (await make_org(db, OrgKind.PARTNER)).staff_id,
        "A": (await make_org(db, OrgKind.AUDITOR)).staff_id,
        "U": (await make_org(db, OrgKind.UMBRELLA)).staff_id,
    }
    app = build_app(make_app(db, [], FixedClock(NOW))[SITE])
    async with TestClient(TestServer(app)) as client, db.acquire() as conn:
        sessions = {letter: await whole_session(conn, staff_ids[letter]) for letter in ROLES}
        yield World(client, sessions, ids)


def rows() -> list[tuple[str, str, list[int]]]:
    parts = [line.split() for line in PAGES.strip().splitlines()]
    return [(path, route, [int(s) for s in statuses]) for path, route, *statuses in parts]


def test_every_route_says_who_it_is_for() -> None:
    declared = {
        (route.method, route.path): route.audience.kind
        if route.audience.kind != "staff"
        else "".join(letter for letter, role in ROLES.items() if role in route.audience.roles)
        for route in ALL_ROUTES
    }
    assert set(ROLES.values()) == set(Role)
    assert declared == AUDIENCE_OF


def test_every_page_stands_in_the_table() -> None:
    pages = {path for method, path in AUDIENCE_OF if method == "GET"} - ENDLESS
    assert {route for _, route, _ in rows() if route != "-"} == pages


async def test_each_role_sees_its_own_and_nothing_else(db: Pool) -> None:
    wrong = []
    async with world(db) as there:
        for path, _, expected in rows():
            url = path.format(**there.ids)
            # Three kinds of wrong links in one minute would meet the brake for guessers: not what this table is about.
            there.client.server.app[SITE].extras.pop("link_misses", None)  # type: ignore[attr-defined]
            got = [(await there.ask(who, url))[0] for who in ("-", *ROLES)]
            if got != expected:
                wrong.append(f"{path}: got {got}, the table says {expected}")
    assert not wrong, "\n".join(wrong)


async def test_no_action_without_the_right_role_nor_without_its_form(db: Pool) -> None:
    async with world(db) as there:
        for (method, path), letters in AUDIENCE_OF.items():
            if method != "POST" or letters in ("public", "token", "api"):
                continue
            url = path
            for field in ("id", "run", "incident_id"):
                url = url.replace(f"{{{field}}}", str(there.ids["incident"]))
            url = url.replace("{purpose}", "live").replace("{kind}", "dorm")
            status, _, location = await there.ask("-", url, "POST")
            assert (status, location) == (303, "/sign-in"), url
            for who in ROLES:
                status, text, _ = await there.ask(who, url, "POST")
                assert status == 403, f"{who} {url}"
                sentence = "This form has expired" if who in letters else "This page is not for your role"
                assert sentence in text, f"{who} {url}"


@pytest.mark.parametrize("path", ["/dashboard/{no_id}", "/dashboard/{else_incident}", "/no/such/page"])
async def test_staff_get_a_page_in_their_language_when_there_is_nothing(db: Pool, path: str) -> None:
    async with world(db) as there:
        url = path.format(**there.ids)
        status, english, _ = await there.ask("E", url)
        _, japanese, _ = await there.ask("E", url + "?lang=ja")
        assert status == 404 and "<nav" in english and 'href="/dashboard"' in english
        assert "There is nothing here for you to see" in english
        assert "ここに表示できるものはありません" in japanese
        _, plain, _ = await there.ask("E", url, **{"X-Fragment": "1"})
        assert "<" not in plain, "a script gets no page to put into the middle of another"


async def test_half_a_link_says_so_to_a_resident(db: Pool) -> None:
    async with world(db) as there:
        status, text, _ = await there.ask("-", "/c/abc/def")
    assert status == 404 and "Check that you copied all of it" in text and "119" in text
