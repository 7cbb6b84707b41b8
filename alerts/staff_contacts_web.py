"""/account/contacts: where messages to me go when something happens, each proved by a code that was sent there."""

from __future__ import annotations

import hmac
import json
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from aiohttp import web

from alerts.channel import Channels, SendError
from alerts.push_address import BadSubscription, read_subscription
from alerts.single import single
from alerts.sms_budget import look
from alerts.staff_call_store import EMPLOYING, FOLLOWING
from alerts.staff_contacts_store import (
    PHONE,
    PUSH,
    StaffContact,
    add_contact,
    code_of,
    code_sent,
    code_tried,
    confirm,
    contacts_of,
    remove,
)
from core.audit import Actor, audit
from core.db import Scope, WriteMismatch, transaction
from core.model import Role
from core.web import SCOPE, Route, Site, render, see_other, site, staff, staff_form
from registry.phones import Line, PhoneProblem, display, read_phone
from registry.sessions import Staff, staff_of
from registry.step_up_web import require_step_up

HOME: Final = "/account/contacts"
#: One code in this time, and so many a day: a page that sends to any number must not become a nuisance.
CODE_EVERY: Final = timedelta(seconds=30)
CODES_A_DAY: Final = 10
_MAX_JSON: Final = 8_192


async def contacts_page(request: web.Request) -> web.Response:
    """GET /account/contacts."""
    return await _page(request)


async def _page(request: web.Request, status: int = 200, problem: str = "", at: UUID | None = None) -> web.Response:
    me = staff_of(request)
    wires = _wires(request)
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        found = await contacts_of(conn, wires.vault, me.id)
    return render(
        request,
        "staff_contacts.html",
        lang=me.language,
        status=status,
        phones=[contact for contact in found if contact.channel == PHONE],
        browsers=[contact for contact in found if contact.channel == PUSH and contact.state != "dead"],
        display=display,
        waits={contact.id for contact in found if contact.code_open(now)},
        problem=problem,
        at=at,
        saved=request.query.get("saved") == "1",
        reached=any(contact.confirmed_at and contact.state not in ("dead", "opted_out") for contact in found),
    )


async def set_phone(request: web.Request) -> web.Response:
    """POST /account/contacts: my mobile number; a code goes there at once."""
    me = staff_of(request)
    wires = _wires(request)
    form = await staff_form(request)
    try:
        phone = read_phone(str(form.get("phone", "")))
    except PhoneProblem:
        return await _page(request, 400, "staff.contacts.phone_wrong")
    if phone.line is not Line.MOBILE:
        return await _page(request, 400, "staff.contacts.phone_wrong")
    await require_step_up(request)  # whoever borrows an open screen must not lead the night's messages elsewhere
    now = wires.clock.now()
    if not _may_send(wires, me.id, now):
        return await _page(request, 429, "staff.contacts.too_many")
    async with transaction(wires.pool) as conn:
        contact_id = await add_contact(conn, wires.vault, me.id, PHONE, phone.e164, now)
        await audit(conn, _actor(me), "contact.add", at=now, subjects=[me.id], fields=["contact.address"])
    return await _send_code(request, contact_id)


async def add_browser(request: web.Request) -> web.Response:
    """POST /account/contacts/push {"subscription"}: this browser; a notification with a code goes to it. 201."""
    me = staff_of(request)
    wires = _wires(request)
    await staff_form(request)
    if request.content_length is None or request.content_length > _MAX_JSON:
        raise web.HTTPRequestEntityTooLarge(_MAX_JSON, request.content_length or 0)
    try:
        fields = json.loads(await request.text())
        found = read_subscription(json.dumps(fields["subscription"]), wires.settings)
    except (ValueError, KeyError, TypeError):
        raise web.HTTPBadRequest(text="The body must be JSON with the browser's subscription.") from None
    except BadSubscription as error:
        raise web.HTTPBadRequest(text=str(error)) from error
    now = wires.clock.now()
    async with transaction(wires.pool) as conn:
        contact_id = await add_contact(conn, wires.vault, me.id, PUSH, found.to_json(), now)
        mine = await contacts_of(conn, wires.vault, me.id)
        await audit(conn, _actor(me), "contact.add", at=now, subjects=[me.id], fields=["contact.address"])
    known = next(contact for contact in mine if contact.id == contact_id)
    if known.confirmed_at is None and not known.code_open(now):
        if not _may_send(wires, me.id, now):
            raise web.HTTPTooManyRequests(text="Wait a moment before the next code.")
        await _send_code(request, contact_id)
    return web.Response(status=201)


async def send_again(request: web.Request) -> web.Response:
    """POST /account/contacts/<id>/send: a new code; also the way to try a contact out."""
    me = staff_of(request)
    wires = _wires(request)
    await staff_form(request)
    contact = await _mine(request)
    if not _may_send(wires, me.id, wires.clock.now()):
        return await _page(request, 429, "staff.contacts.too_many", contact.id)
    return await _send_code(request, contact.id)


