"""JMA's Atom feeds: which reports there are. Pure; the title and text of an entry are hints only.

Source: https://xml.kishou.go.jp/xmlpull.html.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urljoin

from core.model import UnreadableReport
from feeds.jma.envelope import parse_xml

ATOM = "http://www.w3.org/2005/Atom"
_NS = {"a": ATOM}


class UnreadableFeed(ValueError):
    """The document is no Atom feed. The message is one sentence saying what is wrong."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One report a feed lists. `updated` is None where the feed gives no time we can read."""

    url: str
    title: str
    updated: datetime | None


def parse_atom(body: bytes, base_url: str) -> list[Entry]:
    """The entries of a feed, in its order, each URL once; addresses are resolved against `base_url`.

    An entry without an address is left out: there is nothing to fetch. Raises UnreadableFeed.
    """
    try:
        root = parse_xml(body)
    except UnreadableReport as error:
        raise UnreadableFeed(str(error)) from None
    if root.tag != f"{{{ATOM}}}feed":
        raise UnreadableFeed("not an Atom feed: the root element is not feed")
    entries: dict[str, Entry] = {}
    for element in root.iterfind("a:entry", _NS):
        link = element.find("a:link", _NS)
        address = (link.get("href") or "").strip() if link is not None else ""
        address = address or (element.findtext("a:id", namespaces=_NS) or "").strip()
        if not address:
            continue
        try:
            url = urljoin(base_url, address)
        except ValueError:  # e.g. a bracket that is no IPv6 address
            continue
        entries.setdefault(
            url,
            Entry(
                url=url,
                title=(element.findtext("a:title", namespaces=_NS) or "").strip(),
                updated=_time(element.findtext("a:updated", namespaces=_NS)),
            ),
        )
    return list(entries.values())


def _time(text: str | None) -> datetime | None:
    try:
        when = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return when if when.tzinfo is not None else None
