"""A factory of fictional people and organisations for tests. Everybody here is invented."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

from core.crypto import Vault
from core.db import Connection, Pool
from core.ids import uuid7
from core.model import OrgKind, Role
from registry import store
from registry.signin_store import open_session

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
VAULT = Vault(bytes(range(32)))

_numbers = count(1)

SQL_INSERT_PLACE = """
INSERT INTO place (id, label, postal_code, lat, lon, precision) VALUES ($1, $2, $3, $4, $5, $6)
"""
SQL_INSERT_PLACE_AREA = "INSERT INTO place_area (scheme, code, place_id) VALUES ($1, $2, $3)"

#: Codes of four municipalities of Kumamoto: enough to match quake telegrams without the geo tables.
MASHIKI = (("jis", "43443"), ("jma.city", "4344300"), ("jma.quake_area", "741"))
KASHIMA = (("jis", "43442"), ("jma.city", "4344200"), ("jma.quake_area", "741"))
HIGASHI_KU = (("jis", "43102"), ("jma.city", "4310200"), ("jma.city", "4310000"), ("jma.quake_area", "741"))
FUKUOKA_CHUO = (("jis", "40133"), ("jma.city", "4013300"), ("jma.city", "4013000"))


@dataclass(frozen=True, slots=True)
class Org:
    """An organisation with one member of staff who may sign in."""

    id: UUID
    slug: str
    kind: OrgKind
    staff_id: UUID
    email: str


ROLE_OF_KIND = {
    OrgKind.EMPLOYER: Role.EMPLOYER,
    OrgKind.SUPERVISING: Role.SUPERVISING,
    OrgKind.COMMUNITY: Role.COMMUNITY,
    OrgKind.VOLUNTEER_NETWORK: Role.COORDINATOR,
    OrgKind.OPERATOR: Role.OPERATOR,
    OrgKind.PARTNER: Role.PARTNER,
    OrgKind.AUDITOR: Role.AUDITOR,
    OrgKind.UMBRELLA: Role.UMBRELLA,
}


async def make_org(
    conn: Connection | Pool,
    kind: OrgKind = OrgKind.EMPLOYER,
    *,
    name: str = "",
    role: Role | None = None,
    language: str = "en",
    now: datetime = NOW,
    password_hash: str | None = None,
) -> Org:
    """An organisation of `kind` and its first member of staff."""
    n = next(_numbers)
    slug = f"{kind.value.replace('_', '-')}-{n}"
    org_id = await store.create_organisation(
        conn, slug=slug, name=name or f"Hoshizora {kind.value} {n}", kind=kind, now=now
    )
    email = f"clerk{n}@{slug}.example"
    staff_id = await make_staff(
        conn,
        org_id,
        role or ROLE_OF_KIND.get(kind, Role.COMMUNITY),
        email=email,
        language=language,
        now=now,
        password_hash=password_hash,
    )
    return Org(org_id, slug, kind, staff_id, email)


async def make_staff(
    conn: Connection | Pool,
    org_id: UUID,
    role: Role,
    *,
    name: str = "",
    email: str = "",
    language: str = "en",
    now: datetime = NOW,
    password_hash: str | None = None,
) -> UUID:
    """One more member of staff of an organisation."""
    n = next(_numbers)
    return await store.create_staff(
        conn,
        org_id=org_id,
        role=role,
        name=name or f"Clerk {n}",
        email=email or f"staff{n}@hoshizora.example",
        now=now,
        language=language,
        password_hash=password_hash,
    )


async def whole_session(conn: Connection | Pool, staff_id: UUID, now: datetime = NOW) -> str:
    """The id of a new session that has just proved its second factor."""
    return await open_session(conn, staff_id, now, "test", second_factor_at=now)


async def make_place(
    conn: Connection | Pool,
    codes: tuple[tuple[str, str], ...] = MASHIKI,
    *,
    label: str = "",
    lat: float | None = 32.79,
    lon: float | None = 130.82,
    precision: str = "town",
) -> UUID:
    """A place lying in the given (scheme, code) pairs."""
    place_id = uuid7()
    await conn.execute(SQL_INSERT_PLACE, place_id, label, "", lat, lon, precision)
    await conn.executemany(SQL_INSERT_PLACE_AREA, [(scheme, code, place_id) for scheme, code in codes])
    return place_id


async def make_site(
    conn: Connection | Pool,
    org_id: UUID,
    *,
    kind: str = "dorm",
    name: str = "",
    codes: tuple[tuple[str, str], ...] = MASHIKI,
    landline: str = "",
    shift: str = "",
    now: datetime = NOW,
    vault: Vault = VAULT,
) -> tuple[UUID, UUID]:
    """A dorm (or workplace) with its place: (site id, place id)."""
    name = name or f"{kind.title()} {next(_numbers)}"
    place_id = await make_place(conn, codes, label=name)
    site_id = await store.create_site(
        conn, vault, org_id=org_id, kind=kind, name=name, now=now, place_id=place_id, shift=shift, landline=landline
    )
    return site_id, place_id


@dataclass(frozen=True, slots=True)
class Person:
    """A resident as a test needs them: id, name and the phone number they were given ("" for none)."""

    id: UUID
    name: str
    language: str
    phone: str
    extra: dict[str, Any] = field(default_factory=dict)


async def make_resident(
    conn: Connection | Pool,
    org_id: UUID | None = None,
    *,
    name: str = "",
    language: str = "vi",
    phone: str | None = None,
    enrolled: bool = True,
    dorm: tuple[UUID, UUID] | None = None,
    workplace: tuple[UUID, UUID] | None = None,
    home_place_id: UUID | None = None,
    vault: Vault = VAULT,
    now: datetime = NOW,
    **more: Any,
) -> Person:
    """A resident with a mobile number (phone="" for none). `dorm`, `workplace`: what `make_site` returned.

    Unless `home_place_id` says otherwise, a person of a dorm lives at the dorm's place.
    """
    n = next(_numbers)
    number = f"+8190{10_000_000 + n}" if phone is None else phone
    name = name or f"Person {n}"
    resident_id = await store.create_resident(
        conn,
        vault,
        name=name,
        language=language,
        now=now,
        org_id=org_id,
        phone=number,
        enrolled=enrolled,
        dorm_id=dorm[0] if dorm else None,
        workplace_id=workplace[0] if workplace else None,
        home_place_id=home_place_id or (dorm[1] if dorm else None),
        work_place_id=workplace[1] if workplace else None,
        **more,
    )
    return Person(resident_id, name, language, number)
