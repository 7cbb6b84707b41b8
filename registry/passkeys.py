"""Passkeys (W3C WebAuthn Level 3): what the browser is asked, and whether its answer is right. Pure.

A challenge is not stored: it is a random number, a time and our signature over both and over what it is for. Only an
answered one is remembered (passkey_store.py), so that an answer works once. The user is always verified (fingerprint,
face or PIN), which is why a passkey stands for password and second factor together.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from core.later import Later

if TYPE_CHECKING:
    import webauthn
    from webauthn.helpers import exceptions, structs
else:
    webauthn, exceptions, structs = (
        Later("webauthn"),
        Later("webauthn.helpers.exceptions"),
        Later("webauthn.helpers.structs"),
    )

RP_NAME: Final = "Daijobu"
#: A page left open longer than this must be opened again before its passkey button works.
CHALLENGE_LIFE: Final = timedelta(minutes=15)
#: A passkey answer is about 1 kB; with attestation certificates some more.
MAX_ANSWER: Final = 12_000

#: Signs a text with a key of this installation (Vault.form_token).
Sign = Callable[[str], str]


class PasskeyError(ValueError):
    """The browser's answer is not good: wrong site, wrong key, expired, or copied. The message is for the log."""


class RelyingParty(NamedTuple):
    """For which site a passkey works: its host name, and the origin the browser must say."""

    id: str
    origin: str


class Passkey(NamedTuple):
    """A registered passkey, as needed to check its answer."""

    id: UUID
    staff_id: UUID
    credential_id: bytes
    public_key: bytes
    sign_count: int


class NewPasskey(NamedTuple):
    """What a browser has just made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


def relying_party(site_url: str, host: str) -> RelyingParty | None:
    """The site of our passkeys; None where browsers offer none: a bare IP address has no name they could belong to.

    `host`: the request's Host. On a laptop the site answers at 127.0.0.1 and at localhost: at the latter they work.
    """
    parts = urlsplit(site_url)
    name = parts.hostname or ""
    if name in ("127.0.0.1", "::1", "localhost"):
        asked = urlsplit(f"//{host}")
        return RelyingParty("localhost", f"{parts.scheme}://{asked.netloc}") if asked.hostname == "localhost" else None
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return RelyingParty(name, f"{parts.scheme}://{parts.netloc}") if name and parts.scheme == "https" else None
    return None


def make_challenge(sign: Sign, purpose: str, now: datetime) -> bytes:
    """A challenge for `purpose` (e.g. "prove:<staff id>"): random 16 bytes, expiry, signature."""
    expires = int((now + CHALLENGE_LIFE).timestamp())
    body = secrets.token_bytes(16) + expires.to_bytes(8, "big")
    return body + bytes.fromhex(sign(_signed(purpose, body)))


def _signed(purpose: str, body: bytes) -> str:
    return f"passkey challenge\0{purpose}\0{body.hex()}"


def check_challenge(sign: Sign, purpose: str, challenge: bytes, now: datetime) -> datetime:
    """When a challenge of ours ends. Raises PasskeyError if it is not ours, not for this, or too old."""
    body, signature = challenge[:24], challenge[24:]
    if len(body) != 24 or not secrets.compare_digest(bytes.fromhex(sign(_signed(purpose, body))), signature):
        raise PasskeyError("the challenge is not one of ours")
    ends = int.from_bytes(body[16:], "big")
    if now.timestamp() >= ends:
        raise PasskeyError("the challenge has expired")
    return now + timedelta(seconds=ends - now.timestamp())


def registration_options(
    party: RelyingParty, challenge: bytes, *, user: UUID, name: str, known: Iterable[bytes] = ()
) -> str:
    """JSON for navigator.credentials.create: a passkey that is found by itself and verifies its user."""
    return webauthn.options_to_json(
        webauthn.generate_registration_options(
            rp_id=party.id,
            rp_name=RP_NAME,
            user_id=user.bytes,
            user_name=name or RP_NAME,
            user_display_name=name or RP_NAME,
            challenge=challenge,
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                require_resident_key=True,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=credential) for credential in known],
        )
    )


def authentication_options(party: RelyingParty, challenge: bytes, known: Iterable[bytes] = ()) -> str:
    """JSON for navigator.credentials.get; `known`: the passkeys of this person, none: whatever the phone has for us."""
    return webauthn.options_to_json(
        webauthn.generate_authentication_options(
            rp_id=party.id,
            challenge=challenge,
            allow_credentials=[structs.PublicKeyCredentialDescriptor(id=credential) for credential in known],
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )
    )


def _read(answer: str) -> dict[str, Any]:
    if len(answer) > MAX_ANSWER:
        raise PasskeyError("the answer is too long")
    try:
        read = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise PasskeyError("the answer is not JSON") from error
    if not isinstance(read, dict) or not isinstance(read.get("response"), dict):
        raise PasskeyError("the answer is not a passkey's")
    return read


def challenge_in(answer: str) -> bytes:
    """The challenge that a browser's answer is for. Raises PasskeyError."""
    try:
        client_data = json.loads(webauthn.base64url_to_bytes(_read(answer)["response"]["clientDataJSON"]))
        return webauthn.base64url_to_bytes(client_data["challenge"])
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error, RecursionError) as error:
        raise PasskeyError("the answer names no challenge") from error


def credential_in(answer: str) -> bytes:
    """The id of the passkey that answered. Raises PasskeyError."""
    try:
        return webauthn.base64url_to_bytes(_read(answer)["rawId"])
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise PasskeyError("the answer names no passkey") from error


def read_registration(answer: str, challenge: bytes, party: RelyingParty) -> NewPasskey:
    """A new passkey. Raises PasskeyError."""
    try:
        made = webauthn.verify_registration_response(
            credential=_read(answer),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except (exceptions.WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise PasskeyError(f"the new passkey was not accepted: {type(error).__name__}") from error
    return NewPasskey(made.credential_id, made.credential_public_key, made.sign_count)


def check_answer(answer: str, challenge: bytes, party: RelyingParty, passkey: Passkey) -> int:
    """The passkey's new sign count, if its answer is right. Raises PasskeyError: also when the count went backwards."""
    try:
        checked = webauthn.verify_authentication_response(
            credential=_read(answer),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (exceptions.WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise PasskeyError(f"the passkey's answer was not accepted: {type(error).__name__}") from error
    return checked.new_sign_count


def to_base64url(data: bytes) -> str:
    """As WebAuthn writes bytes in JSON."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
