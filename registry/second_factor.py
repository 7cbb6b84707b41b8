"""What a session still lacks, and the codes that prove the second factor. Pure.

A password, or a one-time link, opens half a session. Whoever may see people, and the operator, must add a code of an
authenticator app or a passkey (OWASP ASVS 5.0, 6.3.3). An invented registry (the demo) does not ask for it.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime
from enum import StrEnum
from typing import Final

import pyotp

from core.model import Role
from registry.access import FIELDS

#: RFC 6238: SHA-1, six digits, 30 seconds: what every authenticator app understands.
STEP_S: Final = 30
#: Steps before and after the present one that are taken, for clocks that differ.
WINDOW: Final = 1

ISSUER: Final = "Daijobu"


class Demand(StrEnum):
    """What the session must do before it is whole, in this order."""

    PASSWORD = "password"  # came by a one-time link and has neither password nor passkey
    SET_UP = "set_up"  # needs a second factor and has none
    PROVE = "prove"  # has one and has not shown it in this session
    NONE = "none"


def needs_second_factor(role: Role) -> bool:
    """Whether a role cannot work without a second factor: it may see people, runs the machine, or words its alerts."""
    return bool(FIELDS[role]) or role in (Role.OPERATOR, Role.TRANSLATOR)


def demand(
    role: Role, *, proven: bool, has_password: bool, has_factor: bool, has_passkey: bool, fictional: bool
) -> Demand:
    """What is still missing. `proven`: in this session; `fictional`: the people of this database are invented."""
    if proven:
        return Demand.NONE
    if has_factor:
        return Demand.PROVE
    if fictional:
        return Demand.NONE
    if not has_password and not has_passkey:
        return Demand.PASSWORD
    return Demand.SET_UP if needs_second_factor(role) else Demand.NONE


# ---------------------------------------------------------------- authenticator apps


def new_secret() -> str:
    """A secret for an authenticator app: 32 base32 characters (160 bits)."""
    return pyotp.random_base32()


def app_uri(secret: str, account: str) -> str:
    """What the QR code says (otpauth://): the app shows it under our name and the account's."""
    return pyotp.TOTP(secret).provisioning_uri(name=account or "staff", issuer_name=ISSUER)


def accepted_step(secret: str, code: str, last_step: int, now: datetime) -> int | None:
    """The 30-second step a code belongs to; None if it is wrong, too old or new, or of a step that was used before.

    `last_step`: the newest step that was ever accepted; its code and older ones are refused, so that a code somebody
    looked at over a shoulder is worth nothing.
    """
    digits = code.replace(" ", "")
    if len(digits) != 6 or not (digits.isascii() and digits.isdigit()):
        return None
    current = int(now.timestamp()) // STEP_S
    totp = pyotp.TOTP(secret)
    found = None
    for step in range(current - WINDOW, current + WINDOW + 1):  # all of them, so that time tells nothing
        right = hmac.compare_digest(totp.generate_otp(step), digits)
        if right and step > last_step and found is None:
            found = step
    return found


def readable(secret: str) -> str:
    """A secret in groups of four, for typing it into an app."""
    return " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))


# ---------------------------------------------------------------- printed codes

CODES: Final = 10
#: No 0 O 1 I L: people type these from paper.
_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_CODE_LETTERS: Final = 11


def new_codes() -> list[str]:
    """Ten one-time codes such as "3K7M-2QXR-9VHT" (54 bits after the first character, which counts them)."""
    codes = []
    for slot in range(CODES):
        text = str(slot) + "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LETTERS))
        codes.append("-".join(text[i : i + 4] for i in range(0, len(text), 4)))
    return codes


def read_code(typed: str) -> tuple[int, str] | None:
    """(slot, the whole code as it was hashed) of a typed code; None if it cannot be one."""
    text = "".join(c for c in typed.upper() if c.isascii() and c.isalnum())
    if len(text) != _CODE_LETTERS + 1 or not text[0].isdigit() or any(c not in _LETTERS for c in text[1:]):
        return None
    return int(text[0]), text
