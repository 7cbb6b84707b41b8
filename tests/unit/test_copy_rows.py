"""Binary COPY columns, byte for byte as PostgreSQL's manual has them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from alerts import copy_rows
from core.ids import uuid7, uuid7_bytes
from core.tokens import LinkTokens, link_token


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (copy_rows.columns(3), "0003"),
        (copy_rows.raw(None), "ffffffff"),
        (copy_rows.raw(b""), "00000000"),
        (copy_rows.text("震"), "00000003e99c87"),
        (copy_rows.uuid(UUID(int=1)), "00000010" + "00" * 15 + "01"),
        (copy_rows.boolean(True), "0000000101"),
        (copy_rows.boolean(False), "0000000100"),
        (copy_rows.integer(-2), "00000004fffffffe"),
        (copy_rows.bigint(5), "000000080000000000000005"),
        (copy_rows.timestamp(datetime(2000, 1, 1, 0, 0, 1, 5, tzinfo=UTC)), "0000000800000000000f4245"),
        (copy_rows.timestamp(datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC)), "00000008fffffffffff0bdc0"),
        (copy_rows.timestamp(None), "ffffffff"),
    ],
)
def test_columns(column: bytes, expected: str) -> None:
    assert column.hex() == expected


def test_rows_share_what_is_the_same_and_take_the_rest_in_turn() -> None:
    assert copy_rows.rows(b"<", [b"a", b"b"], b"-", [b"c", b"d"], b">") == b"<a-c><b-d>"
    assert copy_rows.rows(b"<", [], b">") == b""


@pytest.mark.parametrize("parts", [(b"<", [b"a"], [b"b", b"c"]), (b"<", b">"), ()])
def test_rows_of_no_certain_number_are_refused(parts: tuple[bytes | list[bytes], ...]) -> None:
    with pytest.raises(ValueError, match="unequal length, or none"):
        copy_rows.rows(*parts)


def test_ids_made_together_rise_and_are_version_7() -> None:
    before = uuid7()
    made = [UUID(bytes=raw) for raw in uuid7_bytes(5000)]
    together = [before, *made, uuid7()]
    assert together == sorted(set(together))
    assert {(one.version, one.variant) for one in made} == {(7, before.variant)}
    assert uuid7_bytes(0) == []


def test_a_token_is_the_same_from_the_bytes_of_its_link() -> None:
    link = uuid7()
    assert LinkTokens(b"k" * 32).of_bytes(link.bytes) == link_token(b"k" * 32, link)
