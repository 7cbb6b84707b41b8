"""What becomes of audit rows on the auditor's pages."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from core.clock import JST
from core.i18n import Catalogs
from core.model import Role
from core.po import ReviewState
from ops.audit_report import months_back, span_of
from ops.auditor import (
    SERVICE_ACTORS,
    Counted,
    Kind,
    Pseudonyms,
    SampledRow,
    by_action,
    by_month,
    kind_of,
    people_count,
    plain_detail,
    shown,
)
from ops.process import process_of
from tests.people import NOW


@pytest.mark.parametrize(
    ("action", "actor", "kind"),
    [
        ("people.read", "", Kind.READ),
        ("board.unit", "", Kind.READ),
        ("import.preview", "", Kind.READ),
        ("preview.read", "preview command", Kind.READ),
        ("invitation.show", "", Kind.READ),
        ("api.people.read", "", Kind.READ),
        ("dashboard.export", "", Kind.EXPORT),
        ("board.reveal", "", Kind.REVEAL),
        ("break_glass.open", "", Kind.BREAK_GLASS),
        ("person.own", "personal link", Kind.OWN),
        ("push on", "personal link", Kind.OWN),
        ("sign_in", "", Kind.ACCOUNT),
        ("new_printed_codes", "account", Kind.ACCOUNT),
        ("invite_staff", "", Kind.ACCOUNT),
        ("audit.sample", "", Kind.ACCOUNT),
        ("dashboard.answer", "", Kind.CHANGE),
        ("import", "import", Kind.CHANGE),
        ("something nobody has thought of", "", Kind.CHANGE),
    ],
)
def test_every_action_has_a_kind(action: str, actor: str, kind: Kind) -> None:
    assert kind_of(action, actor) is kind


def row(**fields: object) -> SampledRow:
    values: dict[str, object] = {
        "id": 1, "at": NOW, "staff_id": None, "role": None, "actor": "import", "action": "import", "subjects": (),
        "fields": (), "org_id": None, "incident_id": None, "detail": {},
    }  # fmt: skip
    return SampledRow(**(values | fields))  # type: ignore[arg-type]


def test_who_acted_is_a_role_and_a_code_or_a_part_of_the_service() -> None:
    names = Pseudonyms(b"k")
    staff = uuid4()
    clerk = shown(row(actor="Tanaka Hanako", staff_id=staff, role="employer"), names)
    assert (clerk["role"], clerk["who"]) == ("employer", names.of("S", staff))
    assert shown(row(actor="leader link"), names)["who"] == "leader link"
    assert shown(row(actor="tanaka hanako"), names)["who"] == "service"


def test_codes_are_equal_for_equals_and_differ_by_letter_and_key() -> None:
    one, other = UUID(int=1), UUID(int=2)
    names = Pseudonyms(b"k")
    assert names.of("P", one) == names.of("P", one) != names.of("P", other)
    assert names.of("P", one)[1:] != names.of("S", one)[1:]
    assert names.of("P", one) != Pseudonyms(b"l").of("P", one)


def test_detail_keeps_numbers_and_how_and_drops_the_rest() -> None:
    detail = {"closed": 3, "refresh": True, "why": "call", "kind": "Tanaka Hanako", "slug": "tanaka-house",
              "answer": "help", "recipient": "fire_station", "Tanaka": 1, "rows": [1]}  # fmt: skip
    assert plain_detail(detail) == {"closed": 3, "refresh": True, "why": "call"}


def test_small_numbers_of_people_are_not_told() -> None:
    assert [people_count(n) for n in (0, 1, 2, 3, 250)] == ["0", "1-2", "1-2", "3", "250"]


def test_counts_by_month_and_by_action() -> None:
    counted = [
        Counted("2026-10", "people.read", "", 2, 40),
        Counted("2026-11", "people.read", "", 3, 60),
        Counted("2026-11", "board.reveal", "", 1, 1),
        Counted("2026-11", "person.own", "personal link", 5, 5),
    ]
    months = by_month(counted)
    assert list(months) == ["2026-11", "2026-10"] and set(months["2026-10"]) == set(Kind)
    assert (months["2026-11"]["read"], months["2026-11"]["reveal"], months["2026-11"]["own"]) == (3, 1, 5)
    assert list(by_action(counted).items())[0] == ("people.read", (5, 100))


def test_months_are_months_in_japan() -> None:
    assert months_back(datetime(2026, 12, 31, 15, 0, tzinfo=JST) + timedelta(hours=9), 3) == [
        "2027-01", "2026-12", "2026-11",
    ]  # fmt: skip
    begin, end = span_of("2026-12")
    assert (begin.isoformat(), end.isoformat()) == ("2026-12-01T00:00:00+09:00", "2027-01-01T00:00:00+09:00")
    for wrong in ("2026-13", "2026-1", "", "2026-11-01", "11/2026"):
        with pytest.raises(ValueError, match="not a month"):
            span_of(wrong)


def test_every_retention_rule_is_said_in_both_languages_as_it_is() -> None:
    catalogs = Catalogs.load()
    for kept in process_of(catalogs).kept:
        assert catalogs.say("en", kept.words) == kept.what, f"{kept.words}: the rule has changed, mend its words"
        assert kept.words in catalogs.keys("ja"), kept.words


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_word_that_is_chosen_at_run_time_is_there(language: str) -> None:
    known = Catalogs.load().keys(language)
    wanted = {f"staff.audit.kind.{kind}" for kind in Kind} | {f"staff.audit.role.{role}" for role in Role}
    wanted |= {f"staff.audit.actor.{re.sub('[ -]', '_', name)}" for name in (*SERVICE_ACTORS, "service")}
    wanted |= {f"staff.audit.state.{state}" for state in ("held", "fanning", "done", "stopped")}
    wanted |= {f"staff.audit.wording.{state}" for state in ReviewState}
    kinds = ("changed", "missing", "inserted", "reordered", "cut", "rewritten", "forged")
    wanted |= {f"staff.audit.chain.broken.{kind}" for kind in kinds}
    assert wanted <= known, wanted - known


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_text_of_the_pages_is_there(language: str) -> None:
    folder = Path(__file__).resolve().parents[2]
    texts = [file.read_text(encoding="utf-8") for file in (folder / "web" / "templates").glob("audit_*.html")]
    texts.append((folder / "ops" / "audit_web.py").read_text(encoding="utf-8"))
    used = {key for text in texts for key in re.findall(r"[\"'](staff\.[a-z0-9_.]+[a-z0-9_])[\"']", text)}
    assert len(used) > 60 and used <= Catalogs.load().keys(language), used - Catalogs.load().keys(language)


def test_the_actors_that_are_named_are_those_of_the_program() -> None:
    """A new part of the service is shown as "service" until it stands in the list."""
    folder = Path(__file__).resolve().parents[2]
    named = set()
    for package in ("registry", "checkin", "alerts", "ops", "demo"):
        for file in (folder / package).rglob("*.py"):
            named |= set(re.findall(r"\bActor\(\s*\"([^\"]+)\"", file.read_text(encoding="utf-8")))
    assert "leader link" in named and named <= SERVICE_ACTORS, named - SERVICE_ACTORS
