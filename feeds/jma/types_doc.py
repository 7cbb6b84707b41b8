"""The table of telegram types in docs/feeds.md, made from feeds/jma/codes.py: `make docs`. A test compares the two."""

from __future__ import annotations

import sys
from pathlib import Path

from feeds.jma.codes import TYPES, TelegramType

PAGE = Path(__file__).resolve().parents[2] / "docs" / "feeds.md"
BEGIN = "<!-- types: made from feeds/jma/codes.py by `make docs` -->\n"
END = "<!-- end of types -->\n"


def table() -> str:
    """The table as Markdown: types that become events first, then those that are ignored, each with its reason."""
    read = [kind for kind in TYPES if kind.hazards]
    ignored = [kind for kind in TYPES if not kind.hazards]
    lines = ["| type | Control/Title | becomes | what we do with it, and why |", "| --- | --- | --- | --- |"]
    lines += [_row(kind) for kind in (*read, *ignored)]
    return "\n".join(lines) + "\n"


def _row(kind: TelegramType) -> str:
    code = f"{kind.code}{kind.numbers[0]}-{kind.numbers[-1]}" if kind.numbers else kind.code
    becomes = ", ".join(f"`{hazard}`" for hazard in kind.hazards) or "ignored"
    titles = " or ".join(kind.titles) or "the title above"
    return f"| {code} | {titles} | {becomes} | {kind.why[0].upper()}{kind.why[1:]} |"


def with_table(page: str) -> str:
    """The page with the table as it is now. Raises ValueError if the page has lost the marks around it."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"{PAGE.name}: the marks {BEGIN.strip()} and {END.strip()} must each stand once")
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


def main() -> None:
    """Renew the table in place: the rest of the page is written by people."""
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name}: {len(TYPES)} types\n")


if __name__ == "__main__":
    main()
