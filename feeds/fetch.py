"""One polite, guarded HTTP GET: redirects only where we may go, caps on size (also after unpacking) and on time."""

from __future__ import annotations

import asyncio
import email.utils
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin, urlsplit

import aiohttp

#: Whole exchange, redirects included; a telegram is at most a few hundred kilobytes. A server that sends a byte now and
#: then is cut off by the total, one that stops by the pause.
TIMEOUT = aiohttp.ClientTimeout(total=30, connect=10, sock_read=15)
#: More redirects in a row are a circle.
MAX_REDIRECTS = 3
#: Longest wait we accept from Retry-After: a wrong header must not silence a feed for a day.
MAX_RETRY_AFTER = timedelta(minutes=30)
_CHUNK = 65_536
_MAX_MESSAGE = 900


class FetchError(Exception):
    """The document could not be had. `status` is the HTTP status (None: no answer), `retry_after` what the server asks.

    `size` is how many bytes came over the wire all the same: they count against the daily budget.
    """

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: timedelta | None = None, size: int = 0
    ) -> None:
        # It may quote what was received: only text that a page can show and the database can keep.
        super().__init__("".join(c if c.isprintable() else "?" for c in message[:_MAX_MESSAGE]))
        self.status = status
        self.retry_after = retry_after
        self.size = size

    @property
    def asks_to_wait(self) -> bool:
        """403, 429 and 5xx: the server wants to be left alone for a while."""
        return self.status is not None and (self.status in (403, 429) or self.status >= 500)


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. `body` is None for 304; `size` is the bytes that came over the wire."""

    body: bytes | None
    size: int
    etag: str | None
    last_modified: str | None
    #: The server's own time (Date header); None if it gave none.
    server_date: datetime | None = None


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Retry-After as seconds or HTTP date, between 0 and MAX_RETRY_AFTER; None if absent or unreadable (RFC 9110)."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # Longer digit strings overflow; all of them are beyond the cap.
        wait = timedelta(seconds=int(text[:9]))
    else:
        try:
            when = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
        wait = (when if when.tzinfo else when.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta(0)), MAX_RETRY_AFTER)


def user_agent(contact: str) -> str:
    """How we name ourselves to a feed's host, so that its operators can reach ours."""
    return f"Daijobu/0.1 (disaster safety check-in; contact: {contact})"


async def fetch(
    session: aiohttp.ClientSession,
    url: str,
    *,
    headers: dict[str, str],
    max_bytes: int,
    now: datetime,
    may_go_to: Callable[[str], bool] = lambda url: False,
    timeout: aiohttp.ClientTimeout = TIMEOUT,
) -> Fetched:
    """GET `url`. Raises FetchError for anything but 200 and 304, for a body over `max_bytes` and for a cut one.

    A redirect is followed at most MAX_REDIRECTS times, and only to an address that `may_go_to` allows.
    """
    came: list[int] = []
    try:
        async with asyncio.timeout(timeout.total):
            return await _follow(session, url, headers, max_bytes, now, may_go_to, timeout, came)
    except zlib.error as error:
        raise FetchError(f"{url}: the compressed body is damaged: {error}", size=sum(came)) from None
    except TimeoutError:
        raise FetchError(f"{url}: no complete answer within {timeout.total:.0f} s", size=sum(came)) from None
    except (aiohttp.ClientError, ValueError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise FetchError(f"{url}: {reason}", size=sum(came)) from None


async def _follow(
    session: aiohttp.ClientSession,
    url: str,
    headers: dict[str, str],
    max_bytes: int,
    now: datetime,
    may_go_to: Callable[[str], bool],
    timeout: aiohttp.ClientTimeout,
    came: list[int],
) -> Fetched:
    here, path = url, url
    for _ in range(MAX_REDIRECTS + 1):
        async with session.get(
            here,
            headers={**headers, "Accept-Encoding": "gzip"},
            allow_redirects=False,
            # Unpacked here, where the cap is kept: a small gzip can hold gigabytes.
            auto_decompress=False,
            timeout=timeout,
        ) as response:
            location = response.headers.get("Location", "")
            if response.status not in (301, 302, 303, 307, 308) or not location:
                return await _take(response, path, max_bytes, now, came)
            there = urljoin(here, location)
            path = f"{url} (redirect to {there[:200]})"
            if not may_go_to(there):
                raise FetchError(f"{path}: HTTP {response.status}, not followed", status=response.status)
            here = there
    raise FetchError(f"{path}: more than {MAX_REDIRECTS} redirects")


def _date(value: str | None) -> datetime | None:
    try:
        when = email.utils.parsedate_to_datetime(value or "")
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _validator(value: str | None) -> str | None:
    """A validator that can be kept and sent back; None for one that no server of RFC 9110 sends.

    Bytes that are no UTF-8 arrive as lone surrogates, which neither the database nor the next request could carry.
    """
    return value if value is not None and value.isascii() and value.isprintable() and len(value) <= 500 else None


async def _take(response: aiohttp.ClientResponse, path: str, max_bytes: int, now: datetime, came: list[int]) -> Fetched:
    """The answer's body, unpacked. `path` names it in errors; each chunk's size is added to `came`."""
    headers = response.headers
    about = (_validator(headers.get("ETag")), _validator(headers.get("Last-Modified")), _server_date(headers))
    if response.status == 304:
        return Fetched(None, 0, *about)
    if response.status != 200:
        raise FetchError(
            f"{path}: HTTP {response.status} (refused or failed)",
            status=response.status,
            retry_after=parse_retry_after(response.headers.get("Retry-After"), now),
        )
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", ""):
        raise FetchError(f"{path}: answered in the encoding {encoding[:40]!r}, which was not asked for")
    unpack = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    body = bytearray()
    size = 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        size += len(chunk)
        came.append(len(chunk))
        body += chunk if unpack is None else unpack.decompress(chunk, max_bytes + 1 - len(body))
        if len(body) > max_bytes or size > max_bytes:
            raise FetchError(f"{path}: larger than {max_bytes} bytes, not read further", size=size)
        if unpack is not None and unpack.unused_data:
            raise FetchError(f"{path}: the compressed body goes on after its end", size=size)
    if unpack is not None and not unpack.eof:
        raise FetchError(f"{path}: the compressed body ends early", size=size)
    return Fetched(bytes(body), size, *about)


def _server_date(headers: Mapping[str, str]) -> datetime | None:
    """The server's own time; None where a cache on the way answered (Age): that is when the answer was made."""
    return None if headers.get("Age", "0").strip() != "0" else _date(headers.get("Date"))


def same_origin_or_allowed(url: str, feed_url: str, allowed_hosts: frozenset[str]) -> bool:
    """Whether a body address listed by a feed may be fetched: the feed's own origin, or https on an allowed host.

    A feed (or whoever can write into it) must not make us call other machines.
    """
    try:
        here, there = urlsplit(url), urlsplit(feed_url)
        ports = (here.port, there.port)
    except ValueError:
        return False
    if here.username is not None or here.password is not None or here.hostname is None:
        return False
    if (here.scheme, here.hostname) == (there.scheme, there.hostname) and ports[0] == ports[1]:
        return here.scheme in ("http", "https")
    # The same host by the better way counts as the same host.
    hosts = allowed_hosts | {there.hostname} if there.scheme == "http" and ports[1] in (None, 80) else allowed_hosts
    return here.scheme == "https" and ports[0] in (None, 443) and here.hostname in hosts
