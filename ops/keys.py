"""Data keys over their life: first use, rotation under load, retirement, loss. The file itself: core/keyring.py.

A rotation puts a new key into the file, waits until running services have read it, and writes every encrypted value
anew, batch by batch; its place is kept in the transaction of each batch. Killed at any instant, everything stays
readable with the keys of the file, and the next `keys rotate` goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

from core.crypto import LOOK_AGAIN_S, CryptoError, Vault, key_id_in, load_vault
from core.db import Pool
from core.encrypted import ENCRYPTED, EncryptedColumn
from core.keyring import key_id_of, parse_keys, replace_key_file
from core.settings import Settings
from core.tokens import LinkTokens, token_hash
from ops import keys_store as store

CONTACTS = ENCRYPTED[0]
LINKS = "link.token_sha256"
#: How often the whole database is looked through for values that a service wrote with an older key meanwhile.
ROUNDS = 5
#: Pause after rows that somebody else was writing.
BUSY_S = 0.2

#: Told about progress: the column, and rows written since the last call.
Progress = Callable[[str, int], None]
Pause = Callable[[float], Awaitable[None]]


def no_progress(column: str, rows: int) -> None:
    """For callers that show nothing."""


def vault_of(settings: Settings) -> Vault:
    """The vault of the settings, the key file made if there is none. Raises CryptoError."""
    if settings.data_keys is not None:
        return Vault(parse_keys(settings.data_keys.get_secret_value(), "DAIJOBU_DATA_KEYS"))
    return load_vault(key_file_of(settings))


def key_file_of(settings: Settings) -> Path:
    """Where the data keys are kept."""
    return settings.key_file or settings.keys_dir / "data.key"


async def open_vault(pool: Pool, settings: Settings, now: datetime) -> Vault:
    """The vault for this database. Raises CryptoError if the keys are not the ones its data were encrypted with.

    A key file is made only for a database that holds nothing encrypted: with a new key beside old data, every phone
    number would be unreadable and the next import would add all people a second time.
    """
    known = await store.known_keys(pool)
    needed = {key.key_id for key in known if key.retired_at is None and key.in_file_at is not None}
    if not known:  # a database from before there were several keys, or a new one
        needed = {key for column in ENCRYPTED for key in await store.key_counts(pool, column)}
    where = "DAIJOBU_DATA_KEYS" if settings.data_keys is not None else str(key_file_of(settings))
    if settings.data_keys is None and needed and not key_file_of(settings).exists():
        raise CryptoError(
            f"{where} is missing, but this database holds data encrypted with key {_names(needed)}: "
            "bring the file back from your backup, or set DAIJOBU_KEY_FILE to where it is"
        )
    vault = vault_of(settings)
    held = set(vault.keys.key_ids)
    if lost := needed - held:
        raise CryptoError(
            f"{where} holds key {_names(held)}, but this database has data encrypted with key {_names(lost)}: bring "
            f"the right file back; if that key is lost for ever, run: python main.py keys forget {min(lost).hex()}"
        )
    if vault.key_id not in {key.key_id for key in known}:
        await store.add_key(pool, vault.key_id, now, in_file=True, finished=needed <= {vault.key_id})
    return vault


def _names(keys: set[bytes]) -> str:
    return ", ".join(sorted(key.hex() for key in keys))


async def rotate(
    pool: Pool,
    vault: Vault,
    now: Callable[[], datetime],
    *,
    links: bool = False,
    progress: Progress = no_progress,
    pause: Pause = asyncio.sleep,
) -> Path | None:
    """Bring in a new key, or go on with the rotation that was begun; the backup of the key file, if a key was made.

    `links`: new tokens for all personal links as well. Raises CryptoError, AlreadyRotating.
    """
    async with store.sole_rotation(pool):
        backup = await _begin(pool, vault, now(), links)
        await pause(2 * LOOK_AGAIN_S)  # every running service has read the file by then
        newest = vault.key_id
        state = await _state(pool, newest)
        at, after = state.at_column, state.after_key
        gone = {key.key_id for key in await store.known_keys(pool) if key.retired_at is not None}
        left: dict[str, int] = {}
        for _ in range(ROUNDS):
            names = [column.name for column in ENCRYPTED]
            for column in ENCRYPTED[names.index(at) if at in names else 0 :]:
                start = after if column.name == at else None
                await _rewrite(pool, vault, column, newest, start, gone, progress, pause)
            at, after = "", None
            if state.links:
                await _renew_links(pool, vault, progress)
            left = await _left(pool, newest, gone)
            if not left:
                await store.finish(pool, newest, now())
                return backup
            await store.note_progress(pool, newest, "", None, 0)
            await pause(LOOK_AGAIN_S)
        column_name, rows = next(iter(left.items()))
        raise CryptoError(
            f"{rows} rows of {column_name} are still being written with an older key: a service has another key file; "
            "give every machine this one and run keys rotate again"
        )


async def _begin(pool: Pool, vault: Vault, now: datetime, links: bool) -> Path | None:
    """See that the file's newest key is the one to rotate to, making a new one unless a rotation is under way."""
    for key in await store.known_keys(pool):
        if key.in_file_at is None and key.key_id not in vault.keys.key_ids:
            await store.drop_unmade(pool, key.key_id)  # killed before the file was written
    known = {key.key_id: key for key in await store.known_keys(pool)}
    newest = known.get(vault.key_id)
    gone = {key_id for key_id, key in known.items() if key.retired_at is not None}
    if newest is None or newest.finished_at is None or await _left(pool, vault.key_id, gone):
        if links and newest is not None and not newest.links:
            raise CryptoError("a rotation is not finished: first run keys rotate, then keys rotate --links")
        await store.add_key(pool, vault.key_id, now, in_file=True, links=links)
        await store.mark_in_file(pool, vault.key_id, now)
        return None
    if vault.key_file is None:
        raise CryptoError(
            "the keys come from DAIJOBU_DATA_KEYS, which this program cannot change: put a new line `data` with 64 "
            "hexadecimal characters before the others, restart every service with it, and run keys rotate again"
        )
    ready = [key_id for key_id in vault.keys.key_ids if key_id not in known]  # by `prepare`, or by hand
    ring = vault.keys.promoted(ready[-1]) if ready else vault.keys.with_new_key()
    ring = ring.with_new_links() if links else ring
    key_id = key_id_of(ring.data[0])
    await store.add_key(pool, key_id, now, in_file=False, links=links)
    backup = replace_key_file(vault.key_file, ring, f"{vault.key_file.name}.before-{key_id.hex()}")
    await store.mark_in_file(pool, key_id, now)
    vault.reload()
    return backup


