"""Flash bulletins, tornado watches and guidance for operators: short telegrams without a level."""

from __future__ import annotations

from datetime import datetime

import pytest

from core.model import Change, MessageType, Status, Tier, UnreadableReport
from feeds.sources.jma import parse
from tests.telegrams import area, body, event, parsed


def test_a_bulletin_names_what_happens_where() -> None:
    band = event("vpbs50_rain_band.xml")
    assert (band.type, band.hazard, band.message_type) == ("VPBS50", "weather_bulletin", MessageType.UPDATE)
    assert [(a.scheme, a.code, a.kind) for a in band.areas] == [
        ("jma.class10", "430040", "線状降水帯発生、記録雨"),  # two tags of one area
        ("jma.class15", "430011", "線状降水帯発生"),
        ("jma.office", "430000", "線状降水帯発生"),
    ]
    assert {(a.level, a.tier) for a in band.areas} == {(None, Tier.NONE)}
    assert band.office == "熊本地方気象台"


def test_a_bulletin_goes_on_under_the_time_it_began() -> None:
    assert event("vpbs50_rain_band.xml").thread == "VPBS50:actual:JPKM202607040330"
    cancelled = event("vpbs50_cancel.xml")
    assert (cancelled.message_type, cancelled.areas) == (MessageType.CANCEL, ())
    assert cancelled.thread == event("vpbs50_rain_band.xml").thread
    assert event("vpbs51_tide.xml").type == "VPBS51"


def test_a_tornado_watch_is_an_advisory_for_an_hour() -> None:
    watch = event("vphw50_tornado.xml")
    assert (watch.type, watch.hazard) == ("VPHW50", "tornado")
    assert {(a.code, a.tier, a.level, a.change) for a in watch.areas} == {
        ("4320211", Tier.ADVISORY, None, Change.ISSUED),
        ("4321300", Tier.ADVISORY, None, Change.ISSUED),
    }
    assert watch.valid_until == datetime.fromisoformat("2026-08-03T15:20:00+09:00")


def test_a_sighting_goes_on_with_the_watch() -> None:
    sighted = event("vphw51_sighted.xml")
    assert sighted.type == "VPHW51"
    # The title of one says 気象防災速報（竜巻注意）, of the other 竜巻注意情報.
    assert sighted.thread == event("vphw50_tornado.xml").thread
    assert sighted.message_type is MessageType.UPDATE
    assert area(sighted, "jma.city", "4321300").change is Change.LIFTED


@pytest.mark.parametrize(
    ("name", "kind", "hazard", "codes"),
    [
        ("vyse50_investigating.xml", "VYSE50", "nankai_trough", ("111",)),
        ("vyse51_explanation.xml", "VYSE51", "nankai_trough", ("210",)),
        ("vyse52_monthly.xml", "VYSE52", "nankai_trough", ("200",)),  # the same title as VYSE51
        ("vyse60_sanriku.xml", "VYSE60", "nankai_trough", ()),
        ("vzse40_outage.xml", "VZSE40", "quake_notice", ()),
    ],
)
def test_guidance_has_words_and_no_areas(name: str, kind: str, hazard: str, codes: tuple[str, ...]) -> None:
    told = event(name)
    assert (told.type, told.hazard, told.comment_codes, told.areas) == (kind, hazard, codes, ())
    assert parsed(name).type == kind
    assert told.headline == told.headline.strip() != ""
    assert told.text


def test_the_keyword_of_the_nankai_trough_stands_first() -> None:
    assert event("vyse50_investigating.xml").text.startswith("【調査中】\n気象庁では")
    assert event("vyse50_cancel.xml").message_type is MessageType.CANCEL
    assert event("vyse50_cancel.xml").thread == event("vyse50_investigating.xml").thread
    assert parsed("vyse50_exercise.xml").status is Status.EXERCISE


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("vpbs50_rain_band.xml", "<EventID>JPKM202607040330_202607040339<", "<EventID><", "EventID"),
        ("vpbs50_rain_band.xml", "<Code>430040</Code>", "", "情報タグ"),
        ("vphw50_tornado.xml", "（市町村等）", "（別）", "市町村等"),
        ("vyse50_investigating.xml", "<EventID>20261103164000<", "<EventID><", "EventID"),
        ("vzse40_outage.xml", "body/seismology1", "body/meteorology1", "namespace"),
    ],
)
def test_what_is_missing_is_named(name: str, old: str, new: str, says: str) -> None:
    with pytest.raises(UnreadableReport, match=says):
        parse(body(name).decode().replace(old, new).encode())
