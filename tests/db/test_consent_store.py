"""Consent as it is kept: per viewer, with the words that were read, and one answer to "may this employer see it"."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from core.db import Pool, WriteMismatch, transaction
from core.i18n import Catalogs
from registry.consent import SCOPES, Choice, ConsentLine, shares_answer, text_hash
from registry.consent_store import consent_lines, keep_texts, protect, record, set_shields, wording
from tests.people import NOW, make_org, make_resident
from tests.unit.test_consent import FARM, PLANT, SHARING

CATALOGS = Catalogs.load()
SQL_SHARED = "SELECT answer_shared($1, $2)"
SQL_LINE = """
INSERT INTO consent (resident_id, scope, given, basis, version, language, at, viewer_org)
VALUES ($1, $2, $3, $4, $5, 'en', $6, $7)
"""


async def test_the_words_that_were_read_are_kept_for_good(db: Pool) -> None:
    org = await make_org(db)
    person = await make_resident(db, org.id, enrolled=False)
    made = [Choice("C1", True), Choice("C2", True, org.id), Choice("C3", False)]
    async with transaction(db) as conn:
        await record(conn, CATALOGS, person.id, made, language="vi", now=NOW)
        lines = await consent_lines(conn, person.id)
    assert [(one.scope, one.given, one.viewer_org, one.basis) for one in lines] == [
        ("C1", True, None, "invitation"),
        ("C1", True, None, "own"),
        ("C2", True, org.id, "own"),
        ("C3", False, None, "withdrawn"),
    ]
    row = await db.fetchrow(
        "SELECT t.body, t.language, c.channel FROM consent c JOIN consent_text t ON t.sha256 = c.text_sha256 "
        "WHERE c.scope = 'C2'"
    )
    assert tuple(row) == (wording(CATALOGS, "C2", "vi"), "vi", "page")
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await db.execute("UPDATE consent_text SET body = 'something else'")


async def test_every_wording_is_kept_at_start_and_once(db: Pool) -> None:
    for _ in range(2):
        await keep_texts(db, CATALOGS, NOW)
    kept = {row["sha256"] for row in await db.fetch("SELECT sha256 FROM consent_text")}
    assert kept == {text_hash(wording(CATALOGS, s, tag)) for s in SCOPES for tag in CATALOGS.languages}


@pytest.mark.parametrize(("lines", "since", "enrolled", "hidden", "shown"), SHARING)
async def test_the_database_decides_as_the_rule_does(
    db: Pool, lines: list[ConsentLine], since: int | None, enrolled: bool, hidden: bool, shown: bool
) -> None:
    orgs = {FARM: (await make_org(db)).id, PLANT: (await make_org(db)).id, None: None}
    joined = None if since is None else NOW.replace(hour=0) + timedelta(minutes=since)
    person = await make_resident(db, consents=())
    if joined is not None:
        await db.execute(
            "INSERT INTO membership (resident_id, org_id, created_at) VALUES ($1, $2, $3)",
            person.id,
            orgs[FARM],
            joined,
        )
    state = "enrolled" if enrolled else "invited"
    await db.execute("UPDATE resident SET state = $2, hide_answer = $3 WHERE id = $1", person.id, state, hidden)
    for one in lines:
        await db.execute(
            SQL_LINE, person.id, one.scope, one.given, one.basis, one.version, one.at, orgs[one.viewer_org]
        )
    assert await db.fetchval(SQL_SHARED, person.id, orgs[FARM]) is shown
    stored = await _stored(db, person.id)
    rule = shares_answer(stored, orgs[FARM] or uuid4(), member_since=joined, enrolled=enrolled, hidden=hidden)
    assert rule is shown


async def _stored(db: Pool, resident_id: object) -> list[ConsentLine]:
    async with transaction(db) as conn:
        return await consent_lines(conn, resident_id)  # type: ignore[arg-type]


async def test_nobody_unknown_shares_anything(db: Pool) -> None:
    assert await db.fetchval(SQL_SHARED, uuid4(), (await make_org(db)).id) is False


async def test_nobody_without_an_open_case_is_protected_by_somebody_else(db: Pool) -> None:
    person = await make_resident(db)
    async with transaction(db) as conn:
        with pytest.raises(WriteMismatch):
            await protect(conn, person.id)
        await set_shields(conn, person.id, hide_answer=True, protected=True)
    assert tuple(await db.fetchrow("SELECT hide_answer, protected FROM resident")) == (True, True)
