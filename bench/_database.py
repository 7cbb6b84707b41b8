"""The database of a benchmark: an embedded PostgreSQL of its own, thrown away at the end, or one that is named."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from core.postgres import embedded


def add_argument(parser: argparse.ArgumentParser) -> None:
    """--database DSN."""
    parser.add_argument(
        "--database", metavar="DSN", help="an empty database to fill, instead of an embedded one that is thrown away"
    )


@asynccontextmanager
async def database(dsn: str | None, *, durable: bool = True) -> AsyncIterator[str]:
    """The address of a database to fill. `durable`: an embedded one has fsync on, as the service's has."""
    if dsn is not None:
        yield dsn
        return
    folder = Path(tempfile.mkdtemp(prefix="daijobu-bench-", dir="/tmp"))
    folder.chmod(0o711)  # PostgreSQL started by root runs as somebody else and must get in
    try:
        async with embedded(folder, durable=durable) as made:
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)
