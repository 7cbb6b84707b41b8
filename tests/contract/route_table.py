"""Every route of the website, written down by hand: whom it is for, and what each role gets there.

A new route fails `test_route_audiences.py` until it stands in `AUDIENCE_OF`, and a new page until `PAGES` says what
each role sees there, for its own things and for somebody else's. Nothing here is computed from the routes themselves.
"""

from __future__ import annotations

from functools import cache

from core.model import Role

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
    ("GET", "/c/{token}/shelters"): "token",
    ("GET", "/c/{token}/where"): "token",
    ("POST", "/c/{token}/where"): "token",
    ("POST", "/c/{token}/where/delete"): "token",
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
    ("POST", "/p/{token}/where"): "token",
    ("GET", "/p/{token}/pause"): "token",
    ("POST", "/p/{token}/pause"): "token",
    ("POST", "/p/{token}/stay"): "token",
    ("POST", "/p/{token}/read"): "token",
    ("GET", "/p/{token}/delete"): "token",
    ("POST", "/p/{token}/delete"): "token",
    ("GET", "/p/{token}/family"): "token",
    ("GET", "/p/{token}/shelters"): "token",
    ("POST", "/p/{token}/family"): "token",
    ("POST", "/p/{token}/partners"): "token",
    ("GET", "/p/{token}/partners"): "token",
    ("GET", "/f/{token}"): "token",
    ("GET", "/p/{token}/card"): "token",
    ("GET", "/p/{token}/line"): "token",
    ("POST", "/p/{token}/line"): "token",
    ("GET", "/m/confirm/{contact}/{token}"): "token",
    ("POST", "/m/confirm/{contact}/{token}"): "token",
    ("GET", "/m/stop/{contact}/{token}"): "token",
    ("POST", "/m/stop/{contact}/{token}"): "token",
    ("POST", "/t/line"): "token",
    ("GET", "/p/{token}/elsewhere"): "token",
    ("POST", "/p/{token}/elsewhere"): "token",
    ("GET", "/p/{token}/away"): "token",
    ("POST", "/p/{token}/away"): "token",
    ("GET", "/p/{token}/same"): "token",
    ("POST", "/p/{token}/same"): "token",
    ("GET", "/e/{token}"): "token",
    ("POST", "/e/{token}"): "token",
    ("GET", "/a/{token}"): "token",
    ("POST", "/a/{token}"): "token",
    ("POST", "/a/{token}/going"): "token",
    ("GET", "/w/{token}"): "token",
    ("POST", "/w/{token}"): "token",
    ("POST", "/push/test"): "token",
    ("POST", "/t/s/{message_id}"): "token",
    ("POST", "/t/r"): "token",
    ("POST", "/t/v/{message_id}"): "token",
    ("POST", "/t/v/{message_id}/status"): "token",
    ("POST", "/push/subscribe"): "token",
    ("POST", "/push/unsubscribe"): "token",
    ("POST", "/push/receipt"): "token",
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
    ("GET", "/volunteer/{token}"): "token",
    ("POST", "/volunteer/{token}"): "token",
    ("GET", "/status"): "public",
    ("GET", "/metrics"): "token",
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

