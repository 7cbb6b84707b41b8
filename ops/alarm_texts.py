"""What operators are told about alarms, in Japanese or English: one sentence each, grouped. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from core.i18n import Catalogs, Sayer
from ops.alarms import RANK, Alarm, Kind, Level
from registry.sessions import STAFF_LANGUAGES

#: Sentences in one message; the rest is a number and stands on the page.
MOST_LINES: Final = 10
#: Characters of a sentence in an SMS: with the link it stays within three parts in Japanese.
SMS_CHARACTERS: Final = 100
PAGE: Final = "/alarms"


@dataclass(frozen=True, slots=True)
class Told:
    """One message: the alarms that are (still) open and those that are over. At least one of the two is not empty."""

    open: Sequence[Alarm] = ()
    over: Sequence[Alarm] = ()

    @property
    def level(self) -> Level:
        """The worst of what is open; of what is over alone, the worst that it was."""
        return max((alarm.level for alarm in self.open or self.over), key=RANK.__getitem__)


def staff_sayer(catalogs: Catalogs, language: str) -> Sayer:
    """The voice of messages to staff; whoever chose another language reads English."""
    return catalogs.sayer(language if language in STAFF_LANGUAGES else "en")


def subject_name(say: Sayer, subject: str) -> str:
    """A stream as people call it, with its technical name; anything else as it is."""
    key = f"staff.feed.name.{subject}"
    return f"{say.plain(key)} ({subject})" if key in say.catalogs.keys("en") else subject


def sentence(say: Sayer, alarm: Alarm) -> str:
    """One alarm in one sentence."""
    detail = alarm.detail
    since = str(detail.get("since", ""))
    return say.plain(
        f"staff.alarm.is.{alarm.kind}",
        subject=subject_name(say, alarm.subject),
        since=say.time(datetime.fromisoformat(since)) if since else "–",
        what=detail.get("what", "–"),
        number=detail.get("number", "–"),
    )


def lines(say: Sayer, told: Told) -> list[str]:
    """One line per alarm, the worst first, held ones together; at most MOST_LINES and one that counts the rest."""
    found = [
        *(_line(say, f"staff.alarm.level.{group[0].level}", group) for group in _groups(told.open)),
        *(_line(say, "staff.alarm.over", group) for group in _groups(told.over)),
    ]
    rest = len(found) - MOST_LINES
    return found if rest <= 0 else [*found[:MOST_LINES], say.plain("staff.alarm.more", number=rest)]


def _groups(alarms: Sequence[Alarm]) -> list[list[Alarm]]:
    """Held alerts come by the dozen: those of a kind and level are told together."""
    groups: dict[tuple[Level, str], list[Alarm]] = {}
    for alarm in sorted(alarms, key=lambda one: (-RANK[one.level], one.opened_at)):
        alone = alarm.kind is not Kind.HELD
        groups.setdefault((alarm.level, alarm.key if alone else alarm.kind), []).append(alarm)
    return list(groups.values())


def _line(say: Sayer, label: str, group: list[Alarm]) -> str:
    text = sentence(say, group[0])
    if len(group) > 1:
        text = f"{text} {say.plain('staff.alarm.more', number=len(group) - 1)}"
    return f"{say.plain(label)}: {text}"


def payload(say: Sayer, told: Told, site_url: str, sender: str) -> dict[str, Any]:
    """The JSON of DAIJOBU_ALARM_URL: `text` as chat programs read it (and `message`), the same as data beside it."""
    text = "\n".join([f"{sender}: {say.plain('staff.alarm.title')}", *lines(say, told), f"{site_url}{PAGE}"])
    return {
        "text": text,
        "message": text,
        "level": told.level.value,
        "url": f"{site_url}{PAGE}",
        "alarms": [
            {
                "key": alarm.key,
                "kind": alarm.kind.value,
                "level": alarm.level.value,
                "state": state,
                "subject": alarm.subject,
                "detail": dict(alarm.detail),
                "opened_at": alarm.opened_at.isoformat(),
                "told": alarm.told_count,
            }
            for state, alarms in (("open", told.open), ("over", told.over))
            for alarm in alarms
        ],
    }


def short_text(say: Sayer, told: Told, sender: str) -> str:
    """The SMS without its link: the worst of it, and how many more there are."""
    first = lines(say, told)
    text = first[0] if len(first[0]) <= SMS_CHARACTERS else f"{first[0][: SMS_CHARACTERS - 1]}…"
    if len(first) > 1:
        text = f"{text} {say.plain('staff.alarm.more', number=len(first) - 1)}"
    return f"{sender}: {text}"
