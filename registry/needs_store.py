"""What a person needs in a disaster: special-care data (要配慮個人情報), each value encrypted, kind included."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from core.crypto import Vault
from core.db import Connection
from core.ids import uuid7

#: What can be ticked; "other" carries the person's own words.
KINDS: Final = ("medicine", "pregnant", "wheelchair", "small_child", "interpreter", "other")
NEED_COLUMN: Final = "resident_need.need_enc"


class Need(NamedTuple):
    """One need. `note`: the person's own words, "" where the kind says it all."""

    kind: str
    note: str = ""


SQL_DROP_NEEDS = "DELETE FROM resident_need WHERE resident_id = $1"
SQL_ADD_NEEDS = """
INSERT INTO resident_need (id, resident_id, need_enc, at)
SELECT n.id, $2, n.need_enc, $4 FROM unnest($1::uuid[], $3::bytea[]) AS n (id, need_enc)
"""


async def set_needs(conn: Connection, vault: Vault, resident_id: UUID, needs: Sequence[Need], now: datetime) -> None:
    """The person's needs from now on; none given forgets them. The caller has recorded consent C4."""
    await conn.execute(SQL_DROP_NEEDS, resident_id)
    ids = [uuid7() for _ in needs]
    sealed = [
        vault.encrypt(json.dumps({"kind": need.kind, "note": need.note}), row, NEED_COLUMN)
        for row, need in zip(ids, needs, strict=True)
    ]
    await conn.execute(SQL_ADD_NEEDS, ids, resident_id, sealed, now)


SQL_NEEDS = "SELECT id, resident_id, need_enc FROM resident_need WHERE resident_id = ANY($1) ORDER BY at, id"


async def read_needs(conn: Connection, vault: Vault, resident_ids: Iterable[UUID]) -> dict[UUID, list[Need]]:
    """The needs of people, for themselves; for coordinators see `needs_for_helpers`."""
    return await _read(conn, vault, SQL_NEEDS, resident_ids)


# Only while a live incident is open, and only of who agrees to C4 now.
SQL_NEEDS_FOR_HELPERS = """
SELECT n.id, n.resident_id, n.need_enc FROM resident_need n
WHERE n.resident_id = ANY($1)
  AND (SELECT c.given FROM consent c WHERE c.resident_id = n.resident_id AND c.scope = 'C4' ORDER BY c.id DESC LIMIT 1)
  AND EXISTS (SELECT FROM incident_resident ir JOIN incident i ON i.id = ir.incident_id
              WHERE ir.resident_id = n.resident_id AND i.closed_at IS NULL AND i.purpose = 'live')
ORDER BY n.at, n.id
"""


async def needs_for_helpers(conn: Connection, vault: Vault, resident_ids: Iterable[UUID]) -> dict[UUID, list[Need]]:
    """The needs that a coordinator may see of these people now. The caller checks the role and writes the audit row."""
    return await _read(conn, vault, SQL_NEEDS_FOR_HELPERS, resident_ids)


async def _read(conn: Connection, vault: Vault, query: str, resident_ids: Iterable[UUID]) -> dict[UUID, list[Need]]:
    found: dict[UUID, list[Need]] = {}
    for row in await conn.fetch(query, list(resident_ids)):
        value = json.loads(vault.decrypt(row["need_enc"], row["id"], NEED_COLUMN))
        found.setdefault(row["resident_id"], []).append(Need(value["kind"], value["note"]))
    return found
