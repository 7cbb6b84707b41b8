"""How this installation decides, as an auditor wants to see it: rules in force, wording, retention, two-person acts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alerts.compose import ALERT_PREFIXES
from alerts.rules import RULES
from core.i18n import Catalogs
from core.po import ReviewState
from ops import retention
from registry.approvals import ROLES as APPROVALS


@dataclass(frozen=True, slots=True)
class Wording:
    """How many of the texts an alert is made of are how far checked, in one language."""

    language: str
    states: dict[str, int]

    @property
    def alone(self) -> bool:
        """Whether every one of them may go out without Japanese and English beside it."""
        return sum(n for state, n in self.states.items() if not ReviewState(state).may_go_alone) == 0


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of data and how many days it is kept; `words`: the key of what it is and after which moment."""

    name: str
    words: str
    what: str
    days: int
    action: str


@dataclass(frozen=True, slots=True)
class Process:
    """Everything above. `rules`: hazard -> SHA-256 of its text in force. `two_people`: act -> roles that may decide."""

    rules: dict[str, str]
    wording: tuple[Wording, ...]
    kept: tuple[Kept, ...]
    two_people: dict[str, tuple[str, ...]]

    def as_json(self) -> dict[str, Any]:
        """For a report."""
        return {
            "rules": self.rules,
            "wording": {w.language: w.states | {"may_go_alone": w.alone} for w in self.wording},
            "retention": {k.name: {"what": k.what, "days": k.days, "then": k.action} for k in self.kept},
            "two_people": {kind: list(roles) for kind, roles in self.two_people.items()},
        }


def process_of(catalogs: Catalogs, rules: Mapping[str, str] | None = None) -> Process:
    """The process as this running program follows it. `rules`: hazard -> text in force; None: the files' own."""
    if rules is None:
        rules = {path.stem: path.read_text(encoding="utf-8") for path in RULES.glob("*.toml")}
    return Process(
        rules={hazard: hashlib.sha256(rules[hazard].encode()).hexdigest() for hazard in sorted(rules)},
        wording=tuple(_wording(catalogs, language) for language in catalogs.languages),
        kept=tuple(
            Kept(rule.name, keep_words(rule.name), f"{rule.what} (after: {rule.after})", rule.keep.days, rule.action)
            for rule in retention.RULES
        ),
        two_people={kind.value: tuple(sorted(role.value for role in roles)) for kind, roles in APPROVALS.items()},
    )


def keep_words(name: str) -> str:
    """The key of the words for one retention rule."""
    return f"staff.audit.keep.{name}"


def _wording(catalogs: Catalogs, language: str) -> Wording:
    keys = [key for key in catalogs.keys("en") if key.startswith(ALERT_PREFIXES)]
    counted = Counter(catalogs.state(language, key).value for key in keys)
    return Wording(language, {state.value: counted.get(state.value, 0) for state in ReviewState})
