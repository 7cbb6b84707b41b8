"""The chain over the audit log: what is hashed, what is signed, and how to find where it was tampered with. Pure.

docs/audit.md says the same in words, so that a third party can check an export without this code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from core.signing import is_signed

#: What the first row's hash is chained to.
GENESIS: Final = bytes(32)


class AuditRow(NamedTuple):
    """One row of the audit log, as the chain sees it: everything but its seal."""

    id: int
    at: datetime
    staff_id: UUID | None
    actor: str
    action: str
    subjects: tuple[UUID, ...]
    fields: tuple[str, ...]
    org_id: UUID | None
    incident_id: UUID | None
    detail: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The row as the JSON object whose canonical form is hashed; also a line of an export."""
        return {
            "id": self.id,
            "at": instant(self.at),
            "staff_id": _text(self.staff_id),
            "actor": self.actor,
            "action": self.action,
            "subjects": [str(subject) for subject in self.subjects],
            "fields": list(self.fields),
            "org_id": _text(self.org_id),
            "incident_id": _text(self.incident_id),
            "detail": dict(self.detail),
        }


class Seal(NamedTuple):
    """The hash of one row and its place in the chain; `row` None: the row itself is gone."""

    seq: int
    audit_id: int
    hash: bytes
    row: AuditRow | None


@dataclass(frozen=True, slots=True)
class Head:
    """The signed end of the chain on one day (UTC): how many rows, the last one, its hash, and when that was."""

    day: date
    seq: int
    audit_id: int
    hash: bytes
    at: datetime
    key_id: str
    signature: bytes = b""

    def signed_json(self) -> dict[str, Any]:
        """The object with its signature, as exports and reports hold it."""
        return self.as_json() | {"signature": self.signature.hex()}

    def as_json(self) -> dict[str, Any]:
        """The object whose canonical form is signed."""
        return {
            "kind": "daijobu audit head",
            "day": self.day.isoformat(),
            "seq": self.seq,
            "audit_id": self.audit_id,
            "hash": self.hash.hex(),
            "at": instant(self.at),
            "key_id": self.key_id,
        }


def head_of_json(value: Mapping[str, Any]) -> Head:
    """A head from its JSON object with its "signature". Raises KeyError, ValueError or TypeError if it is none."""
    return Head(
        date.fromisoformat(value["day"]),
        int(value["seq"]),
        int(value["audit_id"]),
        bytes.fromhex(value["hash"]),
        datetime.fromisoformat(value["at"]),
        str(value["key_id"]),
        bytes.fromhex(value["signature"]),
    )


def canonical(value: object) -> bytes:
    """JSON in one form only: keys sorted by code point, no spaces, UTF-8, nothing escaped that need not be."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()


def instant(when: datetime) -> str:
    """RFC 3339 in UTC with six digits of a second: 2026-11-20T03:00:00.000000Z."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def chained(previous: bytes, row: AuditRow) -> bytes:
    """The hash of a row that follows the row with hash `previous`."""
    return hashlib.sha256(previous + canonical(row.as_json())).digest()


def seal_rows(rows: Sequence[AuditRow], seq: int, last: bytes) -> list[Seal]:
    """Seals for rows that follow number `seq` with hash `last` (0 and GENESIS at the very beginning)."""
    sealed = []
    for number, row in enumerate(rows, start=seq + 1):
        last = chained(last, row)
        sealed.append(Seal(number, row.id, last, row))
    return sealed


class Break(NamedTuple):
    """The first thing that is wrong: what kind, at which number of the chain, which audit row, and a sentence."""

    kind: str  # changed, missing, inserted, reordered, rewritten, cut, forged
    seq: int
    audit_id: int | None
    sentence: str


