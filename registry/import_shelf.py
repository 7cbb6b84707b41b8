"""What the reader of the last uploaded file said, so that the file need not be read a second time a minute later."""

from __future__ import annotations

from uuid import UUID

from registry.columns import Guess
from registry.import_process import Wanted


class Shelf:
    """The answer of one reader, until it is applied or pushed out by the next. Only a help: another process, or a later
    day, reads the kept file again."""

    def __init__(self, most_bytes: int = 40_000_000) -> None:
        self.most_bytes = most_bytes
        self._held: tuple[UUID, tuple[str, ...], int, dict[str, int], list[bytes]] | None = None

    def put(self, run_id: UUID, wanted: Wanted, guess: Guess, lines: list[bytes]) -> None:
        """Keep these lines, unless they are too many or have no people. `guess`: what stood for whatever `wanted` left
        open."""
        index = guess.index if wanted.index is None else wanted.index
        useful = sum(map(len, lines)) <= self.most_bytes and any(line.startswith(b'{"extra"') for line in lines)
        self._held = (run_id, wanted.supported, guess.sheet, index, lines) if useful else None

    def get(self, run_id: UUID, wanted: Wanted) -> list[bytes] | None:
        """The lines of this run, read in this way; None if they are not here."""
        if self._held is None or self._held[:2] != (run_id, wanted.supported):
            return None
        _, _, sheet, index, lines = self._held
        return lines if wanted.sheet in (None, sheet) and wanted.index in (None, index) else None

    def drop(self, run_id: UUID) -> None:
        """Forget the lines of this run."""
        if self._held is not None and self._held[0] == run_id:
            self._held = None
