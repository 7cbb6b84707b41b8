"""Find every SQL statement of the program: module-level constants in capitals that hold one statement."""

from __future__ import annotations

import ast
import functools
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.db import Connection

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("core", "geo", "feeds", "registry", "alerts", "checkin", "ops", "demo")
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE")


@dataclass(frozen=True)
class Statement:
    module: str
    name: str

    @property
    def sql(self) -> str:
        return str(getattr(importlib.import_module(self.module), self.name))

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


def _names(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (target.id for target in targets if isinstance(target, ast.Name) and target.id.isupper())


def python_files() -> list[Path]:
    """Every source file of the program."""
    return [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))] + sorted(ROOT.glob("*.py"))


@functools.cache
def statements() -> tuple[Statement, ...]:
    """Every constant whose value begins with one of VERBS or whose name begins with SQL_ (but for DDL)."""
    found = []
    for file in python_files():
        tree = ast.parse(file.read_bytes(), str(file))
        relative = file.relative_to(ROOT).with_suffix("")
        for name in dict.fromkeys(_names(tree)):
            statement = Statement(".".join(relative.parts).removesuffix(".__init__"), name)
            if not name.startswith("SQL") and not file.stem.endswith("store"):
                continue
            value = getattr(importlib.import_module(statement.module), name)
            if isinstance(value, str) and _first_word(value) in VERBS:
                found.append(statement)
    return tuple(found)


def _first_word(sql: str) -> str:
    lines = [line for line in sql.strip().splitlines() if not line.lstrip().startswith("--")]
    return (lines or [""])[0].split(maxsplit=1)[0].upper() if "".join(lines).strip() else ""


async def unpreparable(conn: Connection) -> list[str]:
    """What the server says about each statement it cannot prepare against its schema; empty if all is well."""
    wrong = []
    for statement in statements():
        try:
            await conn.prepare(statement.sql)
        except Exception as error:  # every kind of refusal is a finding
            wrong.append(f"{statement}: {error}")
    return wrong
