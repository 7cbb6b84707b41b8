"""`python -m alerts.lint`: the wording files and every alert made of them against the rules for words; 1 if one fails.

With languages as arguments only these are composed; `--strings` looks at the files alone.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor

from alerts.lint_strings import Finding, lint_strings
from alerts.lint_texts import lint_texts
from alerts.rules import load_rules
from core import po
from core.i18n import LOCALES, Catalogs
from geo.areas import Areas


def of_language(lang: str) -> list[Finding]:
    """The findings in all alerts of one language; run in a process of its own."""
    return lint_texts(lang, Catalogs.load(), load_rules(), Areas.load())


def main() -> int:
    """The command line."""
    reader = argparse.ArgumentParser(prog="alerts.lint", description=__doc__)
    reader.add_argument("languages", nargs="*", help="tags such as my or ja-simple; default: all")
    reader.add_argument("--strings", action="store_true", help="only the files, not the alerts made of them")
    arguments = reader.parse_args()
    files = {path.stem: po.read(path) for path in sorted(LOCALES.glob("*.po"))}
    unknown = sorted(set(arguments.languages) - set(files))
    if unknown:
        print(f"error: there is no language {unknown[0]}: there are {', '.join(files)}", file=sys.stderr)
        return 1
    found = lint_strings(files)
    languages = [] if arguments.strings else arguments.languages or list(files)
    with ProcessPoolExecutor(min(len(languages) or 1, os.cpu_count() or 1)) as pool:
        for findings in pool.map(of_language, languages):
            found += findings
    for finding in found:
        print(finding)
    texts = sum(len(own) for own in files.values())
    print(f"{texts} texts in {len(files)} languages: {len(found)} findings", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
