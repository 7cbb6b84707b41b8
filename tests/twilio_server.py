"""A Twilio of our own on loopback that behaves as the real one: it keeps messages with their states, says what became
of them in signed call-backs (in any order, any number of times), refuses, slows down, hangs, and answers half.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from aiohttp import ClientSession, web
from twilio.request_validator import RequestValidator

from tests.push_server import served

#: Once in one of these, a message changes no more.
FINAL = ("delivered", "undelivered", "failed", "canceled")
HELD = ("accepted", "scheduled", "queued")


@dataclass(slots=True)
class FakeTwilio:
    """Twilio's Messages API.

    `mode`: ok; 429; 500 (HTML, not taken); taken_500 (taken, then 503 in HTML); problem (problem+json 400); portal
    (somebody else's page); hang (not taken); lost (taken, then the connection drops); late (taken, then no answer).
    """

    account: str
    token: str
    mode: str = "ok"
    #: The mode of look-ups and changes; None: the same.
    read_mode: str | None = None
    url: str = ""
    #: The forms of the messages that were taken, in order; what became of them stands in `states` and `errors`.
    taken: list[dict[str, str]] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    errors: dict[int, int] = field(default_factory=dict)
    made_at: list[datetime] = field(default_factory=list)
    #: Error number by the last four digits of To.
    codes: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def sid(self, number: int) -> str:
        """The SID of the message `taken[number]`."""
        return f"SM{number + 1:032x}"

    async def create(self, request: web.Request) -> web.StreamResponse:
        form, refused = await self._begin(request, self.mode)
        if refused is not None:
            return refused
        if code := self.codes.get(form.get("To", "")[-4:]):
            return _refusal(400, code)
        if not form.get("To", "").startswith("+"):
            return _refusal(400, 21211)
        if not ("MessagingServiceSid" in form or "From" in form) or not form.get("Body"):
            return _refusal(400, 21603)
        if len(form["Body"]) > 1600:
            return _refusal(400, 21617)
        if not 1 <= int(form.get("ValidityPeriod", "36000")) <= 36_000:
            return _refusal(400, 21600)
        self.taken.append(form)
        self.states.append("queued")
        self.made_at.append(datetime.now(UTC))
        return await self._end(request, self.mode, self._resource(len(self.taken) - 1), 201)

    async def list(self, request: web.Request) -> web.StreamResponse:
        """Newest first; by To, and by DateSent (which waiting messages have not got)."""
        mode = self.mode if self.read_mode is None else self.read_mode
        _, refused = await self._begin(request, mode)
        if refused is not None:
            return refused
        since = request.query.get("DateSent>")
        found = [
            self._resource(number)
            for number, form in enumerate(self.taken)
            if request.query.get("To") in (None, form["To"])
            and (
                since is None or (self.states[number] not in HELD and self.made_at[number].date().isoformat() >= since)
            )
        ]
        size = int(request.query.get("PageSize", "50"))
        return web.json_response({"messages": found[::-1][:size], "next_page_uri": None, "page_size": size})

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        mode = self.mode if self.read_mode is None else self.read_mode
        _, refused = await self._begin(request, mode)
        number = self._number(request)
        if refused is not None or number is None:
            return refused or _refusal(404, 20404)
        return web.json_response(self._resource(number))

    async def change(self, request: web.Request) -> web.StreamResponse:
        """Status=canceled while it is held; Body= once it is over."""
        mode = self.mode if self.read_mode is None else self.read_mode
        form, refused = await self._begin(request, mode)
        number = self._number(request)
        if refused is not None or number is None:
            return refused or _refusal(404, 20404)
        if form.get("Status") == "canceled":
            if self.states[number] not in HELD:
                return _refusal(400, 30409)
            self.states[number] = "canceled"
        if form.get("Body") == "":
            if self.states[number] not in FINAL:
                return _refusal(400, 20009)
            self.taken[number]["Body"] = ""
        return web.json_response(self._resource(number))

    async def _begin(self, request: web.Request, mode: str) -> tuple[dict[str, str], web.StreamResponse | None]:
        self.asked.append(f"{request.method} {request.rel_url.raw_path_qs}")
        expected = "Basic " + base64.b64encode(f"{self.account}:{self.token}".encode()).decode()
        form = {key: str(value) for key, value in (await request.post()).items()}
        if request.headers.get("Authorization") != expected:
            return form, _refusal(401, 20003)
        if mode == "429":
            headers = {"Retry-After": "7", "Twilio-Concurrent-Requests": "101", "Twilio-Request-Id": "RQ7"}
            return form, web.json_response({"code": 20429, "message": "slow down"}, status=429, headers=headers)
        if mode == "500":
            return form, web.Response(status=503, text="<html>no</html>", content_type="text/html")
        if mode == "problem":
            problem = {"type": "about:blank", "title": "Refused", "status": 400, "code": 21408, "detail": "no"}
            return form, web.json_response(problem, status=400, content_type="application/problem+json")
        if mode == "portal":
            return form, web.Response(text="<html>sign in</html>", content_type="text/html")
        if mode == "hang":
            await asyncio.sleep(3600)
        return form, None

    async def _end(self, request: web.Request, mode: str, body: object, status: int) -> web.StreamResponse:
        if mode == "late":
            await asyncio.sleep(3600)
        if mode == "lost":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if mode == "taken_500":
            return web.Response(status=503, text="<html>no</html>", content_type="text/html")
        return web.json_response(body, status=status, headers={"Twilio-Request-Id": "RQ1"})

    def _number(self, request: web.Request) -> int | None:
        sid = request.match_info["sid"]
        return next((number for number in range(len(self.taken)) if self.sid(number) == sid), None)

    def _resource(self, number: int) -> dict[str, object]:
        form, made = self.taken[number], format_datetime(self.made_at[number])
        return {
            "sid": self.sid(number),
            "account_sid": self.account,
            "status": self.states[number],
            "to": form["To"],
            "body": form["Body"],
            "error_code": self.errors.get(number),
            "num_segments": "0",
            "date_created": made,
            "date_sent": None if self.states[number] in HELD else made,
        }

    async def call_back(
        self,
        number: int,
        status: str,
        *,
        code: int | None = None,
        path: str | None = None,
        token: str | None = None,
        **more: str,
    ) -> int:
        """Tell our website what became of the message `taken[number]`, signed as Twilio signs; its HTTP answer."""
        form = self.taken[number]
        fields = {
            "MessageSid": self.sid(number),
            "MessageStatus": status,
            "To": form["To"],
            "RawDlrDoneDate": "",
            **more,
        }
        if code is not None:
            fields["ErrorCode"] = str(code)
        answer, _ = await self.post(form["StatusCallback"] if path is None else path, fields, token=token)
        return answer

    async def post(self, url: str, fields: dict[str, str], *, token: str | None = None) -> tuple[int, str]:
        """Call a webhook, signed; status and body of its answer. The fragment of its address is not signed."""
        url = url.partition("#")[0]
        signature = RequestValidator(token or self.token).compute_signature(url, fields)
        headers = {"X-Twilio-Signature": signature}
        async with ClientSession() as session, session.post(url, data=fields, headers=headers) as answer:
            return answer.status, await answer.text()


def _refusal(status: int, code: int) -> web.Response:
    return web.json_response({"code": code, "message": "refused", "status": status}, status=status)


@asynccontextmanager
async def fake_twilio(account: str = "AC" + "0" * 32, token: str = "secret") -> AsyncIterator[FakeTwilio]:
    """A running fake Twilio; `.url` is its base URL."""
    fake = FakeTwilio(account, token)
    app = web.Application()
    messages = f"/2010-04-01/Accounts/{account}/Messages"
    app.router.add_post(f"{messages}.json", fake.create)
    app.router.add_get(f"{messages}.json", fake.list)
    app.router.add_get(messages + "/{sid}.json", fake.fetch)
    app.router.add_post(messages + "/{sid}.json", fake.change)
    async with served(app) as fake.url:
        yield fake
