"""Atom lists: entries, addresses, hostile input."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from feeds.atom import Entry, UnreadableFeed, parse_atom
from tests.feed_server import atom

BASE = "https://feed.example/developer/xml/feed/eqvol.xml"


def test_entries_in_order_each_address_once() -> None:
    first = (
        "https://feed.example/data/20260831181840_0_VXSE53_010000.xml",
        datetime(2026, 8, 31, 18, 18, 45, tzinfo=UTC),
    )
    second = ("https://feed.example/data/20260831181640_0_VXSE51_010000.xml", datetime(2026, 8, 31, 18, 16, tzinfo=UTC))
    entries = parse_atom(atom([first, second, first]), BASE)
    assert entries == [Entry(first[0], "t", first[1]), Entry(second[0], "t", second[1])]


def test_relative_addresses_and_ids_serve_too() -> None:
    body = b"""<feed xmlns="http://www.w3.org/2005/Atom">
      <entry><link href="../data/a.xml"/><updated>no time</updated></entry>
      <entry><id>https://feed.example/b.xml</id><updated>2026-09-01T00:00:00</updated></entry>
      <entry><title>nothing to fetch</title></entry>
      <entry><link href="http://[broken"/></entry>
    </feed>"""
    assert parse_atom(body, BASE) == [
        Entry("https://feed.example/developer/xml/data/a.xml", "", None),
        Entry("https://feed.example/b.xml", "", None),  # a time without zone is no time
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Forbidden</body></html>",
        b"",
        b"<feed xmlns='http://www.w3.org/2005/Atom'><entry>",
        b"<!DOCTYPE x><feed xmlns='http://www.w3.org/2005/Atom'/>",
        b"\x89PNG\r\n",
    ],
)
def test_what_is_no_feed_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableFeed):
        parse_atom(body, BASE)


def test_an_empty_list_is_a_list() -> None:
    assert parse_atom(atom([]), BASE) == []
