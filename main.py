"""Daijobu: wires the parts and runs them. `python main.py --help` lists the commands."""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import json
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.db import Connection, Pool
    from core.model import Event
    from core.settings import Settings
    from feeds.feed import Feed

#: Endings of recorded reports in a folder: JMA XML, CAP, JSON of P2PQuake and USGS.
REPORT_SUFFIXES = frozenset({".xml", ".cap", ".json", ".geojson"})

#: The loops of one process, by command: one program, four loops and a website.
ROLES: dict[str, tuple[str, ...]] = {
    "all": ("poll", "decide", "send", "tend", "serve"),
    "poll": ("poll",),
    "decide": ("decide",),
    "send": ("send",),
    "tend": ("tend",),
    "serve": ("serve",),
}


class UserError(Exception):
    """Something the person can mend; the message is one sentence naming the file, row or setting."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    root = argparse.ArgumentParser(
        prog="main.py", description="Disaster alerts, safety check-in, and nobody forgotten."
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("all", help="the whole service in one process")
    for name, text in (
        ("poll", "hear the feeds"),
        ("decide", "turn events into alerts and messages"),
        ("send", "hand messages to their channels"),
        ("tend", "reminders, cases, closing, clean-up"),
        ("serve", "the website"),
    ):
        commands.add_parser(name, help=f"{text}; a process of its own on one DATABASE_URL")
    commands.add_parser("migrate", help="bring the database to this version's schema")
    commands.add_parser("demo", help="a fictional registry and the Kumamoto earthquake of 14 April 2016")
    inspect = commands.add_parser("inspect", help="what each telegram says, one JSON object per file")
    inspect.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    replay = commands.add_parser("replay", help="push recorded telegrams through the real path, as a drill")
    replay.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    replay.add_argument("--speed", type=float, default=0.0, help="times real time between reports; default: no waiting")
    preview = commands.add_parser("preview", help="who would be told what, at what cost; sends nothing")
    preview.add_argument("--report", required=True, type=Path, metavar="FILE")
    preview.add_argument("--json", action="store_true", help="the whole answer as JSON")
    imports = commands.add_parser("import", help="read people from a CSV or XLSX file")
    imports.add_argument("file", type=Path)
    imports.add_argument("--org", required=True, metavar="SLUG", help="the organisation whose list this is")
    imports.add_argument("--create-org", action="store_true", help="create the organisation if it does not exist")
    imports.add_argument("--dry-run", action="store_true", help="say what would become of every row; change nothing")
    imports.add_argument("--allow-refused", action="store_true", help="end well although some rows were refused")
    keys = commands.add_parser("keys", help="the keys that encrypt personal data: list, replace, retire")
    keys.add_argument("action", choices=("list", "prepare", "rotate", "retire", "forget"))
    keys.add_argument("key", nargs="?", default="", help="with forget: the id of a key that is lost for ever")
    keys.add_argument(
        "--links", action="store_true", help="with rotate: new personal links too; printed cards are void"
    )
    log = commands.add_parser("audit", help="the audit log: verify its chain, export a part of it, sign with a new key")
    audits = log.add_subparsers(dest="action", required=True, metavar="ACTION")
    verify = audits.add_parser("verify", help="walk the chain and name the first row that is wrong; exit 1 then")
    verify.add_argument("--json", action="store_true", help="the result as JSON")
    verify.add_argument(
        "--against", type=Path, metavar="FILE", help="an older auditor's report or export that the chain must still fit"
    )
    export = audits.add_parser("export", help="rows as JSON lines that anybody can check (docs/audit.md)")
    export.add_argument("--from", dest="first_day", required=True, metavar="DAY", help="first day in Japan: 2026-11-01")
    export.add_argument("--to", dest="last_day", required=True, metavar="DAY", help="last day in Japan, included")
    audits.add_parser("new-key", help="begin to sign with the key file that is there now; made if there is none")
    clean = commands.add_parser("purge", help="delete what is over its time (docs/retention.md); daily by itself")
    clean.add_argument("--dry-run", action="store_true", help="say what would be deleted; change nothing")
    clean.add_argument("--json", action="store_true", help="the numbers as JSON")
    clean.add_argument("--force", default="", metavar="WHY", help="your sentence why the clock is right after all")
    back = commands.add_parser("operator-link", help="a way back in for an operator who lost phone and printed codes")
    back.add_argument("--email", help="which operator, where there are several")
    commands.add_parser("geo", add_help=False, help="bring in tables, polygons, hazard zones, shelters")
    wording = commands.add_parser("wording", help="how far the texts are checked; a language as a file")
    words = wording.add_subparsers(dest="action", required=True, metavar="ACTION")
    told = words.add_parser("report", help="texts per language and review state, those of alerts first")
    told.add_argument("--json", action="store_true", help="the report as JSON")
    words.add_parser("export", help="a language as a PO file").add_argument("language", metavar="TAG")
    voice = commands.add_parser(
        "recordings", help="which parts of telephone calls are recorded, and what to read aloud"
    )
    voice.add_argument("--language", metavar="TAG", help="one language, with the words of each part")
    commands.add_parser("doctor", help="what is wrong and how to mend it")
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. The exit code is 0, or 1 with one sentence on standard error."""
    arguments, rest = parser().parse_known_args(argv)
    if rest and arguments.command != "geo":  # whose actions read their own arguments
        parser().error(f"unrecognized arguments: {' '.join(rest)}")
    if arguments.command in ROLES:
        gc.disable()  # until all is read: it stays, and looking through it for garbage only costs time
        threading.Thread(target=importlib.import_module, args=("aiohttp",), daemon=True).start()
    from core.settings import load_settings
    from geo import data_folder

    try:
        settings = load_settings()
        data_folder.use(settings.data_dir / "geo")
        if arguments.command == "inspect":
            return inspect_command(arguments.paths, settings)
        return run(command(arguments, settings, rest))
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        from ops.mistakes import MISTAKES

        if not isinstance(error, (*MISTAKES, UserError)):
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1


