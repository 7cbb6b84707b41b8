"""The first mail to an address that somebody has typed: with a link, to show that mails arrive there."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from alerts import mail_store as store
from alerts.channel import Channel, SendError
from alerts.deps import Deps
from alerts.mail_links import confirm, way_out
from alerts.mail_store import ToConfirm
from alerts.single import single, why_not
from core.db import transaction

log = logging.getLogger(__name__)

#: Mails of one turn.
A_TURN: Final = 20
VALID_S: Final = 24 * 3600


async def confirm_addresses(deps: Deps) -> int:
    """Send what is due; how many mails left. Nothing happens where no mail server is configured."""
    channel = deps.channels.by_name.get("email")
    if channel is None:
        return 0
    async with transaction(deps.pool) as conn:
        due = await store.claim_to_confirm(conn, deps.vault, deps.clock.now(), A_TURN)
    if not due:
        return 0
    errors = await asyncio.gather(*(_send(deps, channel, one) for one in due))
    async with transaction(deps.pool) as conn:
        for one, error in zip(due, errors, strict=True):
            if error is not None and error.drop_address:
                await store.note_dead(conn, one.id, error.code)
        await store.try_again(conn, [one.id for one, error in zip(due, errors, strict=True) if error and error.retry])
    for error in errors:
        if error is not None:
            log.warning("the mail that confirms an address did not leave: %s", error)
    return sum(error is None for error in errors)


async def _send(deps: Deps, channel: Channel, one: ToConfirm) -> SendError | None:
    lang = deps.catalogs.normalise(one.language) or "en"
    say = deps.catalogs.sayer(lang)
    site = deps.settings.site_url
    message = single(
        deps.catalogs,
        one.address,
        lang,
        f"{deps.settings.sender_name}: {say.plain('mail.confirm')}",
        say.plain("mail.confirm.why"),
        valid_s=VALID_S,
        url=site + confirm(deps.vault, one.id),
        way_out=(say.plain("mail.stop"), site + way_out(deps.vault, one.id)),
    )
    return await why_not(channel, message, deps.settings.send_timeout_s)
