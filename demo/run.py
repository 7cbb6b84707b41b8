"""`make demo`: the whole main job on a fictional registry, from the telegram to the coordinator's board."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from typing import Any
from uuid import UUID

from alerts.channel import Channels
from alerts.staff_call_store import EMPLOYING, FOLLOWING
from alerts.staff_contacts_store import PHONE, add_contact, confirm
from core.audit import Actor
from core.db import Connection, Pool, transaction
from core.model import OrgKind, Purpose, Role
from core.settings import Settings
from demo import store
from demo.phones import Behaviour, DemoPhones
from demo.registry import SHELTERS, load_facts, uploads
from demo.scenario import Scenario, load_scenario
from demo.telegrams import build_report
from feeds.store import ingest
from ops.geo_shelters import import_list
from ops.service import run_loops, site_of, stop_on_signals, website, with_port
from ops.tend import tend_forever
from ops.wires import Wires, open_wires
from registry import store as registry_store
from registry.facts_store import set_fact
from registry.import_read_store import find_owner
from registry.import_run import Upload, may_create, run_upload
from registry.signin_store import make_signin_link

SCENARIO = "kumamoto-2016-foreshock"
REPORT = "VXSE53"
#: In the demo silence becomes a case after a minute, not after what rules/ say.
CASE_AFTER_S = 60


async def run_demo(settings: Settings) -> int:
    """Make everything new, let the earth shake, and stay up until interrupted."""
    started = time.monotonic()
    settings = with_port(demo_settings(settings))
    stop = stop_on_signals()
    async with open_wires(settings, migrate_first=True, prepare=store.wipe) as wires:
        phones = DemoPhones(Behaviour(median_s=settings.demo_answer_median_s), seed=2016)
        channels = Channels(by_name={"console": phones}, kinds=wires.deps.channels.kinds)
        wires = dataclasses.replace(wires, deps=dataclasses.replace(wires.deps, channels=channels))
        scenario = load_scenario(SCENARIO)
        registry = await fill_registry(wires, load_facts())
        async with website(await site_of(wires, no_feeds)):
            print_welcome(scenario, registry)
            work = asyncio.create_task(run_loops(wires, demo_loops(), stop))
            await shake(wires, scenario)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(phones.first.wait(), 30)
            print(f"First message {time.monotonic() - started:.1f} s after the start.", flush=True)
            await report_when_sent(wires.deps.pool, phones, stop)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(phones.staff.wait(), 10)
            print_links(settings, registry, phones.staff_link)
            await work
        await phones.close()
    return 0


async def no_feeds(conn: Pool | Connection) -> list[dict[str, object]]:
    """The demo hears only its own telegram: there is no feed that could be late."""
    return []


def demo_settings(settings: Settings) -> Settings:
    """The settings of the demo: its own data folder, and no provider: fictional people reach no real phone."""
    return settings.model_copy(
        update={
            "data_dir": settings.data_dir / "demo",
            "database_url": None,
            "key_file": None,
            "twilio_account_sid": "",
            "twilio_auth_token": None,
            "case_after_s": settings.case_after_s or CASE_AFTER_S,
        }
    )


def demo_loops() -> dict[str, Any]:
    """Every loop but the poller: the demo hears only its own telegram."""
    from alerts.fanout import decide_forever
    from alerts.outbox import send_forever

    return {"decide": decide_forever, "send": send_forever, "tend": tend_forever}


@dataclasses.dataclass(frozen=True, slots=True)
class DemoRegistry:
    """What was made: counts, and one one-time sign-in token per member of staff (role, organisation, token)."""

    residents: int
    organisations: int
    dorms: int
    sign_ins: tuple[tuple[str, str, str], ...]


async def fill_registry(wires: Wires, facts: dict[str, Any]) -> DemoRegistry:
    """Organisations, staff, people, shelters (by the real imports), dorm leaders; marks the database fictional."""
    deps = wires.deps
    now = deps.clock.now()
    orgs: dict[str, UUID] = {}
    async with transaction(deps.pool) as conn:
        await set_fact(conn, "fictional", True, now)
        operator = await registry_store.create_organisation(
            conn, slug="operator", name="運営（架空）", kind=OrgKind.OPERATOR, now=now
        )
        orgs["operator"] = operator
        for org in facts["organisations"]:
            orgs[org["slug"]] = await registry_store.create_organisation(
                conn, slug=org["slug"], name=org["name"], kind=OrgKind(org["kind"]), now=now
            )
        for org in facts["organisations"]:
            for child in org.get("supervises", []):
                await registry_store.relate(conn, orgs[org["slug"]], orgs[child], "supervises")
    for upload in uploads(facts, deps.settings.demo_people):
        async with transaction(deps.pool) as conn:
            owner = await find_owner(conn, slug=upload.org_slug)
            assert owner is not None
            await run_upload(
                conn,
                deps.vault,
                owner,
                Upload(upload.file_name, upload.body),
                supported=deps.catalogs.languages,
                dry_run=False,
                now=now,
                actor=Actor("demo", org_id=owner.id),
                may_create_employers=may_create(owner),
            )
    body = SHELTERS.read_bytes()
    await import_list(deps.pool, SHELTERS.name, body, now=now, fictional=True, say=lambda line: None)
    async with transaction(deps.pool) as conn:
        await store.enrol_most(conn, now)
        await store.name_leaders(conn)
        sign_ins: list[tuple[str, str, str]] = []
        staff = [
            {"org": "operator", "role": "operator", "name": "運営 一番（架空）", "email": "operator@daijobu.example"},
            *facts["staff"],
        ]
        for member in staff:
            staff_id = await registry_store.create_staff(
                conn,
                org_id=orgs[member["org"]],
                role=Role(member["role"]),
                name=member["name"],
                email=member["email"],
                now=now,
            )
            if Role(member["role"]) in EMPLOYING | FOLLOWING:
                number = f"+8190000001{len(sign_ins):02d}"
                contact = await add_contact(conn, deps.vault, staff_id, PHONE, number, now)
                await confirm(conn, contact, staff_id, now)
            sign_ins.append((member["role"], member["org"], await make_signin_link(conn, staff_id, now)))
        residents, dorms = await store.counts(conn)
    return DemoRegistry(residents, len(facts["organisations"]), dorms, tuple(sign_ins))


async def shake(wires: Wires, scenario: Scenario) -> None:
    """Store the scenario's telegram as if the quake had just been reported."""
    deps = wires.deps
    now = deps.clock.now()
    after = dict(scenario.reports)[REPORT]
    body = build_report(scenario, REPORT, now - after)
    await ingest(deps.pool, body, received_at=now, purpose=Purpose.LIVE)


