"""The Kuma river rises: level 3 calls the dorm at the river, level 4 the office on the hill as well."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from core.db import Pool, transaction
from core.model import OrgKind
from registry.store import create_site
from tests.people import NOW, VAULT, make_org, make_resident
from tests.story.stage import stage
from tests.zone_files import HILL, KUMA, NISHIKI, RIVERSIDE, flood, import_zones, landslide, place_at, square, write

BULLETIN = """<?xml version="1.0" encoding="UTF-8"?>
<Report xmlns="http://xml.kishou.go.jp/jmaxml1/">
<Control><Title>指定河川洪水予報</Title><DateTime>{at}</DateTime><Status>通常</Status>
<EditorialOffice>熊本地方気象台</EditorialOffice><PublishingOffice>熊本地方気象台</PublishingOffice></Control>
<Head xmlns="http://xml.kishou.go.jp/jmaxml1/informationBasis1/"><Title>球磨川{name}</Title>
<ReportDateTime>{at}</ReportDateTime><TargetDateTime>{at}</TargetDateTime><EventID>890911000100</EventID>
<InfoType>発表</InfoType><Serial>{serial}</Serial><InfoKind>指定河川洪水予報</InfoKind>
<InfoKindVersion>1.0_1</InfoKindVersion><Headline><Text>球磨川では、水位が上昇</Text>
<Information type="指定河川洪水予報（予報区域）"><Item>{kind}<Areas codeType="指定河川洪水予報（予報区域）">
<Area><Name>球磨川</Name><Code>890911000100</Code></Area></Areas></Item></Information>
<Information type="指定河川洪水予報（河川）"><Item>{kind}<Areas codeType="河川">
<Area><Name>球磨川</Name><Code>{river}</Code></Area></Areas></Item></Information></Headline></Head>
<Body xmlns="http://xml.kishou.go.jp/jmaxml1/body/meteorology1/"><Warning type="指定河川洪水予報">
<Item><Kind><Property><Type>主文</Type>
<Text>【警戒レベル{level}相当】人吉基準観測所受け持ち区間　水位が上昇</Text></Property></Kind>
<Areas codeType="河川"><Area><Name>球磨川</Name><Code>{river}</Code></Area></Areas>
<Stations><Station><Name>人吉</Name><Code type="水位観測所">89091100010000011</Code></Station></Stations></Item>
<Item><Kind><Name>浸水想定地区</Name><Code>1</Code><Status>対象地域</Status>
<Property><Type>浸水想定地区</Type><Text>氾濫による浸水が想定される地区</Text></Property></Kind>
<Areas><Area codeType="水位観測所"><Name>人吉</Name><Code>89091100010000011</Code><Prefecture>熊本県</Prefecture>
<City>人吉市</City><CityCode>4320300</CityCode><SubCityList>-</SubCityList></Area></Areas></Item>
</Warning></Body></Report>"""
KINDS = {3: ("レベル３氾濫警報", "30", "３"), 4: ("レベル４氾濫危険警報", "40", "４")}


def bulletin(level: int, serial: int) -> bytes:
    """VXKO of the Kuma river in which Hitoyoshi alone is listed."""
    name, code, digit = KINDS[level]
    kind = f"<Kind><Name>{name}</Name><Code>{code}</Code><Condition>{name}（発表）</Condition></Kind>"
    at = f"2026-07-03T20:5{serial}:00+09:00"
    return BULLETIN.format(at=at, name=name, kind=kind, level=digit, serial=serial, river=KUMA).encode()


async def test_level_3_calls_the_dorm_at_the_river_and_level_4_the_office_too(
    db: Pool, db_dsn: str, data_dir: Path, tmp_path: Path
) -> None:
    async with stage(db, db_dsn, data_dir) as s:
        farm = await make_org(db, OrgKind.EMPLOYER, name="Hoshizora Farm")
        sites = {}
        for name, kind, point, codes in (
            ("River Dorm", "dorm", RIVERSIDE, None),
            ("Hill Office", "workplace", HILL, None),
            ("Nishiki Dorm", "dorm", RIVERSIDE, NISHIKI),
        ):
            place = await (place_at(db, point) if codes is None else place_at(db, point, codes=codes))
            async with transaction(db) as conn:
                sites[name] = (
                    await create_site(conn, VAULT, org_id=farm.id, kind=kind, name=name, now=NOW, place_id=place),
                    place,
                )
        # --- the maps come in, and the tend loop compares every place within its next turns
        slope = landslide(square(RIVERSIDE[0], RIVERSIDE[1] + 0.05))
        await import_zones(db, write(tmp_path, "a.geojson", flood()), write(tmp_path, "b.geojson", slope))
        await s.later(seconds=5)
        clerk = await s.signed_in(farm)
        _, page = await clerk.get("/hazards")
        assert "River Dorm" in page and "球磨川" in page and "3–5 m" in page
        dorm = await make_resident(db, farm.id, language="vi", dorm=sites["River Dorm"])
        office = await make_resident(db, farm.id, language="en", home_place_id=sites["Hill Office"][1])
        nishiki = await make_resident(db, farm.id, language="id", dorm=sites["Nishiki Dorm"])

        # --- level 3: the dorm, and the dorm in the next town that the bulletin does not list; not the hill
        await s.hears(bulletin(3, 1))
        assert s.sms_to(dorm) and s.sms_to(nishiki) and not s.sms_to(office)
        assert "Kuma" in s.sms_to(nishiki)[0] or "球磨川" in s.sms_to(nishiki)[0]

        # --- level 4: everybody whom the river's bulletin is about
        s.clock.advance(timedelta(minutes=20))
        await s.hears(bulletin(4, 2))
        assert s.sms_to(office) and len(s.sms_to(dorm)) == 2 and len(s.sms_to(nishiki)) == 2
