"""How many postal codes the open gazetteer places (all of Japan: docs/geo.md); skipped without ../shared."""

from __future__ import annotations

import tarfile
from pathlib import Path, PurePosixPath

import pytest

from geo.address import AddressIndex
from geo.areas import Areas
from geo.geocode import Geocoder
from geo.postal import PostalCodes
from geo.shapes import Shapes
from geo.towns import Towns
from geo.towns_build import build_towns
from geo.towns_source import read_gazetteer

TOWNS = Path(__file__).resolve().parents[2].parent / "shared" / "geo-samples" / "town-points"
KUMAMOTO = TOWNS / "kumamoto_towns.csv"
JAPAN = TOWNS / "japanese-addresses-api-ja.tar.gz"

SHARED = pytest.mark.skipif(not TOWNS.is_dir(), reason="../shared/geo-samples/town-points is not here")


@SHARED
def test_kumamoto(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read = read_gazetteer(KUMAMOTO.read_bytes(), KUMAMOTO.name)
    built = build_towns(
        read.rows,
        tmp_path / "towns.sqlite",
        areas=Areas.load(),
        shapes=Shapes.load(),
        postal=PostalCodes.load(),
        about={},
    )
    codes, known, near = built.matched["43"]
    with capsys.disabled():
        print(f"\n{codes} postal codes of Kumamoto: towns known {known / codes:.1%}, within 2 km {near / codes:.1%}")
    assert codes > 1_800 and built.unknown == [] and len(built.astray) < 5
    assert known >= 0.96 * codes and near >= 0.92 * codes
    towns = Towns(tmp_path / "towns.sqlite")
    places = Geocoder(Areas.load(), Shapes.load(), PostalCodes.load(), towns)
    located = [places.locate(postal_code=code) for code, _ in list(PostalCodes.load().towns({"43"}))[::50]]
    towns.close()
    assert sum(one.radius_m is not None for one in located) >= 0.85 * len(located)
    for one in located:
        if one.radius_m is not None and one.lat is not None and one.lon is not None:
            near_codes = Shapes.load().at(one.lat, one.lon, border_m=3_000)
            jis = {code[:5] for code in (*near_codes.inside, *near_codes.near)}
            assert jis & {area.code for area in one.codes if area.scheme == "jis"}, one


@SHARED
def test_every_municipality_of_the_gazetteer_is_one_of_ours() -> None:
    with tarfile.open(JAPAN) as archive:
        paths = [PurePosixPath(name) for name in archive.getnames() if name.endswith(".json")]
    names = [path.parent.name + path.stem for path in paths if path.parent.name != "api"]
    index = AddressIndex.of(Areas.load())
    assert len(names) > 1_880
    for name in names:
        assert index.find(name).jis, name


def test_every_postal_code_has_a_municipality_with_codes_of_every_scheme() -> None:
    areas = Areas.load()
    codes = PostalCodes.load().municipalities()
    assert len(codes) > 142_000
    known: set[str] = set()
    for code, municipalities in codes.items():
        assert municipalities, code
        known.update(municipalities)
    for jis in known:
        schemes = {area.scheme for area in areas.codes_for_jis(jis)}
        assert {
            "jis",
            "jma.city",
            "jma.quake_area",
            "jma.quake_pref",
            "jma.class15",
            "jma.class10",
            "jma.office",
        } <= schemes, jis
    assert sum(len(municipalities) > 1 for municipalities in codes.values()) >= 134
