"""Signing in with an organisation's own accounts (OpenID Connect Core 1.0, code flow with PKCE). Pure.

It signs in accounts that exist already: a verified e-mail address is looked up, nobody is ever made by it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from core.later import Later

if TYPE_CHECKING:
    from authlib.oauth2 import rfc7636
    from authlib.oauth2.rfc6749 import parameters
    from joserfc import errors, jwk, jwt
else:
    rfc7636, parameters = Later("authlib.oauth2.rfc7636"), Later("authlib.oauth2.rfc6749.parameters")
    errors, jwk, jwt = Later("joserfc.errors"), Later("joserfc.jwk"), Later("joserfc.jwt")

#: What an id_token may be signed with. Never "none", never a shared secret.
ALGORITHMS: Final = ("RS256", "PS256", "ES256")
#: How long somebody may take at the provider's page.
LIFE: Final = timedelta(minutes=10)
#: Clocks of two organisations may differ.
LEEWAY_S: Final = 60
#: `amr` values that say that more than a password was shown (RFC 8176: "mfa" is the sum; keys and fingers count alone).
_STRONG_AMR: Final = frozenset({"mfa", "hwk", "fpt", "face"})
#: `acr` values that say so: OpenID Connect EAP ACR Values, and NIST SP 800-63B's AAL 2 and 3 as login.gov writes them.
_STRONG_ACR: Final = frozenset(
    {"phr", "phrh", "http://idmanagement.gov/ns/assurance/aal/2", "http://idmanagement.gov/ns/assurance/aal/3"}
)


class OidcError(ValueError):
    """The provider's answer cannot be trusted, or names nobody. The message is for the log: no address in it."""


class Provider(NamedTuple):
    """What the provider says about itself under /.well-known/openid-configuration."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in on its way: kept, encrypted, in the browser that began it, so that no other can finish it."""

    state: str
    nonce: str
    verifier: str
    expires: float
    after: str = ""

    def dump(self) -> str:
        return json.dumps(asdict(self))


class Identity(NamedTuple):
    """Whom the provider vouches for."""

    email: str
    second_factor: bool


def read_provider(document: Mapping[str, Any], issuer: str) -> Provider:
    """Read the discovery document. Raises OidcError if it is another issuer's or its addresses are not encrypted."""
    if document.get("issuer") != issuer:
        raise OidcError("the discovery document names another issuer")
    addresses = [str(document.get(name, "")) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    for address in addresses:
        if not address.startswith("https://") and not (_is_local(issuer) and _is_local(address)):
            raise OidcError("the discovery document has an address that is not https")
    return Provider(issuer, *addresses)


def _is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "http://localhost:"))


def new_attempt(now: datetime, after: str) -> Attempt:
    """A new sign-in with its random state, nonce and PKCE verifier."""
    expires = (now + LIFE).timestamp()
    return Attempt(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), expires, after)


def read_attempt(text: str, now: datetime) -> Attempt:
    """The attempt from the cookie. Raises OidcError if it is none, or too old."""
    try:
        attempt = Attempt(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise OidcError("the browser brought no attempt of ours") from error
    if now.timestamp() >= attempt.expires:
        raise OidcError("the attempt is too old")
    return attempt


def authorization_url(provider: Provider, client_id: str, redirect_uri: str, attempt: Attempt) -> str:
    """Where the browser goes to sign in at the provider."""
    return str(
        parameters.prepare_grant_uri(
            provider.authorization_endpoint,
            client_id=client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope="openid email",
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=rfc7636.create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
        )
    )


def check_state(attempt: Attempt, state: str) -> None:
    """Whether the answer belongs to this browser's attempt. Raises OidcError."""
    if not secrets.compare_digest(attempt.state.encode(), state.encode()):
        raise OidcError("the answer belongs to another attempt")


def check_id_token(
    token: str, keys: Mapping[str, Any], provider: Provider, client_id: str, nonce: str, now: datetime
) -> Identity:
    """Whom a provider's id_token is about.

    `keys`: the provider's JWKS document. Raises OidcError unless signature, algorithm, iss, aud, azp, exp, iat and
    nonce are right (OpenID Connect Core 1.0, 3.1.3.7) and the e-mail address is verified.
    """
    try:
        read = jwt.decode(token, jwk.KeySet.import_key_set({"keys": list(keys.get("keys", []))}), list(ALGORITHMS))
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": provider.issuer},
            aud={"essential": True, "value": client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        registry.validate(read.claims)
    except (errors.JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise OidcError(f"the id_token was not accepted: {type(error).__name__}") from error
    claims = read.claims
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != client_id:
        raise OidcError("the id_token is for somebody else as well")
    email = claims.get("email")
    if not isinstance(email, str) or "@" not in email or claims.get("email_verified") is not True:
        raise OidcError("the provider did not verify an e-mail address")
    return Identity(email, _second_factor(claims))


def _second_factor(claims: Mapping[str, Any]) -> bool:
    amr = claims.get("amr")
    strong = isinstance(amr, list) and any(isinstance(value, str) and value in _STRONG_AMR for value in amr)
    return strong or claims.get("acr") in _STRONG_ACR
