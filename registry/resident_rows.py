"""The columns that new people and contacts become, sealed and fingerprinted: all of their writing but the writing.

This is the CPU's part of `registry.store.insert_residents`. No database here: for long lists it runs in a thread, while
PostgreSQL writes the people before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from core.crypto import Vault
from core.ids import uuid7_bytes
from core.tokens import LinkTokens, token_hash
from registry.records import NewContact, NewMembership, NewResident

Column = list[UUID] | list[UUID | None] | list[str] | list[str | None] | list[bool] | list[bytes] | list[date | None]


class ContactRows(NamedTuple):
    """Contacts as columns. `columns`: id, resident, kind, channel, address sealed, blind index, state. `older`: contact
    and its blind index under an older key; while the keys change, a person's contact may still stand under that one."""

    columns: tuple[Column, ...]
    older: tuple[list[UUID], list[bytes]]


class ResidentRows(NamedTuple):
    """People as columns, one list per column of the table (`registry.store` names them); lists of a table are equally
    long."""

    ids: list[UUID]
    people: tuple[Column, ...]  # id, name, language, second language, state, simulated
    memberships: tuple[Column, ...]
    only_org: list[UUID | None] | None  # each person's one organisation; None where somebody has several
    contacts: ContactRows
    places: tuple[list[UUID], list[str], list[UUID]]
    consents: tuple[Column, ...]  # resident, scope, given, basis, language
    links: tuple[Column, ...]  # id, SHA-256 of the token, resident


def contact_rows(vault: Vault, contacts: Sequence[tuple[UUID, NewContact]]) -> ContactRows:
    """The columns of (resident, contact) pairs."""
    indexes = [vault.blind_indexes(c.channel, c.address) for _, c in contacts]
    older = [(c.id, index) for (_, c), every in zip(contacts, indexes, strict=True) for index in every[1:]]
    return ContactRows(
        (
            [c.id for _, c in contacts],
            [r for r, _ in contacts],
            [c.kind for _, c in contacts],
            [c.channel for _, c in contacts],
            [vault.encrypt(c.address, c.id, "contact.address_enc") for _, c in contacts],
            [every[0] for every in indexes],
            [c.state for _, c in contacts],
        ),
        ([contact_id for contact_id, _ in older], [index for _, index in older]),
    )


def resident_rows(vault: Vault, people: Sequence[NewResident]) -> ResidentRows:
    """The columns of new people with all that hangs on them; each gets the id and token of a personal link."""
    pairs = [(p.id, m) for p in people for m in p.memberships]
    one_each = all(len(p.memberships) <= 1 for p in people)
    homes = [(p.id, "home", p.home_place_id) for p in people if p.home_place_id]
    places = [*homes, *((p.id, "work", p.work_place_id) for p in people if p.work_place_id)]
    lines = [(p, c) for p in people for c in p.consents]
    links = [UUID(bytes=link) for link in uuid7_bytes(len(people))]
    tokens = LinkTokens(vault.link_key)
    return ResidentRows(
        ids=[p.id for p in people],
        people=(
            [p.id for p in people],
            [p.name for p in people],
            [p.language for p in people],
            [p.second_language for p in people],
            [p.state for p in people],
            [p.simulated for p in people],
        ),
        memberships=_membership_columns(pairs),
        only_org=[p.memberships[0].org_id if p.memberships else None for p in people] if one_each else None,
        contacts=contact_rows(vault, [(p.id, c) for p in people for c in _each_once(p.contacts)]),
        places=([r for r, _, _ in places], [k for _, k, _ in places], [place for _, _, place in places]),
        consents=(
            [p.id for p, _ in lines],
            [c.scope for _, c in lines],
            [c.given for _, c in lines],
            [c.basis for _, c in lines],
            [p.language for p, _ in lines],
        ),
        links=(links, [token_hash(tokens.of(link)) for link in links], [p.id for p in people]),
    )


def _each_once(contacts: Sequence[NewContact]) -> Iterable[NewContact]:
    """A number that a row names twice is one contact: the first."""
    found: dict[tuple[str, str], NewContact] = {}
    for contact in contacts:
        found.setdefault((contact.channel, contact.address), contact)
    return found.values()


def _membership_columns(pairs: Sequence[tuple[UUID, NewMembership]]) -> tuple[Column, ...]:
    return (
        [r for r, _ in pairs],
        [m.org_id for _, m in pairs],
        [m.employee_id for _, m in pairs],
        [m.workplace_id for _, m in pairs],
        [m.dorm_id for _, m in pairs],
        [m.room for _, m in pairs],
        [m.shift for _, m in pairs],
        [m.start_date for _, m in pairs],
        [m.end_date for _, m in pairs],
    )
