"""Verifying the audit log: the whole chain, or its newest part, while it goes on growing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from core.audit_chain import GENESIS, Break, Head, Walker, instant
from core.db import Connection, Pool, transaction
from core.seal_store import audit_keys, chain, extent, heads, keep_beginning, past_the_sealer

#: Rows are kept three years (DESIGN §7); a beginning that was removed earlier than that was not removed by us. Two days
#: for calendars and for heads that were signed late.
KEPT_AT_LEAST: Final = timedelta(days=3 * 365 - 2)

#: Told how many rows were just walked over.
Progress = Callable[[int], object]


class Verdict(NamedTuple):
    """What a verification found. `rows` were walked, from number `first` to number `last`."""

    found: Break | None
    first: int
    last: int
    rows: int
    heads: int
    #: Sealed rows in all (with those removed in time), and rows that wait for their seal.
    total: int
    waiting: int
    dropped: int
    head: Head | None
    keys: dict[str, bytes]

    @property
    def whole(self) -> bool:
        """Whether everything there is was walked, not only the newest part."""
        return self.rows == self.total - self.dropped

    def as_json(self) -> dict[str, object]:
        """For `audit verify --json` and the auditor's report."""
        found = self.found
        return {
            "ok": found is None,
            "break": None
            if found is None
            else {"kind": found.kind, "seq": found.seq, "audit_id": found.audit_id, "sentence": found.sentence},
            "first_seq": self.first,
            "last_seq": self.last,
            "rows": self.rows,
            "heads": self.heads,
            "whole": self.whole,
            "total": self.total,
            "waiting": self.waiting,
            "dropped": self.dropped,
            "head": None if self.head is None else self.head.signed_json(),
            "public_keys": {key_id: key.hex() for key_id, key in self.keys.items()},
        }


class Outside(NamedTuple):
    """A head that somebody else kept, with the public key it was signed with: the chain must still lead to it."""

    head: Head
    public_key: bytes


async def verify(
    pool: Pool,
    now: datetime,
    *,
    newest: int | None = None,
    outside: Outside | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Walk the chain and check every signature; all of it, or from the last signed head at least `newest` rows back.

    `outside`: an older head from an auditor's report or an export, which counts more than what the database says.
    """
    async with transaction(pool) as conn:
        await keep_beginning(conn)
        return await _verify(conn, now, newest, outside, progress or (lambda rows: None))


async def _verify(
    conn: Connection, now: datetime, newest: int | None, outside: Outside | None, progress: Progress
) -> Verdict:
    # In this order: what is sealed meanwhile has its head as well.
    reach, keys, signed = await extent(conn), await audit_keys(conn), await heads(conn)
    last = max(reach.last, *signed, 0)
    if outside is not None and outside.head.seq >= reach.dropped:
        signed[outside.head.seq] = outside.head
        keys[outside.head.key_id] = outside.public_key
    walker = Walker(signed, keys)
    begin = reach.dropped if reach.first in (0, reach.dropped + 1) else 0
    if begin:
        walker.found = _bad_beginning(signed.get(begin), begin, now)
    if newest is not None:
        begin = max((seq for seq in signed if begin < seq <= last - newest), default=begin)
    if begin in signed:
        walker.seq, walker.hash = begin, signed[begin].hash
    else:
        walker.hash = GENESIS
    if walker.found is None:
        walker.start()
    first = walker.seq + 1
    if walker.found is None:
        async for seals in chain(conn, walker.seq, last):
            good = walker.feed(seals)
            progress(len(seals))
            if not good:
                break
    found = walker.finish(await past_the_sealer(conn) if walker.found is None else ())
    return Verdict(
        found=found,
        first=first,
        last=walker.seq,
        rows=walker.rows,
        heads=walker.heads_checked,
        total=last,
        waiting=reach.waiting,
        dropped=reach.dropped,
        head=max(signed.values(), key=lambda head: head.seq, default=None),
        keys=keys,
    )


def _bad_beginning(head: Head | None, dropped: int, now: datetime) -> Break | None:
    if head is None:
        return Break("missing", 1, None, f"numbers 1 to {dropped} are gone, and so is the signed head they ended with")
    if head.at > now - KEPT_AT_LEAST:
        sentence = f"numbers 1 to {dropped} were removed before their time: their head was signed at {instant(head.at)}"
        return Break("missing", 1, head.audit_id, sentence)
    return None
