"""Which organisation may stand above which, as tables."""

from __future__ import annotations

from uuid import UUID

import pytest

from core.model import OrgKind
from registry.relations import Relation, RelationProblem, relation

A, B, C = (UUID(int=n) for n in (1, 2, 3))
K = OrgKind


@pytest.mark.parametrize(
    ("above", "below", "kind"),
    [
        (K.SUPERVISING, K.EMPLOYER, "supervises"),
        (K.VOLUNTEER_NETWORK, K.VOLUNTEER_NETWORK, "member"),
        (K.VOLUNTEER_NETWORK, K.COMMUNITY, "member"),
        (K.UMBRELLA, K.EMPLOYER, "umbrella"),
        (K.UMBRELLA, K.SUPERVISING, "umbrella"),
        (K.UMBRELLA, K.SCHOOL, "umbrella"),
    ],
)
def test_pairs_that_belong_together(above: OrgKind, below: OrgKind, kind: str) -> None:
    assert relation((A, above), (B, below), []) == Relation(A, B, kind)


@pytest.mark.parametrize(
    ("above", "below"),
    [
        (K.EMPLOYER, K.EMPLOYER),
        (K.EMPLOYER, K.SUPERVISING),
        (K.PARTNER, K.EMPLOYER),
        (K.UMBRELLA, K.PARTNER),
        (K.UMBRELLA, K.UMBRELLA),
        (K.UMBRELLA, K.AUDITOR),
        (K.COMMUNITY, K.VOLUNTEER_NETWORK),
    ],
)
def test_pairs_that_do_not(above: OrgKind, below: OrgKind) -> None:
    with pytest.raises(RelationProblem) as caught:
        relation((A, above), (B, below), [])
    assert caught.value.key == "staff.relations.impossible"


def test_one_supervising_organisation_and_any_number_of_umbrellas() -> None:
    known = [Relation(A, B, "supervises"), Relation(C, B, "umbrella")]
    with pytest.raises(RelationProblem) as caught:
        relation((C, K.SUPERVISING), (B, K.EMPLOYER), known)
    assert caught.value.key == "staff.relations.supervised"
    assert relation((A, K.SUPERVISING), (B, K.EMPLOYER), known).kind == "supervises", "said twice"
    assert relation((A, K.UMBRELLA), (B, K.EMPLOYER), known).kind == "umbrella"


def test_no_circles_and_nobody_above_themselves() -> None:
    network = K.VOLUNTEER_NETWORK
    known = [Relation(A, B, "member"), Relation(B, C, "member")]
    with pytest.raises(RelationProblem) as caught:
        relation((C, network), (A, network), known)
    assert caught.value.key == "staff.relations.circle"
    with pytest.raises(RelationProblem):
        relation((A, network), (A, network), [])
