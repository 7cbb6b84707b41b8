"""Sample alerts in every language with what they cost: for people who review wording, and for docs/languages.md.

`python -m alerts.samples` prints the table as Markdown; `--texts` prints the texts themselves.
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Final

from alerts.compose import LINK, NOMINAL_LINK_LENGTH, compose
from alerts.sms_text import breaks_on_au, segments
from alerts.wording import PlaceText, TextContext
from core.clock import JST
from core.i18n import Catalogs
from core.model import Answer, Moment, PlaceKind, Purpose, Severity, Tier

_AT: Final = datetime(2026, 11, 22, 14, 30, tzinfo=JST)
_NAMES: Final = {
    "4344300": ("益城町", "Mashiki"),
    "4310200": ("熊本市東区", "Kumamoto Higashi-ku"),
    "4320200": ("八代市", "Yatsushiro"),
}
_QUAKE: Final = (Answer.OK, Answer.HELP)
_EVACUATION: Final = (
    Answer.SAFE_PLACE,
    Answer.LEAVING,
    Answer.CANNOT_LEAVE,
    Answer.ON_DUTY,
    Answer.NOT_THERE,
)


def _place(code: str, level: str | int, kind: PlaceKind = PlaceKind.HOME, maximum: str | None = None) -> PlaceText:
    return PlaceText(kind, "jma.city", code, level, maximum)


def _warned(code: str, tier: Tier) -> PlaceText:
    return PlaceText(PlaceKind.HOME, "jma.city", code, tier=tier)


#: What a reviewer should see: each hazard, and each moment once.
SAMPLES: Final = {
    "earthquake 6-lower": TextContext(
        "earthquake", Severity.EXTREME, Moment.ISSUE, (_place("4344300", "6-"),), _AT, asks=_QUAKE
    ),
    "earthquake, home and work": TextContext(
        "earthquake",
        Severity.EXTREME,
        Moment.ISSUE,
        (_place("4344300", "6+"), _place("4310200", "5+", PlaceKind.WORK)),
        _AT,
        asks=_QUAKE,
    ),
    "earthquake, no figure yet": TextContext(
        "earthquake", Severity.EXTREME, Moment.ISSUE, (_place("4344300", "5-", maximum="6+"),), _AT, asks=_QUAKE
    ),
    "earthquake 5-lower": TextContext("earthquake", Severity.MODERATE, Moment.ISSUE, (_place("4344300", "5-"),), _AT),
    "major tsunami warning": TextContext(
        "tsunami", Severity.EXTREME, Moment.ISSUE, (_place("4320200", "major_warning"),), _AT, asks=_EVACUATION
    ),
    "heavy rain level 4": TextContext(
        "heavy_rain", Severity.SEVERE, Moment.ISSUE, (_place("4310200", 4),), _AT, asks=_EVACUATION
    ),
    "landslide level 5": TextContext(
        "landslide", Severity.EXTREME, Moment.UPDATE, (_place("4344300", 5),), _AT, asks=_EVACUATION
    ),
    "storm surge level 4": TextContext(
        "storm_surge", Severity.SEVERE, Moment.ISSUE, (_place("4320200", 4),), _AT, asks=_EVACUATION
    ),
    "river flood level 3": TextContext("river_flood", Severity.MODERATE, Moment.ISSUE, (_place("4320200", 3),), _AT),
    "volcanic alert level 5": TextContext(
        "volcano", Severity.EXTREME, Moment.ISSUE, (_place("4344300", 5),), _AT, asks=_EVACUATION
    ),
    "eruption notice": TextContext(
        "volcano", Severity.MODERATE, Moment.ISSUE, (_warned("4344300", Tier.WARNING),), _AT
    ),
    "storm emergency warning": TextContext(
        "storm_wind", Severity.EXTREME, Moment.ISSUE, (_warned("4344300", Tier.SPECIAL),), _AT, asks=_QUAKE
    ),
    "tornado advisory": TextContext("tornado", Severity.INFO, Moment.ISSUE, (_warned("4344300", Tier.ADVISORY),), _AT),
    "flood, said by a town office": TextContext(
        "river_flood",
        Severity.SEVERE,
        Moment.ISSUE,
        (_place("4320200", "severe"),),
        _AT,
        asks=_EVACUATION,
        source="manual.town_office",
    ),
    "reminder": TextContext(
        "earthquake", Severity.EXTREME, Moment.REMINDER, (_place("4344300", "6-"),), _AT, asks=_QUAKE
    ),
    "correction": TextContext(
        "earthquake",
        Severity.EXTREME,
        Moment.CORRECT,
        (_place("4344300", "6-"),),
        _AT,
        asks=_QUAKE,
        earlier_at=_AT,
    ),
    "cancellation": TextContext(
        "earthquake", Severity.EXTREME, Moment.CANCEL, (_place("4344300", "6-"),), _AT, earlier_at=_AT
    ),
    "lift": TextContext("tsunami", Severity.EXTREME, Moment.LIFT, (_place("4320200", "none"),), _AT, earlier_at=_AT),
    "drill": TextContext(
        "earthquake",
        Severity.EXTREME,
        Moment.ISSUE,
        (_place("4344300", "6-"),),
        _AT,
        purpose=Purpose.DRILL,
        asks=_QUAKE,
    ),
}


def sample_names(scheme: str, code: str, lang: str) -> str:
    """Names of the places in SAMPLES, as the area tables have them."""
    japanese, latin = _NAMES[code]
    return japanese if lang.startswith(("ja", "zh")) else latin


def sample_table(catalogs: Catalogs) -> list[dict[str, str | int | bool]]:
    """One row per sample and language: sample, language, encoding, units, parts, au (garbled there), body.

    Units and parts are those of the SMS with a link of NOMINAL_LINK_LENGTH characters.
    """
    rows: list[dict[str, str | int | bool]] = []
    for name, context in SAMPLES.items():
        for lang in catalogs.languages:
            body = compose(context, lang, "sms", catalogs, sample_names).body
            final = body.replace(LINK, "x" * NOMINAL_LINK_LENGTH)
            counted = segments(final)
            rows.append(
                {
                    "sample": name,
                    "language": lang,
                    "encoding": counted.encoding,
                    "units": counted.units,
                    "parts": counted.parts,
                    "au": breaks_on_au(final),
                    "body": body,
                }
            )
    return rows


def markdown(catalogs: Catalogs) -> str:
    """The table of parts and units, a row per sample and a column per language."""
    languages = catalogs.languages
    lines = [f"| sample | {' | '.join(languages)} |", f"| --- |{' --- |' * len(languages)}"]
    rows = sample_table(catalogs)
    for name in SAMPLES:
        cells = [f"{row['parts']} ({row['units']})" for row in rows if row["sample"] == name]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """The command line."""
    catalogs = Catalogs.load()
    if "--texts" in sys.argv[1:]:
        for row in sample_table(catalogs):
            print(f"[{row['sample']} | {row['language']} | {row['parts']} x {row['encoding']}]\n{row['body']}\n")
    else:
        print(markdown(catalogs), end="")


if __name__ == "__main__":
    main()
