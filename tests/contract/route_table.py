"""Every route of the website, written down by hand: whom it is for, and what each role gets there.

A new route fails `test_route_audiences.py` until it stands in `AUDIENCE_OF`, and a new page until `PAGES` says what
each role sees there, for its own things and for somebody else's. Nothing here is computed from the routes themselves.
Routes that take no session stand in `route_links.py`: public ones, those of links, of machines, of programs.
"""

from __future__ import annotations

from functools import cache

from core.model import Role
from tests.contract.route_links import LINKS, PAGES_OF_LINKS

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
    "T": Role.TRANSLATOR,
}
ANYBODY = "".join(ROLES)

#: Method and path -> "public", "token", "api" or the letters of the roles it is for.
AUDIENCE_OF = LINKS | {
    ("POST", "/sign-out"): ANYBODY,
    ("GET", "/account"): ANYBODY,
    ("POST", "/account"): ANYBODY,
    ("GET", "/account/contacts"): "OESCKV",
    ("POST", "/account/contacts"): "OESCKV",
    ("POST", "/account/contacts/push"): "OESCKV",
    ("POST", "/account/contacts/{id}/send"): "OESCKV",
    ("POST", "/account/contacts/{id}/confirm"): "OESCKV",
    ("POST", "/account/contacts/{id}/remove"): "OESCKV",
    ("GET", "/account/alert-links"): "ESCKV",
    ("POST", "/account/alert-links"): "ESCKV",
    ("POST", "/account/alert-links/{id}/end"): "ESCKV",
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
    ("GET", "/manual"): "OK",
    ("POST", "/manual"): "OK",
    ("GET", "/manual/{id}"): "OK",
    ("POST", "/manual/{id}"): "OK",
    ("GET", "/held"): "OK",
    ("POST", "/held/{id}"): "OK",
    ("GET", "/preview"): "OK",
    ("POST", "/preview"): "OK",
    ("GET", "/sending"): "O",
    ("POST", "/sending/stop"): "O",
    ("POST", "/sending/resume"): "O",
    ("GET", "/sending/{id}"): "O",
    ("POST", "/sending/{id}/stop"): "O",
    ("POST", "/sending/{id}/cancel"): "O",
    ("GET", "/wording"): ANYBODY,
    ("GET", "/wording/{lang}"): ANYBODY,
    ("GET", "/wording/{lang}/{key}"): ANYBODY,
    ("POST", "/wording/{lang}/{key}"): ANYBODY,
    ("GET", "/wording-file/{lang}"): ANYBODY,
    ("POST", "/wording-file/{lang}"): ANYBODY,
    ("GET", "/wording-file/{lang}/export.po"): ANYBODY,
    ("GET", "/wording-people"): "O",
    ("POST", "/wording-people"): "O",
    ("POST", "/wording-people/invite"): "O",
    ("GET", "/rules"): "O",
    ("GET", "/rules/{hazard}"): "O",
    ("POST", "/rules/{hazard}"): "O",
    ("GET", "/team/qr"): "K",
    ("POST", "/team/qr"): "K",
    ("POST", "/team/qr/end"): "K",
    ("POST", "/team/qr/remove/{id}"): "K",
    ("GET", "/alarms"): "O",
    ("POST", "/alarms/{id}"): "O",
    ("GET", "/undelivered"): "O",
    ("POST", "/undelivered"): "O",
    ("GET", "/events/stream"): ANYBODY,
    ("GET", "/operator"): "O",
    ("POST", "/operator/region"): "O",
    ("POST", "/operator/organisation"): "O",
    ("POST", "/operator/invitation"): "O",
    ("POST", "/operator/test"): "O",
    ("GET", "/partner"): "P",
    ("GET", "/umbrella"): "U",
    ("POST", "/operator/relations/end"): "O",
    ("POST", "/operator/relations"): "O",
    ("GET", "/operator/relations"): "O",
    ("GET", "/import"): "ESC",
    ("POST", "/import"): "ESC",
    ("GET", "/import/template.csv"): "ESC",
    ("POST", "/import/{run}"): "ESC",
    ("GET", "/import/{run}"): "ESC",
    ("POST", "/import/{run}/columns"): "ESC",
    ("GET", "/import/{run}/rows.csv"): "ESC",
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
    ("POST", "/people/{id}/new-link"): "ESC",
    ("POST", "/people/{id}/household"): "ESC",
    ("POST", "/people/{id}/away"): "ESC",
    ("GET", "/slips"): "ESC",
    ("GET", "/posters"): "CP",
    ("POST", "/posters"): "CP",
    ("GET", "/posters/{id}"): "CP",
    ("POST", "/posters/{id}/end"): "CP",
    ("GET", "/hazards"): "ESC",
    ("GET", "/sites"): "ESC",
    ("POST", "/sites"): "ESC",
    ("GET", "/sites/{id}"): "ESC",
    ("POST", "/sites/{id}"): "ESC",
    ("POST", "/sites/{id}/landline"): "ESC",
    ("GET", "/team"): "ESCKPU",
    ("POST", "/team/invite"): "ESCKPU",
    ("POST", "/team/{id}/disable"): "ESCKPU",
    ("POST", "/team/employer"): "S",
    ("POST", "/duty/{id}/end"): "K",
    ("POST", "/duty"): "K",
    ("GET", "/duty"): "KV",
    ("POST", "/team/deputies/{id}/end"): "ESCKPU",
    ("POST", "/team/deputies"): "ESCKPU",
    ("GET", "/dashboard"): "OEC",
    ("GET", "/dashboard/{incident_id}"): "OEC",
    ("POST", "/dashboard/{incident_id}/answer"): "EC",
    ("GET", "/dashboard/{incident_id}/people.csv"): "EC",
    ("GET", "/supervising"): "S",
    ("GET", "/supervising/enrolment"): "S",
    ("GET", "/supervising/{org_id}"): "S",
    ("GET", "/board"): "KV",
    ("GET", "/map"): "OESCKV",
    ("GET", "/map/{incident_id}"): "OESCKV",
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
}

