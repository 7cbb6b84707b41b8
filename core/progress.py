"""How far long work is: a bar on a terminal, a plain line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TextIO

#: Takes (what is being done, how much is done, of how much; 0 where nobody knows).
Progress = Callable[[str, int, int], None]


def show_progress(out: TextIO, *, unit: str = " rows", every_s: float = 5.0) -> Progress:
    """Prints to `out`: one bar at a time, or a line every `every_s` seconds. `unit` "B" is shown as kB and MB."""
    from tqdm import tqdm

    bars: dict[str, Any] = {}
    last = 0.0

    def show(stage: str, done: int, total: int) -> None:
        nonlocal last
        if out.isatty():
            if stage not in bars:
                for bar in bars.values():
                    bar.close()
                bars[stage] = tqdm(total=total or None, desc=stage[-60:], unit=unit, unit_scale=unit == "B", file=out)
            bars[stage].update(done - bars[stage].n)
            if total and done >= total:
                bars[stage].close()
        elif time.monotonic() - last >= every_s:
            last = time.monotonic()
            far = f"{done / 1e6:.1f} MB" if unit == "B" else f"{done} of {total}{unit}" if total else f"{done}{unit}"
            print(f"{stage}: {far}", file=out, flush=True)

    return show
