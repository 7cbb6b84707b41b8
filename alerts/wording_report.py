"""How far the texts of each language have been checked: `python -m alerts.wording_report [--json]` for the files.

`main.py wording report` adds what people did on the pages since. Pure but for the command line.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any, Final

from alerts.compose import ALERT_PREFIXES
from core.i18n import Catalogs
from core.po import ReviewState

#: Texts of staff pages: written in Japanese and English by the makers, not reviewed here.
STAFF: Final = "staff."


@dataclass(frozen=True, slots=True)
class LanguageReport:
    """One language: how many of its texts are in which state, those of alerts and all that residents read."""

    language: str
    name: str
    alerts: Mapping[ReviewState, int]
    everything: Mapping[ReviewState, int]
    proposals: int

    @property
    def alone(self) -> bool:
        """Whether alerts in this language go out without Japanese and English beside them."""
        return not (self.alerts[ReviewState.DRAFT] or self.alerts[ReviewState.REVIEWED])

    @property
    def alerts_to_do(self) -> int:
        """Texts of alerts that nobody has approved yet."""
        return self.alerts[ReviewState.DRAFT] + self.alerts[ReviewState.REVIEWED]


def keys_for_residents(catalogs: Catalogs, lang: str) -> list[str]:
    """The keys that are reviewed: first those that alerts are made of, then the pages'."""
    keys = [key for key in catalogs.keys("en") & catalogs.keys(lang) if not key.startswith(STAFF)]
    return sorted(keys, key=lambda key: (not key.startswith(ALERT_PREFIXES), key))


def report(catalogs: Catalogs, proposals: Mapping[str, Set[str]] | None = None) -> list[LanguageReport]:
    """Every language in the order of the pick list. `proposals`: by language, keys with another text proposed."""
    made = []
    for lang in catalogs.languages:
        own = catalogs.entries(lang)
        keys = keys_for_residents(catalogs, lang)
        states = {key: own[key].state for key in keys}
        alerts = Counter(state for key, state in states.items() if key.startswith(ALERT_PREFIXES))
        waiting = (proposals or {}).get(lang, set()) & states.keys()
        everything = Counter(states.values())
        made.append(LanguageReport(lang, catalogs.native_name(lang), _all(alerts), _all(everything), len(waiting)))
    return made


def _all(counted: Counter[ReviewState]) -> dict[ReviewState, int]:
    return {state: counted[state] for state in ReviewState}


def as_json(lines: list[LanguageReport]) -> list[dict[str, Any]]:
    """The report as data: counts by state, and whether alerts may go out alone."""
    return [
        {
            "language": line.language,
            "name": line.name,
            "alerts": {state.value: n for state, n in line.alerts.items()},
            "all": {state.value: n for state, n in line.everything.items()},
            "proposals": line.proposals,
            "alerts_alone": line.alone,
        }
        for line in lines
    ]


def as_table(lines: list[LanguageReport]) -> str:
    """The report as a Markdown table: texts of alerts, then all."""
    states = " | ".join(state.value for state in ReviewState)
    rows = [f"| language | {states} | all: {states} | proposals | alerts alone |", "| --- |" + " --- |" * 10]
    for line in lines:
        counts = [str(n) for n in (*line.alerts.values(), *line.everything.values(), line.proposals)]
        rows.append(f"| {line.language} | {' | '.join(counts)} | {'yes' if line.alone else 'no'} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    """The command line: the files alone."""
    reader = argparse.ArgumentParser(prog="alerts.wording_report", description=__doc__)
    reader.add_argument("--json", action="store_true", help="as JSON")
    lines = report(Catalogs.load())
    if reader.parse_args().json:
        print(json.dumps(as_json(lines), ensure_ascii=False, indent=1))
    else:
        print(as_table(lines), end="")


if __name__ == "__main__":
    main()
