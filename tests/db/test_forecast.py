"""The numbers of a preview: the same on the page and on the command line, and nothing is written."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

from alerts.audience import outlook
from alerts.preview import preview
from alerts.site_calls import call_sites
from core.clock import JST, FixedClock
from core.db import Pool, transaction
from ops.preview_command import lines
from registry.store import set_leader
from tests import people
from tests.alerts_kit import MASHIKI, NOON, at, city, hear, quake, region, send_all, wires
from tests.crowd_kit import neighbour, settle
from tests.fakes import FakeChannel, fake_channels

MIDNIGHT = datetime(2026, 11, 21, 0, 0, tzinfo=JST)
EVENT = quake(region("6-"), city(MASHIKI, "6-"))


async def test_the_page_and_the_command_count_alike(db: Pool, db_dsn: str) -> None:
    home = await people.make_place(db)
    crowd = [neighbour(n, ("vi", "my", "en")[n % 3], push="up.example" if n % 2 else "") for n in range(60)]
    crowd += [neighbour(60 + n, "ne", phone=False) for n in range(4)]
    await settle(db, crowd, home, NOON - timedelta(days=9))
    async with wires(db, db_dsn) as deps, transaction(db) as conn:
        found = await outlook(deps, conn, EVENT, deps.clock.now())
        told = (await preview(deps, conn, EVENT))["totals"]
    a = found.audience
    assert (a.people, a.unreachable, a.every) == (64, 4, 1) == (told["people"], told["unreachable"], 1)
    assert dict(a.by_language) == told["by_language"] == {"vi": 20, "my": 20, "en": 20, "ne": 4}
    assert dict(a.by_channel) == told["by_channel"] == {"push": 30, "sms": 60}
    assert {severity.value: n for severity, n in a.by_severity} == told["by_severity"] == {"extreme": 64}
    assert (a.sms_parts, a.yen) == (told["sms_segments"], told["sms_cost_jpy"]) and a.sms_parts == sum(
        n or 0 for n in a.parts.values()
    )
    assert {lang: n for lang, n in a.unreviewed.items()} == told["unreviewed"]
    assert {(step.channel, step.after_s): n for step, n in a.by_step} == {("push", 0): 30, ("sms", 0): 60}
    burmese = next(sample for sample in a.samples if sample.language == "my")
    assert burmese.push_body and "{link}" not in burmese.push_body and re.search(r"[\u1000-\u109f]", burmese.body)


async def test_small_numbers_are_hidden(db: Pool, db_dsn: str) -> None:
    home = await people.make_place(db)
    crowd = [neighbour(n, "vi") for n in range(20)] + [neighbour(20, "mn")]
    await settle(db, crowd, home, NOON)
    async with wires(db, db_dsn) as deps, transaction(db) as conn:
        a = (await outlook(deps, conn, EVENT, deps.clock.now())).audience
    assert dict(a.by_language)["mn"] is None and a.parts["mn"] is None and a.unreviewed.get("mn") is None


async def test_as_if_nothing_had_been_sent(db: Pool, db_dsn: str) -> None:
    await settle(db, [neighbour(n, "vi") for n in range(5)], await people.make_place(db), NOON)
    async with wires(db, db_dsn) as deps:
        await hear(deps, EVENT)
        async with transaction(db) as conn:
            now = deps.clock.now()
            assert (await outlook(deps, conn, EVENT, now)).audience.people == 0
            assert (await outlook(deps, conn, EVENT, now, fresh=True)).audience.people == 5


async def test_a_very_large_audience_is_sampled(db: Pool, db_dsn: str) -> None:
    await settle(db, [neighbour(n, ("vi", "en")[n // 2 % 2]) for n in range(400)], await people.make_place(db), NOON)
    looked: list[tuple[int, int]] = []
    async with wires(db, db_dsn) as deps, transaction(db) as conn:
        a = (await outlook(deps, conn, EVENT, deps.clock.now(), most=100)).audience
        assert (a.every, a.people) == (4, 400) and sum(n or 0 for _, n in a.by_language) == 400
        assert all(120 < (n or 0) < 280 for _, n in a.by_language), a.by_language
        await outlook(deps, conn, EVENT, deps.clock.now(), most=100, progress=lambda *n: looked.append(n))
    assert looked == [(400, 400)], "with a progress bar everybody is counted"


async def test_what_the_command_prints(db: Pool, db_dsn: str) -> None:
    home = await people.make_place(db)
    crowd = [neighbour(n, "vi", push="up.example" if n % 2 else "") for n in range(10)]
    await settle(db, [*crowd, neighbour(10, "mn", phone=False)], home, NOON)
    async with wires(db, db_dsn) as deps, transaction(db) as conn:
        printed = list(lines(await outlook(deps, conn, EVENT, deps.clock.now())))
        nobody = list(lines(await outlook(deps, conn, quake(region("3"), city(MASHIKI, "3")), deps.clock.now())))
    assert printed[1] == "11 of 11 people (100 %), without a way to reach them: 1-2"
    assert "      11  extreme" in printed and "       5  push after 0 s" in printed
    assert any(re.fullmatch(r" +- +mn: .*", line) for line in printed), printed
    assert re.fullmatch(r"SMS: at most \d+ parts, \d+\.00 yen", printed[-1])
    assert nobody == ["nobody is told: no area reaches a level that we tell people about"]


async def test_calls_and_who_answers_for_dorms_are_counted(db: Pool, db_dsn: str) -> None:
    """What the last step and the dorms cost: the same on the page and on the command line, and as it then happens."""
    org = await people.make_org(db)
    dorm = await people.make_site(db, org.id)
    elsewhere = await people.make_place(db, people.FUKUOKA_CHUO)
    for rank in (1, 2, 3):
        person = await people.make_resident(db, org.id, home_place_id=elsewhere, language="ja")
        async with db.acquire() as conn:
            await set_leader(conn, dorm[0], rank, resident_id=person.id)
    for _ in range(5):
        await people.make_resident(db, org.id, dorm=dorm, home_place_id=dorm[1])
    event = at(EVENT, issued_at=MIDNIGHT, sent_at=MIDNIGHT, occurred_at=MIDNIGHT)
    sms, voice, clock = FakeChannel("sms"), FakeChannel("voice"), FixedClock(MIDNIGHT + timedelta(seconds=30))
    channels = fake_channels(sms, voice)
    channels.kinds["voice"] = replace(channels.kinds["voice"], contact="voice", over="phone")
    async with wires(db, db_dsn, channels=channels, clock=clock, voice_calls_a_day=4, send_rates="") as deps:
        async with transaction(db) as conn:
            found = await outlook(deps, conn, event, clock.now())
            told = (await preview(deps, conn, event))["totals"]
        a = found.audience
        assert (a.calls, a.call_minutes, a.call_yen) == (5, 8, 240.0), "four of five calls in a day"
        assert (told["voice_calls"], told["voice_minutes"], told["voice_cost_jpy"]) == (5, 8, 240.0)
        dorms = [(step.to.value, step.channel, step.after_s, step.when, n) for step, n in a.by_dorm]
        assert dorms == [
            ("leader", "sms", 0, "always", 1),
            ("leader", "sms", 300, "no_answer", 1),
            ("night_contact", "sms", 300, "no_answer", 1),
            ("deputy", "sms", 600, "not_opened", 1),
        ]
        assert [tuple(row.values()) for row in told["dorm_messages"]] == dorms
        assert (a.dorm_parts, a.dorm_yen) == (told["dorm_sms_segments"], told["dorm_sms_cost_jpy"]) == (8, 96.0)
        printed = "\n".join(lines(found))
        assert "telephone: at most 5 calls, 8 minutes, 240.00 yen; only 4 calls" in printed
        assert "1  to the night_contact of a dorm: sms after 300 s, no_answer" in printed
        # As it then happens, where everybody stays silent.
        await hear(deps, event)
        for _ in range(5):
            await call_sites(deps)
            await send_all(deps)
            clock.advance(timedelta(minutes=5))
    assert len(voice.taken) == 5 and len(sms.taken) == 5 + 4
