"""Every text that dashboards, board and status page ask for is there in Japanese and English, with what it is given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alerts.held_web import ANSWERS, REASONS
from alerts.manual import SOURCES, Act
from alerts.rules import Condition, To, load_rules
from alerts.undelivered import REASONS as UNDELIVERED
from checkin.board_web import REVEAL_REASONS
from checkin.cases import Found, Outcome
from checkin.dashboard import State
from checkin.dashboard_web import CSV_COLUMNS
from checkin.triage import Why
from core.i18n import Catalogs
from core.model import CAP_SEVERITIES, Answer, AnsweredBy, MessageState, Moment, Purpose, Severity, Tier
from feeds.health import Why as Unheard
from registry.approvals import Kind as Approved
from registry.enrolment import REACH_BY
from registry.presence import Kind

ROOT = Path(__file__).resolve().parents[2]
RULES = load_rules()
PAGES = ("board_*", "dashboard_*", "supervising_*", "status*", "live_base*", "staff_message*", "registry_approvals",
         "manual", "held", "rule*", "audience", "by_hand", "sending*", "stop_banner", "preview",
         "undelivered")  # fmt: skip
CODE = ("checkin/board_*", "checkin/dashboard*", "checkin/triage*", "checkin/outcomes*", "checkin/pages_*",
        "checkin/status_*", "alerts/manual_web", "alerts/held_web", "alerts/rules_web",
        "alerts/stop_web", "alerts/preview_web")  # fmt: skip

#: Keys whose last part is decided at run time: every value a page can meet.
FAMILIES: dict[str, tuple[str, ...]] = {
    "staff.state.": (*State, "not_enrolled"),
    "staff.by.": tuple(AnsweredBy),
    "staff.delivery.": (*MessageState, "no_way", "none"),
    # An outcome without a person behind it (answered, closed, withdrawn) is never shown as a follow-up.
    "staff.follow.": (
        "claimed",
        *(set(Outcome) - {Outcome.ANSWERED, Outcome.INCIDENT_CLOSED, Outcome.WITHDRAWN}),
    ),
    "staff.found.": tuple(Found),
    "staff.status.attention.": ("held", "unreadable"),
    "staff.severity.": tuple(Severity),
    "staff.purpose.": (Purpose.LIVE, Purpose.DRILL),
    "staff.action.": ("opened", "claimed", "released", "expired", "outcome", "reason", "note"),
    "staff.need.": ("trapped", "hurt", "need_help", "at_shelter", "left_area"),
    "staff.away.": (Kind.AWAY, Kind.HOME_LEAVE),
    "staff.reach.": REACH_BY,
    "staff.board.part.": ("leader", "deputy", "staff"),
    "staff.board.why_reveal.": REVEAL_REASONS,
    "staff.status.message.": tuple(MessageState),
    "staff.status.feed.": ("ok", "late", "stale"),
    "staff.feed.why.": tuple(Unheard),
    "staff.feed.name.": ("jma.eqvol", "jma.extra", "p2pquake.ws", "p2pquake.history", "usgs.summary"),
    "staff.dash.csv.": CSV_COLUMNS,
    "answer.": tuple(Answer),
    "staff.approvals.kind.": tuple(Approved),
    "staff.approvals.done.": (Approved.MANUAL_SEND, Approved.HELD_RELEASE, Approved.RULE_EDIT, Approved.ALERT_CANCEL),
    "staff.preview.unless.": ("received", "answered", "silent", "digest"),
    "staff.preview.dorm_if.": (Condition.NO_ANSWER, Condition.NOT_OPENED),
    "staff.preview.problem.": ("choose", "large", "unreadable", "nothing", "gone"),
    "staff.sending.moment.": tuple(Moment),
    "staff.sending.done.": ("stopped", "resumed", "alert"),
    "staff.sending.problem.": ("why", "already", "not_stopped", "gone", "nobody"),
    "staff.approvals.": ("superseded", "own", "decided", "expired", "not_found", "not_approved", "not_your_role"),
    "staff.manual.act.": tuple(Act),
    "staff.manual.act_help.": (Act.UPDATE, Act.LIFT, Act.CANCEL),
    "staff.manual.severity.": CAP_SEVERITIES,
    "staff.manual.severity_help.": CAP_SEVERITIES,
    "staff.manual.kind.": ("pref", "region", "town"),
    "staff.manual.source.": SOURCES,
    "staff.manual.problem.": (
        "act", "hazard", "severity", "places", "source_kind", "source_words", "said_at", "older",
    ),
    "source.manual.": SOURCES,
    "staff.held.act.": ANSWERS,
    "staff.held.reason.": tuple(kind for _, kind in REASONS),
    "staff.rules.": tuple(f"tier.{tier}" for tier in Tier),
    "staff.rules.channel.": tuple({step.channel for r in RULES.values() for s in r.ladder.values() for step in s}),
    "staff.rules.when.": tuple({*Condition} - {Condition.ALWAYS}),
    "staff.rules.to.": tuple({*To} - {To.SELF}),
    "staff.undelivered.why.": tuple(UNDELIVERED),
}  # fmt: skip


def sources() -> list[Path]:
    templates = ROOT / "web" / "templates"
    return [f for p in PAGES for f in templates.glob(p + ".html")] + [f for p in CODE for f in ROOT.glob(p + ".py")]


def keys_used() -> set[str]:
    found: set[str] = set()
    for file in sources():
        found |= set(re.findall(r"[\"'](staff\.[a-z0-9_.]+)(?=[\"'{])", file.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_text_is_there(language: str) -> None:
    known = Catalogs.load().keys(language)
    used = keys_used()
    assert len(used) > 100
    assert {key for key in used if not key.endswith(".")} <= known
    assert {key for key in used if key.endswith(".")} <= set(FAMILIES)
    assert {prefix + str(value) for prefix, values in FAMILIES.items() for value in values} <= known


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize(
    "why",
    [
        Why("staff.board.why.help", {"n": 1, "minutes": 5}),
        Why("staff.board.why.missing", {"minutes": 5}),
        Why("staff.board.why.dorm_all", {"total": 6, "minutes": 5}),
        Why("staff.board.why.dorm_some", {"n": 2, "total": 6, "minutes": 5}),
        Why("staff.board.why.unreachable", {"n": 2, "minutes": 5}),
        Why("staff.board.why.silent", {"minutes": 5}),
    ],
    ids=lambda why: why.key.rsplit(".", 1)[1],
)
def test_reasons_use_all_their_fields(language: str, why: Why) -> None:
    """A reason that leaves out its numbers could not be argued with."""
    fields = {name: f"<{name}>" for name in why.fields}
    text = Catalogs.load().say(language, why.key, **fields)
    assert all(value in text for value in fields.values())
