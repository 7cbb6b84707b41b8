"""Forms that wait, encrypted, until their sender has shown the second factor again."""

from __future__ import annotations

import json
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.crypto import Vault
from core.db import Connection
from core.ids import uuid7
from registry.step_up import HOLD

_FIELDS = "held_form.fields_enc"

SQL_DROP_OLD_FORMS = "DELETE FROM held_form WHERE expires_at < $1"
SQL_HOLD_FORM = """
INSERT INTO held_form (id, staff_id, path, fields_enc, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
"""


class HeldForm(NamedTuple):
    """A form that waits: where it posts to, and its fields in order."""

    path: str
    fields: tuple[tuple[str, str], ...]


async def hold_form(conn: Connection, vault: Vault, staff_id: UUID, form: HeldForm, now: datetime) -> UUID:
    """Keep a form for half an hour; its id."""
    held = uuid7()
    stored = vault.encrypt(json.dumps(form.fields, ensure_ascii=False), held, _FIELDS)
    await conn.execute(SQL_DROP_OLD_FORMS, now)
    await conn.execute(SQL_HOLD_FORM, held, staff_id, form.path, stored, now, now + HOLD)
    return held


SQL_TAKE_FORM = "DELETE FROM held_form WHERE id = $1 AND staff_id = $2 AND expires_at > $3 RETURNING path, fields_enc"


async def take_form(conn: Connection, vault: Vault, held: UUID, staff_id: UUID, now: datetime) -> HeldForm | None:
    """The form, which waits no more; None: unknown, somebody else's, or too old."""
    row = await conn.fetchrow(SQL_TAKE_FORM, held, staff_id, now)
    if row is None:
        return None
    fields = json.loads(vault.decrypt(row["fields_enc"], held, _FIELDS))
    return HeldForm(row["path"], tuple((str(name), str(value)) for name, value in fields))
