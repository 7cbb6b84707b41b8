"""Units of a dorm, as rooms are written."""

from __future__ import annotations

from uuid import UUID

import pytest

from registry.units import Occupant, unit_of, units


@pytest.mark.parametrize(
    ("room", "unit"),
    [
        ("201", "2F"),
        ("1203", "12F"),
        ("１２０３号室", "12F"),
        ("203B", "2F"),
        ("7", ""),
        ("12", ""),
        ("", ""),
        ("A棟101", "A棟"),
        ("2号館 5", "2号館"),
        ("2階 5", "2階"),
        ("3F-2", "3F"),
        ("B-201", "B"),
        ("Flat 4 - left", "Flat 4"),
        ("kitchen", ""),
    ],
)
def test_how_rooms_are_written(room: str, unit: str) -> None:
    assert unit_of(room) == unit


def test_people_by_unit_and_room() -> None:
    def one(number: int, room: str, state: str = "enrolled") -> Occupant:
        return Occupant(UUID(int=number), f"P{number}", state, room, "")

    found = units([one(1, "1201"), one(2, "202", "invited"), one(3, ""), one(4, "201")])
    assert [(u.name, [p.room for p in u.people], u.enrolled) for u in found] == [
        ("2F", ["201", "202"], 1),
        ("12F", ["1201"], 1),
        ("", [""], 1),
    ]
    assert units([]) == []
