"""The operator's first run: region, organisations, invitations, providers with a test to oneself, feeds heard."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from core.audit import Actor, audit
from core.db import UniqueViolation, transaction
from core.model import OrgKind, Role
from core.web import Route, clean_text, render, see_other, site, staff, staff_form
from registry import store
from registry.facts_store import get_fact, set_fact
from registry.operator_store import has_password, held_count, kind_of, organisations, unasked_count
from registry.phones import Line, PhoneProblem, read_phone
from registry.prefectures import PREFECTURES
from registry.rows import EMAIL_PATTERN
from registry.sessions import Staff, staff_of
from registry.setup import Facts, steps
from registry.signin_store import make_invitation
from registry.small_counts import is_small, suppress_line
from registry.step_up_web import require_step_up

#: Who administers an organisation of each kind.
ADMINISTRATOR: Final = {
    OrgKind.EMPLOYER: Role.EMPLOYER,
    OrgKind.SUPERVISING: Role.SUPERVISING,
    OrgKind.COMMUNITY: Role.COMMUNITY,
    OrgKind.VOLUNTEER_NETWORK: Role.COORDINATOR,
    OrgKind.PARTNER: Role.PARTNER,
    OrgKind.SCHOOL: Role.COMMUNITY,
    OrgKind.AUDITOR: Role.AUDITOR,
    OrgKind.UMBRELLA: Role.UMBRELLA,
}

#: Sends one test message: (channel, address, language) -> what became of it. Wired by the website.
TestSend = Callable[[str, str, str], Awaitable[str]]


async def operator_page(request: web.Request) -> web.Response:
    """GET /operator: every step with its state; the first open one is unfolded."""
    return await _page(request)


async def _page(request: web.Request, status: int = 200, **said: Any) -> web.Response:
    me = staff_of(request)
    wires = site(request)
    now = wires.clock.now()
    feed_states = wires.extras.get("feed_states")
    async with wires.pool.acquire() as conn:
        feeds = await feed_states(conn) if feed_states else []
        orgs = await organisations(conn, now)
        region = await get_fact(conn, "region")
        tested = await get_fact(conn, "tested_channels") or []
        held = await held_count(conn)
        unasked = await unasked_count(conn)
        facts = Facts(
            has_password=await has_password(conn, me.id),
            prefectures=tuple(region or ()),
            organisations=sum(o["kind"] != OrgKind.VOLUNTEER_NETWORK for o in orgs),
            invitations=sum(o["invitations"] for o in orgs),
            staff=sum(o["staff"] for o in orgs),
            residents=sum(o["people"] for o in orgs),
            tested_channels=tuple(tested),
            feeds_heard=sum(f.get("last_heard_at") is not None for f in feeds),
            feeds=len(feeds),
            coordinators=sum(o["kind"] == OrgKind.VOLUNTEER_NETWORK for o in orgs),
        )
    counts, residents = suppress_line([o["people"] for o in orgs])
    values: dict[str, Any] = {"problem": None, "at": "", "link": None, "link_for": "", "answer": None, "values": {}}
    return render(
        request,
        "registry_operator.html",
        lang=me.language,
        status=status,
        steps=steps(facts),
        facts=facts,
        held=held,
        unasked="1–2" if is_small(unasked) else unasked,
        organisations=[o | {"people": number} for o, number in zip(orgs, counts, strict=True)],
        residents=residents,
        region=set(region or wires.settings.prefectures),
        prefectures=PREFECTURES,
        kinds=[kind for kind in ADMINISTRATOR if kind is not OrgKind.VOLUNTEER_NETWORK],
        channels=sorted(wires.extras.get("channels") or ()),
        sms_configured=wires.settings.sms_configured,
        can_test="test_send" in wires.extras,
        tested=tested,
        feeds=feeds,
        **(values | said),
    )


def _actor(me: Staff) -> Actor:
    return Actor(me.name or "operator", me.id, me.org_id)


async def set_region(request: web.Request) -> web.Response:
    """POST /operator/region: the prefectures this installation serves."""
    me = staff_of(request)
    wires = site(request)
    await staff_form(request)
    chosen = [str(v) for v in (await request.post()).getall("prefecture", []) if v in PREFECTURES]
    if not chosen:
        return await _page(request, 400, problem="staff.operator.no_region", at="region")
    async with transaction(wires.pool) as conn:
        await set_fact(conn, "region", sorted(set(chosen)), wires.clock.now())
        await audit(conn, _actor(me), "set_region", at=wires.clock.now(), detail={"region": chosen})
    return see_other("/operator")


async def new_organisation(request: web.Request) -> web.Response:
    """POST /operator/organisation: kind, name and short name; a volunteer network gets its invitation at once."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    now = wires.clock.now()
    values = {k: clean_text(str(form.get(k, "")), 200) for k in ("name", "slug", "kind")}
    at = "coordinators" if values["kind"] == OrgKind.VOLUNTEER_NETWORK else "organisation"
    if not values["name"] or values["kind"] not in ADMINISTRATOR:
        return await _page(request, 400, problem="staff.operator.no_name", at=at, values=values)
    await require_step_up(request)  # an invitation for an administrator comes with it
    kind = OrgKind(values["kind"])
    slug = values["slug"].lower() or slug_of(values["name"])
    try:
        async with transaction(wires.pool) as conn:
            org_id = await store.create_organisation(conn, slug=slug, name=values["name"], kind=kind, now=now)
            await audit(conn, _actor(me), "new_organisation", at=now, detail={"slug": slug, "kind": kind.value})
            token = await make_invitation(conn, org_id=org_id, role=ADMINISTRATOR[kind], now=now, created_by=me.id)
    except store.BadSlug:
        return await _page(request, 400, problem="staff.operator.bad_slug", at=at, values=values)
    except UniqueViolation:
        return await _page(request, 409, problem="staff.operator.slug_taken", at=at, values=values)
    link = f"{wires.settings.site_url}/join/{token}"
    return await _page(request, link=link, link_for=values["name"], at="invitation")


