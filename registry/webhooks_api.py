"""Webhooks over the API: make, read, change, end, a new secret, what could not be delivered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field, StringConstraints

from core.audit import audit
from registry.api import Answer, Call
from registry.api_models import Shown, Strict
from registry.api_tokens import Scope
from registry.openapi import Operation, Parameter
from registry.problems import FieldError, Problem, not_found
from registry.webhook_store import (
    Webhook,
    change_webhook,
    create_webhook,
    dead_of,
    delete_webhook,
    rotate_secret,
    send_again,
    webhooks_of,
)
from registry.webhooks import MOST_WEBHOOKS, BadAddress, Event, allowed_events, check_url, new_secret


class WebhookIn(Strict):
    """Where to send what. `names` true adds the person's name, for tokens with people:read."""

    url: Annotated[str, StringConstraints(min_length=10, max_length=500, pattern=r"^https?://[\x21-\x7e]+$")] = Field(
        description="https only; must be reachable from the internet; redirects are not followed.",
        examples=["https://hr.example.com/daijobu"],
    )
    events: Annotated[list[Annotated[Event, Field(strict=False)]], Field(min_length=1, max_length=len(Event))]
    names: bool = False


class WebhookOut(Shown):
    """A subscription. `disabled_at`: switched off after 24 hours of failures, until somebody sends again."""

    id: UUID
    url: str
    events: list[Event]
    names: bool
    created_at: datetime
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str
    live: bool = Field(description="False: the token it lived with was revoked; PUT it with another token.")
    waiting: int
    dead: int


class NewWebhookOut(WebhookOut):
    """A new subscription with its signing secret, which is not shown again."""

    secret: str


class WebhooksOut(Shown):
    """All subscriptions of the organisation."""

    webhooks: list[WebhookOut]


class SecretOut(Shown):
    """A new signing secret, which is not shown again. Until `old_until` requests carry a signature for each."""

    secret: str
    old_until: datetime


class DeadOut(Shown):
    """A delivery that was given up."""

    id: int
    event_id: UUID
    event: Event
    created_at: datetime
    done_at: datetime
    attempts: int
    last_code: int | None = Field(description="HTTP status of the last answer; null if there was none.")
    last_error: str


class DeadListOut(Shown):
    """The newest fifty deliveries that were given up."""

    dead: list[DeadOut]


class AgainOut(Shown):
    """How many deliveries are tried once more."""

    again: int


def _shown(webhook: Webhook) -> dict[str, Any]:
    fields = {name: getattr(webhook, name) for name in WebhookOut.model_fields}
    return WebhookOut.model_validate(fields).model_dump(mode="json")


def _check(call: Call, given: WebhookIn) -> None:
    try:
        check_url(given.url, allow_loopback=call.site.settings.webhook_allow_loopback)
    except BadAddress as error:
        raise _field("/url", str(error)) from None
    allowed = allowed_events(call.token.role, call.token.scopes)
    for index, event in enumerate(given.events):
        if event not in allowed:
            raise _field(f"/events/{index}", "This token does not have the scope that the event needs.")
    if given.names and Scope.PEOPLE_READ not in call.token.scopes:
        raise _field("/names", "Names need a token with the scope people:read.")


def _field(pointer: str, detail: str) -> Problem:
    return Problem(422, "bad_field", detail, errors=[FieldError(pointer, detail)])


async def _mine(call: Call) -> Webhook:
    found = await webhooks_of(call.conn, org_id=call.token.org_id, webhook_id=call.id("id"))
    if not found:
        raise not_found()
    return found[0]


async def _log(call: Call, action: str, webhook_id: UUID) -> None:
    await audit(call.conn, call.actor, action, at=call.now, detail={"webhook": str(webhook_id)})


async def list_webhooks(call: Call) -> Answer:
    """GET /webhooks."""
    return Answer({"webhooks": [_shown(w) for w in await webhooks_of(call.conn, org_id=call.token.org_id)]})


