"""JMA's Atom feeds: which reports there are. Pure; the title and text of an entry are hints only.

Source: https://xml.kishou.go.jp/xmlpull.html.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urljoin

from core.model import UnreadableReport
from feeds.listing import Entry, Listing, UnreadableFeed
from feeds.untrusted import parse_xml

__all__ = ["Entry", "UnreadableFeed", "atom_listing", "parse_atom"]

ATOM = "http://www.w3.org/2005/Atom"
#: The long files list several days of reports: they may be larger than any report.
MAX_LIST_BYTES = 30_000_000
_NS = {"a": ATOM}


def atom_listing(body: bytes, base_url: str) -> Listing:
    """The entries of an Atom feed as a listing. Raises UnreadableFeed."""
    return Listing(entries=tuple(parse_atom(body, base_url)))


def parse_atom(body: bytes, base_url: str) -> list[Entry]:
    """The entries of a feed, in its order, each URL once; addresses are resolved against `base_url`.

    An entry without an address is left out: there is nothing to fetch. Raises UnreadableFeed.
    """
    try:
        root = parse_xml(body, max_bytes=MAX_LIST_BYTES)
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
                updated=time_of(element.findtext("a:updated", namespaces=_NS)),
            ),
        )
    return list(entries.values())


def time_of(text: str | None) -> datetime | None:
    """An ISO 8601 time with its zone; None for anything else."""
    try:
        when = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return when if when.tzinfo is not None else None
