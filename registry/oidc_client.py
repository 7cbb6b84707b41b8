"""Talking to the OpenID provider: its discovery document, its keys, and the code for an id_token."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from registry.oidc import Attempt, OidcError, Provider, read_provider

_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
#: Discovery, keys and tokens are a few kB.
_MAX_BODY: Final = 200_000
#: Visitors who only open the sign-in must not make us ask the provider each time.
_REMEMBER_S: Final = 600.0


class OidcClient:
    """One provider. Its keys are asked for at every sign-in, so that a withdrawn key is worth nothing at once."""

    def __init__(self, issuer: str, client_id: str, client_secret: str) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self._secret = client_secret
        self._known: tuple[float, Provider] | None = None

    async def provider(self) -> Provider:
        """The provider's addresses, at most ten minutes old. Raises OidcError."""
        now = asyncio.get_running_loop().time()
        if self._known is not None and now - self._known[0] < _REMEMBER_S:
            return self._known[1]
        address = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        provider = read_provider(await self._ask("GET", address), self.issuer)
        self._known = (now, provider)
        return provider

    async def keys(self, provider: Provider) -> dict[str, Any]:
        """The provider's signing keys (JWKS). Raises OidcError."""
        return await self._ask("GET", provider.jwks_uri)

    async def id_token(self, provider: Provider, code: str, redirect_uri: str, attempt: Attempt) -> str:
        """Exchange the code. Raises OidcError if the provider refuses or answers without an id_token."""
        basic = f"{quote(self.client_id, safe='')}:{quote(self._secret, safe='')}".encode()
        answer = await self._ask(
            "POST",
            provider.token_endpoint,
            headers={"Authorization": "Basic " + base64.b64encode(basic).decode()},
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": attempt.verifier,
            },
        )
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise OidcError("the provider's answer has no id_token")
        return token

    async def _ask(self, method: str, address: str, **more: Any) -> dict[str, Any]:
        """A JSON object from the provider; redirects are not followed. Raises OidcError."""
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as session,
                session.request(method, address, allow_redirects=False, **more) as response,
            ):
                body = await response.content.read(_MAX_BODY)
                if response.status != 200:
                    raise OidcError(f"the provider answered {response.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise OidcError(f"the provider cannot be reached: {type(error).__name__}") from error
        try:
            read = json.loads(body)
        except ValueError as error:
            raise OidcError("the provider's answer is not JSON") from error
        if not isinstance(read, dict):
            raise OidcError("the provider's answer is not an object")
        return read
