"""Relations between organisations in the database: which stands above which."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from core.db import Connection, expect_rows
from registry.relations import Relation

SQL_RELATIONS = """
SELECT r.org_id, r.other_id, r.kind FROM org_relation r
JOIN organisation a ON a.id = r.org_id AND a.closed_at IS NULL
JOIN organisation b ON b.id = r.other_id AND b.closed_at IS NULL
ORDER BY a.name, r.kind, b.name, b.id
"""


async def relations(conn: Connection) -> list[Relation]:
    """Every relation between organisations that are open, by the one above."""
    return [Relation(**dict(row.items())) for row in await conn.fetch(SQL_RELATIONS)]


SQL_ORGANISATIONS = """
SELECT id, name, kind FROM organisation WHERE closed_at IS NULL AND kind <> 'operator' ORDER BY kind, name, id
"""


async def named_organisations(conn: Connection) -> dict[UUID, dict[str, Any]]:
    """Every open organisation but the operator's: name and kind by id."""
    return {row["id"]: dict(row) for row in await conn.fetch(SQL_ORGANISATIONS)}


SQL_UNRELATE = "DELETE FROM org_relation WHERE org_id = $1 AND other_id = $2 AND kind = $3"


async def unrelate(conn: Connection, relation: Relation) -> None:
    """End a relation. Raises WriteMismatch if there is none."""
    tag = await conn.execute(SQL_UNRELATE, relation.org_id, relation.other_id, relation.kind)
    expect_rows(tag, 1, "the relation of the two organisations")


SQL_MEMBER_GROUPS = """
SELECT o.id, o.name FROM org_relation r JOIN organisation o ON o.id = r.other_id
WHERE r.org_id = $1 AND r.kind = 'member' AND o.closed_at IS NULL ORDER BY o.name
"""


async def member_groups(conn: Connection, org_id: UUID) -> dict[UUID, str]:
    """The groups inside a volunteer network, with their names."""
    return {row["id"]: row["name"] for row in await conn.fetch(SQL_MEMBER_GROUPS, org_id)}
