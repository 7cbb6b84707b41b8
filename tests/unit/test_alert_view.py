"""The check-in page's words about the alert, for every hazard, moment and language we have."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from checkin.alert_view import alert_view, text_context
from checkin.link_store import IncidentView
from core.i18n import Catalogs
from core.ids import uuid7
from core.model import Answer, Moment, PlaceKind, Purpose, Severity
from geo.areas import Areas
from tests.incidents import FLOOD_CONTEXT, QUAKE_CONTEXT, QUAKE_REASON
from tests.people import NOW

CATALOGS = Catalogs.load()
LEVELS: dict[str, tuple[Any, ...]] = {
    "earthquake": ("5-", "5+", "6-", "6+", "7", None),
    "tsunami": ("advisory", "warning", "major_warning", "forecast"),
    "heavy_rain": (2, 3, 4, 5, 0),
    "landslide": (3, 4, 5),
    "storm_surge": (3, 4, 5),
    "river_flood": (3, 4, 5, None),
}


def incident(hazard: str = "earthquake", moment: Moment = Moment.ISSUE, **more: Any) -> IncidentView:
    context = QUAKE_CONTEXT if hazard == "earthquake" else FLOOD_CONTEXT
    values: dict[str, Any] = {
        "id": uuid7(),
        "purpose": Purpose.LIVE,
        "hazard": hazard,
        "severity": Severity.EXTREME,
        "simulated": False,
        "opened_at": NOW - timedelta(minutes=5),
        "closed_at": None,
        "context": context | {"hazard": hazard, "moment": moment.value},
    }
    return IncidentView(**values | more)


def reason_at(level: Any) -> dict[str, Any]:
    return {"home": QUAKE_REASON["home"] | {"level": level}, "work": None, "worse": "home"}


def names(scheme: str, code: str, lang: str) -> str:
    return Areas.load().name(scheme, code, lang)


@pytest.mark.parametrize("hazard", LEVELS)
def test_no_page_fails_for_want_of_a_word(hazard: str) -> None:
    for level, moment, severity, lang in product(LEVELS[hazard], Moment, Severity, CATALOGS.languages):
        view = alert_view(CATALOGS, incident(hazard, moment), severity, reason_at(level), lang, names)
        assert view.own.title and view.own.where
        assert "None" not in view.own.title and "{" not in view.own.title + view.own.do
        assert view.over == (moment in (Moment.CANCEL, Moment.LIFT))
        assert (view.japanese is None) == lang.startswith("ja")


def test_the_worse_place_comes_first_and_decides() -> None:
    work = QUAKE_REASON["home"] | {"code": "4321300", "name_ja": "宇城市", "level": "7"}
    reason = {"home": QUAKE_REASON["home"], "work": work, "worse": "work"}
    context = text_context(incident(), Severity.EXTREME, reason)
    assert [place.kind for place in context.places] == [PlaceKind.WORK, PlaceKind.HOME]
    assert "震度7" in alert_view(CATALOGS, incident(), Severity.EXTREME, reason, "ja", names).own.title


def test_a_town_without_figure_is_told_of_its_area() -> None:
    reason = {"home": QUAKE_REASON["home"] | {"level": None, "area_max": "6+"}, "work": None, "worse": "home"}
    view = alert_view(CATALOGS, incident(), Severity.EXTREME, reason, "en", names)
    assert "6 Upper" in view.own.where and "no figure yet" in view.own.where


def test_unapproved_wording_says_so_and_stands_beside_easy_japanese_and_english() -> None:
    view = alert_view(CATALOGS, incident(), Severity.EXTREME, QUAKE_REASON, "my", names)
    assert view.unreviewed
    assert [words.lang for words in view.beside] == ["ja-simple", "en"]
    assert view.title_ja == "地震 震度6強"


def test_a_tsunami_in_the_incident_of_its_quake_speaks_of_the_tsunami() -> None:
    view_of = incident()
    tsunami = incident(context=view_of.context | {"hazard": "tsunami"})
    reason = {"home": QUAKE_REASON["home"] | {"level": "major_warning"}, "work": None, "worse": "home"}
    assert "大津波警報" in alert_view(CATALOGS, tsunami, Severity.EXTREME, reason, "ja", names).own.title


def test_an_area_we_do_not_know_keeps_the_telegrams_name() -> None:
    reason = {"home": QUAKE_REASON["home"] | {"code": "9999900", "name_ja": "新益城市"}, "work": None, "worse": "home"}
    assert "新益城市" in alert_view(CATALOGS, incident(), Severity.EXTREME, reason, "vi", names).own.where


def test_somebody_whose_places_are_not_touched_still_sees_what_happened() -> None:
    view = alert_view(CATALOGS, incident(), Severity.EXTREME, {}, "en", names)
    assert view.own.title and not view.own.where
    assert view.original == QUAKE_CONTEXT["headline"]


@pytest.mark.parametrize(
    ("purpose", "simulated", "everywhere", "tag"),
    [
        (Purpose.LIVE, False, False, None),
        (Purpose.LIVE, True, False, "tag.simulated"),
        (Purpose.LIVE, False, True, "tag.simulated"),
        (Purpose.DRILL, True, True, "tag.drill"),
        (Purpose.CANARY, False, False, "tag.canary"),
    ],
)
def test_what_is_not_real_is_labelled(purpose: Purpose, simulated: bool, everywhere: bool, tag: str | None) -> None:
    shown = incident(purpose=purpose, simulated=simulated)
    view = alert_view(CATALOGS, shown, Severity.EXTREME, QUAKE_REASON, "vi", names, simulated=everywhere)
    assert (view.tag_first, view.tag_last) == ((f"{tag}.first", f"{tag}.last") if tag else (None, None))


def test_what_is_offered_follows_the_newest_alert() -> None:
    assert incident("river_flood").offered[0] is Answer.SAFE_PLACE
    assert incident("river_flood", Moment.CANCEL).offered == (Answer.OK, Answer.HELP)


def test_a_place_reached_by_a_polygon_is_named_by_its_municipality() -> None:
    home = {"scheme": "polygon", "code": "0", "level": 5, "name_ja": "益城町", "municipality": "43443"}
    reason = {"home": home, "work": None, "worse": "home"}
    view = alert_view(CATALOGS, incident("river_flood"), Severity.EXTREME, reason, "vi", names)
    assert "Mashiki" in view.own.where
    # A municipality newer than our table keeps the name that the alert gave it.
    newer = {**reason, "home": home | {"municipality": "43999"}}
    assert "益城町" in alert_view(CATALOGS, incident("river_flood"), Severity.EXTREME, newer, "vi", names).own.where
