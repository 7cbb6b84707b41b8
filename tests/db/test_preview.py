"""`main.py preview`: the same people and texts as the real thing, and nothing written."""

from __future__ import annotations

import json

from alerts.preview import preview
from core.db import Pool, transaction
from registry.records import NewContact
from tests import people
from tests.alerts_kit import KASHIMA, MASHIKI, city, hear, messages, quake, region, told, wires

SQL_FINGERPRINT = """
SELECT (SELECT count(*) FROM incident), (SELECT count(*) FROM alert), (SELECT count(*) FROM message),
       (SELECT count(*) FROM link), (SELECT count(*) FROM event), (SELECT count(*) FROM incident_resident)
"""


async def test_preview_tells_what_would_happen_and_touches_nothing(db: Pool, db_dsn: str) -> None:
    home = await people.make_place(db)
    await people.make_resident(
        db, name="Minh", home_place_id=home, contacts=(NewContact("push", "{}", state="proven"),)
    )
    await people.make_resident(db, name="Ayu", language="id", home_place_id=home, phone="")
    await people.make_resident(db, name="Far", home_place_id=await people.make_place(db, people.FUKUOKA_CHUO))
    event = quake(region("6-"), city(MASHIKI, "6-"), city(KASHIMA, "5-", not_received=True))
    async with wires(db, db_dsn) as deps:
        before = tuple(await db.fetchrow(SQL_FINGERPRINT) or ())
        async with transaction(db) as conn:
            found = await preview(deps, conn, event)
        assert tuple(await db.fetchrow(SQL_FINGERPRINT) or ()) == before
        await hear(deps, event)
    json.dumps(found)
    assert found["incident"]["key"] == "quake:20261120115800"
    by_name = {person["name"]: person for person in found["people"]}
    assert set(by_name) == {"Minh", "Ayu"}
    minh = by_name["Minh"]
    assert minh["reason"] == {
        "place": "home",
        "scheme": "jma.city",
        "code": MASHIKI,
        "level": "6-",
        "not_received": False,
    }
    assert [(s["channel"], s["after_s"]) for s in minh["steps"]] == [("push", 0), ("sms", 0)]
    assert by_name["Ayu"]["steps"] == [] and by_name["Ayu"]["reachable"] is False
    totals = found["totals"]
    assert (totals["people"], totals["by_language"]) == (2, {"vi": 1, "id": 1})
    assert totals["by_channel"] == {"push": 1, "sms": 1} and totals["unreachable"] == 1
    assert totals["sms_cost_jpy"] == totals["sms_segments"] * 12.0 > 0
    # What was announced is what was done.
    assert len(await told(db, "issue")) == 2
    bodies = {m["body"] for m in await messages(db) if m["channel"] == "sms"}
    assert bodies == {minh["text"]}


async def test_preview_of_something_that_tells_nobody(db: Pool, db_dsn: str) -> None:
    async with wires(db, db_dsn) as deps, transaction(db) as conn:
        found = await preview(deps, conn, quake(region("3"), city(MASHIKI, "3")))
    assert found["incident"] == {"ignored": "no area reaches a level that we tell people about"}
    assert found["people"] == [] and found["totals"]["people"] == 0