async def prepare(pool: Pool, vault: Vault) -> Path:
    """Put a new key into the file that reads but does not write yet; the backup of the file.

    For several machines: once each of them has this file, the next `rotate` cannot make a value that one cannot read.
    """
    async with store.sole_rotation(pool):
        known = {key.key_id for key in await store.known_keys(pool)}
        if vault.key_file is None:
            raise CryptoError("the keys come from DAIJOBU_DATA_KEYS: add a line `data` at their end yourself")
        if set(vault.keys.key_ids) - known:
            raise CryptoError("a new key stands ready: give every machine this file, then run keys rotate")
        ring = vault.keys.prepared()
        name = f"{vault.key_file.name}.before-{ring.key_ids[-1].hex()}"
        backup = replace_key_file(vault.key_file, ring, name)
        vault.reload()
        return backup


async def _state(pool: Pool, key_id: bytes) -> store.KnownKey:
    return next(key for key in await store.known_keys(pool) if key.key_id == key_id)


async def _rewrite(
    pool: Pool,
    vault: Vault,
    column: EncryptedColumn,
    newest: bytes,
    after: str | None,
    gone: set[bytes],
    progress: Progress,
    pause: Pause,
) -> None:
    """Write every value of a column anew, from the row after `after` on."""
    size = column.batch
    while True:
        try:
            async with store.batch(pool) as conn:
                if column is CONTACTS:
                    contacts = await store.contacts_after(conn, UUID(after) if after else None, size)
                    last = str(contacts[-1].id) if contacts else None
                    changed = [made for c in contacts if (made := _renewed(vault, c, newest, gone)) is not None]
                    written = await store.replace_contacts(conn, changed) if changed else 0
                else:
                    rows = await store.rows_to_rewrite(conn, column, newest, after, size)
                    last = rows[-1][0] if rows else None
                    values = [
                        (key, stored, vault.encrypt(vault.decrypt_bytes(stored, row, column.name), row, column.name))
                        for key, row, stored in rows
                        if key_id_in(stored) not in gone
                    ]
                    written = await store.replace_values(conn, column, values) if values else 0
                if last is None:
                    return
                await store.note_progress(conn, newest, column.name, last, written)
        except store.RowsBusy:
            size = max(1, size // 2)
            await pause(BUSY_S)
            continue
        after, size = last, column.batch
        progress(column.name, written)


def _renewed(
    vault: Vault, contact: store.StoredContact, newest: bytes, gone: set[bytes]
) -> tuple[store.StoredContact, bytes, bytes] | None:
    """A contact's new value and blind index; None if it has them already, or if its key is lost."""
    if key_id_in(contact.address_enc) in gone:
        return None
    address = vault.decrypt(contact.address_enc, contact.id, CONTACTS.name)
    index = vault.blind_index(contact.channel, address)
    if key_id_in(contact.address_enc) == newest and contact.address_bidx == index:
        return None
    return contact, vault.encrypt(address, contact.id, CONTACTS.name), index


async def _renew_links(pool: Pool, vault: Vault, progress: Progress) -> None:
    """New tokens for all personal links, from the newest link key. What has its new token already is left alone."""
    tokens = LinkTokens(vault.link_key)
    after: UUID | None = None
    while True:
        async with store.batch(pool) as conn:
            links = await store.personal_links_after(conn, after, CONTACTS.batch)
            if not links:
                return
            after = links[-1][0]
            fresh = [(link, token_hash(tokens.of(link))) for link, _ in links]
            changed = [new for new, (_, old) in zip(fresh, links, strict=True) if new[1] != old]
            await store.renew_links(conn, changed)
        progress(LINKS, len(changed))


async def _left(pool: Pool, newest: bytes, gone: set[bytes]) -> dict[str, int]:
    """Column -> values that are still encrypted with an older key that is not lost; only where there are any."""
    left = {}
    for column in ENCRYPTED:
        counts = await store.key_counts(pool, column)
        rows = sum(number for key, number in counts.items() if key != newest and key not in gone)
        if rows:
            left[column.name] = rows
    return left


async def retire(pool: Pool, vault: Vault, now: datetime, *, progress: Progress = no_progress) -> Path:
    """Take every key but the newest out of the file; the backup that still has them.

    Raises CryptoError, naming table and column, while a row still needs one of them: also for a blind index.
    """
    async with store.sole_rotation(pool):
        older = vault.keys.key_ids[1:]
        if not older and len(vault.keys.index) == 1:
            raise CryptoError("there is nothing to retire: the key file holds one key")
        if vault.key_file is None:
            raise CryptoError(
                "the keys come from DAIJOBU_DATA_KEYS, which this program cannot change: take the older "
                "lines out yourself once `keys list` shows no row for them"
            )
        gone = {key.key_id for key in await store.known_keys(pool) if key.retired_at is not None}
        if left := await _left(pool, vault.key_id, gone):
            column, rows = next(iter(left.items()))
            raise CryptoError(f"{rows} rows of {column} still need an older key: run keys rotate first")
        await _check_indexes(pool, vault, gone, progress)
        backup = replace_key_file(
            vault.key_file, vault.keys.only_newest(), f"{vault.key_file.name}.retired-{vault.key_id.hex()}"
        )
        await store.retire_keys(pool, older, now)
        vault.reload()
        return backup


async def _check_indexes(pool: Pool, vault: Vault, gone: set[bytes], progress: Progress) -> None:
    """Every contact can be read and found with the newest keys alone, or CryptoError."""
    after: UUID | None = None
    while contacts := await store.contacts_after(pool, after, CONTACTS.batch):
        after = contacts[-1].id
        for contact in contacts:
            if _renewed(vault, contact, vault.key_id, gone) is not None:
                raise CryptoError("contact.address_bidx still needs an older key: run keys rotate first")
        progress(CONTACTS.name, len(contacts))


async def key_use(pool: Pool) -> dict[bytes, dict[str, int]]:
    """Key id -> column -> how many values it has encrypted."""
    use: dict[bytes, dict[str, int]] = {}
    for column in ENCRYPTED:
        for key, rows in (await store.key_counts(pool, column)).items():
            use.setdefault(key, {})[column.name] = rows
    return use


async def forget(pool: Pool, held: tuple[bytes, ...], key_id: bytes, now: datetime) -> int:
    """Accept that a key is lost; how many values stay unreadable for ever. Raises CryptoError if the file has it."""
    if key_id in held:
        raise CryptoError(f"key {key_id.hex()} is in the key file and not lost: see keys rotate and keys retire")
    unreadable = sum((await key_use(pool)).get(key_id, {}).values())
    if not unreadable and key_id not in {key.key_id for key in await store.known_keys(pool)}:
        raise CryptoError(f"this database knows no key {key_id.hex()}: see keys list")
    await store.retire_keys(pool, [key_id], now)
    return unreadable
