"""Lists as tests upload them, and a clerk who goes through the pages of an upload without JavaScript."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Sequence
from html import unescape
from typing import Any

import openpyxl
from aiohttp import FormData

from tests.pages import Form
from tests.staff_site import Visitor, form_to


def workbook(*sheets: Sequence[Sequence[Any]], names: Sequence[str] = (), hidden: Sequence[str] = ()) -> bytes:
    """An XLSX; a row is a list of cells."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for n, rows in enumerate(sheets):
        sheet = book.create_sheet(names[n] if n < len(names) else f"Sheet{n + 1}")
        if sheet.title in hidden:
            sheet.sheet_state = "hidden"
        for row in rows:
            sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def selected(html: str) -> dict[str, str]:
    """What each select field of a page would send if nobody touches it."""
    found: dict[str, str] = {}
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', html, re.DOTALL):
        values = re.findall(r'<option value="([^"]*)"( selected)?', options)
        found[name] = unescape(next((v for v, chosen in values if chosen), values[0][0] if values else ""))
    return found


class Clerk:
    """Uploads a file and answers what the pages ask."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.status = 0
        self.html = ""
        self.path = ""

    async def upload(self, body: bytes | str, name: str = "list.csv") -> Clerk:
        """Choose a file: the page of its columns, or the sentence why not."""
        _, html = await self.visitor.get("/import")
        data = FormData()
        data.add_field("form_token", form_to(html, "/import").values["form_token"])
        content = body.encode() if isinstance(body, str) else body
        data.add_field("file", content, filename=name, content_type="application/octet-stream")
        async with self.visitor.client.post("/import", data=data) as response:
            self.status, self.html, self.path = response.status, await response.text(), response.url.path
        return await self.settled()

    async def settled(self) -> Clerk:
        """Look again, as the page of a long step does by itself, until the step is over."""
        while 'http-equiv="refresh"' in self.html:
            await asyncio.sleep(0.2)
            async with self.visitor.client.get(self.path) as response:
                self.status, self.html = response.status, await response.text()
        return self

    def form(self, action: str) -> Form:
        """A form of the page, select fields included."""
        form = form_to(self.html, action)
        form.values |= selected(self.html)
        return form

    async def send(
        self, action: str, values: dict[str, str] | None = None, *, settle: bool = True, **more: Any
    ) -> Clerk:
        """Press a button of the page. `values`: what is changed before."""
        offered = self.form(more.get("form", action)).values
        sent = {k: v for k, v in offered.items() if k not in ("back", "check")} | (values or {})
        async with self.visitor.client.post(action, data=list(sent.items()) + more.get("ticks", [])) as response:
            self.status, self.html, self.path = response.status, await response.text(), response.url.path
        return await self.settled() if settle else self

    async def check(self, body: bytes | str, name: str = "list.csv") -> Clerk:
        """Choose a file and accept its columns: the plan."""
        await self.upload(body, name)
        return await self.send(self.path + "/columns") if self.status == 200 else self

    async def take_over(self, body: bytes | str) -> Clerk:
        """All the way: upload, accept, apply."""
        await self.check(body)
        return await self.send(self.path)
