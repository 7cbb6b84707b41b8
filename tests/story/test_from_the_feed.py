"""The service as it is installed: a process of its own, JMA's feed in, SMS out, kill -9 in between, answers kept."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from demo.scenario import load_scenario
from demo.telegrams import build_report
from tests.conftest import ROOT
from tests.feed_server import feed_server
from tests.pages import forms_of
from tests.twilio_server import fake_twilio

PEOPLE = """氏名,言語,電話番号,社員番号,寮,自宅郵便番号
Mau Mot,ベトナム語,090-1234-5671,E001,ひなた寮,861-2242
Contoh Dua,id,０９０－１２３４－５６７２,E002,ひなた寮,861-2242
Nomor Tiga,ネパール語,080-1234-5673,E003,,861-3106
Osaka Empat,Filipino,080-1234-5674,E004,,541-0052
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def run(*arguments: str, env: dict[str, str]) -> tuple[int, str]:
    """Run a command of main.py to its end: (exit code, everything it said)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "main.py",
        *arguments,
        cwd=ROOT,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


class Service:
    """`main.py all` as a process."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        self.env, self.log = env, log
        self.url = f"http://127.0.0.1:{env['DAIJOBU_PORT']}"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, browser: aiohttp.ClientSession) -> None:
        with self.log.open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "main.py", "all", cwd=ROOT, env=self.env, stdout=out, stderr=out
            )
        await self.until(lambda: self._healthy(browser))

    async def _healthy(self, browser: aiohttp.ClientSession) -> bool:
        try:
            async with browser.get(f"{self.url}/healthz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def until(self, done: Callable[[], object]) -> None:
        """Wait for something that comes as long as the service runs."""
        while True:
            assert self.process is not None and self.process.returncode is None, self.log.read_text()
            result = done()
            if await result if asyncio.iscoroutine(result) else result:
                return
            await asyncio.sleep(0.05)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return await self.process.wait()


async def test_a_telegram_on_the_feed_becomes_an_sms_and_an_answer(data_dir: Path, tmp_path: Path) -> None:
    csv = tmp_path / "people.csv"
    csv.write_text(PEOPLE, encoding="utf-8-sig")
    async with feed_server() as jma, fake_twilio() as twilio, aiohttp.ClientSession() as browser:
        env = {k: v for k, v in os.environ.items() if not k.startswith("DAIJOBU_") and k != "DATABASE_URL"} | {
            "DAIJOBU_DATA_DIR": str(data_dir / "data"),
            "DAIJOBU_PORT": str(free_port()),
            "DAIJOBU_JMA_FEED_URL": jma.feed_url,
            "DAIJOBU_EQVOL_EVERY_S": "0.2",
            "DAIJOBU_EXTRA_EVERY_S": "0.2",
            "DAIJOBU_TWILIO_ACCOUNT_SID": twilio.account,
            "DAIJOBU_TWILIO_AUTH_TOKEN": twilio.token,
            "DAIJOBU_TWILIO_FROM": "+12025550100",
            "DAIJOBU_TWILIO_BASE_URL": twilio.url,
        }
        code, said = await run("import", str(csv), "--org", "hoshizora", "--create-org", env=env)
        assert code == 0, said
        service = Service(env, tmp_path / "service.log")
        await service.start(browser)
        # One link for the operator, absolute, on a line of its own.
        assert any(line.startswith(f"{service.url}/enter/") for line in service.log.read_text().splitlines())

        # JMA publishes: first what the service must not touch, then a report nobody can read, then the quake.
        now = datetime.now(UTC).replace(microsecond=0)
        stamp = f"{now:%Y%m%d%H%M%S}"
        jma.put(f"{stamp}_0_VPFD51_010000.xml", b"<huge/>", now)
        jma.put(f"{stamp}_0_VXSE52_010000.xml", "<Report>途中".encode(), now)
        scenario = load_scenario("kumamoto-2016-foreshock")
        quake = build_report(scenario, "VXSE53", now - timedelta(seconds=385))
        jma.put(f"{stamp}_0_VXSE53_010000.xml", quake, now)
        await service.until(lambda: len(twilio.taken) >= 3)
        assert {form["To"] for form in twilio.taken} == {"+819012345671", "+819012345672", "+818012345673"}
        assert not jma.paths("/data/" + f"{stamp}_0_VPFD51")
        assert len(jma.paths(f"/data/{stamp}_0_VXSE53")) == 1
        links = {form["To"]: form["Body"].splitlines()[-1] for form in twilio.taken}

        # One person answers; then the whole service is killed, and comes back.
        assert await tap(browser, links["+819012345671"], "ok") == 200
        assert await service.stop(signal.SIGKILL) == -signal.SIGKILL
        await service.start(browser)
        assert await tap(browser, links["+819012345672"], "help") == 200
        async with browser.get(links["+819012345671"]) as page:
            assert "無事" in await page.text(), "the answer from before the kill is still there"
        assert len(twilio.taken) == 3, "nobody is told twice of the same quake"
        # The report that could not be read is kept with its reason; the feed went on.
        assert await service.stop() == 0, service.log.read_text()
        code, said = await run("doctor", env=env)
        assert "ok    feed jma.eqvol" in said, said


async def tap(browser: aiohttp.ClientSession, url: str, answer: str) -> int:
    """Open a link and press a button, as a browser without JavaScript."""
    async with browser.get(url) as page:
        form = next(f for f in forms_of(await page.text()) if answer in f.offers.get("answer", []))
    async with browser.post(url, data={**form.values, "answer": answer}) as reply:
        return reply.status
