"""What still holds for people who come after an alert has been to everybody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from alerts.decision import Order, Tell
from alerts.newcomer import Said, holding, text_ends_at
from core.model import Purpose, Severity
from tests.alerts_kit import NOON

INCIDENT = uuid4()
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOW = NOON + 20 * MINUTE


def order(minutes: float = 0, rank: int = 0, serial: int = 1) -> Order:
    """A report of so many minutes after noon."""
    at = NOON + minutes * MINUTE
    return (at, at, rank, serial)


def said(minutes: float = 0, **more: Any) -> Said:
    """A heavy rain alert of JMA that has been to everybody."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "incident_id": INCIDENT,
        "purpose": Purpose.LIVE,
        "hazard": "heavy_rain",
        "source": "jma",
        "thread": "VPWW55",
        "order": order(minutes),
        "tell": Tell.MATCHED,
        "state": "done",
        "severity": Severity.SEVERE,
        "expires_at": NOON + minutes * MINUTE + 2 * HOUR,
    }
    return Said(**{**values, **more})


def quake(minutes: float = 0, **more: Any) -> Said:
    return said(minutes, **{"hazard": "earthquake", "thread": "VXSE53:1", **more})


def ids(found: list[Said]) -> list[UUID]:
    return [one.id for one in found]


ISSUE = said()
RELAYED = quake(source="p2pquake", thread="p2p:1")


@pytest.mark.parametrize(
    ("alerts", "hold"),
    [
        pytest.param([ISSUE], [0], id="the only one"),
        pytest.param([ISSUE, said(5)], [1], id="a newer report of its thread says everything"),
        pytest.param([said(5), ISSUE], [0], id="in whatever order they are read"),
        pytest.param([ISSUE, said(5, tell=Tell.TOLD)], [], id="lifted or cancelled"),
        pytest.param([ISSUE, said(5, tell=Tell.TOLD_INSIDE), said(5)], [2], id="lifted in a part of it"),
        pytest.param([ISSUE, said(5, tell=Tell.LOWERED), said(5)], [2], id="lowered"),
        pytest.param([ISSUE, said(0, order=order(0, rank=1), tell=Tell.TOLD)], [], id="corrected to nothing"),
        pytest.param([ISSUE, said()], [0, 1], id="a second report of the very same moment only adds"),
        pytest.param([ISSUE, said(5, thread="river 2")], [0, 1], id="another river's warning holds beside it"),
        pytest.param([ISSUE, said(5, incident_id=uuid4(), tell=Tell.TOLD)], [0], id="lifted in another incident"),
        *[pytest.param([said(state=state)], [], id=state) for state in ("held", "stopped", "fanning")],
        *[
            pytest.param([ISSUE, said(5, state=state)], [], id=f"a newer one is {state}: nobody goes back to the old")
            for state in ("held", "stopped")
        ],
        pytest.param([said(valid_until=NOW + MINUTE)], [0], id="valid for a minute"),
        pytest.param([said(valid_until=NOW)], [], id="no longer valid"),
        pytest.param([said(-300)], [0], id="a warning of five hours ago that nobody has lifted"),
        pytest.param([quake()], [0], id="a quake of 20 minutes ago"),
        pytest.param([quake(expires_at=NOW)], [], id="a quake that is history"),
        pytest.param([said(source="manual", expires_at=NOW)], [], id="sent by hand without an end"),
        pytest.param([said(source="manual", expires_at=NOW, valid_until=NOW + HOUR)], [0], id="by hand with an end"),
        pytest.param([quake(thread="VXSE51:1", detailed=True)], [], id="a flash report that was followed"),
        pytest.param([RELAYED], [0], id="a relay's alone"),
        pytest.param([RELAYED, quake(1)], [1], id="JMA's own is here"),
        pytest.param([RELAYED, quake(-10)], [0, 1], id="JMA spoke of an earlier quake"),
        pytest.param(
            [
                said(hazard="tsunami", thread="VTSE41:1"),
                said(5, hazard="tsunami", thread="VTSE41:2", severity=Severity.EXTREME),
            ],
            [1],
            id="a tsunami report is of the whole country",
        ),
        pytest.param([said(purpose=Purpose.CANARY)], [], id="a canary is for no newcomer"),
    ],
)
def test_what_holds(alerts: list[Said], hold: list[int]) -> None:
    assert sorted(ids(holding(alerts, NOW))) == sorted(alerts[i].id for i in hold)


def test_live_before_drill_worst_first_then_newest() -> None:
    drill = quake(purpose=Purpose.DRILL, severity=Severity.EXTREME)
    main = quake(severity=Severity.EXTREME)
    aftershock, earlier = quake(9, thread="VXSE53:2"), quake(3, thread="VXSE53:3")
    assert ids(holding([drill, earlier, aftershock, main], NOW)) == ids([main, aftershock, earlier, drill])


@pytest.mark.parametrize(
    ("one", "ends"),
    [
        (said(-300), NOW + HOUR),
        (said(valid_until=NOW + MINUTE), NOW + MINUTE),
        (quake(expires_at=NOW + MINUTE), NOW + MINUTE),
        (quake(expires_at=NOW + 3 * HOUR), NOW + HOUR),
    ],
)
def test_a_text_never_outlives_what_it_says(one: Said, ends: object) -> None:
    assert text_ends_at(one, HOUR, NOW) == ends
