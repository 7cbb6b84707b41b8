"""What a session still lacks, codes of an app, printed codes, and when the second factor is asked for again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from core.model import Role
from registry.access import FIELDS
from registry.second_factor import (
    STEP_S,
    Demand,
    accepted_step,
    app_uri,
    demand,
    needs_second_factor,
    new_codes,
    read_code,
    readable,
)
from registry.step_up import needs_proof
from registry.user_agent import browser_and_system

NOW = datetime(2026, 11, 22, 12, 0, 15, tzinfo=UTC)
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # the key of RFC 6238, appendix B


def test_who_sees_people_needs_it_and_so_does_the_operator() -> None:
    assert {role for role in Role if not needs_second_factor(role)} == {Role.AUDITOR, Role.UMBRELLA}
    assert all(needs_second_factor(role) for role, fields in FIELDS.items() if fields)


@pytest.mark.parametrize(
    ("role", "proven", "has_password", "has_factor", "has_passkey", "fictional", "expected"),
    [
        (Role.EMPLOYER, False, True, False, False, False, Demand.SET_UP),
        (Role.EMPLOYER, False, True, True, False, False, Demand.PROVE),
        (Role.EMPLOYER, True, True, True, False, False, Demand.NONE),
        (Role.VOLUNTEER, False, True, False, False, False, Demand.SET_UP),
        (Role.TRANSLATOR, False, True, False, False, False, Demand.SET_UP),  # whose words go out alone
        (Role.OPERATOR, False, True, False, False, False, Demand.SET_UP),
        (Role.OPERATOR, False, False, False, False, False, Demand.PASSWORD),  # the first entry, by a one-time link
        (Role.VOLUNTEER, False, False, True, True, False, Demand.PROVE),  # a passkey and no password: prove it
        (Role.AUDITOR, False, True, False, False, False, Demand.NONE),
        (Role.AUDITOR, False, False, False, False, False, Demand.PASSWORD),
        (Role.AUDITOR, False, True, True, False, False, Demand.PROVE),  # who has one is asked for it
        (Role.EMPLOYER, False, False, False, False, True, Demand.NONE),  # the demo
        (Role.EMPLOYER, False, True, True, False, True, Demand.PROVE),
        (Role.EMPLOYER, True, True, True, False, True, Demand.NONE),
    ],
)
def test_what_a_session_lacks(
    role: Role,
    proven: bool,
    has_password: bool,
    has_factor: bool,
    has_passkey: bool,
    fictional: bool,
    expected: Demand,
) -> None:
    got = demand(
        role,
        proven=proven,
        has_password=has_password,
        has_factor=has_factor,
        has_passkey=has_passkey,
        fictional=fictional,
    )
    assert got is expected


def test_the_codes_are_those_of_rfc_6238() -> None:
    at = datetime.fromtimestamp(1111111109, UTC)
    assert accepted_step(SECRET, "081804", 0, at) == 1111111109 // STEP_S  # appendix B: 07081804, last six digits


@pytest.mark.parametrize(
    ("steps_off", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)], ids=lambda v: str(v)
)
def test_clocks_may_differ_by_one_step(steps_off: int, taken: bool) -> None:
    code = pyotp.TOTP(SECRET).at(NOW + timedelta(seconds=STEP_S * steps_off))
    assert (accepted_step(SECRET, code, 0, NOW) is not None) is taken


def test_no_code_works_twice_and_none_before_the_last_one() -> None:
    totp = pyotp.TOTP(SECRET)
    step = accepted_step(SECRET, totp.at(NOW), 0, NOW)
    assert step is not None
    assert accepted_step(SECRET, totp.at(NOW), step, NOW) is None
    assert accepted_step(SECRET, totp.at(NOW - timedelta(seconds=STEP_S)), step, NOW) is None
    assert accepted_step(SECRET, totp.at(NOW + timedelta(seconds=STEP_S)), step, NOW) == step + 1


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２３４５６", "12 34", "+12345", "-12345"])
def test_what_is_no_code(typed: str) -> None:
    assert accepted_step(SECRET, typed, 0, NOW) is None


def test_a_code_may_be_typed_with_a_space() -> None:
    code = pyotp.TOTP(SECRET).at(NOW)
    assert accepted_step(SECRET, f"{code[:3]} {code[3:]}", 0, NOW) is not None


def test_the_uri_names_us_and_the_account() -> None:
    uri = app_uri(SECRET, "hanako@north.example")
    assert uri.startswith("otpauth://totp/Daijobu:hanako%40north.example?") and "issuer=Daijobu" in uri
    assert readable(SECRET).replace(" ", "") == SECRET and readable(SECRET)[4] == " "


def test_printed_codes_say_their_slot_and_are_read_however_they_are_typed() -> None:
    codes = new_codes()
    assert len({code[1:] for code in codes}) == 10 and [code[0] for code in codes] == list("0123456789")
    for slot, code in enumerate(codes):
        plain = code.replace("-", "")
        assert read_code(code) == read_code(code.lower().replace("-", " ")) == read_code(plain) == (slot, plain)


@pytest.mark.parametrize(
    "typed", ["", "123456", "A234-5678-9ABC", "1234-5678-9AB", "1234-5678-9ABCD", "1234-5678-9AB0"]
)
def test_what_is_no_printed_code(typed: str) -> None:
    assert read_code(typed) is None


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("proved", "has_factor", "fictional", "asked"),
    [
        (NOW - 9 * MINUTE, True, False, False),
        (NOW - 10 * MINUTE, True, False, True),
        (NOW + MINUTE, True, False, True),  # a clock set back does not lengthen it
        (None, True, False, True),
        (None, False, False, True),
        (None, False, True, False),  # the demo
        (None, True, True, True),  # who set one up there wants to see it asked
        (NOW, True, True, False),
    ],
)
def test_when_it_is_asked_for_again(proved: datetime | None, has_factor: bool, fictional: bool, asked: bool) -> None:
    assert needs_proof(proved, NOW, has_factor=has_factor, fictional=fictional) is asked


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Mobile Safari/537.36",
         ("Chrome", "Android")),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Version/17.4 Safari/604.1",
         ("Safari", "iPhone")),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0",
         ("Edge", "Windows")),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", ("Firefox", "Linux")),
        ("Mozilla/5.0 (Linux; Android 13; SM-A536B) SamsungBrowser/23.0 Chrome/115.0 Mobile Safari/537.36",
         ("Samsung Internet", "Android")),
        ("curl/8.5.0", ("", "")),
        ("", ("", "")),
    ],
)  # fmt: skip
def test_devices_in_plain_words(agent: str, expected: tuple[str, str]) -> None:
    assert browser_and_system(agent) == expected
