"""From a quake to the mail and the chat of people who have nothing else, over the real channels."""

from __future__ import annotations

import email
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default

from alerts.channel import Channels
from alerts.channels.email import CHANNEL as EMAIL_KIND
from alerts.channels.line import CHANNEL as LINE_KIND
from alerts.channels.line import read_postback
from alerts.mail_links import way_out
from core.clock import FixedClock
from core.db import Pool
from core.settings import load_settings
from core.tokens import token_hash
from registry.line_store import LINE
from registry.records import EMAIL, NewContact
from tests import people
from tests.alerts_kit import MASHIKI, NOON, city, hear, quake, region, send_all, wires
from tests.line_server import line_server
from tests.people import VAULT
from tests.smtp_server import smtp_server

USER = "U" + "7" * 32
SQL_STATES = "SELECT channel, state, error_code, step FROM message ORDER BY channel"


async def test_who_has_only_an_email_or_line_is_told_at_once(db: Pool, db_dsn: str) -> None:
    org = await people.make_org(db)
    dorm = await people.make_site(db, org.id, codes=people.MASHIKI)
    mail = NewContact(EMAIL, "ayesha@mail.example")
    ayesha = await people.make_resident(db, org.id, dorm=dorm, phone="", language="ur", contacts=[mail])
    mai = await people.make_resident(db, org.id, dorm=dorm, phone="", language="vi", contacts=[NewContact(LINE, USER)])
    async with smtp_server() as smtp, line_server() as line:
        settings = load_settings(
            {
                "DAIJOBU_SMTP_HOST": "127.0.0.1",
                "DAIJOBU_SMTP_PORT": str(smtp.port),
                "DAIJOBU_SMTP_TLS": "none",
                "DAIJOBU_SMTP_FROM": "alerts@daijobu.example",
                "DAIJOBU_LINE_CHANNEL_TOKEN": line.token,
                "DAIJOBU_LINE_CHANNEL_SECRET": line.secret,
                "DAIJOBU_LINE_BASE_URL": line.url,
            }
        )
        channels = Channels(kinds={"email": EMAIL_KIND, "line": LINE_KIND})
        channels.by_name = {kind.name: kind.make(settings) for kind in channels.kinds.values()}
        clock = FixedClock(NOON + timedelta(seconds=30))
        try:
            async with wires(db, db_dsn, channels=channels, clock=clock) as deps:
                await hear(deps, quake(region("7"), city(MASHIKI, "7")))
                await send_all(deps)
                stop = deps.settings.site_url + way_out(VAULT, mail.id)
        finally:
            for channel in channels.values():
                await channel.close()
        (taken,), (pushed,) = smtp.taken, line.pushed
    assert {row["state"] for row in await db.fetch(SQL_STATES)} == {"sent"}

    found = email.message_from_bytes(taken.raw, policy=default)
    assert isinstance(found, EmailMessage) and taken.receiver == "ayesha@mail.example"
    plain, html = found.get_body(["plain"]), found.get_body(["html"])
    assert plain is not None and html is not None
    text = plain.get_content()
    assert "{link}" not in text and stop in text and found["List-Unsubscribe"] == f"<{stop}>"
    assert 'lang="ur" dir="rtl"' in html.get_content() and "7" in found["Subject"]
    token = text.split("/c/")[1].split()[0]
    assert await owner_of(db, token) == ayesha.id

    words, buttons = pushed["messages"]
    assert pushed["to"] == USER and "{link}" not in words["text"]
    own = words["text"].rpartition("/c/")[2]
    assert await owner_of(db, own) == mai.id
    boxes = buttons["contents"]["body"]["contents"]
    assert [read_postback(box["action"]["data"]) for box in boxes] == [("ok", own), ("help", own)]


async def owner_of(db: Pool, token: str) -> object:
    return await db.fetchval("SELECT resident_id FROM link WHERE token_sha256 = $1", token_hash(token))
