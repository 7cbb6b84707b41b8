"""Who may import what, and who may read the environment: read from the syntax tree, so that nothing need be running."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sql_constants import PACKAGES, ROOT, python_files

#: A library, and the files that may import it (of this file's folder and name).
HOMES = {
    "asyncpg": "core/db.py and *store.py",
    "aiohttp.web": "web.py, *_web.py, api.py, *_api.py, main.py and ops/service.py, which main.py runs",
    "shapely": "geo/",
    "geopy": "geo/",
    "twilio": "alerts/channels/ and alerts/twilio_*.py",
    "pywebpush": "alerts/channels/",
    "py_vapid": "alerts/channels/ and core/crypto.py",
}


def allowed(library: str, file: Path) -> bool:
    """Whether `file` (relative to the repository) may import `library`. Pure."""
    if library == "asyncpg":
        return file == Path("core/db.py") or file.stem.endswith("store")
    if library == "aiohttp.web":
        return (
            file.stem in ("api", "main", "web")
            or file.stem.endswith(("_web", "_api"))
            or file == Path("ops/service.py")
        )
    if library in ("shapely", "geopy"):
        return file.parts[0] == "geo"
    if library == "py_vapid" and file == Path("core/crypto.py"):
        return True
    if library == "twilio" and file.parent == Path("alerts") and file.stem.startswith("twilio_"):
        return True
    return file.parts[:2] == ("alerts", "channels")


def imports(tree: ast.AST) -> Iterator[str]:
    """Every dotted name a module imports, with `from a import b` as both a and a.b; type-only imports included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@functools.cache
def seen(file: Path) -> tuple[frozenset[str], bool]:
    """The names a file imports, and whether it reads the environment."""
    tree = ast.parse(file.read_bytes(), str(file))
    return frozenset(imports(tree)), reads_environment(tree)


def violations(files: list[Path]) -> list[str]:
    found = []
    for file in files:
        relative = file.relative_to(ROOT)
        names, _ = seen(file)
        for library, home in HOMES.items():
            if not allowed(library, relative) and any(n == library or n.startswith(f"{library}.") for n in names):
                found.append(f"{relative} imports {library}, which belongs in {home}")
    return found


def test_libraries_stay_in_their_files() -> None:
    assert violations(python_files()) == []


@pytest.mark.parametrize(
    ("library", "file", "expected"),
    [
        ("asyncpg", "feeds/store.py", True),
        ("asyncpg", "feeds/poller.py", False),
        ("aiohttp.web", "checkin/leader_web.py", True),
        ("aiohttp.web", "checkin/triage.py", False),
        ("shapely", "geo/importers/hazards.py", True),
        ("shapely", "alerts/decide.py", False),
        ("twilio", "alerts/channels/sms_twilio.py", True),
        ("twilio", "alerts/twilio_http.py", True),
        ("twilio", "alerts/outbox.py", False),
    ],
)
def test_the_rule_itself(library: str, file: str, expected: bool) -> None:
    assert allowed(library, Path(file)) is expected


def test_every_form_of_import_is_seen() -> None:
    source = "import asyncpg.pool\ndef f():\n    from aiohttp import web\n    from shapely.geometry import Point"
    assert {"asyncpg.pool", "aiohttp.web", "shapely.geometry"} <= set(imports(ast.parse(source)))


def reads_environment(tree: ast.AST) -> bool:
    """Whether a module touches os.environ, os.getenv or imports them by name."""
    names = {"environ", "environb", "getenv"}
    return any(
        (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and names & {a.name for a in node.names})
        for node in ast.walk(tree)
    )


def test_only_settings_read_the_environment() -> None:
    readers = [str(file.relative_to(ROOT)) for file in python_files() if seen(file)[1]]
    assert readers == ["core/settings.py"]


def test_nothing_imports_main() -> None:
    importers = [str(file.relative_to(ROOT)) for file in python_files() if "main" in seen(file)[0]]
    assert importers == []


def test_imports_point_inwards() -> None:
    """import-linter's contracts of pyproject.toml."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_each_folder_says_in_one_sentence_what_it_is(package: str) -> None:
    tree = ast.parse((ROOT / package / "__init__.py").read_bytes())
    words = ast.get_docstring(tree)
    assert words, f"{package}/__init__.py must begin with a sentence: what lives here"
