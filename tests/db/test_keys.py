"""Data keys over their life: the right file at start, rotation under load, old keys that leave, lost keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.crypto import CryptoError, Vault, load_vault
from core.db import Pool, connect, transaction
from core.keyring import parse_keys, read_key_file
from core.settings import Settings, load_settings
from core.tokens import token_hash
from ops import keys
from ops.key_commands import describe_keys
from ops.keys_store import AlreadyRotating, sole_rotation
from registry import store
from registry.records import PHONE, NewContact
from tests.keys_kit import FILLED, fill, findable, read_everything
from tests.people import NOW


def settings_in(folder: Path, **more: str) -> Settings:
    return load_settings({"DAIJOBU_DATA_DIR": str(folder), **more})


async def no_pause(seconds: float) -> None:
    await asyncio.sleep(0)


async def turn(pool: Pool, vault: Vault, **more: bool) -> Path | None:
    return await keys.rotate(pool, vault, lambda: NOW, pause=no_pause, **more)


@pytest.fixture
async def worker(db_dsn: str) -> AsyncIterator[Pool]:
    """The pool of the commands: under the role of the workers, not the owner of the tables."""
    pool = await connect(db_dsn, size=5, role="daijobu_worker")
    yield pool
    pool.terminate()


async def test_everything_moves_to_the_new_key_and_the_old_one_can_go(db: Pool, worker: Pool, tmp_path: Path) -> None:
    vault = await keys.open_vault(db, settings_in(tmp_path), NOW)
    phones = await fill(db, vault, 60)
    old, links = vault.key_id, await db.fetch("SELECT token_sha256 FROM link ORDER BY id")
    assert (await read_everything(db, vault)).keys() == FILLED

    backup = await turn(worker, vault)

    assert backup is not None and read_key_file(backup).key_ids == (old,)
    assert vault.key_id != old and vault.keys.key_ids == (vault.key_id, old)
    assert await read_everything(db, vault) == {column: {vault.key_id} for column in FILLED}
    assert await findable(db, vault, phones)
    assert await db.fetch("SELECT token_sha256 FROM link ORDER BY id") == links  # printed cards live on
    assert any("newest: writes" in line for line in await describe_keys(db, vault.keys.key_ids))

    await keys.retire(worker, vault, NOW)
    assert read_key_file(tmp_path / "keys" / "data.key").key_ids == (vault.key_id,)
    alone = await keys.open_vault(db, settings_in(tmp_path), NOW)
    assert await read_everything(db, alone) and await findable(db, alone, phones)
    token = await store.personal_token(await db.acquire(), alone, next(iter(phones)))
    assert token is not None and token_hash(token) in {row[0] for row in links}
    with pytest.raises(CryptoError, match="nothing to retire"):
        await keys.retire(db, alone, NOW)


async def test_a_leaked_file_also_costs_the_printed_links(db: Pool, worker: Pool, tmp_path: Path) -> None:
    vault = await keys.open_vault(db, settings_in(tmp_path), NOW)
    (person,) = await fill(db, vault, 1)
    before = await db.fetchval("SELECT token_sha256 FROM link WHERE kind = 'personal'")
    await turn(worker, vault, links=True)
    after = await db.fetchval("SELECT token_sha256 FROM link WHERE kind = 'personal'")
    async with transaction(db) as conn:
        token = await store.personal_token(conn, vault, person)
    assert token is not None and after == token_hash(token) != before


async def test_people_go_on_writing_while_keys_change(db: Pool, tmp_path: Path) -> None:
    """Three writers as running services have them: vaults of their own, which learn of the new key from the file."""
    file = tmp_path / "keys" / "data.key"
    vault = await keys.open_vault(db, settings_in(tmp_path), NOW)
    phones = await fill(db, vault, 120)
    done = asyncio.Event()
    written = 0

    async def service(which: int) -> None:
        nonlocal written
        own = load_vault(file)
        people = list(phones)[which::3]
        while not done.is_set():
            for person in people:
                async with transaction(db) as conn:
                    number = f"+8180{written:08d}"
                    contacts = [(person, NewContact(PHONE, phones[person])), (person, NewContact("email", number))]
                    await store.insert_contacts(conn, own, contacts, NOW)
                    await conn.execute("UPDATE contact SET state = 'proven' WHERE resident_id = $1", person)
                written += 1
                if done.is_set():
                    return

    writers = [asyncio.create_task(service(n)) for n in range(3)]
    while written < 20:
        await asyncio.sleep(0.01)
    await keys.rotate(db, vault, lambda: NOW)  # with its real pauses
    done.set()
    await asyncio.gather(*writers)
    assert written > 100, "nobody wrote: the test proves nothing"
    used = await read_everything(db, vault)
    assert used["contact.address_enc"] == {vault.key_id}
    assert await findable(db, vault, phones)
    twice = await db.fetchval(
        "SELECT count(*) FROM (SELECT FROM contact WHERE channel = 'phone' GROUP BY resident_id HAVING count(*) > 1) t"
    )
    assert twice == 0, "somebody would get every message twice"
    await keys.retire(db, vault, NOW)


async def test_the_same_number_entered_under_both_indexes_becomes_one_contact(
    db: Pool, worker: Pool, tmp_path: Path
) -> None:
    vault = await keys.open_vault(db, settings_in(tmp_path), NOW)
    ((person, phone),) = (await fill(db, vault, 1)).items()
    newer = Vault(vault.keys.with_new_key())
    (tmp_path / "keys" / "data.key").write_text(
        "\n".join(["data " + newer.keys.data[0].hex(), "data " + vault.keys.data[0].hex()])
        + "\n" + "\n".join("index " + key.hex() for key in newer.keys.index) + "\n",
        encoding="utf-8",
    )  # fmt: skip
    # A service that knows only the new key (its look-up misses) and then one that knows both.
    only_new = Vault(newer.keys.only_newest())
    async with transaction(db) as conn:
        await store.insert_contacts(conn, only_new, [(person, NewContact(PHONE, phone, state="proven"))], NOW)
        assert await conn.fetchval("SELECT count(*) FROM contact WHERE resident_id = $1", person) == 2
    vault.reload()
    await turn(worker, vault)
    (contact,) = await db.fetch("SELECT * FROM contact WHERE resident_id = $1", person)
    assert contact["state"] == "proven" and await findable(db, vault, {person: phone})


async def test_one_rotation_at_a_time(db: Pool, tmp_path: Path) -> None:
    vault = await keys.open_vault(db, settings_in(tmp_path), NOW)
    await fill(db, vault, 5)
    before = vault.keys
    async with sole_rotation(db):
        for action in (turn(db, vault), keys.retire(db, vault, NOW)):
            with pytest.raises(AlreadyRotating):
                await action
    assert vault.keys == before
    results = await asyncio.gather(turn(db, vault), turn(db, vault), return_exceptions=True)
    assert sum(isinstance(result, AlreadyRotating) for result in results) == 1 and len(vault.keys.data) == 2


async def test_retire_refuses_while_a_row_needs_the_old_key_and_names_the_column(db: Pool, tmp_path: Path) -> None:
    vault = await keys.open_vault(db, settings_in(tmp_path), NOW)
    ((person, _),) = (await fill(db, vault, 1)).items()
    stale = Vault(vault.keys)  # a service on another machine with the old file
    await turn(db, vault)
    async with transaction(db) as conn:
        await store.insert_contacts(conn, stale, [(person, NewContact("email", "x@y.example"))], NOW)
    with pytest.raises(CryptoError, match=r"1 rows of contact\.address_enc still need an older key: run keys rotate"):
        await keys.retire(db, vault, NOW)


async def test_a_swapped_value_stops_the_rotation_and_harms_nothing(db: Pool, tmp_path: Path) -> None:
    vault = await keys.open_vault(db, settings_in(tmp_path), NOW)
    await fill(db, vault, 20)
    first, second = await db.fetch("SELECT id, note_enc FROM check_in ORDER BY id LIMIT 2")
    await db.execute("UPDATE check_in SET note_enc = $2 WHERE id = $1", first["id"], second["note_enc"])
    with pytest.raises(CryptoError, match=f"check_in.note_enc of row {first['id']} does not belong to this row"):
        await turn(db, vault)
    await db.execute("UPDATE check_in SET note_enc = $2 WHERE id = $1", first["id"], first["note_enc"])
    assert await turn(db, vault) is None  # goes on, makes no third key
    assert await read_everything(db, vault) == {column: {vault.key_id} for column in FILLED}


async def test_a_lost_key_file_is_never_replaced_by_a_new_one(db: Pool, tmp_path: Path) -> None:
    vault = await keys.open_vault(db, settings_in(tmp_path), NOW)
    await fill(db, vault, 1)
    file = tmp_path / "keys" / "data.key"
    kept = file.read_text(encoding="utf-8")
    file.unlink()
    with pytest.raises(CryptoError, match=rf"data\.key is missing, but this database .* {vault.key_id.hex()}: bring"):
        await keys.open_vault(db, settings_in(tmp_path), NOW)
    assert not file.exists()
    file.write_text("00" * 32, encoding="utf-8")
    with pytest.raises(CryptoError, match="bring the right file back"):
        await keys.open_vault(db, settings_in(tmp_path), NOW)
    # The same for a database of a version that knew one key only, of which nothing is noted.
    await db.execute("DELETE FROM key_rotation")
    with pytest.raises(CryptoError, match="bring the right file back"):
        await keys.open_vault(db, settings_in(tmp_path), NOW)
    file.write_text(kept, encoding="utf-8")
    assert (await keys.open_vault(db, settings_in(tmp_path), NOW)).key_id == vault.key_id


async def test_a_key_that_is_lost_for_ever_can_be_given_up(db: Pool, tmp_path: Path) -> None:
    vault = await keys.open_vault(db, settings_in(tmp_path), NOW)
    await fill(db, vault, 3)
    lost = vault.key_id  # the vault looks at its file again and will know the new one
    (tmp_path / "keys" / "data.key").unlink()
    with pytest.raises(CryptoError, match="is in the key file"):
        await keys.forget(db, vault.keys.key_ids, lost, NOW)
    with pytest.raises(CryptoError, match="knows no key"):
        await keys.forget(db, (), bytes(8), NOW)
    unreadable = await keys.forget(db, (), lost, NOW)
    assert unreadable == sum(sum(columns.values()) for columns in (await keys.key_use(db)).values()) > 0
    fresh = await keys.open_vault(db, settings_in(tmp_path), NOW)
    await fill(db, fresh, 2)
    await turn(db, fresh)  # leaves the unreadable rows alone
    await keys.retire(db, fresh, NOW)
    lines = await describe_keys(db, fresh.keys.key_ids)
    assert any(line.startswith(lost.hex()) and "retired" in line for line in lines)


async def test_keys_from_the_environment_are_read_and_rotated_by_hand(db: Pool, tmp_path: Path) -> None:
    old, new = "11" * 32, "22" * 32
    vault = await keys.open_vault(db, settings_in(tmp_path, DAIJOBU_DATA_KEYS=old), NOW)
    await fill(db, vault, 2)
    with pytest.raises(CryptoError, match="come from DAIJOBU_DATA_KEYS"):
        await turn(db, vault)
    both = await keys.open_vault(db, settings_in(tmp_path, DAIJOBU_DATA_KEYS=f"{new}\n{old}"), NOW)
    assert both.key_id == parse_keys(new, "x").key_ids[0]
    await turn(db, both)
    assert await read_everything(db, both) == {column: {both.key_id} for column in FILLED}
    assert not (tmp_path / "keys").exists()


async def test_on_several_machines_a_key_is_known_before_it_writes(db: Pool, tmp_path: Path) -> None:
    file, other = tmp_path / "keys" / "data.key", tmp_path / "other.key"
    vault = await keys.open_vault(db, settings_in(tmp_path), NOW)
    phones = await fill(db, vault, 3)
    old = vault.key_id
    await keys.prepare(db, vault)
    assert vault.key_id == old and len(vault.keys.data) == 2
    with pytest.raises(CryptoError, match="a new key stands ready"):
        await keys.prepare(db, vault)
    assert any("stands ready" in line for line in await describe_keys(db, vault.keys.key_ids))
    other.write_bytes(file.read_bytes())
    far = await keys.open_vault(db, settings_in(tmp_path, DAIJOBU_KEY_FILE=str(other)), NOW)
    await turn(db, vault)
    assert vault.key_id == far.keys.key_ids[1] and vault.keys.index == far.keys.index[::-1]
    assert await read_everything(db, far)  # with the file from before
    async with transaction(db) as conn:
        await store.insert_contacts(conn, far, [(next(iter(phones)), NewContact("email", "a@b.example"))], NOW)
    other.write_bytes(file.read_bytes())
    with pytest.raises(CryptoError, match="still need an older key: run keys rotate"):
        await keys.retire(db, vault, NOW)
    await turn(db, vault)
    assert len(vault.keys.data) == 2, "what was left over is no reason for a third key"
    await keys.retire(db, vault, NOW)
    other.write_bytes(file.read_bytes())
    assert await read_everything(db, load_vault(other)) and await findable(db, load_vault(other), phones)
