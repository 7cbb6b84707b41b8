"""The auditor's pages: process and samples, a check on a button, a signed report, and nobody's name anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.audit import Actor, audit
from core.audit_chain import canonical
from core.db import Pool
from core.model import OrgKind, Role
from core.seal_store import seal_batch
from core.signing import is_signed, load_signer
from core.web import SITE, Site
from ops.audit_commands import read_outside
from ops.audit_web import ROUTES
from tests.alerts_kit import MASHIKI, city, hear, quake, region, wires
from tests.board_site import BoardSite, Visitor, board_site
from tests.contract.test_audit_coverage import peopled
from tests.db.test_audit_chain import change
from tests.people import NOW, VAULT, Org, make_org, make_place, make_resident, make_site, make_staff
from tests.route_world import World

PAGES = ("/audit", "/audit/numbers", "/audit/samples", "/audit/chain", "/audit/reports", "/status")
MONTH = "2026-11"


@dataclass(frozen=True)
class Office:
    """An auditor at work, on a site whose key is in `folder`."""

    site: BoardSite
    org: Org
    visitor: Visitor


@asynccontextmanager
async def office(db: Pool, folder: Path, *, make_key: bool = True) -> AsyncIterator[Office]:
    async with board_site(db, simulated=True, more=ROUTES) as site:
        org = await make_org(db, OrgKind.AUDITOR, name="Kumamoto Audit")
        wires_: Site = site.app[SITE]
        wires_.settings = wires_.settings.model_copy(update={"data_dir": folder})
        if make_key:
            signer = load_signer(wires_.settings, make=True)
            while await seal_batch(db, signer, NOW):
                pass
        yield Office(site, org, await site.visitor(org.staff_id))


async def sign(there: Office, **fields: str) -> Any:
    values = {"month": MONTH, "name": "Audit Person", "remarks": "All seen.\nNothing odd.", "seen": "1"} | fields
    return await there.visitor.post("/audit/reports", **values)


async def populated(db: Pool, db_dsn: str) -> set[str]:
    """People, staff, contacts, homes, an alert and a log full of reads; returns everything nobody may see."""
    async with peopled(db, reports=False) as (world, links):
        await read_everything(world, links)
    org = await make_org(db, name="Mizutani Household")
    dorm = await make_site(db, org.id, landline="+81963129999")
    place = await make_place(db, label="Hikarigaoka 3-14-15")
    await make_resident(db, org.id, name="Tester Canary", phone="+819087654321", home_place_id=place, dorm=dorm)
    await make_staff(db, org.id, (await clerk_role(db, org)), name="Clerk Canary", email="canary@clerk.example")
    async with wires(db, db_dsn) as deps:
        await hear(deps, quake(region("6-"), city(MASHIKI, "6-")))
    await audit(db, Actor("Clerk Canary"), "odd", at=NOW, detail={"why": "Tester Canary", "note": "090-8765-4321"})
    secrets = {row["name"] for row in await db.fetch("SELECT name FROM resident UNION SELECT name FROM staff")}
    secrets |= {row["email"] for row in await db.fetch("SELECT email FROM staff")}
    secrets |= {row["name"] for row in await db.fetch("SELECT name FROM organisation UNION SELECT name FROM site")}
    secrets |= {row["label"] for row in await db.fetch("SELECT label FROM place")}
    for row in await db.fetch("SELECT id, address_enc FROM contact"):
        secrets.add(VAULT.decrypt(row["address_enc"], row["id"], "contact.address_enc"))
    ids = {str(row["id"]) for row in await db.fetch("SELECT id FROM resident UNION SELECT id FROM staff")}
    return {secret for secret in secrets if len(secret) > 3} | ids | {"090-8765-4321", "+81963129999"}


async def clerk_role(db: Pool, org: Org) -> Any:
    return Role(await db.fetchval("SELECT role FROM staff WHERE id = $1", org.staff_id))


async def read_everything(world: World, links: dict[str, str]) -> None:
    for who, url in (
        ("E", "/people"),
        ("E", "/sites"),
        ("S", "/people"),
        ("K", "/board"),
        *(("-", u) for u in links.values() if not u.endswith("/line")),  # LINE is not set up here
    ):
        # Before an answer there is no location to send: the page leads back to the question.
        assert (await world.ask(who, url))[0] in ((200, 303) if url.endswith("/where") else (200,)), url
    assert (await world.ask("E", f"/dashboard/{world.ids['incident']}/people.csv"))[0] == 200


def found_in(text: str, secrets: set[str]) -> set[str]:
    return {secret for secret in secrets if re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", text)}


async def test_no_page_of_the_auditor_shows_anybody(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    secrets = await populated(db, db_dsn)
    assert len(secrets) > 30
    async with office(db, tmp_path) as there:
        pages = {path: await there.visitor.html(path) for path in PAGES}
        for lang in ("ja", "en"):
            pages[f"samples {lang}"] = await there.visitor.html(f"/audit/samples?lang={lang}&seed=1")
        done = await there.visitor.submit("/audit/chain", "/audit/chain")
        pages["check"] = await done.text()
        assert done.status == 200 and "The log is in order." in pages["check"]
        signed = await sign(there)
        address = signed.headers["Location"]
        pages["report"] = await there.visitor.html(address)
        pages["json"] = await (await there.visitor.get(f"{address}/report.json")).text()
    assert {path: found_in(text, secrets) for path, text in pages.items() if found_in(text, secrets)} == {}
    # And yet there is something to see.
    samples = pages["samples en"]
    assert samples.count("P-") > 5 and 'Coordinator <span class="code">S-' in samples and "own link" in samples
    assert "people.read" in pages["/audit/numbers"] and "熊本中央区 6-" in samples
    assert found_in("Tester Canary was here", secrets) == {"Tester Canary"}, "the search itself finds something"


async def test_a_pseudonym_holds_for_one_page_only(db: Pool, tmp_path: Path) -> None:
    person = await make_resident(db)
    for action in ("people.read", "person.read"):
        await audit(db, Actor("Clerk", None, None), action, at=NOW, subjects=[person.id], fields=["name"])
    async with office(db, tmp_path) as there:
        codes = [set(re.findall(r"P-[0-9a-f]{8}", await there.visitor.html("/audit/samples?seed=7"))) for _ in range(2)]
    assert len(codes[0]) == len(codes[1]) == 1, "the same person is the same code on one page"
    assert codes[0] != codes[1]


async def test_the_same_seed_draws_the_same_rows(db: Pool, tmp_path: Path) -> None:
    for number in range(60):
        await audit(db, Actor("import"), f"step_{number}.read", at=NOW)

    async def drawn(there: Office, seed: str) -> list[str]:
        return re.findall(r"step_\d+", await there.visitor.html(f"/audit/samples?seed={seed}"))

    async with office(db, tmp_path) as there:
        first, again, other = await drawn(there, "a"), await drawn(there, "a"), await drawn(there, "b")
    assert first == again and len(first) >= 18 and first != other


async def test_the_report_is_signed_and_can_be_checked_by_anybody(db: Pool, tmp_path: Path) -> None:
    await audit(db, Actor("import"), "import", at=NOW)
    async with office(db, tmp_path) as there:
        answer = await sign(there)
        assert answer.status == 303
        page = await there.visitor.html(answer.headers["Location"])
        assert "Audit Person" in page and "All seen.<br>" in page
        download = await there.visitor.get(answer.headers["Location"] + "/report.json")
        assert 'filename="daijobu-audit-2026-11-' in download.headers["Content-Disposition"]
        text = await download.text()
        assert "Audit Person" in await there.visitor.html("/audit/reports")
        foreign = await make_org(db, OrgKind.AUDITOR)
        other = await there.site.visitor(foreign.staff_id)
        assert (await other.get(answer.headers["Location"])).status == 404
    report = json.loads(text)
    key, signature = bytes.fromhex(report["public_key"]), bytes.fromhex(report["signature"])
    assert is_signed(key, canonical(report["document"]), signature)
    changed = report["document"] | {"made_at": "2026-11-01T00:00:00.000000Z"}
    assert not is_signed(key, canonical(changed), signature)
    document = report["document"]
    assert document["auditor"] == {
        "name": "Audit Person",
        "organisation": "Kumamoto Audit",
        "remarks": "All seen.\nNothing odd.",
    }
    assert document["chain"]["ok"] and set(document["process"]["rules"]) >= {"earthquake", "tsunami"}
    assert document["process"]["retention"]["audit"]["days"] == 3 * 365
    copy = tmp_path / "report.json"
    copy.write_text(text)
    assert read_outside(copy).head.seq == document["chain"]["last_seq"]
    with pytest.raises(Exception, match="append-only"):
        await db.execute("UPDATE audit_report SET document = ''")


async def test_a_broken_chain_is_said_on_the_page_and_in_the_report(db: Pool, tmp_path: Path) -> None:
    for _ in range(20):
        await audit(db, Actor("import"), "import", at=NOW, subjects=[(await make_resident(db)).id])
    async with office(db, tmp_path) as there:
        await change(db)
        text = await (await there.visitor.submit("/audit/chain", "/audit/chain")).text()
        assert "A line of the log was changed." in text and "number 17" in text
        page = await there.visitor.html((await sign(there)).headers["Location"])
        assert "A line of the log was changed." in page
        assert "broken" in await there.visitor.html("/audit/reports")


@pytest.mark.parametrize("fields", [{"name": " "}, {"seen": "0"}, {"month": "2026-13"}])
async def test_a_report_that_is_not_complete_keeps_what_was_typed(
    db: Pool, tmp_path: Path, fields: dict[str, str]
) -> None:
    async with office(db, tmp_path) as there:
        answer = await sign(there, **fields)
        text = await answer.text()
    assert answer.status == 400 and "Choose a month" in text and "Nothing odd." in text
    assert await db.fetchval("SELECT count(*) FROM audit_report") == 0


async def test_without_the_key_nothing_is_signed_and_the_page_says_why(db: Pool, tmp_path: Path) -> None:
    async with office(db, tmp_path, make_key=False) as there:
        answer = await sign(there)
        text = await answer.text()
        assert answer.status == 503 and "the key that signs the log is not on this machine" in text
        assert "Nothing odd." in text and not (tmp_path / "keys").exists(), "only the sealer makes a key"
        assert "Nothing has been signed yet." in await there.visitor.html("/audit/chain")


async def test_what_the_auditor_does_is_in_the_log_too(db: Pool, tmp_path: Path) -> None:
    await audit(db, Actor("import"), "import", at=NOW)
    async with office(db, tmp_path) as there:
        await there.visitor.html("/audit/samples")
        await there.visitor.submit("/audit/chain", "/audit/chain")
        await sign(there)
    actions = [row["action"] for row in await db.fetch("SELECT action FROM audit ORDER BY id")]
    assert [a for a in actions if a.startswith("audit.")] == ["audit.sample", "audit.check", "audit.report"]


async def test_numbers_are_by_month_in_japan(db: Pool, tmp_path: Path) -> None:
    last_of_october = NOW.replace(month=10, day=31, hour=15) - timedelta(minutes=1)
    for at in (last_of_october, last_of_october + timedelta(minutes=2)):
        await audit(db, Actor("import"), "people.read", at=at, subjects=[(await make_resident(db)).id])
    async with office(db, tmp_path) as there:
        for month in ("2026-10", "2026-11"):
            text = await there.visitor.html(f"/audit/numbers?month={month}")
            row = text.split(">people.read</td>")[1].split("</tr>")[0]
            assert re.findall(r">(\d+)</td>", row) == ["1", "1"], month
