"""`main.py keys list | prepare | rotate | retire | forget`: the data keys on the command line."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tqdm import tqdm

from core.clock import SystemClock
from core.crypto import CryptoError
from core.db import Pool, connect
from core.encrypted import ENCRYPTED
from core.keyring import parse_keys, read_key_file
from core.migrate import migrate, require_current_schema
from core.settings import Settings
from ops import keys, keys_store
from ops.database import open_database


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Pool]:
    async with open_database(settings) as dsn:
        owner = await connect(dsn, size=2)
        try:
            await (migrate if settings.database_url is None else require_current_schema)(owner)
        finally:
            await owner.close()
        pool = await connect(dsn, size=3, role="daijobu_worker")  # row-level security holds for the owner too
        try:
            yield pool
        finally:
            await pool.close()


async def keys_command(settings: Settings, action: str, key: str, *, links: bool) -> int:
    """Run one action. Raises CryptoError with the person's next step."""
    clock = SystemClock()
    async with _database(settings) as pool:
        if action == "prepare":
            vault = await keys.open_vault(pool, settings, clock.now())
            print(f"The former key file is kept as {await keys.prepare(pool, vault)}.")
            print(f"Now give every machine the file {vault.key_file}, then run: python main.py keys rotate")
            return 0
        if action == "list":
            print("\n".join(await describe_keys(pool, _held(settings))))
            return 0
        if action == "forget":
            unreadable = await keys.forget(pool, _held(settings), _key_id(key), clock.now())
            print(f"Key {key} is given up. {unreadable} values that only it could read stay unreadable.")
            return 0
        vault = await keys.open_vault(pool, settings, clock.now())
        with Bar(await _rows(pool)) as bar:
            if action == "rotate":
                backup = await keys.rotate(pool, vault, clock.now, links=links, progress=bar)
            else:
                backup = await keys.retire(pool, vault, clock.now(), progress=bar)
    if action == "rotate":
        print(f"Everything is encrypted with key {vault.key_id.hex()} now.")
        print("The older keys are still in the file; `python main.py keys retire` takes them out.")
    else:
        print(f"The key file holds key {vault.key_id.hex()} only.")
    if backup is not None:
        print(f"The former key file is kept as {backup}: backups of the database from before today need it.")
    return 0


def _held(settings: Settings) -> tuple[bytes, ...]:
    """The ids of the keys we have, newest first; none if there is no file. Makes no file."""
    if settings.data_keys is not None:
        return parse_keys(settings.data_keys.get_secret_value(), "DAIJOBU_DATA_KEYS").key_ids
    try:
        return read_key_file(keys.key_file_of(settings)).key_ids
    except FileNotFoundError:
        return ()


def _key_id(text: str) -> bytes:
    try:
        key_id = bytes.fromhex(text)
    except ValueError:
        key_id = b""
    if len(key_id) != 8:
        raise CryptoError("which key? python main.py keys forget ID, with the 16 characters that `keys list` shows")
    return key_id


async def describe_keys(pool: Pool, held: tuple[bytes, ...]) -> list[str]:
    """One line per key (its id, since when, its state) and, indented, the columns it still encrypts."""
    use = await keys.key_use(pool)
    known = {key.key_id: key for key in await keys_store.known_keys(pool)}
    lines = []
    for key_id in dict.fromkeys((*held, *known, *use)):
        key, columns = known.get(key_id), use.get(key_id, {})
        if key_id in held:
            state = "newest: writes" if key_id == held[0] else "reads only" if key else "stands ready for keys rotate"
            if key is not None and key.finished_at is None:
                state += "; not everything is encrypted with it yet: python main.py keys rotate"
        else:
            state = "retired" if key is not None and key.retired_at is not None else "MISSING from the key file"
        since = f", since {key.made_at:%Y-%m-%d}" if key is not None else ""
        lines.append(f"{key_id.hex()}{since}: {state}")
        lines += [f"    {rows:>9} {column}" for column, rows in columns.items()]
    return lines or ["There is no key yet: the first start makes one."]


async def _rows(pool: Pool) -> int:
    """How many values there are to look at."""
    return sum([sum((await keys_store.key_counts(pool, column)).values()) for column in ENCRYPTED])


class Bar:
    """A progress bar on a terminal, plain lines in a log."""

    def __init__(self, total: int) -> None:
        self._bar = tqdm(total=total, unit=" rows", disable=not sys.stderr.isatty())
        self._column = ""

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.close()

    def __call__(self, column: str, rows: int) -> None:
        if column != self._column:
            self._column = column
            if self._bar.disable:
                print(column, file=sys.stderr, flush=True)
            self._bar.set_description(column)
        self._bar.update(rows)
