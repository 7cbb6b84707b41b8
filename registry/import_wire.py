"""People as JSON, for the way between the process that reads a file and the one that asked. Pure."""

from __future__ import annotations

from datetime import date
from typing import Any

from registry.records import GivenContact
from registry.rows import AddressInput, PersonRow, Problem, Weight


def encode_person(person: PersonRow) -> list[Any]:
    """One row as a list of plain values; `decode_person` is the reverse."""
    return [
        person.number,
        person.name,
        person.language,
        person.second_language,
        person.contacts,
        person.employee_id,
        person.employer,
        person.site,
        person.dorm,
        person.room,
        person.shift,
        person.start_date.isoformat() if person.start_date else None,
        person.end_date.isoformat() if person.end_date else None,
        _encode_place(person.home),
        _encode_place(person.work),
        person.household,
        [[p.code, int(p.weight), list(p.values)] for p in person.problems],
    ]


def _encode_place(place: AddressInput | None) -> list[Any] | None:
    return [place.postal_code, place.address, place.lat, place.lon] if place else None


def decode_person(data: list[Any], places: dict[tuple[Any, ...], AddressInput]) -> PersonRow:
    """The row again. `places` keeps equal addresses as one object: forty people of a dorm share theirs."""
    (number, name, language, second, contacts, employee_id, employer, site, dorm, room, shift, start, end, home, work,
     household, problems) = data  # fmt: skip
    return PersonRow(
        number=number,
        name=name,
        language=language,
        second_language=second,
        contacts=tuple(GivenContact(*c) for c in contacts),
        employee_id=employee_id,
        employer=employer,
        site=site,
        dorm=dorm,
        room=room,
        shift=shift,
        start_date=date.fromisoformat(start) if start else None,
        end_date=date.fromisoformat(end) if end else None,
        home=_decode_place(home, places),
        work=_decode_place(work, places),
        household=household,
        problems=tuple(Problem(code, Weight(weight), tuple((k, v) for k, v in vs)) for code, weight, vs in problems),
    )


def _decode_place(data: list[Any] | None, places: dict[tuple[Any, ...], AddressInput]) -> AddressInput | None:
    if data is None:
        return None
    key = tuple(data)
    if key not in places:
        places[key] = AddressInput(*data)
    return places[key]
