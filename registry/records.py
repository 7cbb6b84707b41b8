"""The shapes in which people enter the registry: a resident with memberships, contacts, places and consents."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

from core.ids import uuid7

#: contact.channel of what the service itself can send to (kind "address").
PHONE: Final = "phone"  # E.164; SMS, or printed by the console channel where no provider is configured
PUSH: Final = "push"  # a Web Push subscription as JSON
EMAIL: Final = "email"
ADDRESS_CHANNELS: Final = (PUSH, PHONE, EMAIL)

#: contact.channel of what a helper opens by hand (kind "handle").
LANDLINE: Final = "landline"
HANDLE_CHANNELS: Final = ("line", "messenger", "zalo", "whatsapp", "viber", "wechat", "telegram", LANDLINE, "other")


class GivenContact(NamedTuple):
    """A way to reach somebody as a list gives it, before anybody has it: a contact that is already on the list needs no
    id of its own."""

    channel: str
    address: str
    kind: str = "address"


@dataclass(frozen=True, slots=True)
class NewContact:
    """A way to reach somebody, before it is encrypted. `address` is already normalised (a phone number: E.164)."""

    channel: str
    address: str
    kind: str = "address"
    state: str = "unproven"
    id: UUID = field(default_factory=uuid7)


class NewMembership(NamedTuple):
    """What one organisation knows about a person: where they work and sleep, under which number."""

    org_id: UUID
    employee_id: str = ""
    workplace_id: UUID | None = None
    dorm_id: UUID | None = None
    room: str = ""
    shift: str = ""
    start_date: date | None = None
    end_date: date | None = None


class NewConsent(NamedTuple):
    """One line of consent. basis "own": the person said so; "invitation": an organisation entered them (C1 only)."""

    scope: str
    basis: str = "own"
    given: bool = True


#: What an organisation's entry of a person amounts to: alerts only, everything else is for the person to say.
INVITATION: Final = (NewConsent("C1", "invitation"),)
#: What a person agrees to when they enrol with the three lines of the personal page.
ENROLMENT: Final = (NewConsent("C1"), NewConsent("C2"), NewConsent("C3"))


@dataclass(frozen=True, slots=True)
class NewResident:
    """A person about to be written, with everything that hangs on them."""

    name: str
    language: str
    second_language: str | None = None
    state: str = "invited"
    memberships: tuple[NewMembership, ...] = ()
    contacts: tuple[NewContact, ...] = ()
    home_place_id: UUID | None = None
    work_place_id: UUID | None = None
    consents: tuple[NewConsent, ...] = INVITATION
    simulated: bool = False
    id: UUID = field(default_factory=uuid7)
