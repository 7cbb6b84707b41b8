"""The second wall alone, through the stores: no function that a page could call gives anything of another organisation.

The first wall (`registry.access`, the checks of pages) is not there at all: every public coroutine of every store of
the registry and the check-in is called under one organisation's scope with another organisation's ids, and with lists
of ids as wide as they come. What comes back is what comes back for ids that nobody has. A new function is called by
itself; one with an argument of a new name fails until `Arguments` says what a nosy caller would put there.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from checkin.cases_store import open_due_cases
from checkin.store import record_check_in
from core.db import Pool, Scope, ScopedPool, transaction
from core.model import Answer, AnsweredBy, Moment, OrgKind, Purpose, Role, Severity
from core.tokens import token_hash
from registry import store
from registry.access import scope_of
from registry.api_tokens import ApiToken
from registry.api_tokens import Scope as ApiScope
from registry.import_run_store import new_run
from registry.location import Position
from registry.location_store import share_location
from registry.needs_store import Need, set_needs
from registry.personal_store import Owner
from registry.sessions import Staff, menu_of
from tests.alerts_kit import CATALOGS
from tests.hooks_kit import subscribe
from tests.incidents import TestIncident as Incident
from tests.incidents import make_incident, make_message, tell
from tests.people import NOW, VAULT, make_org, make_resident, make_site

ROOT = Path(__file__).resolve().parents[2]
Call = Callable[..., Coroutine[Any, Any, Any]]

#: Functions that are not for a page's scope: the loops, the door, the command line. Their rows are guarded by the role
#: that calls them; here the wrong role calls them with every argument, and gets nothing.
NOT_CALLED = {
    "registry.signin_store.ensure_first_operator": "the start of an empty database",
}
#: What may come back of another organisation: these tables hold nothing about people (see test_row_security.py).
OPEN_KNOWLEDGE = {
    "checkin.dashboard_store.org_name": "an organisation's name stands on every page that mentions it",
    "checkin.dashboard_store.supervised_ids": "who supervises whom",
    "checkin.dashboard_store.incidents": "incidents are public: earthquakes",
    "checkin.outcomes_store.questions_of": "what an incident asks",
    "registry.operator_store.kind_of": "an organisation's kind",
    "registry.operator_store.organisations": "names and kinds; the numbers beside them are of visible rows only",
    "registry.relations_store.named_organisations": "names and kinds",
    "registry.import_read_store.find_owner": "an organisation's slug and name",
}


@dataclass(frozen=True, slots=True)
class Side:
    """One organisation with a person about whom everything is written; every text of theirs begins with `mark`."""

    org: UUID
    clerk: UUID
    person: UUID
    dorm: UUID
    place: UUID
    incident: UUID
    case: UUID
    run: UUID
    webhook: UUID
    token: str
    employee_id: str
    mark: str
    phone: str
    call: int


async def side(db: Pool, mark: str) -> Side:
    org = await make_org(db, name=f"{mark} Foods")
    dorm = await make_site(db, org.id, name=f"{mark} Dorm", landline="+81963120000")
    person = await make_resident(
        db, org.id, name=f"{mark} Person", dorm=dorm, room=f"{mark}1", employee_id=f"{mark}-1", shift=f"{mark} night"
    )
    incident: Incident = await make_incident(db)
    await tell(db, incident, person.id)
    await make_message(db, incident, person.id, state="delivered")
    call = await make_message(db, incident, person.id, channel="voice", step=1, state="sent")
    await open_due_cases(db, NOW, lambda hazard, severity, night: 0)
    async with transaction(db) as conn:
        await store.set_leader(conn, dorm[0], 1, resident_id=person.id)
        await set_needs(conn, VAULT, person.id, [Need("other", f"{mark} need")], NOW)
        await record_check_in(
            conn, VAULT, incident_id=incident.id, resident_id=person.id, answer=Answer.HELP,
            answered_by=AnsweredBy.SELF, via="page", tapped_at=NOW, now=NOW, note=f"{mark} note",
        )  # fmt: skip
        here = Position(32.79456, 130.82456, 12)
        await share_location(conn, VAULT, CATALOGS, person.id, incident.id, here, language="vi", now=NOW)
        token = await store.personal_token(conn, VAULT, person.id)
        run = await new_run(conn, VAULT, org.id, org.staff_id, file_name=f"{mark}.csv", body=b"name", now=NOW)
    webhook = await subscribe(db, org.id, f"https://{mark}.example/hook")
    case = await db.fetchval("SELECT id FROM case_file WHERE resident_id = $1", person.id)
    assert token is not None and case is not None
    link = await db.fetchval("SELECT id FROM link WHERE resident_id = $1 ORDER BY id LIMIT 1", person.id)
    await db.execute("UPDATE message SET link_id = $2 WHERE id = $1", call, link)
    found = (org.id, org.staff_id, person.id, dorm[0], dorm[1], incident.id, case, run, webhook)
    return Side(*found, token, f"{mark}-1", mark, person.phone, call)


def nobody() -> Side:
    """Ids that no row has."""
    return Side(*(uuid4() for _ in range(9)), "4yuJqXkYwzTb", "nobody-1", "nobody", "+819099999999", -1)  # type: ignore[call-arg]


class Arguments:
    """What a caller from `ours` who wants everything of `theirs` puts into an argument, by its name."""

    def __init__(self, ours: Side, theirs: Side, role: Role) -> None:
        wide = [ours.org, theirs.org]
        people = [theirs.person]
        me = Staff(
            ours.clerk, theirs.org, OrgKind.EMPLOYER, "", role, "Clerk", "", "en", menu_of(role), below=(theirs.org,)
        )
        owner = Owner(uuid4(), theirs.person, "x", "vi", None, "enrolled")
        told = SimpleNamespace(closed_at=None, moment=Moment.ISSUE, hazard="earthquake", context={})
        view = SimpleNamespace(resident_id=theirs.person, incident=told, severity=Severity.SEVERE, reason={})
        self.values: dict[str, Any] = {
            "vault": VAULT, "now": NOW, "today": NOW.date(), "since": NOW - timedelta(days=400), "catalogs": CATALOGS,
            "me": me, "role": role, "purpose": Purpose.LIVE, "limit": 100, "offset": 0, "after": None, "search": "",
            "org_id": theirs.org, "owner_id": theirs.org, "orgs": wide, "org_ids": wide, "other_id": theirs.org,
            "resident_id": theirs.person, "resident_ids": people, "residents": people, "person": theirs.person,
            "staff_id": theirs.clerk, "staff_ids": [theirs.clerk], "leader_id": theirs.clerk, "by": theirs.clerk,
            "site_id": theirs.dorm, "dorm_id": theirs.dorm, "dorm_ids": [theirs.dorm], "sites": [theirs.dorm],
            "workplace_id": theirs.dorm, "place_id": theirs.place, "incident_id": theirs.incident,
            "incident_ids": [theirs.incident], "case_id": theirs.case, "case_ids": [theirs.case],
            "cases": [theirs.case], "ids": [theirs.case, theirs.dorm, theirs.person], "token": theirs.token,
            "token_sha256": token_hash(theirs.token), "employee_id": theirs.employee_id, "of_sites": True,
            "pairs": [(theirs.person, theirs.org)], "help_asked": True, "owner": owner, "slug": "", "label": "x",
            "language": "vi", "lock": False, "key": "fictional", "session_id": "x", "day": date(2026, 11, 20),
            "run_id": theirs.run, "webhook_id": theirs.webhook, "glass_id": uuid4(), "slot": 0, "credential_id": b"x",
            "site": SimpleNamespace(id=theirs.dorm, org_id=theirs.org, kind="dorm"),
            "until": date(2026, 11, 25), "name": "x", "kind": "x", "email": "", "channel": "sms",
            "view": view, "count": 9, "lang": "ja", "phone": theirs.phone, "e164": theirs.phone,
            "message_id": theirs.call, "user": "U1",
            "unit": SimpleNamespace(
                cases=[SimpleNamespace(resident_id=theirs.person)], purpose=Purpose.LIVE, claim=lambda now: None
            ),
        }  # fmt: skip
        self.token = ApiToken(uuid4(), theirs.org, theirs.org, role, "x", frozenset(ApiScope))

    def of(self, function: Call) -> dict[str, Any] | None:
        """The arguments of a function; None if one of them is nothing that reading takes (a plan, a form, a factor)."""
        given = {}
        for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
            if name in self.values and not (name == "token" and parameter.annotation != "str"):
                given[name] = self.values[name]
            elif name == "token" and parameter.annotation == "ApiToken":
                given[name] = self.token
            elif parameter.default is inspect.Parameter.empty:
                return None
        return given


def functions() -> Iterator[tuple[str, Call]]:
    """Every public coroutine of the stores behind pages."""
    for folder in ("registry", "checkin"):
        for path in sorted((ROOT / folder).glob("*store.py")):
            module = importlib.import_module(f"{folder}.{path.stem}")
            for name, function in vars(module).items():
                own = getattr(function, "__module__", "") == module.__name__
                if own and not name.startswith("_") and inspect.iscoroutinefunction(function):
                    yield f"{module.__name__}.{name}", function


#: Functions whose arguments only writing makes: a plan, a filled-in form, an approved proposal (test_row_security.py
#: says what may be written), and three that read an upload's scope as the worker. What reads belongs into `Arguments`.
WRITES = set(Path(__file__).with_name("store_writes.txt").read_text(encoding="utf-8").split())


def test_every_function_of_a_store_is_called_or_only_writes() -> None:
    arguments = Arguments(nobody(), nobody(), Role.EMPLOYER)
    skipped = {name for name, function in functions() if arguments.of(function) is None}
    assert skipped == WRITES, (
        f"say in Arguments what these take: {sorted(skipped - WRITES)}; called by now: {sorted(WRITES - skipped)}"
    )
    assert set(NOT_CALLED) | set(OPEN_KNOWLEDGE) <= {name for name, _ in functions()}


class _Undone(Exception):
    """Ends a transaction that is not to be kept."""


async def answered(pool: ScopedPool, function: Call, given: dict[str, Any]) -> tuple[str, Any]:
    """What a function gives, or the name of what it raises; nothing that it wrote is kept."""
    result: Any = None
    try:
        async with transaction(pool) as conn:
            result = await function(conn, **given)
            raise _Undone
    except _Undone:
        return "gives", result
    except Exception as error:  # whatever it is: nothing came back
        return "raises", type(error).__name__


def vars_of(asked: Side) -> list[UUID]:
    return [value for name in Side.__slots__ if isinstance(value := getattr(asked, name), UUID)]


def plain(result: Any, asked: Side) -> str:
    """A result as text, without the ids that were asked for and without what is new in every call."""
    text = repr(result)
    for value in (
        asked.org,
        asked.clerk,
        asked.person,
        asked.dorm,
        asked.place,
        asked.incident,
        asked.case,
        asked.run,
        asked.webhook,
    ):
        text = text.replace(str(value), "ASKED")
    return re.sub(r"UUID\('(?!ASKED)[^']*'\)|'[A-Za-z0-9_-]{10,}'", "NEW", text.replace(asked.mark, "MARK"))


SCOPES: dict[str, Callable[[Side], tuple[Scope, Role]]] = {
    "employer": lambda ours: (scope_of(Role.EMPLOYER, ours.org), Role.EMPLOYER),
    "supervising": lambda ours: (scope_of(Role.SUPERVISING, ours.org), Role.SUPERVISING),
    "community": lambda ours: (scope_of(Role.COMMUNITY, ours.org), Role.COMMUNITY),
    "partner": lambda ours: (scope_of(Role.PARTNER, ours.org), Role.PARTNER),
    "link": lambda ours: (Scope("daijobu_person", link=token_hash(ours.token)), Role.EMPLOYER),
}


@pytest.mark.parametrize("who", SCOPES)
async def test_no_function_gives_what_is_not_ours(db: Pool, who: str) -> None:
    ours, theirs, no_one = await side(db, "Zqours"), await side(db, "Zqtheirs"), nobody()
    scope, role = SCOPES[who](ours)
    pool = ScopedPool(db, scope)
    foreign, unknown = Arguments(ours, theirs, role), Arguments(ours, no_one, role)
    wrong, called = [], 0
    for name, function in functions():
        given, nothing = foreign.of(function), unknown.of(function)
        if given is None or nothing is None or name in NOT_CALLED or name in OPEN_KNOWLEDGE:
            continue
        called += 1
        got = await answered(pool, function, given)
        if theirs.mark in repr(got):
            wrong.append(f"{name} shows {repr(got)[:300]}")
            continue
        empty = await answered(pool, function, nothing)
        if got[0] == empty[0] == "gives" and plain(got[1], theirs) != plain(empty[1], no_one):
            wrong.append(f"{name} gives {repr(got[1])[:200]}, for nobody's ids {repr(empty[1])[:200]}")
    assert not wrong, "\n".join(wrong)
    assert called > 150


async def test_the_same_functions_show_ones_own(db: Pool) -> None:
    """Else the test above would prove nothing: with one's own ids, many of them give one's own people."""
    ours, theirs = await side(db, "Zqours"), await side(db, "Zqtheirs")
    shown = set()
    for who in ("employer", "link"):
        scope, role = SCOPES[who](ours)
        own = Arguments(theirs, ours, role)
        for name, function in functions():
            given = own.of(function)
            if given is not None and name not in NOT_CALLED:
                got = await answered(ScopedPool(db, scope), function, given)
                assert theirs.mark not in repr(got) or name in OPEN_KNOWLEDGE, name
                if ours.mark in repr(got):
                    shown.add(name)
    assert len(shown) > 15, sorted(shown)
    assert {"checkin.dashboard_store.people_of", "registry.people_store.list_people"} <= shown
