"""The log of what people do to texts: reading it into the book, and adding to it. And who may."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from alerts.review import Act, May, Outcome, Reviewer, Standing, Step, Words, fingerprint, standing, text_mark
from alerts.wording_book import Said, WordingBook
from core.audit import Actor, audit
from core.clock import date_in_japan
from core.db import Connection, Pool, expect_rows, notify
from core.i18n import Catalogs
from core.po import ReviewState

#: Rung when what is said has changed: every process reads it anew.
CHANNEL: Final = "daijobu_wording"

SQL_NEW_TEXTS = """
SELECT id, language, key, text, of_text, file_of, state, by_pseudonym, at FROM wording_review
WHERE live AND id > $1 ORDER BY id
"""


async def refresh(conn: Connection | Pool, catalogs: Catalogs) -> None:
    """Take in what people chose since, before words are used. One look at an index where nothing has changed."""
    if isinstance(catalogs, WordingBook):
        catalogs.take_in([_said(row) for row in await conn.fetch(SQL_NEW_TEXTS, catalogs.newest)])


def _said(row: Any) -> Said:
    return Said(
        row["id"], row["language"], row["key"], row["text"], row["of_text"], row["file_of"], ReviewState(row["state"]),
        row["by_pseudonym"], date_in_japan(row["at"]),
    )  # fmt: skip


SQL_STEPS = """
SELECT id, key, act, text, of_text, state, live, staff_id, by_pseudonym, at, back_translation, asked, understood,
       waited, note
FROM wording_review WHERE language = $1 AND ($2::text IS NULL OR key = $2) ORDER BY id
"""


async def steps_of(conn: Connection, language: str, key: str | None = None) -> dict[str, list[Step]]:
    """What was done to the texts of a language, or to one of them, by key, oldest first."""
    found: dict[str, list[Step]] = {}
    for row in await conn.fetch(SQL_STEPS, language, key):
        words = Words(row["back_translation"], row["note"], row["asked"], row["understood"], row["waited"])
        found.setdefault(row["key"], []).append(
            Step(
                row["id"],
                Act(row["act"]),
                row["text"],
                row["of_text"],
                ReviewState(row["state"]),
                row["live"],
                row["staff_id"],
                row["by_pseudonym"],
                row["at"],
                words,
            )  # fmt: skip
        )
    return found


SQL_WAITING = """
SELECT language, key, text FROM (
    SELECT DISTINCT ON (language, key) id, language, key, text FROM wording_review WHERE act = 'propose'
    ORDER BY language, key, id DESC
) p WHERE NOT EXISTS (
    SELECT FROM wording_review w WHERE w.language = p.language AND w.key = p.key AND w.id > p.id AND w.text = p.text
    AND (w.live OR w.act = 'send_back'))
