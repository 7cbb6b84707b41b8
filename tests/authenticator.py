"""A passkey authenticator in a few lines (WebAuthn Level 3, ES256, attestation "none"), for tests without a browser."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import secrets
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

_PRESENT, _VERIFIED, _HAS_KEY = 0x01, 0x04, 0x40


def options_on(page: str, kind: str) -> dict[str, Any]:
    """The options of the passkey button of a page ("create" or "get")."""
    found = re.search(rf'data-passkey="{kind}" data-options="([^"]*)"', page)
    assert found, f"the page has no passkey button of kind {kind}"
    read = json.loads(html.unescape(found.group(1)))
    assert isinstance(read, dict)
    return read


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Authenticator:
    """One passkey of one person. `verified`: whether it says that it knows its user."""

    def __init__(self, origin: str, *, verified: bool = True) -> None:
        self.origin = origin
        self.verified = verified
        self.id = secrets.token_bytes(20)
        self.count = 0
        self._key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: dict[str, Any]) -> str:
        """The answer to navigator.credentials.create, as the page's script sends it."""
        numbers = self._key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cose
        data = self._data(options["rp"]["id"], _HAS_KEY) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer("webauthn.create", options["challenge"], {"attestationObject": _text(attestation)})

    def get(self, options: dict[str, Any]) -> str:
        """The answer to navigator.credentials.get."""
        self.count += 1
        data = self._data(options["rpId"], 0)
        client = self._client("webauthn.get", options["challenge"])
        signature = self._key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {"authenticatorData": _text(data), "signature": _text(signature), "userHandle": None}
        return self._answer("webauthn.get", options["challenge"], response)

    def _data(self, rp_id: str, flags: int) -> bytes:
        flags |= _PRESENT | (_VERIFIED if self.verified else 0)
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _answer(self, kind: str, challenge: str, response: dict[str, Any]) -> str:
        client = _text(self._client(kind, challenge))
        return json.dumps(
            {
                "id": _text(self.id),
                "rawId": _text(self.id),
                "type": "public-key",
                "clientExtensionResults": {},
                "response": {"clientDataJSON": client, **response},
            }
        )
