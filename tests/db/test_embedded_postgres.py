"""The embedded server: starts, survives kill -9 of anything, is shared by two processes, runs as root and as a user."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import site
import subprocess
import sys
from pathlib import Path

import pytest

from core.db import Pool, connect
from core.postgres import EmbeddedPostgres, PostgresError, embedded
from core.postgres_files import PACKAGE, Account, _copied, choose_account, reachable
from tests.conftest import ROOT, make_scratch_folder

#: Another process: owns or attaches, says which, and waits to be told to stop (or to be killed).
OTHER = """
import asyncio, sys
from pathlib import Path
from core.db import connect
from core.postgres import EmbeddedPostgres

async def main():
    server = await EmbeddedPostgres.ensure(Path(sys.argv[1]), durable=sys.argv[2] == "durable")
    pool = await connect(server.dsn, size=1)
    await pool.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
    await pool.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
    print("owner" if server.owner else "attached", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await pool.close()
    await server.stop()

asyncio.run(main())
"""


def python_for(account: Account) -> str | None:
    """A Python of our version that `account` can run: ours, or the system's (ours may live in root's home)."""
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        if Path(candidate).exists() and reachable(Path(candidate).resolve().parent, account):
            return candidate
    return None


def start_other(
    data_dir: Path, mode: str = "test", user: str | None = None, python: str = sys.executable
) -> subprocess.Popen[str]:
    """Start OTHER and wait until it has written its rows."""
    identity = {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    child = subprocess.Popen(
        [python, "-B", "-c", OTHER, str(data_dir), mode],
        cwd=ROOT,
        env={"PYTHONPATH": os.pathsep.join([str(ROOT), *site.getsitepackages()])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **identity,  # type: ignore[call-overload]
    )
    assert child.stdout is not None
    child.role = child.stdout.readline().strip()  # type: ignore[attr-defined]
    return child


def end(child: subprocess.Popen[str]) -> int:
    child.communicate("\n")
    return child.returncode


async def count(dsn: str) -> int:
    pool = await connect(dsn, size=1)
    try:
        return int(await pool.fetchval("SELECT count(*) FROM kept"))
    finally:
        await pool.close()


async def fill(pool: Pool) -> None:
    await pool.execute("CREATE TABLE kept (n int)")
    await pool.execute("INSERT INTO kept SELECT generate_series(1, 1000)")


async def test_cold_then_warm_start_keeps_rows(data_dir: Path) -> None:
    async with embedded(data_dir) as dsn:
        pool = await connect(dsn, size=1)
        await fill(pool)
        shown = {name: await pool.fetchval(f"SHOW {name}") for name in ("fsync", "listen_addresses", "data_checksums")}
        locale = await pool.fetchval(
            "SELECT datlocprovider::text || ' ' || datlocale FROM pg_database WHERE datname = current_database()"
        )
        await pool.close()
    assert shown == {"fsync": "on", "listen_addresses": "", "data_checksums": "on"}
    assert locale == "b C.UTF-8"
    assert (data_dir / "postgres").stat().st_mode & 0o777 == 0o700
    async with embedded(data_dir) as dsn:
        assert await count(dsn) == 1000


async def test_a_killed_server_is_started_again_with_its_rows(data_dir: Path) -> None:
    server = await EmbeddedPostgres.ensure(data_dir)
    try:
        pool = await connect(server.dsn, size=1)
        await fill(pool)
        first = server.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        while server.starts < 2:
            await asyncio.sleep(0.02)
        assert server.pid != first
        assert await count(server.dsn) == 1000
        assert await pool.fetchval("SELECT count(*) FROM kept") == 1000  # the old pool finds it by itself
        await pool.close()
    finally:
        await server.stop()
    assert server.pid is None


async def test_a_killed_parent_leaves_a_server_that_the_next_start_replaces(data_dir: Path) -> None:
    other = start_other(data_dir, "durable")
    assert other.role == "owner"  # type: ignore[attr-defined]
    other.kill()
    other.communicate()
    async with embedded(data_dir) as dsn:
        assert await count(dsn) == 1000


async def test_parent_and_server_killed_together(data_dir: Path) -> None:
    other = start_other(data_dir, "durable")
    pid = int((data_dir / "postgres" / "data" / "postmaster.pid").read_text().split("\n")[0])
    os.kill(other.pid, signal.SIGSTOP)  # so that it cannot start the server again
    os.kill(pid, signal.SIGKILL)
    other.kill()
    other.communicate()
    async with embedded(data_dir) as dsn:
        assert await count(dsn) == 1000


async def test_a_stale_pid_file_with_a_strangers_id_does_not_stop_us(data_dir: Path) -> None:
    async with embedded(data_dir, durable=False) as dsn:
        pool = await connect(dsn, size=1)
        await fill(pool)
        await pool.close()
        left = (data_dir / "postgres" / "data" / "postmaster.pid").read_text()
    owner = (data_dir / "postgres").stat()
    identity = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    with subprocess.Popen(["sleep", "600"], **identity) as stranger:  # type: ignore[call-overload]
        pid_file = data_dir / "postgres" / "data" / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n" + left.partition("\n")[2])
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        try:
            async with embedded(data_dir, durable=False) as dsn:
                assert await count(dsn) == 1000
            assert stranger.poll() is None  # and nobody killed the stranger
        finally:
            stranger.kill()


async def test_a_second_process_attaches_and_leaves_the_server_running(data_dir: Path) -> None:
    async with embedded(data_dir, durable=False) as dsn:
        other = start_other(data_dir)
        assert other.role == "attached"  # type: ignore[attr-defined]
        assert end(other) == 0
        assert await count(dsn) == 1000


async def test_an_attached_process_takes_over_when_the_owner_is_killed(data_dir: Path) -> None:
    other = start_other(data_dir, "durable")
    server = await EmbeddedPostgres.ensure(data_dir)
    try:
        assert not server.owner
        other.kill()
        other.communicate()
        while server.starts < 1:
            await asyncio.sleep(0.02)
        assert server.owner
        assert await count(server.dsn) == 1000
    finally:
        await server.stop()


async def test_two_at_once_in_an_empty_folder_share_one_server(data_dir: Path) -> None:
    servers = await asyncio.gather(*(EmbeddedPostgres.ensure(data_dir, durable=False) for _ in range(3)))
    try:
        assert sorted(server.owner for server in servers) == [False, False, True]
        assert len({server.pid for server in servers}) == 1
    finally:
        for server in sorted(servers, key=lambda s: s.owner):
            await server.stop()


async def test_a_path_too_long_for_a_socket_works(data_dir: Path) -> None:
    deep = data_dir / ("a" * 60) / ("b" * 60)
    deep.mkdir(parents=True)
    async with embedded(deep, durable=False) as dsn:
        pool = await connect(dsn, size=1)
        assert await pool.fetchval("SELECT 1") == 1
        await pool.close()
        sockets = Path((deep / "postgres/data/postmaster.pid").read_text().split("\n")[4])
        assert sockets.exists()
    assert not sockets.exists()


async def test_a_server_that_cannot_start_says_why(data_dir: Path) -> None:
    async with embedded(data_dir, durable=False):
        pass
    with (data_dir / "postgres/data/postgresql.conf").open("a") as file:
        file.write("\nshared_buffers = nonsense\n")
    with pytest.raises(PostgresError, match=r"did not start: .*shared_buffers|configuration file .* contains errors"):
        await EmbeddedPostgres.ensure(data_dir, durable=False)


async def test_a_file_in_place_of_the_folder_is_one_sentence(data_dir: Path) -> None:
    (data_dir / "file").write_text("")
    with pytest.raises(PostgresError, match=r"cannot use the data folder .*file: File exists"):
        await EmbeddedPostgres.ensure(data_dir / "file")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; the other tests cover a plain user")
async def test_an_ordinary_user_runs_it_and_root_continues_with_the_same_files(data_dir: Path) -> None:
    account = choose_account(pwd.getpwnam("nobody").pw_uid)
    python = python_for(account)
    if python is None or not reachable(ROOT, account) or not reachable(Path(site.getsitepackages()[0]), account):
        pytest.skip(f"the user nobody cannot reach {ROOT}, its packages, or a Python of this version")
    os.chown(data_dir, account.uid, account.gid)
    other = start_other(data_dir, user="nobody", python=python)
    assert other.role == "owner"  # type: ignore[attr-defined]
    assert end(other) == 0
    async with embedded(data_dir, durable=False) as dsn:
        assert await count(dsn) == 1000
    assert {path.stat().st_uid for path in (data_dir / "postgres").iterdir()} == {account.uid}
    again = start_other(data_dir, user="nobody", python=python)
    assert again.role == "owner"  # type: ignore[attr-defined]
    assert end(again) == 0


async def count_starts(data_dir: Path, area: Path) -> int:
    """Start the server, note the start in a table, and tell how many it knows of."""
    server = await EmbeddedPostgres.ensure(data_dir, durable=False, root_area=area)
    try:
        pool = await connect(server.dsn, size=1)
        await pool.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        await pool.execute("INSERT INTO kept VALUES (1)")
        await pool.close()
        return await count(server.dsn)
    finally:
        await server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another account")
async def test_root_with_an_unreachable_folder_keeps_the_data_elsewhere_and_finds_them_again(data_dir: Path) -> None:
    closed, area = data_dir / "closed", data_dir / "area"
    closed.mkdir(mode=0o700)
    assert [await count_starts(closed / ".data", area) for _ in range(2)] == [1, 2]
    assert Path((closed / ".data" / "postgres.location").read_text().strip()).parent == area
    shutil.copytree(closed / ".data", closed / "copy")
    assert await count_starts(closed / "copy", area) == 1  # a copied folder is not a second owner of the same data
    shutil.rmtree(closed / ".data")
    assert await count_starts(closed / ".data", area) == 1  # deleting the folder is starting afresh


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another account")
async def test_data_that_became_unreachable_are_never_replaced_by_an_empty_database(data_dir: Path) -> None:
    folder = data_dir / "open"
    assert await count_starts(folder, data_dir / "area") == 1
    folder.chmod(0o700)
    with pytest.raises(PostgresError, match=r"cannot reach .*open: allow it"):
        await EmbeddedPostgres.ensure(folder, durable=False, root_area=data_dir / "area")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another account")
def test_programs_in_an_unreachable_environment_are_copied_once() -> None:
    import importlib.util

    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None and spec.submodule_search_locations
    area = make_scratch_folder()
    try:
        copied = _copied(Path(spec.submodule_search_locations[0]), area)
        account = choose_account(None)
        command = [str(copied / PACKAGE / "pginstall/bin/postgres"), "--version"]
        shown = subprocess.run(command, user=account.uid, group=account.gid, extra_groups=[], capture_output=True)
        assert shown.stdout.startswith(b"postgres (PostgreSQL) 18")
        before = copied.stat().st_ino
        assert _copied(Path(spec.submodule_search_locations[0]), area).stat().st_ino == before
    finally:
        shutil.rmtree(area)
