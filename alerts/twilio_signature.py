"""Whether a call-back comes from Twilio: its signature over our public URL, the raw path and all fields.

The host and scheme come from the settings, never from the request: behind a proxy that ends TLS they differ from what
was signed. (Twilio, "Webhooks security", twilio.com/docs/usage/webhooks/webhooks-security.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.later import Later

if TYPE_CHECKING:
    from twilio import request_validator as twilio_signature
else:
    twilio_signature = Later("twilio.request_validator")


class SignatureCheck:
    """Checks with each token there is: the present one and, while it is being changed, the one before."""

    def __init__(self, site_url: str, tokens: Sequence[str]) -> None:
        self._site = site_url
        self._validators = [twilio_signature.RequestValidator(token) for token in tokens]

    def fits(self, path_and_query: str, fields: Mapping[str, Any], headers: Mapping[str, str], fragment: str) -> bool:
        """Whether the signature fits.

        `path_and_query`: as they came over the wire. `fields`: the form as a multi-dictionary, blanks kept. `fragment`:
        of the address that we gave to Twilio; it is not signed today, and a signature with it is right as well.
        """
        signature = headers.get("X-Twilio-Signature", "")
        if not signature:
            return False
        algorithm = twilio_signature.get_signature_algorithm(headers.get(twilio_signature.SIGNATURE_SETTINGS_HEADER))
        plain = self._site + path_and_query
        try:
            return any(
                validator.validate(url, fields, signature, algorithm)
                for validator in self._validators
                for url in ((plain, plain + fragment) if fragment else (plain,))
            )
        except ValueError:  # an algorithm that the package does not know
            return False
