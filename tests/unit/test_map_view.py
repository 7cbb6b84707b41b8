"""What a map page shows for whom: which reports stand, which areas, whose numbers, which lines."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from checkin.dashboard import Standing
from checkin.map_view import (
    LINES,
    Numbers,
    TownStanding,
    asked_frame,
    board_numbers,
    first_frame,
    fits_shelters,
    marks_of,
    own_numbers,
    place_of,
    places_in,
    reports_of,
    standing,
    table,
    told_numbers,
    wards_of,
    zoom_to,
)
from core.model import Answer, Area, CaseReason, MessageType
from geo.areas import Areas
from geo.map_frame import japan
from geo.map_scale import Said, Scale
from tests.alerts_kit import NOON, city, quake, rain, region, tsunami

AREAS = Areas.load()
SILENT, HELP, OK = (
    Standing(asked=True, reachable=True),
    Standing(asked=True, reachable=True, status=Answer.HELP),
    Standing(asked=True, reachable=True, status=Answer.OK),
)
NOBODY = Numbers(("help", "silent", "all"), {})


def shindo(level: str, *, no_figure: bool = False) -> Said:
    return Said(Scale.INTENSITY, level, no_figure=no_figure)


def test_a_flash_report_goes_when_the_municipalities_are_known_and_relays_where_jma_speaks() -> None:
    flash = quake(region("6-"), type="VXSE51", at=NOON)
    full = quake(region("7"), city("4344300", "7"), at=NOON + timedelta(minutes=4))
    other = quake(region("4"), type="VXSE51", id="20261120121500", at=NOON + timedelta(minutes=15))
    assert standing([flash]) == [flash]
    assert standing([flash, full, other]) == [full, other]
    relayed = quake(region("5+"), type="551", id="p2p", at=NOON)
    object.__setattr__(relayed, "source", "p2pquake")
    assert standing([relayed]) == [relayed] and standing([relayed, full]) == [full]


def test_what_is_taken_back_is_gone_and_of_tsunamis_the_newest_says_everything() -> None:
    taken_back = quake(city("4344300", "7"), message=MessageType.CANCEL)
    assert standing([taken_back]) == []
    first, second = tsunami("warning", at=NOON), tsunami("advisory", at=NOON + timedelta(hours=1), id="20261120120000")
    assert standing([second, first]) == [second]
    assert reports_of([rain()]) == []


@pytest.mark.parametrize(
    ("asked", "codes"),
    [("43443", 1), ("43", 48), ("43,44", 66), ("741", 25), ("430040", 10), ("jp", 142)],
)
def test_an_area_of_the_address_is_a_frame(asked: str, codes: int) -> None:
    frame = asked_frame(asked)
    assert frame is not None and len(frame.codes) == codes


@pytest.mark.parametrize("asked", ["", "99", "4", "43443 ", "jp,43", "43,", "４３", "43443'--", "4" * 400, "000000"])
def test_anything_else_is_no_frame(asked: str) -> None:
    assert asked_frame(asked) is None


def test_the_first_map_shows_who_is_hit_hard_and_where_the_own_people_are() -> None:
    hit = {"4344300": shindo("7"), "4410000": shindo("4"), "1310100": shindo("1")}
    assert {c[:2] for c in first_frame(hit, []).codes} == {"43"}
    assert {c[:2] for c in first_frame(hit, ["44201", "", "04202"]).codes} == {"43", "44"}
    assert {c[:2] for c in first_frame({}, ["44201", ""]).codes} == {"44"}
    assert {c[:2] for c in first_frame({"4410000": shindo("3"), "4344300": shindo("2")}, []).codes} == {"44"}
    assert first_frame({}, []) == japan()
    assert first_frame({f"{pref}10000": shindo("6-") for pref in ("04", "05", "06", "07")}, []) == japan()


def test_rows_are_municipalities_with_their_wards_and_parts_together() -> None:
    frame = asked_frame("43")
    assert frame is not None
    places = places_in(frame, AREAS)
    assert places["43202"] == ["4320211", "4320212"] and places["43100"] == ["4310000"]
    kyoto = asked_frame("26100")
    assert kyoto is not None and list(places_in(kyoto, AREAS)) == ["26100"]
    assert place_of("43443", frame) == "43443" and place_of("43443", japan()) == "430010"
    assert place_of("", japan()) == "" and place_of("99999", japan()) == ""
    assert (zoom_to("430010", japan(), 142), zoom_to("011000", japan(), 142)) == ("43", "011000")
    assert (zoom_to("43443", frame, 45), zoom_to("43443", frame, 1)) == ("43443", "")


def test_own_people_are_counted_where_they_are_and_by_who_waits() -> None:
    people = [
        TownStanding("43443", HELP, 1), TownStanding("43443", SILENT, 2), TownStanding("43443", OK, 9),
        TownStanding("43101", SILENT, 1), TownStanding("43100", OK, 3), TownStanding("", SILENT, 4),
    ]  # fmt: skip
    numbers = own_numbers(people, AREAS)
    assert numbers.towns == {"43443": (1, 2, 12), "43100": (0, 1, 4), "": (0, 4, 4)}
    assert [numbers.label(numbers.towns[t]) for t in ("43443", "43100")] == ["!3/12", "1/4"]
    assert numbers.label(()) == ""
    board = board_numbers({"43443": Counter({CaseReason.SILENT: 3, CaseReason.NEEDS_HELP: 1})}, AREAS)
    assert board.towns == {"43443": (1, 3, 0)} and board.label((1, 3, 0)) == "!4" and board.label((0, 0, 0)) == ""


def test_small_counts_are_hidden_and_every_sum_that_would_tell_them() -> None:
    numbers, total = told_numbers({"43443": 2, "43404": 9, "13101": 40, "": 5}, AREAS)
    assert total == 56 and numbers.towns["43443"] == (None,)
    hidden = [town for town, cells in numbers.towns.items() if cells == (None,)]
    assert len(hidden) >= 2
    assert numbers.label((None,)) == "" and numbers.label((40,)) == "40"
    shown = table(japan(), {"430010": shindo("7")}, numbers, AREAS)
    kumamoto = next(row for row in shown.rows if row.place == "430010")
    assert kumamoto.cells == (None,)


def test_the_table_is_worst_first_and_loses_nobody() -> None:
    frame = asked_frame("43")
    assert frame is not None
    numbers = Numbers(
        ("help", "silent", "all"),
        {"43443": (0, 1, 9), "43404": (1, 0, 3), "43202": (0, 2, 2), "13101": (0, 0, 7), "": (0, 1, 1)},
    )
    levels = {"4344300": shindo("6+"), "4340400": shindo("6+"), "4320211": shindo("4"), "4320212": shindo("5-")}
    shown = table(frame, levels, numbers, AREAS)
    assert [row.place for row in shown.rows] == ["43404", "43443", "43202"]  # help first, then who is silent
    assert shown.rows[2].said == shindo("5-") and shown.rows[2].zoom == "43202"
    assert (shown.outside, shown.unplaced) == ((0, 0, 7), (0, 1, 1))
    assert shown.calm + len(shown.rows) == len(places_in(frame, AREAS))
    assert table(frame, {}, NOBODY, AREAS).outside == ()


def test_places_without_people_share_a_line_by_level_so_that_the_table_fits_beside_the_map() -> None:
    frame = asked_frame("43")
    assert frame is not None
    levels = {code: shindo("5+" if n % 3 else "4") for n, code in enumerate(frame.codes)}
    numbers = Numbers(("help", "silent", "all"), {"43501": (0, 0, 2)})
    shown = table(frame, levels, numbers, AREAS)
    assert len(shown.rows) == LINES + 1 and "43501" in {row.place for row in shown.rows}
    assert [group.said.level for group in shown.together] == ["5+", "4"]
    hatched = table(frame, {frame.codes[0]: shindo("7", no_figure=True)}, NOBODY, AREAS)
    assert hatched.rows == () and [group.said.level for group in hatched.together] == ["7"]
    everywhere = [row.place for row in shown.rows] + [row.place for group in shown.together for row in group.rows]
    assert sorted(everywhere) == sorted(places_in(frame, AREAS)) and shown.calm == 0


def test_a_municipality_in_parts_has_one_number_and_each_part_its_level() -> None:
    frame = asked_frame("43")
    assert frame is not None
    numbers = Numbers(("help", "silent", "all"), {"43202": (1, 1, 5)})
    levels = {"4320211": shindo("4"), "4320212": shindo("5-")}
    marks = marks_of(frame, table(frame, levels, numbers, AREAS), levels, numbers, lambda area: f"?area={area}", AREAS)
    west, east = marks["4320211"], marks["4320212"]
    assert (west.said, west.number, west.urgent, east.said, east.number) == (
        shindo("4"),
        "!2/5",
        True,
        shindo("5-"),
        "",
    )
    assert west.href == east.href == "?area=43202"
    assert marks["4344300"].said is None and marks["4344300"].number == ""


def test_wards_of_a_city_are_listed_and_shelters_need_a_small_map() -> None:
    reports = reports_of([quake(city("4310200", "6-"), city("4310100", "5+"), Area("jma.city", "4310300"))])
    assert wards_of("43100", reports, AREAS) == [("43101", "5+"), ("43102", "6-")]
    assert wards_of("43443", reports, AREAS) == []
    few, many = asked_frame("43443,43442"), asked_frame("43")
    assert few is not None and many is not None
    assert fits_shelters(few) and not fits_shelters(many) and not fits_shelters(japan())
