"""JMA disaster XML, public PULL feeds (気象庁防災情報XML): earthquakes, tsunami, rain, landslide, storm surge, rivers.

Source: https://xml.kishou.go.jp/xmlpull.html. The feeds are renewed every minute and show at least the last ten
minutes; the long files, hourly, show several days. An address that loads 10 GB a day is blocked.
"""

from __future__ import annotations

from datetime import timedelta

from core.model import Parsed
from feeds.feed import Feed, Stream
from feeds.jma import codes
from feeds.jma.envelope import ROOT_NS, read_envelope
from feeds.jma.flood import parse_flood
from feeds.jma.quake import parse_quake
from feeds.jma.tsunami import parse_tsunami
from feeds.jma.warning import parse_warning

_FAMILY = {
    "earthquake": parse_quake,
    "tsunami": parse_tsunami,
    "heavy_rain": parse_warning,
    "landslide": parse_warning,
    "storm_surge": parse_warning,
    "river_flood": parse_flood,
}


def parse(body: bytes) -> Parsed:
    """What one telegram says. The type comes from Control/Title and the Body, whatever the file is called.

    Raises UnreadableReport with one sentence naming the element that is missing or wrong.
    """
    envelope = read_envelope(body)
    events = () if envelope.ignored is not None else (_FAMILY[codes.HAZARD[envelope.type]](envelope),)
    return Parsed(
        source="jma",
        type=envelope.type,
        title=envelope.title,
        status=envelope.status,
        message_type=events[0].message_type if events else envelope.message_type,
        reported_at=envelope.reported_at,
        events=events,
        ignored=envelope.ignored,
    )


def recognises(body: bytes) -> bool:
    """Whether the first lines name JMA's namespace."""
    return ROOT_NS.encode() in body[:4096]


FEED = Feed(
    name="jma",
    credit="出典：気象庁",
    parse=parse,
    recognises=recognises,
    base_url=lambda settings: settings.jma_feed_url,
    streams=(
        Stream(
            name="eqvol",
            path="eqvol.xml",
            long_path="eqvol_l.xml",
            every_s=lambda settings: settings.eqvol_every_s,
            reach=timedelta(hours=24),
            quiet_after=timedelta(hours=48),
        ),
        Stream(
            name="extra",
            path="extra.xml",
            long_path="extra_l.xml",
            every_s=lambda settings: settings.extra_every_s,
            reach=timedelta(hours=72),
            quiet_after=timedelta(hours=24),
        ),
    ),
    type_of_url=codes.type_of_url,
    wanted=codes.wanted,
    body_hosts=frozenset({"www.data.jma.go.jp"}),
)