async def new_webhook(call: Call) -> Answer:
    """POST /webhooks: the secret is in this answer only."""
    given: WebhookIn = call.body
    _check(call, given)
    if len(await webhooks_of(call.conn, org_id=call.token.org_id)) >= MOST_WEBHOOKS:
        raise Problem(409, "too_many", f"An organisation has at most {MOST_WEBHOOKS} webhooks; end one first.")
    secret = new_secret()
    webhook_id = await create_webhook(
        call.conn,
        call.site.vault,
        call.token,
        url=given.url,
        events=set(given.events),
        names=given.names,
        secret=secret,
        now=call.now,
    )
    await _log(call, "webhook.new", webhook_id)
    found = await webhooks_of(call.conn, org_id=call.token.org_id, webhook_id=webhook_id)
    return Answer(_shown(found[0]) | {"secret": secret}, 201)


async def get_webhook(call: Call) -> Answer:
    """GET /webhooks/{id}."""
    return Answer(_shown(await _mine(call)))


async def put_webhook(call: Call) -> Answer:
    """PUT /webhooks/{id}: replace address, events and names."""
    webhook = await _mine(call)
    given: WebhookIn = call.body
    _check(call, given)
    await change_webhook(call.conn, webhook.id, call.token, url=given.url, events=set(given.events), names=given.names)
    await _log(call, "webhook.change", webhook.id)
    return Answer(_shown(await _mine(call)))


async def end_webhook(call: Call) -> Answer:
    """DELETE /webhooks/{id}: what waits for it is forgotten."""
    webhook = await _mine(call)
    await delete_webhook(call.conn, webhook.id, call.now)
    await _log(call, "webhook.end", webhook.id)
    return Answer(None)


async def new_webhook_secret(call: Call) -> Answer:
    """POST /webhooks/{id}/secret: two secrets are valid for 24 hours."""
    webhook = await _mine(call)
    secret = new_secret()
    until = await rotate_secret(call.conn, call.site.vault, webhook.id, secret, call.now)
    await _log(call, "webhook.secret", webhook.id)
    return Answer({"secret": secret, "old_until": until.isoformat()}, 201)


async def list_dead(call: Call) -> Answer:
    """GET /webhooks/{id}/dead."""
    webhook = await _mine(call)
    rows = [
        DeadOut.model_validate({name: getattr(one, name) for name in DeadOut.model_fields}).model_dump(mode="json")
        for one in await dead_of(call.conn, webhook.id)
    ]
    return Answer({"dead": rows})


async def again(call: Call) -> Answer:
    """POST /webhooks/{id}/again: switch it on and try once more what was given up."""
    webhook = await _mine(call)
    count = await send_again(call.conn, webhook.id, call.now)
    await _log(call, "webhook.again", webhook.id)
    return Answer({"again": count})


_ID: Final = Parameter("id", "path", {"type": "string", "format": "uuid"})
_W: Final = Scope.WEBHOOKS_WRITE

OPERATIONS: Final = (
    Operation("GET", "/webhooks", list_webhooks, _W, "listWebhooks", "All webhooks.", "webhooks", gives=WebhooksOut),
    Operation("POST", "/webhooks", new_webhook, _W, "newWebhook", "A new webhook; its secret is shown once.",
              "webhooks", body=WebhookIn, gives=NewWebhookOut, status=201),
    Operation("GET", "/webhooks/{id}", get_webhook, _W, "getWebhook", "One webhook.", "webhooks", gives=WebhookOut,
              parameters=(_ID,)),
    Operation("PUT", "/webhooks/{id}", put_webhook, _W, "putWebhook", "Replace address, events and names.", "webhooks",
              body=WebhookIn, gives=WebhookOut, parameters=(_ID,)),
    Operation("DELETE", "/webhooks/{id}", end_webhook, _W, "endWebhook", "End a webhook.", "webhooks", status=204,
              parameters=(_ID,)),
    Operation("POST", "/webhooks/{id}/secret", new_webhook_secret, _W, "newWebhookSecret",
              "A new signing secret; the old one stays valid for 24 hours.", "webhooks", gives=SecretOut, status=201,
              parameters=(_ID,)),
    Operation("GET", "/webhooks/{id}/dead", list_dead, _W, "listDeadDeliveries", "Deliveries that were given up.",
              "webhooks", gives=DeadListOut, parameters=(_ID,)),
    Operation("POST", "/webhooks/{id}/again", again, _W, "sendAgain",
              "Switch a webhook on and try once more what was given up.", "webhooks", gives=AgainOut,
              parameters=(_ID,)),
)  # fmt: skip
