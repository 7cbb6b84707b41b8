"""`main.py operator-link`: a way back in for an operator who has lost phone and printed codes.

Whoever can run commands on the machine could read its key file anyway: this needs no more proof, but leaves its trace.
"""

from __future__ import annotations

from datetime import datetime

from core.db import Pool, transaction
from core.settings import Settings
from ops.wires import open_wires
from registry.recovery_store import operators, recover_at_machine


class RecoverError(ValueError):
    """Nobody, or more than one account, can be meant. The message names them."""


async def operator_link_command(settings: Settings, email: str | None) -> int:
    """Take an operator's password and second factor away and print a one-time link on a line of its own."""
    async with open_wires(settings, migrate_first=settings.database_url is None) as wires:
        deps = wires.deps
        token = await make_operator_link(deps.pool, email, deps.clock.now())
    print("Password and second factor of this operator are gone, all sessions have ended. Open this link once:")
    print(f"{settings.site_url}/enter/{token}", flush=True)
    return 0


async def make_operator_link(pool: Pool, email: str | None, now: datetime) -> str:
    """The token of the link. Raises RecoverError."""
    async with transaction(pool) as conn:
        found = await operators(conn)
        chosen = [who for who in found if email is None or who.email.casefold() == email.casefold()]
        if not found:
            raise RecoverError("there is no operator yet: start the service, it prints the first one's link")
        if len(chosen) != 1:
            known = ", ".join(sorted(who.email or "(no e-mail yet)" for who in found))
            raise RecoverError(f"name one operator with --email; there are: {known}")
        return await recover_at_machine(conn, chosen[0].staff_id, now)
