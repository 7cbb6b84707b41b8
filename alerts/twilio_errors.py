"""What Twilio's error numbers mean for us: a table beside this file, read once, and one way to ask it.

Source of the numbers: Twilio's error and warning dictionary (twilio.com/docs/api/errors). `sent` says whether the
message may have left Twilio ("tried": to the network, which refused it). A number that the table does not know counts
by the HTTP status it came with.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from alerts.channel import SendError, Trouble

TABLE: Final = Path(__file__).with_name("twilio_errors.tsv")
COLUMNS: Final = ("number", "sent", "trouble", "alarm", "meaning", "action")
SENT: Final = ("no", "tried")
ALARMS: Final = ("", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Known:
    """One number. `alarm`: "", "warning" or "critical"; `action`: what the operator can do, as an imperative."""

    number: int
    sent: str
    trouble: Trouble
    alarm: str
    meaning: str
    action: str


def read_table(text: str, name: str = TABLE.name) -> dict[int, Known]:
    """The table by number. Raises ValueError naming file and line."""
    first, *lines = text.splitlines()
    if first.split("\t") != list(COLUMNS):
        raise ValueError(f"{name} line 1: the columns must be {', '.join(COLUMNS)}")
    table: dict[int, Known] = {}
    for number, line in enumerate(lines, 2):
        cells = line.split("\t")
        if len(cells) != len(COLUMNS) or not cells[0].isdigit():
            raise ValueError(f"{name} line {number}: expected a number and {len(COLUMNS) - 1} more columns")
        code, sent, trouble, alarm, meaning, action = int(cells[0]), *cells[1:]
        if sent not in SENT or alarm not in ALARMS or trouble not in list(Trouble):
            raise ValueError(f"{name} line {number}: unknown word for sent, trouble or alarm")
        if code in table or not meaning or not action:
            raise ValueError(f"{name} line {number}: {code} stands there twice, or lacks its meaning or action")
        table[code] = Known(code, sent, Trouble(trouble), alarm, meaning, action)
    return table


@cache
def table() -> dict[int, Known]:
    """The table of this installation, read when it is first asked."""
    return read_table(TABLE.read_text(encoding="utf-8"))


def trouble(code: int, status: int) -> SendError:
    """The SendError of an error number, or of the HTTP status where we do not know the number.

    `status` 0: none (the number came in a call-back).
    """
    known = table().get(code)
    if known is not None:
        return SendError(known.trouble, str(code), known.meaning, alarm=known.alarm, remedy=known.action)
    return SendError(of_status(status), str(code))


def of_status(status: int) -> Trouble:
    """What an HTTP status alone says about a send."""
    if status == 429:
        return Trouble.THROTTLED
    return Trouble.AMBIGUOUS if status >= 500 or status == 408 else Trouble.REFUSED
