"""The channel contract: how a message leaves us, what a provider says about it, and the one way in which it can fail.

A channel is one module in `alerts/channels/` that defines `CHANNEL` (a `ChannelKind`); it is found by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol, runtime_checkable
from uuid import UUID

from core.model import MessageState, Purpose, Severity
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way to one address. The text is final: the link stands in it."""

    message_id: int
    #: E.164 for SMS and console, the subscription as JSON for push. Never logged.
    address: str
    title: str
    body: str
    language: str
    severity: Severity
    purpose: Purpose
    incident_id: UUID
    #: Where the notification leads ("" for none); the same link stands at the end of an SMS body.
    url: str
    #: Seconds for which the text stays true; a provider must not deliver it later.
    valid_s: int
    #: Answers that can be given without opening the page: (answer, label). At most two are shown by browsers.
    actions: tuple[tuple[str, str], ...] = ()
    direction: str = "ltr"
    #: Proves that a receipt comes from the phone that got this message.
    receipt_token: str = ""
    #: Where no stored message stands behind it (`message_id` 0: a test): the contact that its receipt proves.
    contact: str = ""
    #: What it is about ("tsunami"), "" where nothing is: how long it may be held depends on it.
    hazard: str = ""
    #: How its receiver stops messages to this address: (words, link). Mails carry it; elsewhere ("", "").
    way_out: tuple[str, str] = ("", "")
    #: Which try this is, from 1: receipts of an older try must not speak for this one.
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Sent:
    """A provider has accepted a message. `provider_id`: its name for it ("" if it gives none)."""

    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptRead:
    """What a provider or a phone said about a message: `state` is SENT, DELIVERED or FAILED."""

    message_id: int
    state: MessageState
    provider_id: str = ""
    code: str = ""
    detail: str = ""
    #: The address will never work again: "dead" or "opted_out"; else None.
    drop_address: str | None = None
    #: Which try it is about; None where that is not known.
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class ReplyRead:
    """What a person wrote back: from which address, which words, and the provider's id of the reply."""

    address: str
    text: str
    provider_id: str = ""


class Trouble(StrEnum):
    """Why a message did not leave, or may not have."""

    NOT_SENT = "not_sent"  # no connection: certainly not sent, try again
    THROTTLED = "throttled"  # the provider asks us to slow down: not sent, try again when it says
    AMBIGUOUS = "ambiguous"  # no answer after the request left: sent or not, nobody knows
    DEAD_ADDRESS = "dead_address"  # this address will never work: next channel now
    OPTED_OUT = "opted_out"  # the person asked the provider to stop: next channel now
    REFUSED = "refused"  # this message is refused (account, sender, content): next channel now
    STALE = "stale"  # too late to be true


_MEANING: Final = {
    Trouble.NOT_SENT: "the provider cannot be reached",
    Trouble.THROTTLED: "the provider asks us to slow down",
    Trouble.AMBIGUOUS: "the provider did not say whether it took the message",
    Trouble.DEAD_ADDRESS: "the address does not exist any more",
    Trouble.OPTED_OUT: "the person asked the provider to stop",
    Trouble.REFUSED: "the provider refuses this message",
    Trouble.STALE: "the message is too old to be true",
}


#: Codes (a regular expression) after which nobody knows whether a message has left.
DOUBTFUL: Final = "no_answer|no_json|timeout|lease_expired|unknown_fate|http_5[0-9][0-9]|408"


