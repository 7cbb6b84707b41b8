"""Two people for what one may not do alone: who proposes, who approves, in which order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.i18n import Catalogs
from core.model import Role
from registry.approvals import (
    LIFE,
    ROLES,
    SAYS,
    Approval,
    ApprovalError,
    Kind,
    State,
    check_decide,
    check_payload,
    check_propose,
    check_take,
    check_withdraw,
    kinds_of,
    words_of,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MAKER, SECOND = uuid4(), uuid4()
SEND = Approval(uuid4(), Kind.MANUAL_SEND, {"people": 12, "text": "x"}, State.PROPOSED, MAKER, NOW, NOW + LIFE)


@pytest.mark.parametrize(
    ("change", "by", "role", "at", "refusal"),
    [
        ({}, SECOND, Role.COORDINATOR, NOW, None),
        ({}, SECOND, Role.OPERATOR, NOW + LIFE - timedelta(seconds=1), None),
        ({}, MAKER, Role.COORDINATOR, NOW, "own"),
        ({}, MAKER, Role.OPERATOR, NOW, "own"),
        ({}, SECOND, Role.VOLUNTEER, NOW, "not_your_role"),
        ({"kind": Kind.RULE_EDIT}, SECOND, Role.COORDINATOR, NOW, "not_your_role"),
        ({"kind": Kind.BREAK_GLASS}, SECOND, Role.OPERATOR, NOW, "not_your_role"),
        ({}, SECOND, Role.COORDINATOR, NOW + LIFE, "expired"),
        ({"state": State.APPROVED}, SECOND, Role.COORDINATOR, NOW, "decided"),
        ({"state": State.REFUSED}, SECOND, Role.COORDINATOR, NOW, "decided"),
        ({"state": State.TAKEN}, SECOND, Role.COORDINATOR, NOW, "decided"),
    ],
)
def test_who_may_approve(change: dict[str, Any], by: UUID, role: Role, at: datetime, refusal: str | None) -> None:
    approval = replace(SEND, **change)
    if refusal is None:
        check_decide(approval, by, role, at)
    else:
        with pytest.raises(ApprovalError) as told:
            check_decide(approval, by, role, at)
        assert told.value.key == f"staff.approvals.{refusal}"


@pytest.mark.parametrize(
    ("state", "kind", "at", "refusal"),
    [
        (State.APPROVED, Kind.MANUAL_SEND, NOW, None),
        (State.PROPOSED, Kind.MANUAL_SEND, NOW, "not_approved"),
        (State.REFUSED, Kind.MANUAL_SEND, NOW, "not_approved"),
        (State.TAKEN, Kind.MANUAL_SEND, NOW, "not_approved"),
        (State.APPROVED, Kind.BREAK_GLASS, NOW, "not_found"),
        (State.APPROVED, Kind.MANUAL_SEND, NOW + LIFE, "expired"),
    ],
)
def test_what_may_be_carried_out(state: State, kind: Kind, at: datetime, refusal: str | None) -> None:
    approval = replace(SEND, state=state)
    if refusal is None:
        check_take(approval, kind, at)
    else:
        with pytest.raises(ApprovalError) as told:
            check_take(approval, kind, at)
        assert told.value.key == f"staff.approvals.{refusal}"


def test_the_maker_may_take_it_back_and_only_before_it_is_decided() -> None:
    check_withdraw(SEND, MAKER, Role.COORDINATOR, NOW + LIFE)
    check_withdraw(SEND, SECOND, Role.COORDINATOR, NOW)
    with pytest.raises(ApprovalError):
        check_withdraw(replace(SEND, state=State.APPROVED), MAKER, Role.COORDINATOR, NOW)
    with pytest.raises(ApprovalError):
        check_withdraw(SEND, SECOND, Role.VOLUNTEER, NOW)


def test_every_kind_says_in_words_what_it_does_and_two_people_could_do_it() -> None:
    assert set(ROLES) == set(SAYS) == set(Kind)
    for kind in Kind:
        check_payload(kind, {name: "x" for name in SAYS[kind]})
        with pytest.raises(ValueError, match=SAYS[kind][0]):
            check_payload(kind, {name: "x" for name in SAYS[kind][1:]})
        for role in ROLES[kind]:
            check_propose(kind, role)
            assert kind in kinds_of(role)
    with pytest.raises(ApprovalError):
        check_propose(Kind.MANUAL_SEND, Role.EMPLOYER)


def test_a_list_in_a_payload_is_read_as_words() -> None:
    payload = {"scope": "Mashiki", "purpose": "search", "recipient": "KVOAD", "fields": ["name", "phone"]}
    key, fields = words_of(replace(SEND, kind=Kind.BREAK_GLASS, payload=payload))
    assert key == "staff.approvals.says.break_glass" and fields["fields"] == "name, phone"


def test_the_second_person_reads_it_in_their_own_language() -> None:
    payload = {"rule": "地震", "change": "- a; + b", "in": {"en": {"rule": "EARTHQUAKE"}}}
    edit = replace(SEND, kind=Kind.RULE_EDIT, payload=payload)
    assert words_of(edit, "en")[1] == {"rule": "EARTHQUAKE", "change": "- a; + b"}
    assert words_of(edit, "ja")[1] == words_of(edit)[1] == {"rule": "地震", "change": "- a; + b"}


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_sentence_is_there_and_says_all_it_was_given(language: str) -> None:
    catalogs = Catalogs.load()
    for kind in Kind:
        fields = {name: f"<{name}>" for name in SAYS[kind]}
        text = catalogs.say(language, f"staff.approvals.says.{kind}", **fields)
        assert all(value in text for value in fields.values())
        assert f"staff.approvals.kind.{kind}" in catalogs.keys(language)
    refusals = ("own", "not_your_role", "decided", "expired", "not_found", "not_approved", "superseded", "too_late")
    assert {f"staff.approvals.{key}" for key in refusals} <= catalogs.keys(language)
