"""People over the API: list, one, put, many at once, the end of employment, invitations; sites."""

from __future__ import annotations

import unicodedata
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from core.audit import audit
from core.clock import date_in_japan
from core.db import UniqueViolation
from geo.store import insert_places
from registry import store
from registry.api import Answer, Call, after_cursor
from registry.api_models import (
    BatchIn,
    BatchOut,
    EmployeeId,
    EndIn,
    InvitationOut,
    NumberedPersonIn,
    PeopleOut,
    PersonIn,
    PersonOut,
    SavedPerson,
    SiteIn,
    SiteOut,
    SitesOut,
    person_fields,
    person_out,
    site_out,
)
from registry.api_rows import as_list, etag, fates, matches
from registry.api_tokens import Scope
from registry.import_read_store import find_owner, lock_owner, seal_place
from registry.import_run import Upload, locate_offline, run_upload
from registry.imports import Fate, PlaceUnknown, Plan
from registry.membership_store import end_membership
from registry.openapi import Operation, Parameter
from registry.people_api_store import member, members_page
from registry.people_store import PersonLine, sites_of
from registry.problems import FieldError, Problem, not_found
from registry.rows import AddressInput, read_postal_code

MAX_PAGE: Final = 500
MAX_BATCH_BYTES: Final = 4_000_000
_EMPLOYEE_ID: Final[TypeAdapter[str]] = TypeAdapter(EmployeeId)


async def list_people(call: Call) -> Answer:
    """GET /people."""
    limit = call.limit(MAX_PAGE)
    found = await members_page(call.conn, call.token.org_id, call.cursor(), limit + 1)
    shown = found[:limit]
    await _audit(call, "people.read", shown, person_fields(call.token.role))
    return Answer(
        {
            "people": [person_out(line, call.token.role) for line in shown],
            "next_cursor": after_cursor([line.id for line in found], limit),
        }
    )


async def get_person(call: Call) -> Answer:
    """GET /people/{employee_id}."""
    line = await _member(call)
    shown = person_out(line, call.token.role)
    await _audit(call, "person.read", [line], person_fields(call.token.role))
    return Answer(shown, headers={"ETag": etag(shown)})


async def put_person(call: Call) -> Answer:
    """PUT /people/{employee_id}: make or change one person; the same call again changes nothing."""
    employee_id = _number(call)
    given: PersonIn = call.body
    owner = await find_owner(call.conn, org_id=call.token.org_id)
    if owner is None:
        raise not_found()
    await lock_owner(call.conn, owner)  # from here on If-Match is compared with what will be changed
    before = await member(call.conn, call.token.org_id, employee_id)
    _check_conditions(call, before)
    person = NumberedPersonIn(employee_id=employee_id, **given.model_dump())
    made = await _upload(call, [person], dry_run=False)
    row = fates(made.rows, [person], _say(call))[0]
    notes = [note | {"pointer": note["pointer"].removeprefix("/people/0")} for note in row["notes"]]
    if row["fate"] == Fate.REFUSED:
        errors = [FieldError(n["pointer"], n["detail"]) for n in notes if n["weight"] == "refuse"]
        text = errors[0].detail if errors else "This person was not taken over."
        raise Problem(422, "refused_row", text, errors=errors)
    line = await member(call.conn, call.token.org_id, employee_id)
    shown = person_out(line, call.token.role) if line else None
    body = {"fate": row["fate"], "changes": row["changes"], "notes": notes, "person": shown}
    headers = {"ETag": etag(shown)} if shown else {}
    return Answer(body, 201 if before is None else 200, headers)


def _check_conditions(call: Call, before: PersonLine | None) -> None:
    current = etag(person_out(before, call.token.role)) if before else None
    wanted, unwanted = call.request.headers.get("If-Match"), call.request.headers.get("If-None-Match")
    if (wanted is not None and not matches(wanted, current)) or (unwanted is not None and matches(unwanted, current)):
        text = "The person has changed since you read them; read them again and decide anew."
        raise Problem(412, "changed_meanwhile", text, headers={"ETag": current} if current else {})


