"""The auditor's pages: process, numbers, samples, the check of the chain, and signed reports. No personal data."""

from __future__ import annotations

import json
import os
import secrets
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from alerts.rule_book import RuleBook
from alerts.rule_store import refresh
from core.audit import audit
from core.audit_chain import canonical
from core.db import Scope, transaction
from core.ids import uuid7
from core.model import Role
from core.seal_store import audit_keys, extent, last_head
from core.signing import SigningError, load_signer
from core.verify_store import verify
from core.web import SCOPE, Route, Site, clean_text, path_id, render, see_other, site, staff, staff_form
from ops.audit_report import SAMPLE, decision_json, document, month_of, months_back, span_of
from ops.auditor import Kind, Pseudonyms, by_action, by_month, shown
from ops.auditor_store import Report, add_report, numbers, reports, sample_decisions, sample_rows
from ops.process import Process, process_of
from registry.sessions import staff_of

#: Rows that a check on a page walks; the whole chain is for `main.py audit verify`.
CHECKED_ON_PAGE: Final = 20_000
MOST_REMARKS: Final = 4_000


def _wires(request: web.Request) -> Site:
    """The wires, with the rows of the auditor's own database role: the whole log, and nothing about people."""
    request[SCOPE] = Scope("daijobu_auditor", orgs=(staff_of(request).org_id,))
    return site(request)


def _page(request: web.Request, template: str, status: int = 200, **context: Any) -> web.Response:
    me = staff_of(request)
    return render(request, template, lang=me.language, status=status, kinds=list(Kind), **context)


async def _process(request: web.Request) -> Process:
    wires = _wires(request)
    deps = wires.extras.get("deps")
    if deps is None or not isinstance(deps.rules, RuleBook):
        return process_of(wires.catalogs)
    await refresh(deps.pool, deps.rules)
    return process_of(wires.catalogs, deps.rules.texts)


async def home(request: web.Request) -> web.Response:
    """GET /audit: rules in force, wording, retention, what needs two people."""
    return _page(request, "audit_process.html", process=await _process(request), catalogs=_wires(request).catalogs)


async def numbers_page(request: web.Request) -> web.Response:
    """GET /audit/numbers: what the log holds, by month and kind; `?month=` by action."""
    wires = _wires(request)
    now = wires.clock.now()
    months = months_back(now)
    month, (begin, end) = _month(request, now)
    async with transaction(wires.pool) as conn:
        counted = await numbers(conn, span_of(months[-1])[0], span_of(months[0])[1])
        of_month = await numbers(conn, begin, end)
    return _page(
        request,
        "audit_numbers.html",
        counts=by_month(counted),
        month=month,
        months=months,
        actions=by_action(of_month),
    )


def _month(request: web.Request, now: datetime) -> tuple[str, tuple[datetime, datetime]]:
    """`?month=2026-11`, else the present month."""
    asked = request.query.get("month", "")
    try:
        return asked, span_of(asked)
    except ValueError:
        return month_of(now), span_of(month_of(now))


async def samples_page(request: web.Request) -> web.Response:
    """GET /audit/samples: random decisions and random rows of a month; `?seed=` draws the same ones again."""
    wires = _wires(request)
    now = wires.clock.now()
    month, (begin, end) = _month(request, now)
    seed = clean_text(request.query.get("seed", ""), 40) or secrets.token_hex(8)
    names = Pseudonyms(os.urandom(32))
    async with transaction(wires.pool) as conn:
        decisions = await sample_decisions(conn, begin, end, seed, SAMPLE)
        rows = await sample_rows(conn, begin, end, seed, SAMPLE)
        await audit(conn, staff_of(request).actor, "audit.sample", at=now, detail={"rows": len(rows)})
    return _page(
        request,
        "audit_samples.html",
        month=month,
        months=months_back(now),
        seed=seed,
        decisions=[decision_json(one) for one in decisions],
        rows=[shown(row, names) for row in rows],
        decided_at=_decided_at,
        row_at=_row_at,
    )


async def chain_page(request: web.Request) -> web.Response:
    """GET /audit/chain: how far it reaches, its newest head, the public keys, and a button."""
    return await _chain(request)


async def check_chain(request: web.Request) -> web.Response:
    """POST /audit/chain: walk the newest part of the chain and say what was found."""
    await staff_form(request)
    wires = _wires(request)
    now = wires.clock.now()
    verdict = await verify(wires.pool, now, newest=CHECKED_ON_PAGE)
    async with transaction(wires.pool) as conn:
        detail = {"ok": verdict.found is None, "rows": verdict.rows}
        await audit(conn, staff_of(request).actor, "audit.check", at=now, detail=detail)
    return await _chain(request, verdict=verdict)


