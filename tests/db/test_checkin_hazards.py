"""The check-in page of hazards without a warning level, and of alerts that are not JMA's."""

from __future__ import annotations

from typing import Any

import pytest

from checkin.web import ROUTES
from core.db import Pool
from tests.incidents import FLOOD_CONTEXT, QUAKE_CONTEXT, QUAKE_REASON, make_incident, make_link, tell
from tests.pages import forms_of, website
from tests.people import make_org, make_resident

JMA_LINK = "https://www.jma.go.jp/bosai/"


def context(hazard: str, asks: list[str], **fields: object) -> dict[str, Any]:
    return QUAKE_CONTEXT | {"hazard": hazard, "questions": asks, "headline": "", "office": "熊本地方気象台"} | fields


def reason(level: int | str | None, tier: str = "none") -> dict[str, Any]:
    return {"home": QUAKE_REASON["home"] | {"level": level, "tier": tier}, "work": None, "worse": "home"}


VOLCANO = (context("volcano", FLOOD_CONTEXT["questions"]), reason(5, "special"))
WIND = (context("storm_wind", ["ok", "help"]), reason(None, "special"))
FLOOD = (
    context(
        "river_flood",
        FLOOD_CONTEXT["questions"],
        source="cap.example",
        office="Vedur Iceland",
        headline="Flood warning",
    ),
    reason("severe"),
)
QUAKE = (context("earthquake", ["ok", "help"], source="manual", office="town_office"), reason("extreme"))


async def page(db: Pool, case: tuple[dict[str, Any], dict[str, Any]], language: str = "en") -> str:
    severity = "severe" if case[1]["home"]["level"] == "severe" else "extreme"
    incident = await make_incident(db, context=case[0], severity=severity)
    person = await make_resident(db, (await make_org(db)).id, language=language)
    await tell(db, incident, person.id, reason=case[1])
    _, token = await make_link(db, incident, resident_id=person.id)
    async with website(db, ROUTES) as client:
        response = await client.get(f"/c/{token}")
        assert response.status == 200
        return await response.text()


@pytest.mark.parametrize(
    ("case", "title", "does", "means", "answers"),
    [
        (VOLCANO, "Volcanic alert level 5", "Leave the volcano&#39;s danger area now.", "Volcanic alert level 5:", 5),
        (WIND, "Storm Emergency Warning", "Stay in a strong building", "This is the highest kind of warning", 2),
        (FLOOD, "River flooding", "If you are near the river", "The source says: serious danger", 5),
        (QUAKE, "Earthquake", "Protect your head.", "", 2),
    ],
    ids=["volcano 5", "wind special", "CAP flood", "manual earthquake"],
)
async def test_the_page_says_what_to_do_and_what_it_means(
    db: Pool, case: tuple[dict[str, Any], dict[str, Any]], title: str, does: str, means: str, answers: int
) -> None:
    html = await page(db, case)
    assert f">{title} <span" in html or f">{title}</h1>" in html
    assert does in html and means in html
    (form,) = forms_of(html)
    assert len(form.offers["answer"]) == answers
    assert "no warning" not in html


@pytest.mark.parametrize(
    ("case", "name"), [(FLOOD, "Vedur Iceland"), (QUAKE, "Town office")], ids=["CAP flood", "manual earthquake"]
)
async def test_what_is_not_from_jma_does_not_look_like_it(
    db: Pool, case: tuple[dict[str, Any], dict[str, Any]], name: str
) -> None:
    html = await page(db, case)
    assert f"{name}, 20 Nov 11:58." in html and f"Source: {name}." in html
    assert JMA_LINK not in html and "JMA" not in html and "気象庁" not in html
    assert "town_office" not in html
    # A manual incident's severity is our staff's, not the authority's.
    assert ("The source says" in html) is (case is FLOOD)


async def test_the_source_can_be_read_in_easy_japanese(db: Pool) -> None:
    html = await page(db, QUAKE, "ja-simple")
    assert "<rt>やくば" in html and "[やくば]" not in html


async def test_what_is_from_jma_says_so(db: Pool) -> None:
    html = await page(db, WIND)
    assert "JMA, 20 Nov 11:58." in html and JMA_LINK in html
