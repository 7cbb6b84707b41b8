"""What a call says: recorded where there is a recording, else spoken; and which files the website gives out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from alerts.recordings import Recordings
from alerts.recordings_web import recording
from alerts.twilio_calls import SPOKEN
from alerts.voice_prompt import asking_keys, every_key, heard, words_of
from core.model import Purpose
from core.settings import Settings
from core.web import SITE, Site
from ops.recordings_command import overview, words
from tests.alerts_kit import CATALOGS, RULES
from tests.outgoing import outgoing

KEYS = ("sender", "hazard-tsunami", "press-1-safe_place", "press-2-cannot_leave")
HAZARD = KEYS[1]


def test_the_parts_of_a_call() -> None:
    actions = (("safe_place", "x"), ("cannot_leave", "y"))
    message = outgoing("+819012345678", hazard="tsunami", actions=actions)
    assert asking_keys(message) == KEYS
    drill = outgoing("+819012345678", hazard="tsunami", actions=actions, purpose=Purpose.DRILL)
    assert asking_keys(drill) == (KEYS[0], "drill", *KEYS[1:])


@pytest.mark.parametrize(
    ("language", "recorded", "expected"),
    [
        ("vi", (), ["vi: " + " ".join(KEYS)]),
        ("vi", (HAZARD,), ["vi: sender", f"vi/{HAZARD}", f"vi: {KEYS[2]} {KEYS[3]}"]),
        ("vi", KEYS, [f"vi/{key}" for key in KEYS]),
        ("my", KEYS, [f"my/{key}" for key in KEYS]),
        ("my", KEYS[1:], ["ja: " + " ".join(KEYS), "en: " + " ".join(KEYS)]),
        ("my", (), ["ja: " + " ".join(KEYS), "en: " + " ".join(KEYS)]),
    ],
    ids=["spoken", "one recorded", "all recorded", "unspoken, recorded", "unspoken, one missing", "unspoken"],
)
def test_recorded_or_spoken(language: str, recorded: tuple[str, ...], expected: list[str]) -> None:
    def address(lang: str, key: str) -> str:
        return f"{lang}/{key}" if lang == language and key in recorded else ""

    parts = heard(KEYS, language, address, lambda lang, key: key)
    assert [part.recording or f"{part.language}: {part.words}" for part in parts] == expected


def test_every_part_has_words_in_every_language() -> None:
    keys = every_key(CATALOGS, RULES)
    assert set(KEYS) < set(keys) and {"drill", "canary", "thanks", "help", "press-1-ok"} < set(keys)
    assert len(keys) == len(set(keys))
    for language in CATALOGS.languages:
        for key in keys:
            text = words_of(CATALOGS, "Daijobu", language, key)
            assert text and "{" not in text, (language, key)
            assert not key.startswith("press") or key.split("-")[1] in text, (language, key)
    with pytest.raises(LookupError):
        words_of(CATALOGS, "Daijobu", "en", "hazard-dragons")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "recordings"
    (made / "my").mkdir(parents=True)
    for name in ("sender.mp3", "thanks.wav", "help.mp3", "help.wav", "notes.txt", "hidden.mp3.txt"):
        (made / "my" / name).write_bytes(b"sound")
    (tmp_path / "secret.mp3").write_bytes(b"secret")
    (made / "my" / "link.mp3").symlink_to(tmp_path / "secret.mp3")
    return made


@pytest.mark.parametrize(
    ("language", "name", "there"),
    [
        ("my", "sender.mp3", True),
        ("my", "thanks.wav", True),
        ("my", "thanks.mp3", False),
        ("my", "notes.txt", False),
        ("my", "link.mp3", False),
        ("my", "../../secret.mp3", False),
        ("my", "..", False),
        ("..", "secret.mp3", False),
        (".", "my", False),
        ("", "sender.mp3", False),
        ("my", "sender.mp3\x00.txt", False),
        ("my", "/etc/passwd", False),
        ("my", ".mp3", False),
        ("MY", "sender.MP3", False),
    ],
)
def test_only_recordings_of_the_folder(folder: Path, language: str, name: str, there: bool) -> None:
    assert (Recordings(folder, "").file(language, name) is not None) is there
    assert Recordings(None, "").file(language, name) is None


def test_the_address_changes_with_the_recording(folder: Path) -> None:
    recordings = Recordings(folder, "https://daijobu.example")
    first = recordings.url("my", "help")
    assert first.startswith("https://daijobu.example/voice/my/help.mp3?v="), "mp3 before wav"
    os.utime(folder / "my" / "help.mp3", (1, 1))
    assert recordings.url("my", "help") != first and recordings.url("my", "sender") and not recordings.url("my", "x")


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/voice/my/sender.mp3?v=1", 200, "audio/mpeg"),
        ("/voice/my/thanks.wav", 200, "audio/wav"),
        ("/voice/my/link.mp3", 404, ""),
        ("/voice/my/notes.txt", 404, ""),
        ("/voice/my/%2e%2e%2f%2e%2e%2fsecret.mp3", 404, ""),
        ("/voice/%2e%2e/secret.mp3", 404, ""),
        ("/voice/my/..%2Fmy%2Fsender.mp3", 404, ""),
    ],
)
async def test_what_the_website_gives_out(folder: Path, path: str, status: int, kind: str) -> None:
    app = web.Application()
    app[SITE] = Site(Settings(voice_recordings=folder), *[None] * 6)  # type: ignore[arg-type]
    app.router.add_get("/voice/{language}/{name}", recording)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get(URL(path, encoded=True))
        assert answer.status == status
        if status == 200:
            assert answer.content_type == kind and await answer.read() == b"sound"
            assert "max-age" in answer.headers["Cache-Control"]


def test_the_command_names_what_is_missing(folder: Path) -> None:
    settings = Settings(voice_recordings=folder)
    recordings, keys = Recordings(folder, ""), every_key(CATALOGS, RULES)
    lines = list(overview(settings, CATALOGS, recordings, keys))
    burmese = next(number for number, line in enumerate(lines) if line.startswith("my "))
    assert "3 of" in lines[burmese] and "hazard-earthquake" in lines[burmese + 1] and "sender" not in lines[burmese + 1]
    assert sum("missing:" in line for line in lines) == len(set(CATALOGS.languages) - set(SPOKEN))
    gone = Settings(voice_recordings=folder / "gone")
    assert "is no folder" in next(overview(gone, CATALOGS, Recordings(gone.voice_recordings, ""), keys))
    one = "\n".join(words(settings, CATALOGS, recordings, keys, "my"))
    assert "sender.mp3" in one and "MISSING my/press-1-ok.mp3" in one
    assert words_of(CATALOGS, settings.sender_name, "my", "press-1-ok") in one
