"""The steps of an enrolment: what a form adds to a draft, what is refused, and that nothing is lost on the way."""

from __future__ import annotations

import pytest

from registry.consent import ASKED
from registry.enrolment import (
    MAX_HANDLES,
    STEPS,
    Draft,
    EnrolmentProblem,
    Known,
    Where,
    agreed,
    first_language,
    from_json,
    take,
    to_json,
)
from registry.rows import AddressInput

KNOWN = Known(languages=("ja", "en", "vi", "my"))
DORM = KNOWN._replace(home=True, has_leader=True)


def locate(given: AddressInput) -> tuple[str, ...]:
    """Mashiki is 861-2242; everything in Japan is Mashiki; nothing else is known."""
    if given.postal_code == "8612242" or given.address == "熊本県益城町" or (given.lat and 30 < given.lat < 40):
        return ("43443",)
    raise ValueError("no such place")


def step(draft: Draft, name: str, known: Known = KNOWN, **form: str) -> Draft:
    return take(draft, name, form, known, locate)


def test_the_steps_follow_each_other_and_may_be_gone_back_to() -> None:
    draft = Draft()
    assert draft.step == "language" and not draft.may_open("places")
    draft = step(draft, "language", language="vi")
    assert draft.step == "places" and draft.may_open("language") and not draft.may_open("reach")
    draft = step(draft, "places", postal_code="861-2242")
    draft = step(draft, "reach")
    assert draft.step == "consent" and draft.done == STEPS[:3]
    again = step(draft, "language", language="my")
    assert again.step == "consent" and again.home == draft.home and again.language == "my"


def test_a_draft_survives_being_stored() -> None:
    draft = step(step(Draft(), "language", language="vi"), "places", second_language="en", lat="32.791234", lon="130.8")
    draft = step(draft, "reach", phone="090-1234-5678", service="zalo", handle="thu", reach_by="paper")
    assert from_json(to_json(draft)) == draft
    assert from_json(to_json(Draft())) == Draft()


@pytest.mark.parametrize(
    ("form", "known", "home"),
    [
        ({"postal_code": "８６１ー２２４２"}, KNOWN, Where(postal_code="8612242", jis=("43443",))),
        ({"city": "熊本県益城町"}, KNOWN, Where(address="熊本県益城町", jis=("43443",))),
        ({"lat": "32.7912349", "lon": "130.8"}, KNOWN, Where(lat=32.79123, lon=130.8, jis=("43443",))),
        ({"postal_code": "8612242", "city": "熊本県益城町", "lat": "1", "lon": "1"}, KNOWN,
         Where(postal_code="8612242", jis=("43443",))),
        ({}, DORM, None),
        ({"postal_code": "8612242"}, DORM, Where(postal_code="8612242", jis=("43443",))),
    ],
)  # fmt: skip
def test_a_home_is_given_in_any_of_these_ways(form: dict[str, str], known: Known, home: Where | None) -> None:
    assert take(Draft(), "places", form, known, locate).home == home


@pytest.mark.parametrize(
    ("form", "known", "key"),
    [
        ({}, KNOWN, "enrol.problem.no_place"),
        ({"postal_code": "12"}, KNOWN, "me.postal_wrong"),
        ({"postal_code": "000-0000"}, KNOWN, "me.postal_wrong"),
        ({"work_postal_code": "abc"}, DORM, "me.postal_wrong"),
        ({"city": "火星"}, KNOWN, "enrol.problem.position"),
        ({"lat": "10.8", "lon": "106.6"}, KNOWN, "enrol.problem.position"),
        ({"lat": "north", "lon": "east"}, KNOWN, "enrol.problem.position"),
        ({"lat": "nan", "lon": "1"}, KNOWN, "enrol.problem.position"),
    ],
)
def test_a_place_that_cannot_be_used_is_said(form: dict[str, str], known: Known, key: str) -> None:
    with pytest.raises(EnrolmentProblem) as caught:
        take(Draft(), "places", form, known, locate)
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("name", "form", "key"),
    [
        ("language", {"language": "xx"}, "enrol.problem.language"),
        ("language", {}, "enrol.problem.language"),
        ("reach", {"phone": "12"}, "me.phone_wrong"),
        ("reach", {"phone": "096-328-1111"}, "me.phone_wrong"),
        ("reach", {"email": "thu@"}, "enrol.problem.email"),
        ("reach", {"email": "a b@c.de"}, "enrol.problem.email"),
        ("consent", {}, "enrol.problem.step"),
        ("nothing", {}, "enrol.problem.step"),
    ],
)
def test_other_mistakes_are_said(name: str, form: dict[str, str], key: str) -> None:
    with pytest.raises(EnrolmentProblem) as caught:
        take(Draft(), name, form, KNOWN, locate)
    assert caught.value.key == key


def test_what_was_typed_before_stays_when_a_field_is_left_empty() -> None:
    draft = step(Draft(), "reach", phone="090-1234-5678", email="Thu@Example.jp", service="line", handle="thu")
    again = step(draft, "reach", service="zalo", handle="thu2")
    assert again.phone == "+819012345678" and again.email == "thu@example.jp"
    assert again.handles == (("line", "thu"), ("zalo", "thu2"))


def test_handles_are_few_and_of_services_we_know() -> None:
    draft = Draft()
    for service in ("line", "messenger", "zalo", "whatsapp", "viber", "wechat", "landline", "myspace"):
        draft = step(draft, "reach", service=service, handle="me")
    assert len(draft.handles) == MAX_HANDLES and "landline" not in dict(draft.handles)


@pytest.mark.parametrize(
    ("wanted", "known", "kept"),
    [("leader", DORM, "leader"), ("leader", KNOWN, "paper"), ("paper", DORM, "paper"), ("pigeon", DORM, "")],
)
def test_without_a_leader_somebody_brings_paper(wanted: str, known: Known, kept: str) -> None:
    assert step(Draft(), "reach", known, reach_by=wanted).reach_by == kept


@pytest.mark.parametrize(
    ("invited", "accepted", "first"),
    [
        ("vi", "ne", "ne"),
        ("vi", "en", "vi"),
        ("vi", "ja", "vi"),
        ("", "my", "my"),
        ("", None, "ja"),
        ("my", None, "my"),
    ],
)
def test_the_phone_knows_better_than_a_list_unless_it_is_in_english(
    invited: str, accepted: str | None, first: str
) -> None:
    assert first_language(invited, accepted) == first


@pytest.mark.parametrize(
    ("form", "scopes"),
    [
        ({}, set()),
        ({"all": "1"}, {"C1", "C2", "C3"}),
        ({"C1": "1", "C3": "on"}, {"C1"}),
        ({"C1": "1", "C5": "1"}, {"C1"}),
    ],
)
def test_nobody_agrees_by_doing_nothing(form: dict[str, str], scopes: set[str]) -> None:
    assert agreed(form, ASKED) == scopes
