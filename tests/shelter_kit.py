"""Invented shelters around the dorm in Mashiki where tests let people live."""

from __future__ import annotations

from core.db import Pool
from ops.geo_shelters import import_list
from tests.people import NOW, Person
from tests.unit.test_gsi_shelters import STAYING, emergency_row, table

#: Latitude and longitude of what the tests' dorm is stored as.
DORM = (32.79, 130.82)

EVERYTHING = dict.fromkeys(
    ("洪水", "崖崩れ、土石流及び地滑り", "高潮", "地震", "津波", "大規模な火事", "内水氾濫", "火山現象"), "1"
)


async def make_shelters(db: Pool) -> None:
    """Two sites for every danger with long names, one for earthquakes alone, one house, one house for some."""
    rows = [
        emergency_row(1, 緯度="32.8075", 経度="130.8202", **EVERYTHING)
        | {"施設・場所名": "架空益城町総合運動公園多目的広場"},
        emergency_row(2, 緯度="32.7800", 経度="130.8300", **EVERYTHING)
        | {"施設・場所名": "架空益城町立第二中学校体育館"},
        emergency_row(3, 緯度="32.7905", 経度="130.8260") | {"施設・場所名": "架空公園", "備考": "車中泊用避難所"},
    ]
    houses = [
        emergency_row(共通ID="E4344300002111", 緯度="32.7800", 経度="130.8300"),
        emergency_row(共通ID="E4344300007111", 緯度="32.7950", 経度="130.8200") | {"施設・場所名": "架空公民館"},
        emergency_row(共通ID="E4344300008121", 緯度="32.7902", 経度="130.8202", 受入対象者="要配慮者"),
    ]
    await import_list(db, "43443_2.csv", table(rows).encode(), now=NOW, say=lambda line: None)
    await import_list(db, "43443_1.csv", table(houses, STAYING).encode(), now=NOW, say=lambda line: None)


SQL_WORK_AT_HOME = """
INSERT INTO resident_place (resident_id, kind, place_id)
SELECT resident_id, 'work', place_id FROM resident_place WHERE resident_id = $1 AND kind = 'home'
"""


async def works_at_home(db: Pool, person: Person) -> None:
    """The person's workplace stands where their home is."""
    await db.execute(SQL_WORK_AT_HOME, person.id)
