"""No table is forgotten: each of the schema stands in a retention rule or in the list of what is about nobody."""

from __future__ import annotations

from core.db import Pool
from ops.retention import KEPT, RULES

RULED = {table for rule in RULES for table in rule.tables}
SQL_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
SQL_ABOUT_PEOPLE = """
SELECT DISTINCT c.table_name FROM information_schema.columns c
JOIN pg_tables t ON t.schemaname = 'public' AND t.tablename = c.table_name
WHERE c.table_schema = 'public' AND (c.column_name ~ '(^|_)resident(_id)?$' OR c.column_name ~ '_enc$')
"""


async def test_every_table_has_its_rule_or_its_reason(db: Pool) -> None:
    """A new table: add a rule and its step to ops/retention.py, or a line to KEPT that says why not."""
    tables = {row["tablename"] for row in await db.fetch(SQL_TABLES)}
    assert sorted(tables - RULED - set(KEPT)) == []
    assert sorted((RULED | set(KEPT)) - tables) == [], "a rule names a table that does not exist"
    assert sorted(RULED & set(KEPT)) == []
    assert all(len(reason) > 10 for reason in KEPT.values())


async def test_what_points_to_a_person_or_is_encrypted_has_a_rule(db: Pool) -> None:
    """`site` has a dorm's telephone number, which is the organisation's and goes when the organisation removes it."""
    about = {row["table_name"] for row in await db.fetch(SQL_ABOUT_PEOPLE)}
    assert about - RULED <= {"site"}
