"""Taking back many sites at once: those in use stay, each of the others goes with its place."""

from __future__ import annotations

from core.audit import Actor
from core.db import Pool, transaction
from core.model import OrgKind
from geo.store import insert_places
from registry import store
from registry.import_change_store import write_changes
from registry.import_ledger import Ledger
from registry.import_read_store import seal_place
from registry.import_run import locate_offline
from registry.import_run_store import get_run, new_run
from registry.import_undo_store import undo_run
from registry.rows import AddressInput
from tests.people import NOW, VAULT, make_org

MASHIKI = AddressInput(postal_code="8612242")


async def test_sites_in_use_stay_and_all_others_go_with_their_places(db: Pool) -> None:
    # Something that refers to a site and that the undo does not ask about itself.
    await db.execute("CREATE TABLE elsewhere (site_id uuid NOT NULL REFERENCES site)")
    async with transaction(db) as conn:
        org = await make_org(conn, OrgKind.EMPLOYER)
        places = [seal_place(VAULT, MASHIKI, locate_offline(MASHIKI), label=str(n)) for n in range(7)]
        await insert_places(conn, places)
        sites = [
            await store.create_site(
                conn, VAULT, org_id=org.id, kind="dorm", name=str(n), now=NOW, place_id=places[n].id if n < 7 else None
            )
            for n in range(9)
        ]
        lived_in, worked_at, led, referred_to = sites[:4]
        for dorm, work in ((lived_in, None), (None, worked_at)):
            await store.create_resident(
                conn, VAULT, name="Thu", language="vi", now=NOW, org_id=org.id, dorm_id=dorm, workplace_id=work
            )
        await store.set_leader(conn, led, 1, staff_id=org.staff_id)
        await conn.execute("INSERT INTO elsewhere VALUES ($1)", referred_to)
        ledger = Ledger()
        for site in sites:
            ledger.note("site", site)
        run_id = await new_run(conn, VAULT, org.id, org.staff_id, file_name="a.csv", body=b"x", now=NOW)
        await write_changes(conn, VAULT, run_id, org.id, ledger)
        run = await get_run(conn, run_id, org.id)
        assert run is not None
        await undo_run(conn, VAULT, run, now=NOW, actor=Actor("test", org.staff_id, org.id))
    left = {row["id"]: row["place_id"] for row in await db.fetch("SELECT id, place_id FROM site")}
    assert set(left) == {lived_in, worked_at, led, referred_to}
    assert {row["id"] for row in await db.fetch("SELECT id FROM place")} == set(left.values())
