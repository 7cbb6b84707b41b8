"""What an auditor is shown of the audit log: kinds instead of actions, pseudonyms instead of people. Pure."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID


class Kind(StrEnum):
    """What an action in the audit log amounts to."""

    READ = "read"
    EXPORT = "export"
    REVEAL = "reveal"  # a telephone number, a handle or a home was opened
    BREAK_GLASS = "break_glass"
    OWN = "own"  # people about themselves, on their own page
    ACCOUNT = "account"  # sign-ins, invitations, second factors
    CHANGE = "change"


_OWN_ACTORS: Final = frozenset({"check-in link", "personal link", "own page", "family link", "poster", "same person"})
_ACCOUNT_ACTORS: Final = frozenset({"account", "sign-in", "invitation", "invitation link", "volunteer pass"})
_ACCOUNT: Final = re.compile(
    r"^(sign_|session|passkey|totp|recovery|second_factor|step_up|invite_|disable_|change_account|audit\.|volunteer_pass)"
)
_READ: Final = re.compile(r"(\.|^)(read|unit|preview|show|print|list|get|looked|slips)$")


def kind_of(action: str, actor: str = "") -> Kind:
    """The kind of an action; what no rule knows counts as a change, so that nothing is left out."""
    if action.startswith("break_glass"):
        return Kind.BREAK_GLASS
    if action in ("board.reveal", "board.location") or action.endswith(".reveal"):
        return Kind.REVEAL
    if "export" in action or action.endswith(".download"):
        return Kind.OWN if actor in _OWN_ACTORS else Kind.EXPORT
    if actor in _OWN_ACTORS:
        return Kind.OWN
    if actor in _ACCOUNT_ACTORS or _ACCOUNT.match(action):
        return Kind.ACCOUNT
    return Kind.READ if _READ.search(action) else Kind.CHANGE


#: Parts of the service that act under a name of their own. Whatever else stands there may be somebody's name.
SERVICE_ACTORS: Final = frozenset(
    {"account", "check-in link", "command line", "demo", "family link", "import", "invitation", "invitation link",
     "leader link", "link in a mail", "lost link", "operator", "own page", "personal link", "poster", "preview command",
     "purge", "same person", "sign-in", "staff link", "stay question", "voice call", "volunteer pass"}
)  # fmt: skip
#: Values of `detail` that say how, never who or what: numbers, yes and no, and these words.
_DETAIL_WORDS: Final = frozenset({"why", "kind", "channel", "how", "role"})
_WORD: Final = re.compile(r"^[a-z_]{1,24}$")
#: Fewer people than this are not counted out to somebody who sees no names.
SMALLEST_COUNT: Final = 3
#: Pseudonyms shown of one row.
SUBJECTS_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class SampledRow:
    """One row of the audit log as it was sampled, with the role (not the name) of who acted."""

    id: int
    at: datetime
    staff_id: UUID | None
    role: str | None
    actor: str
    action: str
    subjects: tuple[UUID, ...]
    fields: tuple[str, ...]
    org_id: UUID | None
    incident_id: UUID | None
    detail: Mapping[str, Any]


class Pseudonyms:
    """Short names for people, staff, organisations and incidents, equal only within one page or report.

    `key`: fresh random bytes each time, thrown away with the page: nobody can find out who was meant, us included.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, letter: str, id_: UUID) -> str:
        """E.g. "P-3f9a0c1d" for a person."""
        return f"{letter}-{hmac.digest(self._key, letter.encode() + id_.bytes, 'sha256').hex()[:8]}"


def shown(row: SampledRow, names: Pseudonyms) -> dict[str, Any]:
    """A sampled row without anybody's name, as JSON."""
    return {
        "id": row.id,
        "at": row.at.isoformat(),
        "action": row.action,
        "kind": kind_of(row.action, row.actor).value,
        "role": row.role,
        "who": _who(row, names),
        "organisation": None if row.org_id is None else names.of("O", row.org_id),
        "incident": None if row.incident_id is None else names.of("I", row.incident_id),
        "people": len(row.subjects),
        "subjects": [names.of("P", subject) for subject in row.subjects[:SUBJECTS_SHOWN]],
        "fields": list(row.fields),
        "detail": plain_detail(row.detail),
    }


def _who(row: SampledRow, names: Pseudonyms) -> str:
    if row.staff_id is not None:
        return names.of("S", row.staff_id)
    return row.actor if row.actor in SERVICE_ACTORS else "service"


def plain_detail(detail: Mapping[str, Any]) -> dict[str, bool | int | str]:
    """Of a row's detail what cannot be about a person."""
    kept: dict[str, bool | int | str] = {}
    for key, value in detail.items():
        if isinstance(value, bool | int) and _WORD.match(key):
            kept[key] = value
        elif isinstance(value, str) and key in _DETAIL_WORDS and _WORD.match(value):
            kept[key] = value
    return kept


def people_count(people: int) -> str:
    """How many people, as an auditor may know it: "0", "1-2", or the number."""
    return f"1-{SMALLEST_COUNT - 1}" if 0 < people < SMALLEST_COUNT else str(people)


@dataclass(frozen=True, slots=True)
class Counted:
    """How often an action happened in a month ("2026-11"), and how many people it touched, repeats counted."""

    month: str
    action: str
    actor: str
    rows: int
    people: int


def by_month(counted: Iterable[Counted]) -> dict[str, dict[str, int]]:
    """Rows per month and kind, the newest month first; every kind is there."""
    months: dict[str, dict[str, int]] = {}
    for one in sorted(counted, key=lambda one: one.month, reverse=True):
        kinds = months.setdefault(one.month, {kind.value: 0 for kind in Kind})
        kinds[kind_of(one.action, one.actor).value] += one.rows
    return months


def by_action(counted: Iterable[Counted]) -> dict[str, tuple[int, int]]:
    """Per action: rows and people (repeats counted), the most frequent first."""
    actions: dict[str, tuple[int, int]] = {}
    for one in counted:
        rows, people = actions.get(one.action, (0, 0))
        actions[one.action] = (rows + one.rows, people + one.people)
    return dict(sorted(actions.items(), key=lambda item: (-item[1][0], item[0])))