async def report_when_sent(pool: Pool, phones: DemoPhones, stop: asyncio.Event) -> None:
    """Wait until the outbox has nothing due any more, and say what went out."""
    while not stop.is_set():
        due = await store.due_messages(pool)
        if due == 0 and phones.sent:
            break
        await asyncio.sleep(0.2)
    told, unreachable, languages = await store.told(pool)
    print("─" * 72)
    print(f"{phones.sent} messages to {told} people in {len(languages)} languages: {', '.join(languages)}.")
    print(
        f"{unreachable} more are in the area and have no way to be reached: they are on the board at once.", flush=True
    )


def print_welcome(scenario: Scenario, registry: DemoRegistry) -> None:
    """What this is, before the first message."""
    print("Daijobu demo. Everything here is simulated: people, organisations, answers.")
    print(
        f"{registry.residents} residents, {registry.organisations} organisations, {registry.dorms} dorms. "
        f"Now: {scenario.title}, as if it happened today.",
        flush=True,
    )


def print_links(settings: Settings, registry: DemoRegistry, staff_link: str) -> None:
    """The links to look at, each absolute and on a line of its own."""
    url = settings.site_url
    print("Simulated residents are answering now. Look at it (each sign-in link works once):")
    for role, org, token in registry.sign_ins:
        print(f"{role} of {org}:\n{url}/enter/{token}")
    if staff_link:
        print(f"A clerk's telephone got this link (one device, 24 hours, no sign-in):\n{staff_link}")
    print(f"Website:\n{url}/")
    print(f"Silence becomes a case after {settings.case_after_s} s here. Ctrl-C ends the demo.", flush=True)
