"""Two registrations of one person in the database: the person's word, the search for shared numbers, joining, undoing.

Pages write and read only rows of their own person. Searching and joining look across organisations and run in the tend
loop, so that no page's answer or timing tells anybody that a number is known elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from core.db import Connection, expect_rows
from core.ids import uuid7
from registry.same_person import Found, Question, questions

#: How long a join can be undone: as long as the emptied registration is kept (DESIGN §7: until they go, + 30 days).
UNDO_FOR = timedelta(days=29)


class Asked(NamedTuple):
    """One question as the person's own page shows it."""

    id: UUID
    state: str
    created_at: datetime


SQL_OWN = """
SELECT id, state, created_at FROM same_person WHERE resident_id = $1 AND created_at > $2 ORDER BY created_at DESC
"""


async def own_questions(conn: Connection, resident_id: UUID, now: datetime) -> list[Asked]:
    """What the person was asked, and what became of it, for as long as it can be undone."""
    return [Asked(**dict(row.items())) for row in await conn.fetch(SQL_OWN, resident_id, now - UNDO_FOR)]


SQL_ANSWER = """
UPDATE same_person SET state = $4, decided_at = $5
WHERE id = $1 AND resident_id = $2 AND state = ANY($3::text[])
"""
#: What the person says -> (from which states, to which).
ANSWERS = {
    "yes": (["found", "asked"], "wanted"),
    "no": (["found", "asked"], "refused"),
    "undo": (["joined"], "undo"),
}


async def answer(conn: Connection, resident_id: UUID, question_id: UUID, said: str, now: datetime) -> bool:
    """The person's word: yes, no, undo. False if the question is not theirs or was settled meanwhile."""
    before, after = ANSWERS[said]
    return bool(await conn.execute(SQL_ANSWER, question_id, resident_id, before, after, now) == "UPDATE 1")


SQL_CLAIM = """
INSERT INTO same_person (id, resident_id, other_sha256, state, created_at, decided_at)
SELECT $1, $2, $3, 'wanted', $4, $4
WHERE (SELECT count(*) FROM same_person WHERE resident_id = $2 AND created_at > $4::timestamptz - interval '1 hour') < 5
"""


async def claim(conn: Connection, resident_id: UUID, other_sha256: bytes, now: datetime) -> None:
    """The person gives another personal link as their own. Whether it is one is found out later; five tries an hour."""
    await conn.execute(SQL_CLAIM, uuid7(), resident_id, other_sha256, now)


# ---------------------------------------------------------------- the tend loop

SQL_SHARED = """
SELECT DISTINCT a.id AS one, a.enrolled_at AS one_at, b.id AS other, b.enrolled_at AS other_at
FROM (
    SELECT c.resident_id FROM contact c WHERE c.created_at > $1 AND c.resident_id IS NOT NULL
    UNION SELECT r.id FROM resident r WHERE r.enrolled_at > $1
) AS fresh
JOIN contact mine ON mine.resident_id = fresh.resident_id AND mine.kind = 'address'
     AND mine.channel IN ('phone', 'email') AND mine.state IN ('unproven', 'proven')
JOIN contact theirs ON theirs.channel = mine.channel AND theirs.address_bidx = mine.address_bidx
     AND theirs.resident_id <> mine.resident_id AND theirs.state IN ('unproven', 'proven')
JOIN resident a ON a.id = mine.resident_id AND a.state <> 'left'
JOIN resident b ON b.id = theirs.resident_id AND b.state <> 'left'
WHERE NOT EXISTS (SELECT FROM same_person s WHERE least(s.resident_id, s.other_id) = least(a.id, b.id)
                  AND greatest(s.resident_id, s.other_id) = greatest(a.id, b.id))
LIMIT 1000
"""
SQL_ASK = """
INSERT INTO same_person (id, resident_id, other_id, state, created_at)
SELECT q.id, q.ask, q.about, 'found', $4 FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS q (id, ask, about)
ON CONFLICT DO NOTHING
"""


