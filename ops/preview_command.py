"""`main.py preview`: what a telegram would do, in numbers; with --json person by person."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence

from alerts.audience import Audience, Outlook, few, outlook
from alerts.preview import PREVIEW, preview
from core.audit import audit
from core.db import transaction
from core.model import Event
from core.progress import show_progress
from core.settings import Settings
from ops.wires import open_wires


async def preview_command(settings: Settings, events: Sequence[Event], *, as_json: bool) -> int:
    """Who would be told what, for one telegram. Sends nothing, and writes nothing but the audit log."""
    show = show_progress(sys.stderr, unit=" people")
    async with open_wires(settings, migrate_first=settings.database_url is None) as wires:
        deps = wires.deps
        for event in events:
            now = deps.clock.now()
            async with transaction(deps.pool) as conn:
                if as_json:
                    print(json.dumps(await preview(deps, conn, event), ensure_ascii=False))
                    continue
                at = min(now, max(event.sent_at, event.issued_at))
                found = await outlook(deps, conn, event, at, progress=lambda done, of: show("preview", done, of))
                detail = {"type": event.type, "thread": event.thread, "people": few(found.audience.people)}
                await audit(conn, PREVIEW, "preview.count", at=now, detail=detail)
            print("\n".join(lines(found)))
    return 0


def lines(found: Outlook) -> Iterator[str]:
    """The same numbers as on the page, small ones hidden: no names, as this may end in a log (see --json)."""
    if found.ignored:
        yield f"nobody is told: {found.ignored}"
        return
    a = found.audience
    severity = "-" if found.severity is None else found.severity.value
    yield f"{found.title or severity}: {', '.join(found.moments)}, up to {severity}"
    if found.held:
        yield f"held for two people: {found.held}"
    yield f"{a.shown_people} of {a.registry} people ({a.percent} %), without a way to reach them: {few(a.unreachable)}"
    for one, number in a.by_severity:
        yield f"{_shown(number):>8}  {one.value}"
    for step, number in a.by_step:
        unless = "" if step.unless == "never" else f", unless {step.unless}"
        yield f"{_shown(number):>8}  {step.channel} after {step.after_s} s{unless}"
    yield from (_language(a, lang, number) for lang, number in a.by_language)
    yield f"SMS: at most {a.sms_parts} parts, {a.yen:.2f} yen"
    if a.calls:
        limit = f"; only {a.calls_a_day} calls in 24 hours are allowed" if a.calls > a.calls_a_day else ""
        yield f"telephone: at most {a.shown_calls} calls, {a.call_minutes} minutes, {a.call_yen:.2f} yen{limit}"
    for dorm, messages in a.by_dorm:
        yield f"{messages:>8}  to the {dorm.to} of a dorm: {dorm.channel} after {dorm.after_s} s, {dorm.when}"
    if a.by_dorm:
        yield f"SMS to who answers for dorms: at most {a.dorm_parts} parts, {a.dorm_yen:.2f} yen"


def _language(a: Audience, lang: str, number: int | None) -> str:
    wording = f"wording not approved for {_shown(a.unreviewed[lang])}" if lang in a.unreviewed else "wording approved"
    return f"{_shown(number):>8}  {lang}: {_shown(a.parts.get(lang, 0))} SMS parts, {wording}"


def _shown(number: int | None) -> str:
    return "-" if number is None else str(number)
