"""A message on its way, as the channels get it."""

from __future__ import annotations

from uuid import UUID

from alerts.channel import Outgoing
from core.model import Purpose, Severity

INCIDENT = UUID(int=7)


def outgoing(address: str, **more: object) -> Outgoing:
    """An extreme alert in Vietnamese with two buttons; `more` changes its fields."""
    values: dict[str, object] = {
        "message_id": 41,
        "address": address,
        "title": "ĐỘNG ĐẤT: Mashiki",
        "body": "Daijobu: ĐỘNG ĐẤT.\nhttps://daijobu.example/c/abc",
        "language": "vi",
        "severity": Severity.EXTREME,
        "purpose": Purpose.LIVE,
        "incident_id": INCIDENT,
        "url": "https://daijobu.example/c/abc",
        "valid_s": 1800,
        "actions": (("ok", "Tôi an toàn"), ("help", "Cần giúp")),
        "receipt_token": "proof",
    }
    return Outgoing(**(values | more))  # type: ignore[arg-type]
