"""Lanes in the database: tokens, back-off and circuit breakers that all workers share.

Times are the database's own, as with leases: workers on several machines must agree on them. A lane without a row is
free: nothing limits it, and nothing is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from alerts.outbox_store import MESSAGES_CHANNEL
from core.db import Connection, Pool, notify, transaction

#: Seconds between two tries of a lane that is down.
PROBE_EVERY_S: Final = 5.0
#: A lane that is down and that nothing has wanted for so long is believed in again: nobody knows better.
FORGET_AFTER_S: Final = 120.0
#: A lane nobody limits that was asked to slow down is free again after so long without another such answer.
FREE_AFTER_S: Final = 600.0
#: Several answers "slow down" within this are one sign: the rate is halved once.
ONE_SIGN_S: Final = 1.0
#: Never slower than a message in five seconds.
LEAST_RATE: Final = 0.2
#: What waits for a lane that is down or full says so.
HELD: Final = "held"


@dataclass(frozen=True, slots=True)
class LaneRow:
    """A lane as the database has it. `rate`: messages a second, None: no limit; `paused_s`: how long nothing goes."""

    lane: str
    channel: str
    rate: float | None
    paused_s: float
    is_open: bool
    probe_due: bool
    since: datetime | None = None
    reason: str = ""
    throttles: int = 0


SQL_LANES = """
SELECT lane, channel, rate, greatest(0, extract(epoch FROM paused_until - now()))::float8 AS paused_s,
       state = 'open' AS is_open, state = 'open' AND probe_at <= now() AS probe_due,
       CASE WHEN state = 'open' THEN opened_at ELSE throttled_at END AS since, reason, throttles
FROM send_lane ORDER BY lane
"""


async def lanes(conn: Connection | Pool) -> list[LaneRow]:
    """Every lane that is limited, or with which something is or was wrong."""
    return [
        LaneRow(
            row["lane"],
            row["channel"],
            row["rate"],
            row["paused_s"] or 0.0,
            row["is_open"],
            row["probe_due"],
            row["since"],
            row["reason"],
            row["throttles"],
        )
        for row in await conn.fetch(SQL_LANES)
    ]


SQL_LIMIT = """
INSERT INTO send_lane (lane, channel, rate, ceiling, burst, tokens)
SELECT * FROM unnest($1::text[], $2::text[], $3::float8[], $3::float8[], $4::float8[], $4::float8[])
ON CONFLICT (lane) DO UPDATE SET ceiling = excluded.ceiling, burst = excluded.burst,
    rate = CASE WHEN send_lane.ceiling IS DISTINCT FROM excluded.ceiling THEN excluded.ceiling
                ELSE least(send_lane.rate, excluded.ceiling) END
"""
SQL_UNLIMIT = """
UPDATE send_lane SET ceiling = NULL, rate = NULL WHERE ceiling IS NOT NULL AND lane = ANY($1::text[])
"""


async def limit(pool: Pool, limits: Mapping[str, tuple[str, float, float]], free: list[str]) -> None:
    """What the settings say now. `limits`: lane -> (channel, messages a second, burst); `free`: lanes without any."""
    async with transaction(pool) as conn:
        if limits:
            await conn.execute(
                SQL_LIMIT,
                list(limits),
                [channel for channel, _, _ in limits.values()],
                [rate for _, rate, _ in limits.values()],
                [burst for _, _, burst in limits.values()],
            )
        if free:
            await conn.execute(SQL_UNLIMIT, free)


# The rate grows by a twentieth of itself or one message a second, per second, up to what the settings allow: additive
# increase after the halving (RFC 5681, section 3.1, has the idea). Nobody's clock runs backwards here.
SQL_TAKE = """
WITH was AS (
    SELECT lane, tokens, burst, rate, ceiling, throttled_at,
           least(60, greatest(0, extract(epoch FROM now() - refilled_at)))::float8 AS elapsed
    FROM send_lane WHERE lane = $1 AND rate IS NOT NULL FOR UPDATE
), grown AS (
    SELECT lane, least(coalesce(ceiling, 'infinity'), rate + greatest(1, rate / 20) * elapsed) AS rate,
           least(burst, tokens + rate * elapsed) AS tokens,
           ceiling IS NULL AND throttled_at < now() - make_interval(secs => $3) AS freed
    FROM was
)
UPDATE send_lane AS l
SET rate = CASE WHEN grown.freed THEN NULL ELSE grown.rate END, refilled_at = now(),
    tokens = grown.tokens - floor(least(grown.tokens, $2))