def run(coroutine: Coroutine[Any, Any, int]) -> int:
    """Run on uvloop where it is installed."""
    if sys.platform == "win32":
        return asyncio.run(coroutine)
    import uvloop

    return uvloop.run(coroutine)


def command(arguments: argparse.Namespace, settings: Settings, rest: Sequence[str] = ()) -> Coroutine[Any, Any, int]:
    """The coroutine of a command (`rest`: what its own reader takes). Imports are local, so that a small command starts
    at once."""
    from ops.logs import set_up_logging

    set_up_logging(as_json=settings.log_json, level=settings.log_level)
    name = arguments.command
    if name in ROLES:
        return service_command(settings, ROLES[name])
    from ops import commands

    if name == "demo":
        from demo.run import run_demo

        return run_demo(settings)
    if name == "operator-link":
        from ops.recover_command import operator_link_command

        return operator_link_command(settings, arguments.email)
    if name == "migrate":
        return commands.migrate_command(settings)
    if name == "doctor":
        return commands.doctor_command(settings, feed_states_with(settings))
    if name == "import":
        return commands.import_command(
            settings,
            arguments.file,
            arguments.org,
            create_org=arguments.create_org,
            dry_run=arguments.dry_run,
            allow_refused=arguments.allow_refused,
        )
    if name == "keys":
        from ops.key_commands import keys_command

        return keys_command(settings, arguments.action, arguments.key, links=arguments.links)
    if name == "audit":
        return audit_coroutine(settings, arguments)
    if name == "geo":
        from ops.geo_commands import geo_command

        return geo_command(settings, rest)
    if name == "recordings":
        from ops.recordings_command import recordings_command

        return recordings_command(settings, arguments.language)
    if name == "wording":
        from ops.wording_command import wording_command

        options = vars(arguments)
        return wording_command(
            settings, arguments.action, options.get("language", ""), as_data=options.get("json", False)
        )
    if name == "purge":
        from ops.purge_command import purge_command

        return purge_command(settings, dry_run=arguments.dry_run, as_json=arguments.json, force=arguments.force)
    if name == "preview":
        from ops.preview_command import preview_command

        return preview_command(settings, events_of(arguments.report, settings), as_json=arguments.json)
    return replay_command(settings, arguments.paths, arguments.speed)


def audit_coroutine(settings: Settings, arguments: argparse.Namespace) -> Coroutine[Any, Any, int]:
    """The coroutine of `audit verify | export | new-key`."""
    from ops.audit_commands import audit_command

    options = vars(arguments)
    return audit_command(
        settings,
        arguments.action,
        as_json=options.get("json", False),
        against=options.get("against"),
        first_day=options.get("first_day", ""),
        last_day=options.get("last_day", ""),
    )


async def service_command(settings: Settings, roles: tuple[str, ...]) -> int:
    """Run the service. PostgreSQL starts while Python reads its modules and files: the second start takes a second.

    `all` migrates by itself; separate processes refuse an old schema.
    """
    from ops.database import open_database

    reading = asyncio.create_task(asyncio.to_thread(_read_service))
    async with open_database(settings) as dsn:
        from ops.schema import prepare_schema

        await prepare_schema(dsn, migrate_first=len(roles) > 1)
        run_service = await reading
        return await run_service(
            settings,
            roles,
            dsn=dsn,
            poll=poll_loop,
            feed_states=feed_states_with(settings),
            read_report=reader_with(settings),
        )


