"""The folder of fetched tables: what is written comes back, and what is damaged is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from geo import data_folder
from geo.data_folder import AreaDataError

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    before = data_folder.folder()
    data_folder.use(tmp_path / "geo")
    yield tmp_path / "geo"
    data_folder.use(before)


def write(name: str, content: bytes, vintage: str = "2026-07") -> None:
    data_folder.write_file(name, content, source="https://example.jp/x", vintage=vintage, now=NOW)


def test_nothing_fetched_is_nothing(folder: Path) -> None:
    assert data_folder.folder() == folder
    assert data_folder.read_file("areas.tsv.xz") is None
    assert data_folder.path_of("areas.tsv.xz") is None
    assert data_folder.version("areas.tsv.xz") is None
    assert data_folder.checked_version("areas.tsv.xz") is None
    assert data_folder.names() == [] and not data_folder.remove_file("areas.tsv.xz")
    assert not folder.exists()


def test_without_a_folder_nothing_is_read_and_writing_says_why(folder: Path) -> None:
    data_folder.use(None)
    assert data_folder.read_file("areas.tsv.xz") is None
    with pytest.raises(AreaDataError, match="DAIJOBU_DATA_DIR"):
        write("a", b"1")


def test_a_file_comes_back_with_its_version(folder: Path) -> None:
    write("a", b"one")
    write("b", b"two", "2025")
    assert data_folder.read_file("a") == b"one"
    version = data_folder.checked_version("a")
    assert version == data_folder.version("a")
    assert version is not None and version.vintage == "2026-07" and version.fetched_at == "2026-11-22T03:00:00+00:00"
    assert data_folder.names() == ["a", "b"]
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b", "versions.json"]


def test_a_later_file_replaces_the_earlier(folder: Path) -> None:
    write("a", b"one", "1")
    write("a", b"two", "2")
    assert data_folder.read_file("a") == b"two"
    assert data_folder.remove_file("a") and data_folder.names() == []


def test_killed_between_the_two_writes_the_old_file_still_counts(folder: Path) -> None:
    write("a", b"one", "1")
    write("a", b"two", "2")
    (folder / "a").write_bytes(b"one")  # versions.json was written, the file not yet moved
    version = data_folder.checked_version("a")
    assert data_folder.read_file("a") == b"one" and version is not None and version.vintage == "1"


def test_a_damaged_file_is_named_with_the_next_step(folder: Path) -> None:
    write("a", b"one")
    (folder / "a").write_bytes(b"onf")
    with pytest.raises(AreaDataError, match=r"geo/a is damaged.*main\.py geo"):
        data_folder.read_file("a")
    with pytest.raises(AreaDataError, match="damaged"):
        data_folder.checked_version("a")


def test_a_file_nobody_fetched_is_refused(folder: Path) -> None:
    write("a", b"one")
    (folder / "b").write_bytes(b"?")
    with pytest.raises(AreaDataError, match=r"b has no entry in versions\.json"):
        data_folder.read_file("b")


@pytest.mark.parametrize("text", ["{", "[]", '{"a": {}}', '{"a": 1}', '{"../a": {"source": ""}}'])
def test_damaged_versions_are_named(folder: Path, text: str) -> None:
    write("a", b"one")
    (folder / "versions.json").write_text(text)
    with pytest.raises(AreaDataError, match=r"versions\.json"):
        data_folder.read_file("a")


@pytest.mark.parametrize("name", ["../a", "x/y", "versions.json", ""])
def test_only_plain_names(folder: Path, name: str) -> None:
    with pytest.raises(AreaDataError, match="not the name"):
        write(name, b"1")


def test_a_write_that_fails_leaves_the_file_before(folder: Path) -> None:
    write("a", b"one")

    def broken(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        data_folder.install_file("a", broken, source="x", vintage="2")
    assert data_folder.read_file("a") == b"one"
    assert sorted(path.name for path in folder.iterdir()) == ["a", "versions.json"]
    assert json.loads((folder / "versions.json").read_text())["a"]["vintage"] == "2026-07"


def test_who_keeps_what_was_read_is_told(folder: Path) -> None:
    told: list[str] = []
    data_folder.when_changed(lambda: told.append("again"))
    write("a", b"one")
    assert told == ["again"]