"""


async def waiting(conn: Connection | Pool, catalogs: Catalogs) -> dict[str, set[str]]:
    """Language -> the keys for which somebody proposed another text than is said today."""
    found: dict[str, set[str]] = {}
    for row in await conn.fetch(SQL_WAITING):
        lang, key = row["language"], row["key"]
        if lang in catalogs.languages and key in catalogs.keys(lang) and catalogs.entry(lang, key).text != row["text"]:
            found.setdefault(lang, set()).add(key)
    return found


@dataclass(frozen=True, slots=True)
class Done:
    """One act on one text, as decided from how the text stands."""

    act: Act
    text: str
    outcome: Outcome
    words: Words


# In order of their numbers: whoever has read up to one has read all before it, and nobody decides on half of it.
SQL_ALONE = "SELECT pg_advisory_xact_lock(hashtext('daijobu wording'))"
SQL_ADD = """
INSERT INTO wording_review (language, key, act, text, of_text, file_of, state, live, staff_id, by_pseudonym, at,
                            back_translation, asked, understood, waited, note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""


async def carry_out(
    conn: Connection,
    book: WordingBook,
    me: Reviewer,
    key: str,
    decide: Callable[[Standing], Done],
    actor: Actor,
    now: datetime,
) -> Done:
    """Decide on one text as it stands now and write that down. Raises what `decide` raises, and LookupError for a key
    that the language lacks.

    Call it in a transaction; what it changes is said once that has committed and the book is refreshed.
    """
    await conn.execute(SQL_ALONE)
    await refresh(conn, book)
    lang = me.language
    if key not in book.keys(lang):
        raise LookupError(f"{lang} has no text {key}")
    entry = book.entry(lang, key)
    steps = (await steps_of(conn, lang, key)).get(key, [])
    done = decide(standing(lang, entry, steps))
    tag = await conn.execute(
        SQL_ADD, lang, key, done.act.value, done.text, fingerprint(lang, key, entry.source, done.text),
        text_mark(key, book.files.entries(lang)[key].text), done.outcome.state.value, done.outcome.live, me.staff_id,
        me.by, now,
        done.words.back_translation, done.words.asked, done.words.understood, done.words.waited, done.words.note,
    )  # fmt: skip
    expect_rows(tag, 1, "what was done to a text")
    detail = {"language": lang, "key": key, "state": done.outcome.state.value, "live": done.outcome.live}
    await audit(conn, actor, f"wording.{done.act.value}", at=now, detail=detail)
    if done.outcome.live:
        await notify(conn, CHANNEL, lang)
    return done


# ---------------------------------------------------------------- who may

SQL_RIGHTS = """
SELECT language, pseudonym, may FROM wording_reviewer WHERE staff_id = $1 AND revoked_at IS NULL ORDER BY language
"""


async def rights_of(conn: Connection, staff_id: UUID) -> dict[str, Reviewer]:
    """What a member of staff may do with texts, by language."""
    rows = await conn.fetch(SQL_RIGHTS, staff_id)
    return {r["language"]: Reviewer(staff_id, r["language"], r["pseudonym"], _may(r["may"])) for r in rows}


def _may(rights: Sequence[str]) -> frozenset[May]:
    return frozenset(May(right) for right in rights)


SQL_REVIEWERS = """
SELECT w.staff_id, w.language, w.pseudonym, w.may, w.granted_at, w.revoked_at, s.name, s.email, s.disabled_at,
       o.name AS org
FROM wording_reviewer w JOIN staff s ON s.id = w.staff_id JOIN organisation o ON o.id = s.org_id
ORDER BY w.language, w.revoked_at IS NOT NULL, lower(w.pseudonym)
"""
SQL_ACCOUNTS = """
SELECT s.id, s.name, s.email, s.role, o.name AS org FROM staff s JOIN organisation o ON o.id = s.org_id
WHERE s.disabled_at IS NULL ORDER BY s.role <> 'translator', o.name, s.name, s.id
"""


async def reviewers(conn: Connection) -> list[dict[str, Any]]:
    """Everybody who works or worked on texts, with the person behind the pseudonym: for operators."""
    return [dict(row) for row in await conn.fetch(SQL_REVIEWERS)]


async def accounts(conn: Connection) -> list[dict[str, Any]]:
    """Every account that could be given a language: id, name, email, role, org; those of translators first."""
    return [dict(row) for row in await conn.fetch(SQL_ACCOUNTS)]


SQL_GRANT = """
INSERT INTO wording_reviewer (staff_id, language, pseudonym, may, granted_by, granted_at)
SELECT s.id, $2, $3, $4, $5, $6 FROM staff s WHERE s.id = $1 AND s.disabled_at IS NULL
ON CONFLICT (staff_id, language) DO UPDATE SET pseudonym = excluded.pseudonym, may = excluded.may,
    granted_by = excluded.granted_by, granted_at = excluded.granted_at, revoked_at = NULL
"""
SQL_REVOKE = """
UPDATE wording_reviewer SET revoked_at = $3 WHERE staff_id = $1 AND language = $2 AND revoked_at IS NULL
"""


async def grant(conn: Connection, who: Reviewer, actor: Actor, granted_by: UUID, now: datetime) -> bool:
    """Give somebody a language; False if there is no such account. Raises UniqueViolation where the pseudonym is
    somebody else's."""
    may = sorted(right.value for right in who.may)
    tag = await conn.execute(SQL_GRANT, who.staff_id, who.language, who.by, may, granted_by, now)
    if tag != "INSERT 0 1":
        return False
    detail = {"language": who.language, "pseudonym": who.by, "may": may}
    await audit(conn, actor, "wording.grant", at=now, subjects=[who.staff_id], detail=detail)
    return True


async def revoke(conn: Connection, staff_id: UUID, language: str, actor: Actor, now: datetime) -> bool:
    """Take a language from somebody; what they did stays. False if they had it not."""
    if await conn.execute(SQL_REVOKE, staff_id, language, now) != "UPDATE 1":
        return False
    await audit(conn, actor, "wording.revoke", at=now, subjects=[staff_id], detail={"language": language})
    return True
