"""The wires of the decide, send and tend loops: made once by main, handed down, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from alerts.channel import Channels
from alerts.rules import Rule
from alerts.text_store import ComposedTexts
from core.clock import Clock
from core.crypto import Vault
from core.db import Pool
from core.i18n import Catalogs
from core.settings import Settings
from core.wakeups import Wakeups
from geo.areas import Areas
from geo.place_index_store import LivePlaces


@dataclass(frozen=True, slots=True)
class Deps:
    """What the loops need. `rules`: by hazard; `channels`: those that are configured."""

    pool: Pool
    settings: Settings
    vault: Vault
    catalogs: Catalogs
    rules: Mapping[str, Rule]
    areas: Areas
    clock: Clock
    channels: Channels
    wakeups: Wakeups
    #: Every place in memory, for polygons; loaded when first asked.
    places: LivePlaces = field(default_factory=LivePlaces)
    #: Texts of the alerts on their way, composed once.
    composed: ComposedTexts = field(default_factory=ComposedTexts)
