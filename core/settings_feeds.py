"""Settings of the feeds. Part of core.settings."""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

JMA_FEED_URL: Final = "https://www.data.jma.go.jp/developer/xml/feed/"
#: Sources that are asked unless their address is empty. Everywhere else an empty variable is one that is not set.
OFF_WHEN_EMPTY: Final = ("p2pquake_url", "p2pquake_ws_url", "usgs_url")
_CAP_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,29}")


class FeedSettings(BaseModel):
    """Where reports come from, and how often they are asked for."""

    model_config = ConfigDict(defer_build=True)

    jma_feed_url: str = Field(
        JMA_FEED_URL,
        description="Folder of JMA's Atom feeds, with the final slash.",
    )
    eqvol_every_s: float = Field(30.0, gt=0, description="Seconds between polls of the earthquake feed.")
    extra_every_s: float = Field(60.0, gt=0, description="Seconds between polls of the warnings feed.")
    jma_warning_family: Literal["new", "old"] = Field(
        "new",
        description="Which of JMA's two parallel schemes of rain, landslide and surge warnings alerts: `new` "
        "(VPWW55-57, levels 2 to 5) or `old` (VPWW53/54, VXWW50), for the day the new one fails. Never both.",
    )
    feed_daily_byte_budget: int = Field(
        2_000_000_000, gt=0, description="Bytes a day and feed host; JMA blocks an address at 10 GB."
    )
    feed_max_body_bytes: int = Field(8_000_000, gt=0, description="A larger telegram is refused and reported.")
    p2pquake_url: str = Field(
        "https://api.p2pquake.net/v2/",
        description="Base URL of P2PQuake's API, with the final slash, for its history; empty: not asked.",
    )
    p2pquake_ws_url: str = Field(
        "wss://api.p2pquake.net/v2/ws", description="P2PQuake's WebSocket; empty: not listened to."
    )
    usgs_url: str = Field(
        "https://earthquake.usgs.gov/earthquakes/feed/v1.0/summary/4.5_day.geojson",
        description="Summary feed (GeoJSON) of the US Geological Survey; empty: not asked.",
    )
    cap_feeds: str = Field(
        "",
        description="CAP 1.2 feeds of other agencies, as comma-separated name=URL (Atom, RSS or one CAP document); "
        "a name is up to 30 letters a-z, digits and hyphens.",
    )
    cap_hosts: str = Field(
        "", description="Hosts, comma-separated, besides a CAP feed's own from which its documents may come (https)."
    )
    other_every_s: float = Field(
        60.0, gt=0, description="Seconds between polls of P2PQuake's history, of USGS and of each CAP feed."
    )

    @model_validator(mode="before")
    @classmethod
    def _stay_local(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Whoever points JMA's address elsewhere (a test, a rehearsal) does not mean the real other sources either."""
        if values.get("jma_feed_url", JMA_FEED_URL) == JMA_FEED_URL:
            return values
        return dict.fromkeys(OFF_WHEN_EMPTY, "") | values

    @field_validator("jma_feed_url", "p2pquake_url")
    @classmethod
    def _folder(cls, value: str) -> str:
        if value and not value.endswith("/"):
            raise ValueError("must end with /")
        return value

    @field_validator("jma_feed_url", "p2pquake_url", "usgs_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// or http://")
        return value

    @field_validator("p2pquake_ws_url")
    @classmethod
    def _socket_address(cls, value: str) -> str:
        if value and not value.startswith(("wss://", "ws://")):
            raise ValueError("must begin with wss:// or ws://")
        return value

    @field_validator("cap_feeds")
    @classmethod
    def _named_addresses(cls, value: str) -> str:
        parts = [part.strip() for part in value.split(",") if part.strip()]
        names = [part.partition("=")[0].strip() for part in parts]
        for part, name in zip(parts, names, strict=True):
            url = part.partition("=")[2].strip()
            if not _CAP_NAME.fullmatch(name) or not url.startswith(("https://", "http://")):
                raise ValueError(f"{part[:80]!r} is not name=URL, e.g. gdacs=https://www.gdacs.org/xml/rss.xml")
        if len(set(names)) < len(names):
            raise ValueError("names one feed twice")
        return ",".join(parts)

    @property
    def cap_sources(self) -> tuple[tuple[str, str], ...]:
        """(name, URL) of each CAP feed, in the order given."""
        pairs = (part.partition("=") for part in self.cap_feeds.split(",") if part)
        return tuple((name.strip(), url.strip()) for name, _, url in pairs)

    @property
    def cap_host_names(self) -> frozenset[str]:
        """Further hosts that CAP documents may come from."""
        return frozenset(host.strip().lower() for host in self.cap_hosts.split(",") if host.strip())
