"""Enrolling, step by step: what a draft holds, and what one form adds to it. Pure; looking a place up is an argument.

A step is saved as soon as it is sent, so that a dropped connection costs at most one page. Steps may be gone back to;
a later step stays as it was. Nothing of a draft is used before the last step, in which the person agrees.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, NamedTuple

from registry.phones import Line, PhoneProblem, read_phone
from registry.records import HANDLE_CHANNELS, LANDLINE
from registry.rows import AddressInput, read_postal_code

STEPS: Final = ("language", "places", "reach", "consent")
#: What a person may type a handle for.
SERVICES: Final = tuple(channel for channel in HANDLE_CHANNELS if channel not in (LANDLINE, "other"))
#: Without any device: the leader of the dorm tells me, or somebody brings paper.
REACH_BY: Final = ("leader", "paper")
MAX_HANDLES: Final = 5

#: Finds the municipality of a place: its JIS codes. Raises ValueError if there is none.
Locate = Callable[[AddressInput], Collection[str]]

_EMAIL: Final = re.compile(r"[^\s@,;<>()\"]{1,64}@[^\s@,;<>()\"]{1,190}\.[^\s@.,;<>()\"]{2,24}")


class EnrolmentProblem(ValueError):
    """A form that cannot be taken. `key` is the sentence to show."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Where:
    """A place as the person gave it, and the municipalities (JIS codes) we understood."""

    postal_code: str = ""
    address: str = ""
    lat: float | None = None
    lon: float | None = None
    jis: tuple[str, ...] = ()

    @property
    def given(self) -> AddressInput:
        return AddressInput(self.postal_code, self.address, self.lat, self.lon)


@dataclass(frozen=True, slots=True)
class Draft:
    """What has been collected so far. `done`: the steps that were sent at least once."""

    done: tuple[str, ...] = ()
    language: str = ""
    second_language: str = ""
    home: Where | None = None
    work: Where | None = None
    phone: str = ""  # E.164
    email: str = ""
    handles: tuple[tuple[str, str], ...] = ()
    reach_by: str = ""

    @property
    def step(self) -> str:
        """The first step that is still to do; the last one when all others are done."""
        return next((step for step in STEPS if step not in self.done), STEPS[-1])

    def may_open(self, step: str) -> bool:
        """Whether a step may be looked at: done already, or the next to do."""
        return step in STEPS and (step in self.done or step == self.step)


class Known(NamedTuple):
    """What is known without the person. `home`, `work`: a place is stored already (dorm, site, or own address)."""

    languages: Collection[str]
    home: bool = False
    work: bool = False
    #: The person is in a dorm or shift with a leader.
    has_leader: bool = False


def first_language(invited: str, accepted: str | None) -> str:
    """The language to begin in. `accepted`: what the phone prefers.

    A phone set to Vietnamese knows better than a list made by a clerk; one set to English or Japanese says little: many
    people cannot have theirs.

    >>> first_language("vi", "en"), first_language("vi", "ne"), first_language("", "en"), first_language("", None)
    ('vi', 'ne', 'en', 'ja')
    """
    if accepted and accepted not in ("en", "ja", "ja-simple"):
        return accepted
    return invited or accepted or "ja"


def take(draft: Draft, step: str, form: Mapping[str, str], known: Known, locate: Locate) -> Draft:
    """The draft after one form. Raises EnrolmentProblem; the draft then stays as it was."""
    match step:
        case "language":
            changed = _language(draft, form, known)
        case "places":
            changed = _places(draft, form, known, locate)
        case "reach":
            changed = _reach(draft, form, known)
        case _:
            raise EnrolmentProblem("enrol.problem.step")
    return replace(changed, done=tuple(s for s in STEPS if s in {*draft.done, step}))


def _language(draft: Draft, form: Mapping[str, str], known: Known) -> Draft:
    language = form.get("language", "")
    if language not in known.languages:
        raise EnrolmentProblem("enrol.problem.language")
    second = draft.second_language if draft.second_language != language else ""
    return replace(draft, language=language, second_language=second)


