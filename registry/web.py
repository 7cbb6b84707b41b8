"""Every page of the registry, for the website."""

from __future__ import annotations

from core.web import Route
from registry.import_web import ROUTES as IMPORT_ROUTES
from registry.operator_web import ROUTES as OPERATOR_ROUTES
from registry.people_web import ROUTES as PEOPLE_ROUTES
from registry.personal_web import ROUTES as PERSONAL_ROUTES
from registry.signin_web import ROUTES as SIGN_IN_ROUTES
from registry.sites_web import ROUTES as SITE_ROUTES
from registry.team_web import ROUTES as TEAM_ROUTES

ROUTES: list[Route] = [
    *SIGN_IN_ROUTES,
    *IMPORT_ROUTES,
    *PEOPLE_ROUTES,
    *SITE_ROUTES,
    *OPERATOR_ROUTES,
    *PERSONAL_ROUTES,
    *TEAM_ROUTES,
]
