"""The operator's first run: which steps there are, which are done, and what comes next. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from registry.signin_store import ensure_first_operator

__all__ = ["STEPS", "Facts", "Step", "ensure_first_operator", "steps"]

#: In the order in which the page leads through them.
STEPS: Final = ("account", "region", "organisation", "invitation", "import", "providers", "feeds", "coordinators")


class Facts(NamedTuple):
    """What the database and the process say about this installation."""

    has_password: bool
    prefectures: tuple[str, ...]
    organisations: int  # without the operator's own
    invitations: int  # sent and still open, or accepted
    staff: int  # of those organisations
    residents: int
    tested_channels: tuple[str, ...]  # test messages that a provider accepted
    feeds_heard: int
    feeds: int
    coordinators: int


class Step(NamedTuple):
    """One step: done or not, and whether it is the one to do now."""

    name: str
    done: bool
    now: bool

    @property
    def state(self) -> str:
        return "done" if self.done else "now" if self.now else "later"


def steps(facts: Facts) -> tuple[Step, ...]:
    """Every step with its state; the first that is not done is the one to do now."""
    done = {
        "account": facts.has_password,
        "region": bool(facts.prefectures),
        "organisation": facts.organisations > 0,
        "invitation": facts.invitations > 0 or facts.staff > 0,
        "import": facts.residents > 0,
        "providers": bool(facts.tested_channels),
        "feeds": facts.feeds_heard > 0,
        "coordinators": facts.coordinators > 0,
    }
    first = next((name for name in STEPS if not done[name]), None)
    return tuple(Step(name, done[name], name == first) for name in STEPS)
