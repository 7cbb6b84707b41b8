"""Reading postmaster.pid, telling the living from zombies and strangers, and finding a place for the socket."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.postgres_files import (
    SOCKET_NAME,
    SOCKET_PATH_LIMIT,
    Account,
    Layout,
    PidFile,
    PostgresError,
    choose_account,
    make_private,
    reachable,
    server_lives,
    socket_folder,
)

ME = Account("me", os.geteuid(), os.getegid(), switch=False)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("77\n/data\n1700000000\n5432\n/run/x\n\n  123 456\nready   \n", PidFile(77, "/run/x", "ready")),
        ("77\n/data\n", PidFile(77, "", "")),
        ("", None),
        ("nonsense\n", None),
    ],
)
def test_pid_file(tmp_path: Path, content: str, expected: PidFile | None) -> None:
    path = tmp_path / "postmaster.pid"
    path.write_text(content)
    assert PidFile.read(path) == expected


def test_no_pid_file_is_no_server(tmp_path: Path) -> None:
    assert PidFile.read(tmp_path / "postmaster.pid") is None


def test_a_stranger_with_the_process_id_is_not_our_server(tmp_path: Path) -> None:
    assert not server_lives(os.getpid(), tmp_path)


def test_a_zombie_is_not_our_server(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", f"'postgres -D {tmp_path}'"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has reaped it
    assert not server_lives(child.pid, tmp_path)
    child.wait()


def test_a_process_named_like_our_server_is_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()", "postgres", "-D", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdin is not None
        child.stdout.readline()
        assert server_lives(child.pid, tmp_path)
        assert not server_lives(child.pid, tmp_path / "other")
        child.stdin.close()


def test_a_short_path_keeps_the_socket_with_the_data() -> None:
    assert socket_folder(Layout(Path("/tmp/short")), ME) == Path("/tmp/short")


def test_a_long_path_moves_the_socket_to_a_short_private_folder() -> None:
    layout = Layout(Path("/tmp") / ("x" * 100))
    folder = socket_folder(layout, ME)
    try:
        assert len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_LIMIT
        assert folder.stat().st_mode & 0o777 == 0o700
        assert socket_folder(layout, ME) == folder  # the same again, so that restarts leave no litter
    finally:
        shutil.rmtree(folder)


def test_private_refuses_a_link_planted_by_somebody_else(tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    planted.symlink_to(tmp_path)
    with pytest.raises(PostgresError, match="planted exists and is not a folder"):
        make_private(planted, ME)


@pytest.mark.parametrize(("mode", "expected"), [(0o755, True), (0o711, True), (0o744, False), (0o700, False)])
def test_reachable_goes_by_every_folder_above(data_dir: Path, mode: int, expected: bool) -> None:
    stranger = Account("stranger", 4242, 4242, switch=True)
    (data_dir / "middle" / "inner").mkdir(parents=True)
    (data_dir / "middle").chmod(mode)
    assert reachable(data_dir / "middle" / "inner", stranger) is expected


def test_an_account_is_never_root() -> None:
    assert choose_account(None).uid != 0


def test_data_of_an_unknown_owner_are_refused() -> None:
    with pytest.raises(PostgresError, match=r"the database files belong to uid 4242"):
        choose_account(4242)
