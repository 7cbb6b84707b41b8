"""Scenarios: the telegram built from facts says to the real parser what the real telegram said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.model import Event
from demo.scenario import NOT_RECEIVED, SCENARIOS, Scenario, ScenarioError, load_scenario
from demo.telegrams import build_report
from feeds.inspect import parse_any

FORESHOCK = "kumamoto-2016-foreshock"
REAL = (
    Path(__file__).resolve().parents[2].parent
    / "shared/feed-samples/jma-live-earthquakes/kumamoto-foreshock-20160414_VXSE53_serial1.xml"
)


def one_event(body: bytes) -> Event:
    parsed = parse_any(body)
    assert parsed.ignored is None
    (event,) = parsed.events
    return event


def felt(event: Event) -> dict[tuple[str, str], tuple[object, bool]]:
    return {(a.scheme, a.code): (a.level, a.not_received) for a in event.areas}


@pytest.fixture(scope="module")
def foreshock() -> Scenario:
    return load_scenario(FORESHOCK)


def test_the_built_telegram_says_what_the_scenario_says(foreshock: Scenario) -> None:
    event = one_event(build_report(foreshock, "VXSE53", foreshock.occurred_at))
    assert event.type == "VXSE53"
    assert event.occurred_at == foreshock.occurred_at
    assert event.sent_at == foreshock.occurred_at + timedelta(seconds=385)
    assert event.comment_codes == ("0215", "0241", "0262")
    assert event.hypocenter is not None and event.hypocenter.magnitude == 6.4 and event.hypocenter.depth_km == 10
    told = felt(event)
    for area in foreshock.quake_areas:
        assert told["jma.quake_area", area.area[0]] == (area.max, False)
        for level, cities in area.cities.items():
            for code, _ in cities:
                assert told["jma.city", code] == (("5-", True) if level == NOT_RECEIVED else (level, False))
    assert told["jma.city", "4344300"] == ("7", False)  # Mashiki
    assert told["jma.city", "4344200"] == ("5-", True)  # Kashima, not received


def test_the_flash_report_names_areas_from_intensity_3_and_no_towns(foreshock: Scenario) -> None:
    event = one_event(build_report(foreshock, "VXSE51", foreshock.occurred_at))
    assert event.type == "VXSE51"
    schemes = {a.scheme for a in event.areas}
    assert "jma.city" not in schemes
    told = felt(event)
    assert told["jma.quake_area", "741"] == ("7", False)
    assert ("jma.quake_area", "430") not in told and all(
        level >= "3" for level, _ in told.values() if isinstance(level, str)
    )


def test_each_run_is_another_earthquake(foreshock: Scenario) -> None:
    now = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
    first = one_event(build_report(foreshock, "VXSE53", now))
    second = one_event(build_report(foreshock, "VXSE53", now + timedelta(minutes=5)))
    assert first.event_ids == ("20261122120000",)
    assert first.event_ids != second.event_ids


@pytest.mark.skipif(not REAL.exists(), reason=f"the recorded telegram {REAL.name} is not here")
def test_the_scenario_agrees_with_the_recorded_telegram(foreshock: Scenario) -> None:
    real, built = one_event(REAL.read_bytes()), one_event(build_report(foreshock, "VXSE53", foreshock.occurred_at))
    assert felt(built) == felt(real)
    assert built.event_ids[0][:12] == real.event_ids[0][:12]
    assert built.hypocenter == real.hypocenter
    assert (built.issued_at, built.sent_at, built.occurred_at) == (real.issued_at, real.sent_at, real.occurred_at)


def test_a_missing_scenario_names_those_there_are() -> None:
    with pytest.raises(ScenarioError, match=r"nowhere\.toml does not exist; scenarios are: .*kumamoto-2016-foreshock"):
        load_scenario("nowhere")


def test_a_broken_scenario_names_the_file_and_the_key(tmp_path: Path) -> None:
    text = (SCENARIOS / f"{FORESHOCK}.toml").read_text(encoding="utf-8")
    (tmp_path / "broken.toml").write_text(text.replace('event_id = "20160414212638"', ""), encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"broken\.toml: the key 'event_id' is missing"):
        load_scenario("broken", tmp_path)
