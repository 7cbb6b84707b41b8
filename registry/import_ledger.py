"""What an import wrote, noted while it writes, so that it can be taken back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core.crypto import Vault
from core.ids import uuid7

COLUMN = "import_change.values_enc"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was written. `values`: {"before": ..., "after": ...} of what was changed; {} for what is new.

    kind: organisation, site, site_place (a site's place), changed, ended (people), housed (got the place of their dorm
    or workplace).
    """

    kind: str
    row_id: UUID
    resident_id: UUID | None = None
    values: dict[str, Any] = field(default_factory=dict)
    key: UUID = field(default_factory=uuid7)

    def sealed(self, vault: Vault) -> bytes | None:
        """The values, encrypted; None for none."""
        text = json.dumps(self.values, ensure_ascii=False, separators=(",", ":"))
        return vault.encrypt(text, self.key, COLUMN) if self.values else None


def open_values(vault: Vault, sealed: bytes | None, key: UUID) -> dict[str, Any]:
    """The values of a stored change."""
    values: dict[str, Any] = json.loads(vault.decrypt(sealed, key, COLUMN)) if sealed else {}
    return values


@dataclass(slots=True)
class Ledger:
    """Collects the changes of one import, in the order of writing, and the people it made."""

    changes: list[Change] = field(default_factory=list)
    created: list[UUID] = field(default_factory=list)

    def note(self, kind: str, row_id: UUID, *, resident: bool = False, **values: Any) -> None:
        """Note one change; `resident`: the row is a person."""
        self.changes.append(Change(kind, row_id, row_id if resident else None, values))
