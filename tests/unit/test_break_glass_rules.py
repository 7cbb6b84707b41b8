"""Disclosure in an emergency: what may be asked for, for how long, and what stays hidden."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from registry.break_glass import (
    FIELDS,
    LASTS,
    BreakGlassProblem,
    Request,
    from_payload,
    is_open,
    payload,
    read_request,
    shown,
)

NOW = datetime(2026, 11, 20, tzinfo=UTC)
PERSON, OTHER = UUID(int=1), UUID(int=2)
GOOD = {
    "purpose": "search of a house",
    "recipient": "Fire service, Mr A",
    "field-name": "1",
    "scope": "43443",
}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"purpose": "  "}, "purpose"),
        ({"recipient": ""}, "recipient"),
        ({"field-name": ""}, "fields"),
        ({"field-name": "", "field-password": "1"}, "fields"),
        ({"scope": ""}, "scope"),
        ({"scope": "13101"}, "scope"),  # a town where nobody was told
        ({"scope": str(OTHER)}, "scope"),  # a person without an open case
    ],
)
def test_what_lacks_is_refused_with_its_sentence(change: dict[str, str], key: str) -> None:
    with pytest.raises(BreakGlassProblem) as refused:
        read_request(GOOD | change, ["43443"], [PERSON])
    assert refused.value.key == f"staff.glass.problem.{key}"


@pytest.mark.parametrize(
    ("scope", "town", "person"), [("43443", "43443", None), (str(PERSON), None, PERSON)], ids=["town", "person"]
)
def test_a_request_survives_the_approval(scope: str, town: str | None, person: UUID | None) -> None:
    form = GOOD | {"scope": scope, "field-phone": "1", "field-address": "1"}
    request = read_request(form, ["43443"], [PERSON])
    assert request == Request(GOOD["purpose"], GOOD["recipient"], ("name", "phone", "address"), town, person)
    assert from_payload(payload(request, "somewhere")) == request


@pytest.mark.parametrize(
    ("age", "ended", "open_"),
    [
        (timedelta(0), None, True),
        (LASTS - timedelta(seconds=1), None, True),
        (LASTS, None, False),
        (timedelta(hours=1), NOW, False),
        (-timedelta(seconds=1), None, False),
    ],
)
def test_it_ends_by_itself(age: timedelta, ended: datetime | None, open_: bool) -> None:
    assert is_open(NOW, ended, NOW + age) is open_


def test_only_named_fields_are_shown_and_no_place_of_a_protected_person() -> None:
    assert shown(("phone", "name"), protected=False) == ("name", "phone")
    assert shown(FIELDS, protected=True) == ("name", "languages", "phone", "status", "needs")
    assert shown(("address", "dorm"), protected=True) == ()
