"""The list of who cannot be reached: who is on it, why, and what is to be done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from checkin.unreached import SILENT, Member, unreached
from registry.reach import ContactFacts

NOON = datetime(2026, 11, 22, 3, tzinfo=UTC)
ORG = UUID(int=1)


def ago(days: int) -> datetime:
    return NOON - timedelta(days=days)


def member(
    name: str, *contacts: ContactFacts, state: str = "enrolled", sign: int | None = 10, reach_by: str = ""
) -> Member:
    return Member(
        id=UUID(int=hash(name) & (2**64 - 1)),
        org_id=ORG,
        name=name,
        state=state,
        employee_id="",
        site="",
        dorm="",
        room="",
        reach_by=reach_by,
        created_at=ago(500),
        enrolled_at=None if state == "invited" else ago(500),
        last_sign_at=None if sign is None else ago(sign),
        contacts=contacts,
    )


PROVEN = ContactFacts("proven", ago(3), ago(500))
STALE = ContactFacts("proven", ago(120), ago(500))
DEAD = ContactFacts("dead", None, ago(500))


def test_who_is_on_the_list_and_why() -> None:
    found = unreached(
        [
            member("fine", PROVEN, DEAD),
            member("dead", DEAD),
            member("nothing"),
            member("told by the leader", reach_by="leader"),
            member("told on paper, number dead", DEAD, reach_by="paper"),
            member("stale", STALE),
            member("refused", ContactFacts("opted_out", ago(3), ago(9))),
            member("quiet", PROVEN, sign=None),
            member("also stale", STALE, sign=None),
        ],
        NOON,
    )
    assert {line.member.name: line.why for line in found.lines} == {
        "dead": "dead",
        "nothing": "none",
        "stale": "stale",
        "refused": "opted_out",
        "quiet": SILENT,
        "also stale": "stale",
    }
    assert found.people == 9
    assert found.counts == {"dead": 1, "none": 1, "opted_out": 1, "stale": 2, "silent": 1}
    # Who gives no sign can still be reached: they are a list of their own.
    assert [line.member.name for line in found.of("")] == ["dead", "nothing", "stale", "refused", "also stale"]
    assert [line.member.name for line in found.of("stale")] == ["stale", "also stale"]


def test_who_never_enrolled_is_handed_the_invitation() -> None:
    invited, enrolled = unreached([member("a", state="invited"), member("b")], NOON).lines
    assert (invited.why, invited.advice) == ("none", "invited")
    assert (enrolled.why, enrolled.advice) == ("none", "none")


def test_the_newest_proof_is_the_persons() -> None:
    older = ContactFacts("dead", ago(200), ago(500))
    assert member("x", older, STALE).proven_at == ago(120)
    assert member("x", DEAD).proven_at is None
