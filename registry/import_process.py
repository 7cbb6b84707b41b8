"""Reading an uploaded file in a process of its own, with a limit on memory and time: a bomb ends there and is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from registry.columns import Guess
from registry.import_reader import CHUNK, decode_guess
from registry.import_wire import decode_person
from registry.rows import AddressInput, PersonRow
from registry.sheet import MAX_BYTES, UnreadableTable
from registry.table import short_name

_ROOT: Final = Path(__file__).resolve().parents[1]
#: One line of the answer is fifty people, each of at most a few thousand characters a cell.
_LINE_BYTES: Final = 64_000_000

Progress = Callable[[int, int], None]  # (people read, people in all)


class Limits(NamedTuple):
    """What reading one file may take: address space of the process in bytes, seconds from start to end."""

    memory: int = 1_500_000_000
    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to read. `sheet`, `index` (field -> column): what the clerk chose, None as guessed. `strict`: refuse what is
    unclear, because nobody can be asked. `people`: False looks at the guess only."""

    supported: tuple[str, ...] = ()
    sheet: int | None = None
    index: dict[str, int] | None = None
    strict: bool = False
    people: bool = True


@dataclass(slots=True)
class ReadFile:
    """What was read: how it was understood, the people, and the headings that are not used."""

    guess: Guess
    people: list[PersonRow] = field(default_factory=list)
    extra: tuple[str, ...] = ()


async def read_file(
    body: bytes,
    file_name: str,
    wanted: Wanted,
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
    keep: list[bytes] | None = None,
) -> ReadFile:
    """Read a file elsewhere. Raises UnreadableTable, also when the reader ran out of memory or time.

    `keep` gets the reader's answer as it came, for `read_again`: with the people in it, if the guess was clear, also
    where they are not wanted yet.
    """
    limits = limits or Limits()
    if len(body) > MAX_BYTES:
        raise UnreadableTable("too_large", limit_mb=MAX_BYTES // 1_000_000)
    request = {
        "file_name": short_name(file_name),
        "supported": list(wanted.supported),
        "sheet": wanted.sheet,
        "index": wanted.index,
        "strict": wanted.strict,
        "people": wanted.people,
        "ahead": keep is not None,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _START,
        str(limits.memory),
        str(int(limits.seconds) + 1),
        cwd=_ROOT,
        # Nothing of ours is in its reach: no settings, no keys, no database address.
        env={"PYTHONPATH": str(_ROOT), "PYTHONIOENCODING": "utf-8"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=_LINE_BYTES,
    )
    feeding = asyncio.create_task(_feed(process, json.dumps(request).encode() + b"\n", body))
    try:
        async with asyncio.timeout(limits.seconds):
            return await _collect(_lines_of(process, keep), progress, people=wanted.people)
    except TimeoutError:
        raise UnreadableTable("takes_too_long", seconds=int(limits.seconds)) from None
    finally:
        feeding.cancel()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


#: The limits are set by the child itself, before it imports or reads anything; a fork hook would not be safe in a
#: process with threads. RLIMIT_AS does not exist on Windows: there only the time is limited.
_START: Final = """
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]),) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except ImportError:
    pass
from registry.import_reader import main
main(sys.stdin.buffer, sys.stdout.buffer)
"""


async def _feed(process: asyncio.subprocess.Process, head: bytes, body: bytes) -> None:
    assert process.stdin is not None
    # A reader that has died no longer listens; its silence is told by `_collect`.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(head)
        process.stdin.write(body)
        await process.stdin.drain()
        process.stdin.close()


async def read_again(lines: Sequence[bytes], *, progress: Progress | None = None) -> ReadFile:
    """What a reader answered before, without reading the file again."""

    async def again() -> AsyncIterator[bytes]:
        for line in lines:
            yield line
            await asyncio.sleep(0)  # the pages of others come in between

    return await _collect(again(), progress)


async def _lines_of(process: asyncio.subprocess.Process, keep: list[bytes] | None) -> AsyncIterator[bytes]:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if keep is not None:
            keep.append(line)
        yield line


async def _collect(lines: AsyncIterator[bytes], progress: Progress | None, *, people: bool = True) -> ReadFile:
    found: ReadFile | None = None
    places: dict[tuple[Any, ...], AddressInput] = {}
    seen = total = 0
    async for line in lines:
        if not people and line.startswith(b'{"people"'):
            seen = min(seen + CHUNK, total)
            if progress:
                progress(seen, total)
            continue
        told = json.loads(line)
        if "error" in told:
            raise UnreadableTable(told["error"], **told["values"])
        if "guess" in told:
            found = ReadFile(decode_guess(told["guess"]))
        if "extra" in told and found:
            found.extra, total = tuple(told["extra"]), told["rows"]
        if "people" in told and found:
            found.people += [decode_person(p, places) for p in told["people"]]
            if progress:
                progress(len(found.people), total)
        if "done" in told and found:
            return found
    raise UnreadableTable("needs_too_much")
