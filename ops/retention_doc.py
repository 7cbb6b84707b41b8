"""docs/retention.md, made from the retention rules themselves: `make docs`. A test compares the two."""

from __future__ import annotations

import sys
from datetime import timedelta

from ops.retention import KEPT, NOTHING, RULES, Rule

HEADER = """# What is kept how long

Made from `ops/retention.py` by `make docs`; edit the rules there.

`main.py purge` follows these rules, and the service does so by itself once a day. `main.py purge --dry-run` says what
it would do and changes nothing; `--json` prints numbers for a program. Nothing that belongs to an open incident, or to
a person who is still sought, is touched. What a purge did is kept in the table `purge_run`; operators see it on the
status page.

The purge refuses to run when its clock is before the newest report, or more than a year after the last purge: a wrong
clock would delete what must be kept. If the clock is right after all, say why: `main.py purge --force "the server was
in storage for a year"`; the sentence is kept with the run. Backups keep what they hold until they are replaced: give
them a life of at most 30 days.

| what | kept until | then | why | tables | done by |
| --- | --- | --- | --- | --- | --- |
"""

KEPT_HEADER = """
## Kept for good, because it is about nobody

| table | what it holds |
| --- | --- |
"""


def period(keep: timedelta) -> str:
    """A period in the largest unit that fits exactly, e.g. "3 years", "30 days", "72 hours"."""
    if keep.days and not keep.days % 365:
        years = keep.days // 365
        return f"{years} year{'s' if years > 1 else ''}"
    if keep == timedelta(hours=72) or not keep.days:
        return f"{keep // timedelta(hours=1)} hours"
    return f"{keep.days} day{'s' if keep.days > 1 else ''}"


def _until(rule: Rule) -> str:
    return rule.after if rule.keep == NOTHING else f"{period(rule.keep)} after {rule.after}"


def render() -> str:
    """The whole page, as Markdown."""
    rows = [
        f"| {rule.what} | {_until(rule)} | {rule.action.value} | {rule.why} | "
        f"{', '.join(f'`{table}`' for table in rule.tables)} | {rule.by} |\n"
        for rule in RULES
    ]
    kept = [f"| `{table}` | {reason} |\n" for table, reason in sorted(KEPT.items())]
    return HEADER + "".join(rows) + KEPT_HEADER + "".join(kept)


if __name__ == "__main__":
    sys.stdout.write(render())
