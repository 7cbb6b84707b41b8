"""What is wrong with this installation, and how to mend it: one line per finding. Pure; the command gathers facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.settings import Settings

#: A loop that has not spoken for so long is not running.
SILENT_LOOP = timedelta(minutes=3)
#: Loops without a command of their own, and the role that starts them.
STARTED_BY = {"hooks": "tend", "alarms": "tend"}
#: Clocks further apart than this make leases and expiry wrong.
CLOCK_LIMIT = timedelta(seconds=5)
#: All of Japan's areas in every scheme are more than this.
FEWEST_AREAS = 5000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it is fine, what was seen, and the next step if it is not."""

    about: str
    ok: bool
    seen: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the doctor needs to know."""

    settings: Settings
    now: datetime
    database_version: str
    database_now: datetime
    heartbeats: Mapping[str, datetime]
    feeds: Sequence[Mapping[str, object]]
    area_rows: int
    approved: Mapping[str, bool]
    fictional: bool
    #: The server's settings about its own log, by name.
    log_settings: Mapping[str, str]
    #: Kinds of contact over which an operator can be told of an alarm.
    operators_by: frozenset[str] = frozenset()
    #: Ways to operators whose last try failed, and why.
    failing_ways: Mapping[str, str] = field(default_factory=dict)
    #: Whether the package apprise is there, which DAIJOBU_ALARM_APPRISE_URLS needs.
    apprise: bool = True
    #: Open alarms by level.
    alarms: Mapping[str, int] = field(default_factory=dict)
    #: Hazards whose rule two people have changed, and those whose changed rule this version cannot use, with why.
    changed_rules: Sequence[str] = ()
    unusable_rules: Mapping[str, str] = field(default_factory=dict)
    #: Editions of the area tables with their schemes; files that `geo ...` fetched with theirs; those that are damaged.
    area_editions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    fetched_tables: Mapping[str, str] = field(default_factory=dict)
    damaged_tables: Mapping[str, str] = field(default_factory=dict)
    #: Fetched tables of this machine that are not those the stored places are placed with.
    other_tables: Sequence[str] = ()


def diagnose(facts: Facts) -> list[Finding]:
    """Every finding, the wrong ones with their next step."""
    return [
        *_configuration(facts),
        *_database(facts),
        *_feeds(facts),
        *_alarms(facts),
        *_providers(facts),
        *_tables(facts),
    ]


def _configuration(facts: Facts) -> list[Finding]:
    s = facts.settings
    reachable = s.is_https or s.is_loopback
    return [
        Finding(
            "public URL",
            reachable,
            s.site_url,
            "" if reachable else "Set DAIJOBU_PUBLIC_URL to an https address: staff cannot sign in over plain http.",
        ),
        Finding(
            "links in messages",
            s.is_https or facts.fictional,
            "https" if s.is_https else "only this machine can open them",
            "" if s.is_https or facts.fictional else "Set DAIJOBU_PUBLIC_URL to the address people can reach.",
        ),
        _check(
            "contact",
            s.contact != Settings.model_fields["contact"].default,
            s.contact,
            "Set DAIJOBU_CONTACT to an address of yours: JMA and push services see it.",
        ),
    ]


def _database(facts: Facts) -> list[Finding]:
    major = int(facts.database_version.split(".")[0])
    apart = abs(facts.database_now - facts.now)
    return [
        _check("database", 15 <= major <= 18, f"PostgreSQL {facts.database_version}", "Use PostgreSQL 15 to 18."),
        _check(
            "clock",
            apart <= CLOCK_LIMIT,
            f"{apart.total_seconds():.1f} s from the database's",
            "Set both machines' clocks by NTP.",
        ),
        _server_log(facts.log_settings),
    ]


def _server_log(found: Mapping[str, str]) -> Finding:
    """Whether PostgreSQL's own log stays free of personal data: rows that a constraint refused, parameters."""
    wrong = []
    if found.get("log_error_verbosity") != "terse":
        wrong.append("log_error_verbosity = terse")  # DETAIL quotes the row that was refused
    if found.get("log_parameter_max_length_on_error") != "0":
        wrong.append("log_parameter_max_length_on_error = 0")
    statements = found.get("log_statement", "none") != "none" or found.get("log_min_duration_statement", "-1") != "-1"
    if statements and found.get("log_parameter_max_length") != "0":
        wrong.append("log_parameter_max_length = 0")
    return _check(
        "database log",
        not wrong,
        "carries no personal data" if not wrong else "may quote personal data",
        f"In postgresql.conf, or with ALTER SYSTEM SET and SELECT pg_reload_conf(): {', '.join(wrong)}.",
    )


def _check(about: str, ok: bool, seen: str, mend: str) -> Finding:
    return Finding(about, ok, seen, "" if ok else mend)


