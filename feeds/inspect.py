"""`main.py inspect`: what each report says, one JSON object per file. Reads files; writes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.event_json import event_to_json
from core.model import Parsed, UnreadableReport
from feeds.feed import FeedSettings
from feeds.known import parse_any

__all__ = ["inspect_file", "parse_any", "parsed_to_json"]


def parsed_to_json(parsed: Parsed) -> dict[str, Any]:
    """The object `inspect` prints for one report, without its file name."""
    return {
        "source": parsed.source,
        "type": parsed.type,
        "title": parsed.title,
        "status": parsed.status.value,
        "message_type": parsed.message_type.value,
        "reported_at": None if parsed.reported_at is None else parsed.reported_at.isoformat(),
        "ignored": parsed.ignored,
        "events": [event_to_json(event) for event in parsed.events],
    }


def inspect_file(path: Path, settings: FeedSettings | None = None) -> dict[str, Any]:
    """What one file says, or {"file", "error"} with one sentence if it cannot be read. Never raises for a bad file.

    `settings`: what we read of it under them (JMA's warning scheme).
    """
    try:
        body = path.read_bytes()
    except OSError as error:
        return {"file": str(path), "error": f"{path}: cannot be opened: {error.strerror or error}"}
    try:
        return {"file": str(path), **parsed_to_json(parse_any(body, settings))}
    except UnreadableReport as error:
        return {"file": str(path), "error": f"{path}: {error}"}
