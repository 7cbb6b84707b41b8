"""Damaged documents of every feed: whatever happens to one, it is read or refused with a sentence; nothing else is ever
raised. The fuzzer (`make fuzz`) looks for more; what it found lies in the corpus and stays mended."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import targets

CORPUS = Path(__file__).parent / "corpus"
TARGETS = targets()
SEEDS = {name: [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))] for name in TARGETS}
#: All together; the corpus is read by every run of the suite.
MAX_CORPUS = 500_000


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus(name: str) -> None:
    assert SEEDS[name], f"tests/fuzz/corpus/{name} is empty: run tests/fuzz/build_corpus.py"
    check, _ = TARGETS[name]
    for body in SEEDS[name]:
        check(body)


@pytest.mark.parametrize("name", TARGETS)
def test_changed_elements(name: str) -> None:
    check, damage = TARGETS[name]
    rng = Random(name)
    damaged = [damage(rng.choice(SEEDS[name]), rng) for _ in range(300)]
    assert sum(body is not None for body in damaged) > 100
    for body in filter(None, damaged):
        check(body)


@pytest.mark.parametrize("name", TARGETS)
def test_changed_bytes(name: str) -> None:
    check, _ = TARGETS[name]
    rng = Random(name)
    for _ in range(200):
        body = rng.choice(SEEDS[name])
        at, inserted = rng.randrange(len(body) + 1), rng.randbytes(rng.randrange(9))
        check(body[:at] + inserted + body[at + rng.randrange(9) :])


@pytest.mark.parametrize("name", TARGETS)
@given(body=st.binary(max_size=300))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_anything_at_all(name: str, body: bytes) -> None:
    TARGETS[name][0](body)


def test_every_parser_has_a_target_for_the_fuzzer() -> None:
    files = {path.stem.removeprefix("fuzz_") for path in Path(__file__).parent.glob("fuzz_*.py")}
    assert files == set(TARGETS)


def test_the_corpus_stays_small() -> None:
    assert sum(len(body) for bodies in SEEDS.values() for body in bodies) < MAX_CORPUS
