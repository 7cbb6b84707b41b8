"""Rule edits in the database: reading them into the book, and writing one that two people agreed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from alerts.rule_book import Edit, RuleBook
from alerts.rule_edit import check
from alerts.rules import Rule, RuleError, version_of
from core.audit import Actor, audit
from core.db import Connection, Pool
from registry.approvals import ApprovalError, Kind
from registry.approvals_store import take

SQL_NEW_EDITS = "SELECT id, hazard, toml FROM rule_edit WHERE id > $1 ORDER BY id"


async def refresh(conn: Connection | Pool, rules: Mapping[str, Rule]) -> None:
    """Take in what has been changed since: call it before a rule is used. One look at an index where nothing has."""
    if isinstance(rules, RuleBook):
        rows = await conn.fetch(SQL_NEW_EDITS, rules.newest)
        rules.take_in([Edit(row["id"], row["hazard"], row["toml"]) for row in rows])


SQL_NOTE_VERSION = "UPDATE event SET rule_version = $2 WHERE id = $1"


async def note_version(conn: Connection, event_id: int, rule: Rule | None) -> None:
    """Keep with an event which wording of its rule its decision went by."""
    if rule is not None and rule.version:
        await conn.execute(SQL_NOTE_VERSION, event_id, rule.version)


SQL_LAST_EDIT = """
SELECT e.toml, e.at, m.name AS made_by, a.name AS approved_by FROM rule_edit e
LEFT JOIN staff m ON m.id = e.made_by LEFT JOIN staff a ON a.id = e.approved_by
WHERE e.hazard = $1 ORDER BY e.id DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class PastEdit:
    """One change of a rule, for the page. `version` "": back to the file."""

    version: str
    at: datetime
    made_by: str
    approved_by: str


async def past_edits(conn: Connection, hazard: str, limit: int = 20) -> list[PastEdit]:
    """The changes of one rule, newest first."""
    rows = await conn.fetch(SQL_LAST_EDIT, hazard, limit)
    return [
        PastEdit(
            "" if row["toml"] is None else version_of(row["toml"]),
            row["at"],
            row["made_by"] or "",
            row["approved_by"] or "",
        )
        for row in rows
    ]


SQL_WRITE_RULE = "SELECT write_rule($1, $2)"


async def carry_out_edit(conn: Connection, rules: RuleBook, approval_id: UUID, actor: Actor, now: datetime) -> None:
    """Let an approved edit hold from the moment this transaction commits; every process reads it before it decides.

    Raises ApprovalError: not approved, too old, the rule has changed since it was proposed, or this version of the
    program cannot use the text.
    """
    payload = await take(conn, approval_id, Kind.RULE_EDIT, now)
    await refresh(conn, rules)
    hazard = payload["hazard"]
    if hazard not in rules or rules[hazard].version != payload["base"]:
        raise ApprovalError("superseded", f"the rule of {hazard} has changed since this was proposed")
    try:
        check(rules.file_text(hazard) if payload["toml"] is None else payload["toml"], hazard)
    except RuleError as error:  # proposed under an older version of this program
        raise ApprovalError("superseded", str(error)) from error
    edit = await conn.fetchval(SQL_WRITE_RULE, approval_id, now)
    detail = {"hazard": hazard, "edit": edit, "approval": str(approval_id)}
    await audit(conn, actor, "rule.edit", at=now, detail=detail)
