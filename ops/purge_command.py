"""`main.py purge`: follows the retention rules now and says what it did, rule by rule."""

from __future__ import annotations

import json

from core.db import ScopedPool
from core.settings import Settings
from ops.purge import SCOPE, PurgeReport, purge
from ops.retention import RULES
from ops.wires import open_wires


async def purge_command(settings: Settings, *, dry_run: bool, as_json: bool, force: str) -> int:
    """Purge and print. `dry_run` changes nothing; `force` is the operator's sentence why the clock is right."""
    async with open_wires(settings, migrate_first=settings.database_url is None) as wires:
        pool = ScopedPool(wires.deps.pool, SCOPE)
        report = await purge(pool, wires.deps.clock.now(), dry_run=dry_run, why=force)
    print(as_text(report) if not as_json else json.dumps(as_object(report), ensure_ascii=False))
    return 0


def as_object(report: PurgeReport) -> dict[str, object]:
    """{"run", "dry_run", "rows": {rule: rows}, "total"}."""
    return {"run": str(report.run_id), "dry_run": report.dry_run, "rows": report.rows, "total": report.total}


def as_text(report: PurgeReport) -> str:
    """One line per rule: how many rows, what they are, what became of them."""
    lines = [
        f"{report.rows[rule.name]:>9}  {rule.name:<18} {rule.what}: {rule.action.value}"
        for rule in RULES
        if rule.name in report.rows
    ]
    end = "would be touched; nothing was changed" if report.dry_run else "touched"
    return "\n".join([*lines, f"{report.total:>9}  rows {end}"])
