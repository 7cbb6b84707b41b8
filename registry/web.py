"""Every page of the registry, for the website."""

from __future__ import annotations

from core.web import Route
from registry.api_tokens_web import ROUTES as API_TOKEN_ROUTES
from registry.approvals_web import ROUTES as APPROVAL_ROUTES
from registry.break_glass_web import ROUTES as BREAK_GLASS_ROUTES
from registry.card_web import ROUTES as CARD_ROUTES
from registry.duty_web import ROUTES as DUTY_ROUTES
from registry.employers_web import ROUTES as EMPLOYER_ROUTES
from registry.enrol_web import ROUTES as ENROL_ROUTES
from registry.import_web import ROUTES as IMPORT_ROUTES
from registry.oidc_web import ROUTES as OIDC_ROUTES
from registry.operator_web import ROUTES as OPERATOR_ROUTES
from registry.own_consent_web import ROUTES as OWN_CONSENT_ROUTES
from registry.own_data_web import ROUTES as OWN_DATA_ROUTES
from registry.partners_web import ROUTES as PARTNER_ROUTES
from registry.people_web import ROUTES as PEOPLE_ROUTES
from registry.personal_web import ROUTES as PERSONAL_ROUTES
from registry.poster_web import ROUTES as POSTER_ROUTES
from registry.presence_web import ROUTES as PRESENCE_ROUTES
from registry.recovery_web import ROUTES as RECOVERY_ROUTES
from registry.relations_web import ROUTES as RELATION_ROUTES
from registry.same_web import ROUTES as SAME_ROUTES
from registry.second_factor_web import ROUTES as SECOND_FACTOR_ROUTES
from registry.session_web import ROUTES as SESSION_ROUTES
from registry.signin_web import ROUTES as SIGN_IN_ROUTES
from registry.sites_web import ROUTES as SITE_ROUTES
from registry.step_up_web import ROUTES as STEP_UP_ROUTES
from registry.team_web import ROUTES as TEAM_ROUTES
from registry.volunteer_web import ROUTES as VOLUNTEER_ROUTES
from registry.walkin_web import ROUTES as WALK_IN_ROUTES

ROUTES: list[Route] = [
    *SIGN_IN_ROUTES,
    *OIDC_ROUTES,
    *IMPORT_ROUTES,
    *PEOPLE_ROUTES,
    *EMPLOYER_ROUTES,
    *SITE_ROUTES,
    *OPERATOR_ROUTES,
    *RELATION_ROUTES,
    *BREAK_GLASS_ROUTES,
    *PERSONAL_ROUTES,
    *OWN_CONSENT_ROUTES,
    *OWN_DATA_ROUTES,
    *PARTNER_ROUTES,
    *ENROL_ROUTES,
    *CARD_ROUTES,
    *PRESENCE_ROUTES,
    *SAME_ROUTES,
    *WALK_IN_ROUTES,
    *POSTER_ROUTES,
    *TEAM_ROUTES,
    *DUTY_ROUTES,
    *VOLUNTEER_ROUTES,
    *STEP_UP_ROUTES,
    *SESSION_ROUTES,
    *SECOND_FACTOR_ROUTES,
    *RECOVERY_ROUTES,
    *APPROVAL_ROUTES,
    *API_TOKEN_ROUTES,
]
