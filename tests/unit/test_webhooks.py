"""Webhooks, the pure part: signatures, when to try again, where a request may go."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.model import Role
from core.public_net import may_connect
from registry.api_tokens import Scope
from registry.webhooks import (
    GIVE_UP,
    BadAddress,
    Event,
    allowed_events,
    check_url,
    new_secret,
    next_try,
    sign,
    verify,
)
from tests.people import NOW


def test_a_receiver_can_check_the_signature_with_either_of_two_secrets() -> None:
    new, old, other = new_secret(), new_secret(), new_secret()
    header = sign(b'{"a":1}', NOW, [new, old])
    assert [verify(header, b'{"a":1}', key, NOW) for key in (new, old, other)] == [True, True, False]
    assert not verify(header, b'{"a":2}', new, NOW)
    assert not verify(header, b'{"a":1}', new, NOW + timedelta(minutes=6)), "an old request sent again"
    assert not verify(
        header.replace(f"t={int(NOW.timestamp())}", f"t={int(NOW.timestamp()) + 1}"), b'{"a":1}', new, NOW
    )
    assert not verify("nonsense", b"", new, NOW)


def test_tries_spread_over_a_day_and_then_end() -> None:
    at, attempts = NOW, 0
    while (again := next_try(attempts := attempts + 1, at, NOW + GIVE_UP, 0.5)) is not None:
        assert again > at
        at = again
    assert 8 <= attempts <= 20
    assert timedelta(hours=16) < at - NOW < GIVE_UP
    early, late = (next_try(3, NOW, NOW + GIVE_UP, chance) for chance in (0.0, 0.999))
    assert early is not None and late is not None and timedelta(seconds=40) < late - early < timedelta(seconds=50)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
     "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "nonsense"],
)  # fmt: skip
def test_no_connection_to_what_is_not_the_public_internet(address: str) -> None:
    assert not may_connect(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "203.104.0.1", "2606:4700::1111", "64:ff9b::101:101"])
def test_the_public_internet_may_be_connected_to(address: str) -> None:
    assert may_connect(address)


def test_loopback_only_for_tests() -> None:
    assert may_connect("127.0.0.1", allow_loopback=True) and may_connect("::1", allow_loopback=True)
    assert not may_connect("10.0.0.1", allow_loopback=True)
    check_url("http://127.0.0.1:8000/x", allow_loopback=True)
    with pytest.raises(BadAddress):
        check_url("http://127.0.0.1:8000/x")


@pytest.mark.parametrize(
    "url",
    ["http://example.com/x", "ftp://example.com/", "https://user:pass@example.com/", "https://example.com/#a",
     "https://localhost/", "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest", "https://intranet/",
     "https://printer.local/", "https://db.internal/", "https:///x", "https://exa mple.com/", "https://ex\u00e4mple.com/",
     "https://example.com:0/", "https://example.com:99999/", "//example.com/", "https://example.com\\@10.0.0.1/",
     "https://[::ffff:10.0.0.1]/", "javascript:alert(1)"],
)  # fmt: skip
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(BadAddress) as refused:
        check_url(url)
    assert str(refused.value).endswith(".")


def test_an_address_on_the_internet_is_taken() -> None:
    check_url("https://hooks.example.com:8443/daijobu?key=1")


def test_events_need_the_scope_of_what_they_tell() -> None:
    status = {Event.STATUS_CHANGED, Event.INCIDENT_OPENED, Event.INCIDENT_CLOSED}
    assert allowed_events(Role.EMPLOYER, frozenset({Scope.WEBHOOKS_WRITE, Scope.STATUS_READ})) == status
    assert allowed_events(Role.EMPLOYER, frozenset(Scope)) == set(Event)
    assert allowed_events(Role.EMPLOYER, frozenset({Scope.WEBHOOKS_WRITE})) == set()
    assert allowed_events(Role.PARTNER, frozenset(Scope)) == status
