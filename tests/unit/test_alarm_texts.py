"""What operators are told: every kind of alarm has its sentence, many become one message, an SMS stays short."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from alerts.sms_text import segments
from core.i18n import Catalogs
from ops.alarm_texts import MOST_LINES, Told, lines, payload, sentence, short_text, staff_sayer, subject_name
from ops.alarms import Alarm, Kind, Level

NOW = datetime(2026, 9, 1, 12, 40, tzinfo=UTC)
CATALOGS = Catalogs.load()
SITE = "https://daijobu.example.jp"


def alarm(kind: Kind = Kind.FEED_SILENT, level: Level = Level.CRITICAL, **more: object) -> Alarm:
    detail = {"since": NOW.isoformat(), "what": "HTTP 403", "number": 7}
    values = {"key": f"{kind}:x", "subject": "jma.eqvol", "detail": detail} | more
    return Alarm(id=uuid4(), kind=kind, level=level, opened_at=NOW, last_seen_at=NOW, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_its_sentence_also_where_nothing_more_is_known(kind: Kind, language: str) -> None:
    say = staff_sayer(CATALOGS, language)
    assert f"staff.alarm.is.{kind}" in CATALOGS.keys(language)
    full = sentence(say, alarm(kind))
    assert "{" not in full and full != sentence(say, alarm(kind, subject="x", detail={"what": "y"}))
    assert "{" not in sentence(say, alarm(kind, detail={}))


def test_times_are_japanese_and_streams_have_names() -> None:
    say = staff_sayer(CATALOGS, "en")
    assert sentence(say, alarm()).startswith(
        "JMA earthquakes, tsunami, volcanoes (jma.eqvol): not heard since 1 Sep 21:40"
    )
    assert subject_name(say, "usgs.4.5_day") == "usgs.4.5_day"
    assert staff_sayer(CATALOGS, "vi").lang == "en"


def test_the_worst_comes_first_and_held_alerts_are_one_line() -> None:
    say = staff_sayer(CATALOGS, "en")
    held = [alarm(Kind.HELD, key=f"held:{n}", subject="Mashiki") for n in range(40)]
    told = Told([alarm(level=Level.WARNING), *held], [alarm(Kind.OUTBOX)])
    first, second, third = lines(say, told)
    assert first.startswith("ALARM: ") and first.endswith("(and 39 more)") and "Two people must decide" in first
    assert second.startswith("Warning: ") and third.startswith("Over: ")
    assert told.level is Level.CRITICAL and Told(over=[alarm(level=Level.WARNING)]).level is Level.WARNING


def test_a_long_night_is_one_short_message() -> None:
    say = staff_sayer(CATALOGS, "en")
    told = Told([alarm(key=f"feed:{n}") for n in range(30)])
    assert len(lines(say, told)) == MOST_LINES + 1 and lines(say, told)[-1] == "(and 20 more)"
    body = payload(say, told, SITE, "Daijobu")
    assert body["text"] == body["message"] and body["text"].endswith(f"{SITE}/alarms")
    assert len(body["alarms"]) == 30 and body["level"] == "critical"


@pytest.mark.parametrize("language", ["ja", "en"])
def test_an_sms_has_at_most_three_parts(language: str) -> None:
    say = staff_sayer(CATALOGS, language)
    long = {"since": NOW.isoformat(), "what": "w" * 300, "number": 7}
    told = Told([alarm(Kind.FEED_FAILING, detail=long), alarm(level=Level.WARNING)], [alarm(Kind.OUTBOX)])
    text = short_text(say, told, "Daijobu")
    assert text.endswith(say.plain("staff.alarm.more", number=2))
    assert segments(f"{text}\n{SITE}/alarms").parts <= 3


def test_the_data_beside_the_text() -> None:
    one = alarm(told_count=2)
    body = payload(staff_sayer(CATALOGS, "ja"), Told([one], [alarm(Kind.OUTBOX)]), SITE, "Daijobu")
    assert [(a["state"], a["kind"], a["told"]) for a in body["alarms"]] == [
        ("open", "feed_silent", 2),
        ("over", "outbox", 0),
    ]