def _feeds(facts: Facts) -> list[Finding]:
    findings = []
    for name in ("poll", "decide", "send", "tend", "hooks", "alarms"):
        at = facts.heartbeats.get(name)
        alive = at is not None and facts.database_now - at <= SILENT_LOOP
        seen = "never ran on this database" if at is None else f"last alive {at.isoformat(timespec='seconds')}"
        findings.append(
            _check(f"loop {name}", alive, seen, f"Start it: make run, or python main.py {STARTED_BY.get(name, name)}.")
        )
    for feed in facts.feeds:
        mend = str(feed.get("error") or "Check the network and DAIJOBU_JMA_FEED_URL.")
        seen = f"{feed.get('state')}, last heard {_time(feed.get('last_heard_at'))}"
        if feed.get("why") == "quiet":
            seen = f"answers, but nothing new since {_time(feed.get('since'))}"
            mend = "It may be frozen: compare it with JMA's own pages."
        elif feed.get("why") == "missed":
            seen = f"does not show the earthquake of {_time(feed.get('since'))} that {feed.get('detail')} reports"
            mend = "It may be frozen: compare it with JMA's own pages."
        findings.append(_check(f"feed {feed.get('feed')}", feed.get("state") == "ok", seen, mend))
    return findings


def _time(at: object) -> str:
    return at.isoformat(timespec="seconds") if isinstance(at, datetime) else "never"


def _alarms(facts: Facts) -> list[Finding]:
    s = facts.settings
    ways = [
        *(["a web address"] if s.alarm_url is not None else []),
        *(["Apprise"] if s.apprise_urls and facts.apprise else []),
        *sorted(facts.operators_by),
    ]
    failing = ", ".join(f"{name}: {why}" for name, why in facts.failing_ways.items())
    opened = ", ".join(f"{number} {level}" for level, number in facts.alarms.items() if number)
    watched = s.deadman_url is not None
    return [
        _check(
            "alarms to operators",
            bool(ways),
            ", ".join(ways) if ways else "nobody would hear of one at night",
            "Set DAIJOBU_ALARM_URL, or let an operator prove a telephone on /account/contacts.",
        ),
        _check(
            "dead-man's watch",
            watched,
            "is called every minute" if watched else "nobody outside would notice that all of it is dead",
            "Set DAIJOBU_DEADMAN_URL to a watch that raises the alarm when the calls stop (docs/operating.md).",
        ),
        *(
            [_check("Apprise", facts.apprise, "ready" if facts.apprise else "is not installed", "pip install apprise")]
            if s.apprise_urls
            else []
        ),
        _check("ways to operators", not failing, failing or "none failed", "Look at /alarms and mend the way."),
        _check("open alarms", not opened, opened or "none", "Look at /alarms."),
    ]


def _providers(facts: Facts) -> list[Finding]:
    s = facts.settings
    ok = s.sms_configured
    seen = "Twilio" if ok else "no provider: messages are written to the console"
    line = s.line_configured and bool(s.line_basic_id)
    half = bool(s.line_channel_token or s.line_channel_secret or s.line_basic_id) and not line
    return [
        _check("SMS", ok, seen, "Set DAIJOBU_TWILIO_ACCOUNT_SID, DAIJOBU_TWILIO_AUTH_TOKEN and a sender."),
        _check("e-mail", True, s.smtp_host or "no mail server: people with nothing but an e-mail get no message", ""),
        _check(
            "LINE",
            not half,
            "half configured" if half else s.line_basic_id if line else "not used",
            "Set DAIJOBU_LINE_CHANNEL_TOKEN, DAIJOBU_LINE_CHANNEL_SECRET and DAIJOBU_LINE_BASIC_ID.",
        ),
    ]


def _tables(facts: Facts) -> list[Finding]:
    unapproved = [tag for tag, approved in facts.approved.items() if not approved]
    return [
        _check(
            "area tables",
            facts.area_rows > FEWEST_AREAS,
            "; ".join([f"{facts.area_rows} areas", *(f"{e}: {', '.join(s)}" for e, s in facts.area_editions.items())]),
            "Rebuild with python -m geo.build.",
        ),
        _fetched(facts),
        _rules(facts),
        _check(
            "wording",
            not unapproved,
            f"not approved yet: {', '.join(unapproved)}" if unapproved else "approved in every language",
            "Have native speakers review locales/; until then alerts carry Japanese and English beside them.",
        ),
    ]


def _fetched(facts: Facts) -> Finding:
    """What lies in the data folder instead of what came with the program. None is no mistake."""
    if facts.damaged_tables:
        return Finding(
            "fetched tables", False, ", ".join(facts.damaged_tables), " ".join(facts.damaged_tables.values())
        )
    if facts.other_tables:
        seen = f"not those the stored places are placed with: {', '.join(facts.other_tables)}"
        return Finding(
            "fetched tables", False, seen, "Run python main.py geo update on this machine, or copy the files."
        )
    seen = ", ".join(f"{name} of {edition}" for name, edition in facts.fetched_tables.items())
    return Finding("fetched tables", True, seen or "none: those of the program are used")


def _rules(facts: Facts) -> Finding:
    """That a rule differs from its file is no mistake, but whoever reads the files must know."""
    if facts.unusable_rules:
        seen = "; ".join(f"{hazard}: {why}" for hazard, why in facts.unusable_rules.items())
        return Finding("rules", False, seen, "Mend the rule on the page /rules, or go back to the file there.")
    changed = f"differ from their files (page /rules): {', '.join(facts.changed_rules)}"
    return Finding("rules", True, changed if facts.changed_rules else "as in their files")
