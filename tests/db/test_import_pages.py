"""Going through the pages of an upload: columns, doubts, the missing, companies, and taking it back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.clock import FixedClock
from core.db import Pool, transaction
from core.model import OrgKind
from registry import store
from registry.import_run_store import drop_old_bodies
from tests.imports_kit import Clerk, selected, workbook
from tests.people import NOW, make_org
from tests.staff_site import staff_site

HEAD = "氏名,言語,電話番号,社員番号,寮,部屋,自宅郵便番号\n"
THU = "Thu Test,ベトナム語,090-1234-5601,1,光寮,101,861-2242\n"
MINH = "Minh Test,ベトナム語,090-1234-5602,2,光寮,102,861-2242\n"


async def people(db: Pool) -> list[tuple[object, ...]]:
    rows = await db.fetch(
        "SELECT r.name, m.employee_id, m.room, m.ended_at IS NULL AS live FROM resident r"
        " JOIN membership m ON m.resident_id = r.id ORDER BY r.name"
    )
    return [tuple(row) for row in rows]


async def test_the_columns_are_shown_and_can_be_changed_before_anything_is_checked(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.upload("会社の名簿,,\n呼び名,携帯番号,メモ\nA san,090-1234-5601,Thu Test\n")
        assert clerk.path.startswith("/import/") and "携帯番号" in clerk.html
        assert selected(clerk.html) == {"column.0": "", "column.1": "phone", "column.2": ""}
        await clerk.send(clerk.path + "/columns")
        assert "No column is taken for the name" in clerk.html
        await clerk.send(clerk.path + "/columns", {"column.0": "name", "column.2": "name"})
        assert "Two columns are taken for 氏名" in clerk.html
        await clerk.send(clerk.path + "/columns", {"column.0": "", "column.2": "name"})
        assert "Thu Test" in clerk.html and "A san" not in clerk.html
        await clerk.send(clerk.path + "/columns", {"back": "1"}, form=clerk.path)
        assert selected(clerk.html)["column.2"] == "name"


async def test_another_sheet_can_be_chosen(db: Pool) -> None:
    org = await make_org(db)
    book = workbook(
        [["メモ"], ["x"]],
        [["氏名", "電話番号"], ["Old Test", ""]],
        [["氏名"], ["New Test"]],
        names=("表紙", "旧", "新"),
    )
    async with staff_site(db) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.upload(book, "list.xlsx")
        assert "“旧” is read" in clerk.html and "Old Test" in clerk.html
        await clerk.send(clerk.path + "/columns", {"sheet": "2"})
        assert "New Test" in clerk.html and "Old Test" not in clerk.html
        await clerk.send(clerk.path + "/columns")
        await clerk.send(clerk.path)
        assert [p[0] for p in await people(db)] == ["New Test"]


async def test_a_change_shows_old_and_new(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.take_over(HEAD + THU)
        await clerk.check(HEAD + THU.replace(",101,", ",205,").replace("5601", "5609"))
        assert '<bdi class="soft">101</bdi> → <bdi>205</bdi>' in clerk.html
        assert "<bdi>090-1234-5609</bdi>" in clerk.html


async def test_what_changed_meanwhile_is_shown_again_instead_of_written(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.check(HEAD + THU)
        other = Clerk(await site.signed_in(org))
        await other.take_over(HEAD + THU.replace(",101,", ",205,"))
        await clerk.send(clerk.path)
        assert "has changed since this was shown" in clerk.html and "205" in clerk.html
        assert await people(db) == [("Thu Test", "1", "205", True)]
        await clerk.send(clerk.path)
        assert await people(db) == [("Thu Test", "1", "101", True)]


async def test_the_missing_are_asked_about_one_by_one_and_never_leave_by_themselves(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.take_over(HEAD + THU + MINH)
        await clerk.take_over(HEAD + THU)
        assert [p[3] for p in await people(db)] == [True, True]
        await clerk.check(HEAD + THU)
        minh = str(await db.fetchval("SELECT id FROM resident WHERE name = 'Minh Test'"))
        assert minh in clerk.html
        await clerk.send(clerk.path, ticks=[("gone", minh)])
        assert [(p[0], p[3]) for p in await people(db)] == [("Minh Test", False), ("Thu Test", True)]
        run = clerk.path
        await clerk.visitor.get(run + "/undo")
        _, clerk.html = await clerk.visitor.get(run + "/undo")
        await clerk.send(run + "/undo")
        assert [p[3] for p in await people(db)] == [True, True]
        assert len(await db.fetchval("SELECT orgs FROM resident WHERE name = 'Minh Test'")) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("new", ["NGUYEN THU", "Nguyễn Thu"]), ("skip", ["Nguyễn Thu"]), ("same", ["NGUYEN THU"])],
)
async def test_a_doubtful_row_is_decided_by_the_clerk(db: Pool, answer: str, expected: list[str]) -> None:
    org = await make_org(db)
    head = "氏名,言語,電話番号,寮,自宅郵便番号\n"
    async with staff_site(db) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.take_over(head + "Nguyễn Thu,vi,090-1234-5601,光寮,861-2242\n")
        await clerk.check(head + "NGUYEN THU,vi,090-1234-5699,青寮,861-2242\n")
        assert "looks like Nguyễn Thu on your list" in clerk.html
        person = str(await db.fetchval("SELECT id FROM resident"))
        await clerk.send(clerk.path, {"row.2": person if answer == "same" else answer})
        assert "What would happen" in clerk.html or "This is what would happen" in clerk.html
        await clerk.send(clerk.path)
        assert [p[0] for p in await people(db)] == expected


async def test_unknown_companies_are_proposed_and_made_only_when_said_so(db: Pool) -> None:
    org = await make_org(db, OrgKind.SUPERVISING)
    async with transaction(db) as conn:
        known = await store.create_organisation(
            conn, slug="aoi", name="株式会社あおい食品", kind=OrgKind.EMPLOYER, now=NOW
        )
        await store.relate(conn, org.id, known)
    text = (
        "氏名,言語,雇用企業,電話番号,自宅郵便番号\nA Test,vi,あおい食品（株）,090-1234-5601,861-2242\n"
        "B Test,vi,緑野農園,090-1234-5602,861-2242\nC Test,vi,株式会社あおい食品,090-1234-5603,861-2242\n"
        "D Test,vi,知らない会社,090-1234-5604,861-2242\n"
    )
    async with staff_site(db) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.check(text)
        assert "Looks like 株式会社あおい食品" in clerk.html
        fields = selected(clerk.html)
        assert fields == {"employer.0": "", "employer.1": "", "employer.2": ""}
        await clerk.send(clerk.path, {"employer.0": "株式会社あおい食品", "employer.1": "+"})
        assert await db.fetchval("SELECT count(*) FROM resident") == 0
        assert selected(clerk.html)["employer.1"] == "+"
        await clerk.send(clerk.path)
        names = await db.fetch(
            "SELECT o.name, count(*) FROM membership m JOIN organisation o ON o.id = m.org_id GROUP BY 1 ORDER BY 1"
        )
        assert [tuple(r) for r in names] == [("株式会社あおい食品", 2), ("緑野農園", 1)]
        assert "By company" in clerk.html
        _, clerk.html = await clerk.visitor.get(clerk.path + "/undo")
        await clerk.send(clerk.path + "/undo")
        assert await db.fetchval("SELECT count(*) FROM organisation WHERE name = '緑野農園'") == 0
        assert await db.fetchval("SELECT count(*) FROM resident") == 0


async def test_an_upload_is_taken_back_to_the_last_value(db: Pool) -> None:
    org = await make_org(db)
    tables = ("resident", "membership", "contact", "site", "place", "place_area", "resident_place")
    async with staff_site(db) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.take_over(HEAD + THU + "Own Test,vi,,3,,,869-0402\n")
        before = {t: await db.fetch(f"SELECT * FROM {t} t ORDER BY t::text") for t in tables}  # noqa: S608
        changed = (THU + MINH + "Own Test,vi,090-1234-5610,3,緑寮,9,861-2242\n").replace(",101,", ",205,")
        await clerk.take_over(HEAD + changed)
        assert len(await people(db)) == 3
        _, clerk.html = await clerk.visitor.get(clerk.path + "/undo")
        assert "1 people whom this upload added" in clerk.html and "2 people get their earlier entry" in clerk.html
        await clerk.send(clerk.path + "/undo")
        assert "was taken back" in clerk.html
        after = {t: await db.fetch(f"SELECT * FROM {t} t ORDER BY t::text") for t in tables}  # noqa: S608
        for table in tables:
            # A home that was given up comes back encrypted anew, under its old id, at the time of the undo.
            aside = {"point_enc", "address_enc", "created_at"} if table == "place" else set()
            plain = [[{k: v for k, v in r.items() if k not in aside} for r in rows[table]] for rows in (before, after)]
            assert plain[0] == plain[1], table
        # What the first upload wrote is still known: it can go too.
        assert (
            await db.fetch("SELECT kind FROM import_change")
            and await db.fetchval("SELECT max(cardinality(created)) FROM import_run") == 2
        )
        _, html = await clerk.visitor.get("/import")
        assert "taken back" in html


async def test_who_acted_themselves_stays_and_is_named_with_the_reason(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.take_over(HEAD + THU)
        await clerk.take_over(HEAD + THU.replace(",101,", ",205,") + MINH)
        await db.execute("UPDATE resident SET state = 'enrolled', enrolled_at = $1 WHERE name = 'Minh Test'", NOW)
        await db.execute("UPDATE membership SET room = '300' WHERE employee_id = '1'")
        _, clerk.html = await clerk.visitor.get(clerk.path + "/undo")
        assert "<bdi>Minh Test</bdi>: has enrolled" in clerk.html
        assert "<bdi>Thu Test</bdi>: was changed since" in clerk.html
        await clerk.visitor.post(clerk.path + "/undo", {"form_token": clerk_token(clerk)})
        assert await people(db) == [("Minh Test", "2", "102", True), ("Thu Test", "1", "300", True)]


def clerk_token(clerk: Clerk) -> str:
    return clerk.html.split('name="form_token" value="')[1].split('"')[0]


async def test_after_thirty_days_the_old_values_are_gone(db: Pool) -> None:
    org = await make_org(db)
    clock = FixedClock(NOW)
    async with staff_site(db, clock=clock) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.take_over(HEAD + THU)
        run = clerk.path
        async with transaction(db) as conn:
            await drop_old_bodies(conn, NOW + timedelta(days=29))
        assert await db.fetchval("SELECT count(*) FROM import_change") > 0
        async with transaction(db) as conn:
            await drop_old_bodies(conn, NOW + timedelta(days=31))
        assert await db.fetchval("SELECT count(*) FROM import_change") == 0
        assert await db.fetchval("SELECT count(*) FROM import_run WHERE result_enc IS NOT NULL") == 0
        assert (await clerk.visitor.get(run))[0] == 200


async def test_a_file_that_nobody_confirms_can_be_thrown_away(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.check(HEAD + THU)
        await clerk.send(clerk.path)  # applied
        await clerk.check(HEAD + MINH)
        run = clerk.path
        await clerk.visitor.post(run + "/discard", {"form_token": clerk_token(clerk)})
        assert await db.fetchval("SELECT count(*) FROM import_run WHERE body_enc IS NOT NULL") == 0
        assert await db.fetchval("SELECT count(*) FROM import_run WHERE state = 'applied'") == 1


async def test_a_step_that_died_is_offered_again(db: Pool) -> None:
    org = await make_org(db)
    clock = FixedClock(NOW)
    async with staff_site(db, clock=clock) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.check(HEAD + THU)
        run_id = clerk.path.rsplit("/", 1)[1]
        await db.execute(
            "INSERT INTO import_progress (run_id, org_id, stage, done, total, at)"
            " VALUES ($1, $2, 'applying', 5, 9, $3)",
            run_id, org.id, NOW,
        )  # fmt: skip
        status, html = await clerk.visitor.get(clerk.path)
        assert status == 200 and "5 / 9" in html and 'http-equiv="refresh"' in html
        await clerk.send(clerk.path, settle=False)
        assert await people(db) == []  # somebody is at it
        await db.execute("UPDATE import_progress SET at = $1", NOW - timedelta(minutes=2))
        _, clerk.html = await clerk.visitor.get(clerk.path)
        await clerk.send(clerk.path)
        assert len(await people(db)) == 1


async def test_who_reads_a_plan_leaves_a_trace(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.take_over(HEAD + THU)
        await clerk.check(HEAD + THU)
        person = await db.fetchval("SELECT id FROM resident")
        reads = await db.fetchval(
            "SELECT count(*) FROM audit WHERE action = 'import.preview' AND $1 = ANY(subjects)", person
        )
        assert reads >= 1
        kept = await db.fetch("SELECT result_enc, choices::text || counts::text AS plain FROM import_run")
        assert all(b"Thu" not in (r["result_enc"] or b"") and "Thu" not in r["plain"] for r in kept)
