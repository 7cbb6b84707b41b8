"""What a feed is: constants and a pure parse. A new feed is one file in feeds/sources with a FEED of this type.

A feed says what it has to say over streams, each with a row in feed_state and a freshness of its own: polled documents
(`Stream`: a list of addresses, or the reports themselves) and pushed ones (`Push`: a WebSocket).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol

from core.model import Parsed
from feeds.atom import atom_listing
from feeds.listing import Item, Listing


class FeedSettings(Protocol):
    """The settings the feeds read (core.settings)."""

    @property
    def jma_feed_url(self) -> str: ...
    @property
    def jma_warning_family(self) -> Literal["new", "old"]: ...
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
    @property
    def p2pquake_url(self) -> str: ...
    @property
    def p2pquake_ws_url(self) -> str: ...
    @property
    def usgs_url(self) -> str: ...
    @property
    def other_every_s(self) -> float: ...
    @property
    def cap_sources(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def cap_host_names(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Stream:
    """One polled document and its long twin, which is read after a gap. Its paths are relative to the feed's base."""

    name: str
    path: str
    long_path: str
    #: Seconds between two polls, from the settings.
    every_s: Callable[[FeedSettings], float]
    #: How far back the long document is worth reading: older reports are superseded or too late to send.
    reach: timedelta
    #: No new report for this long looks like a frozen feed, however healthy its answers are. None: it may be silent.
    quiet_after: timedelta | None
    #: Pure: (document, its address) -> what it says there is. Raises UnreadableFeed.
    read: Callable[[bytes, str], Listing] = atom_listing


@dataclass(frozen=True, slots=True)
class Push:
    """A WebSocket on which reports arrive by themselves, without being sent again to whoever missed them."""

    name: str
    #: Its address; "" switches it off.
    url: Callable[[FeedSettings], str]
    #: Pure: one frame -> the report in it; None for what we do not use. Raises UnreadableReport.
    read: Callable[[bytes], Item | None]
    quiet_after: timedelta | None = None
    #: A larger frame ends the connection.
    max_frame_bytes: int = 1_000_000
    #: More in a minute ends it too: a flood must not keep the other loops from running.
    max_frames_per_minute: int = 6_000
    max_bytes_per_minute: int = 20_000_000
    #: Of those that are reports: after the worst quake there are a few in a minute.
    max_items_per_minute: int = 120


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
    #: What the paths of the streams are relative to; "" switches the polled streams off.
    base_url: Callable[[FeedSettings], str]
    streams: tuple[Stream, ...]
    #: The type code a body's URL tells; None: cannot be told.
    type_of_url: Callable[[str], str | None] = lambda url: ""
    #: Whether a body of this type code is fetched.
    wanted: Callable[[str], bool] = lambda type_code: True
    #: Hosts, besides the feed's own, that entries may point to.
    body_hosts: frozenset[str] = frozenset()
    pushes: tuple[Push, ...] = ()
    #: How long its events wait undecided, so that the agency it relays can speak for itself.
    grace: timedelta = timedelta(0)
    #: Its reports name the ones before them (references, other ids of the same quake): events join their thread.
    chained: bool = False
    #: Feeds that are asked at once when something arrives here.
    wakes: frozenset[str] = frozenset()
    #: A feed that exists once per setting: its instances; None: it is one feed.
    instances: Callable[[FeedSettings], tuple[Feed, ...]] | None = None
    #: The instance of this name ("gdacs" of cap.gdacs), whatever the settings say now: its reports are still ours.
    instance: Callable[[str], Feed] | None = None
