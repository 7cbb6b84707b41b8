"""Tokens of programs, how often they called, and what was answered to a call that may be repeated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, expect_rows
from core.ids import uuid7
from core.model import Role
from core.tokens import token_hash
from registry.api_tokens import ApiToken, Scope, minute_of, new_secret

SQL_INSERT_TOKEN = """
INSERT INTO api_token (id, owner_id, org_id, role, name, prefix, secret_sha256, scopes, created_by, created_at,
                       expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""


async def create_token(
    conn: Connection,
    *,
    owner_id: UUID,
    org_id: UUID,
    role: Role,
    name: str,
    scopes: Iterable[Scope],
    created_by: UUID | None,
    now: datetime,
    expires_at: datetime,
) -> tuple[UUID, str]:
    """Make a token: (its id, the token itself, which cannot be read again)."""
    token_id = uuid7()
    token, prefix, digest = new_secret()
    await conn.execute(
        SQL_INSERT_TOKEN,
        token_id,
        owner_id,
        org_id,
        role,
        name,
        prefix,
        digest,
        sorted(scopes),
        created_by,
        now,
        expires_at,
    )
    return token_id, token


# A supervising organisation's token for an employer ends with the supervision.
SQL_FIND_TOKEN = """
SELECT t.id, t.org_id, t.owner_id, t.role, t.name, t.scopes
FROM api_token t JOIN organisation o ON o.id = t.org_id AND o.closed_at IS NULL
WHERE t.secret_sha256 = $1 AND t.revoked_at IS NULL AND t.expires_at > $2
  AND (t.owner_id = t.org_id OR EXISTS (SELECT FROM org_relation r WHERE r.org_id = t.owner_id
                                        AND r.other_id = t.org_id AND r.kind = 'supervises'))
"""
SQL_TOUCH_TOKEN = """
UPDATE api_token SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $3)
"""
SQL_COUNT_CALL = """
INSERT INTO api_usage (token_id, minute, calls) VALUES ($1, $2, 1)
ON CONFLICT (token_id, minute) DO UPDATE SET calls = api_usage.calls + 1
RETURNING calls
"""


async def use_token(conn: Connection, token: str, now: datetime) -> tuple[ApiToken, int] | None:
    """The live token and how many calls it has made this minute, this one included; None if there is none."""
    row = await conn.fetchrow(SQL_FIND_TOKEN, token_hash(token), now)
    if row is None:
        return None
    calls = await conn.fetchval(SQL_COUNT_CALL, row["id"], minute_of(now))
    await conn.execute(SQL_TOUCH_TOKEN, row["id"], now, now - timedelta(minutes=1))
    scopes = frozenset(Scope(scope) for scope in row["scopes"])
    found = ApiToken(row["id"], row["org_id"], row["owner_id"], Role(row["role"]), row["name"], scopes)
    return found, int(calls)


class TokenLine(NamedTuple):
    """A token on the page of its owner. `org_name`: whose people it reads."""

    id: UUID
    name: str
    org_name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    created_by: str
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


SQL_TOKENS_OF = """
SELECT t.id, t.name, o.name AS org_name, t.prefix, t.scopes, t.created_at, coalesce(s.name, '') AS created_by,
       t.expires_at, t.last_used_at, t.revoked_at
FROM api_token t JOIN organisation o ON o.id = t.org_id LEFT JOIN staff s ON s.id = t.created_by
WHERE t.owner_id = $1 AND (t.revoked_at IS NULL OR t.revoked_at > $2::timestamptz - interval '30 days')
ORDER BY t.revoked_at IS NOT NULL, t.id DESC
"""


async def tokens_of(conn: Connection, owner_id: UUID, now: datetime) -> list[TokenLine]:
    """The tokens an organisation made; those revoked more than 30 days ago are left out."""
    rows = await conn.fetch(SQL_TOKENS_OF, owner_id, now)
    return [TokenLine(**{name: row[name] for name in TokenLine._fields}) for row in rows]


SQL_LIVE_TOKENS = "SELECT count(*) FROM api_token WHERE owner_id = $1 AND revoked_at IS NULL AND expires_at > $2"


async def count_live_tokens(conn: Connection, owner_id: UUID, now: datetime) -> int:
    """How many tokens of an organisation can be used."""
    return int(await conn.fetchval(SQL_LIVE_TOKENS, owner_id, now))


SQL_REVOKE_TOKEN = """
UPDATE api_token SET revoked_at = $3, revoked_by = $4 WHERE id = $1 AND owner_id = $2 AND revoked_at IS NULL
RETURNING name
"""


async def revoke_token(
    conn: Connection, token_id: UUID, owner_id: UUID, staff_id: UUID | None, now: datetime
) -> str | None:
    """End a token at once; its name, or None if the organisation has no such live token."""
    name = await conn.fetchval(SQL_REVOKE_TOKEN, token_id, owner_id, now, staff_id)
    return None if name is None else str(name)


# ---------------------------------------------------------------- calls that may be repeated

#: How long an answer is kept for its Idempotency-Key.
REPEATABLE: Final = timedelta(hours=24)
_BODY: Final = "api_idempotency.body_enc"


class Earlier(NamedTuple):
    """What was answered before under the same key. `same`: whether the request was the same as well."""

    same: bool
    status: int
    body: Any


SQL_FORGET_KEY = "DELETE FROM api_idempotency WHERE token_id = $1 AND key_sha256 = $2 AND created_at <= $3"
SQL_RESERVE_KEY = """
INSERT INTO api_idempotency (id, token_id, org_id, key_sha256, request_sha256, created_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (token_id, key_sha256) DO NOTHING
"""
SQL_EARLIER_ANSWER = """
SELECT id, request_sha256, status, body_enc FROM api_idempotency WHERE token_id = $1 AND key_sha256 = $2
"""


async def reserve_key(
    conn: Connection, vault: Vault, token: ApiToken, key: str, request: bytes, now: datetime
) -> UUID | Earlier:
    """Take an Idempotency-Key for this transaction: the id to keep the answer under, or the earlier answer.

    A second call with the key waits here until the first one's transaction has ended.
    """
    digest = hashlib.sha256(key.encode()).digest()
    asked = hashlib.sha256(request).digest()
    await conn.execute(SQL_FORGET_KEY, token.id, digest, now - REPEATABLE)
    row_id = uuid7()
    tag = await conn.execute(SQL_RESERVE_KEY, row_id, token.id, token.org_id, digest, asked, now)
    if tag.endswith(" 1"):
        return row_id
    row = await conn.fetchrow(SQL_EARLIER_ANSWER, token.id, digest)
    if row is None or row["status"] is None:
        raise LookupError("the earlier call has no answer yet")
    return Earlier(
        row["request_sha256"] == asked, row["status"], json.loads(vault.decrypt(row["body_enc"], row["id"], _BODY))
    )


SQL_KEEP_ANSWER = "UPDATE api_idempotency SET status = $2, body_enc = $3 WHERE id = $1"


async def keep_answer(conn: Connection, vault: Vault, row_id: UUID, status: int, body: Any) -> None:
    """Keep what was answered, encrypted: it may hold names or a secret."""
    sealed = vault.encrypt(json.dumps(body, ensure_ascii=False), row_id, _BODY)
    expect_rows(await conn.execute(SQL_KEEP_ANSWER, row_id, status, sealed), 1, "the answer to be repeated")
