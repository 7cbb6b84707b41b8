"""The last step: a telephone rings for who was told of extreme danger and stays silent; one key answers."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from alerts.call_fate import take_back_calls
from alerts.channel import Channels, Outgoing, SendError
from alerts.channels.voice_twilio import CHANNEL, TwilioVoice
from alerts.deps import Deps
from alerts.recordings_web import ROUTES as RECORDINGS
from alerts.twilio_calls import MAX_TWIML, SPOKEN, asking
from checkin.store import record_check_in
from checkin.voice_web import ROUTES
from core.clock import FixedClock
from core.db import Pool, transaction
from core.i18n import Catalogs
from core.model import Answer, AnsweredBy, Purpose, Severity
from core.settings import Settings, load_settings
from core.web import SITE
from tests import people
from tests.alerts_kit import MASHIKI, NOON, city, hear, messages, quake, region, send_all, wires
from tests.fakes import FakeChannel, fake_channels
from tests.pages import make_app
from tests.twilio_voice import ACCOUNT, TOKEN, FakeVoice, fake_voice

OUT = Outgoing(
    7, "+819012345678", "t", "b", "en", Severity.EXTREME, Purpose.LIVE, UUID(int=1), "http://x/c/y", 600,
    actions=(("ok", "I'm OK"), ("help", "I need help")), hazard="earthquake",
)  # fmt: skip


def settings(fake: FakeVoice | None = None, **more: Any) -> Settings:
    values: dict[str, Any] = {"twilio_account_sid": ACCOUNT, "twilio_auth_token": TOKEN, "voice_from": "+815012345678"}
    if fake is not None:
        values["twilio_base_url"] = fake.url
    return Settings(**(values | more))


@dataclass(slots=True)
class Ringing:
    """A person who has been told of the worst 20 minutes ago, and whose telephone rings."""

    deps: Deps
    clock: FixedClock
    fake: FakeVoice
    sms: FakeChannel
    person: people.Person


@asynccontextmanager
async def ringing(db: Pool, dsn: str, language: str = "vi", **more: Any) -> AsyncIterator[Ringing]:
    clock = FixedClock(NOON + timedelta(seconds=30))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with fake_voice() as fake:
        made = settings(fake, public_url=f"http://127.0.0.1:{port}", **more)
        voice, sms = TwilioVoice(made), FakeChannel("sms")
        channels = fake_channels(sms)
        both = Channels({"sms": sms, "voice": voice}, channels.kinds | {"voice": CHANNEL})
        app = make_app(db, [*ROUTES, *RECORDINGS], clock)
        app[SITE].settings = made
        app[SITE].extras["channels"] = both
        async with TestServer(app, host="127.0.0.1", port=port), wires(db, dsn, channels=both, clock=clock) as deps:
            person = await people.make_resident(db, language=language, home_place_id=await people.make_place(db))
            await hear(deps, quake(region("7"), city(MASHIKI, "7")))
            await send_all(deps)
            assert (len(sms.taken), fake.calls) == (1, [])
            clock.advance(timedelta(minutes=20))
            await send_all(deps)
            yield Ringing(deps, clock, fake, sms, person)
        await voice.close()


async def status(db: Pool) -> tuple[str | None, str | None]:
    row = await db.fetchrow("SELECT status, status_by FROM incident_resident")
    assert row is not None
    return row["status"], row["status_by"]


async def test_one_key_says_that_all_is_well(db: Pool, db_dsn: str) -> None:
    async with ringing(db, db_dsn) as at:
        assert [call["To"] for call in at.fake.calls] == [at.person.phone]
        heard = at.fake.heard(0)
        assert {language for language, _ in heard} == {"vi-VN"} and len(heard) == 2, "said twice"
        assert "phím 1" in heard[0][1] and "phím 2" in heard[0][1]
        assert (await at.fake.press(0, "9"))[0] == 200 and await status(db) == (None, None)
        code, said = await at.fake.press(0, "1")
        assert code == 200 and "<Say" in said
        assert await status(db) == ("ok", "self")
        await at.fake.press(0, "1")  # Twilio asks again
        assert await db.fetchval("SELECT count(*) FROM check_in") == 1
        assert await at.fake.end(0, "completed") == 204
    assert [(m["channel"], m["state"]) for m in await messages(db)][-1] == ("voice", "delivered")


async def test_two_calls_for_help_and_not_for_119(db: Pool, db_dsn: str) -> None:
    async with ringing(db, db_dsn, "my") as at:
        assert {language for language, _ in at.fake.heard(0)} == {"ja-JP", "en-US"}, "Twilio speaks no Burmese"
        code, said = await at.fake.press(0, "2")
        assert code == 200 and "119" in said
        assert await status(db) == ("help", "self")
    assert await db.fetchval("SELECT reason FROM case_file") == "needs_help"


@pytest.mark.parametrize(("end", "state"), [("busy", "failed"), ("no-answer", "failed"), ("completed", "sent")])
async def test_a_call_that_a_machine_took_is_no_answer(db: Pool, db_dsn: str, end: str, state: str) -> None:
    async with ringing(db, db_dsn) as at:
        assert await at.fake.end(0, end) == 204
        assert await status(db) == (None, None)
    assert (await messages(db))[-1]["state"] == state
    assert await db.fetchval("SELECT state FROM contact") == "unproven"


async def test_only_twilio_presses_keys(db: Pool, db_dsn: str) -> None:
    async with ringing(db, db_dsn) as at:
        assert (await at.fake.press(0, "1", token="forged"))[0] == 403
        assert await status(db) == (None, None)


async def test_who_has_answered_is_not_called(db: Pool, db_dsn: str) -> None:
    sms, voice = FakeChannel("sms"), FakeChannel("voice")
    clock = FixedClock(NOON + timedelta(seconds=30))
    await people.make_resident(db, home_place_id=await people.make_place(db))
    async with wires(db, db_dsn, channels=fake_channels(sms, voice), clock=clock) as deps:
        await hear(deps, quake(region("7"), city(MASHIKI, "7")))
        await send_all(deps)
        await db.execute("UPDATE incident_resident SET status = 'ok', status_at = $1", clock.now())
        clock.advance(timedelta(minutes=20))
        await send_all(deps)
    assert (len(sms.taken), len(voice.taken)) == (1, 0)


async def answer(at: Ringing, db: Pool, by: AnsweredBy = AnsweredBy.SELF) -> None:
    incident = await db.fetchval("SELECT incident_id FROM incident_resident")
    async with transaction(db) as conn:
        await record_check_in(
            conn, people.VAULT, incident_id=incident, resident_id=at.person.id, answer=Answer.OK, answered_by=by,
            via="page", tapped_at=None, now=at.clock.now(),
        )  # fmt: skip


@pytest.mark.parametrize("by", [AnsweredBy.SELF, AnsweredBy.LEADER])
@pytest.mark.parametrize(
    ("stands", "strict", "ends", "state", "ended"),
    [
        ("queued", False, "canceled", "cancelled", 1),
        ("ringing", False, "canceled", "cancelled", 1),
        ("in-progress", False, "completed", "sent", 1),
        ("in-progress", True, "completed", "sent", 1),
        ("completed", False, "completed", "sent", 0),
        ("no-answer", False, "no-answer", "sent", 0),
    ],
)
async def test_an_answer_elsewhere_ends_the_call(
    db: Pool, db_dsn: str, by: AnsweredBy, stands: str, strict: bool, ends: str, state: str, ended: int
) -> None:
    async with ringing(db, db_dsn) as at:
        at.fake.states[0], at.fake.strict = stands, strict
        assert await take_back_calls(at.deps) == 0, "nobody has answered yet"
        await answer(at, db, by)
        assert await take_back_calls(at.deps) == ended
        assert at.fake.states == [ends]
        assert await take_back_calls(at.deps) == 0, "once"
    assert (await messages(db))[-1]["state"] == state


async def test_its_own_answer_does_not_cut_a_call_off(db: Pool, db_dsn: str) -> None:
    """Neither the key, nor a tap on the page a moment before it."""
    async with ringing(db, db_dsn) as at:
        at.fake.states[0] = "in-progress"
        await at.fake.press(0, "1")
        assert await take_back_calls(at.deps) == 0 and at.fake.states == ["in-progress"]
        await db.execute("UPDATE message SET state = 'sent' WHERE channel = 'voice'")
        await answer(at, db)
        assert (
            await db.fetchval("SELECT count(*) FROM message WHERE channel = 'voice' AND cancel_wanted IS NOT NULL") == 1
        )
        await at.fake.press(0, "2")
        assert await take_back_calls(at.deps) == 0 and at.fake.states == ["in-progress"]


async def test_off_until_it_has_a_number_and_within_its_limits() -> None:
    assert not CHANNEL.configured(settings(voice_from="")) and CHANNEL.configured(settings())
    assert not CHANNEL.configured(load_settings({"DAIJOBU_VOICE_FROM": "+815012345678"})), "without Twilio"
    async with fake_voice() as fake:
        limited, other = TwilioVoice(settings(fake, voice_calls_a_day=1)), TwilioVoice(settings(fake))
        assert (await limited.send(OUT)).provider_id == fake.sid(0)
        with pytest.raises(SendError, match="too_many_calls"):
            await limited.send(OUT)
        fake.code = 21215
        with pytest.raises(SendError) as refused:
            await other.send(OUT)
        assert refused.value.code == "21215" and not refused.value.retry
        await limited.close()
        await other.close()


async def test_what_is_said_fits_in_every_language() -> None:
    voice = TwilioVoice(settings())
    for language in Catalogs.load().languages:
        parts = voice.prompt(replace(OUT, language=language))
        document = asking(parts, "https://daijobu.example.jp/t/v/123456789-5")
        assert len(document) < MAX_TWIML, language
        assert [p.language for p in parts] == ([language] if language in SPOKEN else ["ja", "en"])
        assert all("1" in p.words and "2" in p.words for p in parts)
    drill = voice.prompt(replace(OUT, language="my", purpose=Purpose.DRILL))
    assert "DRILL" in drill[1].words.upper()
    await voice.close()


async def test_a_burmese_call_plays_what_people_recorded(db: Pool, db_dsn: str, tmp_path: Path) -> None:
    """The call, its closing words, and the files themselves, as the provider fetches them."""
    folder = tmp_path / "my"
    folder.mkdir()
    for key in ("sender", "hazard-earthquake", "press-1-ok", "press-2-help", "thanks"):
        (folder / f"{key}.mp3").write_bytes(f"ID3 {key}".encode())
    async with ringing(db, db_dsn, "my", voice_recordings=tmp_path) as at:
        played = [address for _, address in at.fake.heard(0)]
        assert len(played) == 8 and played[:4] == played[4:], "said twice"
        async with ClientSession() as session:
            for address, key in zip(
                played, ("sender", "hazard-earthquake", "press-1-ok", "press-2-help"), strict=False
            ):
                async with session.get(address) as answer:
                    assert (answer.status, answer.content_type) == (200, "audio/mpeg")
                    assert await answer.read() == f"ID3 {key}".encode()
        _, said = await at.fake.press(0, "1")
        assert "/voice/my/thanks.mp3?v=" in said and "<Say" not in said
