"""In which order coordinators work, and the reason they are shown."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from checkin.cases import Claim
from checkin.triage import (
    DormCount,
    Filter,
    OpenCase,
    by_municipality,
    calls_for_help,
    chosen,
    page_of,
    people_by_place,
    units,
)
from core.model import CaseReason, Purpose, Severity

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
DORM_A, DORM_B, DORM_C = (UUID(int=n) for n in (0xA, 0xB, 0xC))


def case(
    reason: CaseReason = CaseReason.SILENT,
    *,
    dorm: UUID | None = None,
    severity: Severity = Severity.SEVERE,
    minutes: int = 30,
    **more: object,
) -> OpenCase:
    made = OpenCase(
        id=uuid4(),
        purpose=Purpose.LIVE,
        resident_id=uuid4(),
        incident_id=UUID(int=1),
        reason=reason,
        severity=severity,
        since=NOW - timedelta(minutes=minutes),
        dorm_id=dorm,
    )
    return made._replace(**more)  # type: ignore[arg-type]


def test_a_call_for_help_comes_before_everything_else() -> None:
    help_ = case(CaseReason.NEEDS_HELP, severity=Severity.SEVERE, minutes=1)
    extreme = case(CaseReason.UNREACHABLE, severity=Severity.EXTREME, minutes=300)
    missing = case(missing_at=NOW - timedelta(minutes=5))
    ordered = units([extreme, missing, help_], {}, NOW)
    assert [unit.cases[0] for unit in ordered] == [help_, missing, extreme]
    assert [unit.why.key.rsplit(".", 1)[1] for unit in ordered] == ["help", "missing", "unreachable"]


def test_severity_then_silent_share_then_waiting_time() -> None:
    extreme = case(severity=Severity.EXTREME, minutes=1)
    whole_dorm = [case(dorm=DORM_A, minutes=20) for _ in range(6)]
    one_of_six = case(dorm=DORM_B, minutes=50)
    alone_long = case(minutes=40)
    alone_short = case(minutes=10)
    counts = {DORM_A: DormCount(6, 6), DORM_B: DormCount(6, 1)}
    ordered = units([one_of_six, alone_short, alone_long, *whole_dorm, extreme], counts, NOW)
    assert [unit.cases[0].id for unit in ordered[:1]] == [extreme.id]
    assert [unit.id for unit in ordered[1:]] == [DORM_A, alone_long.id, alone_short.id, DORM_B]
    assert ordered[1].why.key == "staff.board.why.dorm_all"
    assert ordered[1].why.fields == {"total": 6, "minutes": 20}
    assert ordered[-1].why.fields == {"n": 1, "total": 6, "minutes": 50}


def test_a_dorm_is_one_unit_and_its_call_for_help_stands_on_top() -> None:
    silent = case(dorm=DORM_A)
    help_ = case(CaseReason.NEEDS_HELP, dorm=DORM_A, minutes=2)
    (unit,) = units([silent, help_], {DORM_A: DormCount(6, 2)}, NOW)
    assert unit.kind == "dorm" and unit.cases == (help_, silent)
    assert unit.why.fields == {"n": 1, "minutes": 2}


def test_a_missing_person_is_a_unit_apart_from_the_dorm() -> None:
    missing = case(dorm=DORM_A, missing_at=NOW - timedelta(minutes=3))
    ordered = units([case(dorm=DORM_A), missing], {DORM_A: DormCount(6, 2)}, NOW)
    assert [(unit.kind, unit.id) for unit in ordered] == [("person", missing.id), ("dorm", DORM_A)]


def test_live_and_drill_of_one_dorm_never_share_a_unit() -> None:
    ordered = units([case(dorm=DORM_A), case(dorm=DORM_A, purpose=Purpose.DRILL)], {}, NOW)
    assert sorted(unit.purpose.value for unit in ordered) == ["drill", "live"]


def test_the_order_does_not_depend_on_the_order_of_rows() -> None:
    rng = random.Random(4)
    cases = [
        case(
            rng.choice(list(CaseReason)),
            dorm=rng.choice([None, DORM_A, DORM_B, DORM_C]),
            severity=rng.choice([Severity.SEVERE, Severity.EXTREME]),
            minutes=rng.randrange(5),
        )
        for _ in range(60)
    ]
    counts = {DORM_A: DormCount(6, 6), DORM_B: DormCount(9, 2)}
    expected = units(cases, counts, NOW)
    for _ in range(10):
        rng.shuffle(cases)
        assert units(cases, counts, NOW) == expected


def test_filters_by_reason_and_by_who_works_on_it() -> None:
    me, other = uuid4(), uuid4()
    mine = case(claim=Claim(me, "Me", NOW + timedelta(minutes=5)))
    theirs = case(CaseReason.UNREACHABLE, claim=Claim(other, "Other", NOW + timedelta(minutes=5)))
    lapsed = case(CaseReason.NEEDS_HELP, claim=Claim(other, "Other", NOW))
    all_units = units([mine, theirs, lapsed], {}, NOW)

    def kept(wanted: Filter) -> set[UUID]:
        return {unit.cases[0].id for unit in chosen(all_units, wanted, me, NOW)}

    assert kept(Filter()) == {mine.id, theirs.id, lapsed.id}
    assert kept(Filter(whose="mine")) == {mine.id}
    assert kept(Filter(whose="free")) == {lapsed.id}
    assert kept(Filter(CaseReason.UNREACHABLE)) == {theirs.id}
    assert kept(Filter(CaseReason.UNREACHABLE, "mine")) == set()


def test_municipalities_stand_in_the_order_of_their_most_urgent_unit() -> None:
    calm = case(municipality="43443", minutes=5)
    urgent = case(CaseReason.NEEDS_HELP, municipality="43102")
    unknown = case(minutes=1)
    found = by_municipality(units([calm, urgent, unknown], {}, NOW))
    assert [code for code, _ in found] == ["43102", "43443", ""]


def test_no_town_hides_the_call_for_help_of_another() -> None:
    here = [case(CaseReason.NEEDS_HELP, municipality="43102"), case(municipality="43102"), case(municipality="43102")]
    there = [case(CaseReason.NEEDS_HELP, municipality="43443", minutes=1), case(municipality="43443")]
    helps, rest = calls_for_help(units([*here, *there], {}, NOW))
    assert [unit.municipality for unit in helps] == ["43102", "43443"]
    assert {unit.cases[0].id for unit in rest} == {here[1].id, here[2].id, there[1].id}


def test_people_of_a_town_and_of_nowhere_known() -> None:
    dorm = [case(dorm=DORM_A, municipality="43443") for _ in range(3)]
    lost = case(minutes=1)
    all_units = units([*dorm, lost], {}, NOW)
    assert people_by_place(all_units) == {"43443": 3, "": 1}
    me = uuid4()
    assert [u.id for u in chosen(all_units, Filter(place="43443"), me, NOW)] == [DORM_A]
    assert [u.id for u in chosen(all_units, Filter(place=""), me, NOW)] == [lost.id]
    assert chosen(all_units, Filter(place="40133"), me, NOW) == []


@pytest.mark.parametrize(
    ("number", "shown", "first", "last", "more"),
    [(0, [0, 1], 1, 2, True), (1, [0, 1], 1, 2, True), (3, [4], 5, 5, False), (99, [4], 5, 5, False)],
)
def test_a_long_list_in_parts(number: int, shown: list[int], first: int, last: int, more: bool) -> None:
    all_units = units([case(minutes=10 + n) for n in range(5)], {}, NOW)
    part = page_of(all_units, number, 2)
    assert part.units == tuple(all_units[n] for n in shown)
    assert (part.first, part.last, part.of, part.has_next) == (first, last, 5, more)


def test_an_empty_list_is_one_empty_part() -> None:
    part = page_of([], 1, 2)
    assert (part.units, part.first, part.last, part.of, part.has_next) == ((), 0, 0, 0, False)


def test_languages_of_a_unit_most_frequent_first() -> None:
    (unit,) = units([case(dorm=DORM_A, languages=("vi", "en")), case(dorm=DORM_A, languages=("vi",))], {}, NOW)
    assert unit.languages == ("vi", "en")
