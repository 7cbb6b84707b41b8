"""A small OpenID provider that speaks the real protocol: discovery, keys, code flow with PKCE, its own signing key."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

CLIENT_ID, CLIENT_SECRET = "daijobu", "s3cret"


class Issuer:
    """A running provider. `claims` change what its next id_token says; `key` and `alg` how it is signed."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.url = ""
        self.claims: dict[str, Any] = {}
        self.key: ECKey | OctKey = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig"})
        self.alg = "ES256"
        self.published = self.key.as_dict(private=False)
        self.codes: dict[str, dict[str, str]] = {}
        self.exchanged: list[str] = []

    def agree(self, location: str, email: str) -> dict[str, str]:
        """The person signs in at the provider: what it sends back with the browser."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
        assert asked["client_id"] == CLIENT_ID and "openid" in asked["scope"].split()
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked | {"email": email}
        return {"code": code, "state": asked["state"]}

    async def discovery(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks",
            }
        )

    async def jwks(self, request: web.Request) -> web.Response:
        return web.json_response({"keys": [self.published]})

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        asked = self.codes.pop(str(form.get("code")), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form.get("code_verifier")).encode()).digest())
        if (
            request.headers.get("Authorization") != f"Basic {basic}"
            or asked is None
            or asked["redirect_uri"] != form.get("redirect_uri")
            or asked["code_challenge"] != challenge.rstrip(b"=").decode()
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.exchanged.append(str(form["code"]))
        at = int(self.now.timestamp())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": "u1",
            "iat": at,
            "exp": at + 300,
            "nonce": asked["nonce"],
            "email": asked["email"],
            "email_verified": True,
        } | self.claims
        said = {name: value for name, value in claims.items() if value is not None}
        signed = jwt.encode({"alg": self.alg, "kid": "k1"}, said, self.key, [self.alg])
        return web.json_response({"access_token": "x", "token_type": "Bearer", "id_token": signed})


@asynccontextmanager
async def issuer(now: datetime) -> AsyncIterator[Issuer]:
    """Run a provider."""
    running = Issuer(now)
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", running.discovery)
    app.router.add_get("/jwks", running.jwks)
    app.router.add_post("/token", running.token)
    async with TestServer(app) as server:
        running.url = f"http://127.0.0.1:{server.port}"
        yield running
