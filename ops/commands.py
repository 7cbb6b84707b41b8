"""The commands that work once and end: migrate, import, doctor."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path

from alerts.compose import ALERT_PREFIXES
from alerts.rule_book import RuleBook
from core.db import connect
from core.migrate import migrate
from core.postgres import embedded
from core.progress import show_progress
from core.settings import Settings
from geo.placing_store import tables_of_places
from ops import store
from ops.alarm_apprise import is_installed
from ops.alarms_store import FeedStates, failing_channels, open_alarms, ways_of_operators
from ops.doctor import Facts, diagnose
from ops.table_editions import editions, fetched_tables, other_tables
from ops.wires import open_wires
from registry.facts_store import get_fact
from registry.import_command import import_file, print_plan


async def migrate_command(settings: Settings) -> int:
    """Apply the migrations that are missing and name them."""
    if settings.database_url is not None:
        done = await _migrate(settings.database_url.get_secret_value())
    else:
        async with embedded(settings.data_dir) as dsn:
            done = await _migrate(dsn)
    print("\n".join(done) if done else "The schema is up to date.")
    return 0


async def _migrate(dsn: str) -> tuple[str, ...]:
    pool = await connect(dsn, size=2)
    try:
        return await migrate(pool)
    finally:
        await pool.close()


async def import_command(
    settings: Settings, path: Path, slug: str, *, create_org: bool, dry_run: bool, allow_refused: bool
) -> int:
    """Read a list of people, print every row's fate, and (unless dry) write all but the refused rows at once.

    1 if a row was refused, unless that is allowed.
    """
    async with open_wires(settings, migrate_first=settings.database_url is None) as wires:
        deps = wires.deps
        plan = await import_file(
            deps.pool,
            deps.vault,
            path,
            slug,
            create_org,
            dry_run,
            deps.clock.now(),
            catalogs=deps.catalogs,
            progress=show_progress(sys.stderr),
        )
        print_plan(plan, deps.catalogs)
    refused = plan.counts["refused"]
    if refused and not allow_refused:
        rest = "nothing was written" if dry_run else "the other rows were taken over"
        print(
            f"error: {path}: {refused} of {len(plan.rows)} rows were refused (named above), {rest};"
            " mend them and import again, or add --allow-refused",
            file=sys.stderr,
        )
        return 1
    return 0


async def doctor_command(settings: Settings, feed_states: FeedStates) -> int:
    """Look at everything, print one line per finding with the next step, 1 if something is wrong."""
    async with open_wires(settings, migrate_first=settings.database_url is None) as wires:
        deps = wires.deps
        version, database_now = await store.server_version(deps.pool)
        fetched = await asyncio.to_thread(fetched_tables)
        facts = Facts(
            settings=settings,
            now=deps.clock.now(),
            database_version=version,
            database_now=database_now,
            heartbeats=await store.heartbeats(deps.pool),
            feeds=await feed_states(deps.pool),
            area_rows=len(deps.areas),
            approved={tag: deps.catalogs.approved(tag, ALERT_PREFIXES) for tag in deps.catalogs.languages},
            fictional=bool(await get_fact(deps.pool, "fictional")),
            log_settings=await store.log_settings(deps.pool),
            operators_by=frozenset(await ways_of_operators(deps.pool)),
            failing_ways={name: why for name, (_, why) in (await failing_channels(deps.pool)).items()},
            apprise=is_installed(),
            alarms=Counter(alarm.level.value for alarm in await open_alarms(deps.pool)),
            changed_rules=deps.rules.differing if isinstance(deps.rules, RuleBook) else (),
            unusable_rules=deps.rules.unusable if isinstance(deps.rules, RuleBook) else {},
            area_editions=editions(deps.areas),
            fetched_tables=fetched.whole,
            damaged_tables=fetched.damaged,
            other_tables=other_tables(await tables_of_places(deps.pool)),
        )
    wrong = False
    for finding in diagnose(facts):
        wrong |= not finding.ok
        mark = "ok   " if finding.ok else "WRONG"
        print(f"{mark} {finding.about}: {finding.seen}" + (f"  -> {finding.mend}" if finding.mend else ""))
    return 1 if wrong else 0
