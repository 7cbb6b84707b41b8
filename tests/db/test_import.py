"""Uploads against the database: all or nothing, the second time nothing, and everybody findable by place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from core.db import Pool, transaction
from core.i18n import Catalogs
from core.model import OrgKind
from core.tokens import token_hash
from registry import store
from registry.import_command import ImportRefused, import_file, plan_lines
from registry.imports import Fate, Plan
from registry.membership_store import end_due_memberships
from tests.people import NOW, VAULT, make_org

LIST = """氏名,言語,電話番号,社員番号,雇用企業,寮,部屋,自宅郵便番号,勤務先,勤務先郵便番号,通信手段
Thu Test,ベトナム語,090-1234-5601,1,青空食品,あおぞら寮,101,861-2242,第一工場,862-0950,Zalo: 0901
Minh Test,ベトナム語,090-1234-5602,2,青空食品,あおぞら寮,102,861-2242,第一工場,862-0950,
Sita Test,ネパール語,090-1234-5603,1,緑野農園,みどり寮,,866-0861,,,
Aung Test,ミャンマー語,,2,緑野農園,みどり寮,,866-0861,,,Messenger: m.me/aung
Own Home,英語,080-1234-5605,3,緑野農園,,,869-0402,,,
"""


@pytest.fixture(scope="module")
def catalogs() -> Catalogs:
    return Catalogs.load()


async def upload(db: Pool, tmp_path: Path, text: str, slug: str, *, create: bool = True, dry_run: bool = False) -> Plan:
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    return await import_file(db, VAULT, path, slug, create, dry_run, NOW)


def fates(made: Plan) -> list[str]:
    return [row.fate.value for row in made.rows]


async def test_one_file_creates_employers_dorms_and_people(db: Pool, tmp_path: Path) -> None:
    made = await upload(db, tmp_path, LIST, "kumiai")
    assert fates(made) == ["new", "new", "new", "doubtful", "new"]
    kinds = await db.fetch("SELECT name, kind FROM organisation ORDER BY name")
    assert {tuple(r) for r in kinds} == {("kumiai", "supervising"), ("青空食品", "employer"), ("緑野農園", "employer")}
    sites = await db.fetch("SELECT o.name AS org, s.kind, s.name FROM site s JOIN organisation o ON o.id = s.org_id")
    assert {tuple(r) for r in sites} == {
        ("青空食品", "dorm", "あおぞら寮"),
        ("青空食品", "workplace", "第一工場"),
        ("緑野農園", "dorm", "みどり寮"),
    }
    in_mashiki = await db.fetch(
        "SELECT r.name, p.kind FROM place_area a JOIN resident_place p ON p.place_id = a.place_id"
        " JOIN resident r ON r.id = p.resident_id WHERE a.scheme = 'jis' AND a.code = '43443' ORDER BY r.name"
    )
    assert [tuple(r) for r in in_mashiki] == [("Minh Test", "home"), ("Thu Test", "home")]
    own = await db.fetchval(
        "SELECT count(*) FROM place_area a JOIN resident_place p ON p.place_id = a.place_id"
        " JOIN resident r ON r.id = p.resident_id WHERE a.scheme = 'jis' AND r.name = 'Own Home'"
    )
    assert own >= 1
    assert await db.fetchval("SELECT count(*) FROM consent WHERE scope = 'C1' AND basis = 'invitation'") == 5
    assert await db.fetchval("SELECT count(*) FROM link WHERE kind = 'personal'") == 5
    assert await db.fetchval("SELECT count(*) FROM org_relation WHERE kind = 'supervises'") == 2
    assert await db.fetchval("SELECT array_length(subjects, 1) FROM audit WHERE action = 'import'") == 5


async def test_the_second_upload_changes_nothing(db: Pool, tmp_path: Path) -> None:
    await upload(db, tmp_path, LIST, "kumiai")
    tables = (
        "resident",
        "membership",
        "contact",
        "site",
        "place",
        "place_area",
        "resident_place",
        "organisation",
        "link",
    )
    before = {t: await db.fetch(f"SELECT * FROM {t} t ORDER BY t::text") for t in tables}  # noqa: S608
    made = await upload(db, tmp_path, LIST, "kumiai")
    assert fates(made) == ["unchanged"] * 5
    assert made.new_employers == () and made.new_sites == () and not made.site_addresses
    assert {t: await db.fetch(f"SELECT * FROM {t} t ORDER BY t::text") for t in tables} == before  # noqa: S608


async def test_a_dry_run_leaves_the_database_as_it_was(db: Pool, tmp_path: Path) -> None:
    made = await upload(db, tmp_path, LIST, "kumiai", dry_run=True)
    assert made.counts["new"] == 4
    assert await db.fetchval("SELECT count(*) FROM organisation") == 0
    assert await db.fetchval("SELECT count(*) FROM import_run") == 0


async def test_changes_are_written(db: Pool, tmp_path: Path) -> None:
    await upload(db, tmp_path, LIST, "kumiai")
    changed = LIST.replace("102,861-2242", "105,861-2242").replace("090-1234-5601", "070-9999-0001")
    made = await upload(db, tmp_path, changed, "kumiai")
    assert [row.changes for row in made.rows][:2] == [("contact",), ("room",)]
    assert await db.fetchval("SELECT room FROM membership WHERE employee_id = '2' AND room <> ''") == "105"
    numbers = await db.fetchval("SELECT count(*) FROM contact c JOIN resident r ON r.id = c.resident_id"
                                " WHERE r.name = 'Thu Test' AND channel = 'phone'")  # fmt: skip
    assert numbers == 2


async def test_a_dorm_that_moves_takes_its_people_along(db: Pool, tmp_path: Path) -> None:
    await upload(db, tmp_path, LIST, "kumiai")
    made = await upload(db, tmp_path, LIST.replace("861-2242", "869-0402"), "kumiai")
    assert len(made.site_addresses) == 1
    there = await db.fetch(
        "SELECT r.name FROM place_area a JOIN resident_place p ON p.place_id = a.place_id JOIN resident r"
        " ON r.id = p.resident_id WHERE a.scheme = 'jis' AND a.code = '43443'"
    )
    assert there == []


async def test_a_dorm_that_gets_its_address_later_places_its_people(db: Pool, tmp_path: Path) -> None:
    text = "name,language,phone,dorm,home postal code\nA,vi,090-1234-5678,North,\n"
    made = await upload(db, tmp_path, text, "north")
    assert [p.code for p in made.rows[0].person.problems] == ["no_place"]
    assert await db.fetchval("SELECT count(*) FROM resident_place") == 0
    await upload(db, tmp_path, text + "B,vi,090-1234-5679,North,861-2242\n", "north")
    assert await db.fetchval("SELECT count(*) FROM resident_place WHERE kind = 'home'") == 2


async def test_who_moves_out_of_a_dorm_and_back_leaves_no_home_behind(db: Pool, tmp_path: Path) -> None:
    base = "name,language,phone,employee id,dorm,home postal code\n"
    await upload(db, tmp_path, base + "A,vi,090-1234-5678,1,,869-0402\n", "north")
    await upload(db, tmp_path, base + "A,vi,090-1234-5678,1,North,861-2242\n", "north")
    assert await db.fetchval("SELECT count(*) FROM place") == 1
    assert await db.fetchval("SELECT s.name FROM resident_place p JOIN site s ON s.place_id = p.place_id") == "North"


async def test_leaving_ends_the_view_and_keeps_the_person(db: Pool, tmp_path: Path) -> None:
    base = "氏名,言語,電話番号,社員番号,自宅郵便番号,退職日\n"
    row = "A,vi,090-1234-5678,1,861-2242,"
    await upload(db, tmp_path, base + row + "\n", "north")
    await upload(db, tmp_path, base + row + "2026-11-20\n", "north")
    person = await db.fetchrow("SELECT orgs, state FROM resident")
    assert (person["orgs"], person["state"]) == ([], "invited")
    back = await upload(db, tmp_path, base + row + "\n", "north")
    assert back.rows[0].changes == ("rejoined",)
    assert len(await db.fetchval("SELECT orgs FROM resident")) == 1


async def test_a_last_day_in_the_future_ends_when_it_comes(db: Pool, tmp_path: Path) -> None:
    await upload(db, tmp_path, "氏名,言語,退職日\nA,vi,2026-11-25\nB,vi,\n", "north")
    async with transaction(db) as conn:
        assert await end_due_memberships(conn, NOW.date() + timedelta(days=4), NOW) == 0
        assert await end_due_memberships(conn, NOW.date() + timedelta(days=5), NOW) == 1
    assert await db.fetchval("SELECT count(*) FROM resident WHERE orgs = '{}'") == 1


async def test_a_company_cannot_upload_for_another(db: Pool, tmp_path: Path) -> None:
    async with transaction(db) as conn:
        await store.create_organisation(conn, slug="north", name="北の会社", kind=OrgKind.EMPLOYER, now=NOW)
    made = await upload(db, tmp_path, LIST, "north")
    assert fates(made) == ["refused"] * 5
    assert await db.fetchval("SELECT count(*) FROM resident") == 0


async def test_two_companies_keep_equal_numbers_apart(db: Pool, tmp_path: Path) -> None:
    first, second = await make_org(db), await make_org(db)
    text = "氏名,言語,社員番号,電話番号\nA,vi,1,090-1234-5678\n"
    await upload(db, tmp_path, text, first.slug)
    made = await upload(db, tmp_path, text, second.slug)
    assert made.rows[0].fate is Fate.DOUBTFUL and made.rows[0].match is None
    assert await db.fetchval("SELECT count(*) FROM resident") == 2


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The file is empty."),
        ("電話\n1\n".encode(), "There is no column for the name"),
        ("氏名,name\nA,B\n".encode(), "both mean 氏名"),
        (b"PK\x03\x04xx", "The Excel file is damaged"),
    ],
)
async def test_an_unreadable_file_is_refused_whole_in_one_sentence(
    db: Pool, tmp_path: Path, body: bytes, sentence: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(body)
    with pytest.raises(ImportRefused) as caught:
        await import_file(db, VAULT, path, "north", True, False, NOW)
    assert str(path) in str(caught.value) and sentence in str(caught.value)
    assert await db.fetchval("SELECT count(*) FROM organisation") == 0


async def test_an_unknown_organisation_or_file_is_named(db: Pool, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="--create-org"):
        await upload(db, tmp_path, LIST, "nobody", create=False)
    with pytest.raises(ImportRefused, match="short name"):
        await upload(db, tmp_path, LIST, "No Good!")
    with pytest.raises(ImportRefused, match="cannot be read"):
        await import_file(db, VAULT, tmp_path / "absent.csv", "north", True, False, NOW)


async def test_a_thousand_rows_at_once(db: Pool, tmp_path: Path, catalogs: Catalogs) -> None:
    rows = [f"Person {n},vi,090{10_000_000 + n},{n},Dorm {n % 40},861-2242" for n in range(1000)]
    text = "氏名,言語,電話番号,社員番号,寮,自宅郵便番号\n" + "\n".join(rows) + "\n"
    made = await upload(db, tmp_path, text, "large")
    assert made.counts["new"] == 1000
    assert await db.fetchval("SELECT count(DISTINCT token_sha256) FROM link") == 1000
    again = await upload(db, tmp_path, text, "large")
    assert again.counts["unchanged"] == 1000
    assert len(list(plan_lines(again, catalogs))) == 1001


async def test_every_fate_has_words_in_both_staff_languages(db: Pool, tmp_path: Path, catalogs: Catalogs) -> None:
    text = (
        "氏名,言語,電話番号,社員番号,寮,自宅郵便番号,退職日,色\n"
        ",vi,,,,,,\nA,,12,1,,,,\nB,vi,096-328-1111,1,寮,999-9999,,\nC,vi,+84912345678,3,寮,861-2242,2020-01-01,\n"
    )
    made = await upload(db, tmp_path, text, "north", dry_run=True)
    english, japanese = (list(plan_lines(made, catalogs, lang)) for lang in ("en", "ja"))
    assert len(english) == len(japanese) and english != japanese
    assert any("NO PLACE" in line for line in english) and any("警報が届きません" in line for line in japanese)


async def test_the_personal_link_of_an_imported_person_works(db: Pool, tmp_path: Path) -> None:
    await upload(db, tmp_path, LIST, "kumiai")
    resident = await db.fetchval("SELECT id FROM resident WHERE name = 'Thu Test'")
    async with db.acquire() as conn:
        token = await store.personal_token(conn, VAULT, resident)
    assert token and await db.fetchval("SELECT resident_id FROM link WHERE token_sha256 = $1", token_hash(token))
