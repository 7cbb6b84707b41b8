"""Recordings of what calls say, in a folder of the operator's: `<folder>/<language>/<key>.mp3` (or .wav).

The keys are those of alerts/voice_prompt.py, the languages our tags. The provider fetches them from the website
(alerts/recordings_web.py), which serves nothing else of the folder. Formats: twilio.com/docs/voice/twiml/play.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

#: Endings in the order in which they are looked for, and their media types.
TYPES: Final = {".mp3": "audio/mpeg", ".wav": "audio/wav"}
#: Letters of a language tag and of a key: no dot, no slash, so that no name leads out of the folder.
_LANGUAGE: Final = re.compile(r"[A-Za-z][A-Za-z-]{0,19}", re.ASCII)
_KEY: Final = re.compile(r"[a-z][a-z0-9_-]{0,59}", re.ASCII)


class Recordings:
    """The recordings of one folder; none where there is no folder."""

    def __init__(self, folder: Path | None, site_url: str) -> None:
        self._folder, self._site = folder, site_url

    def file(self, language: str, name: str) -> Path | None:
        """The file `<key>.<ending>` of a language; None for whatever is no recording, or lies elsewhere (a link)."""
        path = Path(name)
        if self._folder is None or path.suffix not in TYPES:
            return None
        if not _LANGUAGE.fullmatch(language) or not _KEY.fullmatch(name.removesuffix(path.suffix)):
            return None
        try:
            folder = self._folder.resolve()
            found = (folder / language / name).resolve()
            return found if found.is_file() and found.is_relative_to(folder) else None
        except OSError:
            return None

    def named(self, language: str, key: str) -> Path | None:
        """The recording of a key in a language, the preferred format first."""
        return next((found for end in TYPES if (found := self.file(language, key + end)) is not None), None)

    def url(self, language: str, key: str) -> str:
        """Where the provider fetches it; "" for none. A new recording has a new address: the old one may be kept."""
        found = self.named(language, key)
        if found is None:
            return ""
        return f"{self._site}/voice/{language}/{key}{found.suffix}?v={int(found.stat().st_mtime)}"