def slug_of(name: str) -> str:
    """A short name from a Latin one ("Kumamoto Foods" -> "kumamoto-foods"); "" where nothing Latin is left."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63]


async def invite(request: web.Request) -> web.Response:
    """POST /operator/invitation: a link for an administrator of an organisation, shown once."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    email = clean_text(str(form.get("email", "")), 200)
    if email and not EMAIL_PATTERN.fullmatch(email):
        return await _page(request, 400, problem="staff.account.no_email", at="invitation")
    await require_step_up(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        try:
            org_id = UUID(str(form.get("org", "")))
        except ValueError:
            raise web.HTTPNotFound from None
        kind = await kind_of(conn, org_id)
        if kind is None or kind not in ADMINISTRATOR:
            raise web.HTTPNotFound
        role = ADMINISTRATOR[OrgKind(kind)]
        if role is Role.COORDINATOR and form.get("role") == Role.VOLUNTEER:
            role = Role.VOLUNTEER
        token = await make_invitation(conn, org_id=org_id, role=role, now=now, email=email, created_by=me.id)
        names = {o["id"]: o["name"] for o in await organisations(conn, now)}
    link = f"{wires.settings.site_url}/join/{token}"
    return await _page(request, link=link, link_for=names.get(org_id, ""), at="invitation")


async def test_send(request: web.Request) -> web.Response:
    """POST /operator/test: one test message to oneself over a real channel."""
    me = staff_of(request)
    wires = site(request)
    form = await staff_form(request)
    channel = str(form.get("channel", ""))
    send: TestSend | None = wires.extras.get("test_send")
    if send is None or channel not in (wires.extras.get("channels") or ()):
        return await _page(request, 400, problem="staff.operator.no_channel", at="providers")
    try:
        phone = read_phone(str(form.get("address", "")))
    except PhoneProblem:
        return await _page(request, 400, problem="staff.operator.phone_wrong", at="providers")
    if phone.line is not Line.MOBILE:
        return await _page(request, 400, problem="staff.operator.phone_wrong", at="providers")
    await require_step_up(request)
    now = wires.clock.now()
    try:
        answer = await send(channel, phone.e164, me.language)
    except Exception as error:  # whatever a provider says belongs on the page, not into a stack trace
        return await _page(
            request, 502, problem="staff.operator.test_failed", at="providers", answer=clean_text(str(error), 300)
        )
    async with transaction(wires.pool) as conn:
        tested = sorted({*(await get_fact(conn, "tested_channels") or []), channel})
        await set_fact(conn, "tested_channels", tested, now)
        await audit(conn, _actor(me), "test_send", at=now, detail={"channel": channel})
    return await _page(request, answer=clean_text(answer, 300), at="providers")


OPERATOR = staff(Role.OPERATOR)
ROUTES = [
    Route("GET", "/operator", operator_page, OPERATOR),
    Route("POST", "/operator/region", set_region, OPERATOR),
    Route("POST", "/operator/organisation", new_organisation, OPERATOR),
    Route("POST", "/operator/invitation", invite, OPERATOR),
    Route("POST", "/operator/test", test_send, OPERATOR),
]