# Rows: path as asked for, its route, and the status for anonymous, O, E, S, C, K, V, P, A, U, T. The employer and the
# community group each have a person, a dorm and an incident of their own; the supervising organisation supervises that
# employer; {else_*} belongs to an employer nobody here has to do with; {no_id} to nobody.
PAGES = """
/account                          /account                             303 200 200 200 200 200 200 200 200 200 200
/account/contacts                 /account/contacts                    303 200 200 200 200 200 200 403 403 403 403
/account/alert-links              /account/alert-links                 303 403 200 200 200 200 200 403 403 403 403
/account/sessions                 /account/sessions                    303 200 200 200 200 200 200 200 200 200 200
/account/second-factor            /account/second-factor               303 200 200 200 200 200 200 200 200 200 200
/account/second-factor/app        /account/second-factor/app           303 303 303 303 303 303 303 303 303 303 303
/second-factor                    /second-factor                       303 303 303 303 303 303 303 303 303 303 303
/step-up                          /step-up                             303 303 303 303 303 303 303 303 303 303 303
/sign-in-help                     /sign-in-help                        303 200 200 200 200 200 403 200 403 403 403
/approvals                        /approvals                           303 200 403 403 403 200 403 403 403 403 403
/manual                           /manual                              303 200 403 403 403 200 403 403 403 403 403
/manual/{no_id}                   /manual/{id}                         303 404 403 403 403 404 403 403 403 403 403
/manual/no-id                     /manual/{id}                         303 404 403 403 403 404 403 403 403 403 403
/held                             /held                                303 200 403 403 403 200 403 403 403 403 403
/preview                          /preview                             303 200 403 403 403 200 403 403 403 403 403
/sending                          /sending                             303 200 403 403 403 403 403 403 403 403 403
/sending/{no_id}                  /sending/{id}                        303 404 403 403 403 403 403 403 403 403 403
/rules                            /rules                               303 200 403 403 403 403 403 403 403 403 403
/rules/river_flood                /rules/{hazard}                      303 200 403 403 403 403 403 403 403 403 403
/rules/{no_id}                    /rules/{hazard}                      303 404 403 403 403 403 403 403 403 403 403
/team/qr                          /team/qr                             303 403 403 403 403 200 403 403 403 403 403
/alarms                           /alarms                              303 200 403 403 403 403 403 403 403 403 403
/undelivered                      /undelivered                         303 200 403 403 403 403 403 403 403 403 403
/operator                         /operator                            303 200 403 403 403 403 403 403 403 403 403
/operator/relations               /operator/relations                  303 200 403 403 403 403 403 403 403 403 403
/umbrella                         /umbrella                            303 403 403 403 403 403 403 403 403 200 403
/partner                          /partner                             303 403 403 403 403 403 403 200 403 403 403
/duty                             /duty                                303 403 403 403 403 200 200 403 403 403 403
/supervising/enrolment            /supervising/enrolment               303 403 403 200 403 403 403 403 403 403 403
/import                           /import                              303 403 200 200 200 403 403 403 403 403 403
/import/template.csv              /import/template.csv                 303 403 200 200 200 403 403 403 403 403 403
/import/{no_id}                   /import/{run}                        303 403 404 404 404 403 403 403 403 403 403
/import/{no_id}/rows.csv          /import/{run}/rows.csv               303 403 404 404 404 403 403 403 403 403 403
/import/{no_id}/undo              /import/{run}/undo                   303 403 404 404 404 403 403 403 403 403 403
/people                           /people                              303 403 200 200 200 403 403 403 403 403 403
/people/unreached                 /people/unreached                    303 403 200 200 200 403 403 403 403 403 403
/people/unreached.csv             /people/unreached.csv                303 403 200 200 200 403 403 403 403 403 403
/people/new                       /people/new                          303 403 200 200 200 403 403 403 403 403 403
/people/{person}                  /people/{id}                         303 403 200 200 404 403 403 403 403 403 403
/people/{group_person}            /people/{id}                         303 403 404 404 200 403 403 403 403 403 403
/people/{else_person}             /people/{id}                         303 403 404 404 404 403 403 403 403 403 403
/people/{no_id}                   /people/{id}                         303 403 404 404 404 403 403 403 403 403 403
/people/no-id                     /people/{id}                         303 403 404 404 404 403 403 403 403 403 403
/hazards                          /hazards                             303 403 200 200 200 403 403 403 403 403 403
/sites                            /sites                               303 403 200 200 200 403 403 403 403 403 403
/sites/{dorm}                     /sites/{id}                          303 403 200 200 404 403 403 403 403 403 403
/sites/{else_dorm}                /sites/{id}                          303 403 404 404 404 403 403 403 403 403 403
/sites/{no_id}                    /sites/{id}                          303 403 404 404 404 403 403 403 403 403 403
/team                             /team                                303 403 200 200 200 200 403 200 403 200 403
/slips                            /slips                               303 403 200 200 200 403 403 403 403 403 403
/slips?site={else_dorm}           /slips                               303 403 200 200 200 403 403 403 403 403 403
/posters                          /posters                             303 403 403 403 200 403 403 200 403 403 403
/posters/{no_id}                  /posters/{id}                        303 403 403 403 404 403 403 404 403 403 403
/dashboard                        /dashboard                           303 303 303 403 303 403 403 403 403 403 403
/dashboard/{incident}             /dashboard/{incident_id}             303 200 200 403 404 403 403 403 403 403 403
/dashboard/{group_incident}       /dashboard/{incident_id}             303 200 404 403 200 403 403 403 403 403 403
/dashboard/{else_incident}        /dashboard/{incident_id}             303 200 404 403 404 403 403 403 403 403 403
/dashboard/{no_id}                /dashboard/{incident_id}             303 404 404 403 404 403 403 403 403 403 403
/dashboard/no-id                  /dashboard/{incident_id}             303 404 404 403 404 403 403 403 403 403 403
/dashboard/{incident}/people.csv  /dashboard/{incident_id}/people.csv  303 403 200 403 404 403 403 403 403 403 403
/dashboard/{else_incident}/people.csv /dashboard/{incident_id}/people.csv 303 403 404 403 404 403 403 403 403 403 403
/supervising                      /supervising                         303 403 403 200 403 403 403 403 403 403 403
/supervising/{employer}           /supervising/{org_id}                303 403 403 200 403 403 403 403 403 403 403
/supervising/{employer}?incident={else_incident} /supervising/{org_id} 303 403 403 200 403 403 403 403 403 403 403
/supervising/{group}              /supervising/{org_id}                303 403 403 404 403 403 403 403 403 403 403
/supervising/{else_org}           /supervising/{org_id}                303 403 403 404 403 403 403 403 403 403 403
/supervising/{no_id}              /supervising/{org_id}                303 403 403 404 403 403 403 403 403 403 403
/map                              /map                                 303 303 303 303 303 303 303 403 403 403 403
/map/{incident}                   /map/{incident_id}                   303 200 200 200 404 200 200 403 403 403 403
/map/{group_incident}             /map/{incident_id}                   303 200 404 404 200 200 200 403 403 403 403
/map/{else_incident}              /map/{incident_id}                   303 200 404 404 404 200 200 403 403 403 403
/map/{no_id}                      /map/{incident_id}                   303 404 404 404 404 404 404 403 403 403 403
/map/no-id                        /map/{incident_id}                   303 404 404 404 404 404 404 403 403 403 403
/board                            /board                               303 403 403 403 403 200 200 403 403 403 403
/board/break-glass                /board/break-glass                   303 403 403 403 403 200 403 403 403 403 403
/board/break-glass/{no_id}        /board/break-glass/{id}              303 403 403 403 403 404 403 403 403 403 403
/board/break-glass/no-id          /board/break-glass/{id}              303 403 403 403 403 404 403 403 403 403 403
/board/live/dorm/{dorm}           /board/{purpose}/{kind}/{id}         303 403 403 403 403 200 200 403 403 403 403
/board/drill/dorm/{dorm}          /board/{purpose}/{kind}/{id}         303 403 403 403 403 404 404 403 403 403 403
/board/live/person/{no_id}        /board/{purpose}/{kind}/{id}         303 403 403 403 403 404 404 403 403 403 403
/board/canary/dorm/{dorm}         /board/{purpose}/{kind}/{id}         303 403 403 403 403 404 404 403 403 403 403
/board/nothing/dorm/{dorm}        /board/{purpose}/{kind}/{id}         303 403 403 403 403 404 404 403 403 403 403
/api-tokens                       /api-tokens                          303 403 200 200 200 403 403 200 403 403 403
/audit                            /audit                               303 403 403 403 403 403 403 403 200 403 403
/audit/numbers                    /audit/numbers                       303 403 403 403 403 403 403 403 200 403 403
/audit/samples                    /audit/samples                       303 403 403 403 403 403 403 403 200 403 403
/audit/chain                      /audit/chain                         303 403 403 403 403 403 403 403 200 403 403
/audit/reports                    /audit/reports                       303 403 403 403 403 403 403 403 200 403 403
/audit/reports/{no_id}            /audit/reports/{id}                  303 403 403 403 403 403 403 403 404 403 403
/audit/reports/{no_id}/report.json /audit/reports/{id}/report.json     303 403 403 403 403 403 403 403 404 403 403
/import/{run}                     /import/{run}                        303 403 200 404 404 403 403 403 403 403 403
/import/{union_run}               /import/{run}                        303 403 404 200 404 403 403 403 403 403 403
/import/{sibling_run}             /import/{run}                        303 403 404 404 404 403 403 403 403 403 403
/import/{else_run}                /import/{run}                        303 403 404 404 404 403 403 403 403 403 403
/import/{run}/rows.csv            /import/{run}/rows.csv               303 403 303 404 404 403 403 403 403 403 403
/import/{else_run}/rows.csv       /import/{run}/rows.csv               303 403 404 404 404 403 403 403 403 403 403
/import/{else_run}/undo           /import/{run}/undo                   303 403 404 404 404 403 403 403 403 403 403
/import/{run}/undo                /import/{run}/undo                   303 403 303 404 404 403 403 403 403 403 403
/people/{sibling_person}          /people/{id}                         303 403 404 200 404 403 403 403 403 403 403
/sites/{sibling_dorm}             /sites/{id}                          303 403 404 200 404 403 403 403 403 403 403
/slips?site={sibling_dorm}        /slips                               303 403 200 200 200 403 403 403 403 403 403
/posters/{poster}                 /posters/{id}                        303 403 403 403 200 403 403 404 403 403 403
/posters/{other_group_poster}     /posters/{id}                        303 403 403 403 404 403 403 404 403 403 403
/map/{sibling_incident}           /map/{incident_id}                   303 200 404 200 404 200 200 403 403 403 403
/dashboard/{sibling_incident}     /dashboard/{incident_id}             303 200 404 403 404 403 403 403 403 403 403
/dashboard/{sibling_incident}/people.csv /dashboard/{incident_id}/people.csv 303 403 404 403 404 403 403 403 403 403 403
/dashboard/{no_id}/people.csv     /dashboard/{incident_id}/people.csv 303 403 404 403 404 403 403 403 403 403 403
/supervising/{sibling}            /supervising/{org_id}                303 403 403 200 403 403 403 403 403 403 403
/board/break-glass/{glass}        /board/break-glass/{id}              303 403 403 403 403 200 403 403 403 403 403
/board/break-glass/{other_network_glass} /board/break-glass/{id} 303 403 403 403 403 404 403 403 403 403 403
/board/live/person/{case}         /board/{purpose}/{kind}/{id}         303 403 403 403 403 200 200 403 403 403 403
/board/live/dorm/{else_dorm}      /board/{purpose}/{kind}/{id}         303 403 403 403 403 200 200 403 403 403 403
/board/live/dorm/{case}           /board/{purpose}/{kind}/{id}         303 403 403 403 403 404 404 403 403 403 403
/audit/reports/{report}           /audit/reports/{id}                  303 403 403 403 403 403 403 403 200 403 403
/audit/reports/{else_report} /audit/reports/{id}                  303 403 403 403 403 403 403 403 404 403 403
/audit/reports/{report}/report.json /audit/reports/{id}/report.json 303 403 403 403 403 403 403 403 200 403 403
/audit/reports/{else_report}/report.json /audit/reports/{id}/report.json 303 403 403 403 403 403 403 403 404 403 403
/wording                          /wording                             303 200 200 200 200 200 200 200 200 200 200
/wording/vi                       /wording/{lang}                      303 200 200 200 200 200 200 200 200 200 200
/wording/xx                       /wording/{lang}                      303 404 404 404 404 404 404 404 404 404 404
/wording/vi/do.landslide.extreme  /wording/{lang}/{key}                303 200 200 200 200 200 200 200 200 200 200
/wording/vi/no.such               /wording/{lang}/{key}                303 404 404 404 404 404 404 404 404 404 404
/wording-file/vi                  /wording-file/{lang}                 303 200 200 200 200 200 200 200 200 200 200
/wording-file/vi/export.po        /wording-file/{lang}/export.po       303 200 200 200 200 200 200 200 200 200 200
/wording-people                   /wording-people                      303 200 403 403 403 403 403 403 403 403 403
"""

