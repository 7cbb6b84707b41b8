"""`main.py audit verify | export | new-key`: the audit log for people who do not take our word for it."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from core.audit_chain import head_of_json
from core.clock import JST
from core.db import Pool, transaction
from core.seal_store import add_key, audit_keys, chain, extent, heads, keep_beginning, part_of
from core.settings import Settings
from core.signing import SigningError, key_id_of, load_signer
from core.verify_store import Outside, Verdict, verify
from ops.wires import open_wires


class AuditCommandError(ValueError):
    """What was asked for cannot be done. The message says why and what to do."""


async def audit_command(settings: Settings, action: str, **options: Any) -> int:
    """Run one of the audit commands on the settings' database; the exit code."""
    async with open_wires(settings, migrate_first=settings.database_url is None) as wires:
        pool, now = wires.deps.pool, wires.deps.clock.now()
        if action == "export":
            return await export_command(pool, options["first_day"], options["last_day"], sys.stdout)
        if action == "new-key":
            return await new_key_command(pool, settings, now)
        return await verify_command(pool, now, as_json=options["as_json"], against=options["against"])


async def verify_command(pool: Pool, now: datetime, *, as_json: bool, against: Path | None) -> int:
    """Walk the whole chain; print what was found. 1 on a break."""
    outside = None if against is None else read_outside(against)
    reach = await extent(pool)
    total = reach.last - max(reach.first, 1) + 1 if reach.last else 0
    bar = tqdm(total=total, unit=" rows", file=sys.stderr, disable=as_json or not sys.stderr.isatty())
    with closing(bar):
        verdict = await verify(pool, now, outside=outside, progress=bar.update)
    if as_json:
        print(json.dumps(verdict.as_json(), ensure_ascii=False))
    else:
        print_verdict(verdict, outside)
    return 0 if verdict.found is None else 1


def print_verdict(verdict: Verdict, outside: Outside | None) -> None:
    """What a verification found, for a terminal."""
    if verdict.found is None:
        print(f"ok: {verdict.rows} rows, each in its place and unchanged; {verdict.heads} signed heads fit")
    else:
        print(f"BROKEN ({verdict.found.kind}) at number {verdict.found.seq}: {verdict.found.sentence}")
        print(f"before that, {verdict.rows} rows and {verdict.heads} signed heads are in order")
    if verdict.dropped:
        print(
            f"{verdict.dropped} older rows were removed because their time was over; the first check is a signed head"
        )
    if verdict.waiting:
        print(f"{verdict.waiting} rows wait for their seal (the tend process sets it within seconds)")
    if verdict.head is not None:
        head = verdict.head
        print(f"newest head: {head.day}, number {head.seq}, hash {head.hash.hex()}")
    if outside is not None and outside.head.seq < verdict.dropped:
        print(f"the head given ends at number {outside.head.seq}, which is older than what is kept: nothing to compare")
    for key_id, key in verdict.keys.items():
        print(f"signed with key {key_id}: public key {key.hex()} (compare it with your own note)")


def read_outside(path: Path) -> Outside:
    """The newest head in an auditor's report or an export. Raises AuditCommandError naming the file."""
    try:
        found = _newest_head(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AuditCommandError(f"{path}: cannot be opened: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AuditCommandError(f"{path}: holds no signed head of an audit log ({error})") from error
    return found


def _newest_head(text: str) -> Outside:
    try:
        report = json.loads(text)
    except ValueError:
        lines = [json.loads(line) for line in text.splitlines()]
        keys = {line["id"]: line["public_key"] for line in lines if line["kind"] == "key"}
        head = [line for line in lines if line["kind"] == "daijobu audit head"][-1:]
        if not head:
            raise ValueError("no head in it") from None
        return Outside(head_of_json(head[0]), bytes.fromhex(keys[head[0]["key_id"]]))
    found = report["document"]["chain"]["head"]
    if found is None:
        raise ValueError("nothing was sealed yet when it was made")
    key = bytes.fromhex(report["document"]["chain"]["public_keys"][found["key_id"]])
    if key_id_of(key) != found["key_id"]:
        raise ValueError("its key does not have the name it is given")
    return Outside(head_of_json(found), key)


def read_day(text: str) -> date:
    """A day as 2026-11-20. Raises AuditCommandError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise AuditCommandError(f"{text}: write a day as 2026-11-20") from None


async def export_command(pool: Pool, first_day: str, last_day: str, out: TextIO) -> int:
    """Write the rows of these days (in Japan, both included) as JSON lines, with what is needed to check them."""
    first, last = read_day(first_day), read_day(last_day)
    if last < first:
        raise AuditCommandError(f"--to {last} is before --from {first}")
    begin = datetime.combine(first, time(), JST)
    end = datetime.combine(last, time(), JST) + timedelta(days=1)
    async with transaction(pool) as conn:
        await keep_beginning(conn)
        part = await part_of(conn, begin, end)
        if part is None:
            raise AuditCommandError(f"the audit log has no sealed row between {first} and {last}")
        for key_id, key in (await audit_keys(conn)).items():
            _write(out, {"kind": "key", "id": key_id, "public_key": key.hex()})
        _write(out, {"kind": "start", "seq": part.after, "hash": part.hash.hex()})
        signed = await heads(conn)
        bar = tqdm(total=part.last - part.after, unit=" rows", file=sys.stderr, disable=not sys.stderr.isatty())
        with closing(bar):
            async for seals in chain(conn, part.after, part.last):
                for seal in seals:
                    row = None if seal.row is None else seal.row.as_json()
                    _write(out, {"kind": "row", "seq": seal.seq, "hash": seal.hash.hex(), "row": row})
                    if seal.seq in signed:
                        _write(out, signed[seal.seq].signed_json())
                bar.update(len(seals))
    return 0


def _write(out: TextIO, line: dict[str, Any]) -> None:
    out.write(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n")


async def new_key_command(pool: Pool, settings: Settings, now: datetime) -> int:
    """Let the key that is there now (made if there is none) sign from now on; what older keys signed stays as it is."""
    signer = load_signer(settings, make=True)
    known = await audit_keys(pool)
    if signer.key_id in known:
        raise SigningError(
            f"key {signer.key_id} already signs the audit log; move its file away to begin with a new one"
        )
    await add_key(pool, signer, now)
    print(f"The audit log is now signed with key {signer.key_id}: public key {signer.public_key.hex()}")
    print("Tell the auditors this public key by another way than this service, and back the key file up.")
    return 0
