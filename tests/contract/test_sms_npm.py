"""SMS against programs of npm: Twilio's own description of its API under Prism, its signer, and its segment counter."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from alerts.channel import SendError, Trouble
from alerts.channels.sms_twilio import CALL_BACK_RETRIES, TwilioSms
from alerts.sms_text import segments
from alerts.twilio_signature import SignatureCheck
from core.i18n import Catalogs
from core.settings import load_settings
from tests.node_kit import MODULES, NODE, SCRIPTS, free_port, needs_npm, node_environment
from tests.outgoing import outgoing
from tests.sql_constants import ROOT

OAI = ROOT.parent / "shared" / "twilio-oai" / "twilio_api_v2010.json"
ACCOUNT = "AC" + "0" * 32
SID = "SM" + "0" * 32


async def run_script(name: str, given: object) -> Any:
    """What a script of tests/node prints for `given`, both as JSON."""
    assert NODE is not None
    process = await asyncio.create_subprocess_exec(
        NODE,
        str(SCRIPTS / name),
        env=node_environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(json.dumps(given).encode())
    assert process.returncode == 0, err.decode()
    return json.loads(out)


# ---------------------------------------------------------------- Prism


@asynccontextmanager
async def prism() -> AsyncIterator[str]:
    """Twilio's Messages as its OpenAPI file describes it, on loopback: the base URL."""
    port = free_port()
    assert NODE is not None
    process = await asyncio.create_subprocess_exec(
        NODE,
        str(MODULES / "@stoplight/prism-cli/dist/index.js"),
        *("mock", "--host", "127.0.0.1", "--port", str(port), str(OAI)),
        env=node_environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        while b"is listening" not in (line := await process.stdout.readline()):
            assert line, "Prism has ended"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.communicate()


@pytest.mark.skipif(not OAI.is_file(), reason=f"Twilio's OpenAPI file is not at {OAI.parent.name}/{OAI.name}")
@needs_npm("@stoplight/prism-cli")
async def test_every_request_is_as_twilio_describes_it() -> None:
    """One Prism for all of them: it takes two seconds to start."""
    async with prism() as url, AsyncExitStack() as there:
        sms = TwilioSms(
            load_settings(
                {
                    "DAIJOBU_TWILIO_ACCOUNT_SID": ACCOUNT,
                    "DAIJOBU_TWILIO_AUTH_TOKEN": "secret",
                    "DAIJOBU_TWILIO_MESSAGING_SERVICE_SID": "MG" + "0" * 32,
                    "DAIJOBU_TWILIO_BASE_URL": url,
                    "DAIJOBU_PUBLIC_URL": "https://daijobu.example",
                }
            )
        )
        there.push_async_callback(sms.close)
        sent = await sms.send(outgoing("+819012345678"))
        assert sent.provider_id.startswith(("SM", "MM")) and len(sent.provider_id) == 34
        assert isinstance(await sms.taken_before(outgoing("+819012345678")), list)
        assert (await sms.messages.fetch(SID)).sid
        await sms.messages.take_back(SID)
        await sms.messages.blank(SID)
        # It does judge: what its description forbids is refused.
        with pytest.raises(SendError) as caught:
            await sms.messages.create({"Body": "x"})
        assert caught.value.kind is Trouble.REFUSED
        with pytest.raises(SendError):
            await sms.messages.fetch("not a SID")
        wrong = f"{url}/2010-04-01/Accounts/{ACCOUNT}/Mesages.json"
        async with aiohttp.ClientSession() as http, http.get(wrong) as answer:
            assert answer.status == 404


# ---------------------------------------------------------------- npm twilio


@needs_npm("twilio")
async def test_signatures_of_twilios_own_signer() -> None:
    site = "https://daijobu.example"
    fields = [
        {"MessageSid": SID, "MessageStatus": "delivered", "ErrorCode": "", "To": "+819012345678", "New": "field"},
        {"From": "+819012345678", "Body": "だいじょうぶ & 100%=+ \n", "OptOutType": "HELP"},
        {"Body": ["b", "a"], "Empty": ""},
        {},
    ]
    paths = ["/t/s/41-2", "/t/r?a=%31&b=", "/t/r"]
    cases = [(path, form) for path in paths for form in fields]
    asked = [{"url": site + path, "fields": form, "token": "new"} for path, form in cases]
    signatures = await run_script("sign.js", asked)
    check = SignatureCheck(site, ["new"])
    for (path, form), signature in zip(cases, signatures, strict=True):
        got = Many(form)
        assert check.fits(path, got, {"X-Twilio-Signature": signature}, CALL_BACK_RETRIES), (path, form)
        assert not check.fits(path + "x", got, {"X-Twilio-Signature": signature}, CALL_BACK_RETRIES)


class Many(dict[str, Any]):
    """A form as aiohttp gives it: a name may have several values."""

    def getall(self, name: str) -> list[str]:
        value = self[name]
        return value if isinstance(value, list) else [value]


# ---------------------------------------------------------------- npm sms-segments-calculator


def texts() -> list[str]:
    """Edges of the alphabets and of the parts, answers of all languages, and what chance makes of them."""
    catalogs, chance = Catalogs.load(), random.Random(7)
    found = ["", "a" * 160, "a" * 161, "a" * 306, "a" * 307, "é" * 160, "ç", "`", "’", "あ" * 70, "あ" * 71]
    found += ["あ" * 134, "あ" * 135, "a" * 159 + "€", "a" * 158 + "€", "a" * 152 + "€" + "b" * 10, "[" * 80, "{" * 81]
    found += ["あ" * 66 + "😀" + "あ" * 10, "😀" * 35, "😀" * 36, "a\r\nb", "ก" * 70, "𠮷" * 34 + "a", "\f" * 80]
    found += [catalogs.say(lang, key) * 3 for lang in catalogs.languages for key in ("answer.ok", "reply.unread")]
    letters = "ab1 \n€[]{}^~|\\çé’あ漢ဗ😀"
    found += ["".join(chance.choices(letters, k=chance.randrange(1, 240))) for _ in range(60)]
    found += ["".join(chance.choices("ab €[~", k=chance.randrange(120, 480))) for _ in range(60)]
    return found


@needs_npm("sms-segments-calculator")
async def test_parts_as_twilio_counts_them() -> None:
    given = texts()
    theirs = await run_script("segments.js", given)
    ours = [[one.encoding, one.parts] for one in map(segments, given)]
    different = [(text[:40], a, b) for text, a, b in zip(given, ours, theirs, strict=True) if a != b]
    assert different == []
