"""The rules in force: the files of `rules/`, and above them what two people have changed since. No database here.

Every process has one book. Before each decision the edits that are newer than the book are read into it
(rule_store.refresh), so that a change holds everywhere at once and nothing is restarted. A version is the fingerprint
of a rule's text: what a decision went by can be found again in `rule_edit` or in the history of the file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alerts.rules import RULES, Rule, RuleError, parse_rule

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Edit:
    """One approved change. `toml` None: the file's own text is in force again."""

    id: int
    hazard: str
    toml: str | None


class RuleBook(Mapping[str, Rule]):
    """Rule by hazard, as now in force. Raises RuleError where a file cannot be used."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """`files`: hazard -> text of its file."""
        if not files:
            raise RuleError("no rule file; without rules nobody would be told")
        self._file_texts = dict(files)
        self._files = {hazard: parse_rule(text, hazard) for hazard, text in files.items()}
        self._texts = dict(files)
        self._rules = dict(self._files)
        self._versions = {(rule.hazard, rule.version): rule for rule in self._files.values()}
        #: The newest edit that has been taken in.
        self.newest = 0
        #: Hazard -> why its newest edit cannot be used by this version of the program.
        self.unusable: dict[str, str] = {}

    @staticmethod
    def load(folder: Path = RULES) -> RuleBook:
        """The book of the files alone."""
        return RuleBook({path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.toml"))})

    def __getitem__(self, hazard: str) -> Rule:
        return self._rules[hazard]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def text(self, hazard: str) -> str:
        """The TOML that is in force. Raises KeyError for a hazard without a rule."""
        return self._texts[hazard]

    def file_text(self, hazard: str) -> str:
        """The TOML of the file. Raises KeyError for a hazard without a rule."""
        return self._file_texts[hazard]

    @property
    def texts(self) -> Mapping[str, str]:
        """Hazard -> the TOML that is in force."""
        return self._texts

    @property
    def differing(self) -> list[str]:
        """The hazards whose rule is not that of their file."""
        return [hazard for hazard in self if self._rules[hazard].version != self._files[hazard].version]

    def take_in(self, edits: Sequence[Edit]) -> None:
        """Let approved changes hold, oldest first.

        A text that this version of the program cannot read (made by an older one) changes nothing and is logged: the
        rule that held before is better than none.
        """
        for edit in edits:
            self.newest = max(self.newest, edit.id)
            if edit.hazard not in self._files:
                log.error("rule edit %d is of %s, which has no rule file here: left out", edit.id, edit.hazard)
                continue
            text = self._file_texts[edit.hazard] if edit.toml is None else edit.toml
            try:
                rule = parse_rule(text, edit.hazard)
            except RuleError as error:
                log.error("rule edit %d cannot be used, the rule from before it holds: %s", edit.id, error)
                self.unusable[edit.hazard] = str(error)
                continue
            self.unusable.pop(edit.hazard, None)
            self._texts[edit.hazard] = text
            self._rules[edit.hazard] = rule
            self._versions[edit.hazard, rule.version] = rule

    def at(self, hazard: str, version: str) -> Rule:
        """The rule of a hazard as of a version; the one in force where that version is not known any more."""
        return self._versions.get((hazard, version)) or self._rules[hazard]


def rule_at(rules: Mapping[str, Rule], hazard: str, version: str) -> Rule:
    """The rule that a decision went by. Raises KeyError for a hazard without a rule."""
    return rules.at(hazard, version) if isinstance(rules, RuleBook) else rules[hazard]
