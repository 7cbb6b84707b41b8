"""What every feed must keep to. A new file in feeds/sources is picked up by itself, with its samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.event_json import event_from_json, event_to_json
from core.model import MessageType, UnreadableReport
from feeds.inspect import inspect_file
from feeds.known import all_feeds

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "feeds"
CASES = [(name, path) for name in all_feeds() for path in sorted((SAMPLES / name).glob("*"))]

documents = pytest.mark.parametrize(("feed", "path"), CASES, ids=[f"{name}/{path.name}" for name, path in CASES])


@pytest.mark.parametrize("name", list(all_feeds()))
def test_a_feed_describes_itself_and_has_samples(name: str) -> None:
    feed = all_feeds()[name]
    assert feed.name == name
    assert feed.credit
    assert any((SAMPLES / name).glob("*"))
    assert len({s.name for s in feed.streams}) == len(feed.streams) > 0


@documents
def test_a_sample_is_recognised_and_parses_to_the_same_every_time(feed: str, path: Path) -> None:
    body = path.read_bytes()
    assert all_feeds()[feed].recognises(body)
    first = all_feeds()[feed].parse(body)
    assert first == all_feeds()[feed].parse(body)
    assert first.source == feed
    assert bool(first.events) != (first.ignored is not None)


@documents
def test_events_are_whole(feed: str, path: Path) -> None:
    for event in all_feeds()[feed].parse(path.read_bytes()).events:
        for time in (event.issued_at, event.sent_at, event.occurred_at, event.valid_until):
            assert time is None or time.tzinfo is not None
        assert event.thread and event.hazard and event.type
        assert all(area.scheme and area.code for area in event.areas)
        assert len({(a.scheme, a.code) for a in event.areas}) == len(event.areas)
        if event.message_type is MessageType.CANCEL:
            assert event.areas == ()
        assert event_from_json(event_to_json(event)) == event


@documents
def test_half_a_document_is_refused_and_never_crashes(feed: str, path: Path) -> None:
    body = path.read_bytes()
    for cut in range(0, len(body) - 20, max(1, len(body) // 40)):
        with pytest.raises(UnreadableReport):
            all_feeds()[feed].parse(body[:cut])


@documents
def test_a_document_without_one_line_is_read_or_refused(feed: str, path: Path) -> None:
    lines = path.read_bytes().split(b"\n")
    for number in range(len(lines)):
        damaged = b"\n".join(lines[:number] + lines[number + 1 :])
        try:
            parsed = all_feeds()[feed].parse(damaged)
        except UnreadableReport as error:
            assert str(error) and "\n" not in str(error)
        else:
            assert parsed.source == feed


@documents
def test_inspect_prints_the_agreed_shape(feed: str, path: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "any name.txt"
    renamed.write_bytes(path.read_bytes())
    shown = inspect_file(renamed)
    assert {"file", "source", "type", "title", "status", "message_type", "reported_at", "ignored", "events"} == set(
        shown
    )
    assert shown["file"] == str(renamed)
    for event in shown["events"]:
        assert {"hazard", "event_ids", "issued_at", "headline", "areas", "polygons"} <= set(event)
        for area in event["areas"]:
            assert {"scheme", "code", "name", "kind", "level", "tier", "change"} <= set(area)


def test_inspect_names_the_file_and_the_reason(tmp_path: Path) -> None:
    missing = tmp_path / "missing.xml"
    assert inspect_file(missing) == {
        "file": str(missing),
        "error": f"{missing}: cannot be opened: No such file or directory",
    }
    other = tmp_path / "notes.md"
    other.write_text("# notes")
    assert "not a report of a feed we know (cap, jma" in str(inspect_file(other)["error"])
    assert "cannot be opened" in str(inspect_file(tmp_path)["error"])
