"""How much memory the embedded server keeps for itself."""

from __future__ import annotations

import pytest

from core.postgres import memory_settings

GIGABYTE = 2**30


@pytest.mark.parametrize(
    ("total", "buffers"),
    [(0, "128MB"), (GIGABYTE // 2, "128MB"), (GIGABYTE, "128MB"), (4 * GIGABYTE, "512MB"), (64 * GIGABYTE, "1024MB")],
)
def test_an_eighth_of_the_machine_within_bounds(total: int, buffers: str) -> None:
    assert memory_settings(total) == {"shared_buffers": buffers}
