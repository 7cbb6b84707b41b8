"""Input that means harm, or of a broken server: every parser refuses it with one sentence, and every fetch ends.

Nothing is ever asked of another host, nothing is unpacked beyond the cap, and whatever a header says can be stored and
sent back, so that one bad answer does not make a feed deaf for good.
"""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web

from core.clock import FixedClock
from core.db import Pool
from core.model import UnreadableReport
from core.settings import load_settings
from feeds.atom import UnreadableFeed
from feeds.fetch import Fetched, FetchError, fetch
from feeds.known import all_feeds
from feeds.poller import StreamPoller
from feeds.sources.jma import FEED
from feeds.store import load_state
from feeds.untrusted import parse_json, parse_xml
from tests.feed_server import FeedServer, answer, feed_server, served
from tests.fuzz.targets import check_sentence
from tests.telegrams import body

NOW = datetime(2026, 8, 31, 18, 20, tzinfo=UTC)
CAP = 1_000_000
ATOM = "http://www.w3.org/2005/Atom"
REAL = body("vxse53_first_not_received.xml")

LAUGHS = b"<!DOCTYPE l [<!ENTITY a 'ha'>" + b"".join(
    b"<!ENTITY %c '%s'>" % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
)
DOCUMENTS = {
    "nothing": b"",
    "blanks": b" \r\n\t" * 1000,
    "nul": b"\0" * 1000,
    "doctype": b'<?xml version="1.0"?><!DOCTYPE Report><Report/>',
    "a file as an entity": b'<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><r>&f;</r>',
    "a host as a DTD": b'<!DOCTYPE r SYSTEM "http://169.254.169.254/x.dtd"><r/>',
    "entities without end": LAUGHS + b"]><l>&j;</l>",
    "a DOCTYPE in UTF-16": '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>'.encode(
        "utf-16"
    ),
    "a DOCTYPE in UTF-7": b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE r+AD4-<r/>',
    "another charset than it says": b'<?xml version="1.0" encoding="UTF-8"?><Report>'
    + "気象".encode("euc-jp")
    + b"</Report>",
    "a charset nobody has": b'<?xml version="1.0" encoding="x-none"?><Report/>',
    "half a telegram": REAL[: len(REAL) // 2],
    "two telegrams": REAL + REAL,
    "an error page": b"<!doctype html><html><head><title>503</title></head><body>Sorry<br></body></html>",
    "an XHTML error page": b'<html xmlns="http://www.w3.org/1999/xhtml"><body><p>Sorry</p></body></html>',
    "very deep": b"<a>" * 100_000 + b"</a>" * 100_000,
    "a long name": b"<" + b"a" * 2_000_000 + b"/>",
    "a long attribute": b'<a b="' + b"c" * 9_000_000 + b'"/>',
    "many attributes": b"<a " + b" ".join(b'a%d=""' % n for n in range(60_000)) + b"/>",
    "two million elements": b"<Report>" + b"<a/>" * 1_990_000 + b"</Report>",
    "a million attributes": b"<a " + b" ".join(b'a%d=""' % n for n in range(600_000)) + b"/>",
    "JSON of millions of lists": b"[" + b"[]," * 2_600_000 + b"[]]",
    "10 MB of text": b"<Report>" + b"x" * 10_000_000 + b"</Report>",
    "JSON, very deep": b"[" * 200_000 + b"]" * 200_000,
    "JSON with a number of a million digits": b'{"code": ' + b"9" * 1_000_000 + b"}",
    "JSON, cut": b'{"code": 551, "id": "x',
    "JSON, not UTF-8": '{"code": 551, "id": "気象"}'.encode("euc-jp"),
    "a gzip": gzip.compress(REAL),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8,
}
#: Documents that take far more memory than they are long. A list of days may have more parts than they.
GROWING = ("two million elements", "a million attributes", "JSON of millions of lists")


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("feed", all_feeds())
def test_no_parser_reads_it_and_each_says_why(feed: str, document: str) -> None:
    with pytest.raises(UnreadableReport) as refused:
        all_feeds()[feed].parse(DOCUMENTS[document])
    check_sentence(refused.value)
    assert "root:" not in str(refused.value)


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if name not in GROWING])
def test_no_list_and_no_frame_is_read_from_it(document: str) -> None:
    for feed in all_feeds().values():
        for stream in feed.streams:
            with pytest.raises(UnreadableFeed) as refused:
                stream.read(DOCUMENTS[document], "https://feed.example/eqvol.xml")
            check_sentence(refused.value)
        for push in feed.pushes:
            with pytest.raises(UnreadableReport) as frame:
                push.read(DOCUMENTS[document])
            check_sentence(frame.value)


@pytest.mark.parametrize("document", GROWING)
def test_what_grows_in_memory_is_refused_before_it_is_read(document: str) -> None:
    read = parse_json if document.startswith("JSON") else parse_xml
    with pytest.raises(UnreadableReport, match="parts"):
        read(DOCUMENTS[document])


def test_a_comment_or_an_instruction_hides_nothing() -> None:
    inside = REAL.replace("通常".encode(), "通<!-- -->常".encode()).replace(b"<Head", b"<?php x?><Head")
    assert inside != REAL
    (event,) = FEED.parse(inside).events
    assert event == FEED.parse(REAL).events[0]


