"""A past disaster as facts: read from scenarios/<id>.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"

#: Intensity key of a municipality whose station should have felt 5-lower or more and was not received.
NOT_RECEIVED = "5-?"


class ScenarioError(ValueError):
    """A scenario file is missing or wrong. The message names the file and the key."""


@dataclass(frozen=True, slots=True)
class QuakeArea:
    """One quake area (細分区域): (code, name) pairs, its maximum, and (code, name) of municipalities by intensity."""

    pref: tuple[str, str]
    area: tuple[str, str]
    max: str
    cities: dict[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """An earthquake: origin time, hypocentre, and what was felt where."""

    id: str
    title: str
    title_ja: str
    event_id: str
    occurred_at: datetime
    #: (telegram type, time after the origin) of each report JMA sent.
    reports: tuple[tuple[str, timedelta], ...]
    hypocenter: dict[str, Any]
    comments: dict[str, list[str]]
    quake_areas: tuple[QuakeArea, ...]


def load_scenario(scenario_id: str, folder: Path = SCENARIOS) -> Scenario:
    """Read one scenario. Raises ScenarioError with a sentence naming the file and what is wrong."""
    path = folder / f"{scenario_id}.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(p.stem for p in folder.glob("*.toml")))
        raise ScenarioError(f"{path} does not exist; scenarios are: {known}.") from None
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{path}: {error}") from error
    try:
        return Scenario(
            id=data["id"],
            title=data["title"],
            title_ja=data["title_ja"],
            event_id=data["event_id"],
            occurred_at=data["occurred_at"],
            reports=tuple((r["type"], timedelta(seconds=r["after_s"])) for r in data["reports"]),
            hypocenter=data["hypocenter"],
            comments=data["comments"],
            quake_areas=tuple(_quake_area(entry) for entry in data["quake_areas"]),
        )
    except KeyError as error:
        raise ScenarioError(f"{path}: the key {error} is missing.") from error


def _quake_area(entry: dict[str, Any]) -> QuakeArea:
    return QuakeArea(
        pref=_pair(entry["pref"]),
        area=_pair(entry["area"]),
        max=entry["max"],
        cities={level: tuple(_split(city) for city in cities) for level, cities in entry["cities"].items()},
    )


def _pair(values: list[str]) -> tuple[str, str]:
    code, name = values
    return code, name


def _split(city: str) -> tuple[str, str]:
    code, _, name = city.partition(" ")
    return code, name
