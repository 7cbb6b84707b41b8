"""Disclosure in an emergency (緊急時の開示): who may be told what about whom, for how long. Pure.

Without consent, personal data may be passed on where it is necessary to protect life, body or property and consent is
hard to obtain (Act on the Protection of Personal Information, article 27 (1) (ii)). So one coordinator names a purpose,
a recipient, the fields, and a town or one person; a second one approves (registry/approvals.py); it ends by itself
after 72 hours; it shows the named fields only; each look is in the audit log; the people are told on their own page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

LASTS: Final = timedelta(hours=72)
#: What can be disclosed, in the order of the page (disclosed.<field> in the person's words).
FIELDS: Final = ("name", "languages", "phone", "address", "dorm", "status", "needs")
#: Fields that say where somebody is: of a protected person never shown.
WHERE: Final = frozenset({"address", "dorm"})
_LONGEST: Final = 300


class BreakGlassProblem(ValueError):
    """A proposal that cannot be made. `key`: the sentence for the page."""

    def __init__(self, key: str) -> None:
        super().__init__(f"a disclosure cannot be proposed: {key}")
        self.key = f"staff.glass.problem.{key}"


class Request(NamedTuple):
    """What a coordinator asks for. Exactly one of `municipality` (JIS code) and `person` is given."""

    purpose: str
    recipient: str
    fields: tuple[str, ...]
    municipality: str | None = None
    person: UUID | None = None


def read_request(form: Mapping[str, str], towns: Iterable[str], people: Iterable[UUID]) -> Request:
    """The form's request: `scope` is a town's code or a person's id, of those offered. Raises BreakGlassProblem."""
    purpose, recipient = form.get("purpose", "").strip()[:_LONGEST], form.get("recipient", "").strip()[:_LONGEST]
    if not purpose:
        raise BreakGlassProblem("purpose")
    if not recipient:
        raise BreakGlassProblem("recipient")
    fields = tuple(field for field in FIELDS if form.get(f"field-{field}") == "1")
    if not fields:
        raise BreakGlassProblem("fields")
    scope = form.get("scope", "")
    if scope in towns:
        return Request(purpose, recipient, fields, municipality=scope)
    person = next((one for one in people if str(one) == scope), None)
    if person is None:
        raise BreakGlassProblem("scope")
    return Request(purpose, recipient, fields, person=person)


def payload(request: Request, scope_words: str) -> dict[str, Any]:
    """What the second person reads and approves. No personal data: a person is a bare id."""
    return {
        "scope": scope_words,
        "purpose": request.purpose,
        "recipient": request.recipient,
        "fields": list(request.fields),
        "municipality": request.municipality,
        "person": str(request.person) if request.person else None,
    }


def from_payload(given: Mapping[str, Any]) -> Request:
    """The request of an approved proposal."""
    return Request(
        given["purpose"],
        given["recipient"],
        tuple(field for field in FIELDS if field in given["fields"]),
        given["municipality"],
        UUID(given["person"]) if given["person"] else None,
    )


def is_open(opened_at: datetime, ended_at: datetime | None, now: datetime) -> bool:
    """Whether a disclosure still shows anything: not ended, and not older than 72 hours."""
    return ended_at is None and opened_at <= now < opened_at + LASTS


def shown(fields: Iterable[str], *, protected: bool) -> tuple[str, ...]:
    """Which of the named fields are shown of one person.

    >>> shown(("name", "address"), protected=True)
    ('name',)
    """
    return tuple(field for field in FIELDS if field in set(fields) and not (protected and field in WHERE))
