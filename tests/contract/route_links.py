"""Routes that take no session: everybody's, those behind a link, and those for machines and programs.

The other half of `route_table.py`, which says what the columns mean.
"""

from __future__ import annotations

#: Method and path -> "public", "token" or "api".
LINKS = {
    ("GET", "/"): "public",
    ("GET", "/healthz"): "public",
    ("GET", "/sw.js"): "public",
    ("GET", "/push/key"): "public",
    ("GET", "/voice/{language}/{name}"): "public",
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
    ("GET", "/c/{token}/card"): "token",
    ("POST", "/c/{token}/card"): "token",
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
    ("POST", "/p/{token}/card"): "token",
    ("GET", "/lost"): "public",
    ("POST", "/lost"): "public",
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
    ("GET", "/volunteer/{token}"): "token",
    ("POST", "/volunteer/{token}"): "token",
    ("GET", "/status"): "public",
    ("GET", "/metrics"): "token",
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

PAGES_OF_LINKS = """
/                                 /                                    200 200 200 200 200 200 200 200 200 200 200
/healthz                          /healthz                             200 200 200 200 200 200 200 200 200 200 200
/sw.js                            /sw.js                               200 200 200 200 200 200 200 200 200 200 200
/push/key                         /push/key                            200 200 200 200 200 200 200 200 200 200 200
/voice/my/sender.mp3              /voice/{language}/{name}             404 404 404 404 404 404 404 404 404 404 404
/sign-in                          /sign-in                             200 200 200 200 200 200 200 200 200 200 200
/sign-in/oidc                     /sign-in/oidc                        404 404 404 404 404 404 404 404 404 404 404
/sign-in/oidc/done                /sign-in/oidc/done                   404 404 404 404 404 404 404 404 404 404 404
/enter/nothing                    /enter/{token}                       404 404 404 404 404 404 404 404 404 404 404
/join/nothing                     /join/{token}                        404 404 404 404 404 404 404 404 404 404 404
/c/nothing                        /c/{token}                           404 404 404 404 404 404 404 404 404 404 404
/c/nothing/shelters               /c/{token}/shelters                  404 404 404 404 404 404 404 404 404 404 404
/lost                             /lost                                200 200 200 200 200 200 200 200 200 200 200
/c/nothing/card                   /c/{token}/card                      404 404 404 404 404 404 404 404 404 404 404
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
/volunteer/nothing                /volunteer/{token}                   404 404 404 404 404 404 404 404 404 404 404
/metrics                          /metrics                             200 200 200 200 200 200 200 200 200 200 200
/status                           /status                              200 200 200 200 200 200 200 200 200 200 200
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
/enter/{enter}                    /enter/{token}                       200 200 200 200 200 200 200 200 200 200 200
/join/{join}                      /join/{token}                        200 200 200 200 200 200 200 200 200 200 200
/c/{c}                            /c/{token}                           200 200 200 200 200 200 200 200 200 200 200
/c/{c}/shelters                   /c/{token}/shelters                  200 200 200 200 200 200 200 200 200 200 200
/c/{c}/card                       /c/{token}/card                      200 200 200 200 200 200 200 200 200 200 200
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
/no/such/page                     -                                    404 404 404 404 404 404 404 404 404 404 404
"""
