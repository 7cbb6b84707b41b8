"""Placing a stored place again: only what the tables change is lost or gained, and nobody is left without codes."""

from __future__ import annotations

import shapely

from core.model import AreaCode, Precision
from geo.areas import Areas
from geo.match import PlaceCodes
from geo.mesh import mesh_centre
from geo.placing import Tables, replacer, replacing
from geo.shapes import Shapes
from geo.tables import AreaRow

#: A city of two wards side by side, and a town east of it; a degree of longitude is 100 km here, near enough.
CITY, WEST, EAST, TOWN = "99100", "99101", "99102", "99201"
QUAKE = AreaCode("jma.quake_area", "999")
AREAS = Areas(
    [
        AreaRow(*QUAKE, "某県西部"),
        AreaRow("jma.quake_area", "998", "某県東部"),
        AreaRow("jis", CITY, "某市"),
        AreaRow("jis", WEST, "某市西区", parents=(AreaCode("jis", CITY), QUAKE)),
        AreaRow("jis", EAST, "某市東区", parents=(AreaCode("jis", CITY), QUAKE)),
        AreaRow("jis", TOWN, "隣町", parents=(AreaCode("jma.quake_area", "998"),)),
        *[AreaRow("jma.city", f"{jis}00", jis, parents=(AreaCode("jis", jis),)) for jis in (CITY, WEST, EAST, TOWN)],
    ]
)


def box(west: float, east: float) -> bytes:
    return bytes(shapely.to_wkb(shapely.box(west, 35.0, east, 35.4)))


JMA = [("9910000", box(139.0, 139.4)), ("9920100", box(139.4, 139.8))]
N03 = [("9910100", box(139.0, 139.2)), ("9910200", box(139.2, 139.4)), ("9920100", box(139.4, 139.8))]
OLD, NEW = Tables(AREAS, Shapes(JMA)), Tables(AREAS, Shapes(JMA, N03, AREAS))


def place(
    *jis: str, lon: float | None = 139.1, precision: Precision = Precision.EXACT, extra: tuple[AreaCode, ...] = ()
) -> PlaceCodes:
    codes = {code for one in jis for code in AREAS.codes_for_jis(one)} | set(extra)
    if lon is None:
        return PlaceCodes("p", frozenset(codes), None, None, Precision.MUNICIPALITY)
    return PlaceCodes("p", frozenset(codes), *mesh_centre(35.2, lon), precision)


def jis(codes: frozenset[AreaCode]) -> set[str]:
    return {code.code for code in codes if code.scheme == "jis"}


def test_boundaries_of_wards_tell_the_ward() -> None:
    change = replacing(place(CITY), (), OLD, NEW)
    assert (jis(change.lost), change.gained) == ({EAST}, frozenset())
    assert change.lost == {AreaCode("jis", EAST), AreaCode("jma.city", f"{EAST}00")}


def test_the_same_tables_change_nothing() -> None:
    for before, after in ((OLD, OLD), (NEW, NEW)):
        assert not replacing(place(CITY), (), before, after)
        assert not replacing(place(WEST), (WEST,), before, after)


def test_applied_twice_it_changes_nothing_more() -> None:
    stored = place(CITY)
    change = replacing(stored, (), OLD, NEW)
    again = stored._replace(codes=(stored.codes - change.lost) | change.gained)
    assert jis(again.codes) == {CITY, WEST}
    assert not replacing(again, (), OLD, NEW) and not replacing(again, (), NEW, NEW)


def test_and_back_again() -> None:
    change = replacing(place(WEST), (), NEW, OLD)
    assert (change.lost, jis(change.gained)) == (frozenset(), {EAST})  # nobody knows the ward any more: both count


def test_an_address_that_named_another_ward_keeps_it() -> None:
    change = replacing(place(EAST), (), OLD, NEW)  # the point lies in the west, the address said east
    assert (jis(change.lost), jis(change.gained)) == (set(), {WEST})


def test_a_second_municipality_that_nothing_explains_stays() -> None:
    assert jis(replacing(place(CITY, TOWN), (), OLD, NEW).lost) == {EAST}


def test_the_postal_code_keeps_its_municipality() -> None:
    assert not jis(replacing(place(CITY), (EAST, WEST), OLD, NEW).lost)
    assert not replacing(place(WEST), (WEST,), OLD, NEW)


def test_a_place_without_a_point_is_not_moved_by_boundaries() -> None:
    assert not replacing(place(CITY, lon=None), (), OLD, NEW)
    assert not replacing(place(CITY, precision=Precision.TOWN), (), OLD, NEW)
    assert not replacing(place(CITY, precision=Precision.MUNICIPALITY), (), OLD, NEW)


def test_near_the_new_border_both_sides_stay() -> None:
    assert not replacing(place(CITY, lon=139.2), (), OLD, NEW)


def test_a_place_outside_everything_keeps_what_it_has() -> None:
    at_sea = place(CITY, lon=140.5)
    assert not replacing(at_sea, (), OLD, NEW)
    assert not replacing(PlaceCodes("p", frozenset({QUAKE})), (), OLD, NEW)


def test_a_new_table_moves_everybody_without_a_point_too() -> None:
    rows = [row for row in AREAS.table().rows if row.code not in (TOWN, f"{TOWN}00")]
    moved = AreaRow("jis", TOWN, "隣町", parents=(QUAKE,))
    split = [
        AreaRow("jma.city", f"{TOWN}{n}", f"隣町{n}", parents=(AreaCode("jis", TOWN),)) for n in ("00", "11", "12")
    ]
    after = Tables(Areas([*rows, moved, *split]), OLD.shapes)
    change = replacing(place(TOWN, lon=None), (), OLD, after)
    assert change.lost == {AreaCode("jma.quake_area", "998")}
    assert change.gained == {AreaCode("jma.city", f"{TOWN}11"), AreaCode("jma.city", f"{TOWN}12"), QUAKE}


def test_a_municipality_that_was_merged_gives_its_places_to_the_heir() -> None:
    rows = [row for row in AREAS.table().rows if row.code not in (TOWN, f"{TOWN}00")]
    gone = AreaRow("jma.city", f"{TOWN}00", "隣町", parents=(AreaCode("jis", EAST),), retired=True)
    change = replacing(place(TOWN, lon=None), (), OLD, Tables(Areas([*rows, gone]), OLD.shapes))
    assert AreaCode("jis", EAST) in change.gained and AreaCode("jis", TOWN) in change.lost


def test_a_municipality_nobody_knows_any_more_leaves_the_place_as_it_is() -> None:
    rows = [row for row in AREAS.table().rows if row.code not in (TOWN, f"{TOWN}00")]
    assert not replacing(place(TOWN, lon=None), (), OLD, Tables(Areas(rows), OLD.shapes))


def test_many_places_get_the_same_answers_as_one() -> None:
    asked: list[str] = []

    def postal(code: str) -> tuple[str, ...]:
        asked.append(code)
        return (WEST,) if code else ()

    change_of = replacer(OLD, NEW, postal)
    for one in (place(CITY), place(CITY), place(EAST), place(CITY, lon=139.2), place(CITY, lon=None)):
        for code in ("", "9990001"):
            assert change_of(one, code) == replacing(one, postal(code), OLD, NEW)
    assert len(asked) == 10 + 8  # places alike are looked up once
