"""What the pages about texts show: which of them, in which order, and what one person may do with each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from alerts.compose import ALERT_PREFIXES
from alerts.review import Act, Candidate, Reviewer, Standing, Step, open_acts, standing
from core.i18n import Catalogs
from core.po import Entry, ReviewState

#: Texts on one page of the list.
PAGE: Final = 50


class Show(StrEnum):
    """Which texts a list shows."""

    MINE = "mine"
    ALL = "all"
    PROPOSED = "proposed"
    DRAFT = "draft"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    FIELD_TESTED = "field-tested"


class Part(StrEnum):
    """Texts of alerts, or of pages."""

    ALL = "all"
    ALERTS = "alerts"
    PAGES = "pages"


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to see: `search`: part of a key, of the English or of the text; `prefix`: of the key."""

    show: Show = Show.ALL
    part: Part = Part.ALL
    prefix: str = ""
    search: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One text in a list. `mine`: this person could judge it, or its proposal, now."""

    key: str
    entry: Entry
    stands: Standing
    mine: bool


def lines(
    catalogs: Catalogs, lang: str, keys: Sequence[str], steps: Mapping[str, Sequence[Step]], me: Reviewer | None
) -> list[Line]:
    """Every text of a language as it stands."""
    made = []
    for key in keys:
        entry = catalogs.entry(lang, key)
        stands = standing(lang, entry, steps.get(key, ()))
        made.append(Line(key, entry, stands, me is not None and bool(judgements(stands, me))))
    return made


def judgements(stands: Standing, me: Reviewer) -> list[tuple[Candidate, Act]]:
    """What this person could bring forward now: reviews, approvals, field tests; not doubts."""
    texts = [one for one in (stands.proposal, stands.live) if one is not None]
    return [(one, act) for one in texts for act in open_acts(stands, one, me) if act is not Act.SEND_BACK]


def chosen(all_lines: Iterable[Line], wish: Wish) -> list[Line]:
    """The texts that somebody wants to see, in the same order."""
    return [line for line in all_lines if _fits(line, wish)]


def _fits(line: Line, wish: Wish) -> bool:
    if wish.part is not Part.ALL and (wish.part is Part.ALERTS) is not line.key.startswith(ALERT_PREFIXES):
        return False
    if not line.key.startswith(wish.prefix):
        return False
    if wish.search:
        proposal = line.stands.proposal.text if line.stands.proposal else ""
        texts = (line.key, line.entry.source, line.entry.text, proposal)
        if not any(wish.search.casefold() in text.casefold() for text in texts):
            return False
    if wish.show is Show.MINE:
        return line.mine
    if wish.show is Show.PROPOSED:
        return line.stands.proposal is not None
    return wish.show is Show.ALL or line.entry.state is ReviewState(wish.show.value)


def next_after(all_lines: Sequence[Line], key: str) -> str | None:
    """The next text that this person could judge, round the end to the beginning; None if there is no other."""
    at = next((n for n, line in enumerate(all_lines) if line.key == key), -1)
    return next((line.key for line in (*all_lines[at + 1 :], *all_lines[: max(at, 0)]) if line.mine), None)
