"""`main.py audit`: what a third party gets and can check alone, and sentences instead of stack traces."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.db import Pool
from core.seal_store import audit_keys, seal_batch
from core.settings import Settings
from core.signing import SigningError, load_signer
from ops.audit_commands import AuditCommandError, export_command, new_key_command, read_outside, verify_command
from tests.db.test_audit_chain import SIGNER, SQL_MANY, change_and_rechain, cut, cut_and_move_the_head, days, tamper
from tests.people import NOW

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "audit.md"


async def exported(db: Pool, first: str, last: str) -> str:
    out = io.StringIO()
    assert await export_command(db, first, last, out) == 0
    return out.getvalue()


def checked_alone(export: str) -> subprocess.CompletedProcess[str]:
    """Run the script that docs/audit.md prints, in a Python that knows nothing of us."""
    found = re.search(r"```python\n(.*?)```", SCRIPT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return subprocess.run(
        [sys.executable, "-I", "-c", found[1]], input=export, capture_output=True, text=True, check=False
    )


async def test_an_export_is_checked_by_the_script_of_the_documentation(db: Pool) -> None:
    await days(db)
    export = await exported(db, "2026-11-21", "2026-11-22")
    done = checked_alone(export)
    assert (done.returncode, done.stdout) == (0, "ok: 20 rows, 2 signed heads\n"), done.stderr
    lines = [json.loads(line) for line in export.splitlines()]
    assert [line["kind"] for line in lines[:2]] == ["key", "start"] and lines[1]["seq"] == 10
    for changed in (export.replace("people.read", "people.seen", 1), export.replace("担当 3", "担当 4", 1)):
        assert changed != export and checked_alone(changed).returncode == 1
    without_a_row = "\n".join(line for line in export.splitlines() if '"seq": 15' not in line)
    assert "is wrong" in checked_alone(without_a_row).stderr


async def test_days_are_days_in_japan_and_the_end_is_signed(db: Pool) -> None:
    at = NOW.replace(hour=14, minute=59, second=0)  # 23:59 in Japan
    await db.execute(SQL_MANY, at, 3)
    await db.execute(SQL_MANY, at + timedelta(minutes=2), 2)
    await seal_batch(db, SIGNER, NOW)
    lines = [json.loads(line) for line in (await exported(db, "2026-11-20", "2026-11-20")).splitlines()]
    assert lines[-1]["kind"] == "daijobu audit head" and lines[-1]["seq"] == 5
    lines = [json.loads(line) for line in (await exported(db, "2026-11-21", "2026-11-21")).splitlines()]
    assert [line["seq"] for line in lines if line["kind"] == "row"] == [4, 5]


@pytest.mark.parametrize(
    ("first", "last", "sentence"),
    [
        ("2026-11-31", "2026-12-01", "2026-11-31: write a day as 2026-11-20"),
        ("2026-11-20", "yesterday", "yesterday: write a day"),
        ("2026-11-20", "2026-11-19", "--to 2026-11-19 is before --from 2026-11-20"),
        ("2020-01-01", "2020-01-02", "no sealed row between 2020-01-01 and 2020-01-02"),
    ],
)
async def test_what_cannot_be_exported_is_said(db: Pool, first: str, last: str, sentence: str) -> None:
    await days(db)
    with pytest.raises(AuditCommandError, match=re.escape(sentence)):
        await exported(db, first, last)


async def test_verify_prints_counts_and_ends_with_one_on_a_break(db: Pool, capsys: pytest.CaptureFixture[str]) -> None:
    await days(db)
    assert await verify_command(db, NOW, as_json=False, against=None) == 0
    told = capsys.readouterr().out
    assert "ok: 30 rows" in told and "3 signed heads fit" in told and SIGNER.public_key.hex() in told
    assert await verify_command(db, NOW, as_json=True, against=None) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (answer["ok"], answer["rows"], answer["whole"], answer["break"]) == (True, 30, True, None)
    await cut(db)
    assert await verify_command(db, NOW, as_json=False, against=None) == 1
    assert "BROKEN (cut) at number 26: the chain ends at number 25" in capsys.readouterr().out
    assert await verify_command(db, NOW, as_json=True, against=None) == 1
    assert json.loads(capsys.readouterr().out)["break"]["kind"] == "cut"


async def test_a_copy_elsewhere_shows_what_the_database_alone_cannot(
    db: Pool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever has the key too can rewrite everything; an older export then no longer fits."""
    await days(db)
    copy = tmp_path / "november.jsonl"
    copy.write_text(await exported(db, "2026-11-20", "2026-11-21"))
    assert read_outside(copy).head.seq == 20
    assert await verify_command(db, NOW, as_json=False, against=copy) == 0
    await change_and_rechain(db)
    # A new beginning of heads, signed with the true key: nothing inside the database tells.
    await tamper(db, "DELETE FROM audit_head")
    await tamper(db, "DELETE FROM audit_unsealed")
    await tamper(db, "INSERT INTO audit_unsealed SELECT audit_id FROM audit_seal")
    await tamper(db, "DELETE FROM audit_seal")
    assert await seal_batch(db, SIGNER, NOW) == 30
    assert await verify_command(db, NOW, as_json=False, against=None) == 0
    capsys.readouterr()
    assert await verify_command(db, NOW, as_json=False, against=copy) == 1
    assert "written anew" in capsys.readouterr().out


async def test_a_cut_tail_with_all_its_heads_shows_against_a_copy(
    db: Pool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await days(db)
    copy = tmp_path / "all.jsonl"
    copy.write_text(await exported(db, "2026-11-20", "2026-11-22"))
    for sql in (
        "DELETE FROM audit WHERE id IN (SELECT audit_id FROM audit_seal WHERE seq > 20)",
        "DELETE FROM audit_seal WHERE seq > 20",
        "DELETE FROM audit_head WHERE seq > 20",
    ):
        await tamper(db, sql)
    assert await verify_command(db, NOW, as_json=False, against=None) == 0
    assert await verify_command(db, NOW, as_json=False, against=copy) == 1
    assert "BROKEN (cut)" in capsys.readouterr().out


def test_a_file_that_is_no_report_is_named(tmp_path: Path) -> None:
    other = tmp_path / "list.csv"
    other.write_text("name,phone\n")
    with pytest.raises(AuditCommandError, match=r"list\.csv: holds no signed head"):
        read_outside(other)
    with pytest.raises(AuditCommandError, match="cannot be opened"):
        read_outside(tmp_path / "nothing")


async def test_a_new_key_goes_on_where_the_lost_one_ended(
    db: Pool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await days(db)
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(SigningError, match=r"audit\.key is missing"):
        load_signer(settings)
    assert await new_key_command(db, settings, NOW) == 0
    signer = load_signer(settings)
    assert signer.public_key.hex() in capsys.readouterr().out
    assert set(await audit_keys(db)) == {SIGNER.key_id, signer.key_id}  # both since NOW: their order is chance
    await db.execute(SQL_MANY, NOW, 1)
    assert await seal_batch(db, signer, NOW + timedelta(days=3)) == 1
    assert await verify_command(db, NOW, as_json=False, against=None) == 0
    with pytest.raises(SigningError, match="already signs"):
        await new_key_command(db, settings, NOW)


async def test_the_sentence_of_a_moved_head(db: Pool, capsys: pytest.CaptureFixture[str]) -> None:
    await days(db)
    await cut_and_move_the_head(db)
    assert await verify_command(db, NOW, as_json=False, against=None) == 1
    assert "BROKEN (forged) at number 25: the signature of the head of 2026-11-22 is wrong" in capsys.readouterr().out
