"""The cache of the wording files: same entries, never stale, never fatal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core import po
from core.po import Entry, WordingError
from core.po_cache import read_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    po.write(tmp_path / "en.po", "en", [Entry("answer.ok", "I'm OK", "I'm OK"), Entry("a.b", "x {n}", "x {n}")])
    return tmp_path


def test_second_reading_gives_the_same_without_parsing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_folder(folder)

    def refuse(path: Path) -> dict[str, Entry]:
        raise AssertionError(f"{path} was parsed again")

    monkeypatch.setattr(po, "read", refuse)
    assert read_folder(folder) == first == {"en": {e.key: e for e in first["en"].values()}}


def test_a_changed_file_is_read_again(folder: Path) -> None:
    read_folder(folder)
    po.write(folder / "en.po", "en", [Entry("answer.ok", "I'm OK", "All right")])
    assert read_folder(folder)["en"]["answer.ok"].text == "All right"
    po.write(folder / "vi.po", "vi", [Entry("answer.ok", "I'm OK", "Tôi ổn")])
    assert set(read_folder(folder)) == {"en", "vi"}


@pytest.mark.parametrize("damage", [b"", b"\0" * 40, None])
def test_a_damaged_cache_is_ignored(folder: Path, damage: bytes | None) -> None:
    good = read_folder(folder)
    store = folder / "__pycache__" / "wording.bin"
    kept = store.read_bytes()
    store.write_bytes(kept[:-7] if damage is None else kept[:32] + damage)
    assert read_folder(folder) == good


def test_mistakes_are_told_and_not_kept(folder: Path) -> None:
    (folder / "vi.po").write_text('msgctxt "a"\nmsgid "x"\nmsgstr ""\n', encoding="utf-8")
    for _ in range(2):
        with pytest.raises(WordingError, match=r"vi\.po"):
            read_folder(folder)


def test_nothing_is_written_where_python_may_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    read_folder(folder)
    assert not (folder / "__pycache__").exists()
