"""What our parsers make of every recorded document, in short: the texts of the golden files.

`python -m tests.feed_golden` writes tests/contract/golden_jma.txt and golden_others.txt anew from the samples beside
the repository. Read their difference line by line before committing it: each changed line is a report that now says
something else.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from core.event_json import event_to_json
from core.model import Area, Event, Parsed, Tier, UnreadableReport
from feeds.jma.codes import TYPES
from feeds.known import parse_any
from feeds.sources.jma import parse
from tests.telegrams import SHARED

GOLDEN = Path(__file__).parent / "contract" / "golden_jma.txt"
HEAD = """\
# Written by `python -m tests.feed_golden`. One block per telegram: file, type, status, what it does, when it was
# issued; then each event: hazard, thread, ids, time of origin, office; its areas counted by scheme and level (or tier
# and change, where there is no level); notes; the first 12 digits of the SHA-256 of the whole event as JSON.
# Telegrams of the old warning scheme stand twice: as ignored, and as DAIJOBU_JMA_WARNING_FAMILY=old reads them.
"""
OTHERS = GOLDEN.with_name("golden_others.txt")
OTHERS_HEAD = """\
# Written by `python -m tests.feed_golden`. One block per document of the other sources (P2PQuake, USGS, CAP and
# GDACS), as in golden_jma.txt; shapes are counted by level. What none of our feeds recognises is named as such.
"""
_OLD = {kind.code for kind in TYPES if kind.scheme == "old" and kind.hazards}


def samples() -> list[Path]:
    """Every telegram beside the repository, in the order of the golden file."""
    return sorted(SHARED.glob("jma-*/*.xml"))


def others() -> list[Path]:
    """Every document of the other sources beside the repository, in the order of their golden file."""
    folders = ("p2pquake-json", "usgs", "cap", "gdacs")
    kinds = {".json", ".xml", ".cap", ".geojson"}
    return sorted(path for folder in folders for path in (SHARED / folder).glob("*") if path.suffix in kinds)


def render() -> str:
    """JMA's golden file as its telegrams are parsed now."""
    return HEAD + "".join(f"\n{block(path)}" for path in samples())


def render_others() -> str:
    """The golden file of the other sources as their documents are parsed now."""
    return OTHERS_HEAD + "".join(f"\n{block(path)}" for path in others())


def block(path: Path) -> str:
    """The lines of one telegram."""
    body = path.read_bytes()
    name = f"{path.parent.name}/{path.name}"
    try:
        parsed = parse_any(body)
        lines = [f"{name} {_head(parsed)}", *_body(parsed)]
        if parsed.type in _OLD:
            lines += ["  with the old scheme:", *_body(parse(body, "old"))]
    except UnreadableReport as error:
        lines = [name, f"  unreadable: {error}"]
    return "\n".join(lines) + "\n"


def _head(parsed: Parsed) -> str:
    when = parsed.reported_at.isoformat() if parsed.reported_at else "-"
    return f"{parsed.type or '-'} {parsed.status} {parsed.message_type} {when}"


def _body(parsed: Parsed) -> Iterator[str]:
    if parsed.ignored is not None:
        yield f"  ignored: {parsed.ignored}"
    for event in parsed.events:
        yield from _event(event)


def _event(event: Event) -> Iterator[str]:
    digest = hashlib.sha256(json.dumps(event_to_json(event), sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    when = event.occurred_at.isoformat() if event.occurred_at else "-"
    ids = " ".join(event.event_ids) or "-"
    yield f"  {event.hazard} {event.type} {event.message_type} {event.thread} ids {ids} at {when} {event.office}"
    counted: dict[str, Counter[str]] = {}
    for area in event.areas:
        counted.setdefault(area.scheme, Counter())[_level(area)] += 1
    for scheme, levels in sorted(counted.items()):
        yield f"    {scheme}: " + ", ".join(f"{level} x {count}" for level, count in sorted(levels.items()))
    shapes = Counter(str(polygon.level) for polygon in event.polygons)
    if shapes:
        yield "    shapes: " + ", ".join(f"{level} x {count}" for level, count in sorted(shapes.items()))
    if event.hypocenter is not None and event.source != "jma":
        place = event.hypocenter
        yield f"    {place.name}: {place.lat} {place.lon}, {place.depth_km} km, M {place.magnitude}"
    if event.observations:
        yield f"    {len(event.observations)} waves"
    for note in event.notes:
        yield f"    {note}"
    yield f"    {digest[:12]}"


def _level(area: Area) -> str:
    words = [str(area.level)] if area.level is not None else []
    if area.level is None:
        words += [] if area.tier is Tier.NONE else [area.tier.value]
        words.append(area.change.value)
    if area.not_received:
        words.append("(not received)")
    return " ".join(words)


if __name__ == "__main__":
    if not samples():
        raise SystemExit(f"{SHARED}: no telegrams here, nothing written")
    GOLDEN.write_text(render(), encoding="utf-8")
    OTHERS.write_text(render_others(), encoding="utf-8")
    print(f"{GOLDEN}: {len(samples())} telegrams; {OTHERS}: {len(others())} documents")
