"""Rows with an encrypted value in the columns of the main path, and the proof that all can be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import UUID

from core.crypto import Vault, key_id_in
from core.db import Pool
from core.encrypted import ENCRYPTED, EncryptedColumn
from core.ids import uuid7
from tests.people import NOW, make_org, make_resident, make_site

SQL_PLACES = "UPDATE place SET point_enc = $2, address_enc = $3 WHERE id = $1"
SQL_INCIDENT = """
INSERT INTO incident (id, purpose, hazard, key, title, severity, key_enc, opened_at, last_round_at)
VALUES ($1, 'live', 'earthquake', gen_random_uuid()::text, 't', 'extreme', $2, $3, $3)
"""
SQL_CHECK_IN = """
INSERT INTO check_in (id, incident_id, resident_id, purpose, answer, answered_by, via, note_enc, tapped_at, received_at)
VALUES ($1, $2, $3, 'live', 'ok', 'self', 'web', $4, $5, $5)
"""
SQL_CASE = """
INSERT INTO case_file (id, purpose, resident_id, incident_id, reason, opened_at, reason_since)
VALUES ($1, 'live', $2, $3, 'silent', $4, $4)
"""
SQL_NOTE = "INSERT INTO case_note (case_id, action, note_enc, at) VALUES ($1, 'note', $2, $3)"
SQL_UPLOAD = """
INSERT INTO import_run (id, org_id, file_name, file_sha256, dry_run, at, counts, body_enc)
VALUES ($1, $2, 'list.csv', $3, true, $4, '{}', $5)
"""
SQL_TOTP = "INSERT INTO totp (staff_id, pending_enc) VALUES ($1, $2)"
SQL_VALUES = "SELECT bound_to, stored FROM encrypted_rows($1, $2, $3, $4, '', NULL, 1000000)"
FILLED = frozenset(
    {"contact.address_enc", "incident.key_enc", "place.point_enc", "place.address_enc", "site.landline_enc"}
    | {"check_in.note_enc", "case_note.note_enc", "import_run.body_enc", "totp.pending_enc"}
)


async def fill(pool: Pool, vault: Vault, people: int) -> dict[UUID, str]:
    """`people` residents with a phone, and values of every kind in FILLED; resident id -> phone."""
    org = await make_org(pool)
    site, place = await make_site(pool, org.id, landline="+81961234567", vault=vault)
    await pool.execute(
        SQL_PLACES,
        place,
        vault.encrypt(json.dumps({"lat": 32.7, "lon": 130.8}), place, "place.point_enc"),
        vault.encrypt("熊本県上益城郡益城町1-2-3", place, "place.address_enc"),
    )
    incident, upload = uuid7(), uuid7()
    await pool.execute(SQL_INCIDENT, incident, vault.encrypt(bytes(32), incident, "incident.key_enc"), NOW)
    await pool.execute(
        SQL_UPLOAD, upload, org.id, bytes(32), NOW, vault.encrypt(b"\xff" * 10_000, upload, "import_run.body_enc")
    )
    await pool.execute(SQL_TOTP, org.staff_id, vault.encrypt("JBSWY3DPEHPK3PXP", org.staff_id, "totp.pending_enc"))
    phones = {}
    for number in range(people):
        person = await make_resident(pool, org.id, dorm=(site, place), vault=vault)
        phones[person.id] = person.phone
        if number % 10 == 0:
            answer, case = uuid7(), uuid7()
            note = vault.encrypt("足をけがしました", answer, "check_in.note_enc")
            await pool.execute(SQL_CHECK_IN, answer, incident, person.id, note, NOW)
            await pool.execute(SQL_CASE, case, person.id, incident, NOW)
            await pool.execute(SQL_NOTE, case, vault.encrypt("電話した", case, "case_note.note_enc"), NOW)
    return phones


async def values(pool: Pool, column: EncryptedColumn) -> list[tuple[UUID, bytes]]:
    """(the id to which a value is bound, the value) of a whole column."""
    found = await pool.fetch(SQL_VALUES, column.table, column.key, column.row, column.column)
    return [(row["bound_to"], row["stored"]) for row in found]


async def read_everything(pool: Pool, vault: Vault) -> dict[str, set[bytes]]:
    """Decrypt every value there is; column -> ids of the keys in use. Raises CryptoError otherwise."""
    keys: dict[str, set[bytes]] = {}
    for column in ENCRYPTED:
        for row, stored in await values(pool, column):
            vault.decrypt_bytes(stored, row, column.name)
            keys.setdefault(column.name, set()).add(key_id_in(stored))
    return keys


async def findable(pool: Pool, vault: Vault, phones: Mapping[UUID, str]) -> bool:
    """Whether everybody is found by the blind index of their phone number under the newest key."""
    rows = await pool.fetch("SELECT resident_id, address_bidx FROM contact WHERE channel = 'phone'")
    found = {row["resident_id"]: row["address_bidx"] for row in rows}
    return all(found[person] == vault.blind_index("phone", phone) for person, phone in phones.items())
