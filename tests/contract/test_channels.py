"""The channels. SMS: test_sms_twilio.py. Web Push: test_web_push.py."""

from __future__ import annotations

import io
from pathlib import Path

from alerts.channels.console import Console
from alerts.channels_setup import channel_kinds, make_channels
from core.settings import Settings, load_settings
from tests.outgoing import outgoing

# ---------------------------------------------------------------- set-up


def test_channels_are_found_by_themselves() -> None:
    assert {name: kind.contact for name, kind in channel_kinds().items()} == {
        "console": "phone",
        "email": "email",
        "line": "line",
        "push": "push",
        "sms": "phone",
        "voice": "voice",  # rings the telephones of SMS, and carries nothing else (ChannelKind.over)
    }


async def test_console_stands_in_only_without_a_provider(tmp_path: Path) -> None:
    bare = make_channels(Settings(data_dir=tmp_path))
    assert sorted(bare) == ["console", "push"]
    wanted = bare.resolve("sms")
    assert wanted is not None and wanted.name == "console"
    env = {
        "DAIJOBU_TWILIO_ACCOUNT_SID": "AC1",
        "DAIJOBU_TWILIO_AUTH_TOKEN": "t",
        "DAIJOBU_DATA_DIR": str(tmp_path),
    }
    full = make_channels(load_settings(env))
    assert sorted(full) == ["push", "sms"]
    for channel in (*bare.values(), *full.values()):
        await channel.close()


async def test_console_prints_a_block_without_the_number() -> None:
    out = io.StringIO()
    sent = await Console(out).send(outgoing("+819012345678"))
    text = out.getvalue()
    assert "...5678 [vi] extreme" in text and "ĐỘNG ĐẤT" in text and "+8190123" not in text
    assert sent.provider_id == "console-41"
