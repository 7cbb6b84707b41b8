"""Which migrations are applied, and which contradictions are refused, without a database."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.migrate import Migration, SchemaError, pending, read_migrations

ONE, TWO, THREE = (Migration(name, "SELECT 1", f"sha-{name}") for name in ("0001_a", "0002_b", "0003_c"))


@pytest.mark.parametrize(
    ("applied", "expected"),
    [
        ({}, (ONE, TWO)),
        ({"0001_a": "sha-0001_a"}, (TWO,)),
        ({"0001_a": "sha-0001_a", "0002_b": "sha-0002_b"}, ()),
    ],
)
def test_only_the_missing_are_pending(applied: dict[str, str], expected: tuple[Migration, ...]) -> None:
    assert pending((ONE, TWO), applied) == expected


@pytest.mark.parametrize(
    ("files", "applied", "sentence"),
    [
        ((ONE, TWO), {"0001_a": "other"}, r"0001_a\.sql was edited"),
        ((ONE,), {"0001_a": "sha-0001_a", "0002_b": "x"}, "has migration 0002_b, which this version lacks"),
        ((ONE, TWO, THREE), {"0001_a": "sha-0001_a", "0003_c": "sha-0003_c"}, r"0002_b\.sql was added before 0003_c"),
    ],
)
def test_contradictions_are_refused_by_name(
    files: tuple[Migration, ...], applied: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SchemaError, match=sentence):
        pending(files, applied)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["0001_a.sql", "0003_c.sql"], "0003_c"),
        (["0001_a.sql", "0001_b.sql"], "0001_b"),
        (["1_a.sql"], "1_a"),
        ([], "holds no migrations"),
    ],
)
def test_file_names_are_checked(tmp_path: Path, names: list[str], sentence: str) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(SchemaError, match=sentence):
        read_migrations(tmp_path)


def test_the_shipped_files_are_in_order_and_say_why() -> None:
    for migration in read_migrations():
        assert migration.sql.startswith("-- "), f"{migration.name}.sql must begin with a comment: why it exists"
