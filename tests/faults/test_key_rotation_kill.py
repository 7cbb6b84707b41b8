"""kill -9 of a rotation, again and again: every value stays readable, and the rotation comes to its end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from core.crypto import load_vault
from core.db import Pool, transaction
from core.keyring import read_key_file
from core.settings import load_settings
from ops.keys import open_vault
from registry.records import NewContact
from registry.store import insert_contacts
from tests.keys_kit import FILLED, fill, findable, read_everything
from tests.people import NOW

ROOT = Path(__file__).resolve().parents[2]
CONTACTS = 12_000
#: After how many values written anew the process is killed.
KILL_AT = (500, 4_000, 9_000)


async def start(dsn: str, folder: Path, *words: str) -> asyncio.subprocess.Process:
    environment = {**os.environ, "DATABASE_URL": dsn, "DAIJOBU_DATA_DIR": str(folder)}
    return await asyncio.create_subprocess_exec(
        sys.executable, "main.py", "keys", *words, cwd=ROOT, env=environment, stdout=-1, stderr=-1
    )


async def run(dsn: str, folder: Path, *words: str) -> tuple[int, str]:
    process = await start(dsn, folder, *words)
    out, error = await process.communicate()
    assert process.returncode is not None
    return process.returncode, (out + error).decode()


async def rows_written(db: Pool) -> int:
    return int(await db.fetchval("SELECT coalesce(sum(rows_written), 0) FROM key_rotation"))


async def test_kill_nine_in_the_middle_of_a_rotation(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    file = tmp_path / "keys" / "data.key"
    vault = await open_vault(db, load_settings({"DAIJOBU_DATA_DIR": str(tmp_path)}), NOW)
    old = vault.key_id
    phones = await fill(db, vault, 30)
    person = next(iter(phones))
    async with transaction(db) as conn:
        many = [(person, NewContact("email", f"p{n}@example.jp")) for n in range(CONTACTS)]
        await insert_contacts(conn, vault, many, NOW)

    # The first instant: the new key is in the file, nothing has been written with it yet.
    process = await start(db_dsn, tmp_path, "rotate")
    while read_key_file(file).key_ids == (old,):
        assert process.returncode is None, await process.communicate()
        await asyncio.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert await read_everything(db, load_vault(file))

    for threshold in KILL_AT:
        process = await start(db_dsn, tmp_path, "rotate")
        while await rows_written(db) < threshold:
            assert process.returncode is None, await process.communicate()
            await asyncio.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        used = await read_everything(db, load_vault(file))
        assert used["contact.address_enc"] == {old, load_vault(file).key_id}, "the kill came too late to prove anything"
        code, told = await run(db_dsn, tmp_path, "retire")
        assert code == 1 and "still need an older key" in told

    done = await rows_written(db)
    code, told = await run(db_dsn, tmp_path, "rotate")
    assert code == 0, told
    assert await rows_written(db) < 2 * CONTACTS and done >= KILL_AT[-1], "it began from the start"
    ring = read_key_file(file)
    assert len(ring.data) == 2, "a killed rotation made a key too many"
    assert await read_everything(db, load_vault(file)) == {column: {ring.key_ids[0]} for column in FILLED}
    code, told = await run(db_dsn, tmp_path, "retire")
    assert code == 0 and ring.key_ids[0].hex() in told, told
    alone = load_vault(file)
    assert alone.keys.key_ids == ring.key_ids[:1]
    assert await read_everything(db, alone) and await findable(db, alone, phones)
    code, told = await run(db_dsn, tmp_path, "list")
    assert code == 0 and f"{old.hex()}" in told and "retired" in told
