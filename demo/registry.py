"""The fictional registry of the demo, as the spreadsheets an organisation would upload.

Nothing here writes to the database: the demo imports these files through the same door as everybody else.
"""

from __future__ import annotations

import csv
import io
import random
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FACTS = Path(__file__).with_name("registry.toml")
#: Invented shelters, in the form of GSI's lists.
SHELTERS = Path(__file__).with_name("shelters.csv")

#: Headings in the registry's own Japanese words (DESIGN §5).
HEADINGS = (
    "社員番号", "氏名", "言語", "第二言語", "電話番号", "雇用企業", "勤務先", "勤務先郵便番号", "勤務先住所",
    "寮", "部屋", "自宅郵便番号", "自宅住所", "自宅緯度", "自宅経度",
)  # fmt: skip

#: One person in so many has no phone number: a full citizen of the registry, and unreachable until someone visits.
_NO_PHONE_EVERY = 23


@dataclass(frozen=True, slots=True)
class Upload:
    """One spreadsheet: who uploads it and its bytes (CSV, UTF-8 with BOM, as Excel writes it)."""

    org_slug: str
    file_name: str
    body: bytes
    people: int


def load_facts(path: Path = FACTS) -> dict[str, Any]:
    """The registry's facts: organisations, staff, parts of names."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def uploads(facts: dict[str, Any], people: int, seed: int = 20160414) -> list[Upload]:
    """The uploads that make a registry of exactly `people` residents; the same seed gives the same people."""
    rng = random.Random(seed)
    homes = _homes(facts)
    counts = _share([home["people"] for home in homes], people)
    rows: dict[str, list[dict[str, str]]] = {}
    serial = 0
    for home, count in zip(homes, counts, strict=True):
        for _ in range(count):
            serial += 1
            rows.setdefault(home["org"]["slug"], []).append(_person(rng, facts, home, serial))
    supervised = {child: org["slug"] for org in facts["organisations"] for child in org.get("supervises", [])}
    files: dict[str, list[dict[str, str]]] = {}
    for slug, people_rows in rows.items():
        files.setdefault(supervised.get(slug, slug), []).extend(people_rows)
    return [Upload(slug, f"{slug}.csv", _csv(file_rows), len(file_rows)) for slug, file_rows in files.items()]


def _homes(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Every dorm and every own home, each with its organisation."""
    found: list[dict[str, Any]] = []
    for org in facts["organisations"]:
        for dorm in org.get("dorms", []):
            found.append({**dorm, "org": org, "dorm": dorm["name"]})
        for home in org.get("homes", []):
            found.append({**home, "org": org, "dorm": ""})
    return found


def _share(weights: list[int], total: int) -> list[int]:
    """Split `total` in proportion to the weights; the rounding rest goes to the first ones."""
    whole = sum(weights)
    counts = [total * weight // whole for weight in weights]
    for i in range(total - sum(counts)):
        counts[i % len(counts)] += 1
    return counts


def _person(rng: random.Random, facts: dict[str, Any], home: dict[str, Any], serial: int) -> dict[str, str]:
    org = home["org"]
    language = rng.choice(org["languages"])
    pool = facts["names"][language]
    family, given = rng.choice(pool["family"]), rng.choice(pool["given"])
    east_asian = language in ("ja", "ja-simple", "zh-Hans", "zh-Hant", "vi")
    workplace = home.get("workplace") or org.get("workplace") or {}
    supervised = any(org["slug"] in other.get("supervises", []) for other in facts["organisations"])
    return {
        "社員番号": f"D{serial:05d}",
        "氏名": f"{family} {given} {serial}" if east_asian else f"{given} {family} {serial}",
        "言語": language,
        "第二言語": rng.choice(["ja-simple", "en", ""]) if language not in ("ja", "ja-simple") else "",
        "電話番号": "" if serial % _NO_PHONE_EVERY == 0 else f"070-1{serial // 10000:03d}-{serial % 10000:04d}",
        "雇用企業": org["name"] if supervised else "",
        "勤務先": workplace.get("name", ""),
        "勤務先郵便番号": workplace.get("postal_code", ""),
        "勤務先住所": workplace.get("town", ""),
        "寮": home["dorm"],
        "部屋": str(rng.randint(101, 308)) if home["dorm"] else "",
        "自宅郵便番号": home["postal_code"],
        "自宅住所": home["town"],
        "自宅緯度": str(home.get("lat", "")),
        "自宅経度": str(home.get("lon", "")),
    }


def _csv(rows: list[dict[str, str]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADINGS)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8-sig")
