"""Many people who are alike, decided once: no standing in the incident yet, and the same in all that a decision asks.

Nearly everybody at the first alert of an incident. What `consider` says of one of a group holds for all; their rows
differ only in ids, and are put together from parts that the group shares. Everybody else goes one by one
(alerts/slice_maker.py); tests hold the two ways to the same rows. Pure but for the random part of new link ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from alerts import copy_rows as copy
from alerts.crowd_kinds import Alike
from alerts.people import Telling, consider
from alerts.policy import priority
from alerts.slice_maker import SliceMaker
from alerts.texts import Text
from core.ids import uuid7_bytes

STANDING_COLUMNS: Final = (
    "resident_id", "orgs", "incident_id", "purpose", "severity", "asked_at", "asks", "told_at", "last_alert_id",
    "reason_id", "reachable", "only_today",
)  # fmt: skip
TOLD_COLUMNS: Final = ("resident_id", "alert_id")
LINK_COLUMNS: Final = ("id", "token_sha256", "resident_id", "kind", "incident_id", "created_at")
MESSAGE_COLUMNS: Final = (
    "resident_id", "link_id", "contact_id", "purpose", "incident_id", "alert_id", "channel", "step", "text_id",
    "priority", "unless", "due_at", "expires_at", "created_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decided:
    """People of one kind who are told, and the text of each of their messages."""

    alike: Alike
    telling: Telling
    texts: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class CrowdRows:
    """The rows of a crowd as COPY takes them, and how many people and messages they are."""

    standings: bytes
    told: bytes
    links: bytes
    messages: bytes
    people: int
    message_count: int
    asked: bool


def decide_crowd(groups: Sequence[Alike], maker: SliceMaker) -> list[Decided]:
    """Who is told, and in which words."""
    decided = []
    for alike in groups:
        telling = consider(alike.like, maker.spec, maker.channels)
        if telling is not None:
            texts = tuple(maker.texts.of(telling, message.channel) for message in telling.messages)
            decided.append(Decided(alike, telling, texts))
    return decided


def crowd_rows(decided: Sequence[Decided], maker: SliceMaker, text_ids: dict[str, int], now: datetime) -> CrowdRows:
    """Every row of these people. `text_ids`: by the key of the text. `now`: when the rows are made."""
    standings, told, links, messages = [copy.HEADER], [copy.HEADER], [copy.HEADER], [copy.HEADER]
    people = message_count = 0
    for group in decided:
        alike, telling = group.alike, group.telling
        new_links = uuid7_bytes(len(alike.ids))
        _standings(standings, told, group, maker, now)
        _links(links, new_links, alike.ids, maker, now)
        people += len(alike.ids)
        message_count += len(alike.ids) * len(telling.messages)
        _messages(messages, new_links, group, maker, text_ids, now)
    for rows in (standings, told, links, messages):
        rows.append(copy.TRAILER)
    asked = any(group.telling.asked for group in decided)
    return CrowdRows(
        b"".join(standings), b"".join(told), b"".join(links), b"".join(messages), people, message_count, asked
    )


def _standings(standings: list[bytes], told: list[bytes], group: Decided, maker: SliceMaker, now: datetime) -> None:
    alert, telling = maker.alert, group.telling
    head = copy.columns(len(STANDING_COLUMNS)) + copy.UUID_LENGTH
    tail = b"".join(
        (
            copy.uuid(alert.incident_id),
            copy.text(alert.purpose.value),
            copy.text(telling.severity.value),
            copy.timestamp(now if telling.asked else None),
            copy.integer(int(telling.asked)),
            copy.timestamp(now),
            copy.uuid(alert.id),
            copy.uuid(maker.reason(telling)),
            copy.boolean(telling.reachable),
            copy.boolean(telling.only_today),
        )
    )
    # Who is told only because of where they said they are today belongs to no organisation here.
    hidden = copy.raw(copy.NO_UUIDS) if telling.only_today else None
    columns = {orgs: hidden or copy.raw(orgs) for orgs in set(group.alike.orgs)}
    standings.append(copy.rows(head, group.alike.ids, [columns[orgs] for orgs in group.alike.orgs], tail))
    head, tail = copy.columns(len(TOLD_COLUMNS)) + copy.UUID_LENGTH, copy.uuid(alert.id)
    told.append(copy.rows(head, group.alike.ids, tail))


def _links(
    links: list[bytes], new_links: Sequence[bytes], people: Sequence[bytes], maker: SliceMaker, now: datetime
) -> None:
    head = copy.columns(len(LINK_COLUMNS)) + copy.UUID_LENGTH
    hash_length = copy.raw(bytes(32))[:4]
    tail = copy.text("checkin") + copy.uuid(maker.alert.incident_id) + copy.timestamp(now)
    token = maker.tokens.of_bytes
    digests = [sha256(token(link).encode()).digest() for link in new_links]
    links.append(copy.rows(head, new_links, hash_length, digests, copy.UUID_LENGTH, people, tail))


def _messages(
    messages: list[bytes],
    new_links: Sequence[bytes],
    group: Decided,
    maker: SliceMaker,
    text_ids: dict[str, int],
    now: datetime,
) -> None:
    alert, alike, telling = maker.alert, group.alike, group.telling
    head = copy.columns(len(MESSAGE_COLUMNS)) + copy.UUID_LENGTH
    places: dict[UUID, int] = {contact.id: 16 * number for number, contact in enumerate(alike.like.contacts)}
    length = copy.UUID_LENGTH
    for message, text in zip(telling.messages, group.texts, strict=True):
        begin = places[message.contact_id]
        contacts = [ids[begin : begin + 16] for ids in alike.contacts]
        tail = b"".join(
            (
                copy.text(alert.purpose.value),
                copy.uuid(alert.incident_id),
                copy.uuid(alert.id),
                copy.text(message.channel),
                copy.integer(message.step),
                copy.bigint(text_ids[text.key]),
                copy.integer(priority(telling.severity)),
                copy.text(message.unless),
                copy.timestamp(maker.spec.now + timedelta(seconds=message.after_s)),
                copy.timestamp(alert.expires_at),
                copy.timestamp(now),
            )
        )
        messages.append(copy.rows(head, alike.ids, length, new_links, length, contacts, tail))
