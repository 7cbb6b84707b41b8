"""Guidance about earthquakes, for operators: VYSE50-52 Nankai Trough, VYSE60 off Hokkaido and Sanriku, VZSE40 notices.

Source: 気象庁防災情報XMLフォーマット 電文解説資料 (地震火山関連), code table EarthquakeInformation: 111 調査中,
120 巨大地震警戒, 130 巨大地震注意, 190 調査終了, 200 定例解説, 210 and 219 臨時解説.
"""

from __future__ import annotations

from dataclasses import replace

from core.model import Event, UnreadableReport
from feeds.jma.envelope import Envelope, require_body, text_at

_ROUTINE = "200"


def parse_guidance(envelope: Envelope) -> tuple[Event, ...]:
    """The event of one telegram: no areas, no level; the keyword's code is its comment code, its text says the rest."""
    require_body(envelope, "s")
    if not envelope.event_ids:
        raise UnreadableReport(f"{envelope.type}: Head/EventID is missing, so it cannot be told from others")
    info = "s:EarthquakeInfo/s:"
    code, keyword = (
        text_at(envelope.body, info + "InfoSerial/s:Code"),
        text_at(envelope.body, info + "InfoSerial/s:Name"),
    )
    texts = (
        f"【{keyword}】" if keyword else "",
        text_at(envelope.body, info + "Text"),
        text_at(envelope.body, "s:NextAdvisory"),
        text_at(envelope.body, "s:Text"),
    )
    # The monthly explanation shares its title with the extraordinary one.
    told = replace(envelope, type="VYSE52") if (envelope.type, code) == ("VYSE51", _ROUTINE) else envelope
    return (
        told.event(
            hazard="quake_notice" if envelope.type == "VZSE40" else "nankai_trough",
            subject=envelope.event_ids[0],
            comment_codes=(code,) if code else (),
            text="\n".join(text for text in texts if text),
        ),
    )
