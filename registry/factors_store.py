"""The second factors of a member of staff in the database: authenticator app, passkeys, printed codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.audit import Actor, audit
from core.crypto import Vault
from core.db import Connection, Pool, UniqueViolation, expect_rows
from core.ids import uuid7
from registry.passkeys import NewPasskey, Passkey, PasskeyError
from registry.second_factor import accepted_step, new_secret

_SECRET = "totp.secret_enc"
_PENDING = "totp.pending_enc"

# ---------------------------------------------------------------- what there is

SQL_FACTORS = """
SELECT (SELECT confirmed_at FROM totp WHERE staff_id = $1) AS app_since,
       (SELECT count(*) FROM recovery_code WHERE staff_id = $1 AND used_at IS NULL) AS codes_left
"""
SQL_PASSKEYS = """
SELECT id, credential_id, name, created_at, last_used_at FROM passkey WHERE staff_id = $1 ORDER BY created_at, id
"""


@dataclass(frozen=True, slots=True)
class Factors:
    """What a member of staff has set up. `passkeys`: id, credential_id, name, created_at, last_used_at each."""

    app_since: datetime | None
    codes_left: int
    passkeys: tuple[dict[str, Any], ...]

    @property
    def any(self) -> bool:
        return self.app_since is not None or bool(self.passkeys)

    @property
    def count(self) -> int:
        return len(self.passkeys) + (self.app_since is not None)

    @property
    def credentials(self) -> tuple[bytes, ...]:
        return tuple(key["credential_id"] for key in self.passkeys)


async def factors_of(conn: Connection, staff_id: UUID) -> Factors:
    """The second factors of one member of staff."""
    row = await conn.fetchrow(SQL_FACTORS, staff_id)
    keys = tuple(dict(key) for key in await conn.fetch(SQL_PASSKEYS, staff_id))
    return Factors(row["app_since"] if row else None, row["codes_left"] if row else 0, keys)


# ---------------------------------------------------------------- authenticator app

SQL_PENDING = "SELECT pending_enc FROM totp WHERE staff_id = $1 FOR UPDATE"
SQL_SET_PENDING = """
INSERT INTO totp (staff_id, pending_enc) VALUES ($1, $2)
ON CONFLICT (staff_id) DO UPDATE SET pending_enc = excluded.pending_enc
"""


async def begin_app(conn: Connection, vault: Vault, staff_id: UUID) -> str:
    """A new secret for an authenticator app, waiting for its first code. The present app goes on working until then."""
    secret = new_secret()
    await conn.execute(SQL_SET_PENDING, staff_id, vault.encrypt(secret, staff_id, _PENDING))
    return secret


async def pending_secret(conn: Connection, vault: Vault, staff_id: UUID) -> str | None:
    """The secret that waits for its first code; None: none does."""
    stored = await conn.fetchval(SQL_PENDING, staff_id)
    return None if stored is None else vault.decrypt(stored, staff_id, _PENDING)


SQL_CONFIRM_APP = """
UPDATE totp SET secret_enc = $2, pending_enc = NULL, last_step = $3, confirmed_at = $4 WHERE staff_id = $1
"""


async def confirm_app(conn: Connection, vault: Vault, staff_id: UUID, code: str, now: datetime) -> bool:
    """The first code of a new app: from now on its codes count. False: the code is wrong."""
    secret = await pending_secret(conn, vault, staff_id)
    step = None if secret is None else accepted_step(secret, code, 0, now)
    if secret is None or step is None:
        return False
    stored = vault.encrypt(secret, staff_id, _SECRET)
    expect_rows(await conn.execute(SQL_CONFIRM_APP, staff_id, stored, step, now), 1, "the authenticator app")
    await audit(conn, Actor("account", staff_id), "add_second_factor", at=now, subjects=[staff_id], fields=["app"])
    return True


SQL_LOCK_APP = "SELECT secret_enc, last_step FROM totp WHERE staff_id = $1 AND secret_enc IS NOT NULL FOR UPDATE"
SQL_USE_STEP = "UPDATE totp SET last_step = $2 WHERE staff_id = $1 AND last_step < $2"


async def use_app_code(conn: Connection, vault: Vault, staff_id: UUID, code: str, now: datetime) -> bool:
    """Whether a code of the app is right and was never used: it is used up now, and with it all earlier ones."""
    row = await conn.fetchrow(SQL_LOCK_APP, staff_id)
    if row is None:
        return False
    step = accepted_step(vault.decrypt(row["secret_enc"], staff_id, _SECRET), code, row["last_step"], now)
    if step is None:
        return False
    expect_rows(await conn.execute(SQL_USE_STEP, staff_id, step), 1, "the authenticator app")
    return True


SQL_REMOVE_APP = "DELETE FROM totp WHERE staff_id = $1"


async def remove_app(conn: Connection, staff_id: UUID, now: datetime) -> None:
    """The app's codes count no more."""
    expect_rows(await conn.execute(SQL_REMOVE_APP, staff_id), 1, "the authenticator app")
    await audit(conn, Actor("account", staff_id), "remove_second_factor", at=now, subjects=[staff_id], fields=["app"])


# ---------------------------------------------------------------- passkeys

