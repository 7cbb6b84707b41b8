"""Thousands of fictional people at once, written set-wise: creating each by itself would take longer than the story."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.db import Pool
from core.ids import uuid7
from tests.people import VAULT


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One of the crowd. `push`: the endpoint of the browser, "" for none; `phone`: E.164, "" for none."""

    id: UUID
    language: str
    push: str
    phone: str

    @property
    def push_address(self) -> str:
        """The subscription as it is stored and as the channel gets it."""
        return json.dumps({"endpoint": self.push, "keys": {}}) if self.push else ""


def neighbour(number: int, language: str, *, push: str = "", phone: bool = True) -> Neighbour:
    """The person of this number. `push`: the host of their push service."""
    endpoint = f"https://{push}/{number}" if push else ""
    return Neighbour(uuid7(), language, endpoint, f"+8170{10_000_000 + number}" if phone else "")


async def settle(pool: Pool, crowd: Sequence[Neighbour], place: UUID, now: datetime) -> None:
    """Everybody of the crowd lives at this place, is enrolled, and is reached by what they have; pushes are proven."""
    contacts = []
    for one in crowd:
        for channel, address in (("push", one.push_address), ("phone", one.phone)):
            if address:
                contact = uuid7()
                locked = VAULT.encrypt(address, contact, "contact.address_enc")
                state = "proven" if channel == "push" else "unproven"
                contacts.append((contact, one.id, channel, locked, VAULT.blind_index(channel, address), state, now))
    async with pool.acquire() as conn, conn.transaction():
        await conn.copy_records_to_table(
            "resident",
            columns=["id", "name", "language", "state", "created_at", "enrolled_at"],
            records=[(one.id, f"Neighbour {n}", one.language, "enrolled", now, now) for n, one in enumerate(crowd)],
        )
        await conn.copy_records_to_table(
            "resident_place",
            columns=["resident_id", "kind", "place_id"],
            records=[(one.id, "home", place) for one in crowd],
        )
        await conn.copy_records_to_table(
            "contact",
            columns=["id", "resident_id", "channel", "address_enc", "address_bidx", "state", "created_at"],
            records=contacts,
        )
