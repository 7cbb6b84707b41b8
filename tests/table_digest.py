"""A fingerprint of every table, quick enough to be taken after each request of a test.

No row changes without a transaction that ends: while what a snapshot sees is the same, so is every table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.db import Connection, Pool

#: The log of reads, its queue to the sealer, signs of life, and when an organisation looked (ADR 0008).
TRACES = frozenset({"audit", "audit_unsealed", "heartbeat", "dashboard_opened"})
#: Columns that say when somebody was here last.
SEEN: Mapping[str, tuple[str, ...]] = {
    "session": ("last_seen_at",),
    "staff": ("last_seen_at",),
    "api_token": ("last_used_at",),
}

SQL_TABLES = """
SELECT c.relname AS name FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition ORDER BY 1
"""

#: Which transactions have ended: the first that has not begun, and those before it that still run.
SQL_SNAPSHOT = "SELECT pg_current_snapshot()::text"


class Digest:
    """Fingerprints of a database's tables; `changed()` names those that are no longer as they were."""

    def __init__(self, conn: Pool | Connection, query: str) -> None:
        self._conn, self._query = conn, query
        self._last: dict[str, str] = {}
        self._snapshot = ""

    @classmethod
    async def of(cls, conn: Pool | Connection, without: Collection[str] = TRACES) -> Digest:
        """The fingerprints of now. `without`: tables that may change."""
        parts = []
        for row in await conn.fetch(SQL_TABLES):
            name = row["name"]
            if name in without:
                continue
            line = "to_jsonb(t)" + "".join(f" - '{column}'" for column in SEEN.get(name, ()))
            digest = f"md5(string_agg(({line})::text, ' ' ORDER BY ({line})::text))"
            parts.append(f"SELECT '{name}' AS name, {digest} AS digest FROM {name} t")  # noqa: S608 from the catalogue
        made = cls(conn, " UNION ALL ".join(parts))
        await made.changed()
        return made

    async def changed(self) -> list[str]:
        """The tables that changed since this was asked last."""
        snapshot = str(await self._conn.fetchval(SQL_SNAPSHOT))
        if snapshot == self._snapshot:
            return []
        self._snapshot = snapshot
        now = {row["name"]: row["digest"] or "" for row in await self._conn.fetch(self._query)}
        before, self._last = self._last, now
        return sorted(name for name in now if before.get(name) != now[name])
