"""The line "may see my answer" names the organisation, and says "company" to a company's people only."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.db import Pool, transaction
from core.i18n import Catalogs
from core.model import OrgKind
from registry import store
from registry.consent_store import wording
from tests.people import NOW, VAULT, make_org, make_resident
from tests.staff_site import staff_site

CATALOGS = Catalogs.load()
SAY = CATALOGS.sayer("en")
LATER = NOW + timedelta(days=1)
COMPANY, ORG = "My company may see", "This organisation may see"


@pytest.mark.parametrize(
    ("kind", "said", "more"),
    [
        (OrgKind.EMPLOYER, COMPANY, "consent.C2.more"),
        (OrgKind.COMMUNITY, ORG, "consent.C2.org.more"),
        (OrgKind.PARTNER, ORG, "partners.sees"),
    ],
)
async def test_at_the_first_asking(db: Pool, kind: OrgKind, said: str, more: str) -> None:
    org = await make_org(db, kind, name="Hidamari")
    person = await make_resident(db, org.id, language="en", enrolled=False)
    async with transaction(db) as conn:
        token = await store.personal_token(conn, VAULT, person.id)
    async with staff_site(db) as site:
        html = (await site.visitor().get(f"/p/{token}?lang=en"))[1]
        assert "Hidamari" in html and said in html and str(SAY(more)) in html
        assert (COMPANY in html) is (said is COMPANY)
        await site.visitor().post(f"/p/{token}", {"language": "en", "C1": "1", "C2": "1"})
    body = await db.fetchval(
        "SELECT t.body FROM consent c JOIN consent_text t ON t.sha256 = c.text_sha256 WHERE c.scope = 'C2' AND c.given"
    )
    assert body == wording(CATALOGS, "C2", "en", [kind]) and body.startswith(said)


async def test_each_switch_in_the_words_of_its_organisation(db: Pool) -> None:
    firm, group = await make_org(db, name="Aozora Foods"), await make_org(db, OrgKind.COMMUNITY, name="Hidamari")
    person = await make_resident(db, firm.id, language="en")
    await db.execute(
        "INSERT INTO membership (resident_id, org_id, created_at) VALUES ($1, $2, $3)",
        person.id,
        group.id,
        NOW + timedelta(days=1),
    )
    async with transaction(db) as conn:
        token = await store.personal_token(conn, VAULT, person.id)
    async with staff_site(db) as site:
        html = (await site.visitor().get(f"/p/{token}/consent?lang=en"))[1]
        assert html.count(COMPANY) == 1 and html.count(ORG) == 1
        await site.visitor().post(
            f"/p/{token}/consent?lang=en", {"C1": "1", f"C2-{firm.id}": "1", f"C2-{group.id}": "1"}
        )
    rows = await db.fetch(
        "SELECT c.viewer_org, t.body FROM consent c JOIN consent_text t ON t.sha256 = c.text_sha256"
        " WHERE c.scope = 'C2' AND c.viewer_org IS NOT NULL"
    )
    said = {row["viewer_org"]: row["body"] for row in rows}
    assert said[group.id].startswith(ORG) and said.get(firm.id, COMPANY).startswith(COMPANY)
