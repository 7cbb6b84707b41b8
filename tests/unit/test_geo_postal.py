"""Postal codes: every spelling people use, and the whole list of Japan Post."""

from __future__ import annotations

import threading

import pytest

from core.model import AreaCode
from geo.areas import Areas
from geo.postal import PlaceNotFound, PostalCodes, normalise_postal_code


@pytest.fixture(scope="module")
def postal() -> PostalCodes:
    return PostalCodes.load()


@pytest.mark.parametrize(
    "text",
    [
        "860-0806",
        "8600806",
        "〒860-0806",
        "〒 860 0806",
        "８６０－０８０６",
        "860ー0806",
        "860―0806",
        "860−0806",
        "860‐0806",
        " 8600806 ",
    ],
)
def test_every_spelling_is_one_code(text: str) -> None:
    assert normalise_postal_code(text) == "8600806"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("600000", "dropped a leading 0"),
        ("90210-1234", "not a Japanese one"),
        ("SW1A 1AA", "not a Japanese one"),
        ("", "needs 7 digits"),
        ("٨٦٠٠٨٠٦", "not a Japanese one"),
    ],
)
def test_what_is_no_code_says_so(text: str, complaint: str) -> None:
    with pytest.raises(PlaceNotFound, match=complaint):
        normalise_postal_code(text)


def test_a_ward_a_town_and_a_company(postal: PostalCodes) -> None:
    assert postal.find("860-0806").jis == ("43101",)
    assert postal.find("861-2233").jis == ("43443",)
    assert postal.find("861-2233").city == "上益城郡益城町"
    office = postal.find("8608601")  # Kumamoto city hall has its own code
    assert office.office and office.jis == ("43101",)


def test_a_code_of_two_municipalities_names_both(postal: PostalCodes) -> None:
    assert postal.find("498-0000").jis == ("23235", "24303")  # Yatomi and Kisosaki, over a prefecture border


def test_an_unknown_code_is_named(postal: PostalCodes) -> None:
    with pytest.raises(PlaceNotFound, match="999-9999 is not in Japan Post's list"):
        postal.find("9999999")


def test_every_code_leads_to_a_municipality_we_know(postal: PostalCodes) -> None:
    areas = Areas.load()
    codes = postal.sample(every=71)  # about 2,000 of 142,920
    assert len(codes) > 1_900
    for code in codes:
        place = postal.find(code)
        assert place.jis and all(AreaCode("jis", jis) in areas for jis in place.jis), place


def test_threads_share_the_list(postal: PostalCodes) -> None:
    wrong: list[str] = []

    def look_up() -> None:
        wrong.extend(c for c in postal.sample(every=2_000) if postal.find(c).code != c)

    threads = [threading.Thread(target=look_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
