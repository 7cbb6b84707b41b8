"""Messages to staff: the words, the pause between calls for help, the time somebody types."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import uuid4

import pytest

from alerts.compose import LINK
from alerts.sms_text import segments
from alerts.staff_texts import Happened, changed_text, help_text, place_of, told_text
from alerts.wording import PlaceText
from checkin.help_calls import PAUSE, Call, place_of_calls, to_tell
from checkin.visits import arrival, suggested
from core.clock import JST
from core.i18n import Catalogs
from core.model import Moment, Purpose, Severity
from geo.areas import Areas

CATALOGS = Catalogs.load()
AREAS = Areas.load()
NIGHT = datetime(2026, 11, 20, 12, 33, tzinfo=UTC)  # 21:33 in Japan
#: As long as the link of a short domain: https://daijobu.example/a/123456789012
URL = "https://daijobu.example/a/4yuJqXkYwzTb"


def happened(place: PlaceText | None, hazard: str = "earthquake", purpose: Purpose = Purpose.LIVE) -> Happened:
    return Happened(hazard, Severity.EXTREME, NIGHT, purpose, False, place)


QUAKE = PlaceText(None, "jma.city", "4344300", "7")


@pytest.mark.parametrize(
    ("place", "hazard"),
    [
        (QUAKE, "earthquake"),
        (PlaceText(None, "jma.city", "4310200", "6-"), "earthquake"),
        (PlaceText(None, "jma.city", "4344200", None, "7"), "earthquake"),
        (PlaceText(None, "jma.city", "4344300", 4), "landslide"),
        (PlaceText(None, "jma.tsunami_area", "740", "major_warning"), "tsunami"),
        (None, "earthquake"),
    ],
    ids=["town", "ward", "no figure", "landslide", "tsunami", "nowhere"],
)
@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("follows", [False, True])
def test_a_live_message_is_one_part(place: PlaceText | None, hazard: str, lang: str, follows: bool) -> None:
    text = told_text(
        CATALOGS, AREAS.name, happened(place, hazard), 128, follows=follows, lang=lang, channel="sms", sender="Daijobu"
    )
    body = text.body.replace(LINK, URL)
    assert "128" in body and body.endswith("\n" + URL)
    assert segments(body).parts == 1, (segments(body).units, body)
    if place is not None:
        assert AREAS.name(place.scheme, place.code, lang) in body


@pytest.mark.parametrize(("lang", "channel"), list(product(["ja", "en"], ["sms", "push"])))
def test_a_drill_says_so_first_and_last(lang: str, channel: str) -> None:
    text = told_text(
        CATALOGS, AREAS.name, happened(QUAKE, purpose=Purpose.DRILL), 5, follows=False, lang=lang, channel=channel,
        sender="Daijobu",
    )  # fmt: skip
    first = (text.title or text.body)[:20]
    assert CATALOGS.say(lang, "tag.drill.first") in first
    assert CATALOGS.say(lang, "tag.drill.last" if channel == "push" else "tag.drill.last.sms") in text.body


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_cancellation_says_that_nothing_is_to_be_done(lang: str) -> None:
    over = Happened(
        "earthquake", Severity.EXTREME, NIGHT, Purpose.LIVE, False, moment=Moment.CANCEL, earlier_at=NIGHT
    )  # fmt: skip
    text = changed_text(CATALOGS, AREAS.name, over, lang=lang, channel="sms", sender="Daijobu")
    assert CATALOGS.say(lang, "hazard.earthquake").lower() in text.body.lower() and text.segments == 1
    assert ("取消" if lang == "ja" else "CANCELLED") in text.body


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_help_counts_people_and_names_a_town_at_most(lang: str) -> None:
    town = AREAS.name("jis", "43443", lang)
    said = {
        (n, place): help_text(
            CATALOGS, n, place, purpose=Purpose.LIVE, simulated=False, lang=lang, channel="sms", sender="Daijobu"
        )
        for n, place in product((1, 2), ("", town))
    }
    assert all(text.segments == 1 and str(n) in text.body for (n, _), text in said.items())
    assert town in said[2, town].body and town not in said[2, ""].body
    if lang == "en":
        assert "1 person needs" in said[1, town].body and "2 people need" in said[2, ""].body


def test_a_place_reached_by_a_polygon_is_called_by_its_town() -> None:
    reason = {"scheme": "polygon", "code": "x", "level": "6+", "area_max": None, "municipality": "43443"}
    place = place_of(reason)
    assert place is not None and (place.scheme, place.code) == ("jis", "43443")
    assert place_of(None) is None and place_of({}) is None


def call(purpose: Purpose = Purpose.LIVE, town: str = "43443") -> Call:
    return Call(uuid4(), purpose, uuid4(), town)


def test_new_calls_are_told_once_and_not_within_the_pause() -> None:
    first, second, drill = call(), call(), call(Purpose.DRILL)
    assert to_tell([first], (), None, NIGHT) == [[first]]
    assert to_tell([first], {first.case_id}, None, NIGHT) == []
    assert to_tell([first, second], {first.case_id}, NIGHT, NIGHT + PAUSE - timedelta(seconds=1)) == []
    assert to_tell([first, second], {first.case_id}, NIGHT, NIGHT + PAUSE) == [[second]]
    assert to_tell([drill, first], (), None, NIGHT) == [[first], [drill]], "a drill is never counted with what is real"


def test_only_one_common_town_is_named() -> None:
    assert place_of_calls([call(), call()]) == "43443"
    assert place_of_calls([call(), call(town="43442")]) == ""
    assert place_of_calls([call(), call(town="")]) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("02:30", "2026-11-21T02:30"),
        ("22:00", "2026-11-20T22:00"),
        ("21:10", "2026-11-20T21:10"),  # just gone by: now
        ("20:50", None),  # a day ahead
        ("09:30", "2026-11-21T09:30"),
        ("10:00", None),
        ("", None),
        ("soon", None),
        ("25:00", None),
    ],
)
def test_the_next_time_the_clock_shows_that(text: str, expected: str | None) -> None:
    found = arrival(text, NIGHT)
    assert (found and found.astimezone(JST).isoformat()[:16]) == expected


def test_around_midnight() -> None:
    after = datetime(2026, 11, 20, 15, 10, tzinfo=UTC)  # 00:10 on the 21st
    found = arrival("23:55", after)
    assert found is not None and found.isoformat().startswith("2026-11-20T23:55")
    assert suggested(NIGHT) == "22:05"
    assert suggested(datetime(2026, 11, 20, 12, 30, tzinfo=UTC)) == "22:00"


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize(
    ("moment", "ja", "en"), [(Moment.LIFT, "解除", "LIFTED"), (Moment.CORRECT, "訂正", "CORRECTED")]
)
@pytest.mark.parametrize("hazard", ["heavy_rain", "tsunami", "storm_surge", "earthquake"])
def test_what_was_lifted_or_corrected_is_one_part(lang: str, moment: Moment, ja: str, en: str, hazard: str) -> None:
    over = Happened(hazard, Severity.SEVERE, NIGHT, Purpose.LIVE, False, moment=moment, earlier_at=NIGHT)
    text = changed_text(CATALOGS, AREAS.name, over, lang=lang, channel="sms", sender="Daijobu")
    assert text.segments == 1 and (ja if lang == "ja" else en) in text.body
