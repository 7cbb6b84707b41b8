"""The texts of alerts in the database: each composed and written once, whoever of several slices needs it first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from alerts.texts import Text
from core.db import Connection, Pool

#: Alerts whose texts are remembered: those on their way, and the ones just before.
_REMEMBERED: Final = 8


@dataclass(slots=True)
class AlertTexts:
    """The texts of one alert, as far as this process has met them: by key, and their rows' ids; and written reasons."""

    texts: dict[str, Text] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    reasons: set[UUID] = field(default_factory=set)


@dataclass(slots=True)
class ComposedTexts:
    """The texts of the newest alerts."""

    _alerts: dict[UUID, AlertTexts] = field(default_factory=dict)

    def of(self, alert_id: UUID) -> AlertTexts:
        """Those of one alert."""
        found = self._alerts.setdefault(alert_id, AlertTexts())
        while len(self._alerts) > _REMEMBERED:
            del self._alerts[next(iter(self._alerts))]
        return found


# In the order of keys, so that two who write the same texts wait for each other in one direction only.
SQL_TEXTS = """
INSERT INTO alert_text (alert_id, key, language, channel, title, body, unreviewed, segments)
SELECT $1, t.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::int[]) AS t
ORDER BY 2
ON CONFLICT (alert_id, key) DO UPDATE SET key = excluded.key
RETURNING id, key
"""


async def write_texts(
    conn: Connection | Pool, alert_id: UUID, known: AlertTexts, wanted: Mapping[str, tuple[str, Text]]
) -> dict[str, int]:
    """Ids of the rows of these texts (key -> channel, text), made where there are none yet.

    On the pool, outside of the slice's transaction: two slices at once never wait for each other's texts. A text that
    nobody gets after all is a row that names nobody.
    """
    new = sorted(key for key in wanted if key not in known.ids)
    if new:
        words = [(wanted[key][0], wanted[key][1].composed) for key in new]
        rows = await conn.fetch(
            SQL_TEXTS,
            alert_id,
            new,
            [composed.language for _, composed in words],
            [channel for channel, _ in words],
            [composed.title for _, composed in words],
            [composed.body for _, composed in words],
            [composed.unreviewed for _, composed in words],
            [composed.segments for _, composed in words],
        )
        known.ids.update((row["key"], row["id"]) for row in rows)
    return {key: known.ids[key] for key in wanted}
