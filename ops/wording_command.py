"""`main.py wording report | export`: how far the texts are checked, and a language as a file, as now said."""

from __future__ import annotations

import json
import sys

from alerts.wording_book import WordingBook
from alerts.wording_po import export
from alerts.wording_report import as_json, as_table, report
from alerts.wording_store import refresh, waiting
from core.db import connect
from core.i18n import Catalogs
from core.po import WordingError
from core.settings import Settings
from ops.database import open_database
from ops.schema import prepare_schema


async def wording_command(settings: Settings, action: str, language: str, *, as_data: bool) -> int:
    """Print the report of every language (a table, or JSON), or the PO file of one. Raises WordingError."""
    book = WordingBook(Catalogs.load())
    if action == "export" and language not in book.languages:
        known = ", ".join(book.languages)
        raise WordingError(f"there is no language {language!r} to export: name one of {known}")
    async with open_database(settings) as dsn:
        await prepare_schema(dsn, migrate_first=settings.database_url is None)
        pool = await connect(dsn, size=1, role="daijobu_worker")
        try:
            await refresh(pool, book)
            proposals = await waiting(pool, book)
        finally:
            await pool.close()
    if action == "export":
        sys.stdout.write(export(book, language))
    elif as_data:
        print(json.dumps(as_json(report(book, proposals)), ensure_ascii=False, indent=1))
    else:
        sys.stdout.write(as_table(report(book, proposals)))
    return 0
