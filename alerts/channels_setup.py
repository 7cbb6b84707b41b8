"""Finds the channel modules and makes those that the settings configure."""

from __future__ import annotations

import alerts.channels
from alerts.buckets import Buckets, Limited
from alerts.channel import ChannelKind, Channels
from core.plugins import discover
from core.settings import Settings


def channel_kinds() -> dict[str, ChannelKind]:
    """Every channel there is, by its name (not by module name)."""
    return {kind.name: kind for kind in discover(alerts.channels, "CHANNEL").values()}


def make_channels(settings: Settings) -> Channels:
    """Make the configured channels; a stand-in only where what it stands in for is not configured.

    Call it inside a running loop: channels hold connections.
    """
    kinds = channel_kinds()
    made = Channels(kinds=kinds)
    for kind in kinds.values():
        wanted = kind.configured(settings)
        if wanted and kind.stands_in_for is not None:
            original = kinds.get(kind.stands_in_for)
            wanted = original is None or not original.configured(settings)
        if wanted:
            made.by_name[kind.name] = kind.make(settings)
    return made


def share_limits(channels: Channels, buckets: Buckets) -> None:
    """Let every channel that has limits take its tokens there."""
    for channel in channels.values():
        if isinstance(channel, Limited):
            channel.buckets = buckets