def _read_service() -> Callable[..., Coroutine[Any, Any, int]]:
    from ops.service import run_service
    from ops.wires import read_files

    read_files()
    gc.freeze()
    gc.enable()
    return run_service


async def poll_loop(deps: Any, stop: asyncio.Event) -> None:
    """The poll loop, with the wires the others have."""
    from feeds.poller import poll_forever

    await poll_forever(deps.pool, deps.settings, deps.clock, stop=stop)


def feed_states_with(settings: Settings) -> Callable[..., Coroutine[Any, Any, list[dict[str, object]]]]:
    """How well each stream of the feeds that are switched on is heard: for pages, alarms and metrics."""

    async def feed_states(conn: Pool | Connection, now: datetime | None = None) -> list[dict[str, object]]:
        from feeds import health_store

        return await health_store.feed_states(conn, settings, now)

    return feed_states


def reader_with(settings: Settings) -> Callable[[bytes], Sequence[Event]]:
    """Reads an uploaded report for its preview. Raises UnreadableReport."""

    def read(body: bytes) -> Sequence[Event]:
        from feeds.inspect import parse_any

        return parse_any(body, settings).events

    return read


def files_in(paths: Sequence[Path]) -> list[Path]:
    """The files named, and the reports (by their ending) in the folders named, in name order."""
    found: list[Path] = []
    for path in paths:
        inside = (each for each in path.rglob("*") if each.suffix in REPORT_SUFFIXES and each.is_file())
        found.extend(sorted(inside) if path.is_dir() else [path])
    return found


def inspect_command(paths: Sequence[Path], settings: Settings) -> int:
    """Print one JSON object per file; 1 if one of them cannot be read."""
    from feeds.inspect import inspect_file

    failed = False
    for path in files_in(paths):
        told = inspect_file(path, settings)
        failed |= "error" in told
        print(json.dumps(told, ensure_ascii=False))
    return 1 if failed else 0


def events_of(path: Path, settings: Settings) -> tuple[Event, ...]:
    """The events of one telegram on disk. Raises UserError naming the file."""
    from core.model import UnreadableReport
    from feeds.inspect import parse_any

    try:
        parsed = parse_any(path.read_bytes(), settings)
    except OSError as error:
        raise UserError(f"{path}: cannot be opened: {error.strerror}") from error
    except UnreadableReport as error:
        raise UserError(f"{path}: {error}") from error
    if not parsed.events:
        raise UserError(f"{path}: nothing to preview: {parsed.ignored or 'the telegram holds no event'}.")
    return parsed.events


async def replay_command(settings: Settings, paths: Sequence[Path], speed: float) -> int:
    """Store recorded reports as if they came now. A drill, but live in a database that is marked fictional."""
    from core.model import Purpose, UnreadableReport
    from feeds import store
    from feeds.known import feed_of
    from ops.wires import open_wires
    from registry.facts_store import get_fact

    readable: list[tuple[Event, bytes, Path, Feed]] = []
    for path in files_in(paths):
        try:
            body = path.read_bytes()
            feed = feed_of(body, settings)
            parsed = feed.parse(body)
        except OSError as error:
            raise UserError(f"{path}: cannot be opened: {error.strerror}") from error
        except UnreadableReport as error:
            raise UserError(f"{path}: {error}") from error
        if parsed.events:
            readable.append((parsed.events[0], body, path, feed))
        else:
            print(f"{path}: ignored: {parsed.ignored}")
    if not readable:
        raise UserError(f"{paths[0]}: no telegram here holds an event.")
    readable.sort(key=lambda entry: entry[0].order)
    async with open_wires(settings, migrate_first=settings.database_url is None) as wires:
        deps = wires.deps
        purpose = Purpose.LIVE if await get_fact(deps.pool, "fictional") else Purpose.DRILL
        to_now = deps.clock.now() - readable[-1][0].sent_at
        before = readable[0][0].sent_at
        for event, body, path, feed in readable:
            if speed > 0:
                await asyncio.sleep(max(0.0, (event.sent_at - before) / timedelta(seconds=1)) / speed)
                before, to_now = event.sent_at, deps.clock.now() - event.sent_at
            now = deps.clock.now()
            stored = await store.ingest(deps.pool, body, feed=feed, received_at=now, purpose=purpose, shift=to_now)
            print(f"{path}: {purpose.value}: {len(stored.event_ids)} event(s) stored", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
