"""The month's yen for SMS: counted by tend, known to every process that sends. Live alerts never stop for it."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Final

from alerts.channel import Channels
from alerts.channels.sms_twilio import TwilioSms
from alerts.deps import Deps
from alerts.sms_budget_store import count_parts, is_told, parts_of_month
from alerts.sms_country_store import follow_countries
from alerts.trouble_store import Fault, note_faults
from core.db import CONNECTION_ERRORS, Pool
from core.settings import Settings

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 30.0


def is_over(parts: int, settings: Settings) -> bool:
    """Whether so many parts cost what a month may cost."""
    return bool(settings.sms_month_cap_jpy) and parts * settings.sms_price_jpy >= settings.sms_month_cap_jpy


async def look(pool: Pool, channels: Channels, settings: Settings, now: datetime) -> bool:
    """Tell this process's SMS channel whether the month is spent, and write down what its guard has met."""
    channel = channels.by_name.get("sms")
    if not isinstance(channel, TwilioSms):
        return False
    faults, channel.guard.faults[:] = [*channel.guard.faults], []
    await note_faults(pool, faults, now)
    if settings.sms_month_cap_jpy:
        _, parts = await parts_of_month(pool, now)
        channel.guard.over_budget = is_over(parts, settings)
    return channel.guard.over_budget


async def keep_looking(deps: Deps) -> None:
    """`look` every half minute."""
    while True:
        try:
            await look(deps.pool, deps.channels, deps.settings, deps.clock.now())
        except CONNECTION_ERRORS as error:
            log.info("the cost of SMS cannot be read for now: %s", str(error) or type(error).__name__)
        await asyncio.sleep(LOOK_EVERY_S)


async def tend_budget(deps: Deps) -> int:
    """Follow the allowed countries; count this month's parts, and tell operators once when its yen are spent.

    Returns the parts.
    """
    if not isinstance(deps.channels.by_name.get("sms"), TwilioSms):
        return 0
    now = deps.clock.now()
    await follow_countries(deps.pool, deps.settings.sms_countries, now)
    await count_parts(deps.pool, now)
    first, parts = await parts_of_month(deps.pool, now)
    code = f"month_cap {first:%Y-%m}"
    if is_over(parts, deps.settings) and not await is_told(deps.pool, code):
        what = (
            f"{parts} parts in {first:%Y-%m} cost {parts * deps.settings.sms_price_jpy:.0f} yen: drills, tests and "
            "codes get no SMS any more, live alerts go on. Raise DAIJOBU_SMS_MONTH_CAP_JPY"
        )
        await note_faults(deps.pool, [Fault("sms", code, "critical", what, parts)], now)
    await look(deps.pool, deps.channels, deps.settings, now)
    return parts