async def find_shared(conn: Connection, since: datetime, now: datetime) -> int:
    """Ask about everybody who came since `since` with somebody else's phone number or e-mail; how many questions."""
    rows = await conn.fetch(SQL_SHARED, since)
    made: Sequence[Question] = questions(Found(r["one"], r["one_at"], r["other"], r["other_at"]) for r in rows)
    ids = [uuid7() for _ in made]
    tag = await conn.execute(SQL_ASK, ids, [q.ask for q in made], [q.about for q in made], now)
    return int(tag.rpartition(" ")[2])


SQL_TO_TELL = """
SELECT s.id, s.resident_id, r.language, c.id AS contact_id, c.channel, c.address_enc
FROM same_person s JOIN resident r ON r.id = s.resident_id
LEFT JOIN LATERAL (
    SELECT id, channel, address_enc FROM contact
    WHERE resident_id = s.resident_id AND kind = 'address' AND channel = ANY($1::text[])
      AND state IN ('unproven', 'proven')
    ORDER BY array_position($1::text[], channel), state = 'proven' DESC, created_at DESC LIMIT 1
) c ON true
WHERE s.state = 'found' ORDER BY s.created_at LIMIT 50 FOR UPDATE OF s SKIP LOCKED
"""
SQL_TOLD = "UPDATE same_person SET state = 'asked' WHERE id = $1 AND state = 'found'"


async def to_tell(conn: Connection, channels: Sequence[str]) -> list[dict[str, Any]]:
    """Questions nobody has been told of, locked, with the way over which: contact columns are None without any."""
    return [dict(row.items()) for row in await conn.fetch(SQL_TO_TELL, list(channels))]


async def told(conn: Connection, question_id: UUID) -> None:
    """The person has been told that there is a question on their page (or cannot be told: it waits there)."""
    expect_rows(await conn.execute(SQL_TOLD, question_id), 1, "a question that was told")


SQL_RESOLVE = """
UPDATE same_person s SET other_id = l.resident_id
FROM link l
WHERE s.state = 'wanted' AND s.other_id IS NULL AND l.token_sha256 = s.other_sha256 AND l.kind = 'personal'
  AND l.revoked_at IS NULL AND l.resident_id <> s.resident_id
  AND NOT EXISTS (SELECT FROM same_person o WHERE o.id <> s.id AND o.other_id IS NOT NULL
                  AND least(o.resident_id, o.other_id) = least(s.resident_id, l.resident_id)
                  AND greatest(o.resident_id, o.other_id) = greatest(s.resident_id, l.resident_id))
"""
# The other link proves what a shared number only suggested: an open question about the same two is answered by it.
SQL_SETTLE = """
UPDATE same_person o SET state = 'wanted', decided_at = s.decided_at
FROM same_person s JOIN link l ON l.token_sha256 = s.other_sha256 AND l.kind = 'personal' AND l.revoked_at IS NULL
WHERE s.state = 'wanted' AND s.other_id IS NULL AND o.other_id IS NOT NULL
  AND o.state IN ('found', 'asked', 'refused', 'undone')
  AND least(o.resident_id, o.other_id) = least(s.resident_id, l.resident_id)
  AND greatest(o.resident_id, o.other_id) = greatest(s.resident_id, l.resident_id)
"""
SQL_UNKNOWN = """
UPDATE same_person SET state = 'unknown', other_sha256 = NULL WHERE state = 'wanted' AND other_id IS NULL
"""
# Not while either is part of an open incident: whoever looks for them must find them under the name they have.
SQL_WANTED = """
SELECT s.id, s.resident_id, s.other_id FROM same_person s
JOIN resident a ON a.id = s.resident_id AND a.state <> 'left'
JOIN resident b ON b.id = s.other_id AND b.state <> 'left'
WHERE s.state = 'wanted' AND NOT EXISTS (
    SELECT FROM incident_resident ir JOIN incident i ON i.id = ir.incident_id AND i.closed_at IS NULL
    WHERE ir.resident_id IN (s.resident_id, s.other_id))
ORDER BY s.decided_at LIMIT 50 FOR UPDATE OF s, a, b SKIP LOCKED
"""


