"""`main.py wording`, and that a process hears of a changed text while it runs."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from alerts.review import Act, May, Reviewer, Words, judge
from alerts.wording_book import WordingBook
from alerts.wording_follow import following
from alerts.wording_store import Done, carry_out, grant
from core import po
from core.audit import Actor
from core.db import Pool, transaction
from core.model import OrgKind, Role
from core.po import ReviewState, WordingError
from core.settings import load_settings
from ops.wording_command import wording_command
from tests.alerts_kit import CATALOGS, wires
from tests.people import NOW, make_org, make_staff

KEY = "do.landslide.extreme"


async def _review(db: Pool) -> None:
    """Somebody reads the Vietnamese text, in another process."""
    office = await make_org(db, OrgKind.OPERATOR)
    async with transaction(db) as conn:
        me = Reviewer(await make_staff(conn, office.id, Role.TRANSLATOR), "vi", "r1", frozenset({May.REVIEW}))
        await grant(conn, me, Actor("operator"), office.staff_id, NOW)
        entry = CATALOGS.entry("vi", KEY)
        await carry_out(
            conn,
            WordingBook(CATALOGS),
            me,
            KEY,
            lambda stands: Done(
                Act.REVIEW, entry.text, judge(stands, entry.fingerprint, Act.REVIEW, Words(), me, key=KEY), Words()
            ),
            Actor("r1", me.staff_id),
            NOW,
        )


async def test_a_running_process_hears_of_it(db: Pool, db_dsn: str) -> None:
    async with wires(db, db_dsn) as bare:
        deps = replace(bare, catalogs=WordingBook(CATALOGS))
        async with following(deps):
            await asyncio.sleep(0)  # it has looked once and waits for the bell
            await _review(db)
            async with asyncio.timeout(10):  # the poll would take half a minute
                while deps.catalogs.state("vi", KEY) is not ReviewState.REVIEWED:
                    await asyncio.sleep(0.01)


async def test_the_report_and_the_export_say_what_people_did(
    db: Pool, db_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await _review(db)
    settings = load_settings({"DATABASE_URL": db_dsn})
    assert await wording_command(settings, "report", "", as_data=True) == 0
    rows = {row["language"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["vi"]["alerts"]["reviewed"] == 1 and rows["my"]["alerts"]["reviewed"] == 0
    assert await wording_command(settings, "report", "", as_data=False) == 0
    assert "| vi | " in capsys.readouterr().out
    assert await wording_command(settings, "export", "vi", as_data=False) == 0
    entry = po.parse("vi.po", capsys.readouterr().out.encode())[KEY]
    assert entry.state is ReviewState.REVIEWED and entry.stamp["by"] == "r1"
    with pytest.raises(WordingError, match="'xx'"):
        await wording_command(settings, "export", "xx", as_data=False)
