"""Changing a rule's text: which values it has, one of them changed, whether the result holds, what differs. Pure."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from typing import Any, Final

from alerts.rules import Rule, RuleError, parse_rule, severity_of
from core.model import Area

#: Longest text of a rule; the longest file has about 3,000 characters.
MAX_TOML: Final = 20_000

_HEADER: Final = re.compile(r"^\[(\[?)([A-Za-z0-9_.\-\"+ ]+)\]?\]\s*(#.*)?$")
_VALUE: Final = re.compile(r"^(\"[^\"]*\"|[A-Za-z0-9_+\-]+)(\s*=\s*)(.*?)(\s*#.*)?$")


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a rule that stands on a line of its own: its path ("case_after_s.severe") and its TOML."""

    path: str
    toml: str
    line: int


def values_of(text: str) -> list[Value]:
    """The values that a form can change, in the order of the text: no examples, no lists over several lines.

    >>> values_of('hazard = "x"\\n[levels]\\n"6-" = "severe" # wakes')[0]
    Value(path='levels.6-', toml='"severe"', line=3)
    """
    found = []
    table, skipping, inside = "", False, False
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if inside:
            inside = not stripped.startswith("]")
            continue
        header = _HEADER.match(stripped)
        if header:
            table, skipping = header[2].strip(), bool(header[1])
            continue
        value = _VALUE.match(stripped)
        if value is None or skipping or stripped.startswith("#"):
            continue
        if value[3].endswith("["):
            inside = True
            continue
        key = value[1].strip('"')
        if (path := f"{table}.{key}" if table else key) != "hazard":
            found.append(Value(path, value[3], number))
    return found


def with_value(text: str, path: str, typed: str) -> str:
    """The text with one value replaced; comments and everything else stay. A word may be typed without its quotes.

    Raises RuleError: no such value, or what was typed is none.
    """
    value = next((one for one in values_of(text) if one.path == path), None)
    if value is None:
        raise RuleError(f"there is no value {path} to change", path)
    toml = typed.strip()
    if value.toml.startswith('"') and not toml.startswith('"'):
        toml = f'"{toml}"'
    try:
        read = tomllib.loads(f"x = {toml}")
    except tomllib.TOMLDecodeError:
        read = {}
    if "\n" in toml or set(read) != {"x"} or type(read["x"]) is not type(tomllib.loads(f"x = {value.toml}")["x"]):
        raise RuleError(f"{path}: {typed.strip()!r} cannot stand where {value.toml} stood", path)
    lines = text.splitlines()
    old = lines[value.line - 1]
    match = _VALUE.match(old.strip())
    assert match is not None
    lines[value.line - 1] = f"{match[1]}{match[2]}{toml}{match[4] or ''}"
    return "\n".join(lines) + "\n"


def check(text: str, hazard: str) -> Rule:
    """The rule that a text says, if everything in it holds, its own examples too.

    Raises RuleError with a sentence that names the key and, where there is one, the line.
    """
    if len(text) > MAX_TOML:
        raise RuleError(f"the text has {len(text)} characters; a rule has at most {MAX_TOML}")
    try:
        rule = parse_rule(text, hazard)
    except RuleError as error:
        line = line_of(text, error.key)
        raise RuleError(f"line {line}: {error}" if line else str(error), error.key) from error
    for number, example in enumerate(rule.examples, 1):
        severity = severity_of(rule, Area("jma.city", "0000000", level=example.level, tier=example.tier), example.type)
        asks = bool(severity and rule.asks(severity))
        if (severity, asks) != (example.severity, example.asks):
            level = example.tier if example.level is None else example.level
            raise RuleError(
                f"line {line_of(text, f'example[{number}]')}: example {number} ({example.type}, {level}) expects "
                f"{example.severity or 'none'}, asks {example.asks}; with this change it is {severity or 'none'}, "
                f"asks {asks}. If that is meant, change the example too",
                f"example[{number}]",
            )
    return rule


def line_of(text: str, path: str) -> int:
    """The line on which a path of a RuleError stands ("ladder.severe[2].when", "example[3]"); 0 where there is none."""
    if not path:
        return 0
    exact = next((value.line for value in values_of(text) if value.path == path), 0)
    if exact:
        return exact
    wanted = [re.sub(r"\[\d+\]$", "", part) for part in path.split(".")]
    number = int(found[1]) if (found := re.match(r"example\[(\d+)\]", path)) else 0
    best = table_line = seen = 0
    table = ""
    for at, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line.strip())
        if header:
            table = header[2].strip()
            seen += bool(header[1])
            if table == wanted[0] and (not number or seen == number):
                table_line = table_line or at
        elif (value := _VALUE.match(line.strip())) and not line.strip().startswith("#"):
            key = value[1].strip('"')
            inside = (table == wanted[0] and key == wanted[1]) if len(wanted) > 1 else not table and key == wanted[0]
            if inside and (not number or seen == number):
                best = best or at
    return best or table_line


def changes(old: str, new: str) -> list[str]:
    """The lines that differ, each with "- " (before) or "+ " (after) and the table it stands in.

    >>> changes("[night]\\nsms_after_s = 120", "[night]\\nsms_after_s = 60")
    ['- [night] sms_after_s = 120', '+ [night] sms_after_s = 60']
    """
    diff = difflib.ndiff(_with_tables(old), _with_tables(new))
    return [line for line in diff if line.startswith(("- ", "+ "))]


def _with_tables(text: str) -> list[str]:
    found = []
    table, examples = "", 0
    for line in text.splitlines():
        if header := _HEADER.match(line.strip()):
            examples += bool(header[1])
            table = f"[{header[2].strip()} {examples}] " if header[1] else f"[{header[2].strip()}] "
            found.append(line)
        else:
            found.append(f"{table}{line}" if line.strip() else line)
    return found


def in_short(lines: list[str], most: int = 4) -> str:
    """The first changed lines as one line, for the sentence that the second person reads."""
    shown = [line[:80] for line in lines[:most]]
    return "; ".join(shown) + (f" (+{len(lines) - most})" if len(lines) > most else "")


def plain_table(rule: Rule) -> list[tuple[str, Any]]:
    """What knocks how hard, worst first: (level, tier or cap as the rule writes it, severity)."""
    rows: list[tuple[str, Any]] = [(str(level), severity) for level, severity in rule.levels.items()]
    rows += [(f"tier.{tier}", severity) for tier, severity in rule.tiers.items()]
    rows += [(f"{type_}: {tier}", severity) for type_, of in rule.tiers_of.items() for tier, severity in of.items()]
    return sorted(rows, key=lambda row: -row[1].rank)