async def post_batch(call: Call) -> Answer:
    """POST /people: the fate of each of up to 1,000 people; with dry_run=true nothing is written."""
    batch: BatchIn = call.body
    dry_run = call.flag("dry_run")
    made = await _upload(call, batch.people, dry_run=dry_run)
    counts = {name: count for name, count in made.counts.items() if name in set(Fate)}
    return Answer({"dry_run": dry_run, "counts": counts, "rows": fates(made.rows, batch.people, _say(call))})


async def _upload(call: Call, people: list[NumberedPersonIn], *, dry_run: bool) -> Plan:
    owner = await find_owner(call.conn, org_id=call.token.org_id)
    if owner is None:
        raise not_found()
    made, _ = await run_upload(
        call.conn,
        call.site.vault,
        owner,
        Upload(f"api {call.token.name}.csv", as_list(people)),
        supported=call.site.catalogs.languages,
        dry_run=dry_run,
        now=call.now,
        actor=call.actor,
        may_create_employers=False,
    )
    return made


async def end_person(call: Call) -> Answer:
    """POST /people/{employee_id}/end: the last day; today or earlier ends the view at once."""
    line = await _member(call)
    given: EndIn = call.body
    if given.end_date <= date_in_japan(call.now):
        await end_membership(call.conn, line.id, line.org_id, given.end_date, call.now)
    else:
        await store.set_end_date(call.conn, line.id, line.org_id, given.end_date)
    await _audit(call, "membership.end", [line], ("end_date",))
    return Answer(None)


async def invite(call: Call) -> Answer:
    """POST /people/{employee_id}/invitation: the link by which an invited person enrols, with words for it."""
    line = await _member(call)
    if line.state != "invited":
        raise Problem(409, "already_enrolled", "This person has enrolled; their link is theirs alone now.")
    token = await store.personal_token(call.conn, call.site.vault, line.id)
    if token is None:
        raise Problem(409, "no_link", "This person's link was withdrawn; an administrator can make a new one.")
    link = f"{call.site.settings.site_url}/e/{token}"
    language = call.site.catalogs.normalise(line.language) or "ja-simple"
    words = call.site.catalogs.sayer(language).plain("invite.sms", org=await _org_name(call))
    await _audit(call, "invitation.show", [line], ("link",))
    return Answer({"link": link, "language": language, "text": f"{words} {link}"})


async def _org_name(call: Call) -> str:
    owner = await find_owner(call.conn, org_id=call.token.org_id)
    return owner.name if owner else ""


async def list_sites(call: Call) -> Answer:
    """GET /sites."""
    return Answer({"sites": [site_out(line) for line in await sites_of(call.conn, [call.token.org_id])]})


async def get_site(call: Call) -> Answer:
    """GET /sites/{id}."""
    found = await sites_of(call.conn, [call.token.org_id], call.id("id"))
    if not found:
        raise not_found()
    return Answer(site_out(found[0]))


async def new_site(call: Call) -> Answer:
    """POST /sites: a workplace or dorm with its place."""
    given: SiteIn = call.body
    code = read_postal_code(given.postal_code) if given.postal_code else ""
    if code is None:
        raise _field("/postal_code", "A postal code has seven digits.")
    if not code and not given.address:
        raise _field("/address", "Give a postal code or an address.")
    where = AddressInput(code, given.address)
    try:
        located = locate_offline(where)
    except PlaceUnknown:
        raise _field("/address", "This place was not found; give its postal code.") from None
    place = seal_place(call.site.vault, where, located, label=given.name)
    await insert_places(call.conn, [place])
    try:
        site_id = await store.create_site(
            call.conn,
            call.site.vault,
            org_id=call.token.org_id,
            kind=given.kind,
            name=given.name,
            now=call.now,
            place_id=place.id,
        )
    except UniqueViolation:
        raise Problem(409, "name_taken", "The organisation already has a site of this kind and name.") from None
    await audit(call.conn, call.actor, "site.new", at=call.now, detail={"site": str(site_id)})
    return Answer(site_out((await sites_of(call.conn, [call.token.org_id], site_id))[0]), 201)


