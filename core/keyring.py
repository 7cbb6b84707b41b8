"""The key file: which secret keys there are, and how the file changes without ever being half written.

One key per line, `<kind> <64 hexadecimal characters>`, the newest of a kind first; `#` begins a comment. Kinds: `data`
(encrypts fields), `index` (blind index: finds equal phone numbers), `links` (personal links, also those printed on
wallet cards), `forms` (form tokens). A line without a kind is a data key: every file began as one bare line, and what
a file does not name is derived from its oldest data key. Thus a new data key changes no printed card.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

KEY_BYTES = 32
_KINDS = ("data", "index", "links", "forms")
_LABEL = {"index": b"daijobu blind index", "links": b"daijobu personal links", "forms": b"daijobu form tokens"}


class CryptoError(RuntimeError):
    """A key is missing or a value does not belong to its row. The message says which and what to do."""


def key_id_of(data_key: bytes) -> bytes:
    """The 8 bytes by which stored values name the data key that reads them; they tell nothing about the key."""
    return hashlib.sha256(data_key).digest()[:8]


@dataclass(frozen=True, repr=False)
class Keyring:
    """Every secret key, 32 bytes each; of data and index keys the newest first. `repr` shows ids, never a key."""

    data: tuple[bytes, ...]
    index: tuple[bytes, ...]
    links: bytes
    forms: bytes

    @classmethod
    def of(cls, *data: bytes) -> Keyring:
        """The ring of data keys alone (newest first): the rest comes from the oldest. Raises CryptoError."""
        for key in data:
            if len(key) != KEY_BYTES:
                raise CryptoError(f"the data key must be {KEY_BYTES} bytes, got {len(key)}")
        if not data:
            raise CryptoError("there is no data key")
        index, links, forms = (hmac.digest(data[-1], _LABEL[kind], "sha256") for kind in ("index", "links", "forms"))
        return cls(data, (index,), links, forms)

    def __repr__(self) -> str:
        return f"Keyring({', '.join(key.hex() for key in self.key_ids)})"

    @property
    def key_ids(self) -> tuple[bytes, ...]:
        """The ids of the data keys, newest first."""
        return tuple(key_id_of(key) for key in self.data)

    def with_new_key(self) -> Keyring:
        """The same ring with a new data key and a new index key in front."""
        more = (secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES))
        return replace(self, data=(more[0], *self.data), index=(more[1], *self.index))

    def with_new_links(self) -> Keyring:
        """The same ring with new keys for personal links and forms: printed cards and open forms are void."""
        return replace(self, links=secrets.token_bytes(KEY_BYTES), forms=secrets.token_bytes(KEY_BYTES))

    def prepared(self) -> Keyring:
        """The same ring with a new data key and a new index key at the end: they read, and write nothing yet."""
        more = (secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES))
        return replace(self, data=(*self.data, more[0]), index=(*self.index, more[1]))

    def promoted(self, key_id: bytes) -> Keyring:
        """The same ring with this data key in front, and the index key of the same place if there is one."""
        place = self.key_ids.index(key_id)
        paired = len(self.index) == len(self.data)
        return replace(self, data=_first(self.data, place), index=_first(self.index, place) if paired else self.index)

    def only_newest(self) -> Keyring:
        """The same ring without its older data and index keys."""
        return replace(self, data=self.data[:1], index=self.index[:1])


def _first(keys: tuple[bytes, ...], place: int) -> tuple[bytes, ...]:
    return (keys[place], *keys[:place], *keys[place + 1 :])


def parse_keys(text: str, where: str) -> Keyring:
    """Read the text of a key file. Raises CryptoError naming `where` and the line, never the key."""
    found: dict[str, list[bytes]] = {kind: [] for kind in _KINDS}
    for number, line in enumerate(text.replace("\ufeff", "").splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        kind, value = (words[0], words[1]) if len(words) == 2 else ("data", words[0])
        if kind not in found or len(words) > 2:
            raise CryptoError(f"{where}: line {number} must be one of {', '.join(_KINDS)} and a key")
        try:
            key = bytes.fromhex(value)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise CryptoError(f"{where}: line {number}: a key must be 64 hexadecimal characters")
        found[kind].append(key)
    if not found["data"]:
        raise CryptoError(f"{where}: there is no data key: bring the file back from your backup")
    ring = Keyring.of(*found["data"])
    return Keyring(
        ring.data,
        tuple(found["index"]) or ring.index,
        found["links"][0] if found["links"] else ring.links,
        found["forms"][0] if found["forms"] else ring.forms,
    )


def format_keys(ring: Keyring) -> str:
    """The text of a key file."""
    lines = [
        "# Keys of Daijobu. Who has this file and the database can read everything: keep both apart, back both up."
    ]
    lines += [f"data {key.hex()}  # id {key_id_of(key).hex()}" for key in ring.data]
    lines += [f"index {key.hex()}" for key in ring.index]
    lines += [f"links {ring.links.hex()}", f"forms {ring.forms.hex()}"]
    return "\n".join(lines) + "\n"


def read_key_file(key_file: Path) -> Keyring:
    """Raises CryptoError naming the file; FileNotFoundError if there is none."""
    try:
        text = key_file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise CryptoError(f"{key_file}: cannot read the data key: {error}") from error
    return parse_keys(text, str(key_file))


def make_key_file(key_file: Path) -> Keyring:
    """The file's keys; where there is no file, one is made (mode 0600). Raises CryptoError naming the file."""
    with contextlib.suppress(FileNotFoundError):
        return read_key_file(key_file)
    key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = key_file.with_name(f"{key_file.name}.{secrets.token_hex(4)}")
    _write_private(draft, secrets.token_hex(KEY_BYTES) + "\n")
    try:
        # Whole or not at all, and only the first of two processes that start at once.
        os.link(draft, key_file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    _sync_folder(key_file.parent)
    return read_key_file(key_file)


def replace_key_file(key_file: Path, ring: Keyring, backup_name: str) -> Path:
    """Put `ring` in place of the file's content, and keep the old content beside it; the path of that backup.

    A process killed at any instant leaves the old file or the new one. The owner stays who it was.
    """
    info = key_file.stat()
    backup = key_file.with_name(backup_name)
    if not backup.exists():
        copy = key_file.with_name(f"{backup_name}.new")
        _write_private(copy, key_file.read_text(encoding="utf-8"))
        shutil.copystat(key_file, copy)
        _give(copy, info)
        copy.replace(backup)
    draft = key_file.with_name(f"{key_file.name}.new")
    draft.unlink(missing_ok=True)
    _write_private(draft, format_keys(ring))
    _give(draft, info)
    draft.replace(key_file)
    _sync_folder(key_file.parent)
    return backup


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())


def _give(path: Path, like: os.stat_result) -> None:
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        os.chown(path, like.st_uid, like.st_gid)
    path.chmod(0o600)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every file system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