async def join_wanted(conn: Connection, now: datetime) -> list[tuple[UUID, UUID]]:
    """Join what people asked to be joined: (the registration that stays, the one that was emptied)."""
    await conn.execute(SQL_SETTLE)
    await conn.execute(SQL_RESOLVE)
    await conn.execute(SQL_UNKNOWN)
    joined = []
    for row in await conn.fetch(SQL_WANTED):
        await _join(conn, row["id"], row["resident_id"], row["other_id"], now)
        joined.append((row["resident_id"], row["other_id"]))
    return joined


SQL_MOVE_MEMBERSHIPS = """
UPDATE membership m SET resident_id = $1 WHERE m.resident_id = $2 AND m.ended_at IS NULL
  AND NOT EXISTS (SELECT FROM membership k WHERE k.resident_id = $1 AND k.org_id = m.org_id)
RETURNING m.org_id
"""
SQL_END_MEMBERSHIPS = """
UPDATE membership SET ended_at = $2 WHERE resident_id = $1 AND ended_at IS NULL RETURNING org_id
"""
SQL_MOVE_CONTACTS = """
UPDATE contact c SET resident_id = $1 WHERE c.resident_id = $2
  AND NOT EXISTS (SELECT FROM contact k WHERE k.resident_id = $1 AND k.channel = c.channel
                  AND k.address_bidx = c.address_bidx)
RETURNING c.id
"""
SQL_MOVE_PLACES = """
UPDATE resident_place p SET resident_id = $1 WHERE p.resident_id = $2
  AND NOT EXISTS (SELECT FROM resident_place k WHERE k.resident_id = $1 AND k.kind = p.kind)
RETURNING p.kind
"""
SQL_MOVE_LEADERS = "UPDATE site_leader SET resident_id = $1 WHERE resident_id = $2 RETURNING site_id, rank"
SQL_MOVE_LINKS = """
UPDATE link SET resident_id = $1, joined = true WHERE resident_id = $2 AND kind = 'personal' AND revoked_at IS NULL
RETURNING id
"""
# What was agreed to for one organisation stays agreed to for exactly that one.
SQL_COPY_CONSENTS = """
INSERT INTO consent (resident_id, scope, given, basis, version, language, at, recorded_by, viewer_org, incident_id,
                     text_sha256, channel)
SELECT $1, n.scope, n.given, n.basis, n.version, n.language, n.at, n.recorded_by, n.org_id, NULL, n.text_sha256,
       n.channel
FROM (
    SELECT DISTINCT ON (o.org_id) c.*, o.org_id FROM unnest($3::uuid[]) AS o (org_id)
    JOIN consent c ON c.resident_id = $2 AND c.scope = 'C2' AND (c.viewer_org = o.org_id OR c.viewer_org IS NULL)
    ORDER BY o.org_id, c.id DESC
) n
"""
SQL_SET_ORGS = """
UPDATE resident r SET orgs = coalesce((SELECT array_agg(m.org_id) FROM membership m
                                       WHERE m.resident_id = r.id AND m.ended_at IS NULL), '{}')
WHERE r.id = ANY($1::uuid[])
"""
SQL_STATE = "SELECT state FROM resident WHERE id = $1"
SQL_EMPTY = "UPDATE resident SET state = 'left', left_at = $2 WHERE id = $1"
SQL_JOINED = "UPDATE same_person SET state = 'joined', moved = $2 WHERE id = $1"


