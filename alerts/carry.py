"""A sentence with a person's own link, outside any incident, over the first of their ways that takes it.

It goes past the outbox of alerts, one way after the other; who calls writes down what came of it. No database
connection is held while a provider is slow.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from alerts.compose import LINK, TITLED, fill_link
from alerts.deps import Deps
from alerts.mail_links import way_out
from alerts.single import single, why_not
from alerts.sms_text import is_gsm7, segments
from alerts.wording import Voice
from core.i18n import Catalogs, without_furigana
from registry.stay import Way

#: A provider that hangs must not hold up what else is due in the tend loop.
TIMEOUT_S: Final = 5.0
#: A provider must not deliver it later than this: by then it may be night.
VALID_S: Final = 3600
#: Which channel carries a message to which kind of contact.
CARRIED_BY: Final = {"push": "push", "phone": "sms", "line": "line", "email": "email"}


def usable_ways(deps: Deps) -> set[str]:
    """The kinds of contact for which a channel is configured."""
    return {contact for contact, name in CARRIED_BY.items() if deps.channels.resolve(name) is not None}


def first_language(catalogs: Catalogs, languages: Sequence[str], words: Collection[str]) -> str:
    """The person's first language in which people have approved `words`, else the first that we have."""
    ours = [tag for wish in languages if wish and (tag := catalogs.normalise(wish))]
    return next((tag for tag in ours if catalogs.approved(tag, tuple(words))), ours[0] if ours else "en")


def link_text(catalogs: Catalogs, lang: str, key: str, channel: str, sender: str) -> str:
    """The text `key`; an SMS ends with a line for the link. Wording that nobody has approved says so by its mark."""
    say = Voice(catalogs, lang)
    sentence = say(key, link="").strip().rstrip(":：").rstrip()
    parts = [sentence, say("alert.unreviewed.short")] if say.unreviewed else [sentence]
    text = without_furigana(say.join(parts))
    if channel in TITLED:
        return text
    name = "Daijobu" if is_gsm7(text) and not is_gsm7(sender) else sender
    return f"{say('frame.sender', sender=name, text=text)}\n{LINK}"


class Carried(NamedTuple):
    """What came of one turn. `way`: the one that took the message; `dead`: ways that never will again."""

    way: Way | None
    unsure: bool
    any_way: bool
    dead: list[tuple[UUID, str, str]]
    segments: int


async def carry(deps: Deps, lang: str, key: str, ways: Sequence[Way], addresses: dict[Way, bytes], url: str) -> Carried:
    """One way after the other until one takes the message, or nobody knows whether it did."""
    dead: list[tuple[UUID, str, str]] = []
    for way in ways:
        wanted = CARRIED_BY[way.channel]
        kind = deps.channels.resolve(wanted)
        assert kind is not None  # ways_in_order has left out what nothing carries
        text = link_text(deps.catalogs, lang, key, wanted, deps.settings.sender_name)
        body = text if wanted in TITLED else fill_link(text, url, deps.settings.sender_name)
        message = single(
            deps.catalogs,
            deps.vault.decrypt(addresses[way], way.id, "contact.address_enc"),
            lang,
            deps.settings.sender_name,
            body,
            valid_s=VALID_S,
            url=url,
            way_out=_way_out(deps, lang, way),
        )
        error = await why_not(deps.channels.by_name[kind.name], message, min(deps.settings.send_timeout_s, TIMEOUT_S))
        if error is None:
            return Carried(way, False, True, dead, 0 if wanted in TITLED else segments(body).parts)
        if error.ambiguous:
            return Carried(None, True, True, dead, 0)
        if error.drop_address:
            dead.append((way.id, error.drop_address, error.code))
    return Carried(None, False, len(ways) > len(dead), dead, 0)


def _way_out(deps: Deps, lang: str, way: Way) -> tuple[str, str]:
    if way.channel != "email":
        return "", ""
    return deps.catalogs.sayer(lang).plain("mail.stop"), deps.settings.site_url + way_out(deps.vault, way.id)
