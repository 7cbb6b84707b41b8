"""A fake of JMA's feed host that behaves over time like the real one, on loopback, by the clock it is given.

What is known of the real one (https://xml.kishou.go.jp/xmlpull.html, and clients that log their answers): short lists,
renewed each minute, with at least the last ten minutes; long lists, renewed each hour, with several days; ETag and
Last-Modified; a body never changes at its address; 10 GB of one day, or a client without a name, are answered with 403.
What may go wrong is an argument: an entry that the short list never shows, a body that is served later than its entry,
a host that goes on answering 200 with the content of hours ago.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from xml.sax.saxutils import escape

from aiohttp import web

from core.clock import JST, Clock
from tests.feed_server import Answer, served

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
#: "at least the last ten minutes"
SHORT_WINDOW = timedelta(minutes=10)
#: "several days": one client counts seven.
LONG_WINDOW = timedelta(days=7)
#: JMA blocks an address that loads this much in a day.
DAILY_LIMIT = 10_000_000_000
NAMES = {"eqvol": "地震火山", "extra": "随時", "regular": "定時", "other": "その他"}
OFFICES = {"010000": "気象庁", "270000": "大阪管区気象台", "430000": "熊本地方気象台"}


@dataclass(frozen=True, slots=True)
class Published:
    """One telegram on the host."""

    name: str
    body: bytes
    #: When it enters the lists: it shows from the next edition on.
    at: datetime
    #: When the body itself is there; before, its address answers 404.
    body_at: datetime
    lists: tuple[str, ...]
    title: str
    office: str
    in_short: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """One request and what it was answered with."""

    at: datetime
    path: str
    status: int
    #: Bytes of the answer's body on the wire.
    size: int


@dataclass
class JmaServer:
    """JMA's feed host. `clock` is the clock of the story; nothing here reads another one."""

    clock: Clock
    base: str = ""
    published: dict[str, Published] = field(default_factory=dict)
    #: Answers that replace the host's own for a path, once each, in order.
    faults: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    #: How often the short lists are renewed.
    renewed: timedelta = MINUTE
    daily_limit: int = DAILY_LIMIT
    #: Set: the lists stay as they were then, with 200.
    frozen_at: datetime | None = None
    _used: dict[tuple[str, date], int] = field(default_factory=dict)
    _editions: dict[tuple[str, datetime, int], bytes] = field(default_factory=dict)

    @property
    def feed_url(self) -> str:
        return f"{self.base}/developer/xml/feed/"

    def publish(
        self,
        type: str,
        body: bytes,
        *,
        at: datetime | None = None,
        office: str = "010000",
        lists: tuple[str, ...] = ("eqvol",),
        title: str = "",
        body_later: timedelta = timedelta(0),
        in_short: bool = True,
    ) -> str:
        """Put a telegram on the host; its path. It shows in the editions after `at` (default: now).

        `in_short=False`: the short list never names it. `body_later`: its address answers 404 for so long.
        """
        at = at or self.clock.now()
        running = sum(1 for each in self.published.values() if each.at == at)
        name = f"{at.astimezone(UTC):%Y%m%d%H%M%S}_{running}_{type}_{office}.xml"
        path = f"/developer/xml/data/{name}"
        assert path not in self.published, "a body never changes at its address"
        self.published[path] = Published(
            name, body, at, at + body_later, lists, title or type, OFFICES.get(office, office), in_short
        )
        return path

    def freeze(self) -> None:
        """From now on the lists do not change, and answer as if nothing were wrong."""
        self.frozen_at = self.clock.now()

    def thaw(self) -> None:
        self.frozen_at = None

    def requests(self, path: str, *, status: int | None = None) -> list[Asked]:
        """The requests whose path begins so, or ends so (a list's name)."""
        return [
            ask
            for ask in self.asked
            if (ask.path.startswith(path) or ask.path.endswith(f"/{path}")) and status in (None, ask.status)
        ]

    @property
    def bodies_sent(self) -> list[str]:
        """The paths of the bodies that were sent whole, in order."""
        return [ask.path for ask in self.requests("/developer/xml/data/", status=200)]

    @property
    def bytes_sent(self) -> int:
        return sum(ask.size for ask in self.asked)

    # --- answering

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Any request."""
        response = await self._answer(request)
        if not response.prepared:
            response.headers["Date"] = format_datetime(self.clock.now().astimezone(UTC), usegmt=True)
        size = response.body_length if response.prepared else len(getattr(response, "body", None) or b"")
        today = self.clock.now().astimezone(JST).date()
        key = (request.remote or "", today)
        self._used[key] = self._used.get(key, 0) + size
        self.asked.append(Asked(self.clock.now(), request.path, response.status, size))
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.faults.get(request.path):
            return await self.faults[request.path].pop(0)(request)
        today = self.clock.now().astimezone(JST).date()
        agent = request.headers.get("User-Agent", "")
        if not agent or agent.startswith("Python/"):
            return web.Response(status=403, text="Forbidden")
        if self._used.get((request.remote or "", today), 0) >= self.daily_limit:
            return web.Response(status=403, text="Forbidden")
        if (body := self.published.get(request.path)) is not None:
            if self.clock.now() < body.body_at:
                return web.Response(status=404, text="Not Found")
            return self._conditional(request, body.body, body.body_at, "application/xml")
        head, _, name = request.path.rpartition("/")
        stem = name.removesuffix(".xml").removesuffix("_l")
        if head != "/developer/xml/feed" or stem not in NAMES or not name.endswith(".xml"):
            return web.Response(status=404, text="Not Found")
        edition = self.edition(long=name == f"{stem}_l.xml")
        return self._conditional(request, self.list_at(name, edition), edition, "application/atom+xml")

    def _conditional(self, request: web.Request, body: bytes, changed: datetime, kind: str) -> web.Response:
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        headers = {"ETag": etag, "Last-Modified": format_datetime(changed.astimezone(UTC), usegmt=True)}
        told, since = request.headers.get("If-None-Match"), request.headers.get("If-Modified-Since")
        # RFC 9110: If-None-Match decides alone where it is sent.
        if told == etag or (
            told is None and since is not None and parsedate_to_datetime(since) >= changed.replace(microsecond=0)
        ):
            return web.Response(status=304, headers=headers)
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, compresslevel=1, mtime=0)
        return web.Response(body=body, content_type=kind, headers=headers)

    # --- the lists

    def edition(self, *, long: bool) -> datetime:
        """When the list that is served now was made."""
        now = min(self.clock.now(), self.frozen_at or self.clock.now())
        step = HOUR if long else self.renewed
        start = datetime(2000, 1, 1, tzinfo=UTC)
        return start + (now - start) // step * step

    def list_at(self, name: str, edition: datetime) -> bytes:
        """The list `name` (e.g. eqvol_l.xml) as made at `edition`: newest first."""
        key = (name, edition, len(self.published))
        if key not in self._editions:
            stem = name.removesuffix(".xml").removesuffix("_l")
            long = name != f"{stem}.xml"
            since = edition - (LONG_WINDOW if long else SHORT_WINDOW)
            shown = [
                (path, each)
                for path, each in self.published.items()
                if stem in each.lists and since < each.at <= edition and (long or each.in_short)
            ]
            shown.sort(key=lambda pair: pair[1].at, reverse=True)
            self._editions = {k: v for k, v in self._editions.items() if k[0] != name}
            self._editions[key] = self._atom(name, stem, edition, shown, long=long)
        return self._editions[key]

    def _atom(
        self, name: str, stem: str, edition: datetime, shown: list[tuple[str, Published]], *, long: bool
    ) -> bytes:
        entries = "".join(
            f"<entry>\n<title>{escape(each.title)}</title>\n<id>{self.base}{path}</id>\n"
            f"<updated>{each.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}</updated>\n"
            f"<author>\n<name>{escape(each.office)}</name>\n</author>\n"
            f'<link type="application/xml" href="{self.base}{path}"/>\n'
            f'<content type="text">【{escape(each.title)}】</content>\n</entry>\n'
            for path, each in shown
        )
        kind = "長期" if long else "高頻度"
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" lang="ja">\n'
            f"<title>{kind}（{NAMES[stem]}）</title>\n<subtitle>JMAXML publishing feed</subtitle>\n"
            f"<updated>{edition.astimezone(JST).isoformat()}</updated>\n"
            f"<id>{self.base}/developer/xml/feed/{name}#{edition.timestamp():.0f}</id>\n"
            f'<link rel="related" href="https://www.jma.go.jp/"/>\n<link rel="self" href="{self.feed_url}{name}"/>\n'
            f"{entries}</feed>\n"
        ).encode()


@asynccontextmanager
async def jma_server(clock: Clock) -> AsyncIterator[JmaServer]:
    """A running host on a free port."""
    host = JmaServer(clock)
    async with served(host.handle) as host.base:
        yield host
