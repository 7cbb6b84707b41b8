"""The chain over the audit log: sealed without gaps, and every kind of tampering is found and named."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from core.audit import Actor, audit
from core.audit_chain import GENESIS, Head, canonical, chained
from core.db import Connection, Pool, transaction
from core.seal_store import add_key, audit_keys, chain, drop_sealed_before, extent, heads, last_head, seal_batch
from core.signing import Signer, SigningError
from core.verify_store import verify
from tests.people import NOW

SIGNER = Signer.of(bytes(range(32)))
OTHER = Signer.of(bytes(32))
CLERK = Actor("Clerk", uuid4(), uuid4())

SQL_MANY = """
INSERT INTO audit (at, staff_id, actor, action, subjects, fields, org_id, detail)
SELECT $1::timestamptz + make_interval(secs => n), gen_random_uuid(), '担当 ' || n, 'people.read',
       ARRAY[gen_random_uuid(), gen_random_uuid()], ARRAY['name', 'room'], gen_random_uuid(),
       jsonb_build_object('n', n, 'why', 'call', 'é', ARRAY[true, false])
FROM generate_series(1, $2::int) n
"""


async def read(conn: Connection | Pool, action: str = "people.read", at: datetime = NOW) -> int:
    await audit(conn, CLERK, action, at=at, subjects=[uuid4()], fields=["name"], detail={"n": 1})
    newest: int = await conn.fetchval("SELECT max(id) FROM audit")
    return newest


async def seal(db: Pool, at: datetime = NOW, signer: Signer = SIGNER) -> int:
    return await seal_batch(db, signer, at)


async def tamper(db: Pool, sql: str, *args: object) -> None:
    """What somebody with the owner's password can do: no trigger stands in their way."""
    async with transaction(db) as conn:
        await conn.execute("SET LOCAL session_replication_role = replica")
        await conn.execute(sql, *args)


async def test_ten_thousand_rows_in_batches(db: Pool) -> None:
    await db.execute(SQL_MANY, NOW, 10_000)
    done = [await seal_batch(db, SIGNER, NOW, limit=1_500) for _ in range(8)]
    assert done == [1_500] * 6 + [1_000, 0]
    walked: list[int] = []
    verdict = await verify(db, NOW, progress=walked.append)
    assert verdict.found is None and verdict.whole
    assert (verdict.rows, verdict.total, verdict.waiting, sum(walked)) == (10_000, 10_000, 0, 10_000)
    head = await last_head(db)
    assert head is not None and (head.seq, head.day) == (10_000, NOW.date())


async def test_nothing_to_verify_is_no_break(db: Pool) -> None:
    verdict = await verify(db, NOW)
    assert verdict.found is None and (verdict.rows, verdict.head) == (0, None)
    await read(db)
    verdict = await verify(db, NOW)
    assert verdict.found is None and (verdict.rows, verdict.waiting) == (0, 1)


async def test_a_row_that_commits_late_is_never_skipped(db: Pool) -> None:
    """Ids are given before a transaction commits: the older id becomes visible after the younger one was sealed."""
    async with db.acquire() as slow, db.acquire() as fast:
        begun = slow.transaction()
        await begun.start()
        late = await read(slow, "late")
        early = await read(fast, "early")
        assert late < early
        assert await seal(db) == 1
        await begun.commit()
    assert await seal(db) == 1
    order = [row["audit_id"] for row in await db.fetch("SELECT audit_id FROM audit_seal ORDER BY seq")]
    assert order == [early, late]
    verdict = await verify(db, NOW)
    assert verdict.found is None and verdict.rows == 2


async def test_a_row_that_is_rolled_back_is_not_waited_for(db: Pool) -> None:
    with pytest.raises(RuntimeError, match="no"):
        async with transaction(db) as conn:
            await read(conn)
            raise RuntimeError("no")
    await read(db)
    assert await seal(db) == 1 and (await verify(db, NOW)).found is None


