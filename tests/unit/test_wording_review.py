"""Who may say what about a text, and what becomes of it: every rule of alerts/review.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from alerts.review import (
    Act,
    May,
    Outcome,
    Reviewer,
    ReviewError,
    Standing,
    Step,
    Words,
    fingerprint,
    judge,
    open_acts,
    passed,
    propose,
    standing,
    tells_to_leave,
)
from core import po
from core.po import Entry, ReviewState

AT = datetime(2026, 11, 22, tzinfo=UTC)
KEY, SOURCE, OLD, NEW = "do.landslide.severe", "Leave now.", "Đi ngay.", "Rời đi ngay bây giờ."
ANNA, BINH, CHI, DUNG = (uuid4() for _ in range(4))
DRAFT, REVIEWED, APPROVED, TESTED = ReviewState
BACK = Words(back_translation="Leave now")


def who(staff: UUID, *may: May, lang: str = "vi") -> Reviewer:
    return Reviewer(staff, lang, f"r-{str(staff)[:8]}", frozenset(may or May))


def entry(text: str = OLD, state: ReviewState = DRAFT) -> Entry:
    return po.stamped(Entry(KEY, SOURCE, text), state, by="r0", on=AT.date())


def step(
    n: int, act: Act, text: str, state: ReviewState, staff: UUID, *, live: bool = False, source: str = SOURCE
) -> Step:
    return Step(n, act, text, fingerprint("vi", KEY, source, text), state, live, staff, str(staff)[:8], AT)


def stands(*steps: Step, now: Entry | None = None) -> Standing:
    return standing("vi", now or entry(), steps)


PROPOSED = step(1, Act.PROPOSE, NEW, DRAFT, ANNA)
READ = step(2, Act.REVIEW, NEW, REVIEWED, BINH, live=True)
OF_NEW, OF_OLD = PROPOSED.of, entry().fingerprint


def test_a_proposal_changes_nothing_by_itself() -> None:
    assert propose(stands(), NEW, who(ANNA)) == Outcome(DRAFT, live=False)
    after = stands(PROPOSED)
    assert after.live.text == OLD and after.proposal is not None and after.proposal.text == NEW


@pytest.mark.parametrize(
    ("steps", "text", "may", "problem"),
    [
        ((), "", May.TRANSLATE, "empty"),
        ((), OLD, May.TRANSLATE, "same"),
        ((PROPOSED,), NEW, May.TRANSLATE, "same"),
        ((), NEW, May.APPROVE, "right"),
    ],
)
def test_proposals_that_are_refused(steps: Sequence[Step], text: str, may: May, problem: str) -> None:
    with pytest.raises(ReviewError, match=problem):
        propose(stands(*steps), text, who(BINH, may))


@pytest.mark.parametrize(
    ("now", "live"),
    [(DRAFT, True), (REVIEWED, True), (APPROVED, False), (TESTED, False)],
    ids=lambda v: str(v),
)
def test_what_is_approved_stays_until_its_successor_is(now: ReviewState, live: bool) -> None:
    waiting = stands(PROPOSED, now=entry(OLD, now))
    assert judge(waiting, OF_NEW, Act.REVIEW, Words(), who(BINH), key=KEY) == Outcome(REVIEWED, live)
    read = stands(PROPOSED, step(2, Act.REVIEW, NEW, REVIEWED, BINH), now=entry(OLD, now))
    assert judge(read, OF_NEW, Act.APPROVE, BACK, who(CHI), key=KEY) == Outcome(APPROVED, live=True)


def test_the_makers_text_needs_two_people() -> None:
    makers = stands()
    assert judge(makers, OF_OLD, Act.REVIEW, Words(), who(ANNA), key=KEY) == Outcome(REVIEWED, live=True)
    read = stands(step(1, Act.REVIEW, OLD, REVIEWED, ANNA, live=True), now=entry(OLD, REVIEWED))
    assert judge(read, OF_OLD, Act.APPROVE, BACK, who(BINH), key=KEY) == Outcome(APPROVED, live=True)


@pytest.mark.parametrize(
    ("steps", "now", "of", "act", "words", "staff", "problem"),
    [
        ((PROPOSED,), entry(), OF_NEW, Act.REVIEW, Words(), ANNA, "own"),
        ((PROPOSED, READ), entry(NEW, REVIEWED), OF_NEW, Act.APPROVE, BACK, ANNA, "own"),
        ((PROPOSED, READ), entry(NEW, REVIEWED), OF_NEW, Act.APPROVE, BACK, BINH, "twice"),
        ((PROPOSED, READ), entry(NEW, REVIEWED), OF_NEW, Act.APPROVE, Words(), CHI, "no_back"),
        ((PROPOSED, READ), entry(NEW, REVIEWED), OF_NEW, Act.APPROVE, Words("  "), CHI, "no_back"),
        ((PROPOSED,), entry(), OF_NEW, Act.APPROVE, BACK, CHI, "state"),
        ((PROPOSED, READ), entry(NEW, REVIEWED), OF_NEW, Act.REVIEW, Words(), CHI, "state"),
        ((), entry(), OF_OLD, Act.FIELD_TEST, Words(asked=5, understood=5), CHI, "state"),
        ((PROPOSED,), entry(), "0" * 12, Act.REVIEW, Words(), BINH, "changed"),
        ((PROPOSED,), entry(), OF_NEW, Act.SEND_BACK, Words(), BINH, "no_note"),
        ((), entry(), OF_OLD, Act.SEND_BACK, Words(note="?"), BINH, "state"),
    ],
)  # fmt: skip
def test_judgements_that_are_refused(
    steps: Sequence[Step], now: Entry, of: str, act: Act, words: Words, staff: UUID, problem: str
) -> None:
    with pytest.raises(ReviewError, match=problem):
        judge(stands(*steps, now=now), of, act, words, who(staff), key=KEY)


@pytest.mark.parametrize(
    ("act", "may", "fits"),
    [
        (Act.REVIEW, May.TRANSLATE, False),
        (Act.REVIEW, May.REVIEW, True),
        (Act.REVIEW, May.APPROVE, True),
        (Act.APPROVE, May.REVIEW, False),
        (Act.APPROVE, May.APPROVE, True),
        (Act.FIELD_TEST, May.TRANSLATE, False),
        (Act.FIELD_TEST, May.REVIEW, True),
    ],
)
def test_rights(act: Act, may: May, fits: bool) -> None:
    before = {Act.REVIEW: DRAFT, Act.APPROVE: REVIEWED, Act.FIELD_TEST: APPROVED}[act]
    now = entry(OLD, before)
    words = Words("Leave now", asked=5, understood=5)
    if fits:
        judge(stands(now=now), now.fingerprint, act, words, who(CHI, may), key=KEY)
    else:
        with pytest.raises(ReviewError, match="right"):
            judge(stands(now=now), now.fingerprint, act, words, who(CHI, may), key=KEY)
    assert (act in open_acts(stands(now=now), stands(now=now).live, who(CHI, may))) is fits


@pytest.mark.parametrize(
    ("asked", "understood", "waited", "key", "good"),
    [
        (5, 5, 0, KEY, True),
        (5, 4, 0, KEY, True),
        (5, 3, 0, KEY, False),
        (5, 5, 1, KEY, False),  # "I would wait" where one must leave
        (5, 5, 1, "do.earthquake.severe", True),  # where waiting may be right
        (5, 4, 1, "term.landslide.4", False),
        (5, 4, 5, "term.landslide.3", True),
        (10, 8, 0, KEY, True),
        (10, 7, 0, KEY, False),
    ],
)
def test_field_tests(asked: int, understood: int, waited: int, key: str, good: bool) -> None:
    words = Words(asked=asked, understood=understood, waited=waited)
    assert passed(words, key) is good
    now = stands(now=entry(OLD, APPROVED))
    made = judge(now, now.live.of, Act.FIELD_TEST, words, who(CHI), key=key)
    assert made == Outcome(TESTED if good else DRAFT, live=True), "what people misunderstand does not go out alone"


@pytest.mark.parametrize(
    ("asked", "understood", "waited", "problem"),
    [(4, 4, 0, "too_few"), (0, 0, 0, "too_few"), (5, 6, 0, "numbers"), (5, -1, 0, "numbers"), (5, 5, 6, "numbers")],
)
def test_field_tests_that_cannot_be(asked: int, understood: int, waited: int, problem: str) -> None:
    with pytest.raises(ReviewError, match=problem):
        passed(Words(asked=asked, understood=understood, waited=waited), KEY)


def test_texts_that_tell_people_to_leave() -> None:
    leave = [
        "do.tsunami.extreme",
        "do.river_flood.severe",
        "term.storm_surge.5",
        "means.level.4",
        "term.tsunami.warning",
    ]
    stay = ["do.storm_wind.extreme", "do.tsunami.moderate", "term.heavy_rain.3", "means.level.3", "page.title"]
    assert [key for key in leave + stay if tells_to_leave(key)] == leave


def test_another_english_source_makes_it_a_draft_again() -> None:
    approved = entry(OLD, APPROVED)
    assert stands(now=approved).live.state is APPROVED
    assert stands(now=approved._replace(source="Leave at once.")).live.state is DRAFT
    read_before = step(2, Act.REVIEW, NEW, REVIEWED, BINH)
    waiting = stands(PROPOSED, read_before, now=entry(OLD, APPROVED)._replace(source="Leave at once."))
    assert waiting.proposal is not None and waiting.proposal.state is DRAFT
    assert BINH not in waiting.proposal.judges, "who read it beside the old source may read it again"


def test_one_persons_doubt_is_enough() -> None:
    now = stands(now=entry(OLD, APPROVED))
    assert judge(now, now.live.of, Act.SEND_BACK, Words(note="says wait"), who(DUNG, May.REVIEW), key=KEY) == Outcome(
        DRAFT, live=True
    )
    waiting = stands(PROPOSED, now=entry(OLD, APPROVED))
    back = judge(waiting, OF_NEW, Act.SEND_BACK, Words(note="typing error"), who(ANNA, May.TRANSLATE), key=KEY)
    assert back == Outcome(DRAFT, live=False), "whoever proposed it takes it back"
    with pytest.raises(ReviewError, match="right"):
        judge(waiting, OF_NEW, Act.SEND_BACK, Words(note="no"), who(BINH, May.TRANSLATE), key=KEY)
    after = stands(PROPOSED, step(2, Act.SEND_BACK, NEW, DRAFT, BINH), now=entry(OLD, APPROVED))
    assert after.proposal is None and after.live.state is APPROVED


def test_a_text_that_was_sent_back_can_be_judged_anew_by_all_but_its_writer() -> None:
    steps = [PROPOSED, READ, step(3, Act.SEND_BACK, NEW, DRAFT, CHI, live=True)]
    now = stands(*steps, now=entry(NEW))
    assert now.live.judges == frozenset() and now.live.authors == {ANNA}
    assert judge(now, OF_NEW, Act.REVIEW, Words(), who(BINH), key=KEY).state is REVIEWED
    with pytest.raises(ReviewError, match="own"):
        judge(now, OF_NEW, Act.REVIEW, Words(), who(ANNA), key=KEY)


def test_an_english_text_is_its_own_source() -> None:
    assert fingerprint("en", KEY, "old", "new") == Entry(KEY, "new", "new").fingerprint
    assert fingerprint("vi", KEY, "old", "new") == Entry(KEY, "old", "new").fingerprint
