"""What a polled document says there is: addresses of reports, or the reports themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


class UnreadableFeed(ValueError):
    """The document is not the list that the feed should be. The message is one sentence saying what is wrong."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One report a list names. `updated` is None where the list gives no time we can read."""

    url: str
    title: str
    updated: datetime | None
    #: What the report is remembered by; "": its address. Set where the same address gets new content.
    key: str = ""

    @property
    def identity(self) -> str:
        """Two entries of the same identity are the same report."""
        return self.key or self.url


@dataclass(frozen=True, slots=True)
class Item:
    """One report that came inside another document: `body` is kept as if it had been fetched alone.

    `key` is its identity for good (it stands in report.url), so that the same item over another way is known.
    """

    key: str
    body: bytes
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """One reading of a polled document."""

    entries: tuple[Entry, ...] = ()
    items: tuple[Item, ...] = ()
    #: What an operator should know of this reading, one sentence each.
    problems: tuple[str, ...] = ()
    #: When the document says it was made; None if it does not.
    made_at: datetime | None = None
