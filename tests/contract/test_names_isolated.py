"""What people typed about themselves stands isolated on every page, so that a right-to-left name moves nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEMPLATES = sorted((Path(__file__).resolve().parents[2] / "web" / "templates").glob("*.html"))
#: An expression that prints a name, room, number or note of somebody, or of a site or organisation.
_TYPED = re.compile(
    r"\{\{\s*[\w.\[\]]+\.(?:name|dorm_name|org_name|staff_name|room|employee_id|address|label|note)\s*(?:or [^}]*)?\}\}"
)
#: Before it: an isolating element, or a place where no neighbour can be moved.
_ISOLATED = re.compile(r"(?:<bdi[^>]*>|dir=\"auto\"[^>]*>|<(?:option|title|textarea)[^>]*>|block title %\}[^{<]*)$")
#: Names that the program gave, not a person.
_OURS = frozenset({"loop_.name", "step.name", "feed.name"})


def _in_attribute(before: str) -> bool:
    tag = before[before.rfind("<") :]
    return before.rfind("<") > before.rfind(">") and tag.count('"') % 2 == 1


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_names_are_isolated(template: Path) -> None:
    naked = []
    for number, line in enumerate(template.read_text(encoding="utf-8").splitlines(), start=1):
        for found in _TYPED.finditer(line):
            before = line[: found.start()]
            if found[0].strip("{} ") in _OURS or _ISOLATED.search(before) or _in_attribute(before):
                continue
            naked.append(f"{template.name}:{number}: {found[0]} needs <bdi>")
    assert naked == []


def test_the_search_finds_a_naked_name() -> None:
    assert _TYPED.search("<td>{{ person.name }}</td>") and not _ISOLATED.search("<td>")
    assert _TYPED.search('{{ unit.cases[0].org_name or "?" }}') and _ISOLATED.search("<b><bdi>")
