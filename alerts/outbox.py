"""The send loop: leased message -> channel -> acknowledgement. Nothing is marked sent before it was handed over.

A message keeps its in-flight slot until its acknowledgement has committed, so that a kill -9 repeats at most as many
messages as there are slots. Acknowledgements go by continuous group commit: whatever waits is written in one
transaction, and the next begins right after it. No database connection is held while a provider is slow.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from alerts import outbox_store as store
from alerts.channel import Channel, Outgoing, SendError, Sent, Trouble, valid_seconds
from alerts.compose import LINK, TITLED, fill_link
from alerts.deps import Deps
from alerts.lane_store import HELD
from alerts.lanes import WORTH_ANOTHER_WAY_S, Hold, Lane, Lanes
from alerts.look_back import in_doubt, look_back
from alerts.mail_links import way_out
from alerts.outbox_store import MESSAGES_CHANNEL, Claimed, Outcome
from alerts.policy import BACK_OFF_S, next_attempt
from alerts.ready import prepare_forever, warm_forever
from alerts.receipts import receipt_token
from alerts.shelter_lines import ShelterLines, with_line
from alerts.sms_budget import keep_looking, look
from alerts.trouble_store import faults_of, note_faults
from alerts.words import answer_labels
from core.db import CONNECTION_ERRORS, heartbeat
from core.model import MessageState, Purpose, Severity
from core.tokens import LinkTokens

log = logging.getLogger(__name__)

#: Where links of each kind lead.
LINK_PATHS: Final = {"checkin": "/c/", "leader": "/l/", "staff": "/a/"}
#: The lease outlives the slowest answer of a provider ten times.
LEASE_FACTOR: Final = 10
#: The outbox is looked at this often even if nobody rings.
POLL_S: Final = 1.0
REAP_EVERY_S: Final = 1.0
HEARTBEAT_EVERY_S: Final = 5.0
#: Fewer free slots than this share are worth a claim only after a short pause: tiny claims cost as much as large ones.
CLAIM_SHARE: Final = 4
CLAIM_PAUSE_S: Final = 0.02


@dataclass(slots=True)
class Counters:
    """What this worker did since it started."""

    claimed: int = 0
    sent: int = 0
    failed: int = 0
    retried: int = 0
    skipped: int = 0
    held: int = 0


@dataclass(slots=True)
class Sender:
    """One worker. `run` sends until `stop` is set, then finishes what is in flight."""

    deps: Deps
    random: Callable[[], float] = random.random
    counters: Counters = field(default_factory=Counters)
    _tokens: dict[UUID, LinkTokens] = field(default_factory=dict)
    _directions: dict[str, str] = field(default_factory=dict)
    _bodies: dict[tuple[str, int], str] = field(default_factory=dict)
    _stop_words: dict[tuple[str, int], str] = field(default_factory=dict)
    _labels: dict[tuple[str, str, int], tuple[tuple[str, str], ...]] = field(default_factory=dict)
    _free: int = 0
    _slot_freed: asyncio.Event = field(default_factory=asyncio.Event)
    _outcomes: list[Outcome] = field(default_factory=list)
    _have_outcomes: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: Counter[str] = field(default_factory=Counter)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _in_flight: dict[int, Claimed] = field(default_factory=dict)
    #: What operators must hear of, by channel; written down by the upkeep.
    _alarms: dict[str, list[SendError]] = field(default_factory=dict)
    shelters: ShelterLines = field(init=False)
    lanes: Lanes = field(init=False)

    def __post_init__(self) -> None:
        self.shelters = ShelterLines(self.deps)
        self.lanes = Lanes(self.deps, self.random)

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.deps.settings.send_timeout_s * LEASE_FACTOR)

    async def run(self, stop: asyncio.Event) -> None:
        """Claim and send until `stop` is set."""
        self._free = self.deps.settings.send_in_flight
        bell = await self.deps.wakeups.on(MESSAGES_CHANNEL)
        acks = asyncio.create_task(self._acknowledge_forever(), name="acknowledge")
        upkeep = asyncio.create_task(self._upkeep_forever(), name="outbox upkeep")
        warm = asyncio.create_task(warm_forever(self.deps), name="warm connections")
        prepare = asyncio.create_task(prepare_forever(self.deps, lambda: not self._in_flight), name="prepare")
        shelters = asyncio.create_task(self.shelters.keep_forever(), name="shelters")
        budget = asyncio.create_task(keep_looking(self.deps), name="cost of SMS")
        lanes = asyncio.create_task(self.lanes.run(), name="lanes")
        stopping = asyncio.create_task(stop.wait(), name="outbox stop")
        beside = (acks, upkeep, warm, prepare, shelters, budget, lanes, stopping)
        try:
            await self.lanes.start()
            await self._know_budget()
            while not stop.is_set():
                if not await self._claim_and_start():
                    await bell.wait_or_stop(POLL_S, stopping)
            await self._drain()
            with contextlib.suppress(*CONNECTION_ERRORS):
                await self._note_alarms()
        finally:
            for task in (*beside, *self._tasks):
                task.cancel()
            await asyncio.gather(*beside, *self._tasks, return_exceptions=True)
            self.deps.wakeups.off(MESSAGES_CHANNEL, bell)

    async def _know_budget(self) -> None:
        with contextlib.suppress(*CONNECTION_ERRORS):
            await look(self.deps.pool, self.deps.channels, self.deps.settings, self.deps.clock.now())

    async def _claim_and_start(self) -> bool:
        """One claim; whether it is worth claiming again at once."""
        wanted = max(1, self.deps.settings.send_in_flight // CLAIM_SHARE)
        if self._free < wanted:
            self._slot_freed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLAIM_PAUSE_S):
                    await self._slot_freed.wait()
            if self._free == 0:
                return True
        token = uuid4()
        claims, slow = self._shares()
        claimed: list[Claimed] = []
        try:
            for not_over, limit in claims:
                claimed += await store.claim(
                    self.deps.pool,
                    limit=limit,
                    token=token,
                    lease=self.lease,
                    now=self.deps.clock.now(),
                    not_over=not_over,
                )
        except CONNECTION_ERRORS as error:
            log.warning("the outbox cannot be read, trying again: %s", str(error) or type(error).__name__)
            await asyncio.sleep(0.2)
            if not claimed:
                return False
        self.counters.claimed += len(claimed)
        lines = await self.shelters.of(claimed)
        for message in claimed:
            self._free -= 1
            self._busy[message.channel] += 1
            self._in_flight[message.id] = message
            task = asyncio.create_task(self._send_one(message, lines.get(message.id, "")))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if not claimed and slow:
            # There may be work for the channel that has its share: look again as soon as one of its slots is free.
            self._slot_freed.clear()
            if self._shares()[1]:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._slot_freed.wait()
                await asyncio.sleep(CLAIM_PAUSE_S)
            return True
        return bool(claimed)

    def _shares(self) -> tuple[list[tuple[list[str], int]], list[str]]:
        """What to claim now, each as (channels left out, how many messages); and the channels that have their share.

        With several channels none may hold more than three quarters of the slots: a provider that hangs must not stop
        the others. A channel whose provider takes only so many a second is claimed by itself, not more than it can hand
        over within two seconds: what was claimed for nothing would be written back, again and again.
        """
        names = list(self.deps.channels.by_name)
        every = self.deps.settings.send_in_flight
        share = every if len(names) < 2 else max(1, every * 3 // 4)
        claims: list[tuple[list[str], int]] = []
        closed: list[str] = []
        unlimited: list[str] = []
        free = self._free
        for name in names:
            most = self.lanes.most_at_once(name)
            if most is None and self._busy[name] < share:
                unlimited.append(name)
            elif most is not None and free > 0 and self._busy[name] <= min(most, share) // 2:
                limit = min(free, min(most, share) - self._busy[name])
                claims.append(([other for other in names if other != name], limit))
                free -= limit
            else:
                closed.append(name)
        if free > 0 and (unlimited or not claims):
            room = max((share - self._busy[name] for name in unlimited), default=1)
            claims.append(([name for name in names if name not in unlimited], max(1, min(free, room))))
        return claims, closed

    async def _send_one(self, message: Claimed, line: str) -> None:
        outcome = await self._try(message, line)
        self._outcomes.append(outcome)
        self._have_outcomes.set()

    async def _try(self, message: Claimed, line: str = "") -> Outcome:
        """Hand one message over, or say why not. Never raises."""
        now = self.deps.clock.now()
        if message.expires_at <= now:
            self.counters.skipped += 1
            return self._outcome(message, MessageState.EXPIRED, code=_unless_in_doubt(message, "expired"))
        if message.needless:
            self.counters.skipped += 1
            return self._outcome(message, MessageState.CANCELLED, code=_unless_in_doubt(message, "not_needed"))
        lane: Lane | None = None
        try:
            channel, outgoing = self._prepare(message, line)
            lane = self.lanes.of(message.channel, outgoing.address)
            if not lane.free and (hold := await self._admit(lane, outgoing)) is not None:
                return self._hold(message, hold)
            earlier = await look_back(self.deps.pool, channel, message, outgoing)
            sent = earlier or await self._hand_over(channel, outgoing)
        except SendError as error:
            if lane is not None:
                self.lanes.failed(lane, error)
            return self._after_error(message, error)
        except Exception:
            # A message that makes our own code fail must not stop the others, nor be tried for ever.
            log.exception("message %d cannot be sent", message.id)
            if lane is not None:
                lane.probing = False
            return self._after_error(message, SendError(Trouble.REFUSED, "internal"))
        self.counters.sent += 1
        self.lanes.went_well(lane)
        return self._outcome(message, MessageState.SENT, provider_id=sent.provider_id or None)

    async def _admit(self, lane: Lane, outgoing: Outgoing) -> Hold | None:
        try:
            return await self.lanes.admit(lane, asks=outgoing.severity.asks)
        except CONNECTION_ERRORS:  # whether it may go is not known, and nothing was handed over
            lane.probing = False
            return Hold(POLL_S, False, "database")

    async def _hand_over(self, channel: Channel, outgoing: Outgoing) -> Sent:
        try:
            async with asyncio.timeout(self.deps.settings.send_timeout_s):
                return await channel.send(outgoing)
        except TimeoutError:
            raise SendError(Trouble.AMBIGUOUS, "timeout") from None

    def _prepare(self, message: Claimed, line: str) -> tuple[Channel, Outgoing]:
        channel = self.deps.channels.by_name.get(message.channel)
        if channel is None:
            raise SendError(Trouble.REFUSED, "no_channel", f"{message.channel} is not configured")
        if message.contact_id is None or message.address_enc is None:
            raise SendError(Trouble.REFUSED, "no_contact", "the contact was removed")
        if message.contact_state in ("dead", "opted_out"):
            raise SendError(Trouble.REFUSED, f"contact_{message.contact_state}")
        address = self.deps.vault.decrypt(message.address_enc, message.contact_id, "contact.address_enc")
        url = self._url(message)
        return channel, Outgoing(
            message_id=message.id,
            address=address,
            title=message.title,
            body=with_line(self._body(message, url), line),
            language=message.language,
            severity=Severity(message.severity),
            purpose=Purpose(message.purpose),
            incident_id=message.incident_id,
            url=url,
            valid_s=valid_seconds(message.expires_at, self.deps.clock.now()),
            actions=self._actions(message),
            direction=self._direction(message.language),
            receipt_token=receipt_token(self.deps.vault, message.id) if message.channel == "push" else "",
            hazard=message.hazard,
            attempt=message.attempts,
            way_out=self._way_out(message),
        )

    def _way_out(self, message: Claimed) -> tuple[str, str]:
        if message.channel != "email" or message.contact_id is None:
            return "", ""
        key = (message.language, self.deps.catalogs.edition)  # wording may change while the service runs
        words = self._stop_words.get(key)
        if words is None:
            words = self._stop_words[key] = self.deps.catalogs.sayer(message.language).plain("mail.stop")
        return words, self.deps.settings.site_url + way_out(self.deps.vault, message.contact_id)

    def _direction(self, language: str) -> str:
        found = self._directions.get(language)
        if found is None:
            found = self._directions[language] = self.deps.catalogs.direction(language)
        return found

    def _actions(self, message: Claimed) -> tuple[tuple[str, str], ...]:
        if message.link_kind != "checkin" or not message.questions_json:
            return ()
        group = (message.language, message.questions_json, self.deps.catalogs.edition)
        labels = self._labels.get(group)
        if labels is None:
            questions = json.loads(message.questions_json)
            labels = self._labels[group] = answer_labels(self.deps.catalogs, message.language, questions)
        return labels

    def _body(self, message: Claimed, url: str) -> str:
        """The text with the person's own link. An SMS is lengthened where one network would garble it: that depends on
        the link's length alone, so it is worked out once per text."""
        if message.channel in TITLED:
            return message.body.replace(LINK, url)
        group = (message.body, len(url))
        body = self._bodies.get(group)
        if body is None:
            stand_in = "x" * len(url)
            body = fill_link(message.body, stand_in, self.deps.settings.sender_name)
            body = self._bodies[group] = body.replace(stand_in, LINK) if url else body
        return body.replace(LINK, url)

    def _url(self, message: Claimed) -> str:
        if message.link_id is None or message.link_kind not in LINK_PATHS:
            return ""
        tokens = self._tokens.get(message.incident_id)
        if tokens is None:
            if message.key_enc is None:
                raise SendError(Trouble.STALE, "incident_closed")
            key = self.deps.vault.decrypt_bytes(message.key_enc, message.incident_id, "incident.key_enc")
            tokens = self._tokens[message.incident_id] = LinkTokens(key)
        return self.deps.settings.site_url + LINK_PATHS[message.link_kind] + tokens.of(message.link_id)

    def _after_error(self, message: Claimed, error: SendError) -> Outcome:
        now = self.deps.clock.now()
        if error.alarm:
            self._alarms.setdefault(message.channel, []).append(error)
        again = next_attempt(message.attempts, error, now, message.expires_at, self.random)
        if again is None:
            self.counters.failed += 1
            return self._outcome(
                message,
                MessageState.FAILED,
                code=error.code,
                error=str(error),
                drop_address=error.drop_address,
            )
        self.counters.retried += 1
        if error.ambiguous:
            # Still leased, with nobody holding it: a receipt moves it on, or the lease runs out and it is sent again.
            return self._outcome(message, MessageState.LEASED, code=error.code, error=str(error), wait=again - now)
        slow = error.kind is Trouble.THROTTLED and (again - now).total_seconds() > WORTH_ANOTHER_WAY_S
        return self._outcome(
            message,
            MessageState.PENDING,
            code=error.code,
            error=str(error),
            due_at=again,
            fail_over=slow and Severity(message.severity).asks,
        )

    def _hold(self, message: Claimed, hold: Hold) -> Outcome:
        """Back into the outbox: it was not tried, and its person's next way may go at once."""
        self.counters.held += 1
        due = self.deps.clock.now() + timedelta(seconds=hold.seconds)
        return self._outcome(
            message,
            MessageState.PENDING,
            code=HELD,
            error=hold.reason,
            due_at=due,
            held=True,
            fail_over=hold.fail_over,
        )

    def _outcome(self, message: Claimed, state: MessageState, **more: object) -> Outcome:
        return Outcome(message.id, message.lease_token, state, contact_id=message.contact_id, **more)  # type: ignore[arg-type]

    async def _acknowledge_forever(self) -> None:
        while True:
            await self._have_outcomes.wait()
            self._have_outcomes.clear()
            batch, self._outcomes = self._outcomes, []
            await self._acknowledge(batch)
            for outcome in batch:
                message = self._in_flight.pop(outcome.message_id)
                self._busy[message.channel] -= 1
            self._free += len(batch)
            self._slot_freed.set()

    async def _acknowledge(self, batch: list[Outcome]) -> None:
        """Until it has committed: these messages have left, and must not leave again."""
        while True:
            try:
                mine = await store.acknowledge(self.deps.pool, batch, self.deps.clock.now())
            except CONNECTION_ERRORS as error:
                log.warning("acknowledgements wait for the database: %s", str(error) or type(error).__name__)
                await asyncio.sleep(0.2)
                continue
            except Exception:
                if len(batch) == 1:
                    log.exception("message %d cannot be acknowledged; its lease will run out", batch[0].message_id)
                    return
                for outcome in batch:
                    await self._acknowledge([outcome])
                return
            if len(mine) < len(batch):
                log.info(
                    "%d of %d acknowledgements came too late: receipt or lease was first",
                    len(batch) - len(mine),
                    len(batch),
                )
            return

    async def _upkeep_forever(self) -> None:
        """Leases that ran out, and our own heartbeat."""
        loop = asyncio.get_running_loop()
        beat_at = 0.0
        while True:
            try:
                back = await store.reap(self.deps.pool, max_attempts=len(BACK_OFF_S), now=self.deps.clock.now())
                if back:
                    log.warning("%d messages whose lease ran out go back into the outbox", back)
                await self._note_alarms()
                if loop.time() >= beat_at:
                    beat_at = loop.time() + HEARTBEAT_EVERY_S
                    await heartbeat(
                        self.deps.pool, "send", {"sent": self.counters.sent, "in_flight": len(self._in_flight)}
                    )
            except CONNECTION_ERRORS as error:
                log.warning("outbox upkeep waits for the database: %s", str(error) or type(error).__name__)
            await asyncio.sleep(REAP_EVERY_S)

    async def _note_alarms(self) -> None:
        alarms, self._alarms = self._alarms, {}
        for channel, errors in alarms.items():
            await note_faults(self.deps.pool, faults_of(channel, errors), self.deps.clock.now())

    async def _drain(self) -> None:
        """An orderly stop: what is in flight is finished and acknowledged. Nothing else is leased by us."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.deps.settings.send_timeout_s + 5):
                while self._in_flight:
                    self._slot_freed.clear()
                    await self._slot_freed.wait()
        left = list(self._in_flight.values())
        if left:
            # Not acknowledged within the provider's own time limit: their fate is unknown, the lease decides.
            log.warning("%d messages were still in flight at the end", len(left))


def _unless_in_doubt(message: Claimed, code: str) -> str:
    """The code with which a message ends unsent. One that may have left before keeps the code that says so: whoever got
    it is told when it is taken back."""
    return message.last_code or code if in_doubt(message.attempts, message.last_code) else code


async def send_forever(deps: Deps, stop: asyncio.Event) -> None:
    """Send what the outbox holds until `stop` is set."""
    await Sender(deps).run(stop)
