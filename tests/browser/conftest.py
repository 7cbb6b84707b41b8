"""One browser for the pages that only render: each test opens contexts of its own, which share nothing.

Tests of pages with open streams start a browser of their own inside the website's block: it has ended before the
website waits for its streams.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.chromium import chromium


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running