async def _send_code(request: web.Request, contact_id: UUID) -> web.Response:
    """Write down when, then hand the code to the provider: a code that never left is never asked for."""
    me = staff_of(request)
    wires = _wires(request)
    now = wires.clock.now()
    channels = wires.extras.get("channels")
    contact = await _mine(request, contact_id)
    kind = channels.resolve("sms" if contact.channel == PHONE else PUSH) if isinstance(channels, Channels) else None
    if not isinstance(channels, Channels) or kind is None:
        return await _page(request, 503, "staff.contacts.no_channel", contact_id)
    async with transaction(wires.pool) as conn:
        await code_sent(conn, contact_id, me.id, now)
        await audit(conn, _actor(me), "contact.code", at=now, subjects=[me.id])
    say = wires.catalogs.sayer(me.language).plain
    words = say("staff.contacts.code_message", code=code_of(wires.vault, contact_id, now))
    sender = wires.settings.sender_name
    message = single(
        wires.catalogs,
        contact.address,
        me.language,
        sender,
        words if contact.channel == PUSH else f"{sender}: {words}",
        valid_s=600,
        url=f"{wires.settings.site_url}{HOME}" if contact.channel == PUSH else "",
    )
    await look(wires.pool, channels, wires.settings, now)
    try:
        await channels.by_name[kind.name].send(message)
    except SendError:
        return await _page(request, 502, "staff.contacts.not_sent", contact_id)
    return see_other(f"{HOME}#c-{contact_id}")


async def type_code(request: web.Request) -> web.Response:
    """POST /account/contacts/<id>/confirm: the code that came there."""
    me = staff_of(request)
    wires = _wires(request)
    now = wires.clock.now()
    form = await staff_form(request)
    contact = await _mine(request)
    typed = "".join(c for c in str(form.get("code", "")) if c.isdigit())[:6]
    if not contact.code_open(now) or contact.proof_sent_at is None:
        return await _page(request, 400, "staff.contacts.code_old", contact.id)
    right = hmac.compare_digest(typed.encode(), code_of(wires.vault, contact.id, contact.proof_sent_at).encode())
    async with transaction(wires.pool) as conn:
        if right:
            await confirm(conn, contact.id, me.id, now)
            await audit(conn, _actor(me), "contact.confirm", at=now, subjects=[me.id])
        else:
            await code_tried(conn, contact.id, me.id)
    return see_other(f"{HOME}?saved=1") if right else await _page(request, 400, "staff.contacts.code_wrong", contact.id)


async def forget(request: web.Request) -> web.Response:
    """POST /account/contacts/<id>/remove: no message goes there any more."""
    me = staff_of(request)
    wires = _wires(request)
    await staff_form(request)
    contact = await _mine(request)
    async with transaction(wires.pool) as conn:
        try:
            await remove(conn, contact.id, me.id)
        except WriteMismatch:
            raise web.HTTPNotFound(text="There is no such contact among yours.") from None
        await audit(conn, _actor(me), "contact.remove", at=wires.clock.now(), subjects=[me.id])
    return see_other(f"{HOME}?saved=1")


async def _mine(request: web.Request, contact_id: UUID | None = None) -> StaffContact:
    """One of one's own contacts: `contact_id`, or the one of the path."""
    wires = _wires(request)
    wanted = str(contact_id or request.match_info["id"])
    async with transaction(wires.pool) as conn:
        found = await contacts_of(conn, wires.vault, staff_of(request).id)
    for contact in found:
        if str(contact.id) == wanted:
            return contact
    raise web.HTTPNotFound(text="There is no such contact among yours.")


def _wires(request: web.Request) -> Site:
    """The wires. An operator's role sees of contacts only that they are there; their own are rows of their own team."""
    me = staff_of(request)
    if me.role is Role.OPERATOR:
        request[SCOPE] = Scope("daijobu_web", orgs=(me.org_id,))
    return site(request)


def _may_send(wires: Site, staff_id: UUID, now: datetime) -> bool:
    sent: dict[UUID, list[datetime]] = wires.extras.setdefault("staff_codes", {})
    recent = [at for at in sent.get(staff_id, []) if now - at < timedelta(days=1)]
    allowed = len(recent) < CODES_A_DAY and (not recent or now - recent[-1] >= CODE_EVERY)
    sent[staff_id] = [*recent, now] if allowed else recent
    return allowed


def _actor(me: Staff) -> Actor:
    return Actor("account", me.id, me.org_id)


CALLED: Final = staff(*EMPLOYING, *FOLLOWING, Role.OPERATOR)

ROUTES = [
    Route("GET", HOME, contacts_page, CALLED),
    Route("POST", HOME, set_phone, CALLED),
    Route("POST", f"{HOME}/push", add_browser, CALLED),
    Route("POST", f"{HOME}/{{id}}/send", send_again, CALLED),
    Route("POST", f"{HOME}/{{id}}/confirm", type_code, CALLED),
    Route("POST", f"{HOME}/{{id}}/remove", forget, CALLED),
]
