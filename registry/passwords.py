"""Passwords: argon2id in two threads of its own, so that fifty people signing in never slow a check-in down."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from core.web import Site

_THREADS: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


class Passwords:
    """Hashes passwords and compares them with what is stored, with one amount of work."""

    def __init__(self, *, passes: int, memory_kib: int) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The argon2id hash to store."""
        return await asyncio.get_running_loop().run_in_executor(_THREADS, self._hasher.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password belongs to the hash. Without a hash the same work is done: time tells nothing."""
        return await asyncio.get_running_loop().run_in_executor(_THREADS, self._verify, stored, password)

    def _verify(self, stored: str | None, password: str) -> bool:
        if stored is None and self._nobody is None:
            self._nobody = self._hasher.hash("nobody has this password")
        try:
            self._hasher.verify(stored or self._nobody or "", password)
        except (Argon2Error, InvalidHashError):
            return False
        return stored is not None


#: OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane.
OWASP: Final = Passwords(passes=2, memory_kib=19 * 1024)


def passwords_of(wires: Site) -> Passwords:
    """The amount of work of this website: OWASP's, unless its wires bring another, as those of tests do."""
    found: Passwords = wires.extras.get("passwords", OWASP)
    return found
