"""Keeping consent: the lines a person gave or took back, and every wording that anybody agreed to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from core.db import Connection, Pool, expect_rows
from core.i18n import Catalogs
from core.model import OrgKind
from registry.consent import CONSENT_VERSION, SCOPES, Choice, ConsentLine, text_hash, words_of

#: How a person said it.
PAGE: Final = "page"
PAPER: Final = "paper"
LEADER: Final = "leader"

SQL_CONSENT_LINES = """
SELECT scope, given, basis, at, viewer_org, incident_id, version FROM consent WHERE resident_id = $1 ORDER BY id
"""


async def consent_lines(conn: Connection, resident_id: UUID) -> list[ConsentLine]:
    """A person's consent rows, oldest first."""
    rows = await conn.fetch(SQL_CONSENT_LINES, resident_id)
    return [ConsentLine(**dict(row.items())) for row in rows]


def wording(catalogs: Catalogs, scope: str, language: str, viewers: Iterable[OrgKind] = ()) -> str:
    """The words of a line as a page shows them: the line itself, and what it means and what happens without it.

    `viewers`: the kinds of the organisations it is about (C2).
    """
    words = words_of(scope, viewers)
    return f"{catalogs.say(language, words.line)}\n{catalogs.say(language, words.more)}"


SQL_RECORD = """
INSERT INTO consent (resident_id, scope, given, basis, version, language, at, recorded_by, viewer_org, incident_id,
                     text_sha256, channel)
SELECT $1, c.scope, c.given, CASE WHEN c.given THEN 'own' ELSE 'withdrawn' END, $7, $8, $9, $10, c.viewer_org,
       c.incident_id, c.text_sha256, $11
FROM unnest($2::text[], $3::boolean[], $4::uuid[], $5::uuid[], $6::bytea[]) WITH ORDINALITY
     AS c (scope, given, viewer_org, incident_id, text_sha256, n)
ORDER BY c.n
"""


async def record(
    conn: Connection,
    catalogs: Catalogs,
    resident_id: UUID,
    made: Sequence[Choice],
    *,
    language: str,
    now: datetime,
    channel: str = PAGE,
    recorded_by: UUID | None = None,
    words: Mapping[str, str] | None = None,
    viewers: Mapping[UUID, OrgKind] | None = None,
) -> None:
    """Store what the person agreed to or took back, with the words they read in `language`.

    `words`: by scope, where a page asked in other words than the line's own; `viewers`: the kinds of the person's
    organisations, by which C2 is worded.

    `channel`: "page", "paper" or "leader"; `recorded_by`: the member of staff who typed a paper form in. Give every
    choice of a form; use `consent.choices` to store only what moved. Call it inside the transaction of the change.
    """
    if not made:
        return
    own = words or {}
    kinds = viewers or {}

    def about(choice: Choice) -> list[OrgKind]:
        kind = kinds.get(choice.viewer_org) if choice.viewer_org else None
        return list(kinds.values()) if kind is None else [kind]

    texts = [own[c.scope] if c.scope in own else wording(catalogs, c.scope, language, about(c)) for c in made]
    await _keep(conn, [(c.scope, language, text) for c, text in zip(made, texts, strict=True)], now)
    tag = await conn.execute(
        SQL_RECORD,
        resident_id,
        [c.scope for c in made],
        [c.given for c in made],
        [c.viewer_org for c in made],
        [c.incident_id for c in made],
        [text_hash(text) for text in texts],
        CONSENT_VERSION,
        language,
        now,
        recorded_by,
        channel,
    )
    expect_rows(tag, len(made), "lines of consent")


SQL_KEEP_TEXTS = """
INSERT INTO consent_text (sha256, scope, version, language, body, first_kept_at)
SELECT t.sha256, t.scope, $5, t.language, t.body, $6
FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[]) AS t (sha256, scope, language, body)
ON CONFLICT (sha256) DO NOTHING
"""


async def keep_texts(conn: Connection | Pool, catalogs: Catalogs, now: datetime) -> None:
    """Keep the present wording of every line in every language; what is kept already stays as it is. At start."""
    await _keep(
        conn,
        [(scope, language, wording(catalogs, scope, language)) for scope in SCOPES for language in catalogs.languages],
        now,
    )


async def _keep(conn: Connection | Pool, texts: Sequence[tuple[str, str, str]], now: datetime) -> None:
    # One hash once: two languages that both fall back to a third show the same words.
    rows = {text_hash(body): (scope, language, body) for scope, language, body in texts}
    await conn.execute(
        SQL_KEEP_TEXTS,
        list(rows),
        [scope for scope, _, _ in rows.values()],
        [language for _, language, _ in rows.values()],
        [body for _, _, body in rows.values()],
        CONSENT_VERSION,
        now,
    )


SQL_SET_SHIELDS = "UPDATE resident SET hide_answer = $2, protected = $3 WHERE id = $1"


async def set_shields(conn: Connection, resident_id: UUID, *, hide_answer: bool, protected: bool) -> None:
    """ "Do not show my answer to my employer", and "never show anybody where I am": both as the person says."""
    expect_rows(await conn.execute(SQL_SET_SHIELDS, resident_id, hide_answer, protected), 1, "the person's shields")


SQL_PROTECT = "SELECT protect_person($1)"


async def protect(conn: Connection, resident_id: UUID) -> None:
    """A coordinator learns of stalking or violence: no address or location of this person is shown any more.

    Only people with an open case; only the person themselves can end it. Raises WriteMismatch for anybody else.
    """
    changed = await conn.fetchval(SQL_PROTECT, resident_id)
    expect_rows(f"UPDATE {changed}", 1, "the person to protect")
