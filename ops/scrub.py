"""The second net under the logs: what looks like personal data or a secret is hidden before a line is written. Pure.

The first net is that nobody logs such things. This one catches what libraries and exceptions say: the URL of a request,
the DETAIL of a database error ("Key (email)=(...) already exists"), a value quoted by a ValueError. Names cannot be
recognised by their form: so of a foreign exception only the words are kept, and nothing that it quotes.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from typing import Final

HIDDEN: Final = "[hidden]"

#: Not part of a longer number, word or UUID.
_ALONE: Final = (r"(?<![\w.+-])", r"(?![\w-])")
_UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-"
_PATTERNS: Final = (
    # What PostgreSQL adds to an error, and what the driver says about a wrong argument.
    re.compile(r"(?<=DETAIL:)[^\n]*"),
    re.compile(r"(?<=CONTEXT:)[^\n]*"),
    re.compile(r"(?<=Failing row contains)[^\n]*"),
    re.compile(r"(?<=query argument )\$\d+: [^\n]*"),
    # What follows the first part of a link (/c/..., /p/..., /enter/...), and the query of a URL.
    re.compile(r"(?<=/)(?!" + _UUID + r")(?=[a-z_-]*[0-9A-Z])[A-Za-z0-9_-]{12,}(?![\w.-])"),
    re.compile(r"(?<=\?)[\w.%-]+=[^\s\"'<>]*"),
    # Long random parts of any URL: push endpoints, one-time links.
    re.compile(r"(?<=[/:=])(?!" + _UUID + r")[A-Za-z0-9_:%~-]{20,}(?![\w.:%~-])"),
    # A bare token: 43 characters of base64url, or 32 bytes in hexadecimal.
    re.compile(r"(?<![\w-])(?:[A-Za-z0-9_-]{43}|[0-9a-fA-F]{64})(?![\w-])"),
    re.compile(r"[^\s@\"'<>(),;:=]+[@＠][^\s@\"'<>(),;:]+\.[^\s@\"'<>(),;:.]+"),
    # Telephone numbers: international, and Japanese with or without hyphens, full-width too.
    re.compile(r"[+＋]\d[\d\s().-]{7,17}\d"),
    re.compile(_ALONE[0] + r"[0０]\d{9,10}" + _ALONE[1]),
    re.compile(_ALONE[0] + r"[0０]\d{1,4}[-‐－ー( ]{1,2}\d{1,4}[-‐－ー) ]{1,2}\d{3,4}" + _ALONE[1]),
    # The address of a visitor, as the web server writes it when a request fails.
    re.compile(r"(?<=handling request from )\S+"),
)

#: Exceptions whose words are about our code, not about data.
_ABOUT_CODE: Final = (TypeError, AttributeError, NameError, ImportError, AssertionError, OSError)
_QUOTED: Final = re.compile(r"b?'[^'\n]*'|b?\"[^\"\n]*\"|«[^»\n]*»")
#: Our own modules: their sentences are written to be read.
_OURS: Final = frozenset({"core", "geo", "feeds", "registry", "alerts", "checkin", "ops", "demo"})


def scrub(text: str) -> str:
    """The text with everything hidden that looks like a phone number, an address, a token or a row of the database."""
    for pattern in _PATTERNS:
        text = pattern.sub(HIDDEN, text)
    return text


def telling(error: BaseException) -> str:
    """An exception's type and what may be said of its message: of foreign ones, nothing that they quote."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if kind.__module__.partition(".")[0] in _OURS or isinstance(error, _ABOUT_CODE):
        text = str(error)
    elif isinstance(error, KeyError):
        text = HIDDEN
    else:
        text = _QUOTED.sub(HIDDEN, str(error))
    return f"{name}: {scrub(text)}" if text else name


def traceback_text(error: BaseException) -> str:
    """A traceback as Python prints it, with `telling` in place of each message."""
    return "".join(_parts(error, set())).rstrip("\n")


def _parts(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    cause, context = error.__cause__, error.__context__
    if cause is not None and id(cause) not in seen:
        yield from _parts(cause, seen)
        yield "\nThe above exception was the direct cause of the following exception:\n\n"
    elif context is not None and not error.__suppress_context__ and id(context) not in seen:
        yield from _parts(context, seen)
        yield "\nDuring handling of the above exception, another exception occurred:\n\n"
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):\n"
        yield from traceback.format_tb(error.__traceback__)
    yield telling(error) + "\n"
    for inner in getattr(error, "exceptions", ()):
        if isinstance(inner, BaseException) and id(inner) not in seen:
            yield from _parts(inner, seen)