def _field(pointer: str, detail: str) -> Problem:
    return Problem(422, "bad_field", detail, errors=[FieldError(pointer, detail)])


def _say(call: Call) -> Any:
    return call.site.catalogs.sayer("en").plain


def _number(call: Call) -> str:
    try:
        # As the list's reader writes it: full-width figures are the same number.
        return _EMPLOYEE_ID.validate_python(unicodedata.normalize("NFKC", call.path("employee_id")))
    except ValidationError:
        raise not_found() from None


async def _member(call: Call) -> PersonLine:
    found = await member(call.conn, call.token.org_id, _number(call))
    if found is None:
        raise not_found()
    return found


async def _audit(call: Call, action: str, people: list[PersonLine], fields: tuple[str, ...]) -> None:
    await audit(
        call.conn, call.actor, action, at=call.now, subjects=[p.id for p in people], fields=sorted(("id", *fields))
    )


_PERSON: Final = Parameter(
    "employee_id",
    "path",
    _EMPLOYEE_ID.json_schema() | {"example": "A-1001"},
    "The organisation's own number of the person.",
)
_SITE: Final = Parameter("id", "path", {"type": "string", "format": "uuid"})
_LIMIT: Final = Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 100})
_CURSOR: Final = Parameter(
    "cursor", "query", {"type": "string", "pattern": "^[0-9a-f]{32}$"}, "`next_cursor` of the page before."
)
_IF_MATCH: Final = Parameter(
    "If-Match", "header", {"type": "string"}, "ETag of the last read: refuses (412) if the person has changed since."
)
_DRY: Final = Parameter(
    "dry_run", "query", {"type": "boolean", "default": False}, "true: say the fates, write nothing."
)

OPERATIONS: Final = (
    Operation("GET", "/people", list_people, Scope.PEOPLE_READ, "listPeople", "The organisation's people, by page.",
              "people", gives=PeopleOut, parameters=(_LIMIT, _CURSOR)),
    Operation("POST", "/people", post_batch, Scope.PEOPLE_WRITE, "upsertPeople",
              "Make or change up to 1,000 people; the fate of each.", "people", body=BatchIn, gives=BatchOut,
              parameters=(_DRY,), max_body=MAX_BATCH_BYTES),
    Operation("GET", "/people/{employee_id}", get_person, Scope.PEOPLE_READ, "getPerson", "One person.", "people",
              gives=PersonOut, parameters=(_PERSON,)),
    Operation("PUT", "/people/{employee_id}", put_person, Scope.PEOPLE_WRITE, "putPerson",
              "Make or change one person. Idempotent.", "people", body=PersonIn, gives=SavedPerson, also=(201,),
              parameters=(_PERSON, _IF_MATCH), refuses=(412,)),
    Operation("POST", "/people/{employee_id}/end", end_person, Scope.PEOPLE_WRITE, "endPerson",
              "The end of employment.", "people", body=EndIn, status=204, parameters=(_PERSON,)),
    Operation("POST", "/people/{employee_id}/invitation", invite, Scope.PEOPLE_WRITE, "invitePerson",
              "The link by which a person enrols.", "people", gives=InvitationOut, parameters=(_PERSON,)),
    Operation("GET", "/sites", list_sites, Scope.PEOPLE_READ, "listSites", "Workplaces and dorms.", "sites",
              gives=SitesOut),
    Operation("POST", "/sites", new_site, Scope.PEOPLE_WRITE, "newSite", "A new workplace or dorm.", "sites",
              body=SiteIn, gives=SiteOut, status=201),
    Operation("GET", "/sites/{id}", get_site, Scope.PEOPLE_READ, "getSite", "One workplace or dorm.", "sites",
              gives=SiteOut, parameters=(_SITE,)),
)  # fmt: skip
