"""How people write where they live, and the municipality that each writing must give."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.address import AddressIndex
from geo.areas import Areas
from geo.old_names import old_names, read_old_names
from geo.postal import PlaceNotFound
from geo.tables import AreaDataError

#: JIS code and the writings that must give it, looked up as a clerk in Kumamoto would: region 43.
TABLE = """
43100 熊本市 | 熊本県熊本市 | Kumamoto-shi | Kumamoto City | kumamoto shi | Kumamotoshi | KUMAMOTO-CITY, JAPAN
43100 くまもとし | クマモトシ | ｸﾏﾓﾄｼ | Ｋｕｍａｍｏｔｏ－ｓｈｉ | Kumamoto-si | くまもと市
43100 Kumamoto, Kumamoto, Japan | 熊本縣熊本市
43101 熊本市中央区 | 熊本県熊本市中央区花畑町1-1 | Chūō-ku | Chuo-ku | Chuou ku | Chuo Ward, Kumamoto
43101 Chuo-ku, Kumamoto City, Kumamoto 860-0806, Japan | 1-1 Hanabatacho, Chūō-ku, Kumamoto-shi, Kumamoto-ken
43101 Kumamotoshi Chuoku | Chūō ku | CHUO-KU KUMAMOTO-SHI | Tyuuou-ku, Kumamoto-si | Chuuou-ku Kumamoto
43101 Chuoh-ku, Kumamoto | くまもとし ちゅうおうく | クマモトシチュウオウク | 熊本市中央區
43101 Kumamoto, Chuo Ward, Suizenji 6 | 中央区水道町1
43102 Higashi-ku, Kumamoto | 熊本市东区 | 熊本市東區 | Higasi ku Kumamoto si | 東区健軍本町
43102 Kumamoto-shi Higashi-ku Kengun 1-2-3 | 熊本 東区
43103 Nishi-ku, Kumamoto City | 熊本市西区春日3-15-1 | Nisi-ku Kumamoto
43104 Minami-ku, Kumamoto | 熊本市南区城南町 | Minami Ward Kumamoto City | 城南町 | 富合町 | 熊本市城南町
43105 Kita-ku, Kumamoto | 熊本市北区植木町 | Ueki-machi, Kita-ku, Kumamoto-shi | 熊本市植木町岩野 | 植木町
43105 鹿本郡植木町 | Ueki Town, Kumamoto
43403 大津町 | 熊本県大津町 | 菊池郡大津町室 | 熊本県菊池郡大津町大字引水 | Ozu-machi | Ōzu-machi | Oozu machi
43403 Ohzu-machi, Kikuchi-gun | OZU TOWN | Ōzu, Kikuchi District, Kumamoto 869-1233 | Oodu-mati | おおづまち
43403 オオヅマチ | おおずまち | おおづ町 | Ozu | Ozu cho, Kumamoto | Ōzu town, Kumamoto
43443 益城町 | 上益城郡益城町 | Mashiki town | Mashiki-machi | Masiki-mati | Mashiki | mashikimachi | ましきまち
43443 マシキマチ | ましき町 | マシキ町 | Mashiki, Kamimashiki District, Kumamoto 861-2242 | 益城町宮園７０２
43443 くまもとけんかみましきぐんましきまち | Mashiki Chō | Kumamoto Mashiki machi
43513 Kuma-mura | 球磨村 | Kuma Village | Kuma mura, Kuma-gun, Kumamoto | くまむら | 球磨郡球磨村渡 | Kumamura
43513 Kuma-son
43215 Amakusa shi | Amakusa | 天草市 | Amakusa-shi Hondo-machi | あまくさし | 本渡市 | Hondo-shi | 牛深市
43215 Ushibuka City, Kumamoto | 天草郡有明町 | 御所浦町
43212 Kami-Amakusa shi | Kamiamakusa City | 上天草市 | Kami Amakusa | 大矢野町 | 松島町 | 姫戸町 | 龍ヶ岳町
43212 龍ケ岳町 | 竜ヶ岳町 | 龍が岳町 | Ryugatake-machi
43433 Minamiaso-mura | Minami Aso mura | Minami-Aso | 南阿蘇村 | 南阿苏村
43433 Minami Aso Village, Aso District, Kumamoto | 白水村 | 久木野村 | 長陽村 | 长阳村
43214 阿苏市 | Aso-shi | Aso, Kumamoto | 阿蘇町 | 一の宮町 | 一ノ宮町 | 波野村
43404 菊阳町 | Kikuyo-machi | Kikuyō | Kikuyou machi | 菊陽町津久礼
43216 Koshi-shi | Kōshi City | Koushi-shi | Kohshi city | 合志市 | 合志町 | 西合志町 | Nishigoshi-machi
43202 Yatsushiro | Yatushiro-shi | Yatsusiro si | 八代市 | やつしろ市 | 鏡町 | 坂本村 | 千丁町 | 東陽村 | 泉村
43202 Sakamoto-mura, Yatsushiro-gun, Kumamoto-ken
43203 Hitoyoshi-shi | 人吉市
43204 Arao | 荒尾市
43205 Minamata City
43206 Tamana-shi | 玉名市 | 岱明町 | 横島町 | 天水町
43208 Yamaga | 鹿北町 | 菊鹿町 | 鹿本町 | 鹿央町
43210 Kikuchi-shi | 旭志村 | 泗水町 | 七城町
43211 Uto-shi
43213 Uki City | うきし | 宇城市 | 松橋町 | 熊本県下益城郡松橋町 | Matsubase-machi | Matsubase, Kumamoto
43213 三角町波多 | 不知火町 | 小川町 | 豊野町 | まつばせまち
43348 Misato-machi, Kumamoto | 下益城郡美里町 | 砥用町 | 下益城郡中央町
43364 Gyokuto-machi | 玉东町
43367 Nankan | 南关町
43368 Nagasu-machi | 长洲町
43369 Nagomi-machi | 菊水町 | 三加和町
43423 Minamioguni | Minami-Oguni-machi
43424 Oguni
43425 Ubuyama-mura | 产山村
43428 Takamori
43432 Nishihara-mura
43441 Mifune-machi
43442 Kashima-machi, Kamimashiki-gun | 嘉岛町
43444 Kosa-machi
43447 Yamato-cho, Kumamoto | Yamato-chō, Kamimashiki | 矢部町 | 清和村 | 蘇陽町
43468 Hikawa | 冰川町 | 竜北町 | 龍北町 | 宮原町
43482 Ashikita | 田浦町
43484 Tsunagi-machi | Tunagi-mati
43501 Nishiki-machi | 锦町
43505 Taragi
43506 Yunomae-machi | 湯前町 | 汤前町
43507 Mizukami-mura
43510 Sagara-mura
43511 Itsuki-mura | Ituki-mura
43512 Yamae-mura
43514 Asagiri-cho | Asagiri-machi | 免田町 | 上村 | 岡原村 | 須恵村 | 深田村
43531 Reihoku
46218 鹿児島県国分市
44213 大分県湯布院町
42207 長崎県北松浦郡大島村
47213 沖縄県具志川市
40230 福岡県糸島郡前原市
41425 佐賀県杵島郡有明町
13112 Setagaya-ku | 世田谷区
40132 Fukuoka-shi Hakata-ku | 福冈市博多区 | Hakata Ward, Fukuoka
40106 Kitakyushu City, Kokurakita Ward | Kokura-kita-ku, Kitakyūshū-shi
27227 Higashi-Osaka City | Higashiōsaka-shi, Osaka-fu
42201 Nagasaki City
46201 鹿儿岛市 | Kagoshima-shi
44201 Ōita City, Oita | Oita-shi
23211 Toyota-shi, Aichi-ken
41327 吉野ケ里町 | 佐賀県神埼郡吉野ヶ里町
14207 茅ヶ崎市 | 茅ケ崎市 | 茅が崎市
19208 南アルプス市 | Minami-Alps-shi
"""
WRITINGS = [(text, line[:5]) for line in TABLE.strip().splitlines() for text in line[6:].split(" | ")]


@pytest.fixture(scope="module")
def index() -> AddressIndex:
    return AddressIndex(Areas.load())


@pytest.mark.parametrize(("text", "jis"), WRITINGS)
def test_a_writing_gives_its_municipality(index: AddressIndex, text: str, jis: str) -> None:
    assert index.find(text, {"43"}).jis == (jis,)


def test_the_town_stays_for_the_gazetteer(index: AddressIndex) -> None:
    assert index.find("熊本県上益城郡益城町大字宮園７０２").rest == "大字宮園702"
    assert index.find("熊本市 中央区 花畑町１番１号").rest == "花畑町1番1号"


def test_an_old_name_says_what_it_is_today(index: AddressIndex) -> None:
    assert index.find("熊本県松橋町").old == ("松橋町", "宇城市")
    assert index.find("Matsubase-machi, Kumamoto").old == ("松橋町", "宇城市")
    assert index.find("浜松市北区初生町").jis == ("22138", "22139")  # divided: both are kept
    assert index.find("熊本県宇城市松橋町").old == ()


@pytest.mark.parametrize(
    ("text", "region", "candidates"),
    [
        ("有明町大浦1", (), "長崎県島原市 .once 有明町.*熊本県天草市"),
        ("松島町", (), "宮城県, 熊本県上天草市"),
        ("Ariake-machi", (), "熊本県天草市"),
        ("松島町", ("04", "43"), "write the prefecture"),
    ],
)
def test_an_old_name_in_several_prefectures_is_refused(
    index: AddressIndex, text: str, region: tuple[str, ...], candidates: str
) -> None:
    with pytest.raises(PlaceNotFound, match=candidates):
        index.find(text, region)


@pytest.mark.parametrize(
    "text",
    [
        "Kumamoto",
        "Kengun 1-2-3",
        "Sakura Heights, Kumamoto-ken",
        "Hanoi",
        "Cebu City",
        "東京マンション",
        "うきしまハイツ",
    ],
)
def test_what_names_no_municipality_is_refused_in_the_region_too(index: AddressIndex, text: str) -> None:
    with pytest.raises(PlaceNotFound, match="names no municipality"):
        index.find(text, {"43"})


def test_every_old_name_leads_to_a_municipality_of_its_prefecture(index: AddressIndex) -> None:
    areas = Areas.load()
    for old in old_names():
        for jis, today in zip(old.jis, old.today.split("・"), strict=True):
            assert areas.row("jis", jis).address.endswith(today), old
        address = areas.prefecture_name(old.jis[0]) + old.name
        found = index.find(address)
        assert found.jis == old.jis and found.old == (old.name, old.today), old


def test_nobody_of_kumamoto_is_forgotten() -> None:
    kumamoto = [old for old in old_names() if old.prefecture == "43" and not old.name.startswith("熊本市")]
    assert len(kumamoto) == 60 and all(old.kana for old in kumamoto)


def test_a_damaged_table_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "old_names.tsv"
    path.write_text("# head\n43\t松橋町\tまつばせまち\t4321\t宇城市\t2005-01-15\n", encoding="utf-8")
    with pytest.raises(AreaDataError, match="line 2"):
        read_old_names(path)
