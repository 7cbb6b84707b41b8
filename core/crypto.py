"""Encryption of personal data, in the application: the database and its backups never see a phone number.

AES-256-GCM per field. The stored value is version byte | 8-byte key id | 12-byte nonce | ciphertext with tag; the
additional data binds it to its row and column, so that a value copied into another row does not decrypt. A blind index
(HMAC-SHA256 with its own key) finds equal phone numbers without decrypting any. Several keys may be known at once
(core.keyring): every known key reads, the newest writes. Which columns hold such values: core.encrypted.
"""

from __future__ import annotations

import hmac
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.keyring import CryptoError, Keyring, key_id_of, make_key_file, read_key_file

__all__ = ["LOOK_AGAIN_S", "CryptoError", "Keyring", "Vault", "key_id_in", "load_vault"]

log = logging.getLogger(__name__)

#: A running service looks this often whether its key file was changed; a rotation waits a little longer.
LOOK_AGAIN_S = 1.0
_VERSION = b"\x01"


@dataclass(frozen=True, repr=False)
class _Ready:
    """A keyring with its ciphers made."""

    ring: Keyring
    key_id: bytes
    newest: AESGCM
    by_id: dict[bytes, AESGCM]

    @classmethod
    def of(cls, ring: Keyring) -> _Ready:
        ciphers = {key_id_of(key): AESGCM(hmac.digest(key, b"daijobu field encryption", "sha256")) for key in ring.data}
        newest = key_id_of(ring.data[0])
        return cls(ring, newest, ciphers[newest], ciphers)


class Vault:
    """Encrypts and finds personal data. Safe to share between tasks and threads."""

    def __init__(
        self, keys: bytes | Keyring, key_file: Path | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`keys`: a keyring, or 32 secret bytes. `key_file`: read again whenever it changes (`clock`: in seconds).

        Raises CryptoError for a key of another length.
        """
        self._ready = _Ready.of(keys if isinstance(keys, Keyring) else Keyring.of(keys))
        self._file = key_file
        self._clock = clock
        self._look_at = clock() + LOOK_AGAIN_S
        self._seen = self._signature()

    @property
    def keys(self) -> Keyring:
        """The keys in use now."""
        return self._now().ring

    @property
    def key_file(self) -> Path | None:
        """Where the keys come from; None if they were given as a setting."""
        return self._file

    @property
    def key_id(self) -> bytes:
        """The 8-byte id of the newest data key, with which everything is written."""
        return self._now().key_id

    @property
    def link_key(self) -> bytes:
        """Key of the permanent personal links (incident links use the incident's own key)."""
        return self._now().ring.links

    def form_token(self, session_id: str) -> str:
        """The anti-forgery token of a session's forms."""
        return hmac.new(self._now().ring.forms, session_id.encode(), "sha256").hexdigest()[:32]

    def encrypt(self, plain: str | bytes, row: UUID, column: str) -> bytes:
        """Encrypt one field of one row. `column` is "table.column"."""
        ready = self._now()
        nonce = os.urandom(12)
        data = plain.encode() if isinstance(plain, str) else plain
        return _VERSION + ready.key_id + nonce + ready.newest.encrypt(nonce, data, _aad(row, column))

    def decrypt_bytes(self, stored: bytes, row: UUID, column: str) -> bytes:
        """The bytes of one field. Raises CryptoError if its key is not known or the value is another row's."""
        if stored[:1] != _VERSION or len(stored) < 1 + 8 + 12 + 16:
            raise CryptoError(f"{column} of row {row} is not an encrypted value")
        cipher = self._now().by_id.get(stored[1:9])
        if cipher is None:  # perhaps a key that another process has just made
            self._look_again()
            cipher = self._ready.by_id.get(stored[1:9])
        if cipher is None:
            theirs, ours = stored[1:9].hex(), ", ".join(key.hex() for key in self._ready.by_id)
            raise CryptoError(f"{column} of row {row} was encrypted with key {theirs}, the key file holds {ours}")
        try:
            return cipher.decrypt(stored[9:21], stored[21:], _aad(row, column))
        except InvalidTag as error:
            raise CryptoError(f"{column} of row {row} does not belong to this row, or was changed") from error

    def decrypt(self, stored: bytes, row: UUID, column: str) -> str:
        """The text of one field; see `decrypt_bytes`."""
        return self.decrypt_bytes(stored, row, column).decode()

    def blind_index(self, channel: str, address: str) -> bytes:
        """A keyed fingerprint (32 bytes): equal for equal addresses, useless without the key. What is written.

        To look an address up, use `blind_indexes`: while the keys are being changed, older rows have older ones.
        """
        return _index(self._now().ring.index[0], channel, address)

    def blind_indexes(self, channel: str, address: str) -> list[bytes]:
        """The fingerprints under every known index key, the newest (`blind_index`) first: what a look-up compares."""
        return [_index(key, channel, address) for key in self._now().ring.index]

    def reload(self) -> None:
        """Take over at once what the key file says now."""
        self._look_again()

    def _now(self) -> _Ready:
        if self._file is not None and self._clock() >= self._look_at:
            self._look_again()
        return self._ready

    def _look_again(self) -> None:
        """Take over what the key file says now. A file that cannot be read leaves the keys we have."""
        self._look_at = self._clock() + LOOK_AGAIN_S
        found = self._signature()
        if self._file is None or found == self._seen:
            return
        self._seen = found
        try:
            ring = read_key_file(self._file)
        except (CryptoError, OSError) as error:
            log.error("the key file cannot be read; going on with the keys read before: %s", error)
            return
        if ring != self._ready.ring:
            self._ready = _Ready.of(ring)
            log.info("the key file has changed: %d data key(s), newest %s", len(ring.data), ring.key_ids[0].hex())

    def _signature(self) -> tuple[int, int, int] | None:
        """What tells one version of the file from another without reading it; None if there is no file."""
        if self._file is None:
            return None
        try:
            info = self._file.stat()
        except OSError:
            return None
        return info.st_ino, info.st_mtime_ns, info.st_size


def key_id_in(stored: bytes) -> bytes:
    """The id of the data key a stored value was encrypted with."""
    return stored[1:9]


def _index(key: bytes, channel: str, address: str) -> bytes:
    return hmac.digest(key, f"{channel}\0{address}".encode(), "sha256")


def _aad(row: UUID, column: str) -> bytes:
    return column.encode() + b"\0" + row.bytes


def load_vault(key_file: Path) -> Vault:
    """Read the key file, or make it at first start (mode 0600). Raises CryptoError naming the file.

    A service asks first whether the database already knows keys: ops.keys.open_vault.
    """
    return Vault(make_key_file(key_file), key_file)