SQL_ADD_PASSKEY = """
INSERT INTO passkey (id, staff_id, credential_id, public_key, sign_count, name, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
SQL_FORGET_CHALLENGES = "DELETE FROM passkey_challenge_used WHERE expires_at < $1"
SQL_USE_CHALLENGE = "INSERT INTO passkey_challenge_used (challenge_sha256, expires_at) VALUES (sha256($1), $2)"


async def use_challenge(conn: Connection, challenge: bytes, ends: datetime, now: datetime) -> None:
    """Remember an answered challenge. Raises PasskeyError if it was answered before: the answer is a copy."""
    await conn.execute(SQL_FORGET_CHALLENGES, now)
    try:
        await conn.execute(SQL_USE_CHALLENGE, challenge, ends)
    except UniqueViolation as error:
        raise PasskeyError("this answer was given before") from error


async def add_passkey(conn: Connection, staff_id: UUID, made: NewPasskey, name: str, now: datetime) -> None:
    """Keep a new passkey. Raises PasskeyError if it is registered already."""
    try:
        await conn.execute(
            SQL_ADD_PASSKEY, uuid7(), staff_id, made.credential_id, made.public_key, made.sign_count, name, now
        )
    except UniqueViolation as error:
        raise PasskeyError("this passkey is registered already") from error
    actor = Actor("account", staff_id)
    await audit(conn, actor, "add_second_factor", at=now, subjects=[staff_id], fields=["passkey"])


SQL_PASSKEY = """
SELECT k.id, k.staff_id, k.credential_id, k.public_key, k.sign_count
FROM passkey k JOIN staff p ON p.id = k.staff_id JOIN organisation o ON o.id = p.org_id
WHERE k.credential_id = $1 AND p.disabled_at IS NULL AND o.closed_at IS NULL FOR UPDATE OF k
"""


async def find_passkey(conn: Connection, credential_id: bytes) -> Passkey | None:
    """The passkey with this id, of an account that is alive; locked until the transaction ends."""
    row = await conn.fetchrow(SQL_PASSKEY, credential_id)
    if row is None:
        return None
    return Passkey(row["id"], row["staff_id"], row["credential_id"], row["public_key"], row["sign_count"])


SQL_USED_PASSKEY = "UPDATE passkey SET sign_count = $2, last_used_at = $3 WHERE id = $1"


async def used_passkey(conn: Connection, passkey: Passkey, sign_count: int, now: datetime) -> None:
    """Keep the count of a passkey that answered."""
    expect_rows(await conn.execute(SQL_USED_PASSKEY, passkey.id, sign_count, now), 1, "the passkey")


SQL_REMOVE_PASSKEY = "DELETE FROM passkey WHERE id = $1 AND staff_id = $2"


async def remove_passkey(conn: Connection, staff_id: UUID, passkey_id: UUID, now: datetime) -> None:
    """Forget one's own passkey. Raises WriteMismatch if it is not theirs."""
    expect_rows(await conn.execute(SQL_REMOVE_PASSKEY, passkey_id, staff_id), 1, "the passkey")
    actor = Actor("account", staff_id)
    await audit(conn, actor, "remove_second_factor", at=now, subjects=[staff_id], fields=["passkey"])


# ---------------------------------------------------------------- printed codes

SQL_DROP_CODES = "DELETE FROM recovery_code WHERE staff_id = $1"
SQL_ADD_CODE = "INSERT INTO recovery_code (staff_id, slot, code_hash, created_at) VALUES ($1, $2, $3, $4)"


async def replace_codes(conn: Connection, staff_id: UUID, hashes: Sequence[str], now: datetime) -> None:
    """Ten new printed codes, by their argon2id hashes in the order of their slots; older ones are worth nothing."""
    await conn.execute(SQL_DROP_CODES, staff_id)
    await conn.executemany(SQL_ADD_CODE, [(staff_id, slot, hashed, now) for slot, hashed in enumerate(hashes)])
    await audit(conn, Actor("account", staff_id), "new_printed_codes", at=now, subjects=[staff_id])


SQL_CODE = "SELECT code_hash FROM recovery_code WHERE staff_id = $1 AND slot = $2 AND used_at IS NULL"
SQL_USE_CODE = "UPDATE recovery_code SET used_at = $3 WHERE staff_id = $1 AND slot = $2 AND used_at IS NULL"


async def code_hash(pool: Pool, staff_id: UUID, slot: int) -> str | None:
    """The hash of an unused printed code; None: there is none in this slot."""
    found = await pool.fetchval(SQL_CODE, staff_id, slot)
    return None if found is None else str(found)


async def use_code(conn: Connection, staff_id: UUID, slot: int, now: datetime) -> None:
    """Use a printed code up. Raises WriteMismatch if somebody was faster."""
    expect_rows(await conn.execute(SQL_USE_CODE, staff_id, slot, now), 1, "the printed code")


# ---------------------------------------------------------------- all of it

SQL_DROP_PASSKEYS = "DELETE FROM passkey WHERE staff_id = $1"


async def drop_factors(conn: Connection, staff_id: UUID) -> None:
    """Remove app, passkeys and printed codes: the account has been recovered, or ended."""
    await conn.execute(SQL_REMOVE_APP, staff_id)
    await conn.execute(SQL_DROP_PASSKEYS, staff_id)
    await conn.execute(SQL_DROP_CODES, staff_id)
