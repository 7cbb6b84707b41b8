"""P2PQuake: JMA's earthquake and tsunami reports as JSON, pushed within a second; a second way to the same facts.

Source: https://www.p2pquake.net/develop/json_api_v2/. It wakes the poller of JMA's own feed and fills gaps; it never
cancels, lifts or corrects, and says nothing of drills. No warranty, no re-delivery: the history fills what was missed
(60 questions a minute and address are allowed).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from core.model import MessageType, Parsed, Status, UnreadableReport
from feeds.feed import Feed, Push, Stream
from feeds.listing import Item, Listing, UnreadableFeed
from feeds.p2pquake import item as items
from feeds.p2pquake.quake import parse_quake
from feeds.p2pquake.tsunami import parse_tsunami
from feeds.untrusted import canonical_json, parse_json

_PARSE = {items.QUAKE: parse_quake, items.TSUNAMI: parse_tsunami}


def parse(body: bytes) -> Parsed:
    """What one item says, or a list of them (an answer of the history). Raises UnreadableReport with one sentence."""
    data = parse_json(body)
    several = data if isinstance(data, list) else [data]
    codes = [items.read_code(each) for each in several]
    used = [items.read_item(each) for each, code in zip(several, codes, strict=True) if code in _PARSE]
    events = tuple(_PARSE[item.code](item) for item in used)
    ignored = None
    if not events:
        code = codes[0] if codes else None
        ignored = "an empty list" if code is None else items.IGNORED.get(code, f"code {code}: not used")
    first = used[0] if used else None
    return Parsed(
        source="p2pquake",
        type=f"P2P{first.code if first else codes[0] if codes else ''}",
        title=events[0].title if events else "",
        status=Status.ACTUAL if events else Status.UNKNOWN,
        message_type=events[0].message_type if events else MessageType.ISSUE,
        reported_at=first.issued_at if first else None,
        events=events,
        ignored=ignored,
    )


def recognises(body: bytes) -> bool:
    """Whether it is JSON with the fields of an item; the order of fields is not fixed."""
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return False
    return (b'"issue"' in body and (b'"points"' in body or b'"cancelled"' in body)) or (
        b'"code"' in body and b'"time"' in body and b'"properties"' not in body
    )


def _item(data: Any) -> Item | None:
    """The report in one JSON value; None for codes we do not use. Raises UnreadableReport."""
    if items.read_code(data) not in _PARSE:
        return None
    when = data.get("time")
    return Item(
        items.key_of(data), canonical_json(data), None if when is None else items.time_of(when, "P2PQuake: time")
    )


def read_frame(frame: bytes) -> Item | None:
    """One frame of the WebSocket. Raises UnreadableReport."""
    return _item(parse_json(frame))


def read_history(body: bytes, url: str) -> Listing:
    """An answer of the history: a list, newest first. One damaged item does not hide the others.

    Raises UnreadableFeed if it is no list.
    """
    try:
        data = parse_json(body)
    except UnreadableReport as error:
        raise UnreadableFeed(str(error)) from None
    if not isinstance(data, list):
        raise UnreadableFeed("P2PQuake's history is not a JSON list")
    found: list[Item] = []
    problems: list[str] = []
    for each in data:
        try:
            item = _item(each)
        except UnreadableReport as error:
            problems.append(str(error))
        else:
            found.extend([] if item is None else [item])
    return Listing(items=tuple(found), problems=tuple(problems[:5]))


_WANTED = "history?codes=551&codes=552"

FEED = Feed(
    name="p2pquake",
    credit="P2P地震情報 (https://www.p2pquake.net/)；出典：気象庁",
    parse=parse,
    recognises=recognises,
    base_url=lambda settings: settings.p2pquake_url,
    streams=(
        Stream(
            name="history",
            path=f"{_WANTED}&limit=10",
            long_path=f"{_WANTED}&limit=100",
            every_s=lambda settings: settings.other_every_s,
            reach=timedelta(hours=6),
            quiet_after=timedelta(hours=48),
            read=read_history,
        ),
    ),
    pushes=(
        Push(
            name="ws",
            url=lambda settings: settings.p2pquake_ws_url,
            read=read_frame,
            quiet_after=timedelta(hours=48),
        ),
    ),
    grace=timedelta(seconds=60),
    wakes=frozenset({"jma"}),
)
