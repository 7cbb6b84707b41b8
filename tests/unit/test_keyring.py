"""The key file: every version of it reads, it is replaced whole or not at all, and no key is ever shown."""

from __future__ import annotations

import stat
from pathlib import Path
from uuid import UUID

import pytest

from core.crypto import LOOK_AGAIN_S, CryptoError, Keyring, Vault, load_vault
from core.keyring import format_keys, key_id_of, make_key_file, parse_keys, read_key_file, replace_key_file
from core.tokens import link_token

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
ROW = UUID(int=7)


def test_a_file_of_one_bare_line_means_what_it_always_meant() -> None:
    ring = parse_keys(OLD.hex() + "\n", "data.key")
    one, same = Vault(ring), Vault(OLD)
    assert one.link_key == same.link_key and one.form_token("s") == same.form_token("s")
    assert one.blind_index("phone", "+8190") == same.blind_index("phone", "+8190")
    assert one.key_id == key_id_of(OLD)


def test_what_is_written_reads_back() -> None:
    ring = parse_keys(OLD.hex(), "data.key").with_new_links().with_new_key().with_new_key()
    assert parse_keys(format_keys(ring), "data.key") == ring
    assert len(ring.data) == len(ring.index) == 3


def test_a_new_data_key_changes_no_personal_link_and_a_leak_does() -> None:
    ring = Keyring.of(OLD)
    assert link_token(Vault(ring.with_new_key()).link_key, ROW) == link_token(Vault(ring).link_key, ROW)
    assert link_token(Vault(ring.with_new_key().with_new_links()).link_key, ROW) != link_token(
        Vault(ring).link_key, ROW
    )
    # The old data key leaves the file, and the links go on: their key is a line of its own.
    assert Vault(parse_keys(format_keys(ring.with_new_key().only_newest()), "f")).link_key == Vault(ring).link_key
    assert OLD.hex() not in format_keys(ring.with_new_key().only_newest())


def test_two_lines_added_by_hand_keep_the_index_of_the_older_one() -> None:
    vault = Vault(parse_keys(f"# by hand\n\n{NEW.hex()}\n{OLD.hex()}  # 2026\n", "data.key"))
    assert vault.key_id == key_id_of(NEW)
    assert vault.blind_index("phone", "+8190") == Vault(OLD).blind_index("phone", "+8190")
    assert vault.decrypt(Vault(OLD).encrypt("x", ROW, "t.c"), ROW, "t.c") == "x"


def test_every_known_key_reads_the_newest_writes_and_look_ups_try_all() -> None:
    ring = Keyring.of(OLD)
    before, after = Vault(ring), Vault(ring.with_new_key())
    assert after.decrypt(before.encrypt("+8190", ROW, "t.c"), ROW, "t.c") == "+8190"
    with pytest.raises(CryptoError, match=f"the key file holds {before.key_id.hex()}"):
        before.decrypt(after.encrypt("+8190", ROW, "t.c"), ROW, "t.c")
    newest, oldest = after.blind_indexes("phone", "+8190")
    assert newest == after.blind_index("phone", "+8190") and oldest == before.blind_index("phone", "+8190")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "there is no data key"),
        ("links " + OLD.hex(), "there is no data key"),
        ("zz", r"data\.key: line 1: a key must be 64 hexadecimal characters"),
        (OLD.hex() + "\ndata 00ff", r"line 2: a key must be 64"),
        ("dat " + OLD.hex(), r"line 1 must be one of data, index, links, forms"),
    ],
)
def test_a_wrong_file_is_one_sentence_without_the_key(text: str, sentence: str) -> None:
    with pytest.raises(CryptoError, match=sentence) as raised:
        parse_keys(text, "data.key")
    assert OLD.hex() not in str(raised.value)


def test_no_key_is_shown_where_a_ring_is_printed() -> None:
    ring = Keyring.of(OLD)
    assert OLD.hex() not in repr(ring) and repr(OLD) not in repr(ring) + repr(Vault(ring)) + repr(Vault(ring).__dict__)


def test_replacing_the_file_keeps_a_backup_and_shows_it_to_nobody(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "data.key"
    ring = make_key_file(file)
    fresh = ring.with_new_key()
    backup = replace_key_file(file, fresh, "data.key.before-1")
    assert read_key_file(file) == fresh and read_key_file(backup) == ring
    assert {stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()} == {0o600}
    assert {path.name for path in file.parent.iterdir()} == {"data.key", "data.key.before-1"}
    # The same step again (its process was killed after it): the backup stays the one from before.
    replace_key_file(file, fresh, "data.key.before-1")
    assert read_key_file(backup) == ring


def test_a_running_service_learns_of_a_new_key(tmp_path: Path) -> None:
    ticks = [0.0]
    file = tmp_path / "data.key"
    ring = make_key_file(file)
    vault = Vault(ring, file, clock=lambda: ticks[0])
    fresh = ring.with_new_key()
    replace_key_file(file, fresh, "before")
    assert vault.key_id == ring.key_ids[0]  # looked a moment ago
    # A value with a key it does not know makes it look at once.
    assert vault.decrypt(Vault(fresh).encrypt("x", ROW, "t.c"), ROW, "t.c") == "x"
    assert vault.key_id == fresh.key_ids[0]
    replace_key_file(file, fresh.only_newest(), "before-2")
    ticks[0] += LOOK_AGAIN_S
    assert vault.keys == fresh.only_newest()


def test_a_file_that_goes_away_leaves_the_service_running(tmp_path: Path) -> None:
    ticks = [0.0]
    file = tmp_path / "data.key"
    vault = Vault(make_key_file(file), file, clock=lambda: ticks[0])
    stored = vault.encrypt("x", ROW, "t.c")
    for spoil in (lambda: file.write_text("nonsense", encoding="utf-8"), file.unlink):
        spoil()
        ticks[0] += LOOK_AGAIN_S
        assert vault.decrypt(stored, ROW, "t.c") == "x"


def test_the_vault_of_a_file_is_made_once(tmp_path: Path) -> None:
    assert load_vault(tmp_path / "k").keys == load_vault(tmp_path / "k").keys