async def test_two_sealers_at_once_seal_each_row_once(db: Pool) -> None:
    await db.execute(SQL_MANY, NOW, 300)
    done = await asyncio.gather(*(seal_batch(db, SIGNER, NOW, limit=100) for _ in range(5)))
    assert sum(done) == 300
    assert (await verify(db, NOW)).rows == 300


async def test_killed_between_and_inside_batches(db: Pool) -> None:
    await db.execute(SQL_MANY, NOW, 250)
    await seal_batch(db, SIGNER, NOW, limit=100)
    # The connection ends after the seals were written and before the head was signed.
    await db.execute("ALTER TABLE audit_head ADD CONSTRAINT killed CHECK (seq <> 200)")
    with pytest.raises(Exception, match="killed"):
        await seal_batch(db, SIGNER, NOW, limit=100)
    await db.execute("ALTER TABLE audit_head DROP CONSTRAINT killed")
    assert (await extent(db)).last == 100
    assert (await verify(db, NOW)).found is None
    while await seal_batch(db, SIGNER, NOW, limit=100):
        pass
    assert (await verify(db, NOW)).rows == 250


async def days(db: Pool) -> None:
    """Three days of ten rows each, sealed at the end of each day."""
    for day in range(3):
        at = NOW + timedelta(days=day)
        await db.execute(SQL_MANY, at, 10)
        await seal(db, at)


async def rechain(db: Pool, from_seq: int) -> None:
    """Compute all hashes again from a number on, as somebody who knows the rules can."""
    async with transaction(db) as conn:
        await conn.execute("SET LOCAL session_replication_role = replica")
        last = GENESIS
        if from_seq > 1:
            last = await conn.fetchval("SELECT hash FROM audit_seal WHERE seq = $1", from_seq - 1)
        async for seals in chain(conn, from_seq - 1, 10_000):
            for one in seals:
                assert one.row is not None
                last = chained(last, one.row)
                await conn.execute("UPDATE audit_seal SET hash = $2 WHERE seq = $1", one.seq, last)


async def change(db: Pool) -> None:
    await tamper(db, "UPDATE audit SET subjects = '{}' WHERE id = (SELECT audit_id FROM audit_seal WHERE seq = 17)")


async def remove_row(db: Pool) -> None:
    await tamper(db, "DELETE FROM audit WHERE id = (SELECT audit_id FROM audit_seal WHERE seq = 17)")


async def remove_row_and_seal(db: Pool) -> None:
    await remove_row(db)
    await tamper(db, "DELETE FROM audit_seal WHERE seq = 17")


async def remove_and_close_ranks(db: Pool) -> None:
    await remove_row_and_seal(db)
    for seq in range(18, 31):
        await tamper(db, "UPDATE audit_seal SET seq = seq - 1 WHERE seq = $1", seq)


async def remove_and_rechain(db: Pool) -> None:
    await remove_and_close_ranks(db)
    await rechain(db, 17)


async def change_and_rechain(db: Pool) -> None:
    await change(db)
    await rechain(db, 17)


Deed = Callable[[Pool], Awaitable[None]]


async def reorder(db: Pool) -> None:
    """Rows 17 and 18 change places; the seals stay."""
    ids = [await db.fetchval("SELECT audit_id FROM audit_seal WHERE seq = $1", seq) for seq in (17, 18)]
    await tamper(db, "UPDATE audit_seal SET audit_id = -1 WHERE seq = 17")
    await tamper(db, "UPDATE audit_seal SET audit_id = $1 WHERE seq = 18", ids[0])
    await tamper(db, "UPDATE audit_seal SET audit_id = $1 WHERE seq = 17", ids[1])


async def reorder_with_seals(db: Pool) -> None:
    """Rows 17 and 18 change places and take their hashes along."""
    for old, new in ((17, 9_000), (18, 17), (9_000, 18)):
        await tamper(db, "UPDATE audit_seal SET seq = $2 WHERE seq = $1", old, new)


