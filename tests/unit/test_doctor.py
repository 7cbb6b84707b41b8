"""The doctor: every finding that is wrong comes with the next step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from core.settings import Settings
from geo import data_folder
from geo.areas import Areas
from ops.doctor import Facts, Finding, diagnose
from ops.table_editions import editions, fetched_tables, other_tables

LOOPS = ("poll", "decide", "send", "tend", "hooks", "alarms")
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
HEALTHY = Facts(
    settings=Settings(
        public_url="https://daijobu.example.jp",
        contact="mailto:ops@daijobu.example.jp",
        twilio_account_sid="AC0",
        twilio_auth_token=SecretStr("t"),
        twilio_from="+81",
        alarm_url=SecretStr("https://chat.example/hook"),
        deadman_url=SecretStr("https://watch.example/ping"),
    ),
    now=NOW,
    database_version="15.20",
    database_now=NOW,
    heartbeats=dict.fromkeys(LOOPS, NOW),
    feeds=[{"feed": "jma.eqvol", "state": "ok", "last_heard_at": NOW, "error": None}],
    area_rows=5742,
    approved={"ja": True, "vi": True},
    fictional=False,
    log_settings={
        "log_statement": "none", "log_min_duration_statement": "-1", "log_parameter_max_length": "-1",
        "log_parameter_max_length_on_error": "0", "log_error_verbosity": "terse",
    },
)  # fmt: skip


def wrong(facts: Facts) -> dict[str, str]:
    return {f.about: f.mend for f in diagnose(facts) if not f.ok}


def test_a_healthy_installation_has_nothing_to_mend() -> None:
    assert wrong(HEALTHY) == {}
    assert all(not finding.mend for finding in diagnose(HEALTHY))


@pytest.mark.parametrize(
    ("change", "about", "step"),
    [
        ({"database_version": "14.9"}, "database", "PostgreSQL 15 to 18"),
        ({"database_now": NOW + timedelta(seconds=9)}, "clock", "NTP"),
        ({"heartbeats": {"poll": NOW}}, "loop decide", "python main.py decide"),
        ({"heartbeats": dict.fromkeys(LOOPS, NOW - timedelta(minutes=5))}, "loop poll", "make run"),
        ({"feeds": [{"feed": "jma.extra", "state": "stale", "error": "403"}]}, "feed jma.extra", "403"),
        (
            {"feeds": [{"feed": "jma.extra", "state": "late", "why": "quiet", "since": NOW}]},
            "feed jma.extra",
            "may be frozen",
        ),
        ({"heartbeats": {name: NOW for name in LOOPS if name != "alarms"}}, "loop alarms", "python main.py tend"),
        ({"settings": Settings()}, "alarms to operators", "DAIJOBU_ALARM_URL"),
        ({"settings": Settings()}, "dead-man's watch", "DAIJOBU_DEADMAN_URL"),
        ({"failing_ways": {"url": "HTTP 500"}}, "ways to operators", "/alarms"),
        ({"alarms": {"critical": 2}}, "open alarms", "/alarms"),
        ({"area_rows": 12}, "area tables", "geo.build"),
        ({"other_tables": ["n03.wkb.xz"]}, "fetched tables", "geo update on this machine"),
        ({"damaged_tables": {"n03.wkb.xz": "Fetch it again."}}, "fetched tables", "Fetch it again."),
        ({"approved": {"my": False}}, "wording", "native speakers"),
        ({"settings": Settings()}, "SMS", "DAIJOBU_TWILIO_ACCOUNT_SID"),
        ({"settings": Settings()}, "contact", "DAIJOBU_CONTACT"),
        ({"log_settings": {}}, "database log", "log_error_verbosity = terse"),
        ({"log_settings": dict(HEALTHY.log_settings) | {"log_statement": "all"}}, "database log", "max_length = 0"),
        ({"settings": Settings(public_url="http://daijobu.example.jp")}, "public URL", "https"),
    ],
)  # fmt: skip
def test_what_is_wrong_names_the_next_step(change: dict[str, object], about: str, step: str) -> None:
    assert step in wrong(replace(HEALTHY, **change))[about]  # type: ignore[arg-type]


def test_a_rule_that_differs_from_its_file_is_named_and_one_that_cannot_be_used_is_wrong() -> None:
    def rules(**changes: object) -> Finding:
        return next(f for f in diagnose(replace(HEALTHY, **changes)) if f.about == "rules")  # type: ignore[arg-type]

    assert rules().ok and rules().seen == "as in their files"
    assert rules(changed_rules=["tsunami"]).ok and "tsunami" in rules(changed_rules=["tsunami"]).seen
    broken = rules(unusable_rules={"tsunami": "levels is missing"})
    assert not broken.ok and "levels is missing" in broken.seen and "/rules" in broken.mend


def test_editions_of_tables_are_said() -> None:
    facts = replace(
        HEALTHY,
        area_editions={"2026-10": ["jis"], "2026-07-07": ["jma.city", "jma.volcano"]},
        fetched_tables={"n03.wkb.xz": "43 2026-01-01"},
    )
    seen = {finding.about: finding.seen for finding in diagnose(facts)}
    assert seen["area tables"] == "5742 areas; 2026-10: jis; 2026-07-07: jma.city, jma.volcano"
    assert seen["fetched tables"] == "n03.wkb.xz of 43 2026-01-01"
    assert "none" in {finding.about: finding.seen for finding in diagnose(HEALTHY)}["fetched tables"]


def test_fetched_files_are_read_for_the_doctor(tmp_path: Path) -> None:
    before = data_folder.folder()
    try:
        data_folder.use(tmp_path)
        assert fetched_tables() == ({}, {})
        for name in ("a", "b"):
            data_folder.write_file(name, b"1", source="x", vintage="2026-01-01", now=NOW)
        (tmp_path / "b").write_bytes(b"2")
        found = fetched_tables()
        assert other_tables({}) == [] and other_tables({"n03.wkb.xz": "1"}) == ["n03.wkb.xz"]
        assert found.whole == {"a": "2026-01-01"} and "b is damaged" in found.damaged["b"]
        (tmp_path / "versions.json").write_text("{")
        assert list(fetched_tables().damaged) == ["versions.json"]
    finally:
        data_folder.use(before)


def test_every_scheme_has_an_edition() -> None:
    areas = Areas.committed()
    assert sorted(s for schemes in editions(areas).values() for s in schemes) == areas.schemes()
