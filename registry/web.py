"""Every page of the registry, for the website."""

from __future__ import annotations

from core.web import Route
from registry.signin_web import ROUTES as SIGN_IN_ROUTES

ROUTES: list[Route] = [
    *SIGN_IN_ROUTES,
]