async def insert_in_the_middle(db: Pool) -> None:
    for seq in range(30, 16, -1):
        await tamper(db, "UPDATE audit_seal SET seq = seq + 1 WHERE seq = $1", seq)
    await tamper(db, "INSERT INTO audit (at, actor, action) VALUES ($1, 'x', 'y')", NOW)
    await tamper(db, "INSERT INTO audit_seal SELECT 17, max(id), sha256('') FROM audit")


async def insert_past_the_sealer(db: Pool) -> None:
    await tamper(db, "INSERT INTO audit (at, actor, action) VALUES ($1, 'x', 'y')", NOW)


async def insert_at_the_end(db: Pool) -> None:
    await insert_past_the_sealer(db)
    await tamper(db, "INSERT INTO audit_seal SELECT 31, max(id), sha256('') FROM audit")
    await rechain(db, 31)


async def cut(db: Pool) -> None:
    await tamper(db, "DELETE FROM audit WHERE id IN (SELECT audit_id FROM audit_seal WHERE seq > 25)")
    await tamper(db, "DELETE FROM audit_seal WHERE seq > 25")


async def cut_and_move_the_head(db: Pool) -> None:
    await cut(db)
    hash_ = await db.fetchval("SELECT hash FROM audit_seal WHERE seq = 25")
    await tamper(db, "UPDATE audit_head SET seq = 25, hash = $1 WHERE seq = 30", hash_)


async def cut_the_beginning(db: Pool) -> None:
    await tamper(db, "DELETE FROM audit WHERE id IN (SELECT audit_id FROM audit_seal WHERE seq <= 10)")
    await tamper(db, "DELETE FROM audit_seal WHERE seq <= 10")


async def cut_the_beginning_and_say_it_was_old(db: Pool) -> None:
    await cut_the_beginning(db)
    await tamper(db, "INSERT INTO audit_dropped VALUES (10, now(), 10)")


async def another_key(db: Pool) -> None:
    await change_and_rechain(db)
    for head in (await heads(db)).values():
        hash_ = await db.fetchval("SELECT hash FROM audit_seal WHERE seq = $1", head.seq)
        forged = Head(head.day, head.seq, head.audit_id, hash_, head.at, head.key_id)
        signature = OTHER.sign(canonical(forged.as_json()))
        await tamper(db, "UPDATE audit_head SET hash = $2, signature = $3 WHERE seq = $1", head.seq, hash_, signature)


