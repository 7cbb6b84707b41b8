"""Twilio's Calls API on loopback, as far as we use it: it takes calls, lets people press keys, says how calls ended."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiohttp import ClientSession, web
from twilio.request_validator import RequestValidator

from tests.push_server import served

ACCOUNT, TOKEN = "AC" + "1" * 32, "voice secret"


@dataclass(slots=True)
class FakeVoice:
    """`calls`: the forms of the calls that were made. `code`: refuse with this error number.

    `states`: how each stands, as its tests set it; only one that is not over can be changed.
    """

    url: str = ""
    code: int = 0
    calls: list[dict[str, str]] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    #: Where set, an in-progress call refuses to be cancelled instead of going on.
    strict: bool = False

    async def create(self, request: web.Request) -> web.Response:
        if (refused := _refused(request)) is not None:
            return refused
        form = {key: str(value) for key, value in (await request.post()).items()}
        if self.code or not form.get("From") or len(form.get("Twiml", "")) > 4000:
            return web.json_response({"code": self.code or 21603, "message": "no", "status": 400}, status=400)
        ET.fromstring(form["Twiml"])  # what cannot be read would hang up on people
        self.calls.append(form)
        self.states.append("queued")
        return web.json_response({"sid": self.sid(len(self.calls) - 1), "status": "queued"}, status=201)

    async def one(self, request: web.Request) -> web.Response:
        """GET: how a call stands. POST Status=canceled ends one that nobody took, completed any that is not over."""
        if (refused := _refused(request)) is not None:
            return refused
        number = next((n for n in range(len(self.calls)) if self.sid(n) == request.match_info["sid"]), None)
        if number is None:
            return web.json_response({"code": 20404, "message": "no", "status": 404}, status=404)
        wanted = (await request.post()).get("Status")
        state = self.states[number]
        if wanted is not None:
            if wanted not in ("canceled", "completed"):
                return web.json_response({"code": 21218, "message": "no", "status": 400}, status=400)
            if state not in ("queued", "ringing", "in-progress") or (self.strict and wanted == "canceled"):
                return web.json_response({"code": 21220, "message": "no", "status": 400}, status=400)
            if wanted == "completed" or state != "in-progress":
                self.states[number] = str(wanted)
        return web.json_response({"sid": self.sid(number), "status": self.states[number]})

    def sid(self, number: int) -> str:
        """The SID of the call `calls[number]`."""
        return f"CA{number + 1:032x}"

    def heard(self, number: int) -> list[tuple[str, str]]:
        """What is heard in a call: (language or "", words or address of a recording)."""
        document = ET.fromstring(self.calls[number]["Twiml"])
        return [(e.get("language", ""), e.text or "") for e in document.iter() if e.tag in ("Say", "Play")]

    async def press(self, number: int, digits: str, *, token: str = TOKEN) -> tuple[int, str]:
        """Somebody presses a key: the website's status and document."""
        gather = ET.fromstring(self.calls[number]["Twiml"]).find("Gather")
        assert gather is not None and gather.get("numDigits") == "1"
        fields = {"CallSid": self.sid(number), "CallStatus": "in-progress", "Digits": digits}
        return await _post(gather.get("action", ""), fields, token)

    async def end(self, number: int, status: str) -> int:
        """The call is over: busy, no-answer, failed, canceled, or completed (somebody or something took it)."""
        fields = {"CallSid": self.sid(number), "CallStatus": status, "CallDuration": "0", "Timestamp": ""}
        return (await _post(self.calls[number]["StatusCallback"], fields, TOKEN))[0]


def _refused(request: web.Request) -> web.Response | None:
    expected = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    if request.headers.get("Authorization") == expected:
        return None
    return web.json_response({"code": 20003, "message": "no", "status": 401}, status=401)


async def _post(url: str, fields: dict[str, str], token: str) -> tuple[int, str]:
    assert urlsplit(url).scheme == "http"
    headers = {"X-Twilio-Signature": RequestValidator(token).compute_signature(url, fields)}
    async with ClientSession() as session, session.post(url, data=fields, headers=headers) as answer:
        return answer.status, await answer.text()


@asynccontextmanager
async def fake_voice() -> AsyncIterator[FakeVoice]:
    """A running fake; `.url` is its base URL."""
    fake = FakeVoice()
    app = web.Application()
    app.router.add_post(f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json", fake.create)
    for method in ("GET", "POST"):
        app.router.add_route(method, f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{{sid}}.json", fake.one)
    async with served(app) as fake.url:
        yield fake
