"""How far a download is: a bar on a terminal, a plain line now and then in a log."""

from __future__ import annotations

import time
from typing import Any, TextIO

from ops.geo_update_sources import Progress


def download_progress(out: TextIO, *, every_s: float = 5.0) -> Progress:
    """Takes (address, bytes so far)."""
    from tqdm import tqdm

    bars: dict[str, Any] = {}
    last = 0.0

    def show(source: str, done: int) -> None:
        nonlocal last
        if out.isatty():
            if source not in bars:
                for bar in bars.values():
                    bar.close()
                bars[source] = tqdm(desc=source.rpartition("/")[2], unit="B", unit_scale=True, file=out)
            bars[source].update(done - bars[source].n)
        elif time.monotonic() - last >= every_s:
            last = time.monotonic()
            print(f"{source}: {done / 1e6:.1f} MB", file=out, flush=True)

    return show
