"""Municipalities out of address texts, Japanese and romaji. Ambiguous names are refused, never guessed."""

from __future__ import annotations

import pytest

from geo.address import AddressIndex, postal_code_in
from geo.areas import Areas
from geo.postal import PlaceNotFound


@pytest.fixture(scope="module")
def index() -> AddressIndex:
    return AddressIndex(Areas.load())


@pytest.mark.parametrize(
    ("text", "jis"),
    [
        ("熊本県熊本市東区健軍本町1-1", "43102"),
        ("熊本市東区健軍本町", "43102"),
        ("熊本県 熊本市　中央区 手取本町１", "43101"),
        ("熊本県熊本市", "43100"),
        ("熊本県上益城郡益城町宮園702", "43443"),
        ("益城町宮園702", "43443"),
        ("〒861-2233 熊本県益城町惣領", "43443"),
        ("グリーンハイツ 熊本県合志市1", "43216"),
        ("日本国熊本県八代市西松江城町", "43202"),
        ("神奈川県茅ヶ崎市", "14207"),
        ("神奈川県茅ケ崎市", "14207"),
        ("京都市北区", "26101"),
        ("世田谷区太子堂", "13112"),
        ("福島県郡山市", "07203"),
        ("くまもとけん くまもとし ひがしく", "43102"),
        ("クマモトケンヤツシロシ", "43202"),
        ("Kumamoto-shi Higashi-ku Kengun 1-2-3", "43102"),
        ("1-2-3 Kengun, Higashi-ku, Kumamoto-shi, Kumamoto 862-0911, Japan", "43102"),
        ("Higashi Ward, Kumamoto City", "43102"),
        ("Mashiki-machi, Kamimashiki-gun, Kumamoto-ken", "43443"),
        ("Mashiki Town, Kumamoto", "43443"),
        ("Kōshi City, Kumamoto Prefecture", "43216"),
        ("KOSHI-SHI KUMAMOTO", "43216"),
        ("Yatsushiro-shi", "43202"),
        ("Osaka-shi Kita-ku Umeda", "27127"),
        ("Ohtawara-shi", "09210"),
        ("Setagaya-ku, Tokyo", "13112"),
    ],
)
def test_addresses(index: AddressIndex, text: str, jis: str) -> None:
    assert index.find(text).jis == (jis,)


def test_a_name_in_two_prefectures_is_refused(index: AddressIndex) -> None:
    for text in ("府中市宮町", "Fuchu City"):
        with pytest.raises(PlaceNotFound, match="東京都, 広島県: write the prefecture"):
            index.find(text)
    assert index.find("東京都府中市").jis == ("13206",)
    assert index.find("Fuchu-shi, Hiroshima").jis == ("34208",)


def test_the_region_decides_between_equal_names_and_nothing_else(index: AddressIndex) -> None:
    assert index.find("府中市", prefectures={"34"}).jis == ("34208",)
    assert index.find("東京都府中市", prefectures={"34"}).jis == ("13206",)


@pytest.mark.parametrize(
    "text", ["foo bar baz", "ハノイ", "熊本", "熊本県", "Kumamoto", "うきしまハイツ", "株式会社大阪", "12345"]
)
def test_what_names_no_municipality_is_refused(index: AddressIndex, text: str) -> None:
    with pytest.raises(PlaceNotFound, match="names no municipality"):
        index.find(text)


def test_a_bare_ward_name_is_not_taken_for_tokyo(index: AddressIndex) -> None:
    for text in ("中央区水道町1-2", "Chuo-ku Suidocho 1-2"):
        with pytest.raises(PlaceNotFound, match="write the prefecture"):
            index.find(text)
    assert index.find("中央区水道町1-2", prefectures={"43"}).jis == ("43101",)
    assert index.find("熊本県中央区水道町").jis == ("43101",)
    assert index.find("Chuo-ku, Kumamoto-ken").jis == ("43101",)
    assert index.find("東京都中央区").jis == ("13102",)
    assert index.find("Chuo-ku, Tokyo").jis == ("13102",)
    assert index.find("神奈川県緑区").jis == ("14113", "14151")  # two cities have one: both are kept


def test_every_municipality_is_found_by_its_own_address(index: AddressIndex) -> None:
    for row in Areas.load().rows("jis"):
        assert index.find(row.address + "1丁目2-3").jis == (row.code,), row


def test_romaji_of_kumamoto_finds_every_town(index: AddressIndex) -> None:
    kinds = {"市": "shi", "町": "machi", "村": "mura"}
    areas = Areas.load()
    for jis in areas.municipalities("43"):
        row = areas.row("jis", jis)
        if row.name[-1] in kinds:
            stem = row.latin.removesuffix("-shi")
            assert index.find(f"{stem}-{kinds[row.name[-1]]}, Kumamoto-ken").jis == (jis,)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("〒861-2233 熊本県益城町", "8612233"),
        ("〒８６１２２３３熊本県", "8612233"),
        ("8612233 熊本県", "8612233"),
        ("Mashiki, Kumamoto 861-2233 Japan", "8612233"),
        ("熊本県益城町 TEL 096-286-3111", ""),
        ("熊本県益城町宮園702", ""),
        ("電話0962863111", ""),
    ],
)
def test_postal_codes_inside_addresses(text: str, code: str) -> None:
    assert postal_code_in(text) == code