@dataclass(slots=True)
class Walker:
    """Walks a chain in pieces and stops at the first break.

    `heads` are all signed heads by number, `keys` public keys by key id. `seq` and `hash` are where it starts: 0 and
    GENESIS, or a signed head below which the rows were removed in time.
    """

    heads: Mapping[int, Head]
    keys: Mapping[str, bytes]
    seq: int = 0
    hash: bytes = GENESIS
    found: Break | None = None
    rows: int = 0
    heads_checked: int = 0
    _good_head: int = field(default=0, init=False)

    def start(self) -> None:
        """Check every head's signature, whether or not its row is reached."""
        self._good_head = self.seq
        for head in sorted(self.heads.values(), key=lambda head: head.seq):
            key = self.keys.get(head.key_id)
            if key is None or not is_signed(key, canonical(head.as_json()), head.signature):
                self.found = Break(
                    "forged", head.seq, head.audit_id, f"the signature of the head of {head.day} is wrong"
                )
                return

    def feed(self, seals: Sequence[Seal]) -> bool:
        """Walk over the next seals (ascending by number). False once something is wrong."""
        for index, seal in enumerate(seals):
            if self.found is None:
                self._step(seals, index, seal)
            if self.found is not None:
                return False
        return True

    def _step(self, seals: Sequence[Seal], index: int, seal: Seal) -> None:
        expected = self.seq + 1
        if seal.seq != expected:
            gone = f"numbers {expected} to {seal.seq - 1} are" if seal.seq - 1 > expected else f"number {expected} is"
            self.found = Break(
                "missing", expected, None, f"{gone} missing from the chain before audit row {seal.audit_id}"
            )
        elif seal.row is None:
            self.found = Break("missing", expected, seal.audit_id, f"audit row {seal.audit_id} was removed")
        elif chained(self.hash, seal.row) != seal.hash:
            self.found = self._misfit(seals, index, seal)
        else:
            self.seq, self.hash, self.rows = seal.seq, seal.hash, self.rows + 1
            self._check_head(seal)

    def _misfit(self, seals: Sequence[Seal], index: int, seal: Seal) -> Break:
        """Why a row does not follow the one before it: look among the rows that come next."""
        rows = [(other, other.row) for other in seals[index:] if other.row is not None]
        assert seal.row is not None
        for other, row in rows[1:]:
            fits_seal = chained(self.hash, row) == seal.hash  # seals in place, rows moved
            follows = chained(self.hash, row) == other.hash  # row and seal moved together
            if fits_seal or (follows and any(chained(o.hash, seal.row) == seal.hash for o, _ in rows)):
                sentence = f"audit row {seal.audit_id} stands where audit row {other.audit_id} was sealed"
                return Break("reordered", seal.seq, seal.audit_id, sentence)
            if follows:
                sentence = f"audit row {seal.audit_id} was put into the chain before audit row {other.audit_id}"
                return Break("inserted", seal.seq, seal.audit_id, sentence)
        sentence = f"audit row {seal.audit_id} does not fit its seal: it was changed, or a row before it was taken out"
        return Break("changed", seal.seq, seal.audit_id, sentence)

    def _check_head(self, seal: Seal) -> None:
        head = self.heads.get(seal.seq)
        if head is None:
            return
        if (head.hash, head.audit_id) != (seal.hash, seal.audit_id):
            between = f"numbers {self._good_head + 1} to {seal.seq}"
            sentence = f"{between} were written anew after the head of {head.day} was signed"
            self.found = Break("rewritten", self._good_head + 1, None, sentence)
            return
        self._good_head = seal.seq
        self.heads_checked += 1

    def finish(self, unsealed: Sequence[int] = ()) -> Break | None:
        """What is wrong with the end. `unsealed`: audit rows that have no seal and do not wait for one either."""
        if self.found is not None:
            return self.found
        newest = max(self.heads, default=0)
        if newest > self.seq:
            sentence = f"the chain ends at number {self.seq}, but its head of {self.heads[newest].day} says {newest}"
            self.found = Break("cut", self.seq + 1, None, sentence)
        elif self.seq > newest:
            sentence = f"numbers {newest + 1} to {self.seq} stand after the last signed head"
            self.found = Break("inserted", newest + 1, None, sentence)
        elif unsealed:
            sentence = f"audit row {unsealed[0]} was put in past the sealer: it has no seal and waits for none"
            self.found = Break("inserted", self.seq, unsealed[0], sentence)
        return self.found


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