# Rows: path as asked for, its route, and the status for anonymous, O, E, S, C, K, V, P, A, U, T. The employer and the
# community group each have a person, a dorm and an incident of their own; the supervising organisation supervises that
# employer; {else_*} belongs to an employer nobody here has to do with; {no_id} to nobody.
PAGES = """
/                                 /                                    200 200 200 200 200 200 200 200 200 200 200
/healthz                          /healthz                             200 200 200 200 200 200 200 200 200 200 200
/sw.js                            /sw.js                               200 200 200 200 200 200 200 200 200 200 200
/push/key                         /push/key                            200 200 200 200 200 200 200 200 200 200 200
/sign-in                          /sign-in                             200 200 200 200 200 200 200 200 200 200 200
/sign-in/oidc                     /sign-in/oidc                        404 404 404 404 404 404 404 404 404 404 404
/sign-in/oidc/done                /sign-in/oidc/done                   404 404 404 404 404 404 404 404 404 404 404
/enter/nothing                    /enter/{token}                       404 404 404 404 404 404 404 404 404 404 404
/join/nothing                     /join/{token}                        404 404 404 404 404 404 404 404 404 404 404
/c/nothing                        /c/{token}                           404 404 404 404 404 404 404 404 404 404 404
/c/nothing/shelters               /c/{token}/shelters                  404 404 404 404 404 404 404 404 404 404 404
/c/nothing/where                  /c/{token}/where                     404 404 404 404 404 404 404 404 404 404 404
/l/nothing                        /l/{token}                           404 404 404 404 404 404 404 404 404 404 404
/p/nothing                        /p/{token}                           404 404 404 404 404 404 404 404 404 404 404
/p/nothing/stop                   /p/{token}/stop                      404 404 404 404 404 404 404 404 404 404 404
/p/nothing/consent                /p/{token}/consent                   404 404 404 404 404 404 404 404 404 404 404
/p/nothing/seen                   /p/{token}/seen                      404 404 404 404 404 404 404 404 404 404 404
/p/nothing/data.json              /p/{token}/data.json                 404 404 404 404 404 404 404 404 404 404 404
/p/nothing/pause                  /p/{token}/pause                     404 404 404 404 404 404 404 404 404 404 404
/p/nothing/delete                 /p/{token}/delete                    404 404 404 404 404 404 404 404 404 404 404
/p/nothing/family                 /p/{token}/family                    404 404 404 404 404 404 404 404 404 404 404
/p/nothing/shelters               /p/{token}/shelters                  404 404 404 404 404 404 404 404 404 404 404
/p/nothing/partners               /p/{token}/partners                  404 404 404 404 404 404 404 404 404 404 404
/f/nothing                        /f/{token}                           404 404 404 404 404 404 404 404 404 404 404
/p/nothing/card                   /p/{token}/card                      404 404 404 404 404 404 404 404 404 404 404
/p/nothing/line                   /p/{token}/line                      404 404 404 404 404 404 404 404 404 404 404
/m/confirm/no/no                  /m/confirm/{contact}/{token}         404 404 404 404 404 404 404 404 404 404 404
/m/stop/no/no                     /m/stop/{contact}/{token}            404 404 404 404 404 404 404 404 404 404 404
/p/nothing/away                   /p/{token}/away                      404 404 404 404 404 404 404 404 404 404 404
/p/nothing/elsewhere              /p/{token}/elsewhere                 404 404 404 404 404 404 404 404 404 404 404
/p/nothing/same                   /p/{token}/same                      404 404 404 404 404 404 404 404 404 404 404
/e/nothing                        /e/{token}                           404 404 404 404 404 404 404 404 404 404 404
/a/nothing                        /a/{token}                           404 404 404 404 404 404 404 404 404 404 404
/a/{a}                            /a/{token}                           200 200 200 200 200 200 200 200 200 200 200
/a/{sibling_a}                    /a/{token}                           403 403 403 403 403 403 403 403 403 403 403
/w/nothing                        /w/{token}                           404 404 404 404 404 404 404 404 404 404 404
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
/volunteer/nothing                /volunteer/{token}                   404 404 404 404 404 404 404 404 404 404 404
/metrics                          /metrics                             200 200 200 200 200 200 200 200 200 200 200
/alarms                           /alarms                              303 200 403 403 403 403 403 403 403 403 403
/undelivered                      /undelivered                         303 200 403 403 403 403 403 403 403 403 403
/status                           /status                              200 200 200 200 200 200 200 200 200 200 200
/operator                         /operator                            303 200 403 403 403 403 403 403 403 403 403
/operator/relations               /operator/relations                  303 200 403 403 403 403 403 403 403 403 403
/umbrella                         /umbrella                            303 403 403 403 403 403 403 403 403 200 403
/partner                          /partner                             303 403 403 403 403 403 403 200 403 403 403
/duty                             /duty                                303 403 403 403 403 200 200 403 403 403 403
/supervising/enrolment            /supervising/enrolment               303 403 403 200 403 403 403 403 403 403 403
/import                           /import                              303 403 200 200 200 403 403 403 403 403 403
/import/template.csv              /import/template.csv                 303 403 200 200 200 403 403 403 403 403 403
/import/{no_id}                   /import/{run}                        303 403 404 404 404 403 403 403 403 403 403
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
/api/v1/people                    /api/v1/people                       401 401 401 401 401 401 401 401 401 401 401
/api/v1/people/A-1                /api/v1/people/{employee_id}         401 401 401 401 401 401 401 401 401 401 401
/api/v1/sites                     /api/v1/sites                        401 401 401 401 401 401 401 401 401 401 401
/api/v1/sites/{dorm}              /api/v1/sites/{id}                   401 401 401 401 401 401 401 401 401 401 401
/api/v1/incidents                 /api/v1/incidents                    401 401 401 401 401 401 401 401 401 401 401
/api/v1/incidents/{incident}      /api/v1/incidents/{id}               401 401 401 401 401 401 401 401 401 401 401
/api/v1/incidents/{incident}/statuses /api/v1/incidents/{id}/statuses      401 401 401 401 401 401 401 401 401 401 401
/api/v1/webhooks                  /api/v1/webhooks                     401 401 401 401 401 401 401 401 401 401 401
/api/v1/webhooks/{no_id}          /api/v1/webhooks/{id}                401 401 401 401 401 401 401 401 401 401 401
/api/v1/webhooks/{no_id}/dead     /api/v1/webhooks/{id}/dead           401 401 401 401 401 401 401 401 401 401 401
/api/v1/openapi.json              /api/v1/openapi.json                 200 200 200 200 200 200 200 200 200 200 200
/audit                            /audit                               303 403 403 403 403 403 403 403 200 403 403
/audit/numbers                    /audit/numbers                       303 403 403 403 403 403 403 403 200 403 403
/audit/samples                    /audit/samples                       303 403 403 403 403 403 403 403 200 403 403
/audit/chain                      /audit/chain                         303 403 403 403 403 403 403 403 200 403 403
/audit/reports                    /audit/reports                       303 403 403 403 403 403 403 403 200 403 403
/audit/reports/{no_id}            /audit/reports/{id}                  303 403 403 403 403 403 403 403 404 403 403
/audit/reports/{no_id}/report.json /audit/reports/{id}/report.json     303 403 403 403 403 403 403 403 404 403 403
/enter/{enter}                    /enter/{token}                       200 200 200 200 200 200 200 200 200 200 200
/join/{join}                      /join/{token}                        200 200 200 200 200 200 200 200 200 200 200
/c/{c}                            /c/{token}                           200 200 200 200 200 200 200 200 200 200 200
/c/{c}/shelters                   /c/{token}/shelters                  200 200 200 200 200 200 200 200 200 200 200
/c/{c}/where                      /c/{token}/where                     303 303 303 303 303 303 303 303 303 303 303
/l/{l}                            /l/{token}                           200 200 200 200 200 200 200 200 200 200 200
/p/{p}                            /p/{token}                           200 200 200 200 200 200 200 200 200 200 200
/p/{p}/stop                       /p/{token}/stop                      200 200 200 200 200 200 200 200 200 200 200
/p/{p}/consent                    /p/{token}/consent                   200 200 200 200 200 200 200 200 200 200 200
/p/{p}/seen                       /p/{token}/seen                      200 200 200 200 200 200 200 200 200 200 200
/p/{p}/data.json                  /p/{token}/data.json                 200 200 200 200 200 200 200 200 200 200 200
/p/{p}/pause                      /p/{token}/pause                     200 200 200 200 200 200 200 200 200 200 200
/p/{p}/delete                     /p/{token}/delete                    200 200 200 200 200 200 200 200 200 200 200
/p/{p}/family                     /p/{token}/family                    200 200 200 200 200 200 200 200 200 200 200
/p/{p}/shelters                   /p/{token}/shelters                  200 200 200 200 200 200 200 200 200 200 200
/p/{p}/card                       /p/{token}/card                      200 200 200 200 200 200 200 200 200 200 200
/p/{p}/away                       /p/{token}/away                      200 200 200 200 200 200 200 200 200 200 200
/p/{p}/elsewhere                  /p/{token}/elsewhere                 200 200 200 200 200 200 200 200 200 200 200
/p/{p}/same                       /p/{token}/same                      200 200 200 200 200 200 200 200 200 200 200
/p/{p}/partners                   /p/{token}/partners                  200 200 200 200 200 200 200 200 200 200 200
/f/{f}                            /f/{token}                           200 200 200 200 200 200 200 200 200 200 200
/e/{e}                            /e/{token}                           200 200 200 200 200 200 200 200 200 200 200
/w/{w}                            /w/{token}                           200 200 200 200 200 200 200 200 200 200 200
/volunteer/{volunteer}            /volunteer/{token}                   200 200 200 200 200 200 200 200 200 200 200
/import/{run}                     /import/{run}                        303 403 200 404 404 403 403 403 403 403 403
/import/{union_run}               /import/{run}                        303 403 404 200 404 403 403 403 403 403 403
/import/{sibling_run}             /import/{run}                        303 403 404 404 404 403 403 403 403 403 403
/import/{else_run}                /import/{run}                        303 403 404 404 404 403 403 403 403 403 403
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
/no/such/page                     -                                    404 404 404 404 404 404 404 404 404 404 404
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
    """The lines of `PAGES`: path with the names of its ids, route, statuses."""
    parts = [line.split() for line in PAGES.strip().splitlines()]
    return [(path, route, [int(s) for s in statuses]) for path, route, *statuses in parts]
