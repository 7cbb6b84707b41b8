"""A push service and the channel that sends to it, for every test of Web Push."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from alerts.channels.web_push import WebPush
from core.settings import Settings
from tests.push_server import FakePush, fake_push


@pytest.fixture
async def push_service() -> AsyncIterator[FakePush]:
    async with fake_push() as fake:
        yield fake


@pytest.fixture
async def push(tmp_path: Path) -> AsyncIterator[WebPush]:
    channel = WebPush(Settings(data_dir=tmp_path, push_allow_http=True, send_timeout_s=1.0))
    yield channel
    await channel.close()
