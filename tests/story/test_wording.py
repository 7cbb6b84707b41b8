"""Two people approve the last alert texts of Vietnamese: the next alert stands alone. One text changes: it does not.

The others came approved with the program (their stamps stand in the file, as an export has them): approving all of them
through pages would be the same step a hundred times.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from alerts.compose import ALERT_PREFIXES
from alerts.deps import Deps
from alerts.review import May, Reviewer
from alerts.wording_book import WordingBook
from alerts.wording_store import grant
from alerts.wording_web import ROUTES
from core import po
from core.audit import Actor
from core.clock import FixedClock
from core.db import Pool, transaction
from core.i18n import Catalogs
from core.model import OrgKind, Role
from core.po import ReviewState
from registry.records import NewContact
from tests.alerts_kit import CATALOGS, MASHIKI, NOON, city, hear, quake, region, wires
from tests.people import MASHIKI as MASHIKI_CODES
from tests.people import NOW, make_org, make_place, make_resident, make_staff
from tests.staff_site import Visitor, staff_site

MARK = CATALOGS.say("vi", "alert.unreviewed.short")
SQL_SMS = """
SELECT t.body, t.language, t.unreviewed FROM message m JOIN alert_text t ON t.id = m.text_id
WHERE m.channel = 'sms' ORDER BY m.id DESC LIMIT 1
"""
#: What nobody has checked yet when the story begins.
LEFT = ("do.earthquake.extreme", "do.earthquake.severe")


def files() -> Catalogs:
    """The program's files, all alert texts of Vietnamese approved but those in LEFT."""
    done = {
        key: po.stamped(CATALOGS.entry("vi", key), ReviewState.APPROVED, by="r0", on=NOW.date())
        for key in CATALOGS.keys("en")
        if key.startswith(ALERT_PREFIXES) and key not in LEFT
    }
    return CATALOGS.with_entries("vi", done)


@dataclass
class People:
    """Who works on Vietnamese: Anna proposes, Binh reads, Chi approves."""

    anna: Visitor
    binh: Visitor
    chi: Visitor


async def act(visitor: Visitor, key: str, **fields: str) -> None:
    page = f"/wording/vi/{key}"
    _, html = await visitor.get(page)
    hidden = {name: re.findall(rf'name="{name}" value="([^"]+)"', html) for name in ("form_token", "of")}
    sent = {"form_token": hidden["form_token"][-1], **fields} | ({"of": hidden["of"][0]} if hidden["of"] else {})
    status, text = await visitor.post(page, sent, allow_redirects=False)
    assert status == 303, text


async def shake(deps: Deps, day: int) -> tuple[str, str, bool]:
    """An earthquake on another day: the SMS it makes, its language, and whether it is marked as unreviewed."""
    clock = deps.clock
    assert isinstance(clock, FixedClock)
    clock.advance(timedelta(days=1))
    await hear(deps, quake(region("6-"), city(MASHIKI, "6-"), at=clock.now(), id=f"202611{20 + day}115800"))
    row = await deps.pool.fetchrow(SQL_SMS)
    return row["body"], row["language"], row["unreviewed"]


async def test_a_language_becomes_its_own_and_loses_it_again(db: Pool, db_dsn: str) -> None:
    phone = NewContact("push", '{"endpoint": "https://push.example/1"}')
    await make_resident(db, home_place_id=await make_place(db, MASHIKI_CODES), language="vi", contacts=[phone])
    office = await make_org(db, OrgKind.OPERATOR)
    staff: list[UUID] = []
    rights = {"r-anna": May.TRANSLATE, "r-binh": May.REVIEW, "r-chi": May.APPROVE}
    async with transaction(db) as conn:
        for pseudonym, may in rights.items():
            staff.append(await make_staff(conn, office.id, Role.TRANSLATOR))
            who = Reviewer(staff[-1], "vi", pseudonym, frozenset({may}))
            assert await grant(conn, who, Actor("operator"), office.staff_id, NOW)
    clock = FixedClock(NOON)
    async with wires(db, db_dsn, clock=clock) as bare:
        deps = replace(bare, catalogs=WordingBook(files()))  # of the process that decides
        website = replace(bare, catalogs=WordingBook(files()))  # of another one
        async with staff_site(db, clock=FixedClock(NOW), extras={"deps": website}, more_routes=ROUTES) as site:
            site.app_site.catalogs = website.catalogs
            at = People(*[await site.signed_in_as(one) for one in staff])

            body, language, unreviewed = await shake(deps, 1)
            assert language == "vi" and unreviewed and MARK in body

            for key in LEFT:
                await act(at.binh, key, step="review")
                await act(at.chi, key, step="approve", back_translation="Protect your head. Leave the building.")
            body, language, unreviewed = await shake(deps, 2)
            assert language == "vi" and not unreviewed and MARK not in body
            pushed = await db.fetch("SELECT body FROM alert_text WHERE channel = 'push' ORDER BY id")
            assert ["EARTHQUAKE" in row["body"] for row in pushed] == [True, False], (
                "English stands no longer beside it"
            )

            await act(at.anna, LEFT[0], step="propose", text=CATALOGS.say("vi", LEFT[0]).replace("Hãy", "Xin hãy", 1))
            assert not (await shake(deps, 3))[2], "a proposal takes nothing away from what is approved"

            await act(at.chi, LEFT[0], step="send_back", note="not yet")  # the proposal
            await act(at.binh, LEFT[0], step="send_back", note="people took it for advice")  # the text itself
            body, _, unreviewed = await shake(deps, 4)
            assert unreviewed and MARK in body