def _places(draft: Draft, form: Mapping[str, str], known: Known, locate: Locate) -> Draft:
    second = form.get("second_language", "")
    if second not in known.languages or second == draft.language:
        second = ""
    home = _where(form, "", locate)
    work = _where(form, "work_", locate)
    home, work = home or draft.home, work or draft.work
    if home is None and work is None and not (known.home or known.work):
        raise EnrolmentProblem("enrol.problem.no_place")
    return replace(draft, second_language=second, home=home, work=work)


def _where(form: Mapping[str, str], prefix: str, locate: Locate) -> Where | None:
    """One place of the form: a typed postal code before a chosen town before the phone's own position."""
    typed = form.get(prefix + "postal_code", "")
    if typed:
        code = read_postal_code(typed)
        where = Where(postal_code=code or "")
        if code is None:
            raise EnrolmentProblem("me.postal_wrong")
    elif form.get(prefix + "city"):
        where = Where(address=form[prefix + "city"])
    elif form.get(prefix + "lat") and form.get(prefix + "lon"):
        where = Where(lat=_degrees(form[prefix + "lat"]), lon=_degrees(form[prefix + "lon"]))
        if where.lat is None or where.lon is None:
            raise EnrolmentProblem("enrol.problem.position")
    else:
        return None
    try:
        return replace(where, jis=tuple(locate(where.given)))
    except ValueError:
        raise EnrolmentProblem("me.postal_wrong" if typed else "enrol.problem.position") from None


def _degrees(text: str) -> float | None:
    """Degrees to 5 decimals (1 m): more says nothing about a house."""
    try:
        value = round(float(text), 5)
    except ValueError:
        return None
    return value if -180 <= value <= 180 else None


def _reach(draft: Draft, form: Mapping[str, str], known: Known) -> Draft:
    phone = ""
    if form.get("phone"):
        try:
            read = read_phone(form["phone"])
        except PhoneProblem:
            raise EnrolmentProblem("me.phone_wrong") from None
        if read.line is not Line.MOBILE:
            raise EnrolmentProblem("me.phone_wrong")
        phone = read.e164
    email = read_email(form.get("email", ""))
    handles = dict(draft.handles)
    service, handle = form.get("service", ""), form.get("handle", "").strip()[:200]
    if handle and service in SERVICES:
        handles[service] = handle
    reach_by = form.get("reach_by", "")
    if reach_by not in REACH_BY:
        reach_by = ""
    if reach_by == "leader" and not known.has_leader:
        reach_by = "paper"  # nobody answers for a dorm here: a coordinator brings the news
    return replace(
        draft,
        phone=phone or draft.phone,
        email=email or draft.email,
        handles=tuple(handles.items())[:MAX_HANDLES],
        reach_by=reach_by,
    )


def read_email(text: str) -> str:
    """An e-mail address as it is stored, "" for none. Raises EnrolmentProblem."""
    if (address := text.strip()) and not _EMAIL.fullmatch(address):
        raise EnrolmentProblem("enrol.problem.email")
    return address.lower()


def agreed(form: Mapping[str, str], asked: Collection[str]) -> frozenset[str]:
    """The consent lines a form agrees to: all of `asked` by one button, or those that were ticked."""
    if form.get("all") == "1":
        return frozenset(asked)
    return frozenset(scope for scope in asked if form.get(scope) == "1")


def to_json(draft: Draft) -> str:
    """The draft as it is stored (encrypted)."""
    return json.dumps(asdict(draft), ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> Draft:
    """The stored draft."""
    raw: dict[str, Any] = json.loads(text)
    for name in ("home", "work"):
        if raw[name] is not None:
            raw[name] = Where(**{**raw[name], "jis": tuple(raw[name]["jis"])})
    return Draft(**{**raw, "done": tuple(raw["done"]), "handles": tuple((s, h) for s, h in raw["handles"])})
