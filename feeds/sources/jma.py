"""JMA disaster XML, public PULL feeds (気象庁防災情報XML): every type that can concern a resident or an operator.

Source: https://xml.kishou.go.jp/xmlpull.html. The feeds are renewed every minute and show at least the last ten
minutes; the long files, hourly, show several days. An address that loads 10 GB a day is blocked. Which types there are
and what becomes of each: feeds/jma/codes.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from core.model import Event, Parsed
from feeds.feed import Feed, Stream
from feeds.jma import codes
from feeds.jma.bulletin import parse_bulletin, parse_tornado
from feeds.jma.envelope import ROOT_NS, Envelope, read_envelope
from feeds.jma.flood import parse_flood
from feeds.jma.guidance import parse_guidance
from feeds.jma.old_warning import parse_old_landslide, parse_old_warning
from feeds.jma.quake import parse_quake
from feeds.jma.tsunami import parse_tsunami, parse_waves
from feeds.jma.unknown import urgent_event
from feeds.jma.volcano import parse_eruption, parse_volcano
from feeds.jma.warning import parse_warning

#: Type -> its parser; every type that makes events (feeds.jma.codes) has one.
PARSERS: dict[str, Callable[[Envelope], tuple[Event, ...]]] = {
    **dict.fromkeys(("VXSE51", "VXSE52", "VXSE53", "VXSE61"), parse_quake),
    "VTSE41": parse_tsunami,
    **dict.fromkeys(("VTSE51", "VTSE52"), parse_waves),
    **dict.fromkeys(("VYSE50", "VYSE51", "VYSE60", "VZSE40"), parse_guidance),
    **dict.fromkeys((f"VPWW{n}" for n in range(55, 62)), parse_warning),
    **dict.fromkeys(("VXKO", "VXSU"), parse_flood),
    **dict.fromkeys(("VPBS50", "VPBS51"), parse_bulletin),
    **dict.fromkeys(("VPHW50", "VPHW51"), parse_tornado),
    "VFVO50": parse_volcano,
    **dict.fromkeys(("VFVO52", "VFVO56"), parse_eruption),
    **dict.fromkeys(("VPWW53", "VPWW54"), parse_old_warning),
    "VXWW50": parse_old_landslide,
}


def parse(body: bytes, scheme: codes.WarningScheme = "new") -> Parsed:
    """What one telegram says. The type comes from Control/Title and the Body, whatever the file is called.

    `scheme`: which of JMA's two parallel warning schemes is read; the other one is ignored with a reason.
    Raises UnreadableReport with one sentence naming the element that is missing or wrong.
    """
    envelope = read_envelope(body, scheme)
    if envelope.ignored is None:
        events = PARSERS[envelope.type](envelope)
    else:
        events = () if codes.is_repeated(envelope.title) else urgent_event(envelope)
    return Parsed(
        source="jma",
        type=events[0].type if events else envelope.type,
        title=envelope.title,
        status=envelope.status,
        message_type=events[0].message_type if events else envelope.message_type,
        reported_at=envelope.reported_at,
        events=events,
        ignored=None if events else envelope.ignored,
    )


def recognises(body: bytes) -> bool:
    """Whether the first lines name JMA's namespace."""
    return ROOT_NS.encode() in body[:4096]


def reading(scheme: codes.WarningScheme) -> Feed:
    """The feed as it reads one of the two warning schemes: it fetches and parses no warning of the other."""
    return replace(FEED, parse=partial(parse, scheme=scheme), wanted=partial(codes.wanted, scheme=scheme))


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
    instances=lambda settings: (reading(settings.jma_warning_family),),
)