# --- fetching


async def get(url: str, *, max_bytes: int = CAP, timeout: aiohttp.ClientTimeout | None = None) -> Fetched:
    async with aiohttp.ClientSession() as session:
        more = {} if timeout is None else {"timeout": timeout}
        return await fetch(session, url, headers={"User-Agent": "test"}, max_bytes=max_bytes, now=NOW, **more)


async def refused(url: str, **more: object) -> FetchError:
    """Why this could not be had."""
    with pytest.raises(FetchError) as error:
        await get(url, **more)  # type: ignore[arg-type]
    check_sentence(error.value)
    return error.value


@pytest.fixture
async def host() -> AsyncIterator[FeedServer]:
    async with feed_server() as fake:
        yield fake


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(host: FeedServer, status: int) -> None:
    async with feed_server() as other:
        other.bodies["/x"] = REAL
        host.faults["/x"] = [answer(status, Location=f"{other.base}/x")]
        assert str(status) in str(await refused(f"{host.base}/x"))
        assert other.seen == []


def packed(size: int) -> bytes:
    """A gzip of `size` zeros."""
    engine = zlib.compressobj(1, wbits=31)
    return engine.compress(bytes(size)) + engine.flush()


async def test_a_bomb_is_not_unpacked_beyond_the_cap(host: FeedServer) -> None:
    bomb = packed(60_000_000)
    host.faults["/x"] = [answer(200, bomb, Content_Encoding="gzip")]
    tracemalloc.start()
    try:
        assert "larger than" in str(await refused(f"{host.base}/x"))
        assert tracemalloc.get_traced_memory()[1] < 10 * CAP
    finally:
        tracemalloc.stop()


async def test_a_gzip_of_several_parts_is_not_taken_for_its_first(host: FeedServer) -> None:
    host.faults["/x"] = [answer(200, gzip.compress(b"<first/>") + gzip.compress(b"<second/>"), Content_Encoding="gzip")]
    assert "after" in str(await refused(f"{host.base}/x"))


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "gzip, gzip", "x"])
async def test_an_encoding_nobody_asked_for_is_refused(host: FeedServer, encoding: str) -> None:
    host.faults["/x"] = [answer(200, b"abc", Content_Encoding=encoding)]
    assert "encoding" in str(await refused(f"{host.base}/x"))


@pytest.mark.parametrize("status", [201, 204, 206, 400, 404, 410, 418, 500, 599])
async def test_only_200_is_a_document(host: FeedServer, status: int) -> None:
    host.faults["/x"] = [answer(status)]
    assert (await refused(f"{host.base}/x")).status == status


@pytest.mark.parametrize("at_start", [True, False], ids=["before the first byte", "byte by byte"])
async def test_a_slow_server_is_left(at_start: bool) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if at_start:
            await asyncio.sleep(60)
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    async with served(drip) as base:
        error = await refused(f"{base}/x", timeout=aiohttp.ClientTimeout(total=0.3))
        assert "no complete answer" in str(error) and not error.asks_to_wait


@asynccontextmanager
async def raw(sent: bytes) -> AsyncIterator[str]:
    """A server that answers every connection with these bytes and hangs up."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        try:
            await writer.drain()
            writer.close()
        except ConnectionError:
            return

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"


OK = b"HTTP/1.1 200 OK\r\n"
NO_HTTP = {
    "nothing": b"",
    "no HTTP": b"220 mail.example ESMTP\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "a status that is no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "a header without end": OK + b"X: " + b"a" * 200_000,
    "headers without end": OK + b"".join(b"X-%d: 1\r\n" % n for n in range(40_000)),
    "a negative length": OK + b"Content-Length: -5\r\n\r\nabc",
    "two lengths": OK + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
    "a length of a million digits": OK + b"Content-Length: " + b"9" * 7_000 + b"\r\n\r\nabc",
    "less than announced": OK + b"Content-Length: 500\r\n\r\n<Report",
    "chunks of no size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "a chunk of terabytes": OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffff\r\nabc",
    "length and chunks": OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "NUL in a header": OK + b'ETag: "a\0b"\r\nContent-Length: 3\r\n\r\nabc',
}


@pytest.mark.parametrize("sent", NO_HTTP)
async def test_what_is_no_http_is_an_error_of_one_sentence(sent: str) -> None:
    async with raw(NO_HTTP[sent]) as url:
        await refused(url)


async def test_a_header_of_any_bytes_can_be_kept_and_sent_back(db: Pool) -> None:
    """Bytes that are no UTF-8 in a validator must not stop the database, nor the next question."""
    atom = f'<feed xmlns="{ATOM}"/>'.encode()
    odd = b'ETag: "\xff\xfe\x01"\r\nLast-Modified: \xe6\xb0\r\n'
    sent = OK + odd + b"Content-Length: %d\r\n\r\n" % len(atom) + atom
    async with raw(sent) as url, aiohttp.ClientSession() as session:
        settings = load_settings({}, jma_feed_url=url.removesuffix("x") + "feed/")
        clock = FixedClock(NOW)
        poller = StreamPoller(db, settings, clock, session, FEED, FEED.streams[0])
        for _ in range(3):
            assert (await poller.poll_once()).error is None
        assert (await load_state(db, "jma.eqvol")).last_heard_at == NOW
