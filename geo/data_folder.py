"""Newer tables that `main.py geo ...` fetched: files in `DAIJOBU_DATA_DIR/geo/`, each with source, vintage, checksum.

    data_folder.use(settings.data_dir / "geo")    once, at start
    data_folder.read_file("areas.tsv.xz")         its bytes, or None where nobody fetched it: then geo/data counts

`versions.json` there has {file: {"source", "vintage", "sha256", "fetched_at"}}. It is written before the file, and
holds the file before beside it ("previous"), so that a process killed between the two leaves files that can be read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from core.alone import alone_in

#: What is known of every file.
VERSIONS = "versions.json"
_NEXT_STEP = "fetch it again with `main.py geo`, or delete it: the tables that came with the program are used then"
_CHUNK = 1 << 20

_folder: Path | None = None
#: What to forget when another folder is used: whoever keeps what it read says so here.
_on_change: list[Callable[[], object]] = []


class AreaDataError(RuntimeError):
    """A table of areas is missing or damaged. The message names the file and how to restore it."""


class Version(NamedTuple):
    """Where a file came from. `vintage` is the edition its publisher gives it, e.g. "2026-07-07"."""

    source: str
    vintage: str
    sha256: str
    fetched_at: str


def use(folder: Path | None) -> None:
    """Read fetched tables from `folder` from now on; it need not exist. None: only what came with the program."""
    global _folder
    changed, _folder = folder != _folder, folder
    if changed:
        forget()


def folder() -> Path | None:
    """The folder in use, None before `use`."""
    return _folder


def when_changed(act: Callable[[], object]) -> None:
    """Call `act` whenever files may have changed, so that nobody goes on with what it read before."""
    _on_change.append(act)


def forget() -> None:
    """Tell everyone who keeps what they read from here to read it again."""
    for act in _on_change:
        act()


def write_file(name: str, content: bytes, *, source: str, vintage: str, now: datetime | None = None) -> Path:
    """Keep a fetched file with its version; whole or not at all. Raises AreaDataError before `use`."""
    return install_file(name, lambda path: path.write_bytes(content), source=source, vintage=vintage, now=now)


def install_file(
    name: str, write: Callable[[Path], object], *, source: str, vintage: str, now: datetime | None = None
) -> Path:
    """The same for a file that is made on disk: `write(path)` fills a new file beside it. Returns where it is."""
    if _folder is None:
        raise AreaDataError("no data folder is in use: set DAIJOBU_DATA_DIR")
    if not name or Path(name).name != name or name == VERSIONS:
        raise AreaDataError(f"{name!r} is not the name of a file of the data folder")
    _folder.mkdir(parents=True, exist_ok=True)
    target = _folder / name
    with _replacing(target) as fresh:
        write(fresh)
        digest = _digest(fresh)
        fetched_at = (now or datetime.now(UTC)).isoformat(timespec="seconds")
        with alone_in(_folder):
            entries = _entries()
            before = entries.get(name)
            entries[name] = {"source": source, "vintage": vintage, "sha256": digest, "fetched_at": fetched_at}
            if before is not None and target.exists():
                entries[name]["previous"] = {k: v for k, v in before.items() if k != "previous"}
            _write_entries(entries)
            fresh.chmod(0o644)  # public tables: whoever fetched them, the service may read them
            os.replace(fresh, target)
    forget()
    return target


def read_file(name: str) -> bytes | None:
    """The bytes of a fetched file, None where there is none. Raises AreaDataError if they are not what was fetched."""
    path = path_of(name)
    if path is None:
        return None
    content = path.read_bytes()
    _version_of(path, hashlib.sha256(content).hexdigest())
    return content


def path_of(name: str) -> Path | None:
    """Where a fetched file lies, None where there is none. Not compared with its checksum: see `checked_version`."""
    path = _folder / name if _folder is not None else None
    return path if path is not None and path.is_file() else None


def checked_version(name: str) -> Version | None:
    """Where a fetched file came from; None where there is none. Raises AreaDataError if it is damaged."""
    path = path_of(name)
    return _version_of(path, _digest(path)) if path is not None else None


def version(name: str) -> Version | None:
    """Where a fetched file came from as far as `versions.json` says, without reading the file."""
    entry = _entries().get(name) if path_of(name) is not None else None
    return _version(entry) if entry is not None else None


def remove_file(name: str) -> bool:
    """Go back to what came with the program. Returns whether there was a file."""
    path = path_of(name)
    if path is None:
        return False
    with alone_in(path.parent):
        path.unlink()
        _write_entries({key: value for key, value in _entries().items() if key != name})
    forget()
    return True


def names() -> list[str]:
    """The files that were fetched, in name order."""
    return sorted(name for name in _entries() if path_of(name) is not None)


def _version_of(path: Path, digest: str) -> Version:
    entry = _entries().get(path.name)
    if entry is None:
        raise AreaDataError(f"{path} has no entry in {VERSIONS}; {_NEXT_STEP}")
    for known in (entry, entry.get("previous")):
        if known is not None and known["sha256"] == digest:
            return _version(known)
    raise AreaDataError(f"{path} is damaged: it is not the file that was fetched; {_NEXT_STEP}")


def _version(entry: Mapping[str, Any]) -> Version:
    return Version(entry["source"], entry["vintage"], entry["sha256"], entry["fetched_at"])


def _entries() -> dict[str, dict[str, Any]]:
    path = _folder / VERSIONS if _folder is not None else None
    if path is None or not path.exists():
        return {}
    try:
        entries: dict[str, dict[str, Any]] = json.loads(path.read_bytes())
        for name, entry in entries.items():
            _version(entry)
            if "previous" in entry:
                _version(entry["previous"])
            if Path(name).name != name:
                raise ValueError(name)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AreaDataError(f"{path} is damaged ({error}); {_NEXT_STEP}") from None
    return entries


def _write_entries(entries: Mapping[str, object]) -> None:
    assert _folder is not None
    path = _folder / VERSIONS
    with _replacing(path) as fresh:
        fresh.write_text(json.dumps(entries, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        fresh.chmod(0o644)
        os.replace(fresh, path)


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """A path beside `target` for the new content; gone afterwards unless it was moved to its place."""
    import tempfile  # only commands write: the service starts sooner without it

    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    fresh = Path(name)
    try:
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        hasher = hashlib.sha256()
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()
