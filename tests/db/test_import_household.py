"""A list's column "works in somebody's home", and the file of rows to mend."""

from __future__ import annotations

import csv
import io

import pytest

from core.db import Pool
from core.i18n import Catalogs
from core.spreadsheet import could_run, plain_cell
from registry.access import HOUSEHOLD
from registry.import_rows_web import rows_to_mend
from tests.imports_kit import Clerk
from tests.people import make_org
from tests.staff_site import staff_site

HEAD = "氏名,言語,社員番号,勤務先,勤務先住所,自宅郵便番号,{heading}\n"
ROW = "{name},vi,{number},{site},熊本県上益城郡益城町宮園702,861-2242,{said}\n"


def list_of(*rows: tuple[str, str, str, str], heading: str = "家庭で勤務") -> str:
    return HEAD.format(heading=heading) + "".join(
        ROW.format(name=name, number=number, site=site, said=said) for name, number, site, said in rows
    )


async def households(db: Pool) -> dict[str, bool]:
    rows = await db.fetch("SELECT r.name, m.household FROM membership m JOIN resident r ON r.id = m.resident_id")
    return {row["name"]: row["household"] for row in rows}


@pytest.mark.parametrize("heading", ["家庭で勤務", "個人宅勤務", "Works in a home", "Household Worker", "住み込み"])
async def test_new_people_who_work_in_a_home(db: Pool, heading: str) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.take_over(
            list_of(
                ("Anh Test", "1", "佐藤宅", "はい"), ("Binh Test", "2", "工場", "no"), ("Chi Test", "3", "工場", ""),
                ("Dung Test", "4", "鈴木宅", "○"), heading=heading,
            )
        )  # fmt: skip
        assert await households(db) == {"Anh Test": True, "Binh Test": False, "Chi Test": False, "Dung Test": True}
        _, html = await clerk.visitor.get("/people")
        assert "佐藤宅" not in html and "鈴木宅" not in html


async def test_it_changes_is_shown_and_is_taken_back(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.take_over(list_of(("Anh Test", "1", "佐藤宅", "はい"), ("Binh Test", "2", "工場", "")))
        # Silence changes nothing; an old home is not shown again by a new list.
        await clerk.check(list_of(("Anh Test", "1", "田中宅", ""), ("Binh Test", "2", "工場", "yes")))
        assert "佐藤宅" not in clerk.html and HOUSEHOLD in clerk.html and "田中宅" in clerk.html
        await clerk.send(clerk.path)
        assert await households(db) == {"Anh Test": True, "Binh Test": True}
        run = clerk.path
        _, clerk.html = await clerk.visitor.get(run + "/undo")
        await clerk.send(run + "/undo")
        assert await households(db) == {"Anh Test": True, "Binh Test": False}
        await clerk.take_over(list_of(("Anh Test", "1", "工場", "いいえ")))
        assert (await households(db))["Anh Test"] is False


async def test_what_is_neither_yes_nor_no_is_asked_about(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.check(list_of(("Anh Test", "1", "工場", "perhaps")))
        assert "should say yes or no, not “perhaps”" in clerk.html


async def test_the_rows_to_mend_as_a_file_that_no_spreadsheet_runs(db: Pool) -> None:
    org = await make_org(db)
    async with staff_site(db) as site:
        clerk = Clerk(await site.signed_in(org))
        await clerk.check(
            "氏名,言語,電話番号,自宅郵便番号\n,vi,090-1234-5601,861-2242\n"
            '"=HYPERLINK(""x"")",vi,hello,861-2242\nGood Test,vi,090-1234-5602,861-2242\n@cmd,vi,+1+1,861-2242\n'
        )
        assert "/rows.csv" in clerk.html
        async with clerk.visitor.client.get(clerk.path + "/rows.csv") as answer:
            assert answer.status == 200 and "attachment" in answer.headers["Content-Disposition"]
            text = (await answer.read()).decode("utf-8-sig")
        stranger = await site.signed_in(await make_org(db))
        assert (await stranger.get(clerk.path + "/rows.csv"))[0] == 404
    rows = list(csv.reader(io.StringIO(text)))
    assert not [cell for row in rows for cell in row if could_run(cell)]
    assert "Good Test" not in text and len(rows) >= 3
    assert {"2", "3"} <= {row[0] for row in rows[1:]} and all(row[5] for row in rows[1:])
    assert any(plain_cell(row[1]) == "@cmd" for row in rows)


def test_the_worst_come_first_with_every_reason() -> None:
    shown = {
        "groups": [
            {"fate": "doubtful", "rows": [_row(3, [["staff.import.reason.no_language", {}]])]},
            {"fate": "new", "rows": [_row(4, [])]},
            {"fate": "refused", "rows": [_row(2, [["staff.import.reason.no_name", {}]] * 2)]},
        ]
    }
    headings, rows = rows_to_mend(shown, Catalogs.load().sayer("en").plain)
    assert len(headings) == 6 and [row[0] for row in rows] == ["2", "3"]
    assert rows[0][5].count(" / ") == 1


def _row(number: int, problems: list[object]) -> dict[str, object]:
    return {"number": number, "name": "A", "employer": "B", "dorm": "", "problems": problems}
