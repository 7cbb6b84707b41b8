"""The auditor's report: what is in it, and the one text that is signed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID

from core.audit_chain import instant
from core.clock import JST
from core.verify_store import Verdict
from ops.auditor import Counted, Pseudonyms, SampledRow, by_action, by_month, people_count, shown
from ops.auditor_store import Decision
from ops.process import Process

#: Rows and decisions drawn for one page or report.
SAMPLE: Final = 20
#: Areas named of one decision; the rest is counted.
AREAS_SHOWN: Final = 12
_MONTH: Final = re.compile(r"^(20\d\d)-(0[1-9]|1[0-2])$")


def month_of(when: datetime) -> str:
    """The month in Japan: "2026-11"."""
    return f"{when.astimezone(JST):%Y-%m}"


def months_back(now: datetime, count: int = 12) -> list[str]:
    """The last `count` months, the present one first."""
    local = now.astimezone(JST)
    first = local.year * 12 + local.month - 1
    return [f"{number // 12}-{number % 12 + 1:02}" for number in range(first, first - count, -1)]


def span_of(month: str) -> tuple[datetime, datetime]:
    """A month in Japan as [begin, end). Raises ValueError for anything that is no month."""
    found = _MONTH.match(month)
    if found is None:
        raise ValueError(f"{month}: not a month such as 2026-11")
    year, number = int(found[1]), int(found[2])
    begin = datetime.combine(date(year, number, 1), time(), JST)
    end = datetime.combine(date(year + number // 12, number % 12 + 1, 1), time(), JST)
    return begin, end


def decision_json(one: Decision) -> dict[str, Any]:
    """A decision as a sample shows it, with the seconds from the report to the decision and until all were told."""
    areas = [
        f"{area.get('name') or area.get('code')} {area.get('level') or area.get('kind') or ''}".strip()
        for area in one.areas
    ]
    return {
        "id": str(one.id),
        "purpose": one.purpose,
        "hazard": one.hazard,
        "severity": one.severity,
        "moment": one.moment,
        "revision": one.revision,
        "state": one.state,
        "held_reason": one.held_reason,
        "people": people_count(one.people),
        "areas": areas[:AREAS_SHOWN],
        "areas_in_all": len(areas),
        "report": {"source": one.source, "type": one.type, "title": one.title, "sha256": one.report_sha256},
        "issued_at": _instant(one.issued_at),
        "received_at": _instant(one.received_at),
        "decided_at": instant(one.created_at),
        "done_at": _instant(one.done_at),
        "decided_after_s": _seconds(one.received_at, one.created_at),
        "told_after_s": _seconds(one.created_at, one.done_at),
    }


def _instant(when: datetime | None) -> str | None:
    return None if when is None else instant(when)


def _seconds(begin: datetime | None, end: datetime | None) -> int | None:
    return None if begin is None or end is None else round((end - begin).total_seconds())


def document(
    *,
    report_id: UUID,
    auditor: str,
    organisation: str,
    remarks: str,
    made_at: datetime,
    period: tuple[datetime, datetime],
    seed: str,
    process: Process,
    counted: Iterable[Counted],
    decisions: Sequence[Decision],
    rows: Sequence[SampledRow],
    names: Pseudonyms,
    verdict: Verdict,
) -> Mapping[str, Any]:
    """The report as JSON; its canonical form (core.audit_chain) is what is signed."""
    listed = list(counted)
    return {
        "kind": "daijobu audit report",
        "id": str(report_id),
        "auditor": {"name": auditor, "organisation": organisation, "remarks": remarks},
        "made_at": instant(made_at),
        "period": {"from": instant(period[0]), "to": instant(period[1])},
        "process": process.as_json(),
        "numbers": {
            "by_month": by_month(listed),
            "by_action": {action: list(pair) for action, pair in by_action(listed).items()},
        },
        "samples": {
            "seed": seed,
            "decisions": [decision_json(one) for one in decisions],
            "audit_rows": [shown(row, names) for row in rows],
        },
        "chain": verdict.as_json(),
    }
