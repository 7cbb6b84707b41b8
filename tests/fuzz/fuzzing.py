"""Runs one target under atheris (libFuzzer): `python tests/fuzz/fuzz_jma.py -max_total_time=600`.

Starts from tests/fuzz/corpus/<name>; what it makes up goes into .make/fuzz/<name>, and an input that breaks a promise
is written to .make/fuzz/<name>-<sha1>: mend the parser, then keep that file in the corpus, where the suite replays it.
atheris lives in the scanners' environment (requirements-security.in, `make fuzz`) and exists for Linux on x86_64.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from random import Random

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
#: libFuzzer's own limits: seconds and megabytes for one input, and the longest input it makes up.
LIMITS = ("-timeout=10", "-rss_limit_mb=1500", "-max_len=60000")


def run(name: str) -> None:
    """Fuzz until libFuzzer's own arguments end it (sys.argv), or until a promise is broken."""
    sys.path.insert(0, str(ROOT))
    # After our own packages, so that nothing of the scanners' replaces a locked version.
    sys.path.extend(str(folder) for folder in ROOT.glob(".venv/security/lib/python3*/site-packages"))
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: run `make fuzz` (it exists for Linux on x86_64 only).")
    with atheris.instrument_imports(include=["feeds", "core.event_json", "core.model"]):
        check, damage = importlib.import_module("tests.fuzz.targets").targets()[name]

    def mutate(body: bytes, max_size: int, seed: int) -> bytes:
        rng = Random(seed)
        changed = damage(body, rng) if rng.random() < 0.8 else None
        return atheris.Mutate(body, max_size) if changed is None or len(changed) > max_size else changed

    scratch = ROOT / ".make" / "fuzz" / name
    scratch.mkdir(parents=True, exist_ok=True)
    arguments = [
        sys.argv[0],
        *LIMITS,
        f"-artifact_prefix={scratch}-",
        "-print_final_stats=1",
        *sys.argv[1:],
        str(scratch),
        os.fspath(HERE / "corpus" / name),
    ]
    atheris.Setup(arguments, check, custom_mutator=mutate)
    atheris.Fuzz()
