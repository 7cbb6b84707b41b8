"""What a feed is: constants and a pure parse. A new feed is one file in feeds/sources with a FEED of this type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from core.model import Parsed


class FeedSettings(Protocol):
    """The settings the poller reads (core.settings)."""

    @property
    def jma_feed_url(self) -> str: ...
    @property
    def contact(self) -> str: ...
    @property
    def feed_daily_byte_budget(self) -> int: ...
    @property
    def feed_max_body_bytes(self) -> int: ...
    @property
    def eqvol_every_s(self) -> float: ...
    @property
    def extra_every_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Stream:
    """One polled Atom file and its long twin, which is read after a gap."""

    name: str
    path: str
    long_path: str
    #: Seconds between two polls, from the settings.
    every_s: Callable[[FeedSettings], float]
    #: How far back the long file is worth reading: older reports are superseded or too late to send.
    reach: timedelta
    #: No new report for this long looks like a frozen feed, however healthy its answers are.
    quiet_after: timedelta


@dataclass(frozen=True, slots=True)
class Feed:
    """One source of reports."""

    name: str
    #: How the source must be named next to what it says (its terms of use).
    credit: str
    #: Pure. Raises UnreadableReport with one sentence.
    parse: Callable[[bytes], Parsed]
    #: Whether these bytes look like a document of this feed at all, whatever the file is called.
    recognises: Callable[[bytes], bool]
    #: Directory URL of the streams, ending with "/".
    base_url: Callable[[FeedSettings], str]
    streams: tuple[Stream, ...]
    #: The type code a body's URL tells; None: cannot be told.
    type_of_url: Callable[[str], str | None]
    #: Whether a body of this type code is fetched.
    wanted: Callable[[str], bool]
    #: Hosts, besides the feed's own, that entries may point to.
    body_hosts: frozenset[str] = frozenset()
