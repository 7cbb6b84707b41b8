"""UUIDv7: the standard's own example, order, and uniqueness."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from core.ids import uuid7


def test_carries_version_variant_and_time() -> None:
    # RFC 9562 appendix A.6: 2022-02-22 14:22:22 -05:00 is 017F22E2-79B0-7...
    made = uuid7(int(datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC).timestamp()) * 10**9)
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.hex.startswith("017f22e279b07")


def test_ids_rise_strictly_within_a_process() -> None:
    made = [uuid7() for _ in range(5000)]
    assert made == sorted(made)
    assert len({UUID(int=i.int >> 62) for i in made}) == 5000  # by the stamp alone, not by luck of the random part


def test_the_fraction_orders_ids_of_one_millisecond() -> None:
    assert uuid7(1_000_000_100_000) < uuid7(1_000_000_900_000)