class SendError(Exception):
    """A message was not handed over, or nobody knows. `kind` decides what happens next; the text says it in words."""

    def __init__(
        self,
        kind: Trouble,
        code: str = "",
        detail: str = "",
        retry_after_s: float | None = None,
        *,
        alarm: str = "",
        remedy: str = "",
    ) -> None:
        self.kind = kind
        self.code = code or kind.value
        self.detail = detail
        #: Seconds the provider asks us to wait, where it says.
        self.retry_after_s = retry_after_s
        #: Whether operators must hear of it ("warning", "critical"; "": no), and what they can do.
        self.alarm = alarm
        self.remedy = remedy
        super().__init__(f"{_MEANING[kind]} ({self.code}){': ' + detail if detail else ''}")

    @property
    def retry(self) -> bool:
        """Whether the same message over the same contact is worth another try."""
        return self.kind in (Trouble.NOT_SENT, Trouble.THROTTLED, Trouble.AMBIGUOUS)

    @property
    def ambiguous(self) -> bool:
        """Whether the message may have left."""
        return self.kind is Trouble.AMBIGUOUS

    @property
    def drop_address(self) -> str | None:
        """The contact state that follows: "dead", "opted_out", or None if the address is not to blame."""
        return {Trouble.DEAD_ADDRESS: "dead", Trouble.OPTED_OUT: "opted_out"}.get(self.kind)


class Channel(Protocol):
    """One way to reach people, both directions. Implementations keep no state of messages: the outbox does."""

    name: str

    async def send(self, message: Outgoing) -> Sent:
        """Hand one message to the provider. Raises SendError and nothing else."""
        ...

    def read_receipt(self, message_id: int, fields: Mapping[str, Any]) -> ReceiptRead | None:
        """What a status call-back says; None if it says nothing new to us (a state on the way)."""
        ...

    def read_reply(self, fields: Mapping[str, Any]) -> ReplyRead | None:
        """What a person wrote back; None where the channel has no way back."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """A channel that can do part of its work before anybody must be told (alerts/ready.py calls it)."""

    def wants_preparing(self) -> bool:
        """Whether something that was prepared has been used up or has grown old."""
        ...

    def begin_preparing(self) -> None:
        """A round through all live addresses begins."""
        ...

    async def prepare(self, addresses: Sequence[str]) -> int:
        """Do ahead what can be done for these addresses; for how many there was something to do."""
        ...

    def end_preparing(self) -> None:
        """The round is complete: what is kept for addresses that were not in it can go."""
        ...

    async def warm(self) -> None:
        """Something has happened, and messages may follow within a second: open connections. Never raises."""
        ...


@runtime_checkable
class LooksBack(Protocol):
    """A channel that can be asked which messages it has taken: what became of a try that nobody answered."""

    async def taken_before(self, message: Outgoing) -> Sequence[str]:
        """The provider's ids of messages to this address with exactly this text, newest first. Raises SendError."""
        ...


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """What a channel module declares: the contacts it serves, when it is configured, how it is made."""

    #: message.channel, and the channel named by the ladders in rules/.
    name: str
    #: contact.channel of the addresses it can send to.
    contact: str
    #: Whether the settings hold what it needs.
    configured: Callable[[Settings], bool]
    #: Make it; called inside a running loop.
    make: Callable[[Settings], Channel]
    #: The channel whose messages it takes over where that one is not configured; None: it stands for itself.
    stands_in_for: str | None = None
    #: Contacts of another kind that it uses as well, where a ladder names it: a call goes to a telephone.
    over: str | None = None


@dataclass(slots=True)
class Channels:
    """The channels of this process by name, and which contacts they serve."""

    by_name: dict[str, Channel] = field(default_factory=dict)
    kinds: dict[str, ChannelKind] = field(default_factory=dict)

    def __iter__(self) -> Iterator[str]:
        """The names of the configured channels."""
        return iter(self.by_name)

    def resolve(self, wanted: str) -> ChannelKind | None:
        """The channel that carries what a ladder wants to send over `wanted`: itself, or the one that stands in."""
        if wanted in self.by_name:
            return self.kinds[wanted]
        return next((k for k in self.kinds.values() if k.stands_in_for == wanted and k.name in self.by_name), None)

    def values(self) -> Iterable[Channel]:
        """The channels themselves, to close them."""
        return self.by_name.values()


def valid_seconds(expires_at: datetime, now: datetime) -> int:
    """Whole seconds until a text is no longer true, at least 0."""
    return max(0, int((expires_at - now).total_seconds()))
