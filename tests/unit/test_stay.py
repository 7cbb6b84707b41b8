"""Asking who has left a company: when, over which way, and in which words."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from alerts.compose import LINK, MAX_PARTS, fill_link
from alerts.sms_text import segments
from alerts.stay_ask import stay_language, stay_text
from core.clock import JST
from core.i18n import Catalogs, without_furigana
from registry.stay import BACK_OFF, Outcome, Way, after_failure, is_daytime, ways_in_order

CATALOGS = Catalogs.load()
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=JST)
SEEN, UNSEEN = Way(UUID(int=1), "push", True), Way(UUID(int=2), "push", False)
PHONE = Way(UUID(int=3), "phone", False)
LINK_LENGTH = "https://daijobu.example.org/p/aBcDeFgHiJkL"


@pytest.mark.parametrize(
    ("hour", "minute", "day"), [(7, 59, False), (8, 0, True), (20, 59, True), (21, 0, False), (3, 0, False)]
)
def test_only_by_day_in_japan(hour: int, minute: int, day: bool) -> None:
    assert is_daytime(NOON.replace(hour=hour, minute=minute)) is day


@pytest.mark.parametrize(
    ("ways", "used", "usable", "expected"),
    [
        ([UNSEEN, PHONE, SEEN], (), {"push", "phone"}, [SEEN, PHONE, UNSEEN]),
        ([SEEN, PHONE], ("push",), {"push", "phone"}, [PHONE, SEEN]),  # the reminder goes the other way
        ([SEEN], ("push",), {"push", "phone"}, [SEEN]),
        ([SEEN, PHONE], (), {"phone"}, [PHONE]),
        ([Way(UUID(int=4), "email", True)], (), {"push", "phone"}, []),
    ],
)
def test_a_notification_somebody_saw_comes_first(
    ways: list[Way], used: tuple[str, ...], usable: set[str], expected: list[Way]
) -> None:
    assert ways_in_order(ways, used, usable) == expected


@pytest.mark.parametrize(
    ("claimed", "unsure", "outcome"),
    [
        (Outcome.SENDING, False, Outcome.RETRY),
        (Outcome.SENDING, True, Outcome.SENDING),  # the next claim is the second and last try of unknown fate
        (Outcome.AGAIN, True, Outcome.AGAIN),  # counted as sent
        (Outcome.AGAIN, False, Outcome.SENDING),
    ],
)
def test_what_may_have_left_is_never_tried_a_third_time(claimed: Outcome, unsure: bool, outcome: Outcome) -> None:
    assert after_failure(1, unsure=unsure, claimed=claimed, now=NOON).outcome is outcome


def test_pauses_grow_and_then_stay() -> None:
    found = [after_failure(n, unsure=False, claimed=Outcome.SENDING, now=NOON).due_at - NOON for n in range(1, 9)]
    assert found == [*BACK_OFF, *[timedelta(days=1)] * 4]


@pytest.mark.parametrize("lang", CATALOGS.languages)
def test_the_question_fits_an_sms_and_ends_with_its_link(lang: str) -> None:
    body = fill_link(stay_text(CATALOGS, lang, "sms", "Daijobu"), LINK_LENGTH)
    assert body.splitlines()[-1] == LINK_LENGTH and LINK not in body and body.count("http") == 1
    assert segments(body).parts <= MAX_PARTS, body
    question = without_furigana(CATALOGS.say(lang, "stay.sms", link=""))
    assert "[" not in body.replace("[Daijobu]", "") and "Daijobu" in body.splitlines()[0]
    assert question.split()[0][:4] in body
    notification = stay_text(CATALOGS, lang, "push", "Daijobu")
    assert LINK not in notification and "http" not in notification and notification


def test_the_first_approved_language_else_the_first_with_its_mark() -> None:
    assert stay_language(CATALOGS, ("my", "en")) in ("my", "en")
    assert stay_language(CATALOGS, ("xx", "")) == "en"
    lang = stay_language(CATALOGS, ("vi", ""))
    marked = CATALOGS.say("vi", "alert.unreviewed.short") in stay_text(CATALOGS, "vi", "sms", "Daijobu")
    assert lang == "vi" and marked is not CATALOGS.approved("vi", ("stay.", "frame."))
