"""Manual incidents, pure: what a form says, the moment a clock showed, the event of each act, places by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from alerts.manual import Act, Draft, ManualProblem, clock_time, read_draft, to_event
from alerts.manual_places import cities_of, pick_of, search
from core.model import Change, MessageType, Status
from geo.areas import Areas

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)  # noon in Japan
AREAS = Areas.load()
HITOYOSHI, KUMA = {"4320300": "人吉市"}, {"4350100": "錦町", "4320300": "人吉市"}
FORM = {
    "hazard": "river_flood",
    "severity": "severe",
    "source_kind": "town_office",
    "source_words": "by phone",
    "said_at": "11:40",
}


def draft(before: Draft | None = None, *, picks: tuple[str, ...] = ("jis:43203",), **fields: str) -> Draft:
    incident = before.incident if before else uuid4()
    form = FORM | fields
    return read_draft(form, picks, incident=incident, before=before, hazards={"river_flood", "other"}, now=NOW)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"hazard": "comet"}, "hazard"),
        ({"severity": "huge"}, "severity"),
        ({"source_kind": "neighbour"}, "source_kind"),
        ({"source_words": " "}, "source_words"),
        ({"said_at": "noon"}, "said_at"),
    ],
)
def test_what_is_missing_is_told(fields: dict[str, str], problem: str) -> None:
    with pytest.raises(ManualProblem) as told:
        draft(**fields)
    assert told.value.key == f"staff.manual.problem.{problem}"


def test_a_follow_up_needs_an_act_and_is_not_older_than_what_was_sent() -> None:
    first = draft()
    with pytest.raises(ManualProblem, match="places"):
        draft(picks=())
    for act in ("", "open", "forget"):
        with pytest.raises(ManualProblem, match="act"):
            draft(first, act=act)
    with pytest.raises(ManualProblem, match="older"):
        draft(first, act="lift", said_at="11:39")
    lift = draft(first, act="lift", said_at="11:40", picks=("pref:43",), severity="", hazard="other")
    assert (lift.number, lift.hazard, lift.severity, lift.picks) == (2, "river_flood", "severe", ("jis:43203",))


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("11:40", -20), ("1140", -20), ("12:00", 0), ("12:02", 2), ("12:03", 3 - 24 * 60), ("9:05", -175), ("23:00", -780),
     ("24:00", None), ("12:60", None), ("", None), ("11：40", -20)],
)  # fmt: skip
def test_the_last_moment_at_which_the_clocks_showed_it(text: str, minutes: int | None) -> None:
    found = clock_time(text, NOW)
    assert found == (None if minutes is None else NOW + timedelta(minutes=minutes))


def test_a_draft_survives_json_and_its_fingerprint_changes_with_what_it_says() -> None:
    one = draft()
    assert Draft.from_json(one.to_json()) == one
    assert replace(one, incident=uuid4()).fingerprint == one.fingerprint
    for other in (replace(one, severity="extreme"), replace(one, picks=("pref:43",)), replace(one, source_words="fax")):
        assert other.fingerprint != one.fingerprint


def test_each_act_becomes_its_event() -> None:
    first = draft()
    opened = to_event(first, HITOYOSHI, None, {}, NOW)
    assert (opened.source, opened.type, opened.status) == ("manual", "MANUAL", Status.ACTUAL)
    assert opened.message_type is MessageType.ISSUE and opened.thread == f"manual:{first.incident}"
    assert [(a.scheme, a.code, a.level, a.change) for a in opened.areas] == [
        ("jma.city", "4320300", "severe", Change.ISSUED)
    ]
    assert "by phone" not in (opened.text + opened.headline + opened.title), "what staff wrote reaches no resident"
    second = draft(first, act="update", severity="extreme", picks=("jis:43203", "jis:43501"))
    raised = to_event(second, KUMA, first, HITOYOSHI, NOW)
    assert raised.message_type is MessageType.UPDATE and raised.order > opened.order
    assert {a.code: a.change for a in raised.areas} == {"4320300": Change.RAISED, "4350100": Change.ISSUED}
    third = draft(second, act="update", severity="moderate")
    lowered = to_event(third, HITOYOSHI, second, KUMA, NOW + timedelta(seconds=1))
    assert {a.code: a.change for a in lowered.areas} == {"4320300": Change.LOWERED, "4350100": Change.LIFTED}
    assert lowered.order > raised.order
    over = to_event(draft(third, act="lift"), HITOYOSHI, third, HITOYOSHI, NOW)
    assert over.message_type is MessageType.LIFT and {a.change for a in over.areas} == {Change.LIFTED}
    wrong = to_event(draft(third, act="cancel"), HITOYOSHI, third, HITOYOSHI, NOW)
    assert wrong.message_type is MessageType.CANCEL and wrong.areas == ()
    same = to_event(draft(first, act="update"), HITOYOSHI, first, HITOYOSHI, NOW)
    assert {a.change for a in same.areas} == {Change.CONTINUED} and Act("open") is Act.OPEN


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("人吉", "jis:43203"),
        ("ヒトヨシ", "jis:43203"),
        ("hitoyoshi", "jis:43203"),
        ("熊本", "pref:43"),
        ("Kumamoto", "pref:43"),
        ("球磨", "jma.class10:430040"),
        ("aso", "jis:43214"),
    ],
)
def test_places_are_found_by_any_of_their_names(query: str, first: str) -> None:
    assert search(AREAS, query, "ja", ("43",))[0].key == first
    assert len(search(AREAS, query, "en", ("43",))) <= 20


def test_a_search_for_nothing_finds_nothing() -> None:
    assert search(AREAS, " - ", "ja") == [] == search(AREAS, "Atlantis", "en")


@pytest.mark.parametrize(
    ("key", "codes"),
    [
        ("jis:43203", {"4320300"}),
        ("jis:43102", {"4310200"}),  # a ward stands for itself, not for its city
        ("jis:43100", {"4310000", "4310100", "4310200", "4310300", "4310400", "4310500"}),
        ("jis:43202", {"4320200", "4320211", "4320212"}),  # a split municipality with its parts
        ("jis:99999", set()),
        ("jis:", set()),
        ("pref:48", set()),
        ("jma.class10:999999", set()),
        ("jma.volcano:503", set()),
        ("nonsense", set()),
    ],
)
def test_a_place_becomes_the_municipalities_that_people_are_matched_by(key: str, codes: set[str]) -> None:
    assert set(cities_of(AREAS, [key])) == codes
    assert (pick_of(AREAS, key, "en") is not None) is bool(codes)


def test_a_prefecture_and_a_region_hold_their_municipalities() -> None:
    whole, region = cities_of(AREAS, ["pref:43"]), cities_of(AREAS, ["jma.class10:430040"])
    assert "4320300" in region and set(region) < set(whole) and all(code.startswith("43") for code in whole)
    assert pick_of(AREAS, "jma.class10:430040", "ja") is not None and whole["4320300"] == "人吉市"
