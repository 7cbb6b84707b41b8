"""Encryption of personal data, in the application: the database and its backups never see a phone number.

AES-256-GCM per field. The stored value is version byte | 8-byte key id | 12-byte nonce | ciphertext with tag; the
additional data binds it to its row and column, so that a value copied into another row does not decrypt. A blind index
(HMAC-SHA256 with its own key) finds equal phone numbers without decrypting any.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_KEY_BYTES = 32


class CryptoError(RuntimeError):
    """A key is missing or a value does not belong to its row. The message says which and what to do."""


class Vault:
    """Encrypts and finds personal data with one data key. Safe to share between tasks."""

    def __init__(self, key: bytes) -> None:
        """`key`: 32 secret bytes. Raises CryptoError for any other length."""
        if len(key) != _KEY_BYTES:
            raise CryptoError(f"the data key must be {_KEY_BYTES} bytes, got {len(key)}")
        self._aead = AESGCM(hmac.digest(key, b"daijobu field encryption", "sha256"))
        self._index_key = hmac.digest(key, b"daijobu blind index", "sha256")
        self._link_key = hmac.digest(key, b"daijobu personal links", "sha256")
        self._form_key = hmac.digest(key, b"daijobu form tokens", "sha256")
        self.key_id = hashlib.sha256(key).digest()[:8]

    @property
    def link_key(self) -> bytes:
        """Key of the permanent personal links (incident links use the incident's own key)."""
        return self._link_key

    def form_token(self, session_id: str) -> str:
        """The anti-forgery token of a session's forms."""
        return hmac.new(self._form_key, session_id.encode(), "sha256").hexdigest()[:32]

    def encrypt(self, plain: str | bytes, row: UUID, column: str) -> bytes:
        """Encrypt one field of one row. `column` is "table.column"."""
        nonce = os.urandom(12)
        data = plain.encode() if isinstance(plain, str) else plain
        return _VERSION + self.key_id + nonce + self._aead.encrypt(nonce, data, _aad(row, column))

    def decrypt_bytes(self, stored: bytes, row: UUID, column: str) -> bytes:
        """The bytes of one field. Raises CryptoError if the key is another one or the value is another row's."""
        if stored[:1] != _VERSION or len(stored) < 1 + 8 + 12 + 16:
            raise CryptoError(f"{column} of row {row} is not an encrypted value")
        if stored[1:9] != self.key_id:
            theirs, ours = stored[1:9].hex(), self.key_id.hex()
            raise CryptoError(f"{column} of row {row} was encrypted with key {theirs}, the key file holds {ours}")
        try:
            return self._aead.decrypt(stored[9:21], stored[21:], _aad(row, column))
        except InvalidTag as error:
            raise CryptoError(f"{column} of row {row} does not belong to this row, or was changed") from error

    def decrypt(self, stored: bytes, row: UUID, column: str) -> str:
        """The text of one field; see `decrypt_bytes`."""
        return self.decrypt_bytes(stored, row, column).decode()

    def blind_index(self, channel: str, address: str) -> bytes:
        """A keyed fingerprint (32 bytes): equal for equal addresses, useless without the key."""
        return hmac.digest(self._index_key, f"{channel}\0{address}".encode(), "sha256")


def _aad(row: UUID, column: str) -> bytes:
    return column.encode() + b"\0" + row.bytes


def load_vault(key_file: Path) -> Vault:
    """Read the data key, or make it at first start (mode 0600). Raises CryptoError naming the file."""
    try:
        text = key_file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = secrets.token_hex(_KEY_BYTES)
        # Exclusive creation: of two processes starting at once one makes the key, the other reads it.
        try:
            descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return load_vault(key_file)
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(text + "\n")
            out.flush()
            os.fsync(out.fileno())
    except (OSError, UnicodeDecodeError) as error:
        raise CryptoError(f"{key_file}: cannot read the data key: {error}") from error
    try:
        return Vault(bytes.fromhex(text))
    except ValueError as error:
        raise CryptoError(f"{key_file}: the data key must be 64 hexadecimal characters") from error
