"""`main.py import`: what it prints and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.db import Pool
from core.settings import load_settings
from ops.commands import import_command

GOOD = "氏名,言語,電話番号,自宅郵便番号\nThu Test,vi,090-1234-5601,861-2242\n"


@pytest.mark.parametrize(
    ("text", "dry_run", "allow_refused", "code", "written"),
    [
        (GOOD, False, False, 0, 1),
        (GOOD + ",vi,,\n", False, False, 1, 1),
        (GOOD + ",vi,,\n", False, True, 0, 1),
        (GOOD + ",vi,,\n", True, False, 1, 0),
    ],
)
async def test_refused_rows_end_with_one_unless_they_are_allowed(
    db: Pool,
    db_dsn: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    dry_run: bool,
    allow_refused: bool,
    code: int,
    written: int,
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    settings = load_settings({"DATABASE_URL": db_dsn, "DAIJOBU_DATA_DIR": str(tmp_path)})
    ended = await import_command(settings, path, "north", create_org=True, dry_run=dry_run, allow_refused=allow_refused)
    said = capsys.readouterr()
    assert ended == code
    assert "Thu Test" in said.out
    assert ("The name is missing." in said.out) is (text != GOOD)
    assert ("1 of 2 rows were refused" in said.err) is (code == 1)
    assert await db.fetchval("SELECT count(*) FROM resident") == written
