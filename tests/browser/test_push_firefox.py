"""A real Firefox reads what we encrypt, to the last byte, and nothing that was touched on the way."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from alerts.channels.web_push import WebPush
from alerts.push_encrypt import MAX_PLAINTEXT
from alerts.push_payload import payload
from alerts.vapid import load_or_make_vapid, public_key
from core.settings import Settings
from tests.firefox import DECRYPTED, NOT_DECRYPTED, firefox, needs_firefox, notifications, service, subscribe
from tests.outgoing import outgoing

pytestmark = needs_firefox


async def test_firefox_reads_our_pushes(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, push_allow_http=True)
    push = WebPush(settings)
    async with service() as behind, firefox(behind) as browser:
        address = await subscribe(browser, public_key(load_or_make_vapid(settings)))

        # --- made on the spot: decrypted, shown, proved
        await push.send(outgoing(address))
        assert await behind.acknowledged(1) == [DECRYPTED]
        while not behind.receipts:
            await asyncio.sleep(0.02)
        assert behind.receipts == [{"message": 41, "receipt": "proof", "shown": True}]
        (note,) = await notifications(browser)
        assert note == {"title": "ĐỘNG ĐẤT: Mashiki", "body": "Daijobu: ĐỘNG ĐẤT.", "lang": "vi"}

        # --- made ahead
        push.begin_preparing()
        assert await push.prepare([address]) == 1
        push.end_preparing()
        await push.send(outgoing(address, message_id=42))
        assert await behind.acknowledged(2) == [DECRYPTED] * 2

        # --- as long as it may be
        longest = outgoing(address, body="ああ" * 3_000, message_id=43)
        assert MAX_PLAINTEXT - 20 < len(payload(longest)) <= MAX_PLAINTEXT
        await push.send(longest)
        assert await behind.acknowledged(3) == [DECRYPTED] * 3
        while len(behind.receipts) < 3:
            await asyncio.sleep(0.02)
        assert [one["message"] for one in behind.receipts] == [41, 42, 43]

        # --- touched on the way, or for somebody else
        behind.damage = True
        await push.send(outgoing(address))
        assert (await behind.acknowledged(4))[-1] == NOT_DECRYPTED
        behind.damage = False
        stranger = json.loads(address)
        stranger["keys"]["auth"] = "A" * 22
        await push.send(outgoing(json.dumps(stranger)))
        assert (await behind.acknowledged(5))[-1] == NOT_DECRYPTED
        assert len(behind.receipts) == 3
    await push.close()