FROM grown WHERE l.lane = grown.lane
RETURNING CASE WHEN grown.freed THEN $2 ELSE floor(least(grown.tokens, $2)) END::int AS taken, l.rate
"""


async def take_tokens(pool: Pool, lane: str, wanted: int) -> tuple[int, float | None]:
    """Up to `wanted` tokens of a limited lane, and its rate from now on; (wanted, None) where nothing limits it."""
    row = await pool.fetchrow(SQL_TAKE, lane, float(wanted), FREE_AFTER_S)
    return (wanted, None) if row is None else (row["taken"], row["rate"])


SQL_SLOW_DOWN = """
INSERT INTO send_lane AS l (lane, channel, rate, burst, tokens, throttled_at, throttles, paused_until)
VALUES ($1, $2, greatest($5, $3::float8 / 2), greatest(1, $3::float8 / 2), 0, now(), 1,
        now() + make_interval(secs => $4))
ON CONFLICT (lane) DO UPDATE SET
    rate = CASE WHEN l.throttled_at > now() - make_interval(secs => $6) AND l.rate IS NOT NULL THEN l.rate
                ELSE greatest($5, coalesce(l.rate, $3) / 2) END,
    burst = CASE WHEN l.ceiling IS NULL THEN greatest(1, coalesce(l.rate, $3) / 2) ELSE l.burst END,
    tokens = 0, throttled_at = now(), throttles = l.throttles + 1,
    paused_until = greatest(l.paused_until, excluded.paused_until)
"""


async def slow_down(pool: Pool, lane: str, channel: str, observed: float, pause_s: float) -> None:
    """The provider asked us to slow down: half the rate (`observed` a second where none was known), and a pause."""
    await pool.execute(SQL_SLOW_DOWN, lane, channel, max(1.0, observed), pause_s, LEAST_RATE, ONE_SIGN_S)


SQL_OPEN = """
INSERT INTO send_lane AS l (lane, channel, state, opened_at, probe_at, reason, changed_at)
VALUES ($1, $2, 'open', now(), now() + make_interval(secs => $4), $3, now())
ON CONFLICT (lane) DO UPDATE SET
    state = 'open', reason = excluded.reason, changed_at = now(),
    opened_at = CASE WHEN l.state = 'open' THEN l.opened_at ELSE now() END,
    probe_at = CASE WHEN l.state = 'open' THEN l.probe_at ELSE excluded.probe_at END
"""
# What was tried in vain and waits for its next try: it learns now that its provider is down, so that its person's next
# way begins.
SQL_LEARN_NOW = """
UPDATE message SET due_at = $2 WHERE state = 'pending' AND channel = $1 AND attempts > 0 AND due_at > $2
"""


async def open_lane(pool: Pool, lane: str, channel: str, reason: str, now: datetime) -> None:
    """This provider is down: nothing is handed to it but one message now and then that tries."""
    async with transaction(pool) as conn:
        await conn.execute(SQL_OPEN, lane, channel, reason[:300], PROBE_EVERY_S)
        await conn.execute(SQL_LEARN_NOW, channel, now)
        await notify(conn, MESSAGES_CHANNEL)


SQL_PROBE = """
UPDATE send_lane SET probe_at = now() + make_interval(secs => $2)
WHERE lane = $1 AND state = 'open' AND probe_at <= now() RETURNING 1
"""


async def take_probe(pool: Pool, lane: str) -> bool:
    """Whether this worker may try a lane that is down: one worker, every few seconds."""
    return bool(await pool.fetchval(SQL_PROBE, lane, PROBE_EVERY_S))


SQL_CLOSE = (
    "UPDATE send_lane SET state = 'closed', changed_at = now() WHERE lane = $1 AND state = 'open' RETURNING channel"
)
SQL_LET_GO = """
UPDATE message SET due_at = $2 WHERE state = 'pending' AND channel = $1 AND error_code = $3 AND due_at > $2
"""


async def close_lane(pool: Pool, lane: str, now: datetime) -> bool:
    """The provider works again: what waits for it goes on. False if another worker was first."""
    async with transaction(pool) as conn:
        channel = await conn.fetchval(SQL_CLOSE, lane)
        if channel is None:
            return False
        await conn.execute(SQL_LET_GO, channel, now, HELD)
        await notify(conn, MESSAGES_CHANNEL)
    return True


SQL_FORGET = """
UPDATE send_lane SET state = 'closed', changed_at = now()
WHERE state = 'open' AND probe_at < now() - make_interval(secs => $1)
"""


async def forget_quiet(pool: Pool) -> None:
    """Lanes that are down, and that nobody has wanted to use since."""
    await pool.execute(SQL_FORGET, FORGET_AFTER_S)
