"""Where a CAP feed's alerts are: an Atom or RSS index with addresses or whole alerts, or one alert by itself. Pure."""

from __future__ import annotations

import email.utils
import hashlib
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

from lxml import etree

from core.model import UnreadableReport
from feeds.atom import ATOM, MAX_LIST_BYTES, time_of
from feeds.cap.alert import is_alert
from feeds.listing import Entry, Item, Listing, UnreadableFeed
from feeds.untrusted import Element, parse_xml

CAP_TYPE = "application/cap+xml"
_GDACS_CAP = "{http://www.gdacs.org}cap"


def is_index(root: Element) -> bool:
    """Whether an element is an Atom or RSS document."""
    return root.tag in (f"{{{ATOM}}}feed", "rss")


def read_index(body: bytes, url: str) -> Listing:
    """The alerts of a feed: addresses (resolved against `url`) and those that are in it. Raises UnreadableFeed."""
    try:
        root = parse_xml(body, max_bytes=MAX_LIST_BYTES)
    except UnreadableReport as error:
        raise UnreadableFeed(str(error)) from None
    if is_alert(root):
        return Listing(items=(_item(root, body),))
    if not is_index(root):
        raise UnreadableFeed(f"not a CAP feed: the root element is {etree.QName(root).localname}")
    entries: dict[str, Entry] = {}
    items: dict[str, Item] = {}
    elements = root.findall(f"{{{ATOM}}}entry") if root.tag != "rss" else root.findall("channel/item")
    for element in elements:
        alerts = alerts_in(element)
        for alert in alerts:
            item = _item(alert, etree.tostring(alert, method="c14n2", with_comments=False))
            items.setdefault(item.key, item)
        if alerts:
            continue
        address = _atom_address(element) if root.tag != "rss" else _rss_address(element)
        try:
            there = _same_host_encrypted(urljoin(url, address), url) if address else ""
        except ValueError:
            there = ""
        if there:
            entry = _entry(element, there, atom=root.tag != "rss")
            entries.setdefault(entry.identity, entry)
    return Listing(entries=tuple(entries.values()), items=tuple(items.values()))


def alerts_in(element: Element) -> list[Element]:
    """The alerts that stand in an index or one of its entries."""
    return [each for each in element.iter(etree.Element) if is_alert(each)]


def _item(alert: Element, body: bytes) -> Item:
    namespace = etree.QName(alert).namespace
    identifier, sender, sent = (
        (alert.findtext(f"{{{namespace}}}{name}") or "").strip() for name in ("identifier", "sender", "sent")
    )
    key = f"cap:{sender},{identifier},{sent}"
    if not (identifier and sender and sent) or len(key) > 450:
        key = f"cap:sha256:{hashlib.sha256(body).hexdigest()}"
    return Item(key.replace("\0", ""), body, time_of(sent))


def _entry(element: Element, url: str, *, atom: bool) -> Entry:
    title = element.findtext(f"{{{ATOM}}}title") if atom else element.findtext("title")
    if atom:
        updated = time_of(element.findtext(f"{{{ATOM}}}updated") or element.findtext(f"{{{ATOM}}}published"))
    else:
        updated = _rfc_822(element.findtext("pubDate"))
    # An agency may give an alert's next version the same address; the list's time tells that there is one.
    key = "" if updated is None else f"{url}#{updated.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return Entry(url=url, title=(title or "").strip(), updated=updated, key=key)


def _atom_address(entry: Element) -> str:
    links = entry.findall(f"{{{ATOM}}}link")
    for wanted in (CAP_TYPE, "application/xml", "text/xml"):
        for link in links:
            if (link.get("type") or "").split(";")[0].strip().lower() == wanted:
                return (link.get("href") or "").strip()
    plain = [link for link in links if (link.get("type") or "") != "text/html" and link.get("rel") != "self"]
    address = (plain[0].get("href") or "").strip() if plain else ""
    return address or (entry.findtext(f"{{{ATOM}}}id") or "").strip()


def _rss_address(item: Element) -> str:
    own = (item.findtext(_GDACS_CAP) or "").strip()
    if own:
        return own
    for enclosure in item.findall("enclosure"):
        if (enclosure.get("type") or "").split(";")[0].strip().lower() == CAP_TYPE:
            return (enclosure.get("url") or "").strip()
    return (item.findtext("link") or "").strip()


def _same_host_encrypted(address: str, feed_url: str) -> str:
    """An http address on the very host we read over https is asked over https: it lists itself as it once was."""
    there, here = urlsplit(address), urlsplit(feed_url)
    if (there.scheme, here.scheme) == ("http", "https") and there.netloc == here.hostname:
        return there._replace(scheme="https").geturl()
    return address if there.scheme in ("http", "https") else ""


def _rfc_822(text: str | None) -> datetime | None:
    try:
        when = email.utils.parsedate_to_datetime((text or "").strip())
    except ValueError:
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)
