"""Why people were told: one row for all who share the reason, under an id made from its words. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID


def reason_text(reason: Mapping[str, Any]) -> str:
    """A reason (alerts.people.reason_of) as JSON; equal reasons are equal texts."""
    return json.dumps(reason, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def reason_id(incident_id: UUID, text: str) -> UUID:
    """The id of a reason in an incident: half of the SHA-256 of both. Never the same for another reason or incident."""
    return UUID(bytes=sha256(incident_id.bytes + text.encode()).digest()[:16])
