"""Add or change a text, or record that people approved texts.

    python -m core.po_edit set KEY --en "Text" --ja "文" [--vi ...]
    python -m core.po_edit approve LANG PREFIX --by REVIEWER --on 2026-11-01 [--state approved]

`approve` is for people who have read the texts: it stamps each one with the reviewer's pseudonym, the date and the
fingerprint of what was read. Any later change of the text makes it a draft again.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from core import po
from core.alone import alone_in
from core.i18n import LOCALES
from core.po import Entry, ReviewState, WordingError


def set_text(folder: Path, key: str, texts: dict[str, str]) -> None:
    """Write one key in the languages given; English is the source of all. Raises WordingError if it is missing."""
    with alone_in(folder):
        _set_text(folder, key, texts)


def _set_text(folder: Path, key: str, texts: dict[str, str]) -> None:
    english = po.read(folder / "en.po")
    known = english[key].source if key in english else None
    source = texts.get("en", known)
    if source is None:
        raise WordingError(f"{key} is new: give its English text with --en, the source of all others")
    for language in sorted(path.stem for path in folder.glob("*.po")):
        entries = po.read(folder / f"{language}.po")
        if language in texts:
            entries[key] = Entry(key, source, texts[language])
        elif key in entries:
            entries[key] = entries[key]._replace(source=source)
        else:
            continue
        po.write(folder / f"{language}.po", language, entries.values())


def approve(folder: Path, language: str, prefix: str, *, by: str, on: date, state: ReviewState) -> int:
    """Stamp every text of a language whose key starts with `prefix`; returns how many. Raises WordingError if none."""
    with alone_in(folder):
        return _approve(folder / f"{language}.po", language, prefix, by=by, on=on, state=state)


def _approve(path: Path, language: str, prefix: str, *, by: str, on: date, state: ReviewState) -> int:
    entries = po.read(path)
    chosen = [entry for key, entry in entries.items() if key.startswith(prefix)]
    if not chosen:
        raise WordingError(f"{path.name} has no key that starts with {prefix!r}")
    for entry in chosen:
        entries[entry.key] = po.stamped(entry, state, by=by, on=on)
    po.write(path, language, entries.values())
    return len(chosen)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="core.po_edit", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    setting = commands.add_parser("set")
    setting.add_argument("key")
    languages = sorted(path.stem for path in LOCALES.glob("*.po"))
    for language in languages:
        setting.add_argument(f"--{language}", dest=language)
    approving = commands.add_parser("approve")
    approving.add_argument("language", choices=languages)
    approving.add_argument("prefix")
    approving.add_argument("--by", required=True)
    approving.add_argument("--on", type=date.fromisoformat, required=True)
    approving.add_argument("--state", type=ReviewState, default=ReviewState.APPROVED)
    args = parser.parse_args()
    if args.command == "set":
        texts = {language: getattr(args, language) for language in languages}
        set_text(LOCALES, args.key, {language: text for language, text in texts.items() if text is not None})
    else:
        count = approve(LOCALES, args.language, args.prefix, by=args.by, on=args.on, state=args.state)
        print(f"{args.language}: {count} texts are {args.state}")


if __name__ == "__main__":
    main()
