"""One item of P2PQuake's API: what all codes share, and which of them we use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from core.model import UnreadableReport
from feeds.untrusted import canonical_json, words

JST = timezone(timedelta(hours=9))

QUAKE = 551
TSUNAMI = 552
#: Why the other codes make no event.
IGNORED = {
    554: "detection of an earthquake early warning: a sound for programs, not a report",
    555: "how many peers listen: about P2PQuake itself",
    556: "earthquake early warning: cannot reach people in time by message, and relaying it needs a contract",
    561: "one user's report that it shook: not an observation",
    9611: "estimate from users' reports: not an observation",
}


@dataclass(frozen=True, slots=True)
class P2PItem:
    """One item. `data` is the whole JSON object."""

    code: int
    #: P2PQuake's own id, the same over its WebSocket and its history; "" in files of older programs.
    id: str
    data: Mapping[str, Any]
    #: When JMA issued it (issue.time), and when P2PQuake passed it on.
    issued_at: datetime
    passed_at: datetime


def read_code(data: Any) -> int:
    """The code of an item. Files of older programs carry none: what it holds tells. Raises UnreadableReport."""
    if not isinstance(data, dict):
        raise UnreadableReport("P2PQuake: an item is not a JSON object")
    code = data.get("code")
    if isinstance(code, int) and not isinstance(code, bool):
        return code
    if code is None and "issue" in data:
        if "points" in data and "earthquake" in data:
            return QUAKE
        if "cancelled" in data and "areas" in data:
            return 556 if "earthquake" in data else TSUNAMI
    raise UnreadableReport("P2PQuake: code is missing or no number")


def read_item(data: Any) -> P2PItem:
    """What all codes share. Raises UnreadableReport naming what is missing."""
    code = read_code(data)
    issue = mapping(data, "issue", f"P2PQuake {code}")
    issued_at = time_of(issue.get("time"), f"P2PQuake {code}: issue.time")
    passed = data.get("time")
    return P2PItem(
        code=code,
        id=id_of(data),
        data=data,
        issued_at=issued_at,
        passed_at=issued_at if passed is None else time_of(passed, f"P2PQuake {code}: time"),
    )


def id_of(data: Mapping[str, Any]) -> str:
    """P2PQuake's id of an item; the WebSocket has been seen to call it _id."""
    return words(data.get("id"), 100) or words(data.get("_id"), 100)


def key_of(data: Mapping[str, Any]) -> str:
    """What an item is remembered by: its id; of one without, its content."""
    own = id_of(data)
    return f"p2pquake:{own}" if own else f"p2pquake:sha256:{hashlib.sha256(canonical_json(data)).hexdigest()}"


def mapping(data: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    """The object `name`. Raises UnreadableReport if it is missing or something else."""
    value = data.get(name)
    if not isinstance(value, dict):
        raise UnreadableReport(f"{where}: {name} is missing or no object")
    return value


def objects(data: Mapping[str, Any], name: str, where: str) -> list[Mapping[str, Any]]:
    """The list of objects `name`. Raises UnreadableReport if it is missing or holds something else."""
    value = data.get(name)
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise UnreadableReport(f"{where}: {name} is missing or no list of objects")
    return value


def time_of(value: Any, where: str) -> datetime:
    """A time as P2PQuake writes it, in Japan's time without saying so. Raises UnreadableReport.

    >>> time_of("2021/02/17 23:08:00.5", "time").isoformat()
    '2021-02-17T23:08:00.500000+09:00'
    """
    text = words(value, 40)
    for form in ("%Y/%m/%d %H:%M:%S.%f", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"):
        try:
            when = datetime.strptime(text, form).replace(tzinfo=JST)
        except ValueError:
            continue
        if 1900 <= when.year <= 2200:
            return when
    raise UnreadableReport(f"{where}: {text!r} is not a time of the form 2026/01/02 15:04:05")
