"""Asking people whether two registrations are theirs, and joining them: the part that looks across organisations.

Runs in the tend loop. The message goes over a contact of the registration the person already uses and names nobody.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from alerts.channel import Outgoing, SendError
from alerts.deps import Deps
from core.audit import Actor, audit
from core.db import Connection, transaction
from core.model import Purpose, Severity
from registry import same_store
from registry.facts_store import get_fact, set_fact
from registry.same_person import may_write
from registry.store import personal_token

log = logging.getLogger(__name__)

_ACTOR = Actor("same person")
_SEEN = "same_person_seen"
#: A row that was written before the last look but committed after it is still looked at.
_OVERLAP = timedelta(minutes=10)
_NO_INCIDENT = UUID(int=0)
_VALID_S = 12 * 3600
_SEND_ORDER = ("push", "sms")


async def tend_same_person(deps: Deps) -> int:
    """Look for shared numbers, tell who is asked, join and take apart; how many things were done."""
    now = deps.clock.now()
    async with transaction(deps.pool) as conn:
        seen = await get_fact(conn, _SEEN)
        since = datetime.fromisoformat(seen) - _OVERLAP if seen else now - timedelta(days=30)
        found = await same_store.find_shared(conn, since, now)
        await set_fact(conn, _SEEN, now.isoformat(), now)
        joined = await same_store.join_wanted(conn, now)
        undone = await same_store.undo_wanted(conn)
        for action, pairs in (("same_person.join", joined), ("same_person.undo", undone)):
            for pair in pairs:
                await audit(conn, _ACTOR, action, at=now, subjects=list(pair))
    told = await _tell(deps, now) if may_write(now) else 0
    return found + len(joined) + len(undone) + told


async def _tell(deps: Deps, now: datetime) -> int:
    """One message per question, over the best contact of the one who is asked. Marked first: never sent twice."""
    kinds = {kind.contact: kind.name for name in _SEND_ORDER if (kind := deps.channels.resolve(name)) is not None}
    outgoing: list[tuple[str, Outgoing]] = []
    async with transaction(deps.pool) as conn:
        rows = await same_store.to_tell(conn, list(kinds))
        for row in rows:
            await same_store.told(conn, row["id"])
            message = await _message(deps, conn, row) if row["contact_id"] is not None else None
            if message is not None:
                outgoing.append((kinds[row["channel"]], message))
    for channel, message in outgoing:
        try:
            await deps.channels.by_name[channel].send(message)
        except SendError as error:
            # The question stands on the person's own page as well.
            log.warning("a question about two registrations could not be sent: %s", error.code)
    return len(rows)


async def _message(deps: Deps, conn: Connection, row: dict[str, object]) -> Outgoing | None:
    resident_id, contact_id, sealed = row["resident_id"], row["contact_id"], row["address_enc"]
    assert isinstance(resident_id, UUID) and isinstance(contact_id, UUID) and isinstance(sealed, bytes)
    token = await personal_token(conn, deps.vault, resident_id)
    if token is None:
        return None
    lang = deps.catalogs.normalise(str(row["language"])) or "en"
    words = deps.catalogs.sayer(lang).plain("same.message")
    url = f"{deps.settings.site_url}/p/{token}/same"
    return Outgoing(
        message_id=0,
        address=deps.vault.decrypt(sealed, contact_id, "contact.address_enc"),
        title=deps.settings.sender_name,
        body=f"{deps.settings.sender_name}: {words}\n{url}",
        language=lang,
        severity=Severity.INFO,
        purpose=Purpose.LIVE,
        incident_id=_NO_INCIDENT,
        url=url,
        valid_s=_VALID_S,
        direction=deps.catalogs.direction(lang),
    )
