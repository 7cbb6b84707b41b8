"""Logging for a terminal or, with DAIJOBU_LOG_JSON, one JSON object per line. Personal data never goes in.

Whatever is written passes ops.scrub, which hides what looks like personal data all the same.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from types import TracebackType
from typing import TypeAlias

from ops.scrub import scrub, traceback_text

_ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class TextFormatter(logging.Formatter):
    """A line for a terminal, scrubbed, with a scrubbed traceback if there is one."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def formatException(self, ei: _ExcInfo) -> str:
        return "" if ei[1] is None else traceback_text(ei[1])

    def format(self, record: logging.LogRecord) -> str:
        # Another handler may have left its own text of the exception in the record.
        record.exc_text = None
        formatted = scrub(super().format(record))
        record.exc_text = None
        return formatted


class JsonFormatter(TextFormatter):
    """One object per line: at, level, logger, message, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": scrub(record.getMessage()),
        }
        if record.exc_info:
            entry["traceback"] = scrub(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def set_up_logging(*, as_json: bool, level: int | str = logging.INFO) -> None:
    """Configure the root logger once, on standard error. `level`: a number, or a name in either case."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper() if isinstance(level, str) else level)
    # The SDK logs account ids and numbers' resources at INFO.
    logging.getLogger("twilio").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    # Warnings of libraries go the same way, not to standard error past us.
    logging.captureWarnings(True)
