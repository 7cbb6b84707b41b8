"""The browser of the tests: Debian's Chromium. Where it is missing, tests skip and say so; in CI they fail."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
#: As root, without a GPU, and without calls to anybody else's servers.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-gpu-rasterization",  # Debian's starter asks for it; without a GPU it is twice the work
    "--disable-software-rasterizer",
    "--in-process-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: How long a step in the browser may take before it counts as stuck; less than pytest's own limit.
PATIENCE_MS = 120_000
#: For `pytestmark` of a browser test module.
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("CI") != "true",
    reason="no Chromium on this machine (apt-get install chromium)",
)


def _patient(make: Any) -> Any:
    """`make`, with more patience than Playwright's 30 seconds: a machine that others use may stand still as long."""

    async def made(*args: Any, **kwargs: Any) -> Any:
        found = await make(*args, **kwargs)
        found.set_default_timeout(PATIENCE_MS)
        return found

    return made


expect.set_options(timeout=PATIENCE_MS)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A running headless browser."""
    assert CHROMIUM is not None, "CI needs Chromium: apt-get install chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        browser.new_context = _patient(browser.new_context)  # type: ignore[method-assign]
        browser.new_page = _patient(browser.new_page)  # type: ignore[method-assign]
        try:
            yield browser
        finally:
            await browser.close()


async def picture(page: Page, name: str, *, full_page: bool = True) -> None:
    """A picture of the page for people, where DAIJOBU_SHOTS names a folder: no test looks at it, and it costs a lot."""
    if folder := os.environ.get("DAIJOBU_SHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=Path(folder) / name, full_page=full_page)