#: What differs once the incident has closed, in the same order.
CLOSED: dict[str, list[int]] = {
    # Nothing is open to be led to.
    "/dashboard": [303, 200, 200, 403, 200, 403, 403, 403, 403, 403, 403],
    # Coordinators see people of open incidents.
    "/map": [303, 303, 303, 303, 303, 200, 200, 403, 403, 403, 403],
    "/map/{incident}": [303, 200, 200, 200, 404, 404, 404, 403, 403, 403, 403],
    "/map/{group_incident}": [303, 200, 404, 404, 200, 404, 404, 403, 403, 403, 403],
    "/map/{else_incident}": [303, 200, 404, 404, 404, 404, 404, 403, 403, 403, 403],
    "/map/{sibling_incident}": [303, 200, 404, 200, 404, 404, 404, 403, 403, 403, 403],
    "/board/live/dorm/{dorm}": [303, 403, 403, 403, 403, 404, 404, 403, 403, 403, 403],
    "/board/live/dorm/{else_dorm}": [303, 403, 403, 403, 403, 404, 404, 403, 403, 403, 403],
    "/board/live/person/{case}": [303, 403, 403, 403, 403, 404, 404, 403, 403, 403, 403],
}

#: Answers without end: what a caller gets is looked at in test_live_stream.py.
ENDLESS = {"/events/stream"}


@cache
def rows() -> list[tuple[str, str, list[int]]]:
    """The lines of both tables: path with the names of its ids, route, statuses."""
    parts = [line.split() for line in f"{PAGES_OF_LINKS.strip()}\n{PAGES.strip()}".splitlines()]
    return [(path, route, [int(s) for s in statuses]) for path, route, *statuses in parts]
