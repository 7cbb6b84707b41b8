"""`make security`: scanners against the code, attackers against a running service. A JSON summary; exit 1 on findings.

The service runs on an embedded database of invented people. A tool that is not installed is skipped, and the summary
says so: `.venv/security` comes from requirements-security.lock, sqlmap from the system's packages.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from aiohttp import web  # noqa: E402

from core.clock import FixedClock  # noqa: E402
from core.db import connect  # noqa: E402
from core.migrate import migrate  # noqa: E402
from core.postgres import embedded  # noqa: E402
from core.settings import load_settings  # noqa: E402
from core.web import SITE  # noqa: E402
from ops.site_web import build_app  # noqa: E402
from tests.api_kit import give_token  # noqa: E402
from tests.conftest import make_scratch_folder  # noqa: E402
from tests.incidents import make_incident, make_link, tell  # noqa: E402
from tests.pages import make_app  # noqa: E402
from tests.people import NOW, make_org, make_resident, make_site  # noqa: E402

TOOLS = ROOT / ".venv" / "security" / "bin"
SOURCES = ["main.py", "core", "geo", "feeds", "registry", "alerts", "checkin", "ops", "demo"]
#: A tool that takes longer than this has hung.
PATIENCE = timedelta(minutes=15)


@dataclass(frozen=True)
class Target:
    """A running service, and what an attacker may hold."""

    url: str
    token: str
    link: str
    site_id: str
    incident_id: str


@asynccontextmanager
async def service() -> AsyncIterator[Target]:
    """The whole website on an embedded database with an employer, two people and an open incident."""
    folder = make_scratch_folder()
    try:
        async with embedded(folder, durable=False) as dsn:
            pool = await connect(dsn, size=10)
            await migrate(pool)
            org = await make_org(pool)
            dorm = await make_site(pool, org.id)
            people = [await make_resident(pool, org.id, dorm=dorm, employee_id=f"A-{n}") for n in (1, 2)]
            incident = await make_incident(pool)
            for person in people:
                await tell(pool, incident, person.id)
            _, link = await make_link(pool, incident, resident_id=people[0].id)
            _, token = await give_token(pool, org.id)
            site = make_app(pool, [], FixedClock(NOW))[SITE]
            site.settings = load_settings({"DAIJOBU_API_PER_MINUTE": "100000"})
            runner = web.AppRunner(build_app(site), access_log=None)
            await runner.setup()
            listener = web.TCPSite(runner, "127.0.0.1", 0)
            await listener.start()
            port = runner.addresses[0][1]
            site.settings = site.settings.model_copy(update={"port": port})
            try:
                yield Target(f"http://127.0.0.1:{port}", token, link, str(dorm[0]), str(incident.id))
            finally:
                await runner.cleanup()
                await pool.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def program(name: str) -> str | None:
    """Where a tool is; None if it is not installed."""
    return shutil.which(name, path=str(TOOLS)) or shutil.which(name)


async def run(*command: str) -> tuple[int, str]:
    """Run a program to its end: (exit code, all it printed)."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            out, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        return 124, f"stopped after {PATIENCE}"
    return process.returncode or 0, out.decode(errors="replace")


def said(name: str, findings: list[str], **more: Any) -> dict[str, Any]:
    return {"tool": name, "state": "findings" if findings else "clean", "findings": findings, **more}


async def semgrep(path: str) -> dict[str, Any]:
    """Our own rules (tests/security/*.yml), offline."""
    rules = [f"--config={file}" for file in sorted((ROOT / "tests" / "security").glob("*.yml"))]
    options = ["--metrics=off", "--disable-version-check", "--json", "--quiet"]
    code, out = await run(path, "scan", *rules, *options, *SOURCES)
    try:
        told = json.loads(out[out.index("{") :])
    except ValueError:
        return said("semgrep", [f"no result (exit {code}): {out[-300:]}"])
    found = [f"{r['path']}:{r['start']['line']}: {r['check_id'].rsplit('.', 1)[-1]}" for r in told["results"]]
    return said(
        "semgrep",
        found + [str(error.get("message", error))[:300] for error in told["errors"]],
        files=len(told["paths"]["scanned"]),
    )


