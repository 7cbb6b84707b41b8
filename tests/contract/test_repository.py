"""What is committed: every setting documented, locked requirements complete, nothing of one person's machine."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from core.settings import Settings, variable_name
from core.settings_doc import render

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("build.lock", "requirements.lock", "requirements-dev.lock", "requirements-security.lock")
#: Written in two halves, so that this file does not find itself.
FORBIDDEN = {
    "an absolute path of a machine": re.compile("/wo" + r"rk/(main|shared)\b|/ro" + "ot/|/ho" + r"me/[a-z]\w*/"),
    "the address of a package index": re.compile(
        r"--(extra-)?index-" + r"url\s*[= ]\s*\S*://|--find-" + r"links\s*\S*://"
    ),
    "a lock of one package manager with its index's addresses": re.compile(
        r"^source = \{ regis" + "try = ", re.MULTILINE
    ),
}


def committed_text() -> dict[str, str]:
    """Every tracked text file by its path; files git does not know yet are not looked at."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: the committed files cannot be told from others")
    found = {}
    for name in filter(None, listed.stdout.split("\0")):
        body = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if b"\0" not in body:
            found[name] = body.decode("utf-8", errors="replace")
    return found


def test_nothing_of_one_machine_is_committed() -> None:
    files = committed_text()
    assert "pyproject.toml" in files
    found = [f"{name}: {what}" for name, text in files.items() for what, p in FORBIDDEN.items() if p.search(text)]
    assert found == []


@pytest.mark.parametrize(
    "text", ["see /wo" + "rk/shared/x", "cd /ro" + "ot/", "--index-" + "url https://example.org/simple"]
)
def test_the_search_finds_what_it_should(text: str) -> None:
    assert any(pattern.search(text) for pattern in FORBIDDEN.values())


def test_settings_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == render(), "docs/settings.md differs from core/settings.py: run `make docs`"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_sentence(name: str) -> None:
    description = Settings.model_fields[name].description or ""
    assert description.endswith((".", "?")), f"{variable_name(name)} needs a description that is a sentence"


@pytest.mark.parametrize("name", LOCKS)
def test_locks_hold_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    pinned = re.findall(r"^[a-z0-9][\w.\-]*==\S+", text, re.MULTILINE | re.IGNORECASE)
    assert pinned
    unhashed = [
        line for line in text.replace("\\\n", " ").splitlines() if "==" in line and "--hash=sha256:" not in line
    ]
    assert unhashed == []


@pytest.mark.parametrize(("lock", "extra"), [("requirements.lock", None), ("requirements-dev.lock", "dev")])
def test_every_requirement_is_locked(lock: str, extra: str | None) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + (project["optional-dependencies"][extra] if extra else [])
    names = {re.split(r"[^\w.\-]", line)[0].lower() for line in wanted}
    locked = {name.lower() for name in re.findall(r"^([\w.\-]+)==", (ROOT / lock).read_text(encoding="utf-8"), re.M)}
    assert names - locked == set(), "run `make lock`"


def test_both_locks_agree() -> None:
    runtime, dev = (
        set(re.findall(r"^([\w.\-]+==[^\s\\;]+)", (ROOT / name).read_text(encoding="utf-8"), re.M))
        for name in LOCKS[1:3]
    )
    assert runtime <= dev