async def _chain(request: web.Request, verdict: Any = None) -> web.Response:
    async with transaction(_wires(request).pool) as conn:
        return _page(
            request,
            "audit_chain.html",
            reach=await extent(conn),
            head=await last_head(conn),
            keys=await audit_keys(conn),
            verdict=verdict,
        )


async def reports_page(request: web.Request) -> web.Response:
    """GET /audit/reports: the own reports, and the form that makes and signs one."""
    return await _reports(request)


async def _reports(
    request: web.Request, status: int = 200, problem: str = "", values: dict[str, str] | None = None
) -> web.Response:
    wires = _wires(request)
    me = staff_of(request)
    async with transaction(wires.pool) as conn:
        found = await reports(conn, me.org_id)
    return _page(
        request,
        "audit_reports.html",
        status,
        reports=[(report, json.loads(report.document)) for report in found],
        months=months_back(wires.clock.now()),
        problem=problem,
        months_of=lambda report: month_of(report.period_from),
        values={"name": me.name, "remarks": "", "month": ""} | (values or {}),
    )


async def sign_report(request: web.Request) -> web.Response:
    """POST /audit/reports: gather, check the chain, sign, keep. The auditor's name and remarks are part of it."""
    form = await staff_form(request)
    wires = _wires(request)
    me = staff_of(request)
    now = wires.clock.now()
    values = {"name": clean_text(str(form.get("name", "")), 200), "month": str(form.get("month", ""))}
    values["remarks"] = clean_text(str(form.get("remarks", "")), MOST_REMARKS)
    if not values["name"] or form.get("seen") != "1":
        return await _reports(request, 400, "staff.audit.report.incomplete", values)
    try:
        period = span_of(values["month"])
        signer = load_signer(wires.settings)
    except ValueError:
        return await _reports(request, 400, "staff.audit.report.incomplete", values)
    except SigningError:
        return await _reports(request, 503, "staff.audit.report.no_key", values)
    verdict = await verify(wires.pool, now, newest=CHECKED_ON_PAGE)
    if signer.key_id not in verdict.keys:
        return await _reports(request, 503, "staff.audit.report.no_key", values)
    seed, report_id = secrets.token_hex(8), uuid7()
    async with transaction(wires.pool) as conn:
        text = canonical(
            document(
                report_id=report_id,
                auditor=values["name"],
                organisation=me.org_name,
                remarks=values["remarks"],
                made_at=now,
                period=period,
                seed=seed,
                process=await _process(request),
                counted=await numbers(conn, *period),
                decisions=await sample_decisions(conn, *period, seed, SAMPLE),
                rows=await sample_rows(conn, *period, seed, SAMPLE),
                names=Pseudonyms(os.urandom(32)),
                verdict=verdict,
            )
        )
        report = Report(report_id, *period, now, text.decode(), signer.key_id, signer.sign(text), signer.public_key)
        await add_report(conn, report, org_id=me.org_id, staff_id=me.id)
        await audit(conn, me.actor, "audit.report", at=now, detail={"ok": verdict.found is None})
    return see_other(f"/audit/reports/{report_id}")


async def _own_report(request: web.Request) -> Report:
    async with transaction(_wires(request).pool) as conn:
        found = await reports(conn, staff_of(request).org_id, path_id(request))
    if not found:
        raise web.HTTPNotFound(text="There is no such report among yours.")
    return found[0]


async def report_page(request: web.Request) -> web.Response:
    """GET /audit/reports/<id>: a report to read and to print."""
    report = await _own_report(request)
    return _page(
        request,
        "audit_report.html",
        report=report,
        doc=json.loads(report.document),
        month=month_of(report.period_from),
        decided_at=_decided_at,
        row_at=_row_at,
    )


def _decided_at(decision: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(decision["decided_at"])


def _row_at(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["at"])


async def report_json(request: web.Request) -> web.Response:
    """GET /audit/reports/<id>/report.json: the report with its signature, to keep elsewhere."""
    report = await _own_report(request)
    body = {
        "document": json.loads(report.document),
        "signature": report.signature.hex(),
        "public_key": report.public_key.hex(),
    }
    name = f"daijobu-audit-{month_of(report.period_from)}-{str(report.id)[-6:]}.json"
    return web.Response(
        text=json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True) + "\n",
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


AUDITOR = staff(Role.AUDITOR)

ROUTES = [
    Route("GET", "/audit", home, AUDITOR),
    Route("GET", "/audit/numbers", numbers_page, AUDITOR),
    Route("GET", "/audit/samples", samples_page, AUDITOR),
    Route("GET", "/audit/chain", chain_page, AUDITOR),
    Route("POST", "/audit/chain", check_chain, AUDITOR),
    Route("GET", "/audit/reports", reports_page, AUDITOR),
    Route("POST", "/audit/reports", sign_report, AUDITOR),
    Route("GET", "/audit/reports/{id}", report_page, AUDITOR),
    Route("GET", "/audit/reports/{id}/report.json", report_json, AUDITOR),
]