async def bandit(path: str) -> dict[str, Any]:
    """Known mistakes, of medium weight and above; the skipped kinds stand in pyproject.toml."""
    code, out = await run(
        path, "-q", "-r", *SOURCES, "-c", "pyproject.toml", "--severity-level", "medium", "-f", "json"
    )
    try:
        told = json.loads(out[out.index("{\n") :])
    except ValueError:
        return said("bandit", [f"no result (exit {code}): {out[-300:]}"])
    found = [f"{r['filename']}:{r['line_number']}: {r['test_id']} {r['issue_text']}" for r in told["results"]]
    return said("bandit", found, lines=told["metrics"]["_totals"]["loc"])


async def schemathesis(path: str, target: Target) -> dict[str, Any]:
    """Every call of the API with made-up input, against what its document promises.

    Left out is the check that whatever fits the schema is accepted: an address that lies nowhere, a key used for
    another request and a stale If-Match fit it, and are refused with 422 and 412 as the document says.
    """
    code, out = await run(
        path, "run", f"{target.url}/api/v1/openapi.json", "--url", target.url,
        "-H", f"Authorization: Bearer {target.token}", "--max-examples", "40", "--seed", "1",
        "--phases", "examples,coverage,fuzzing", "--no-color", "--generation-database", "none",
        "--exclude-checks", "positive_data_acceptance",
    )  # fmt: skip
    found = re.findall(r"^_+ (.+?) _+$|^- (.+)$", out, re.MULTILINE) if code else []
    cases = re.search(r"(\d[\d,]*) generated", out)
    listed = [a or b for a, b in found] or ([out[-600:]] if code else [])
    return said(
        "schemathesis", listed, cases=int(cases[1].replace(",", "")) if cases else None, output=out if code else ""
    )


async def sqlmap(path: str, target: Target) -> dict[str, Any]:
    """Injection into what anybody, a resident and a program can send."""
    auth = ["--header", f"Authorization: Bearer {target.token}"]
    as_json = ["--header", "Content-Type: application/json"]
    attacks: dict[str, list[str]] = {
        "check-in": ["-u", f"{target.url}/c/{target.link}*", "--data", "answer=ok&client_id=1"],
        "sign-in": ["-u", f"{target.url}/sign-in", "--data", "email=a@example.com&password=wrong-password"],
        "api list": ["-u", f"{target.url}/api/v1/people?limit=10&cursor=019a0000000070008000000000000000", *auth],
        "api path": ["-u", f"{target.url}/api/v1/people/A-1*", *auth],
        "api body": ["-u", f"{target.url}/api/v1/people/A-1", "--method", "PUT", *auth, *as_json,
                     "--data", '{"name":"A*","room":"1*","dorm":"Midori*"}'],
        "api site": ["-u", f"{target.url}/api/v1/sites/{target.site_id}*", *auth],
    }  # fmt: skip
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, where in attacks.items():
            options = [
                "--batch",
                "--level",
                "1",
                "--risk",
                "1",
                "--flush-session",
                "--disable-coloring",
                "--dbms",
                "postgresql",
            ]
            options += [
                "--technique",
                "BEUSQ",
                "--ignore-code",
                "*",
                "--output-dir",
                folder,
                "--skip-waf",
                "--timeout",
                "10",
            ]
            code, out = await run(path, *where, *options)
            if re.search(r"identified the following injection point|is vulnerable|appears to be .*injectable", out):
                found.append(f"{name}: {out[-800:]}")
            elif "do not appear to be injectable" not in out and "does not seem to be injectable" not in out:
                found.append(f"{name}: no verdict (exit {code}): {out[-500:]}")
    return said("sqlmap", found, targets=list(attacks))


async def main(wanted: list[str]) -> int:
    """Run the tools named (default: all); print the summary."""
    results: list[dict[str, Any]] = []

    async def use(name: str, *more: Target) -> None:
        if wanted and name not in wanted:
            return
        path = program(name)
        if path is None:
            results.append({"tool": name, "state": "skipped", "why": "not installed", "findings": []})
            return
        print(f"{name} ...", file=sys.stderr, flush=True)
        results.append(await RUNNERS[name](path, *more))

    await use("semgrep")
    await use("bandit")
    if not wanted or {"schemathesis", "sqlmap"} & set(wanted):
        async with service() as target:
            await use("schemathesis", target)
            await use("sqlmap", target)
    print(json.dumps(results, ensure_ascii=False, indent=1))
    return 1 if any(result["findings"] for result in results) else 0


RUNNERS: dict[str, Any] = {"semgrep": semgrep, "bandit": bandit, "schemathesis": schemathesis, "sqlmap": sqlmap}

if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
