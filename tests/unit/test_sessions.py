"""How long a session lives, how long a failed try waits, where a person may be sent on to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.model import Role
from registry.sessions import (
    CookieRule,
    cookie_rule,
    home_of,
    menu_of,
    password_problem,
    safe_next,
    still_valid,
    wait_left,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


@pytest.mark.parametrize(
    ("age", "idle", "incident_open", "alive"),
    [
        (0, 0, False, True),
        (60, 30, False, True),
        (60, 31, False, False),
        (60, 31, True, True),
        (12 * 60, 1, False, True),
        (12 * 60 + 1, 1, False, False),
        (12 * 60 + 1, 1, True, True),
        (24 * 60 + 1, 1, True, False),
    ],
)
def test_a_session_outlives_the_night_only_while_an_incident_is_open(
    age: float, idle: float, incident_open: bool, alive: bool
) -> None:
    assert still_valid(NOW - minutes(age), NOW - minutes(idle), NOW, incident_open=incident_open) is alive


@pytest.mark.parametrize(
    ("https", "loopback", "rule"),
    [
        (True, False, CookieRule("__Host-daijobu", True)),
        (True, True, CookieRule("__Host-daijobu", True)),
        (False, True, CookieRule("daijobu", False)),
        (False, False, None),
    ],
)
def test_the_cookie_follows_the_scheme(https: bool, loopback: bool, rule: CookieRule | None) -> None:
    assert cookie_rule(is_https=https, is_loopback=loopback) == rule


@pytest.mark.parametrize(
    ("kind", "failures", "seconds_ago", "wait"),
    [
        ("account", 0, 0, 0),
        ("account", 4, 0, 0),
        ("account", 5, 0, 5),
        ("account", 5, 5, 0),
        ("account", 6, 0, 10),
        ("account", 8, 10, 30),
        ("account", 30, 0, 900),
        ("account", 30, 86_401, 0),
        ("address", 19, 0, 0),
        ("address", 20, 0, 5),
    ],
)
def test_the_delay_grows(kind: str, failures: int, seconds_ago: int, wait: int) -> None:
    assert wait_left(kind, failures, NOW - timedelta(seconds=seconds_ago), NOW) == timedelta(seconds=wait)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/people?x=1", "/people?x=1"),
        ("", "/home"),
        ("people", "/home"),
        ("//evil.example", "/home"),
        ("/\\evil.example", "/home"),
        ("https://evil.example", "/home"),
        ("/a\nb", "/home"),
        ("/a\\b", "/home"),
    ],
)
def test_nobody_is_sent_to_a_foreign_site(path: str, expected: str) -> None:
    assert safe_next(path, "/home") == expected


@pytest.mark.parametrize(
    ("password", "again", "problem"),
    [
        ("mountain river lamp", "mountain river lamp", None),
        ("ひがしの山に日がのぼる朝", "ひがしの山に日がのぼる朝", None),
        ("short", "short", "staff.password.too_short"),
        ("x" * 257, "x" * 257, "staff.password.too_long"),
        ("aaaaaaaaaaaaaa", "aaaaaaaaaaaaaa", "staff.password.too_easy"),
        ("abcabcabcabcabc", "abcabcabcabcabc", "staff.password.too_easy"),
        ("clerk@north.example", "clerk@north.example", "staff.password.too_easy"),
        ("hanakosample1234", "hanakosample1234", "staff.password.too_easy"),
        ("mountain river lamp", "mountain river lamb", "staff.password.differ"),
    ],
)
def test_passwords(password: str, again: str, problem: str | None) -> None:
    assert password_problem(password, again, email="clerk@north.example", name="Hanako Sample") == problem


def test_every_role_has_a_home_in_its_menu() -> None:
    for role in Role:
        assert home_of(role) in {item.href for item in menu_of(role)}
