"""Every encrypted column of the database, in one list: what a key rotation writes anew.

A new column `something_enc bytea` gets a line here; a test compares this list with the schema.
"""

from __future__ import annotations

from typing import NamedTuple


class EncryptedColumn(NamedTuple):
    """A bytea column that holds values of core.crypto.Vault (or NULL)."""

    table: str
    column: str
    #: The table's primary key (one column, uuid or bigint), in whose order rows are worked through.
    key: str = "id"
    #: The uuid column to which values are bound (the `row` given to Vault.encrypt).
    row: str = "id"
    #: Rows written in one transaction: fewer where values are large.
    batch: int = 500

    @property
    def name(self) -> str:
        """ "table.column", as given to Vault.encrypt."""
        return f"{self.table}.{self.column}"


#: Contacts come first: their blind index changes together with them, and look-ups have to try both until it has.
ENCRYPTED: tuple[EncryptedColumn, ...] = (
    EncryptedColumn("contact", "address_enc"),
    EncryptedColumn("incident", "key_enc"),
    EncryptedColumn("place", "point_enc"),
    EncryptedColumn("place", "address_enc"),
    EncryptedColumn("site", "landline_enc"),
    EncryptedColumn("check_in", "note_enc"),
    EncryptedColumn("case_note", "note_enc", row="case_id"),
    EncryptedColumn("import_run", "body_enc", batch=1),
    EncryptedColumn("import_run", "result_enc", batch=1),
    EncryptedColumn("import_change", "values_enc", row="key"),
    EncryptedColumn("totp", "secret_enc", key="staff_id", row="staff_id"),
    EncryptedColumn("totp", "pending_enc", key="staff_id", row="staff_id"),
    EncryptedColumn("held_form", "fields_enc"),
    EncryptedColumn("volunteer_pass", "token_enc"),
    EncryptedColumn("resident_need", "need_enc"),
    EncryptedColumn("shared_location", "point_enc"),
    EncryptedColumn("enrolment_draft", "data_enc", key="resident_id", row="resident_id"),
    EncryptedColumn("api_idempotency", "body_enc", batch=50),
    EncryptedColumn("webhook", "secret_enc"),
    EncryptedColumn("webhook", "secret_old_enc"),
)

#: Blind indexes (`Vault.blind_index`) by "table.column". Those of contacts are written anew with their address; a
#: walk-in's fingerprint of a network address only counts tries for a day: with a new key the count begins anew.
BLIND_INDEXES = frozenset({"contact.address_bidx", "walk_in.address_bidx"})