async def _join(conn: Connection, question_id: UUID, stays: UUID, goes: UUID, now: datetime) -> None:
    state = await conn.fetchval(SQL_STATE, goes)
    expect_rows(await conn.execute(SQL_EMPTY, goes, now), 1, "the registration that is emptied")
    orgs = [row["org_id"] for row in await conn.fetch(SQL_MOVE_MEMBERSHIPS, stays, goes)]
    ended = [row["org_id"] for row in await conn.fetch(SQL_END_MEMBERSHIPS, goes, now)]
    contacts = [row["id"] for row in await conn.fetch(SQL_MOVE_CONTACTS, stays, goes)]
    places = [row["kind"] for row in await conn.fetch(SQL_MOVE_PLACES, stays, goes)]
    leads = [(row["site_id"], row["rank"]) for row in await conn.fetch(SQL_MOVE_LEADERS, stays, goes)]
    links = [row["id"] for row in await conn.fetch(SQL_MOVE_LINKS, stays, goes)]
    await conn.execute(SQL_COPY_CONSENTS, stays, goes, orgs)
    expect_rows(await conn.execute(SQL_SET_ORGS, [stays, goes]), 2, "the organisations of a joined person")
    moved = {
        "state": state,
        "orgs": [str(org) for org in orgs],
        "ended": [str(org) for org in ended],
        "contacts": [str(contact) for contact in contacts],
        "places": places,
        "leads": [[str(site), rank] for site, rank in leads],
        "links": [str(link) for link in links],
    }
    expect_rows(await conn.execute(SQL_JOINED, question_id, moved), 1, "a question that was settled")


SQL_UNDO = """
SELECT s.id, s.resident_id, s.other_id, s.moved FROM same_person s
JOIN resident a ON a.id = s.resident_id JOIN resident b ON b.id = s.other_id
WHERE s.state = 'undo' LIMIT 50 FOR UPDATE OF s, a, b SKIP LOCKED
"""
SQL_BACK_MEMBERSHIPS = """
UPDATE membership SET resident_id = $1 WHERE resident_id = $2 AND org_id = ANY($3::uuid[])
"""
SQL_BACK_ENDED = "UPDATE membership SET ended_at = NULL WHERE resident_id = $1 AND org_id = ANY($2::uuid[])"
SQL_BACK_CONTACTS = "UPDATE contact SET resident_id = $1 WHERE resident_id = $2 AND id = ANY($3::uuid[])"
SQL_BACK_PLACES = "UPDATE resident_place SET resident_id = $1 WHERE resident_id = $2 AND kind = ANY($3::text[])"
SQL_BACK_LEADERS = """
UPDATE site_leader l SET resident_id = $1 FROM unnest($3::uuid[], $4::int[]) AS was (site_id, rank)
WHERE l.site_id = was.site_id AND l.rank = was.rank AND l.resident_id = $2
"""
SQL_BACK_LINKS = """
UPDATE link SET resident_id = $1, joined = false WHERE resident_id = $2 AND id = ANY($3::uuid[])
"""
SQL_BACK_STATE = "UPDATE resident SET state = $2, left_at = NULL WHERE id = $1"
SQL_UNDONE = "UPDATE same_person SET state = 'undone', moved = '{}' WHERE id = $1"


async def undo_wanted(conn: Connection) -> list[tuple[UUID, UUID]]:
    """Take joins apart again, as far as what was moved is still there: (the one that stayed, the one that is back)."""
    undone = []
    for row in await conn.fetch(SQL_UNDO):
        stays, back, moved = row["resident_id"], row["other_id"], row["moved"]
        await conn.execute(SQL_BACK_MEMBERSHIPS, back, stays, moved["orgs"])
        await conn.execute(SQL_BACK_ENDED, back, moved["ended"])
        await conn.execute(SQL_BACK_CONTACTS, back, stays, moved["contacts"])
        await conn.execute(SQL_BACK_PLACES, back, stays, moved["places"])
        leads = moved["leads"]
        await conn.execute(SQL_BACK_LEADERS, back, stays, [site for site, _ in leads], [rank for _, rank in leads])
        await conn.execute(SQL_BACK_LINKS, back, stays, moved["links"])
        expect_rows(await conn.execute(SQL_BACK_STATE, back, moved["state"]), 1, "the registration that comes back")
        expect_rows(await conn.execute(SQL_SET_ORGS, [stays, back]), 2, "the organisations of two people")
        expect_rows(await conn.execute(SQL_UNDONE, row["id"]), 1, "a join that was undone")
        undone.append((stays, back))
    return undone
