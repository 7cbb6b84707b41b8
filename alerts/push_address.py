"""A Web Push subscription as the browser gives it: read, and checked against the push services we know.

The endpoint is a text from outside that we will POST to: only https, port 443, no user info, a host that is one of the
known push services or under one of them, and no address inside our own network; checked when it comes in and again
before each send.
"""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from alerts.push_encrypt import decode
from core.public_net import may_connect
from core.settings import Settings

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
MAX_ENDPOINT: Final = 2000
#: Scheme, host, perhaps a port, and a path. No user, no backslash, nothing that two readers could read in two ways.
_PLAIN: Final = re.compile(r"(?P<origin>https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?)/[!-\[\]-~]*")


class BadSubscription(ValueError):
    """The subscription cannot be used. The message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Endpoint and keys (base64url, as the browser wrote them)."""

    endpoint: str
    p256dh: str
    auth: str

    @property
    def origin(self) -> str:
        """The push service."""
        return origin_of(self.endpoint)

    def to_json(self) -> str:
        """The stored form; equal for equal subscriptions."""
        return json.dumps(
            {"endpoint": self.endpoint, "keys": {"auth": self.auth, "p256dh": self.p256dh}},
            separators=(",", ":"),
            sort_keys=True,
        )


def read_subscription(text: str, settings: Settings) -> Subscription:
    """Read and check a PushSubscription's JSON. Raises BadSubscription with one sentence."""
    try:
        data = json.loads(text)
        keys = data["keys"]
        found = Subscription(str(data["endpoint"]), str(keys["p256dh"]), str(keys["auth"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadSubscription("the subscription must be JSON with endpoint, keys.p256dh and keys.auth") from None
    check_endpoint(found.endpoint, settings)
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(found.p256dh))
    except ValueError:
        raise BadSubscription("keys.p256dh is not a point of P-256") from None
    try:
        secret = decode(found.auth)
    except ValueError:
        raise BadSubscription("keys.auth is not base64url") from None
    if len(secret) != 16:
        raise BadSubscription("keys.auth must be 16 bytes")
    return found


def check_endpoint(endpoint: str, settings: Settings) -> None:
    """Raises BadSubscription unless we may send to this endpoint."""
    check_origin(origin_of(endpoint), settings)


def origin_of(endpoint: str) -> str:
    """Scheme and host of an endpoint, as VAPID's `aud` wants them; `check_origin` judges them. Raises BadSubscription
    if it is not a plain URL."""
    found = _PLAIN.fullmatch(endpoint) if len(endpoint) <= MAX_ENDPOINT else None
    if found is None:
        raise BadSubscription("the endpoint is not a plain URL")
    return found["origin"].lower().removesuffix(":443")


def check_origin(origin: str, settings: Settings) -> None:
    """Raises BadSubscription unless this is a push service we know, over https, and not this machine or its network."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        raise BadSubscription("the endpoint is not a URL") from None
    host = (parts.hostname or "").lower()
    if settings.push_allow_http and parts.scheme == "http" and host in _LOOPBACK:
        return
    if parts.scheme != "https" or port not in (None, 443):
        raise BadSubscription("the endpoint must be https on port 443")
    allowed = [h.strip().lower() for h in settings.push_hosts.split(",") if h.strip()]
    if not any(host == a or host.endswith("." + a) for a in allowed):
        raise BadSubscription(f"{host or 'this host'} is not a push service we know (DAIJOBU_PUSH_HOSTS)")
    if _is_literal(host) and not may_connect(host):
        raise BadSubscription(f"{host} is not an address of the public internet")


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
