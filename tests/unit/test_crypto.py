"""Encryption of fields, the blind index, and link tokens."""

from __future__ import annotations

import hmac
from pathlib import Path
from uuid import uuid4

import pytest

from core.crypto import CryptoError, Vault, load_vault
from core.tokens import ALPHABET, LinkTokens, link_token, looks_like_token, token_hash

KEY = bytes(range(32))


def test_a_field_comes_back_and_looks_different_each_time() -> None:
    vault, row = Vault(KEY), uuid4()
    first, second = (vault.encrypt("+819012345678", row, "contact.address_enc") for _ in range(2))
    assert first != second and b"9012345678" not in first
    assert vault.decrypt(first, row, "contact.address_enc") == "+819012345678"


def test_a_value_moved_to_another_row_or_column_or_changed_is_refused() -> None:
    vault, row = Vault(KEY), uuid4()
    stored = vault.encrypt("note", row, "check_in.note_enc")
    for broken, where, column in (
        (stored, uuid4(), "check_in.note_enc"),
        (stored, row, "contact.address_enc"),
        (stored[:-1] + bytes([stored[-1] ^ 1]), row, "check_in.note_enc"),
    ):
        with pytest.raises(CryptoError, match="does not belong to this row, or was changed"):
            vault.decrypt(broken, where, column)
    with pytest.raises(CryptoError, match="was encrypted with key"):
        Vault(bytes(32)).decrypt(stored, row, "check_in.note_enc")
    with pytest.raises(CryptoError, match="not an encrypted value"):
        vault.decrypt(b"+8190", row, "check_in.note_enc")


def test_the_blind_index_finds_equal_addresses_of_a_channel_only() -> None:
    vault = Vault(KEY)
    assert vault.blind_index("phone", "+8190") == vault.blind_index("phone", "+8190")
    assert vault.blind_index("phone", "+8190") != vault.blind_index("email", "+8190")
    assert vault.blind_index("phone", "+8190") != Vault(bytes(32)).blind_index("phone", "+8190")


def test_the_key_file_is_made_once_private_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "data.key"
    first = load_vault(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_vault(file).key_id == first.key_id
    file.write_text("nonsense", encoding="ascii")
    with pytest.raises(CryptoError, match=r"data\.key: line 1: a key must be 64 hexadecimal characters"):
        load_vault(file)


def test_a_link_has_one_token_that_can_be_typed_from_paper() -> None:
    links = [uuid4() for _ in range(20_000)]
    tokens = {link_token(KEY, link) for link in links}
    assert len(tokens) == len(links)
    assert link_token(KEY, links[0]) == link_token(KEY, links[0])
    assert link_token(bytes(32), links[0]) not in tokens
    assert all(looks_like_token(token) for token in tokens)
    assert not set("0OIl") & set(ALPHABET)
    # No digit of the alphabet is rare at the front or at the back: a guesser gains nothing from the form.
    for place in (0, 11):
        counts = [sum(token[place] == letter for token in tokens) for letter in ALPHABET]
        assert min(counts) > 250 and max(counts) < 450
    assert not looks_like_token("short") and not looks_like_token("O" * 12)
    assert len(token_hash("x")) == 32


@pytest.mark.parametrize("length", [1, 32, 63, 64, 65, 200])
def test_many_links_get_the_tokens_each_would_get_alone(length: int) -> None:
    key = bytes(range(length))
    many = LinkTokens(key)
    for link in (uuid4() for _ in range(200)):
        assert many.of(link) == link_token(key, link)


def test_a_token_is_the_lowest_digits_of_the_code() -> None:
    link = uuid4()
    number = int.from_bytes(hmac.new(KEY, link.bytes, "sha256").digest(), "big")
    digits = []
    for _ in range(12):
        number, digit = divmod(number, 58)
        digits.append(ALPHABET[digit])
    assert link_token(KEY, link) == "".join(reversed(digits))
