"""`main.py recordings`: which parts of a call are recorded in which language, and what is to be read aloud."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alerts.recordings import Recordings
from alerts.rules import load_rules
from alerts.twilio_calls import SPOKEN
from alerts.voice_prompt import every_key, words_of
from core.i18n import Catalogs
from core.settings import Settings


class NoSuchLanguage(ValueError):
    """There are no texts in this language; the message names those there are."""


async def recordings_command(settings: Settings, language: str | None) -> int:
    """Print what is recorded and what is missing: of all languages in short, of one with its words. NoSuchLanguage."""
    catalogs = Catalogs.load()
    if language is not None and language not in catalogs.languages:
        raise NoSuchLanguage(f"there is no language {language!r}: name one of {', '.join(catalogs.languages)}")
    keys = every_key(catalogs, load_rules())
    recordings = Recordings(settings.voice_recordings, settings.site_url)
    if language is None:
        print("\n".join(overview(settings, catalogs, recordings, keys)))
    else:
        print("\n".join(words(settings, catalogs, recordings, keys, language)))
    return 0


def overview(settings: Settings, catalogs: Catalogs, recordings: Recordings, keys: Sequence[str]) -> Iterator[str]:
    """A line per language, and what is missing where only recordings can say it."""
    folder = settings.voice_recordings
    if folder is None:
        yield "DAIJOBU_VOICE_RECORDINGS names no folder: nothing is recorded"
    else:
        wrong = "" if folder.is_dir() else ", which is no folder: look at DAIJOBU_VOICE_RECORDINGS"
        yield f"recordings in {folder}{wrong}"
    for language in catalogs.languages:
        missing = [key for key in keys if recordings.named(language, key) is None]
        spoken = "the provider speaks it" if language in SPOKEN else "Japanese and English are said for what is missing"
        yield f"{language:<10}{len(keys) - len(missing):>3} of {len(keys)} recorded; {spoken}"
        if missing and language not in SPOKEN:
            yield f"{'':<10}missing: {', '.join(missing)}"


def words(
    settings: Settings, catalogs: Catalogs, recordings: Recordings, keys: Sequence[str], language: str
) -> Iterator[str]:
    """What to read aloud for each part of a language, and the file that has it."""
    for key in keys:
        found = recordings.named(language, key)
        state = found.name if found is not None else f"MISSING {language}/{key}.mp3"
        yield f"{key:<24}{state}\n{'':<24}{words_of(catalogs, settings.sender_name, language, key)}"