@pytest.mark.parametrize(
    ("deed", "kind", "seq"),
    [
        (change, "changed", 17),
        (remove_row, "missing", 17),
        (remove_row_and_seal, "missing", 17),
        (remove_and_close_ranks, "changed", 17),
        (remove_and_rechain, "rewritten", 11),
        (change_and_rechain, "rewritten", 11),
        (reorder, "reordered", 17),
        (reorder_with_seals, "reordered", 17),
        (insert_in_the_middle, "inserted", 17),
        (insert_past_the_sealer, "inserted", 30),
        (insert_at_the_end, "inserted", 31),
        (cut, "cut", 26),
        (cut_and_move_the_head, "forged", 25),
        (cut_the_beginning, "missing", 1),
        (cut_the_beginning_and_say_it_was_old, "missing", 1),
        (another_key, "forged", 10),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_tampering_is_found_and_named(db: Pool, deed: Deed, kind: str, seq: int) -> None:
    await days(db)
    assert (await verify(db, NOW)).found is None
    await deed(db)
    found = (await verify(db, NOW)).found
    assert found is not None and (found.kind, found.seq) == (kind, seq), found


async def test_only_the_newest_part_can_be_walked(db: Pool) -> None:
    await days(db)
    verdict = await verify(db, NOW, newest=5)
    assert verdict.found is None and (verdict.first, verdict.last, verdict.rows) == (21, 30, 10)
    assert not verdict.whole
    await change(db)
    assert (await verify(db, NOW, newest=5)).found is None
    assert (await verify(db, NOW, newest=15)).found is not None


async def test_what_is_old_enough_goes_and_the_rest_still_verifies(db: Pool) -> None:
    long_ago = NOW - timedelta(days=4 * 366)
    for at in (long_ago, long_ago + timedelta(days=1), NOW):
        await db.execute(SQL_MANY, at, 10)
        await seal(db, at)
    await read(db, at=long_ago)  # waits for its seal: stays
    before = NOW - timedelta(days=3 * 366)
    async with transaction(db) as conn:
        assert await drop_sealed_before(conn, before) == 20
    async with transaction(db) as conn:
        assert await drop_sealed_before(conn, before) == 0, "a second run finds nothing"
    assert await db.fetchval("SELECT count(*) FROM audit") == 11
    verdict = await verify(db, NOW)
    assert verdict.found is None and verdict.whole
    assert (verdict.first, verdict.rows, verdict.total, verdict.dropped) == (21, 10, 30, 20)
    await seal(db)
    assert (await verify(db, NOW)).found is None
    await tamper(db, "UPDATE audit SET actor = 'x' WHERE id = (SELECT audit_id FROM audit_seal WHERE seq = 21)")
    found = (await verify(db, NOW)).found
    assert found is not None and (found.kind, found.seq) == ("changed", 21)


async def test_everything_may_go_and_the_next_row_still_follows(db: Pool) -> None:
    long_ago = NOW - timedelta(days=4 * 366)
    await db.execute(SQL_MANY, long_ago, 10)
    await seal(db, long_ago)
    async with transaction(db) as conn:
        assert await drop_sealed_before(conn, NOW) == 10
    assert (await verify(db, NOW)).found is None
    # The same day goes on: its head from before is the beginning now and must stay.
    await read(db, at=long_ago)
    await seal(db, long_ago)
    verdict = await verify(db, NOW)
    assert verdict.found is None and (verdict.first, verdict.rows) == (11, 1)


async def test_rows_cannot_be_deleted_changed_or_truncated(db: Pool) -> None:
    await days(db)
    for sql in ("DELETE FROM audit", "UPDATE audit SET actor = ''", "TRUNCATE audit"):
        with pytest.raises(Exception, match="append-only"):
            await db.execute(sql)


async def test_another_key_does_not_go_on_by_itself(db: Pool) -> None:
    await read(db)
    await seal(db)
    await read(db)
    with pytest.raises(SigningError, match=rf"{SIGNER.key_id}.*{OTHER.key_id}.*audit new-key"):
        await seal(db, signer=OTHER)
    assert (await extent(db)).waiting == 1
    await add_key(db, OTHER, NOW + timedelta(hours=1))
    await seal(db, signer=OTHER)
    assert list(await audit_keys(db)) == [SIGNER.key_id, OTHER.key_id]
    assert (await verify(db, NOW)).found is None, "what the old key signed stays good"


async def test_a_clock_set_back_does_not_disturb_the_heads(db: Pool) -> None:
    await days(db)
    await read(db)
    await seal(db, NOW - timedelta(days=30))
    verdict = await verify(db, NOW)
    assert verdict.found is None and verdict.head is not None and verdict.head.seq == 31


def test_the_canonical_form_is_what_the_documentation_says() -> None:
    head = Head(NOW.date(), 3, 7, GENESIS, datetime(2026, 11, 20, 12, 0, 0, 5, tzinfo=UTC), "00" * 8)
    assert canonical(head.as_json()) == (
        b'{"at":"2026-11-20T12:00:00.000005Z","audit_id":7,"day":"2026-11-20","hash":"' + b"00" * 32 + b'",'
        b'"key_id":"0000000000000000","kind":"daijobu audit head","seq":3}'
    )
    assert canonical({"b": "é\n", "a": [1, None, True]}) == '{"a":[1,null,true],"b":"é\\n"}'.encode()
