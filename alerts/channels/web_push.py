"""Web Push (RFC 8030, 8291, 8292) to browsers and phones, with an encoder of our own.

pywebpush by itself would send with TTL 0, follow redirects, accept any host and any size, and wait for hours; so the
request is ours. Its encryption stands in where ours does not make the example of RFC 8291 on this machine.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from py_vapid import Vapid02

from alerts import push_encrypt
from alerts.channel import ChannelKind, Outgoing, ReceiptRead, ReplyRead, SendError, Sent, Trouble
from alerts.push_address import BadSubscription, Subscription, check_origin
from alerts.push_answers import Answer, Brakes, trouble
from alerts.push_encrypt import MAX_PLAINTEXT
from alerts.push_envelopes import EnvelopePool
from alerts.push_http import Client, Interrupted, NotConnected
from alerts.push_payload import SHORT, head, headers, payload
from alerts.vapid import Tokens, load_or_make_vapid, subject
from core.later import Later
from core.model import MessageState
from core.public_net import PublicResolver
from core.settings import Settings

if TYPE_CHECKING:
    import pywebpush
else:
    pywebpush = Later("pywebpush")

log = logging.getLogger(__name__)

#: How many connections to each push service are opened when something has happened, and how often at most.
WARM_CONNECTIONS: Final = 16
WARM_EVERY_S: Final = 60.0
#: The share of envelopes whose use is worth making new ones before the hourly round.
USED_UP: Final = 0.05
#: Envelopes are not kept longer.
ENVELOPE_LIFE_S: Final = 24 * 3600


class WebPush:
    """Sends notifications, reads receipts that our service worker posts."""

    name = "push"

    def __init__(
        self, settings: Settings, now: Callable[[], float] = time.time, works: Callable[[], bool] = push_encrypt.works
    ) -> None:
        """`works`: whether our own encoder may be used; asked once."""
        self._settings = settings
        self._now = now
        # py_vapid's own check refuses an https address with a path, which RFC 8292 §2.1 allows.
        vapid = Vapid02(load_or_make_vapid(settings), conf={"no-strict": True})
        self._tokens = Tokens(
            lambda claims: str(vapid.sign(claims)["Authorization"]),
            subject(settings.vapid_subject or settings.contact),
            now,
        )
        self._own_encoder = works()
        if not self._own_encoder:
            log.error("our Web Push encoder does not make the example of RFC 8291 here; pywebpush encrypts instead")
        self._envelopes = EnvelopePool(settings.push_envelopes if self._own_encoder else 0)
        self._envelopes_since = now()
        self._taken = 0
        self._brakes = Brakes()
        self._allowed: set[str] = set()
        self._origins: Counter[str] = Counter()  # browsers of each push service
        self._counted: Counter[str] = Counter()
        self._warmed_at = float("-inf")
        self._complained: set[tuple[str, int]] = set()
        self._client = Client(
            PublicResolver(allow_loopback=settings.push_allow_http),
            per_origin=settings.send_in_flight,
            timeout_s=settings.send_timeout_s,
        )

    async def send(self, message: Outgoing) -> Sent:
        subscription = self._subscription(message.address)
        origin = self._origin(subscription)
        if (wait := self._brakes.wait_s(origin, self._now())) > 0:
            raise SendError(Trouble.THROTTLED, "origin_waits", retry_after_s=wait)
        signature = self._tokens.header(origin)
        answer = await self._post(subscription, origin, signature, message, MAX_PLAINTEXT)
        if answer.status == 413:
            answer = await self._post(subscription, origin, signature, message, SHORT)
        self._brakes.heard(origin, answer, self._now())
        if 200 <= answer.status < 300:
            return Sent(provider_id=answer.location[-200:])
        if answer.is_our_fault and (origin, answer.status) not in self._complained:
            self._complained.add((origin, answer.status))
            log.error("%s refuses our pushes: HTTP %d %s", origin, answer.status, answer.reason)
        raise trouble(answer, self._now())

    async def _post(
        self, subscription: Subscription, origin: str, signature: str, message: Outgoing, limit: int
    ) -> Answer:
        body = self._encrypt(subscription, payload(message, limit))
        request = head(subscription.endpoint, origin, headers(message), signature, len(body)) + body
        try:
            said = await self._client.post(origin, request)
        except NotConnected as error:
            raise SendError(Trouble.NOT_SENT, "no_connection", str(error)) from error
        except (Interrupted, TimeoutError) as error:
            raise SendError(Trouble.AMBIGUOUS, "no_answer", str(error) or type(error).__name__) from error
        return Answer(said.status, said.header(b"location"), said.header(b"retry-after"), said.body)

    def _subscription(self, address: str) -> Subscription:
        try:
            data = json.loads(address)
            keys = data["keys"]
            found = Subscription(data["endpoint"], keys["p256dh"], keys["auth"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise _dead(error) from error
        if not (isinstance(found.endpoint, str) and isinstance(found.p256dh, str) and isinstance(found.auth, str)):
            raise _dead(BadSubscription("endpoint and keys must be text"))
        return found

    def _origin(self, subscription: Subscription) -> str:
        """The push service of a subscription, if we may send there."""
        try:
            origin = subscription.origin
            if origin not in self._allowed:
                check_origin(origin, self._settings)
                self._allowed.add(origin)
        except BadSubscription as error:
            raise _dead(error) from error
        return origin

    def _encrypt(self, subscription: Subscription, plain: bytes) -> bytes:
        envelope = self._envelopes.take(subscription)
        if envelope is not None:
            self._taken += 1
            return envelope.seal(plain)
        try:
            if self._own_encoder:
                keys = push_encrypt.decode(subscription.p256dh), push_encrypt.decode(subscription.auth)
                return push_encrypt.encrypt(plain, *keys)
            pusher = pywebpush.WebPusher(
                {"endpoint": subscription.endpoint, "keys": {"p256dh": subscription.p256dh, "auth": subscription.auth}}
            )
            return bytes(pusher.encode(plain)["body"])
        except Exception as error:  # the keys are text from outside, and two libraries read them
            raise SendError(Trouble.DEAD_ADDRESS, "keys", type(error).__name__) from error

    def wants_preparing(self) -> bool:
        # A round reads every address: not for a single test notification.
        return self._taken > len(self._envelopes) * USED_UP or self._envelopes_are_old()

    def begin_preparing(self) -> None:
        if self._envelopes_are_old():
            self._envelopes.clear()
            self._envelopes_since = self._now()
        self._taken = 0
        self._envelopes.begin()
        self._counted = Counter()

    async def prepare(self, addresses: Sequence[str]) -> int:
        found = []
        for address in addresses:
            try:
                subscription = self._subscription(address)
                origin = self._origin(subscription)
            except SendError:
                continue  # said when something is sent there
            found.append(subscription)
            self._counted[origin] += 1
        # Another thread, because our own has people to tell at any moment.
        return await asyncio.to_thread(self._envelopes.make, found) if found else 0

    def end_preparing(self) -> None:
        self._envelopes.end()
        self._origins = self._counted

    def _envelopes_are_old(self) -> bool:
        return not 0 <= self._now() - self._envelopes_since < ENVELOPE_LIFE_S

    async def warm(self) -> None:
        if self._now() - self._warmed_at < WARM_EVERY_S:
            return
        self._warmed_at = self._now()
        await asyncio.gather(*(self._warm(origin, people) for origin, people in self._origins.items()))

    async def _warm(self, origin: str, people: int) -> None:
        try:
            await self._client.warm(origin, min(people, WARM_CONNECTIONS))
        except NotConnected as error:
            log.info("%s cannot be reached yet: %s", origin, error)

    def read_receipt(self, message_id: int, fields: Mapping[str, Any]) -> ReceiptRead | None:
        shown = fields.get("shown")
        if shown is True:
            return ReceiptRead(message_id, MessageState.DELIVERED)
        return None

    def read_reply(self, fields: Mapping[str, Any]) -> ReplyRead | None:
        return None

    async def close(self) -> None:
        await self._client.close()


def _dead(error: Exception) -> SendError:
    """A subscription that can never work. Only our own sentences are kept: other errors quote what they could not
    read."""
    why = str(error) if isinstance(error, BadSubscription) else type(error).__name__
    return SendError(Trouble.DEAD_ADDRESS, "subscription", why)


CHANNEL = ChannelKind(name="push", contact="push", configured=lambda settings: True, make=WebPush)
